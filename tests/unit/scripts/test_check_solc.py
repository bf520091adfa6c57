"""Published bugs of the compiler: none meets the contracts, and every feature that meets one is found."""

import shutil
import tomllib
from pathlib import Path

import pytest

from scripts.build_artifacts import sources
from scripts.check_solc import CHECKS, LIST, ROOT, disagreements, findings, trees_of

PLANTED = {
    "transient_variables": "uint256 transient x; function f() external { delete x; }",
    "recursion": """
        function f(uint256 n) external pure returns (uint256) { return even(n) ? 1 : 0; }
        function even(uint256 n) private pure returns (bool) { return n == 0 ? true : odd(n - 1); }
        function odd(uint256 n) private pure returns (bool) { return n == 0 ? false : even(n - 1); }""",
    "recursion of a variable": """
        function f(uint256 n) external pure returns (uint256) { function(uint256) pure returns (uint256) g = twice;
            return g(n); }
        function twice(uint256 n) private pure returns (uint256) { return 2 * n; }""",
    "storage_placed_by_hand": """
        struct S { uint256[4] row; }
        function f(uint256 at) external { S storage s; assembly { s.slot := at } delete s.row; }""",
    "storage_placed_by_hand of a layout": "}\ncontract D layout at 0x1234 { uint256 public x;",
    "huge_arrays": "mapping(uint256 => uint256[2**40][]) private rows; function f() external { delete rows[0]; }",
    "deleted_bytes": "function f(bytes memory b) external pure returns (bytes memory) { delete b[1]; return b; }",
    "named_errors": """
        error Low(uint256 least, uint256 got);
        function f(uint256 n) external pure { require(n > 1, Low({got: n, least: 1})); }""",
}


def test_each_feature_that_meets_a_bug_is_found_and_nothing_else_in_its_source() -> None:
    written = {
        f"contracts/{name}.sol": {"content": f"// SPDX-License-Identifier: MIT\npragma solidity 0.8.30;\n"
                                  f"contract C {{ {text} }}\n"}
        for name, text in PLANTED.items()
    }  # fmt: skip
    trees = trees_of(written)
    assert {name.split()[0] for name in PLANTED} == CHECKS.keys()
    for name in PLANTED:
        alone = {source: tree for source, tree in trees.items() if source == f"contracts/{name}.sol"}
        found = {check for check, places in CHECKS.items() if places(alone)}
        assert name.split()[0] in found
        assert found <= {name.split()[0], "storage_placed_by_hand"}, "huge arrays may reach the end of storage"


def test_the_contracts_meet_no_published_bug_and_an_older_or_newer_compiler_is_judged_by_the_list() -> None:
    listed, trees = tomllib.loads(LIST.read_text()), trees_of(sources(ROOT))
    assert {bug["check"] for bug in listed["bug"]} == CHECKS.keys()
    assert findings("0.8.30", listed, trees) == []
    assert findings("0.8.38", listed, trees) == [
        "solc 0.8.38 is newer than solc_bugs.toml, which ends with 0.8.37: add its entry"
    ]


@pytest.mark.parametrize(("place", "old"), [("hardhat.config.js", '"0.8.30"'), ("contracts/Rules.sol", "0.8.30;")])
def test_one_place_that_pins_another_compiler_is_named(place: str, old: str, tmp_path: Path) -> None:
    for each in ("package.json", "hardhat.config.js", "scripts/run_slither.py", "contracts/Rules.sol"):
        (tmp_path / each).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / each, tmp_path / each)
    assert disagreements(tmp_path) == []
    (tmp_path / place).write_text((tmp_path / place).read_text().replace(old, old.replace("30", "31")))
    assert disagreements(tmp_path) == [f"{place} pins solc 0.8.31, package.json 0.8.30"]
