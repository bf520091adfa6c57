"""Plug-ins of other packages: attacks, environments, policies, incentives, by the name of an entry point. Rules are not
imported: see `foreign`.

A package offers one under the group `chain_bandit.KIND`; what is in a file on the path needs none, and is called
`module:attribute`. Names of our own come first, so that no package can change what a scenario means.
"""

import os
import re
import sys
from collections.abc import Container, Mapping
from configparser import ConfigParser
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from inspect import getsource
from pathlib import Path
from typing import Any, Final

from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError, Stopped

UNKNOWN: Final = "not a known name"

KINDS: Final = ("attacks", "environments", "policies", "incentives")


_GIVEN: Final[dict[tuple[str, str], Any]] = {}
"""What this process was given by kind and name, without a package."""


class PluginBroken(ChainBanditError):
    """Nothing of that name, or nothing that can be used."""

    exit_code = 3

    def __init__(self, kind: str, name: str, reason: str) -> None:
        super().__init__(f"{kind} {name!r}: {reason}")
        self.kind, self.name, self.reason = kind, name, reason


def give(kind: str, name: str, maker: Any, ours: Container[str]) -> None:
    """Make something known by a name to this process alone, in place of what it was given by that name before.

    Raises:
        PluginBroken: it has no name's form, is a name of ours, or the maker cannot be called.
    """
    if kind not in KINDS or not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]{0,63}", name):
        form = "a name is of lower-case letters, digits and hyphens, in quotes and parentheses behind the decorator"
        raise PluginBroken(kind, f"{name!s:.80}", form)
    if name in ours:
        raise PluginBroken(kind, name, "is a name of this version, which stays what it is; choose another one")
    if not callable(maker):
        raise PluginBroken(kind, name, f"expected a class or a function, got {maker!r:.80}")
    _GIVEN[kind, name] = maker


def find(kind: str, name: str, ours: Mapping[str, Any]) -> Any:
    """What has this name: of `ours`, of this process, of an entry point, or `module:attribute`.

    Raises:
        PluginBroken: nothing has it, two packages have it, or its module raises.
    """
    if name in ours:
        return ours[name]
    if (kind, name) in _GIVEN:
        return _GIVEN[kind, name]
    module, _, attribute = (name if ":" in name else offered(kind, name).value).partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:  # its module may raise anything while it is imported
        raise PluginBroken(kind, name, _raised(error, module)) from error


def made(kind: str, name: str, maker: Any, options: Mapping[str, Any]) -> Any:
    """What a maker makes of options. Raises `PluginBroken`."""
    try:
        return maker(**options)
    except (KeyboardInterrupt, Stopped, PluginBroken):
        raise
    except BaseException as error:  # a plug-in may raise anything on options that it does not take
        raise PluginBroken(kind, name, f"{type(error).__name__}: {error}") from error


def code(kind: str, name: str) -> str:
    """Which code has this name: the distribution that offers it and its version, or of `module:attribute` a digest.

    Raises:
        PluginBroken: nothing has it, two packages have it, or its module cannot be read.
    """
    if (kind, name) in _GIVEN:
        return keccak(_source(_GIVEN[kind, name]).encode()).hex()
    if ":" not in name:
        offered(kind, name)
        return ", ".join(sorted({f"{each.dist.name} {each.dist.version}" for each in _group(kind)
                                 if each.name == name and each.dist}))  # fmt: skip
    try:
        file = import_module(name.partition(":")[0]).__file__
        return keccak(Path(file).read_bytes()).hex() if file else ""
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:  # its module may raise anything while it is imported
        raise PluginBroken(kind, name, _raised(error, name.partition(":")[0])) from error


def _raised(error: BaseException, module: str) -> str:
    """What a module raised; of one that is not found how it is."""
    missing = isinstance(error, ModuleNotFoundError) and error.name in (module, module.partition(".")[0])
    return f"{type(error).__name__}: {error}" + (
        f"; install its package, or name the folder of {module.partition('.')[0]}: PYTHONPATH=FOLDER chain-bandit …"
        if missing else ""
    )


def _source(maker: Any) -> str:
    try:
        return getsource(maker)
    except (OSError, TypeError):  # typed into a console
        return repr(maker)


def names(kind: str, ours: Mapping[str, Any]) -> str:
    """Everything that has a name, in words, and which packages may offer more."""
    unread = [f"whatever {each} offers, whose entry points cannot be read" for each in _installed()[1]]
    here = (name for of, name in _GIVEN if of == kind)
    return ", ".join(dict.fromkeys([*ours, *here, *sorted(each.name for each in _group(kind)), *unread]))


def offered(kind: str, name: str) -> EntryPoint:
    """The entry point of this name. Raises `PluginBroken` when nothing has it, or two packages point elsewhere."""
    offers = [each for each in _group(kind) if each.name == name]
    if not offers:
        raise PluginBroken(kind, name, UNKNOWN)
    if len(places := sorted({each.value for each in offers})) > 1:
        raise PluginBroken(kind, name, f"several packages offer it; say which one: {', '.join(places)}")
    return offers[0]


def offers(kind: str) -> dict[str, str]:
    """Where what other packages offer is, by name."""
    return {each.name: each.value for each in sorted(_group(kind), key=lambda point: point.name)}


def points(group: str) -> list[EntryPoint]:
    """Entry points of the group `chain_bandit.GROUP`, of all packages whose own can be read."""
    try:
        return list(entry_points(group=f"chain_bandit.{group}"))
    except Exception:  # noqa: BLE001 - of some package: the robust reader, which takes longer, passes over it
        return _group(group)


def _group(kind: str) -> list[EntryPoint]:
    return [each for each in _installed()[0] if each.group == f"chain_bandit.{kind}"]


def _installed() -> tuple[list[EntryPoint], list[str]]:
    """Entry points of all installed distributions, and the names of those that are left out, as theirs cannot be read.

    Of several of one name the first on the path counts. They are read again once a folder of the path has changed.
    """
    return _read(tuple((place, _changed(place or ".")) for place in sys.path))


def _changed(place: str) -> int:
    with suppress(OSError):
        return os.stat(place).st_mtime_ns
    return 0


@lru_cache(maxsize=1)
def _read(path: tuple[tuple[str, int], ...]) -> tuple[list[EntryPoint], list[str]]:
    found, unread = dict[str, list[EntryPoint]](), list[str]()
    for number, each in enumerate(distributions()):
        name = f"a package without a name ({number})"
        with suppress(Exception):  # records may say anything
            name = each.name or name
        if name in found or name in unread:
            continue
        with suppress(Exception):
            found[name] = _entry_points(each)
            continue
        unread.append(name)
    return [point for points in found.values() for point in points], unread


def _entry_points(distribution: Distribution) -> list[EntryPoint]:
    """Those of a distribution. Raises whatever its records bring about."""
    form = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    form.read_string(distribution.read_text("entry_points.txt") or "")
    return list(distribution.entry_points)
