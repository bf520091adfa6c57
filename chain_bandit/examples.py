"""Paths of the shipped scenarios: in the package when installed, in the repository's `examples` when editable."""

import os
from collections.abc import Mapping
from pathlib import Path


def example(name: str) -> Path:
    """The path of a shipped scenario or data file."""
    return _folder() / name


def examples() -> Mapping[str, Path]:
    """The shipped scenarios and sweeps by name, those of the theorems among them."""
    return {path.stem: path for path in sorted(_folder().rglob("*.toml"))}


def found(path: Path) -> Path:
    """A file, or where there is none of that name the shipped example: `flights` is flights.toml."""
    if path.suffix or os.path.exists(path) or len(path.parts) > 1:
        return path
    return examples().get(path.name, path)


def _folder() -> Path:
    package = Path(__file__).parent
    installed = package / "shipped_examples"
    return installed if installed.is_dir() else package.parent / "examples"
