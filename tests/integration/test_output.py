"""Exit codes and output: the verdict's code on any terminal, with a closed pipe, or on a full disk."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit.chain_history import files
from verification.splicing import games

COMMAND = Path(sys.executable).parent / "chain-bandit"
TERMINALS = {
    "ascii": {"PYTHONIOENCODING": "ascii:strict"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.fixture(scope="module")
def violated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history with a transaction that its root does not hold, in a folder of a name that is not ASCII."""
    history = games(0)[0].history
    *blocks, last = history.blocks
    path = tmp_path_factory.mktemp("Zürich-Łódź") / "history.jsonl"
    files.write(replace(history, blocks=(*blocks, replace(last, transactions=(b"\2",)))), path)
    return path


def run(*arguments: str | Path, **more: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([COMMAND, *arguments], env=os.environ | more, capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize("terminal", TERMINALS)
def test_every_terminal_gets_the_verdict(terminal: str, violated: Path, tmp_path: Path) -> None:
    for code, arguments in (
        (12, ("audit", "--history", violated)), (12, ("audit", "--history", violated, "--json")),
        (0, ("show", violated)), (0, ("explain", "12")), (0, ("--help",)),
        (3, ("audit", "--history", tmp_path / "Łódź")), (2, ("explain", "Łódź")), (2, ("show", violated, "round", "Ł")),
    ):  # fmt: skip
        found = run(*arguments, **TERMINALS[terminal])
        assert found.returncode == code, (arguments, found.stderr)
        assert b"a bug" not in found.stderr
        assert (found.stdout + found.stderr).isascii() or terminal == "latin-1"


def test_a_reader_that_has_gone_changes_no_verdict(violated: Path) -> None:
    for code, arguments in ((12, ("audit", "--history", violated)), (0, ("explain", "12")), (0, ("show", violated))):
        reader, writer = os.pipe()
        os.close(reader)
        for streams in ({"stdout": writer}, {"stdout": writer, "stderr": writer}):
            found = subprocess.run([COMMAND, *arguments], **streams, timeout=120, check=False)
            assert found.returncode == code, arguments
        os.close(writer)


def test_output_that_cannot_be_written_is_said_and_is_no_bug(violated: Path) -> None:
    for code, arguments in ((12, ("audit", "--history", violated)), (2, ("explain", "12"))):
        with open("/dev/full", "wb") as full:
            found = subprocess.run([COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=120, check=False)
        assert found.returncode == code
        assert found.stderr.splitlines()[-1] == (
            b"error: standard output cannot be written (No space left on device): not all is there"
        )


def test_what_a_plug_in_prints_is_not_among_the_answers(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text("""
import json
import os
import chain_bandit as cb

class Loud(cb.Attack):
    conduct = cb.Conduct.LIAR

    def means(self, view, honest):
        print("said")
        os.write(1, b"written\\n")
        return honest
""")
    (tmp_path / "sweep.toml").write_text("""
name = "loud"
base = "small"
axes = { liars = [1], seed_of = { one = { seed = 1 }, two = { seed = 2 } } }
""")
    small = ("small", "-o", 'malicious=[{seat=3,attacks=[{name="loud:Loud"}]}]', "-o", "expect={}", "--rounds", "20")
    (tmp_path / "small").write_text(
        'name = "small"\nparticipants = 4\nrounds = 20\nliars = 1\nattackers = 0\n'
        'rewards = { kind = "bernoulli", means = [0.9, 0.6] }\n'
        'malicious = [{ seat = 3, attacks = [{ name = "loud:Loud" }] }]\n'
    )
    path = os.pathsep.join((str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])))
    for arguments in (
        ("simulate", *small, "--replicates", "2"), ("run", *small, "--out", tmp_path / "run"),
        ("sweep", tmp_path / "sweep.toml", "--replicates", "2", "--jobs", "2", "--out", tmp_path / "swept"),
    ):  # fmt: skip
        found = run(*arguments, "--json", PYTHONPATH=path)
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout)
        assert b"said" in found.stderr
        assert b"written" in found.stderr
