"""The shipped contract is what `contracts/` compiles to by the build script; by Hardhat: `test_hardhat_project.py`."""

import json
import shutil
from pathlib import Path

import pytest
import rlp
from eth_account import Account
from pyrevm import EVM

from chain_bandit.chain.create2 import PROXY, PROXY_CODE, SIGNER, TRANSACTION
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.rlp import created_address
from scripts import build_artifacts
from tests.contracts.harness import ARTIFACT, ERRORS, TOKENS

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


@pytest.mark.parametrize("name", [
    "Game", *(pytest.param(name, marks=pytest.mark.deep) for name in ("Tokens", "Bookkeeper", "ChainBandit"))
])  # fmt: skip
def test_the_input_for_verifiers_gives_the_shipped_code_and_its_metadata(name):
    """A comment changes the metadata, and no byte of the code: what Sourcify calls a match, and not an exact one."""
    asked = build_artifacts.verification(name)
    ((compiled,),) = (each.values() for each in build_artifacts.compile_named(asked)["contracts"].values())
    shipped = {module.name: module.creation for module in ARTIFACT.modules}
    shipped |= {"Game": ARTIFACT.bytecode, "Tokens": TOKENS.bytecode}
    code = bytes.fromhex(compiled["evm"]["bytecode"]["object"])
    arguments = 32 if name in ("Game", "ChainBandit") else 0  # the address of the module before
    assert shipped[name][: len(shipped[name]) - arguments] == code
    metadata = json.loads(compiled["metadata"])
    assert metadata["sources"].keys() == asked["sources"].keys()
    for source, said in metadata["sources"].items():
        assert said["keccak256"] == "0x" + keccak(asked["sources"][source]["content"].encode()).hex()
    assert metadata["settings"]["metadata"] == {"appendCBOR": False, "bytecodeHash": "none"}
    artifact = json.loads(SHIPPED.read_text())
    assert metadata["compiler"]["version"] == artifact["compiler"]


def test_code_of_a_game_is_recognised_whatever_its_terms():
    code = ARTIFACT.deployed
    filled = bytearray(code.code)
    for start, length in code.immutables:
        filled[start : start + length] = b"\xab" * length
    assert bytes(filled) != code.code
    assert code.is_same(bytes(filled))
    assert not code.is_same(bytes(filled) + b"\0")
    assert not code.is_same(b"")
    for fixed in range(code.immutables[0][0]):
        filled[fixed] ^= 1
        assert not code.is_same(bytes(filled))
        filled[fixed] ^= 1


def test_addresses_of_modules_follow_from_their_creation_code():
    """EIP-1014, computed here: keccak(0xff, proxy, salt, keccak(creation)); the next module's creation ends with it."""
    before = b""
    for module in ARTIFACT.modules:
        assert module.creation.endswith(before)
        where = keccak(b"\xff" + PROXY + bytes(32) + keccak(module.creation))[12:]
        assert module.address == where
        before = where
    assert ARTIFACT.bytecode.endswith(before)
    assert ARTIFACT.deployed.code[10:30] == before


def test_the_proxy_is_the_one_that_its_transaction_creates():
    """Nobody holds the key of its sender: the signature was made up, and the address follows from it."""
    sender = bytes.fromhex(Account.recover_transaction(TRANSACTION)[2:])
    assert (sender, created_address(sender, 0)) == (SIGNER, PROXY)
    chain = EVM(spec_id="CANCUN")
    deployed = chain.deploy("0x" + "11" * 20, rlp.decode(TRANSACTION)[5])
    assert bytes(chain.get_code(deployed)).startswith(PROXY_CODE)


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
    assert (set(missing), len(ERRORS)) == (from_openzeppelin, 109)


@pytest.mark.parametrize("path", sorted((ROOT / "contracts").rglob("*.sol")), ids=lambda path: path.name)
def test_no_contract_file_outgrows_a_reader(path):
    assert len(path.read_text().splitlines()) < 250
