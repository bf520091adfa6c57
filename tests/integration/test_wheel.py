"""Wheel: the package and its metadata alone, from which the demo runs without Node, a compiler or the repository."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = (
    "chain_bandit/chain/artifacts/ChainBandit.json",
    "chain_bandit/chain/artifacts/Tokens.json",
    "chain_bandit/chain/hardhat_network.json",
    "chain_bandit/chain/hardhat_node.mjs",
    "chain_bandit/views/page.css",
    "chain_bandit/views/page.js",
    "chain_bandit/shipped_examples/flights.toml",
    "chain_bandit/shipped_examples/flights.csv",
    "chain_bandit/py.typed",
)


def outside_package(names: Iterable[str]) -> set[str]:
    """What a wheel has at its top beside the package and its metadata."""
    tops = {name.partition("/")[0] for name in names}
    return {top for top in tops if top != "chain_bandit" and not top.endswith(".dist-info")}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked where nothing else is."""
    place = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).with_name("uv")
    build = [uv, "build", "--wheel", "--no-build-isolation", "--python", sys.executable]
    made = subprocess.run([*build, "--out-dir", place, ROOT], capture_output=True, text=True, timeout=120, check=False)
    assert made.returncode == 0, made.stderr
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert set(SHIPPED) <= set(archive.namelist())
        assert outside_package(archive.namelist()) == set()
        archive.extractall(place / "site")
    return place / "site"


def test_what_a_wheel_should_not_have_is_found() -> None:
    names = (*SHIPPED, "chain_bandit-1.0.dist-info/METADATA", "chain_bandit/scripts/x.py")
    assert outside_package(names) == set()
    others = {"benchmarks", "contracts", "examples", "science", "scripts", "tests", "verification"}
    assert outside_package((*names, *(f"{folder}/x.py" for folder in others), "x.py")) == others | {"x.py"}


def test_demo_runs_from_the_wheel_without_node_or_compiler(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = "import sys, chain_bandit.cli as c; assert 'site' in c.__file__; sys.argv[0] = 'chain-bandit'; c.main()"
    result = subprocess.run(
        [sys.executable, "-c", program, "demo", "--rounds", "130", "--json", "--out", str(tmp_path / "run")],
        cwd=tmp_path, env={"PYTHONPATH": str(installed), "PATH": str(tmp_path / "bin"), "HOME": os.environ["HOME"]},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["audit"] == "passed"
    assert said["approved"] == 46  # of 99 pulls from round L on, in phases
    assert (tmp_path / "run" / "report.html").stat().st_size > 50_000
