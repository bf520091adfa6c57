"""Tallies that a report may name: the second implementation keeps each for as long as that."""

import pytest

from chain_bandit.actors.participant import Participant
from chain_bandit.actors.validator import Validator
from chain_bandit.game.run import run
from chain_bandit.paranoid.recompute import recompute
from chain_bandit.runs import audit_folder
from chain_bandit.stopwatch import Stopwatch
from tests.games import build_scenario, malicious


@pytest.mark.parametrize("seed", [1, 2])
def test_a_report_may_name_the_oldest_tally_after_failed_rounds(seed, tmp_path, monkeypatch):
    """Two rounds fail, and somebody labelled a liar names truthfully what it was given before them."""
    seat, round_, named, failing = 6, 20, 16, (18, 19)
    held = dict[int, tuple[object, ...]]()
    receives, reports, proposes = Participant.on_receipt, Participant.report, Validator._propose

    def state(own):
        return own.counts, own.totals, own.received, own.last

    def on_receipt(self, ledger, receipt):
        is_taken = receives(self, ledger, receipt)
        if self.seat == seat and is_taken:
            held[receipt.round] = state(self)
        return is_taken

    def report(self, ledger):
        if (self.seat, ledger.round) != (seat, round_):
            return reports(self, ledger)
        now = state(self)
        self.counts, self.totals, self.received, self.last = held[named]
        said = reports(self, ledger)
        self.counts, self.totals, self.received, self.last = now
        return said

    monkeypatch.setattr(Participant, "on_receipt", on_receipt)
    monkeypatch.setattr(Participant, "report", report)
    monkeypatch.setattr(
        Validator, "_propose", lambda self: [] if self.ledger.round in failing else proposes(self)
    )
    scenario = build_scenario(
        7, 2, 24, malicious=[malicious(seat, ("sleeper", {"wakes": 1000}))], attackers=1, liars=1, slash=0.5,
        burn_in=4, failure_limit=3, seed=seed, chain={"settle_every": 7, "settlement_window": 20},
    )  # fmt: skip
    (tmp_path / "run").mkdir()
    run(scenario, tmp_path / "run", lambda line: None, Stopwatch())
    assert audit_folder(tmp_path / "run", paranoid=False).exit_code == 0
    second = recompute(tmp_path / "run" / "history.jsonl.gz")
    assert not second.differences
