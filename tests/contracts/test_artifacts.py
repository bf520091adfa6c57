"""The shipped contract is what `contracts/` compiles to by the build script; by Hardhat: `test_hardhat_project.py`."""

import json
import shutil
from pathlib import Path

import pytest

from chain_bandit.chain.artifacts import masked
from scripts import build_artifacts
from tests.contracts.harness import ARTIFACT, ERRORS

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "chain_bandit" / "chain" / "artifacts" / "ChainBandit.json"


@pytest.mark.deep  # a minute; Hardhat compiles the same sources in every run
def test_shipped_artifact_is_what_the_sources_compile_to_and_a_planted_difference_is_seen(tmp_path, capsys):
    assert build_artifacts.main(["--check"]) == 0
    artifact = json.loads(SHIPPED.read_text())
    artifact["bytecode"] = artifact["bytecode"][:-2] + ("00" if artifact["bytecode"][-2:] != "00" else "01")
    planted = tmp_path / "ChainBandit.json"
    planted.write_text(json.dumps(artifact, sort_keys=True, separators=(",", ":")) + "\n")
    shutil.copy(SHIPPED.with_name("Tokens.json"), tmp_path)
    assert build_artifacts.main(["--check", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("ChainBandit.json is not what contracts/ compiles to")


@pytest.mark.parametrize("code", [ARTIFACT.deployed, ARTIFACT.bookkeeper], ids=["contract", "bookkeeper"])
def test_code_is_recognised_whatever_its_immutable_values(code):
    filled = bytearray(code.code)
    for start, length in code.immutables:
        filled[start : start + length] = b"\xab" * length
    assert bytes(filled) != code.code
    assert code.is_same(bytes(filled))
    assert not code.is_same(bytes(filled) + b"\0")
    assert not code.is_same(b"")
    first_fixed = next(at for at in range(len(filled)) if masked(filled, [(at, 1)]) == filled or filled[at] != 0xAB)
    filled[first_fixed] ^= 1
    assert not code.is_same(bytes(filled))


def test_lock_file_names_no_registry():
    text = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in text
    for scheme in ("http://registry", "https://registry", "npmjs"):
        assert scheme not in text


def test_every_custom_error_is_provoked_by_a_test():
    tests = "".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))
    missing = [name for name in ERRORS if f'"{name}"' not in tests]
    # The bookkeeper is always there, and says why it refuses: spelt so that this line is no provocation.
    from_openzeppelin = {"Address" + "EmptyCode", "Failed" + "Call"}
    assert (set(missing), len(ERRORS)) == (from_openzeppelin, 89)


@pytest.mark.parametrize("path", sorted((ROOT / "contracts").rglob("*.sol")), ids=lambda path: path.name)
def test_no_contract_file_outgrows_a_reader(path):
    assert len(path.read_text().splitlines()) < 250
