"""A function of more than 60 lines has a comment right above it that says why: `# Long ...`."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = "chain_bandit", "verification", "science", "benchmarks", "scripts", "tests", "examples"
MOST_LINES = 60


def too_long(text: str) -> Iterator[str]:
    """Names of functions that are too long and do not say why."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            long = (node.end_lineno or 0) - node.lineno + 1 > MOST_LINES
            if long and not (first > 1 and lines[first - 2].lstrip().startswith("# Long")):
                yield node.name


def test_long_functions_say_why():
    found = {
        path.relative_to(ROOT).as_posix(): set(too_long(path.read_text(encoding="utf-8")))
        for package in PACKAGES for path in (ROOT / package).rglob("*.py")
    }  # fmt: skip
    assert len(found) > 900
    assert {place: names for place, names in found.items() if names} == {}


def test_a_long_function_without_a_reason_is_found():
    def function(name: str, lines: int, above: str = "") -> str:
        return f"{above}def {name}():\n" + "    x = 1\n" * (lines - 1)

    # a `noqa`, which is planted here and waives nothing, is no reason
    text = "\n".join(
        [function("long", 61), function("short", 60), function("explained", 61, "# Long by its table\n"),
         function("decorated", 61, "# Long: a table\n@cache\n"), function("bare", 61, "# noqa\n@cache\n")]
    )  # fmt: skip
    assert list(too_long(text)) == ["long", "bare"]
