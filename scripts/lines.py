"""Lines of code of each part of the repository, without blanks, comments and docstrings: `python -m scripts.lines`.

With a revision also as a share of its lines, moved files and all; a logical line that is longer than 120 columns counts
as many times as it has 120 columns.
"""

import argparse
import ast
import io
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
PARTS = {
    "wheel": ("chain_bandit",),
    "contracts": ("contracts",),
    "tests": ("tests",),
    "verification, science, benchmarks": ("verification", "science", "benchmarks"),
    "scripts": ("scripts",),
}
COLUMNS = 120
_NOTHING = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}


def of_python(text: str) -> int:
    """Lines that hold code."""
    docstrings = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NOTHING and token.type != tokenize.ENDMARKER:
            found.update(range(token.start[0], token.end[0] + 1))
    lines = text.splitlines()
    return sum(_rows(lines[line - 1]) for line in found - docstrings)


def of_solidity(text: str) -> int:
    """Lines that hold code: none of the sources has a block comment."""
    stripped = (line.strip() for line in text.splitlines())
    return sum(_rows(line) for line in stripped if line and not line.startswith("//"))


def _rows(line: str) -> int:
    return max(1, -(-len(line) // COLUMNS))


OF = {".py": of_python, ".sol": of_solidity}


def counted(revision: str, root: Path = ROOT) -> Counter[str]:
    """Lines by part."""
    found = Counter[str]()
    names = _git(root, "ls-tree", "-r", "--name-only", revision).splitlines()
    for name in names:
        path = Path(name)
        part = next((part for part, folders in PARTS.items() if path.parts[0] in folders), None)
        if part is not None and path.suffix in OF:
            found[part] += OF[path.suffix](_git(root, "show", f"{revision}:{name}"))
    return found


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", nargs="?", help="a revision to compare HEAD with")
    before = parser.parse_args(given).before
    now, then = counted("HEAD"), counted(before) if before else Counter[str]()
    table = Table("part", "lines", *([before[:12], "ratio"] if before else []))
    for part in PARTS:
        more = [f"{then[part]:,}", f"{now[part] / then[part]:.3f}" if then[part] else "new"] if before else []
        table.add_row(part, f"{now[part]:,}", *more)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
