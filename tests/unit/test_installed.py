"""Installation by `pip install chain-bandit`: its size, and extras asked for by the features that need them."""

import re
import subprocess
import sys
from importlib.metadata import distribution
from importlib.util import cache_from_source
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 450 * 10**6
"""Bytes, with the bytecode that pip compiles."""
EXTRAS = ("numba", "pyarrow", "gymnasium", "pettingzoo", "torch", "ray", "scipy", "pandas")
NEEDING = {
    "arrow": "ArrowMissing", "sweeps.cell": "ArrowMissing", "sweeps.grid": "ArrowMissing", "sweeps.run": "ArrowMissing",
    "studies.folder": "ArrowMissing", "studies.results": "ArrowMissing", "views.fixed_tokens": "ArrowMissing",
    "views.study": "ArrowMissing", "views.sweep": "ArrowMissing", "gym_envs": "GymMissing",
    "mediate.games.parallel": "ModuleNotFoundError", "mediate.learners.actor_critic": "TorchMissing",
    "mediate.learners.experiment": "TorchMissing", "mediate.learners.lio": "TorchMissing",
    "mediate.learners.networks": "TorchMissing", "studies.run": "TorchMissing",
}  # fmt: skip
HIDDEN = f"import sys; sys.modules.update(dict.fromkeys({EXTRAS}))\n"


def size(file: Path) -> int:
    """Of a file, and of its bytecode where that is compiled."""
    compiled = Path(cache_from_source(str(file))) if file.suffix == ".py" else file
    return file.stat().st_size + (compiled.stat().st_size if compiled != file and compiled.is_file() else 0)


def sizes() -> dict[str, int]:
    """Of every package of the lock that a game needs, and of ours."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    found = {"chain-bandit": sum(map(size, (each for each in ROOT.glob("chain_bandit/**/*") if each.is_file())))}
    for name in re.findall(r"^([A-Za-z0-9._-]+)==(?!.*(?:sys_platform|win32))", lock, flags=re.MULTILINE):
        files = {Path(str(each.locate())) for each in distribution(name).files or ()}
        found[name] = sum(size(file) for file in files if file.is_file() and file.suffix != ".pyc")
    return found


def test_what_is_installed_takes_450_megabytes_at_most() -> None:
    found = sizes()
    assert len(found) > 60
    assert found["numpy"] > 20 * 10**6
    assert sum(found.values()) <= MOST, sorted(found.items(), key=lambda item: -item[1])[:8]


def without_extras(code: str) -> subprocess.CompletedProcess[str]:
    """What a process says that cannot import any extra."""
    return subprocess.run([sys.executable, "-c", HIDDEN + code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_module_but_those_of_an_extra_is_imported_without_it() -> None:
    said = without_extras(
        "import pkgutil, chain_bandit\n"
        "for found in pkgutil.walk_packages(chain_bandit.__path__, 'chain_bandit.'):\n"
        "    if found.name.endswith('__main__'): continue\n"
        "    try: __import__(found.name)\n"
        "    except Exception as error: print(found.name.removeprefix('chain_bandit.'), type(error).__name__)"
    )
    found = dict(line.split() for line in said.stdout.splitlines())
    compiled = {name for name in found if name.startswith("simulation.kernel.")}
    assert {name: found[name] for name in found.keys() - compiled} == NEEDING
    assert {found[name] for name in compiled} == {"ModuleNotFoundError"}


def played(place: Path) -> str:
    """Code that plays a short game."""
    game = "cb.load('small', preset='paper', rounds=20, expect={})"
    return f"import chain_bandit as cb\nrun = cb.play({game}, {str(place)!r})\n"


def test_a_game_its_audit_and_its_simulation_take_no_extra(tmp_path: Path) -> None:
    many = "cb.simulate(cb.load('small'), 2).regret.mean > 0"
    said = without_extras(f"{played(tmp_path / 'run')}print(run.audit.verdict, len(run.rounds), {many})")
    assert said.stdout == "passed 20 True\n", said.stderr


def test_what_needs_pyarrow_says_how_to_get_it(tmp_path: Path) -> None:
    run, money = tmp_path / "run", tmp_path / "money.parquet"
    assert without_extras(played(run)).returncode == 0
    for words in (("sweep", "examples/sweep.toml", "--out", tmp_path / "sweep"), ("audit", run, "--statement", money)):
        said = without_extras(f"import chain_bandit.cli as cli\nsys.argv[1:] = {list(map(str, words))}\ncli.main()")
        assert said.returncode == 4
        assert "files in Parquet need pyarrow: run pip install 'chain-bandit[parquet]'" in said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
