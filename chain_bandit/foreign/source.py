"""Source of a foreign rule: its file, found without an import, and the digest by which a game names it.

An import would run code outside the digest, that of parent packages too. So a file is found by the records of the
distribution that offers it, by a search of the path for a module of one file, or named itself.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from chain_bandit.append_log import regular_file
from chain_bandit.plugins import PluginBroken, offered
from chain_bandit.protocol.digests import keccak

KINDS: Final = ("aggregation", "disclosure", "policy", "reputation", "selection")
MAX_SIZE: Final = 1 << 18
"""Bytes of a rule's file."""


@dataclass(frozen=True)
class Source:
    """A file as it was read, and the class in it that is meant."""

    path: Path
    attribute: str
    data: bytes

    @property
    def digest(self) -> bytes:
        """keccak-256 of the file's bytes."""
        return keccak(self.data)


def found(kind: str, name: str) -> Source:
    """The source of a rule: `path/to/file.py:Class`, `module:Class`, or the name of an entry point.

    Raises:
        PluginBroken: nothing has the name, two packages have it, or its file cannot be found or read.
    """
    place, _, attribute = name.rpartition(":")
    if not place:
        entry = offered(kind, name)
        module, _, attribute = entry.value.partition(":")
        try:
            path = _installed(entry.dist, module) if entry.dist else _on_path(module)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:  # records may say anything
            raise PluginBroken(kind, name, f"the records of its package cannot be read: {error}") from error
    else:
        module, path = place, Path(place) if place.endswith(".py") else _on_path(place)
    if not (module and attribute.isidentifier()):
        raise PluginBroken(kind, name, "names no class; write path/to/rule.py:Class or module:Class")
    if path is None:
        lost = f"no file of {module[:80]} is found without an import; write FILE.py:{attribute}"
        raise PluginBroken(kind, name, lost)
    return Source(path, attribute, _read(kind, name, path))


def from_anywhere(name: str) -> str:
    """The same source, whatever folder is the current one."""
    place, _, attribute = name.rpartition(":")
    return f"{Path(place).absolute()}:{attribute}" if place.endswith(".py") else name


def _read(kind: str, name: str, path: Path) -> bytes:
    try:
        with regular_file(path) as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise PluginBroken(kind, name, f"{str(path)[:80]} cannot be read: {error.strerror}") from error
    if len(data) > MAX_SIZE:
        raise PluginBroken(kind, name, f"{path} is larger than {MAX_SIZE} bytes; a rule is one small file")
    return data


def _on_path(module: str) -> Path | None:
    """Of a module of one file: of a package, Python would run more than that file."""
    if not module.isidentifier():
        return None
    folders = [*map(Path, sys.path), Path.cwd()]
    return next((folder / f"{module}.py" for folder in folders if (folder / f"{module}.py").is_file()), None)


def _installed(distribution: Distribution, module: str) -> Path | None:
    """Of a module that a distribution records, or that lies in the folder of an editable one."""
    if not all(part.isidentifier() for part in module.split(".")):
        return None
    names = (f"{module.replace('.', '/')}.py", f"{module.replace('.', '/')}/__init__.py")
    for file in distribution.files or ():
        if file.as_posix() in names:
            return Path(str(distribution.locate_file(file)))
    places = (folder / name for folder in _edited(distribution) for name in names)
    return next((place for place in places if place.is_file()), None)


def _edited(distribution: Distribution) -> Iterator[Path]:
    """Folders that an editable installation adds to the path, by its .pth files, else by the folder it names."""
    for file in distribution.files or ():
        if file.suffix == ".pth":
            path = Path(str(distribution.locate_file(file)))
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.strip():
                    yield path.parent / line.strip()  # or no folder: a comment, or code, which nobody runs here
    told = json.loads(distribution.read_text("direct_url.json") or "{}")
    if told.get("dir_info", {}).get("editable"):
        folder = Path(unquote(urlsplit(told["url"]).path))
        yield from (folder, folder / "src")
