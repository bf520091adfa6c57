"""Proofs of equivocation that a game in one process hands in."""

from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.game.game import Game
from chain_bandit.protocol.messages import Phase, Role, Slot

SEAT = 2


@pytest.mark.parametrize(("since", "lied", "handed_in"), [(0, False, 1), (7, False, 0), (7, True, 1)])
def test_who_was_listed_for_a_false_report_alone_is_reported_once(since: int, lied: bool, handed_in: int) -> None:
    """Else an acquittal of the false report would spare it the slash."""
    proof = Equivocation(Slot(bytes(32), 9, bytes(32)), Phase.BLOCK, Role.SIGNER, SEAT, b"", b"", b"", b"")
    game: Any = Game.__new__(Game)
    reports = list[Equivocation]()
    game.recorder = SimpleNamespace(report=reports.append)
    game.cast = SimpleNamespace(honest=[SimpleNamespace(equivocations=lambda: [proof])])
    ledger = SimpleNamespace(blocked_from=(0, 0, since, 0), liars=lied << SEAT)
    game.progress = SimpleNamespace(ledger=ledger, evidence=[], reported=set())
    for _ in range(2):
        assert game._collect_evidence() == {SEAT}
    assert reports == [proof] * handed_in
