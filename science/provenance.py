"""Provenance of a row or a picture: its tree and its seeds."""

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "figures"
PLAYING = ("benchmarks", "science", "verification", "chain_bandit", "examples")
"""What a figure is a function of; that it is written into the pages changes none of it."""


@cache
def commit() -> str:
    """Of the tree as it is when first asked; with a plus where what plays was changed since."""
    changed = _git("status", "--porcelain", "--", *PLAYING)
    return f"{_git('describe', '--always') or 'unknown'}{'+' if changed else ''}"


def history() -> Callable[[str], bool] | None:
    """Tells whether a commit, by seven digits or more, has led to this tree; None where not all of them are here."""
    if _git("rev-parse", "--is-shallow-repository") != "false":
        return None
    every = _git("rev-list", "HEAD").split()
    return lambda commit: len(commit) >= 7 and any(each.startswith(commit) for each in every)


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def made(first: int, count: int) -> dict[str, Any]:
    """Provenance fields of a row: the commit, and the first and the last of so many seeds."""
    return {"commit": commit(), "seeds": [first, first + count - 1]}


def require_clean(out: Path | None) -> None:
    """What the pages show is made by a commit. Raises `SystemExit` where the tree is changed."""
    made_by = commit()
    if out and out.resolve().is_relative_to(FIGURES) and made_by.endswith("+"):
        raise SystemExit(f"the tree is changed ({made_by}): commit, or write to another place than docs/figures")
