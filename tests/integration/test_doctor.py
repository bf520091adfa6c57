"""`doctor` and `explain`: what is there, what is not, what to do."""

import json
from pathlib import Path

from chain_bandit.chain.anvil import anvil
from chain_bandit.exit_codes import EXIT_CODES
from chain_bandit.protocol.errors import ChainBanditError
from tests.integration.nodes import chain_bandit, elsewhere


def findings(**environment: str) -> dict[str, dict[str, object]]:
    result = chain_bandit("doctor", "--json", **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    said = json.loads(result.stdout)
    assert said["ok"] is True
    return {finding["name"].split(",")[0]: finding for finding in said["findings"]}


def test_doctor_finds_everything_here() -> None:
    found = findings()
    assert {"Python", "web3", "eth-tester", "Node.js", "anvil", "hardhat", "solc", "cast", "jq"} <= found.keys()
    assert [name for name, finding in found.items() if not finding["present"]] == []


def test_doctor_says_how_to_get_what_the_embedded_chain_does_not_need(tmp_path: Path) -> None:
    result = chain_bandit("doctor", cwd=tmp_path, PATH=str(tmp_path), PYTHONPATH=elsewhere(tmp_path))
    assert result.returncode == 0, result.stderr
    absent = [line for line in result.stdout.splitlines() if line.startswith("absent")]
    assert len(absent) == 5
    assert ["npm install" in line for line in absent].count(True) == 4
    assert "install jq" in absent[-1]


def test_what_a_clone_has_is_found_from_anywhere_by_its_environment(tmp_path: Path) -> None:
    """A clone's environment is a folder of it, beside `node_modules`."""
    result = chain_bandit("doctor", cwd=tmp_path, PATH=str(tmp_path))
    assert result.returncode == 0, result.stderr
    (absent,) = [line for line in result.stdout.splitlines() if line.startswith("absent")]
    assert "install jq" in absent


def test_doctor_tries_the_url() -> None:
    assert findings(ETH_RPC_URL="http://127.0.0.1:9")["node at ETH_RPC_URL"]["present"] is False
    with anvil() as node:
        assert findings(ETH_RPC_URL=node.url)["node at ETH_RPC_URL"]["detail"] == f"chain id {node.chain_id}"


def test_doctor_exits_4_when_a_required_package_is_missing(tmp_path: Path) -> None:
    """A package's record that asks for what nobody has, found before the real one."""
    record = tmp_path / "chain_bandit-0.1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: chain-bandit\nVersion: 0.1.0\n"
        "Requires-Dist: no-such-package==1.0\nRequires-Dist: web3[tester]==7.0.0\nRequires-Dist: x; extra == 'dev'\n"
    )
    verb = "[chain_bandit.verbs]\ndoctor = chain_bandit.cli.doctor:doctor\n"
    (record / "entry_points.txt").write_text(verb)
    result = chain_bandit("doctor", "--json", PYTHONPATH=str(tmp_path))
    assert result.returncode == 4, result.stdout
    said = json.loads(result.stdout)
    missing = {finding["name"]: finding["remedy"] for finding in said["findings"] if not finding["present"]}
    assert missing == {
        "no-such-package": "run pip install 'no-such-package==1.0'",
        "web3": "run pip install 'web3[tester]==7.0.0'",
    }
    assert result.stderr.count("\n") == 1


def test_every_exit_code_says_what_to_do(tmp_path: Path) -> None:
    for meaning, remedy in EXIT_CODES.values():
        assert meaning
        assert remedy.endswith(".")
    said = json.loads(chain_bandit("explain", 6, "--json").stdout)
    assert said == {"code": 6, "meaning": EXIT_CODES[6][0], "what_to_do": EXIT_CODES[6][1]}


def test_every_error_of_ours_exits_with_a_known_code() -> None:
    pending, seen = [ChainBanditError], set()
    while pending:
        kind = pending.pop()
        seen.add(kind.exit_code)
        pending += kind.__subclasses__()
    assert seen <= EXIT_CODES.keys()
