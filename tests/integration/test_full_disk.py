"""Places that nothing can be written to, and disks that are full halfway: a sentence, never "a bug", nothing left."""

import resource
import subprocess
from pathlib import Path

import pytest

from tests.integration.nodes import COMMAND, ROOT, chain_bandit

SHORT = ("--rounds", 20, "-o", "expect={}")
READ_ONLY = Path("/sys")
"""Of the kernel's own: nobody, root neither, makes a file there."""


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    assert chain_bandit("run", ROOT / "examples" / "small.toml", *SHORT, "--out", out).returncode == 0
    return out


def commands(run_folder: Path, place: Path) -> dict[str, tuple[object, ...]]:
    sweep = ROOT / "examples" / "sweep.toml"
    return {
        "run": ("run", ROOT / "examples" / "small.toml", *SHORT, "--out", place / "run"),
        "page": ("audit", run_folder, "--page", place / "page.html"),
        "csv": ("audit", run_folder, "--statement", place / "money.csv"),
        "parquet": ("audit", run_folder, "--statement", place / "money.parquet"),
        "sweep": ("sweep", sweep, "--out", place / "sweep"),
        "plugin": ("new", "plugin", "attack", "mine", "--out", place / "mine"),
    }


def refused(name: str, said: "subprocess.CompletedProcess[str]") -> None:
    assert said.returncode == (3 if name == "sweep" else 2), said.stderr
    errors = said.stderr.splitlines()
    assert [line for line in errors if line.startswith("error: ")] == errors[-1:]
    assert "cannot be written" in errors[-1], errors


@pytest.mark.parametrize("name", ["run", "page", "csv", "parquet", "sweep", "plugin"])
def test_a_place_that_cannot_be_written_to_is_named_in_a_sentence(run_folder: Path, name: str) -> None:
    refused(name, chain_bandit(*commands(run_folder, READ_ONLY)[name]))


@pytest.mark.parametrize(
    ("name", "most"),
    [*(("run", most) for most in (1, 1_000, 5_000, 14_000, 40_000)), ("page", 20_000), ("csv", 2_000),
     ("parquet", 1_000), ("sweep", 200), ("plugin", 100)],
)  # fmt: skip
def test_a_disk_that_is_full_halfway_leaves_nothing_half_written(
    run_folder: Path, tmp_path: Path, name: str, most: int
) -> None:
    """Full for each file: at so many bytes of one."""

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    command = [COMMAND, *map(str, commands(run_folder, tmp_path)[name])]
    refused(name, subprocess.run(command, cwd=tmp_path, preexec_fn=full, capture_output=True, text=True, check=False))
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    if name == "sweep":  # what is whole of it is gone on with
        assert all(path.stat().st_size < most for path in left)
    else:
        assert left == []
