"""Check of the pinned Solidity compiler: one version everywhere, and no published bug of it meets the contracts.

`scripts/solc_bugs.toml` lists the bugs. For each that is in the pinned version a check below looks through the syntax
trees of `contracts/` for what the bug needs. A finding names bug and place; exit code 1.
"""

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scripts.build_artifacts import SETTINGS, compile_named, sources

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "scripts" / "solc_bugs.toml"
HUGE = 2**32
"""Elements of an array that no contract of ours comes near; from 2**64 on the compiler warns."""

PINS = {
    "package.json": r'"solc": "([^"]+)"',
    "hardhat.config.js": r'version: "([^"]+)"',
    "scripts/run_slither.py": r'"solcVersion": "([^"]+)"',
    "contracts/**/*.sol": r"pragma solidity ([^;]+);",
}
"""Where the version is pinned. Foundry and py-solc-x compile by `scripts/solc.mjs`, with the one in package.json."""

INTERNAL = "t_function_internal", "t_modifier"
"""Types of what is called within one program."""

SyntaxNode = dict[str, Any]
Trees = dict[str, SyntaxNode]
"""Syntax trees by source."""


def nodes(tree: Any) -> Iterator[SyntaxNode]:
    """All nodes of a syntax tree."""
    if isinstance(tree, dict):
        if "nodeType" in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from nodes(part)


def of_kind(trees: Trees, *kinds: str) -> Iterator[tuple[str, SyntaxNode]]:
    """Nodes of these kinds, each with its place: source and byte."""
    for source, tree in trees.items():
        for node in nodes(tree):
            if node["nodeType"] in kinds:
                yield f"{source}:{node['src'].partition(':')[0]}", node


def transient_variables(trees: Trees) -> list[str]:
    """Places of transient variables."""
    declared = of_kind(trees, "VariableDeclaration")
    return [place for place, node in declared if node.get("storageLocation") == "transient"]


def storage_placed_by_hand(trees: Trees) -> list[str]:
    """Places where storage is put elsewhere than the compiler does, or in an array that may reach its end."""
    placed = [place for place, _ in of_kind(trees, "StorageLayoutSpecifier")]
    assigned = [
        place for place, node in of_kind(trees, "YulAssignment")
        if any(name["name"].endswith(".slot") for name in node["variableNames"])
    ]  # fmt: skip
    return placed + assigned + huge_arrays(trees)


def huge_arrays(trees: Trees) -> list[str]:
    """Places of arrays of a fixed length that is out of all proportion."""
    return [
        place for place, node in of_kind(trees, "ArrayTypeName")
        if any(int(length) >= HUGE for length in re.findall(r"\[(\d+)\]", node["typeDescriptions"]["typeString"] or ""))
    ]  # fmt: skip


def deleted_bytes(trees: Trees) -> list[str]:
    """Places where one byte in memory is deleted."""
    return [
        place for place, node in of_kind(trees, "UnaryOperation")
        if node["operator"] == "delete" and node["subExpression"]["nodeType"] == "IndexAccess"
        and "memory" in node["subExpression"]["baseExpression"]["typeDescriptions"]["typeString"]
    ]  # fmt: skip


def named_errors(trees: Trees) -> list[str]:
    """Places of `require` whose custom error has named arguments."""
    return [
        place for place, node in of_kind(trees, "FunctionCall")
        if node["expression"].get("name") == "require" and any(part.get("names") for part in node["arguments"])
    ]  # fmt: skip


def recursion(trees: Trees) -> list[str]:
    """Places of functions that may come to be called by themselves, of all that our own lead to.

    So may what a variable holds, and what assembly defines. A call of another contract is another program.
    """
    defined = {node["id"]: (place, node) for place, node in of_kind(trees, "FunctionDefinition", "ModifierDefinition")}
    calls = {number: _called(node) for number, (_, node) in defined.items()}
    for number, (_, node) in defined.items():
        for base in (*node.get("baseFunctions", ()), *node.get("baseModifiers", ())):
            calls[base].add(number)  # a call of the base may come here
    own = {number for number, (place, _) in defined.items() if place.startswith("contracts/")}
    used = own.union(*(_reached(calls, number) for number in own)) & defined.keys()
    return sorted(
        defined[number][0] for number in used
        if number in _reached(calls, number) or any(map(_may_recur, nodes(defined[number][1])))
    )  # fmt: skip


def _called(function: SyntaxNode) -> set[int]:
    """Declarations that a function calls in its own program; operators may be functions too."""
    return {
        part["referencedDeclaration"] for part in nodes(function)
        if isinstance(part.get("referencedDeclaration"), int)
        and part.get("typeDescriptions", {}).get("typeIdentifier", "t_modifier").startswith(INTERNAL)
    } | {part["function"] for part in nodes(function) if isinstance(part.get("function"), int)}  # fmt: skip


def _may_recur(part: SyntaxNode) -> bool:
    held = part["nodeType"] == "FunctionTypeName" and part.get("visibility") == "internal"
    return held or part["nodeType"] == "YulFunctionDefinition"


def _reached(calls: dict[int, set[int]], start: int) -> set[int]:
    found, left = set[int](), [start]
    while left:
        new = calls.get(left.pop(), set()) - found
        found |= new
        left += new
    return found


CHECKS: dict[str, Callable[[Trees], list[str]]] = {
    check.__name__: check
    for check in (transient_variables, storage_placed_by_hand, huge_arrays, deleted_bytes, named_errors, recursion)
}


def version(text: str) -> tuple[int, ...]:
    """A version to compare."""
    return tuple(map(int, text.split(".")))


def disagreements(root: Path) -> list[str]:
    """Places that pin another version than package.json does."""
    pinned = {
        f"{path.relative_to(root)}": match
        for pattern, regex in PINS.items() for path in sorted(root.glob(pattern))
        for match in re.findall(regex, path.read_text()) or ["none"]
    }  # fmt: skip
    due = pinned["package.json"]
    return [f"{place} pins solc {found}, package.json {due}" for place, found in pinned.items() if found != due]


def findings(pinned: str, listed: dict[str, Any], trees: Trees) -> list[str]:
    """What speaks against a compiler of that version for these contracts."""
    if version(pinned) > version(listed["newest"]):
        return [f"solc {pinned} is newer than {LIST.name}, which ends with {listed['newest']}: add its entry"]
    found = []
    for bug in listed["bug"]:
        if version(bug["introduced"]) <= version(pinned) < version(bug["fixed"]):
            places = CHECKS[bug["check"]](trees)
            found += [f"{bug['name']} ({bug['condition']}): {place}" for place in places]
    return found


def trees_of(units: dict[str, dict[str, str]]) -> Trees:
    """Their syntax trees, by the pinned compiler with the settings of the shipped artifact."""
    settings = json.loads(SETTINGS.read_text()) | {"outputSelection": {"*": {"": ["ast"]}}}
    output = compile_named({"language": "Solidity", "sources": units, "settings": settings})
    return {source: unit["ast"] for source, unit in output["sources"].items()}


def main() -> None:
    """Print what was found; exit 1 if anything was."""
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["solc"]
    trees = trees_of(sources(ROOT))
    listed = tomllib.loads(LIST.read_text())
    found = [*disagreements(ROOT), *findings(pinned, listed, trees)]
    print(f"solc {pinned}: {len(trees)} sources, {len(listed['bug'])} published bugs, {len(found)} findings")
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
