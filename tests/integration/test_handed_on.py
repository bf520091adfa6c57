"""Files that `run`, `up` and `deploy` leave for others hold no key, and no seed where the chain goes on."""

import gzip
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_bandit.chain.anvil import anvil
from chain_bandit.crypto.keys import derive
from chain_bandit.game.plan import Plan
from chain_bandit.nodes.up import up
from chain_bandit.scenario import Scenario, load
from tests.integration.nodes import SMALL, chain_bandit

SEED = int.from_bytes(b"a seed that is found in no other", "big")
SHORT = ("--rounds", "10", "-o", "burn_in=6", "-o", "expect={}", "--seed", str(SEED))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with anvil() as node:
        yield node.url


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load(SMALL, {"rounds": 10, "burn_in": 6, "expect": {}, "seed": SEED, "bound_ms": 5000})


def keys(scenario: Scenario) -> dict[str, bytes]:
    """Every secret that follows from the seed, but for two that the environment opens on the chain."""
    plan, seed = Plan(scenario), scenario.seed
    found = {"environment": derive(seed, "environment"), "relayer": plan.relayer.source}
    for seat, signer in enumerate(plan.participants):
        found |= {
            f"key of seat {seat}": signer.source, f"signing key of seat {seat}": signer.secret,
            f"vrf of seat {seat}": derive(seed, "vrf", seat), f"seal of seat {seat}": plan.seal_keys[seat],
            f"chance of seat {seat}": derive(seed, "chance/attack", seat),
        }  # fmt: skip
    return found


def readable(folder: Path) -> Iterator[Path]:
    """Files that others than their owner may read, in folders that others may enter."""
    for place, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if (Path(place) / each).stat().st_mode & 0o077]
        for path in (Path(place) / name for name in names):
            if stat.S_ISREG(path.stat().st_mode) and path.stat().st_mode & 0o077:
                yield path


def contents(path: Path) -> bytes:
    """What is in a file, unpacked."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    return path.read_bytes()


def leaks(folder: Path, secrets: dict[str, bytes]) -> list[str]:
    """Which secret is where, in any of the forms in which a number or bytes are written."""
    found, files = list[str](), {path.relative_to(folder): contents(path) for path in readable(folder)}
    assert files
    for what, secret in secrets.items():
        decimal = str(int.from_bytes(secret, "big"))
        forms = (secret, secret.hex().encode(), secret.hex().upper().encode(), decimal.encode())
        for path, data in files.items():
            found += [f"{what} in {path}" for form in forms if form in data]
            found += [f"{what} in the name of {path}"] if decimal in str(path) else []
    return found


def test_a_simulation_hands_on_its_seed_and_says_so_but_no_key(scenario: Scenario, tmp_path: Path) -> None:
    assert chain_bandit("run", SMALL, *SHORT, "--out", tmp_path / "run").returncode == 0
    assert leaks(tmp_path, keys(scenario)) == []
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["seed"] == SEED
    assert "every key follows from it" in (tmp_path / "run" / "report.html").read_text()
    assert not (tmp_path / "run" / "seed").exists()
    assert leaks(tmp_path, {"seed": SEED.to_bytes(32, "big")}) != []  # what is looked for is found


def test_a_run_at_a_url_keeps_its_seed_in_a_file_of_its_owner(scenario: Scenario, url: str, tmp_path: Path) -> None:
    said = chain_bandit("run", SMALL, *SHORT, "--chain", url, "--account", "dev1", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert leaks(tmp_path, keys(scenario) | {"seed": SEED.to_bytes(32, "big")}) == []
    (out,) = (tmp_path / "runs").iterdir()
    assert stat.S_IMODE((out / "seed").stat().st_mode) == 0o600
    assert json.loads((out / "manifest.json").read_text())["seed"] is None
    again = chain_bandit(
        "run", out / "scenario.lock.toml", "--seed", (out / "seed").read_text().strip(), "--out", tmp_path / "again"
    )
    assert again.returncode == 0, again.stderr
    first, second = (json.loads((each / "manifest.json").read_text()) for each in (out, tmp_path / "again"))
    assert first["run_digest"] == second["run_digest"]


def test_a_deployment_file_holds_no_secret(scenario: Scenario, url: str, tmp_path: Path) -> None:
    arguments = ("deploy", SMALL, *SHORT, "--chain", url, "--account", "dev2")
    for _ in range(2):  # used again it is held against the chain
        said = chain_bandit(*arguments, cwd=tmp_path)
        assert said.returncode == 0, said.stderr
    assert leaks(tmp_path, keys(scenario) | {"seed": SEED.to_bytes(32, "big")}) == []
    kept, made = sorted((tmp_path / "deployments").iterdir(), key=lambda path: path.suffix, reverse=True)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert int(kept.read_text()) == SEED
    assert "seed" not in json.loads(made.read_text())["scenario"]


def test_a_folder_of_nodes_holds_no_secret_for_others_and_is_a_run_folder(
    scenario: Scenario, url: str, tmp_path: Path
) -> None:
    out = tmp_path / "game"
    manifest, _ = up(scenario, out, url, "dev3")
    assert leaks(tmp_path, keys(scenario) | {"seed": SEED.to_bytes(32, "big")}) == []
    assert manifest["seed"] is None
    for verb in ("show", "audit"):
        said = chain_bandit(verb, out)
        assert said.returncode == 0, said.stdout + said.stderr
    refused = chain_bandit("run", SMALL, *SHORT, "--out", out)
    assert (refused.returncode, "nothing is written over it" in refused.stderr) == (2, True)
    assert json.loads(chain_bandit("ps", out, "--json").stdout)[0]["state"] == "ended"
