"""A run that was stopped, by its node or by a kill -9 of its own, and is taken up again: the same run folder."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.chain.delivery import Delivery
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.journal import FileJournal, JournalLocked
from chain_bandit.chain.patience import Patience
from chain_bandit.game.folder import FolderRefused
from chain_bandit.game.on_chain import opening_balances
from chain_bandit.game.plan import Plan
from chain_bandit.game.unfinished import JOURNAL, place_of
from chain_bandit.runs import play
from chain_bandit.scenario import load
from tests.integration.live import Anvil, Proxied, anvil, proxy

ROOT = Path(__file__).parents[2]
ROUNDS = 26
IMPATIENT = Delivery(patience=0.5, timeout=0.3)
COMMAND = Path(sys.executable).with_name("chain-bandit")


@pytest.fixture
def node() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


def small(seed: int, node: Anvil):
    scenario = load(ROOT / "examples" / "small.toml", {"rounds": ROUNDS, "seed": seed, "expect": {}})
    node.fund(opening_balances(Plan(scenario)))
    return scenario


def started(node: Anvil, out: Path, seed: int, resume: bool) -> "subprocess.Popen[bytes]":
    options = {"--chain": node.url, "--rounds": ROUNDS, "--seed": seed, "--out": out, "-o": "expect={}"}
    command = [COMMAND, "run", "examples/small.toml", *(word for pair in options.items() for word in pair)]
    return subprocess.Popen(
        [*map(str, command), *(["--resume"] if resume else [])], cwd=ROOT, stdout=subprocess.DEVNULL
    )


def stay(node: Any) -> dict[str, Any]:
    """Play on a node that outlives the run."""
    return {"chain": lambda plan: nullcontext(node), "outlives": True}


def killed_at(node: Anvil, out: Path, seed: int, marks: list[int]) -> None:
    """Kill the run when its journal has so many lines, again and again, then let it end."""
    small(seed, node)
    journal = out.with_name(out.name + ".partial-run") / JOURNAL
    resume = False
    for lines in marks:
        process = started(node, out, seed, resume)
        patience = Patience(60.0)
        while not (journal.exists() and journal.read_bytes().count(b"\n") >= lines):
            assert process.poll() is None
            patience.wait(TimeoutError("no journal"))  # type: ignore[arg-type]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not out.exists()
        resume = True
    assert started(node, out, seed, resume).wait() == 0
    require_same(node, out, seed)
    assert not journal.parent.exists()


def require_same(node: Anvil, out: Path, seed: int) -> None:
    """The folder says what the same scenario gives without any trouble on a chain of its own."""
    scenario = load(ROOT / "examples" / "small.toml", {"rounds": ROUNDS, "seed": seed, "expect": {}})
    smooth = out.with_name("smooth")
    play(scenario, smooth)
    got, expected = (json.loads((path / "manifest.json").read_text()) for path in (out, smooth))
    for key in ("run_digest", "approved", "rejected", "skip", "gas_by_method", "regret"):
        assert got[key] == expected[key], key
    assert json.loads((out / "audit.json").read_text())["verdict"] == "passed"
    assert int(node.ask("eth_getBalance", got["contract"], "latest"), 16) == 0


def test_a_run_killed_at_three_places_is_taken_up_each_time(node, tmp_path):
    killed_at(node, tmp_path / "run", 1, [3, 12, 31])


@pytest.mark.deep
@pytest.mark.parametrize("lines", range(2, 46, 2))
def test_a_run_killed_anywhere_is_taken_up(node, tmp_path, lines):
    killed_at(node, tmp_path / "run", lines, [lines])


def test_a_run_whose_node_is_gone_stops_with_exit_5_and_is_taken_up(node, tmp_path, monkeypatch):
    monkeypatch.setattr("chain_bandit.game.run.PIPELINED", IMPATIENT)
    scenario, out, exchanges = small(2, node), tmp_path / "run", [0]

    def gone(handler, batch):
        exchanges[0] += 1
        if exchanges[0] > 40:
            handler.hang_up()
        return exchanges[0] > 40

    with proxy(node.url, gone) as url, pytest.raises(NodeUnreachable) as stopped:
        play(scenario, out, **stay(Proxied(node, url)))
    assert stopped.value.exit_code == 5
    assert [path.name for path in tmp_path.iterdir()] == ["run.partial-run"]

    with pytest.raises(FolderRefused, match="--resume"):
        play(scenario, out, **stay(node))
    other = small(3, node)
    with pytest.raises(FolderRefused, match="another scenario"):
        play(other, out, **stay(node), resume=True)
    held = FileJournal(place_of(out) / JOURNAL)
    with pytest.raises(JournalLocked, match="another process"):
        play(scenario, out, **stay(node), resume=True)
    held.close()

    play(scenario, out, **stay(node), resume=True)
    require_same(node, out, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "smooth"]


def test_there_must_be_something_to_resume(node, tmp_path):
    scenario = small(4, node)
    with pytest.raises(FolderRefused, match="no stopped run"):
        play(scenario, tmp_path / "run", **stay(node), resume=True)
    with pytest.raises(FolderRefused, match="the chain of that run ended"):
        play(scenario, tmp_path / "run", resume=True)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_sent_nothing_leaves_nothing(tmp_path):
    with anvil() as gone:
        scenario = small(5, gone)
    with pytest.raises(NodeUnreachable):
        play(scenario, tmp_path / "run", **stay(gone))
    assert list(tmp_path.iterdir()) == []
