"""The one way in which functions of the kernel are compiled, and where what came of it is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
except ImportError:  # not here, or none that goes with this numpy: `simulation.batch` plays what it can
    numba = None

Function = TypeVar("Function", bound=Callable[..., Any])


AVAILABLE = numba is not None
"""Whether anything can be compiled. Where not, the modules of the kernel that hold names and numbers are still read."""

_numba: Any = numba and numba.core.config

_HOW: Any = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""Without Python's lock; nobody divides by zero, so nothing checks for it; no array of its own, so that nothing counts
who holds which: a round takes less time than that would."""


def compiled(function: Function) -> Function:
    """Compiled at its first call, and kept in `folder` for the processes to come."""
    if not AVAILABLE:
        return function
    with _keeping() as kept:
        return cast(Function, numba.njit(cache=kept, **_HOW)(function))


def inlined(function: Function) -> Function:
    """Compiled into whoever calls it: to hand over the state of a game takes longer than most steps of it."""
    if not AVAILABLE:
        return function
    return cast(Function, numba.njit(forceinline=True, **_HOW)(function))


@cache
def folder() -> Path:
    """Where compiled games are kept: in the user's cache, under a digest of every source of this package.

    numba holds what it kept against the file of the outermost function alone, so that a rule that changed in another
    file would go unnoticed. `NUMBA_CACHE_DIR`, if it is set, takes the place of the user's cache.
    """
    package = Path(__file__).parents[2]
    digest = sha256()
    for path in sorted(package.rglob("*.py")):
        source = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(source)}\n".encode() + source)
    base = Path(_numba.CACHE_DIR) if _numba.CACHE_DIR else user_cache_path("chain-bandit")
    return base / f"kernel-{digest.hexdigest()[:16]}"


@cache
def _require_writable() -> None:
    """Raises OSError unless files can be made in `folder`: numba would take another place, which forgets nothing."""
    folder().mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder()):
        pass


@contextmanager
def _keeping() -> Iterator[bool]:
    """Point numba at `folder`; False where nothing can be kept there."""
    try:
        _require_writable()
    except OSError:  # a home that cannot be written to: every process compiles its own
        yield False
        return
    before, _numba.CACHE_DIR = _numba.CACHE_DIR, str(folder())
    try:
        yield True
    finally:
        _numba.CACHE_DIR = before
