"""Compiled games are kept for the processes to come, and forgotten when any rule changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import chain_bandit

PACKAGE = Path(chain_bandit.__file__).parent
ASKED = """
import sys
sys.path.insert(0, sys.argv[1])
from chain_bandit.simulation.kernel.compiled import folder
from chain_bandit.simulation.kernel.roots import isqrt
assert isqrt(10**12 + 1) == 10**6
hits, misses = (sum(kept.values()) for kept in (isqrt.stats.cache_hits, isqrt.stats.cache_misses))
print(folder().name, hits, misses, isqrt.stats.cache_path)
"""


def asked(where: Path, cache: Path) -> list[str]:
    """(name of the folder, functions found there, functions compiled, numba's own folder) of a process of its own."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    return subprocess.run(
        [sys.executable, "-c", ASKED, str(where)], env={**variables, "XDG_CACHE_HOME": str(cache)},
        capture_output=True, text=True, check=True, timeout=300,
    ).stdout.split(maxsplit=3)  # fmt: skip


def test_the_second_process_compiles_nothing_until_some_file_changes(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "chain_bandit", ignore=shutil.ignore_patterns("__pycache__"))
    first, second = (asked(tmp_path, tmp_path / "cache") for _ in range(2))
    assert first[1:3] == ["0", "1"]
    assert second[:3] == [first[0], "1", "0"]
    assert Path(first[3].strip()).is_relative_to(tmp_path / "cache")
    with (tmp_path / "chain_bandit" / "protocol" / "arms.py").open("a") as rule:
        rule.write("# another rule\n")
    changed = asked(tmp_path, tmp_path / "cache")
    assert changed[0] != first[0]
    assert changed[1:3] == ["0", "1"]


def test_where_nothing_can_be_kept_each_process_compiles_its_own(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    for _ in range(2):
        assert asked(PACKAGE.parent, tmp_path / "a file")[1:] == ["0", "1", "None\n"]
