"""The one way in which functions of the kernel are compiled, and the cache of compiled code.

numba's own cache knows the file of the outermost function alone, and would play yesterday's rules after a change of
another; `Cache` keeps what a module's functions compile to under a digest of all that the module imports.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar, cast

from platformdirs import user_cache_path

numba: Any
try:
    numba = import_module("numba")
    import_module("numba.core.config")
except ImportError:  # not here, or none that goes with this numpy: other engines play then
    numba = None
else:
    with suppress(Exception):  # numba asks once, and raises where any installed package's entry points cannot be read
        import_module("numba.core.entrypoints").init_all()

Function = TypeVar("Function", bound=Callable[..., Any])


AVAILABLE = numba is not None
"""Whether anything can be compiled. Where not, the modules of the kernel that hold names and numbers are still read."""

FASTER = 'pip install "chain-bandit[fast]"'
"""What a user types to have numba."""

_PACKAGE = Path(__file__).parents[2]

_numba: Any = numba and numba.core.config

_HOW: Any = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""Without Python's lock; nobody divides by zero, so nothing checks for it; no array of its own, so without
reference counts: a round takes less time than these would."""


def compiled(function: Function) -> Function:
    """Compiled at its first call, and kept in `folder` for the processes to come."""
    if not AVAILABLE:
        return function
    with _keeping(function.__module__) as kept:
        return cast(Function, numba.njit(cache=kept, **_HOW)(function))


def inlined(function: Function) -> Function:
    """Inlined into its caller: passing the state of a game takes longer than most steps of it."""
    if not AVAILABLE:
        return function
    return cast(Function, numba.njit(forceinline=True, **_HOW)(function))


def is_kept(module: str, function: str) -> bool:
    """Whether a compiled function of a module is in the cache, so that calling it compiles nothing."""
    with suppress(OSError):
        return AVAILABLE and any(folder(module).glob(f"{module.rpartition('.')[2]}.{function}-*.nbc"))
    return False


@cache
def folder(module: str) -> Path:
    """The cache of a module of this package: in the user's cache, under a digest of `sources`, numba, its level, CPU.

    `NUMBA_CACHE_DIR`, if it is set, takes the place of the user's cache. Raises `OSError` where there is none.
    """
    cpu = import_module("llvmlite.binding").get_host_cpu_name()
    compiler = f"{numba.__version__} {_numba.OPT} {cpu} {sys.version}"
    digest = sha256(f"{module} {compiler}\n".encode())
    for name, path in sorted(sources(module).items()):
        source = path.read_bytes()
        digest.update(f"{name} {len(source)}\n".encode() + source)
    try:
        base = Path(_numba.CACHE_DIR) if _numba.CACHE_DIR else user_cache_path("chain-bandit")
    except RuntimeError as error:  # a user without HOME and without an entry in passwd
        raise FileNotFoundError(str(error)) from error
    return base / f"kernel-{digest.hexdigest()[:16]}"


def sources(module: str, *beside: str) -> dict[str, Path]:
    """The files of a module and of all modules of this package, and of those beside it that are named, that it imports,
    directly or not, by their names."""
    found: dict[str, Path] = {}
    waiting, packages = [module], {_PACKAGE.name, *beside}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _file(name)
            waiting += (each for each in _imports(found[name]) if each.split(".")[0] in packages)
            package = name.rpartition(".")[0]  # is imported before it
            waiting += [package] * (package != "" and _file(package).is_file())
    return found


def _file(name: str) -> Path:
    place = _PACKAGE.parent.joinpath(*name.split("."))
    package = place / "__init__.py"
    return package if package.is_file() else place.with_suffix(".py")  # a folder of data may have a module's name


@cache
def _imports(path: Path) -> frozenset[str]:
    """The modules, of packages beside this one too, that a file imports anywhere, but for types alone."""
    named: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):  # no expression has an import
            waiting += getattr(node, block, ())
        if isinstance(node, ast.Import):
            named.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            named.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return frozenset(each for each in named if _file(each).is_file())


class Cache:
    """What numba calls a locator: the place of one function's cache, which needs no time stamp under a digest."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._module, self._line = function.__module__, function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> "Cache":
        """Of a function that is compiled."""
        return cls(function)

    def get_cache_path(self) -> str:
        """The folder."""
        return str(folder(self._module))

    def ensure_cache_path(self) -> None:
        """Raises OSError unless files can be made there."""
        _require_writable(self._module)

    def get_source_stamp(self) -> str:
        """Nothing that the folder's name does not say."""
        return ""

    def get_disambiguator(self) -> str:
        """Tells functions of one name in one module apart."""
        return str(self._line)


@cache
def _require_writable(module: str) -> None:
    folder(module).mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder(module)):
        pass


@contextmanager
def _keeping(module: str) -> Iterator[bool]:
    """Have numba use `Cache`; False where nothing can be kept."""
    try:
        _require_writable(module)
    except OSError:  # a home that cannot be written to: every process compiles its own
        yield False
        return
    before, _numba.CACHE_LOCATOR_CLASSES = _numba.CACHE_LOCATOR_CLASSES, f"{__name__}.{Cache.__name__}"
    try:
        yield True
    finally:
        _numba.CACHE_LOCATOR_CLASSES = before
