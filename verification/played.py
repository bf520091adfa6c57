"""Record of test budgets that were played whole on the code that they depend on: `make test` plays a part of these.

`tests/snapshots/played.json` has a budget and a digest of its sources by the module that plays it. A digest is of the
module, of all modules of the package and of those beside it that it imports, directly or not, of the contracts'
artifacts, of the locked versions of all else, and of what files are named. Of Python the code counts, not its comments
and docstrings.
"""

import ast
import json
import re
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from chain_bandit.simulation.kernel.compiled import sources

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "tests" / "snapshots" / "played.json"
DATA = "requirements-dev.lock", "chain_bandit/chain/artifacts/*.json"
BESIDE = "verification", "tests", "science", "benchmarks", "scripts"


def digest(module: str, *more: str) -> str:
    """SHA-256 of all that decides what a module plays, 64 hex digits; `more` are patterns of files.

    A file of Python counts with all that it imports, a registry with all modules of its folder.
    """
    files = {str(path.relative_to(ROOT)): path for each in (*DATA, *more) for path in ROOT.glob(each)}
    modules = {name.removesuffix(".py").replace("/", ".") for name in files if name.endswith(".py")}
    found, waiting = dict(files), {module, *modules}
    while waiting:
        for each in waiting:
            found |= _sources(sources, each)
        waiting = {each for name, path in found.items() for each in _registered(name, path)} - found.keys()
    lines = (f"{name} {_digest(path.suffix, path.read_bytes())}\n" for name, path in sorted(found.items()))
    return sha256("".join(lines).encode()).hexdigest()


def imports(module: str, name: str) -> bool:
    """Whether a module of that name is among what a module imports, directly or not."""
    return name in _sources(sources, module)


@cache
def _sources(of: Callable[..., dict[str, Path]], module: str) -> dict[str, Path]:
    """What a module imports, which is the same for every row of the record."""
    return of(module, *BESIDE)


@cache
def _registered(name: str, path: Path) -> frozenset[str]:
    """The modules of its folder that a registry imports without their names; none of any other module.

    The compiled kernel, whose cache rests on `sources` too, asks no registry.
    """
    if path.suffix != ".py" or not re.search(rb"^(from|import) pkgutil\b", path.read_bytes(), re.MULTILINE):
        return frozenset()
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    return frozenset(f"{package}.{each.stem}" for each in path.parent.glob("[!_]*.py"))


class _Code(ast.NodeTransformer):
    """Leaves out what does nothing: strings that are statements, docstrings among them."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node


@cache
def _digest(suffix: str, content: bytes) -> str:
    code = ast.unparse(_Code().visit(ast.parse(content))).encode() if suffix == ".py" else content
    return sha256(code).hexdigest()


def is_played(module: str, budget: int, *more: str) -> bool:
    """Whether so much or more of it was played, and nothing broke, on these very sources."""
    row = _rows().get(module)
    return row is not None and row["budget"] >= budget and row["sources"] == digest(module, *more)


def record(module: str, budget: int, *more: str) -> None:
    """So much of it was played, and nothing broke."""
    rows = _rows() | {module: {"budget": budget, "sources": digest(module, *more)}}
    FILE.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _rows() -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return rows
