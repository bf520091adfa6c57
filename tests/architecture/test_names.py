"""A public name of a class means one thing: no other module that is not a test has a class or an alias of that name."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = "chain_bandit", "verification", "science", "benchmarks", "scripts"
INDEPENDENT = "chain_bandit/paranoid"
"""The second implementation, which shares no module with the package and has the names of the documents too."""


def named(module: ast.Module) -> Iterator[tuple[str, bool]]:
    """What a module defines at its top level, and whether it is a class; else it is an alias or another value."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, True
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from ((each.id, False) for each in targets if isinstance(each, ast.Name))


def defined_twice(root: Path, *folders: str) -> dict[str, list[str]]:
    """The modules of every public capitalised name that several define, one of them as a class."""
    found, classes = defaultdict(set), set()
    for path in (each for folder in folders for each in (root / folder).rglob("*.py")):
        where = path.relative_to(root)
        if not where.is_relative_to(INDEPENDENT):
            for name, is_class in named(ast.parse(path.read_text(encoding="utf-8"))):
                if name[0].isupper() and (is_class or not name.isupper()):
                    found[name].add(where.as_posix())
                    classes |= {name} if is_class else set()
    return {name: sorted(places) for name, places in found.items() if len(places) > 1 and name in classes}


def test_no_public_class_name_is_defined_twice():
    assert defined_twice(ROOT, *FOLDERS) == {}


def test_a_name_that_is_defined_twice_is_found(tmp_path: Path):
    for name, text in {
        "a/a.py": "class Game: ...\nclass Seat: ...\nclass Kind: ...\nclass EVM: ...\nclass T: ...\nRow = Pair = tuple",
        "b/b.py": "class Game: ...\nclass _Game: ...\nSeat = int\nEVM = T = 0\nRow = Pair = dict\nkind = 1",
        "a/c.py": "Kind: TypeAlias = int\ndef f():\n    Game = int",
        "chain_bandit/paranoid/d.py": "class Game: ...",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    twice = {"Game": ["a/a.py", "b/b.py"], "Seat": ["a/a.py", "b/b.py"], "Kind": ["a/a.py", "a/c.py"]}
    assert defined_twice(tmp_path, "a", "b", "chain_bandit") == twice
    assert defined_twice(tmp_path, "b", "chain_bandit") == {}
