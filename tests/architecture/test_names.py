"""A public name of a class means one thing: no other module of the package has a class or an alias of that name."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "chain_bandit"
INDEPENDENT = "paranoid"
"""The second implementation, which shares no module with the package and has the names of the documents too."""


def named(module: ast.Module) -> Iterator[tuple[str, bool]]:
    """What a module defines at its top level, and whether it is a class; else it is an alias or another value."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, True
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from ((each.id, False) for each in targets if isinstance(each, ast.Name))


def defined_twice(root: Path) -> dict[str, list[str]]:
    """The modules of every public capitalised name that several define, one of them as a class."""
    found, classes = defaultdict(set), set()
    for path in root.rglob("*.py"):
        where = path.relative_to(root)
        if where.parts[0] != INDEPENDENT:
            for name, is_class in named(ast.parse(path.read_text(encoding="utf-8"))):
                if name[0].isupper() and (is_class or not name.isupper()):
                    found[name].add(where.as_posix())
                    classes |= {name} if is_class else set()
    return {name: sorted(places) for name, places in found.items() if len(places) > 1 and name in classes}


def test_no_public_class_name_is_defined_twice():
    assert defined_twice(PACKAGE) == {}


def test_a_name_that_is_defined_twice_is_found(tmp_path: Path):
    for name, text in {
        "a.py": "class Game: ...\nclass Seat: ...\nclass Kind: ...\nclass EVM: ...\nclass T: ...\nRow = Pair = tuple",
        "b.py": "class Game: ...\nclass _Game: ...\nSeat = int\nEVM = T = 0\nRow = Pair = dict\nkind = 1",
        "c.py": "Kind: TypeAlias = int\ndef f():\n    Game = int",
        "paranoid/d.py": "class Game: ...",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    twice = {"Game": ["a.py", "b.py"], "Seat": ["a.py", "b.py"], "Kind": ["a.py", "c.py"]}
    assert defined_twice(tmp_path) == twice
