"""One small game with everything in it that a view shows: a liar, an equivocator, failed rounds, an exploration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.game import folder
from chain_bandit.game.run import run
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch

SCENARIO = """
name = "views"
preset = "paper"
seed = 7
participants = 4
rounds = 40
liars = 1
attackers = 1
[rewards]
kind = "bernoulli"
means = [0.3, 0.5, 0.8]
[[malicious]]
seat = 2
attacks = [{ name = "silent-validator", options = { first = 20, last = 22 } }]
[[malicious]]
seat = 3
attacks = [
  { name = "silent-validator", options = { first = 20, last = 22 } },
  { name = "constant-lie", options = { favour = 0 } },
  { name = "equivocating-commander" },
]
"""


@dataclass(frozen=True)
class Sample:
    """A run folder, read."""

    manifest: dict[str, Any]
    report: AuditReport
    rounds: Any
    history: History
    measured: dict[str, Any]
    scenario: str

    @property
    def run(self) -> tuple[dict[str, Any], AuditReport, Any]:
        """What most views take."""
        return self.manifest, self.report, self.rounds


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The game, played once."""
    return play(tmp_path_factory.mktemp("views"), {})


@pytest.fixture(scope="session")
def batched(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The same game with committees, three blocks a transaction, and bodies beside the chain."""
    changes = {"validators": 3, "quorum": "majority", "chain.batch": 3, "chain.body": "compact"}
    return play(tmp_path_factory.mktemp("batched"), changes)


@pytest.fixture(scope="session")
def headed(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Three blocks a transaction where everybody validates: the last one's certificate stands for all three."""
    return play(tmp_path_factory.mktemp("headed"), {"chain.batch": 3})


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """A game whose validators are drawn, some of them by more than one trial."""
    changes = {"participants": 9, "quorum": "majority", "sortition": 0.7, "weights": [1, 1, 2, 1, 1, 3, 1, 1, 2]}
    return play(tmp_path_factory.mktemp("drawn"), changes)


def play(place: Path, changes: dict[str, Any]) -> Sample:
    (place / "views.toml").write_text(SCENARIO, encoding="utf-8")
    (place / "run").mkdir()
    watch = Stopwatch()
    manifest = run(load(place / "views.toml", changes), place / "run", lambda moment: None, watch)
    history = files.read(place / "run" / folder.HISTORY)
    head = bytes.fromhex(manifest["head"][2:])
    rounds = folder.read_rounds(place / "run")
    scenario = (place / "run" / folder.SCENARIO).read_text(encoding="utf-8")
    return Sample(manifest, audit(history, head), rounds, history, watch.measured(), scenario)


@pytest.fixture(scope="session")
def cut(sample: Sample) -> AuditReport:
    """The audit of a history that ends in the middle of the game."""
    blocks = tuple(sample.history.blocks)
    return audit(History(sample.history.origin, blocks[: len(blocks) // 2]))
