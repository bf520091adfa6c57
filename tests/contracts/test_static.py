"""Static analysis by `make check` and the build of the artifact: a planted fault of each sort is found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.build_artifacts import SETTINGS, CompilerWarning, compile_standard

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
SOLHINT = (ROOT / "node_modules/.bin/solhint", "--noPoster", "--max-warnings", 0, "contracts/**/*.sol")
PLANTED = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

contract Planted {
    mapping(address => uint256) private owed;

    function pay() external payable {
        owed[msg.sender] += msg.value;
    }

    // slither-disable-next-line suicidal -- an answer to nothing
    function take(uint256 unused) external {
        (bool sent,) = msg.sender.call{value: owed[msg.sender]}("");
        require(sent);
        owed[msg.sender] = 0;
    }
}
"""


@pytest.fixture
def planted(tmp_path) -> Path:
    file = tmp_path / "contracts" / "Planted.sol"
    file.parent.mkdir()
    file.write_text(PLANTED.replace("uint256 unused", ""))
    shutil.copy(ROOT / ".solhint.json", tmp_path)
    (tmp_path / "hardhat.config.js").touch()  # or slither takes the folder for no project
    return tmp_path


def run(*command: object, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


def test_solhint_is_content_with_the_contracts():
    result = run(*SOLHINT)
    assert result.returncode == 0, result.stdout


def test_solhint_refuses_a_planted_fault(planted):
    result = run(*SOLHINT, folder=planted)
    assert result.returncode == 1
    assert "gas-custom-errors" in result.stdout


def test_compiler_warning_fails_the_build():
    source = {"contracts/Planted.sol": {"content": PLANTED}}
    settings = {"outputSelection": {"*": {"*": ["abi"]}}}
    assert SETTINGS.is_file()
    with pytest.raises(CompilerWarning, match="Unused function parameter"):
        compile_standard({"language": "Solidity", "sources": source, "settings": settings})


@pytest.mark.deep
def test_slither_is_content_with_the_contracts():
    result = run(sys.executable, "-m", "scripts.run_slither")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.deep
def test_slither_refuses_a_planted_fault_and_an_answer_to_nothing(planted):
    result = run(sys.executable, "-m", "scripts.run_slither", "--root", planted)
    assert result.returncode == 1, result.stderr
    for finding in ("3 findings", "reentrancy-eth", "low-level-calls", "unused answer"):
        assert finding in result.stdout
