"""A public class name means one thing: none is defined twice in the package."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "chain_bandit"
INDEPENDENT = "paranoid"
"""The second implementation, which shares no module with the package and has the names of the documents too."""


def defined_twice(root: Path) -> dict[str, list[str]]:
    """The modules of every public class name that more than one module defines."""
    found = defaultdict(list)
    for path in sorted(root.rglob("*.py")):
        where = path.relative_to(root)
        if where.parts[0] != INDEPENDENT:
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(where.as_posix())
    return {name: places for name, places in found.items() if len(places) > 1}


def test_no_public_class_name_is_defined_twice():
    assert defined_twice(PACKAGE) == {}


def test_a_name_that_is_defined_twice_is_found(tmp_path: Path):
    for name, text in {
        "a.py": "class Game: ...",
        "b.py": "class Game: ...\nclass _Game: ...",
        "paranoid/c.py": "class Game: ...",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert defined_twice(tmp_path) == {"Game": ["a.py", "b.py"]}
