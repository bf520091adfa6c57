"""Record of test budgets that were played whole on the code that they depend on: `make test` plays a part of these.

`tests/snapshots/played.json` has a budget and a digest of its sources by the module that plays it. A digest is of
contents, so a module that is moved or renamed has nothing played again: of the module and of all modules of the package
and of those beside it that it imports, directly or not, of the locked versions of what these import, and of the
contracts' artifacts where one of them reads these. Of Python the code counts, not its comments and docstrings, and an
import counts by what the module holds from which it takes.
"""

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from chain_bandit.simulation.kernel.compiled import sources

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "tests" / "snapshots" / "played.json"
LOCK, ARTIFACTS = "requirements-dev.lock", "chain_bandit/chain/artifacts"
BESIDE = "verification", "tests", "science", "benchmarks", "scripts"
OWN = {"chain_bandit", *BESIDE}
BY_NAME = {"import_module", "importorskip"}
"""Functions that import a module whose name they are given."""


def digest(module: str, *more: str) -> str:
    """SHA-256 of all that decides what a module plays, 64 hex digits; `more` are patterns of files.

    A file of Python counts with all that it imports, a registry with all modules of its folder. A module of a registry,
    and a file that is not Python, is found by its name: this counts too, without its folders.
    """
    files = sorted({path for each in more for path in ROOT.glob(each)})
    modules = {str(path.relative_to(ROOT)).removesuffix(".py").replace("/", ".") for path in files if _is_code(path)}
    found: dict[str, Path] = {}
    registered: set[str] = set()
    waiting = {module, *modules}
    while waiting:
        for each in waiting:
            found |= _sources(sources, each)
        registered |= {each for name, path in found.items() for each in _registered(name, path)}
        waiting = registered - found.keys()
    codes = {name: _code(path.read_bytes()) for name, path in found.items()}
    names = {name: name.rpartition(".")[2] if name in registered else "" for name in found}
    lines = [f"{names[name]} {_with_imports(codes, code)}" for name, code in codes.items()]
    data = [path for path in files if not _is_code(path)]
    if any(code.reads_artifacts for code in codes.values()):
        data += (ROOT / ARTIFACTS).glob("*.json")
    lines += [f"{path.name} {sha256(path.read_bytes()).hexdigest()}" for path in data]
    lines += _locked({root for code in codes.values() for root in code.outside})
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()


def imports(module: str, name: str) -> bool:
    """Whether a module of that name is among what a module imports, directly or not."""
    return name in _sources(sources, module)


def _is_code(path: Path) -> bool:
    return path.suffix == ".py"


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


class _Code(NamedTuple):
    """What counts of a file of Python.

    Attributes:
        digest: of its code without the imports of own modules.
        taken: of those imports the module, the name that is taken from it, and the name that it gets.
        outside: the roots of the other packages that it imports.
        reads_artifacts: whether it names their folder.
    """

    digest: str
    taken: tuple[tuple[str, str, str], ...]
    outside: frozenset[str]
    reads_artifacts: bool


class _Reader(ast.NodeTransformer):
    """Leaves out what does nothing, strings that are statements, docstrings among them; and notes imports."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, str]] = []
        self.outside: set[str] = set()
        self.reads_artifacts = False

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        return self._note(node, [(each.name, "", each.asname or "") for each in node.names])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return self._note(node, [(node.module or "", each.name, each.asname or "") for each in node.names])

    def _note(self, node: ast.AST, names: list[tuple[str, str, str]]) -> ast.AST | None:
        roots = {module.partition(".")[0] for module, _, _ in names}
        if roots <= OWN:
            self.taken += names
            return None
        self.outside |= roots
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in BY_NAME and node.args and isinstance(node.args[0], ast.Constant):
            self.outside |= {str(node.args[0].value).partition(".")[0]} - OWN
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        self.reads_artifacts |= node.value == "artifacts"
        return node


@cache
def _code(content: bytes) -> _Code:
    reader = _Reader()
    code = ast.unparse(reader.visit(ast.parse(content)))
    taken = tuple(sorted(reader.taken))
    return _Code(sha256(code.encode()).hexdigest(), taken, frozenset(reader.outside), reader.reads_artifacts)


def _with_imports(codes: Mapping[str, _Code], code: _Code) -> str:
    """The digest of a file's code, and of that of the modules from which it takes names: these have no name here."""
    taken = []
    for module, name, as_name in code.taken:
        is_module = f"{module}.{name}" in codes
        source = codes.get(f"{module}.{name}" if is_module else module)  # none of what is imported for types alone
        if source:
            taken.append(f"{source.digest} {'' if is_module else name} {as_name or name}")
    return sha256("\n".join([code.digest, *sorted(taken)]).encode()).hexdigest()


def _locked(roots: Iterable[str]) -> Iterator[str]:
    """The locked versions of the packages outside that hold these modules, and of all that those rest on."""
    text = (ROOT / LOCK).read_text(encoding="utf-8")
    lines = re.findall(r"^((\S+)==\S+)", text, re.MULTILINE)
    versions: dict[str, str] = {canonicalize_name(name): line for line, name in lines}
    holding = _distributions()
    waiting, seen = {name for root in roots for name in holding.get(root, (root,))}, set[str]()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in versions and name not in seen:
            seen.add(name)
            waiting |= _required(name)
    return (versions[name] for name in seen)


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


@cache
def _required(name: str) -> frozenset[str]:
    """What a distribution rests on, without its extras; nothing of one that is not installed."""
    try:
        all_ = [Requirement(each) for each in requires(name) or ()]
    except PackageNotFoundError:
        return frozenset()
    return frozenset(each.name for each in all_ if not each.marker or each.marker.evaluate({"extra": ""}))


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
