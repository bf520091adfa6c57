"""An honest seat that a proof hits shows the receipt that its report rested on."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit.actors.messages import ENVIRONMENT, Receipt
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.nodes.receipts import KeptReceipts
from chain_bandit.nodes.seat import SeatRole
from chain_bandit.protocol.ledger import opening
from chain_bandit.protocol.messages import Phase, Role, tally
from chain_bandit.protocol.units import NO_PULL
from verification.schedules.receipts import ReceiptStage

SEAT = 2


def test_a_receipt_that_gives_nothing_is_kept_and_acquits(tmp_path):
    """A report may rest on it, and so may a proof."""
    stage, shown = ReceiptStage(), list[Any]()
    follower = SimpleNamespace(proofs=Counter(), acquitted=set(), rest=lambda: None)
    rules, own = stage.rules, stage.participant(SEAT)
    ledger = opening(rules.parameters, rules.genesis, rules.seed_0)
    seat: Any = SimpleNamespace(number=SEAT, rules=rules, participant=own, begin=lambda ledger: None)
    seat.on_message = lambda sender, message: own.on_receipt(ledger, message) and []
    contract: Any = SimpleNamespace(
        acquit=lambda wallet, what: shown.append(what), settle=lambda: None, proven_by=lambda seat: 1
    )
    prover, kept = SimpleNamespace(prove=lambda wallet: None), KeptReceipts(tmp_path / "receipts.jsonl")
    journal: Any = SimpleNamespace(sync=lambda: None)
    role = SeatRole(seat, kept, journal, contract, None, follower, prover)  # type: ignore[arg-type]
    unsigned = Receipt(1, NO_PULL, 0, tally(own.counts, own.totals), b"")
    content = rules.receipt_content(unsigned)
    signature = stage.owner.state(rules.slot(ledger), Phase.REWARD, Role.ENVIRONMENT, SEAT, content)
    role.begin(ledger)
    for _ in range(2):  # it comes again
        role.take(ENVIRONMENT, 1, replace(unsigned, signature=signature))
    assert not role.waits()
    assert kept.has(SEAT, 1)
    follower.proofs[SEAT] = 1
    role._watch()
    assert [what[2] for what in shown] == [NO_PULL]
    kept.close()


@pytest.mark.parametrize("refusal", ["", "NothingProven", "AlreadyClosed", "InvalidSignature"])
def test_a_seat_shows_its_last_receipt_before_the_report_once_a_proof(tmp_path, refusal):
    """Whatever the contract says of it; again after each proof that takes the place of the one before."""
    shown = list[Any]()

    def acquit(wallet: object, what: Any) -> None:
        shown.append(what)
        if refusal:
            raise TransactionReverted("acquit", refusal, ())

    kept = KeptReceipts(tmp_path / "receipts.jsonl")
    for round_ in (7, 8, 10):
        kept.add(SEAT, Receipt(round_, 1, round_ * 100, bytes([round_]) * 32, bytes([round_]) * 64, round_ + 1))
    parameters = SimpleNamespace(provable=1, sealed=False, settlement_window=9)
    rules = SimpleNamespace(parameters=parameters, everybody=(0, 1, SEAT))
    seat: Any = SimpleNamespace(number=SEAT, rules=rules, begin=lambda ledger: None, on_message=lambda *given: [])
    seat.participant = SimpleNamespace(received=0)
    follower: Any = SimpleNamespace(proofs=Counter(), acquitted=set(), closed=False, rest=lambda: None)
    journal: Any = SimpleNamespace(forget=lambda through: None, sync=lambda: None)
    rests = [0]
    contract: Any = SimpleNamespace(
        acquit=acquit, settle=lambda: None, proven_by=lambda seat: rests[-1], blocks_left=lambda parameters, blocks: 1
    )
    prover: Any = SimpleNamespace(on_record=lambda *given: None, prove=lambda wallet: None)
    seat.rules.parameters.burn_in = 6
    role = SeatRole(seat, kept, journal, contract, None, follower, prover)  # type: ignore[arg-type]
    for round_ in range(7, 12):
        role.begin(SimpleNamespace(round=round_, head=bytes([100 + round_]) * 32))  # type: ignore[arg-type]
    assert not role.finish()
    assert shown == []
    for rested in (8, 7, 8):  # the last proof rests on the round of the first: it came while that one was answered
        follower.proofs[SEAT] += 1
        rests.append(rested)
        for _ in range(2):
            assert not role.finish()
        tally, signature = bytes([rested]) * 32, bytes([rested]) * 32
        parent = bytes([100 + rested]) * 32
        assert shown == [(SEAT, parent, 1, rested + 1, rested * 100, tally, signature, signature)]
        shown.clear()
    rests.append(10)  # another proof came in between, which rests on another round
    assert not role.finish()
    assert [what[4] for what in shown] == [1000]
    shown.clear()
    follower.proofs[SEAT], follower.acquitted = 5, {SEAT}
    assert not role.finish()
    assert shown == []
    kept.close()
