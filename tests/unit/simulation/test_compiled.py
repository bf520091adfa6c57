"""Compiled games are kept for the processes to come, and forgotten when something changes that they import."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import chain_bandit
from chain_bandit.simulation.kernel.compiled import _imports, sources

PACKAGE = Path(chain_bandit.__file__).parent
KERNEL = "chain_bandit.simulation.kernel"
ASKED = """
import sys
sys.path.insert(0, sys.argv[1])
from chain_bandit.simulation.kernel import compiled, roots
assert compiled.is_kept(roots.__name__, "isqrt") == bool(int(sys.argv[2]))
assert roots.isqrt(10**12 + 1) == 10**6
hits, misses = (sum(kept.values()) for kept in (roots.isqrt.stats.cache_hits, roots.isqrt.stats.cache_misses))
assert compiled.is_kept(roots.__name__, "isqrt") == (roots.isqrt.stats.cache_path is not None)
print(compiled.folder("chain_bandit.simulation.kernel.play").name, hits, misses, roots.isqrt.stats.cache_path)
"""


def asked(where: Path, cache: Path, kept: bool = False) -> list[str]:
    """(folder of `play`, functions found, functions compiled, where) of a process of its own, that asks for a root."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    return subprocess.run(
        [sys.executable, "-c", ASKED, str(where), str(int(kept))], env={**variables, "XDG_CACHE_HOME": str(cache)},
        capture_output=True, text=True, check=True, timeout=300,
    ).stdout.split(maxsplit=3)  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of the package."""
    shutil.copytree(PACKAGE, tmp_path / "copy" / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "copy"


def comment(path: Path) -> None:
    """Change a source."""
    with path.open("a") as file:
        file.write("# another line\n")


def test_the_second_process_compiles_nothing_until_a_source_changes_that_it_imports(copy: Path, tmp_path: Path) -> None:
    first, second = asked(copy, tmp_path / "cache"), asked(copy, tmp_path / "cache", kept=True)
    assert first[1:3] == ["0", "1"]
    assert second[:3] == [first[0], "1", "0"]
    assert Path(first[3].strip()).is_relative_to(tmp_path / "cache")
    comment(copy / "chain_bandit" / "views" / "page.py")
    comment(copy / "chain_bandit" / "cli.py")
    assert asked(copy, tmp_path / "cache", kept=True)[:3] == [first[0], "1", "0"]
    comment(copy / "chain_bandit" / "protocol" / "arms.py")
    assert asked(copy, tmp_path / "cache", kept=True)[0] != first[0]
    comment(copy / "chain_bandit" / "simulation" / "kernel" / "compiled.py")
    assert asked(copy, tmp_path / "cache")[1:3] == ["0", "1"]


def test_two_clones_of_the_same_sources_share_what_was_compiled(copy: Path, tmp_path: Path) -> None:
    first = asked(PACKAGE.parent, tmp_path / "cache")
    assert asked(copy, tmp_path / "cache", kept=True)[:3] == [first[0], "1", "0"]


def test_sources_are_all_that_a_module_has_loaded_and_few_of_the_package() -> None:
    found = sources(f"{KERNEL}.play")
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys, {KERNEL}.play; print(*[n for n in sys.modules if 'chain_bandit' in n])"],
        capture_output=True, text=True, check=True, cwd=PACKAGE.parent,
    ).stdout.split()  # fmt: skip
    assert found.keys() >= set(loaded)
    assert len(found) < 100 < len(list(PACKAGE.rglob("*.py")))
    assert not any(".views" in name or ".audit" in name or ".nodes" in name for name in found)


def test_every_member_of_an_import_counts_whatever_is_said_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("from chain_bandit.protocol import (\n    arms,  # those of a game (all)\n    units,\n)\n")
    assert {"chain_bandit.protocol.arms", "chain_bandit.protocol.units"} <= _imports(file)


def test_where_nothing_can_be_kept_each_process_compiles_its_own(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    for _ in range(2):
        assert asked(PACKAGE.parent, tmp_path / "a file")[1:] == ["0", "1", "None\n"]


@pytest.mark.skipif(os.geteuid() != 0, reason="another user id takes root")
def test_a_user_without_a_home_compiles_and_keeps_nothing(tmp_path: Path) -> None:
    program = f"""
import os
from chain_bandit.simulation.kernel import compiled, roots
os.environ.pop("HOME", None)
os.environ.pop("XDG_CACHE_HOME", None)
os.setuid(54321)
assert not compiled.is_kept(roots.__name__, "isqrt")
with compiled._keeping({KERNEL + ".play"!r}) as kept:
    print(kept)
"""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "HOME", "XDG_"))}
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    said = subprocess.run(
        [sys.executable, "-c", program], env={**variables, **cache}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert said.stdout == "False\n", said.stderr
