"""Files of the repository, by git's own list."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    ".ci", ".github", "benchmarks", "chain_bandit", "contracts", "docs", "examples", "science", "scripts", "tests",
    "verification",
}  # fmt: skip
WRITTEN = {"manifest.json", "audit.json", "history.jsonl.gz"}
"""What a run leaves in its folder."""


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("no clone: nothing is tracked")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(each) for each in listed.split("\0") if each]


def strays(paths: list[Path]) -> list[Path]:
    """Folders at the top that nobody knows, what was printed there, and what a run has written."""
    return [
        path for path in paths
        if (len(path.parts) > 1 and path.parts[0] not in FOLDERS)
        or (len(path.parts) == 1 and path.suffix in {".out", ".err", ".log"})
        or path.name in WRITTEN
    ]  # fmt: skip


def test_no_run_and_nothing_that_was_printed_is_in_the_repository():
    assert strays(tracked()) == []


def test_a_run_that_was_added_is_found():
    added = ["o-header/scenario.lock.toml", "tests/manifest.json", "noeq.err", "README.md", "docs/rules.md"]
    assert strays(list(map(Path, added))) == list(map(Path, added[:3]))
