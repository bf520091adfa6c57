"""The README's commands do what it says: each is run, in order, in an empty copy of the repository's examples."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chain_bandit.chain.anvil import anvil
from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.scenario import load
from tests.integration.nodes_up import NAMES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def test_readme_commands_all_end_well(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = [line for line in commands() if line.startswith("chain-bandit ")]
    assert len(run) == 10
    for line in run:
        result = subprocess.run(
            line.split(), cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert result.returncode == 0, (line, result.stderr)


def test_commands_of_the_page_on_chains_all_end_well(tmp_path: Path) -> None:
    """In a folder with node_modules, on a node of the test's own in place of the page's URL."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    page = (ROOT / "docs" / "chains.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL) for line in block.splitlines()]
    assert len(lines) == 8
    with anvil() as node:
        for line in lines:
            result = subprocess.run(
                ["/bin/sh", "-c", line.replace("http://127.0.0.1:8545", node.url)], cwd=tmp_path,
                env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert result.returncode == 0, (line, result.stderr)


@pytest.mark.parametrize(("page", "count"), [("sweeps", 3), ("plugins", 3)])
def test_commands_of_the_pages_on_sweeps_and_plugins_all_end_well(tmp_path: Path, page: str, count: int) -> None:
    """What the second page installs goes into a folder of the test's own."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL) for line in block.splitlines()]
    assert len(lines) == count
    own = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_TARGET": str(tmp_path / "site"), "PIP_NO_INDEX": "1",
        "PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{ROOT}",
    }  # fmt: skip
    for line in lines:
        result = subprocess.run(
            line.split(), cwd=tmp_path, env={**os.environ, **own}, capture_output=True, text=True, timeout=500,
            check=False,
        )  # fmt: skip
        assert result.returncode == 0, (line, result.stdout, result.stderr)


def test_commands_of_the_page_on_nodes_play_the_game_that_one_process_plays(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    page = (ROOT / "docs" / "nodes.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL) for line in block.splitlines()]
    assert len(lines) == 5
    said = []
    for line in lines:
        result = subprocess.run(
            line.split(), cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=400,
            check=False,
        )  # fmt: skip
        assert result.returncode == 0, (line, result.stderr)
        said.append(result.stdout)
    game = Game(load(ROOT / "examples" / "small.toml", {"rounds": 20, "expect": {}}), NoChain())
    assert [played for played in game.play() if played.accused]
    assert f"run digest 0x{game.run_digest.hex()}" in said[0]
    assert said[1].splitlines() == [f"{name:<12} ended" for name in NAMES]
    assert "all 20 rounds are recorded" in said[2]
    assert said[3] == ""


def test_readme_names_targets_that_make_has() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {line.split()[1] for line in commands() if line.startswith("make ")}
    named |= set(re.findall(r"`make ([a-z]+)`", README))
    assert named >= {"demo", "test", "check", "deep", "bench", "regret", "help"}
    assert named <= targets


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert script[-1] == "make test"
    assert "make test" in commands()
