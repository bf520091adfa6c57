"""Lines of code of each part of the repository, and words of its documents: `python -m scripts.lines`.

Code is counted as it is after `ruff format` without `# fmt:` marks, so that packing lines gains nothing: no blanks,
comments and docstrings; an assignment to several targets counts as many times. A longer line than 120 columns counts as
many times as it has 120 columns. TypeScript and Solidity are counted as they stand.

With a revision the parts are compared with it, and the lines that were added and removed since are listed by the issue
of their commits, which the trailer `Issue: 62` names.
"""

import argparse
import ast
import io
import re
import subprocess
import sys
import tarfile
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

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
"""By name the folders of a part."""

TYPESCRIPT, WORDS = "TypeScript", "words of documents"
"""Parts of all folders."""

COLUMNS = 120
_NOTHING = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
_MARK = re.compile(r"#\s*fmt:\s*\w+")
_FORMAT = "format", "--isolated", "--quiet", "--no-cache", "--line-length", str(COLUMNS)


def of_python(text: str) -> int:
    """Lines that hold code, of text that is formatted."""
    tree = ast.parse(text)
    docstrings = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NOTHING and token.type != tokenize.ENDMARKER:
            found.update(range(token.start[0], token.end[0] + 1))
    lines = text.splitlines()
    return sum(_rows(lines[line - 1]) for line in found - docstrings) + sum(map(_more_targets, ast.walk(tree)))


def _more_targets(node: ast.AST) -> int:
    """Targets of an assignment beside its first, where each has a value of its own."""
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=several)], value=ast.Tuple()) | ast.Assign(targets=several):
            return len(several) - 1
    return 0


def of_braces(text: str) -> int:
    """Lines that hold code, in Solidity or TypeScript: no source has anything else on the lines of a block comment."""
    without = re.sub(r"(?m)^\s*/\*.*?\*/[ \t]*$", "", text, flags=re.DOTALL)
    stripped = (line.strip() for line in without.splitlines())
    return sum(_rows(line) for line in stripped if line and not line.startswith("//"))


def _rows(line: str) -> int:
    return max(1, -(-len(line) // COLUMNS))


def counted(revision: str, root: Path = ROOT) -> Counter[str]:
    """Lines by part, and words of documents."""
    with TemporaryDirectory() as scratch:
        place = Path(scratch)
        archive = subprocess.run(["git", "archive", revision], cwd=root, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(place, filter="data")
        return in_folder(place)


def of_working_tree(root: Path = ROOT) -> Counter[str]:
    """The same of all files that git knows, as they are now."""
    with TemporaryDirectory() as scratch:
        place = Path(scratch)
        for name in _git(root, "ls-files", "-z").split("\0"):
            if Path(name).suffix in OF and (root / name).is_file():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                copyfile(root / name, place / name)
        return in_folder(place)


def in_folder(place: Path) -> Counter[str]:
    """Lines by part of a copy of the repository, which is formatted on the way."""
    for path in place.rglob("*.py"):
        path.write_text(_MARK.sub("#", path.read_text(encoding="utf-8")), encoding="utf-8")
    ruff = Path(sys.executable).with_name("ruff")
    subprocess.run([ruff, *_FORMAT, "."], cwd=place, check=True, capture_output=True)
    found = Counter[str]()
    for path in place.rglob("*"):
        part = _part(path.relative_to(place))
        if part is not None and path.is_file() and path.suffix in OF:
            found[part] += OF[path.suffix](path.read_text(encoding="utf-8"))
    return found


def _part(path: Path) -> str | None:
    if path.suffix in (".ts", ".md"):
        return TYPESCRIPT if path.suffix == ".ts" else WORDS
    return next((part for part, folders in PARTS.items() if path.parts[0] in folders), None)


OF: Mapping[str, Callable[[str], int]] = {
    ".py": of_python, ".sol": of_braces, ".ts": of_braces, ".md": lambda text: len(text.split()),
}  # fmt: skip


def by_issue(before: str, root: Path = ROOT) -> Mapping[str, tuple[int, int]]:
    """Lines of code added and removed since a revision, by issue; moved ones are neither."""
    form = "%x00%(trailers:key=Issue,valueonly,separator=%x20)"
    log = ["log", "--numstat", "-M", f"--format={form}", f"{before}..HEAD", "--", *(f"*{suffix}" for suffix in OF)]
    added, removed = Counter[str](), Counter[str]()
    for issue, plus, minus in _changes(_git(root, *log)):
        added[issue] += plus
        removed[issue] += minus
    return {issue: (added[issue], removed[issue]) for issue in sorted(added)}


def _changes(log: str) -> Iterator[tuple[str, int, int]]:
    for commit in log.split("\0")[1:]:
        issue, *files = commit.splitlines()
        for each in filter(None, files):
            plus, minus, _ = each.split("\t", 2)
            if plus != "-":
                yield issue.strip() or "none", int(plus), int(minus)


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", nargs="?", help="a revision to compare HEAD with")
    before = parser.parse_args(given).before
    now = counted("HEAD")
    then = counted(before) if before else Counter[str]()
    table = Table("part", "lines", *([before[:12], "ratio"] if before else []))
    for part in (*PARTS, TYPESCRIPT, WORDS):
        more = [f"{then[part]:,}", f"{now[part] / then[part]:.3f}" if then[part] else "new"] if before else []
        table.add_row(part, f"{now[part]:,}", *more)
    console = Console()
    console.print(table)
    if before:
        issues = Table("issue", "added", "removed")
        for issue, (plus, minus) in by_issue(before).items():
            issues.add_row(issue, f"{plus:,}", f"{minus:,}")
        console.print(issues)
    return 0


if __name__ == "__main__":
    sys.exit(main())
