"""A node that hands in proofs of false reports: which ones, and when it is done."""

from collections.abc import Iterator
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.nodes.prover import Prover

LAST, WINDOW = 20, 50


class Chain:
    """What was proven, and what the contract says to a proof."""

    def __init__(self) -> None:
        self.proven: list[tuple[int, int]] = []
        self.before: dict[int, int] = {}
        self.refusal = self.unpaid = ""
        self.left: int | None = None
        self.rpc = SimpleNamespace(clock=Clock())

    def is_over(self) -> bool:
        return self.left is not None

    def report_false(self, wallet: object, seat: int, round_: int, proof: object) -> None:
        self.proven.append((seat, round_))
        if self.refusal:
            raise TransactionReverted("reportFalse", self.refusal, ())

    def settle(self) -> None:
        if self.unpaid:
            raise TransactionReverted("reportFalse", self.unpaid, ())

    def proven_from(self, seat: int) -> int:
        return self.before.get(seat, 0)

    def next_round(self) -> int:
        return LAST + 1

    def blocks_left(self, parameters: object, blocks: int) -> int:
        """The first half of the window has `left` blocks to come."""
        assert self.left is not None
        return self.left + blocks - WINDOW // 2


class Follower:
    """Settlements that are there, and what events say."""

    def __init__(self) -> None:
        self.voided: dict[int, tuple[int, int]] = {}
        self.acquitted: set[int] = set()
        self.settled, self.new = 0, list[tuple[int, bytes]]()

    def keep_settlements(self, sealed: bool = False) -> None:
        pass

    def settlements(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        while self.new:
            self.settled = self.new[0][0]
            yield "settleRewards", self.new.pop(0)


CREDITED = 7


def false(seat: int, round_: int) -> Any:
    tally = SimpleNamespace(credited=CREDITED)
    return SimpleNamespace(seat=seat, slot=SimpleNamespace(round=round_), tally=tally, calldata=lambda: ())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> tuple[Prover, Chain, Follower]:
    """A prover whose witness finds in a settlement through round t: seat 3's lie of t, and from 10 on seat 1's of 4."""

    class Witness:
        def __init__(self, *given: object) -> None: ...

        def on_record(self, *given: object) -> None: ...

        def on_settlement(self, through: int, said: bytes) -> list[Any]:
            return [false(3, through), *([false(1, 4)] if through >= 10 else [])]

    monkeypatch.setattr("chain_bandit.nodes.prover.Witness", Witness)
    parameters = SimpleNamespace(provable=1, sealed=0, participants=2, burn_in=6, settlement_window=WINDOW)
    chain, follower = Chain(), Follower()
    rules: Any = SimpleNamespace(parameters=parameters)
    given: Any = (rules, None, chain, follower)
    return Prover(*given), chain, follower


def test_each_is_handed_in_once_whoever_is_asked_again(made):
    prover, chain, follower = made
    follower.new = [(10, b"")]
    assert [proof.seat for proof in prover.unproven()] == [1, 3]
    prover.prove(None)
    prover.prove(None)
    assert chain.proven == [(1, 4), (3, 10)]


@pytest.mark.parametrize("voided", [{3: (10, CREDITED), 1: (4, 0)}, {3: (9, 0), 1: (2, CREDITED)}])
def test_what_somebody_has_proven_of_this_round_or_an_earlier_one_is_left(made, voided):
    """So is what a life before this one has: its proofs are found anew, and so are the contract's words of them."""
    prover, chain, follower = made
    follower.new, follower.voided = [(10, b"")], voided
    prover.prove(None)
    assert chain.proven == []


def test_an_earlier_one_than_was_proven_is_handed_in_and_nothing_against_who_was_acquitted(made):
    prover, chain, follower = made
    follower.new, follower.voided, follower.acquitted = [(10, b"")], {1: (5, 0), 3: (11, 0)}, {3}
    prover.prove(None)
    assert chain.proven == [(1, 4)]


def test_one_that_leaves_its_seat_less_than_was_proven_is_handed_in(made):
    """A liar that proves itself by a tally of the environment's with all that it earned in it keeps all, else."""
    prover, chain, follower = made
    follower.new, follower.voided = [(9, b"")], {3: (9, 2**64 - 1)}
    chain.before = {3: 9}
    prover.prove(None)
    assert chain.proven == [(3, 9)]


def test_what_the_chain_has_of_a_seat_and_events_do_not_tell_yet_is_waited_for_as_long_as_there_is_time(made):
    prover, chain, follower = made
    follower.new, chain.before = [(9, b"")], {3: 8}
    prover.prove(None)
    assert chain.proven == []
    assert prover.unproven()
    follower.voided = {3: (8, CREDITED + 1)}
    prover.prove(None)
    assert chain.proven == [(3, 9)]
    follower.new, chain.before = [(9, b"")], {3: 7}
    prover.prove(None)
    chain.left = WINDOW // 2
    prover.prove(None)
    assert chain.proven == [(3, 9)]
    chain.left = WINDOW // 8
    prover.prove(None)
    assert chain.proven == [(3, 9), (3, 9)]


@pytest.mark.parametrize("refusal", ["AlreadyProven", "ProofsOver"])
def test_somebody_may_be_faster_or_the_time_be_over(made, refusal):
    prover, chain, follower = made
    follower.new, chain.refusal = [(9, b"")], refusal
    prover.prove(None)
    assert prover.unproven() == []
    chain.before, follower.new = {1: 4, 3: 11}, [(10, b"")]
    prover.prove(None)
    assert chain.proven == [(3, 9), (3, 10)]


def test_what_the_contract_has_not_decided_is_handed_in_again_three_times_at_most(made):
    prover, chain, follower = made
    follower.new, chain.refusal = [(9, b"")], "OutOfGas"
    prover.prove(None)
    assert prover.unproven()
    chain.refusal = ""
    prover.prove(None)
    assert prover.unproven() == []
    follower.new, chain.refusal = [(10, b"")], "Unexplained"
    for _ in range(5):
        prover.prove(None)
    assert chain.proven == [(3, 9), (3, 9), (1, 4), (3, 10), (1, 4), (3, 10), (1, 4)]


@pytest.mark.parametrize("waits", [False, True])
def test_an_account_without_money_hands_it_in_once_it_has_some(made, waits):
    """A node that mines at once lets go of the call; of another one it stays under way, and is not made twice."""
    prover, chain, follower = made
    follower.new = [(10, b"")]
    chain.refusal, chain.unpaid = ("", "Rejected") if waits else ("Rejected", "")
    for _ in range(3):
        prover.prove(None)
    assert len(prover.unproven()) == 2
    assert chain.proven == [(1, 4)] * (1 if waits else 3)
    chain.refusal = chain.unpaid = ""
    prover.prove(None)
    assert prover.unproven() == []
    assert chain.proven[-1] == (3, 10)
    assert len(chain.proven) == (2 if waits else 5)


def test_a_call_that_waits_is_decided_before_another_proof_is_handed_in(made):
    """Else what the contract says of the one would be taken as said of the other, which then is not tried again."""
    prover, chain, follower = made
    follower.new, chain.unpaid = [(9, b"")], "Rejected"
    prover.prove(None)
    follower.new, follower.voided, said = [(10, b"")], {3: (10, 0)}, iter(["AlreadyProven", "OutOfGas"])

    def settle() -> None:
        raise TransactionReverted("reportFalse", next(said), ())

    chain.settle = settle
    prover.prove(None)
    assert chain.proven == [(3, 9), (1, 4)]
    assert [proof.seat for proof in prover.unproven()] == [1]


@pytest.mark.parametrize(("patience", "handed_in"), [(0.0, [0, 1]), (9.0, [1]), (inf, [])])
def test_while_the_game_runs_a_seat_leaves_it_to_the_relayer_until_a_round_is_recorded(made, patience, handed_in):
    prover, chain, follower = made
    prover._patience, follower.new = patience, [(9, b"")]
    found: Any = SimpleNamespace(record=None, block=None)
    prover.unproven()
    for records in (0, 1):
        prover.prove(None)
        assert (len(chain.proven) > 0) is (records in handed_in)
        prover.on_record(None, found)


def test_after_the_game_a_seat_leaves_it_to_others_for_a_while(made):
    prover, chain, follower = made
    now = [0.0]
    chain.rpc.clock = Clock(lambda: now[0])
    prover._patience, follower.new, chain.left = 9.0, [(9, b"")], WINDOW // 2
    for now[0] in (0.0, 8.9):
        prover.prove(None)
        assert chain.proven == []
    now[0] = 9.0
    prover.prove(None)
    assert chain.proven == [(3, 9)]


def test_after_the_game_a_seat_leaves_it_to_others_for_three_quarters_of_the_blocks_that_take_proofs(made):
    prover, chain, follower = made
    prover._patience, follower.new, chain.left = inf, [(9, b"")], WINDOW // 8 + 2
    prover.prove(None)
    assert chain.proven == []
    chain.left -= 1
    prover.prove(None)
    assert chain.proven == [(3, 9)]


def test_it_is_over_with_the_proofs_of_the_last_settlement_or_when_the_contract_takes_no_more(made):
    prover, chain, follower = made
    follower.new, chain.left = [(LAST - 1, b"")], 1
    prover.unproven()
    assert not prover.is_over()
    chain.left = 0
    assert prover.is_over()
    follower.new, chain.left = [(LAST, b"")], WINDOW // 2
    prover.unproven()
    assert not prover.is_over()
    prover.prove(None)
    assert prover.is_over()


def test_of_a_sealed_game_all_is_known_with_sums_secret_and_every_key(made):
    """Whatever opens it is given to the witness, and none of it is waited for after half of the window."""
    prover, chain, follower = made
    prover._parameters.sealed, chain.left = 1, 0
    shown = [("settleSums", (b"sums",)), ("reveal", (b"secret", b"", b"model")), ("revealSeal", (1, b"key"))]
    taken = list[tuple[object, ...]]()
    follower.settlements = lambda: iter(shown)
    for name in ("on_sums", "on_secret", "on_key"):
        setattr(prover._witness, name, lambda *given: taken.append(given) or [false(1, 7)])
    assert [proof.seat for proof in prover.unproven()] == [1]
    assert taken == [(b"sums",), (b"secret", b"model"), (1, b"key")]
    follower.settled, follower.credited, follower.revealed, follower.unsealed = LAST, True, True, {0}
    assert not prover.knows_all()
    assert prover.is_over()
    follower.unsealed = {0, 1}
    assert prover.knows_all()
    follower.credited = False
    assert not prover.knows_all()
