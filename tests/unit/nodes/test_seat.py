"""Receipts that a seat waits for before its next round."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit.actors.messages import ENVIRONMENT, PullRequest, Send
from chain_bandit.nodes.seat import SeatRole
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.ledger import opening
from verification.schedules.receipts import ReceiptStage

SEAT, ROUND = 2, 33
OTHERS, ALL_SEATS = 0b1011, 0b1111
OLDEST = ROUND - 2
"""Of the rounds whose tallies a report of the next one may name."""


@pytest.mark.parametrize(
    ("reporters", "received", "waits"),
    [(ALL_SEATS, ROUND - 1, True), (OTHERS, ROUND - 1, False), (OTHERS, OLDEST, False), (OTHERS, OLDEST - 1, True)],
    ids=["paid", "unpaid", "unpaid, but its tally may be named", "unpaid, and its tally is too old"],
)  # fmt: skip
def test_a_seat_waits_for_a_receipt_of_nothing_only_where_its_next_report_may_name_no_other(reporters, received, waits):
    """A seat that is behind falls back further with each receipt that it waits for, where rounds are short."""
    rules = ReceiptStage().rules
    participant = SimpleNamespace(received=received)
    seat: Any = SimpleNamespace(number=SEAT, rules=rules, participant=participant, begin=lambda ledger: None)
    seat.on_message = lambda sender, message: [Send((ENVIRONMENT,), PullRequest(0, b""))]
    seat.validator, seat.equivocations = SimpleNamespace(late_equivocations=list), list
    kept: Any = SimpleNamespace(get=lambda *given: None)
    nothing: Any = None
    role = SeatRole(seat, kept, nothing, nothing, nothing, nothing, nothing)
    role.begin(replace(opening(rules.parameters, rules.genesis, rules.seed_0), round=ROUND, means=(1, 2)))
    header = SimpleNamespace(reporters=reporters, arm=0)
    found: Any = SimpleNamespace(record=SimpleNamespace(kind=Kind.APPROVED, header=header), block=object())
    assert role.recorded(found) == ([(ENVIRONMENT, PullRequest(0, b""))] if waits else [])
    assert role.waits() == waits
