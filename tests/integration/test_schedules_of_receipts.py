"""A part of `python -m verification.schedules --receipts`; and faults planted, each of which it must find."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit.actors import participant
from chain_bandit.actors.environment import Environment
from chain_bandit.actors.participant import Participant
from chain_bandit.actors.rules import Rules
from chain_bandit.actors.witness import Witness
from chain_bandit.nodes.environment import EnvironmentRole, _Unwritten
from chain_bandit.nodes.role import posts
from chain_bandit.protocol.tallies import SignedTallies, Tallies
from verification.schedules import receipts
from verification.schedules.budget import of_receipts
from verification.schedules.receipts import Conspiracy, ReceiptStage, play

SCHEDULES = 250
"""Of `make test`; the deep ones are 10^5."""

FOUND_WITHIN = 400


def test_nobody_honest_is_convicted_and_every_first_lie_is_proven(capsys):
    assert of_receipts(range(SCHEDULES), 2) == 0
    said = capsys.readouterr().out
    for what in ("killed", "lost receipt", "empty receipt", "exploration", "proof", "framed"):
        assert what in said
    for what in ("environment killed", "pull out of order", "game with phases", "late settlement"):
        assert what in said
    for what in ("sealed game", "kept sealing key"):
        assert what in said
    for each in Conspiracy:
        assert each.value in said
    assert f"{SCHEDULES:,} schedules, 0 broken" in said


def test_a_seed_gives_the_same_schedule():
    stage = ReceiptStage()
    assert play(stage, 7) == play(stage, 7) != play(stage, 8)


class Same:
    """Whatever it is compared with."""

    def __ne__(self, other: object) -> bool:
        return False


def names_the_last_round(original: Callable[..., Any]) -> Callable[..., Any]:
    def report(self: Participant, ledger: Any) -> Any:
        self.received = ledger.round - 1
        return original(self, ledger)

    return report


def gives_nothing_to_the_silent(original: Callable[..., Any]) -> Callable[..., Any]:
    def late_pull(self: Environment, seat: int, round_: int, request: Any) -> Any:
        past = self._rounds.get(round_)
        header = past.approved if past is not None else None
        rewarded = past is not None and header is not None and seat in self.rules.rewarded(past.ledger, header)
        return original(self, seat, round_, request) if rewarded else []

    return late_pull


def forgets_explorations(original: Callable[..., Any]) -> Callable[..., Any]:
    def add(self: Tallies, round_: int, pulls: Any, is_paid: bool) -> None:
        forgotten = pulls and not is_paid and round_ > self._parameters.burn_in
        original(self, round_, () if forgotten else pulls, is_paid)

    return add


def looks_a_round_too_early(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, round_, seat: original(self, round_ - 1, seat)


def gives_what_is_unasked_after_later_ones(original: Callable[..., Any]) -> Callable[..., Any]:
    def due(self: _Unwritten, rules: Rules, kept: Any) -> Any:
        here = self.ledger.round
        return original(self, rules, SimpleNamespace(last=lambda seat: here if kept.get(seat, here) else 0))

    return due


def answers_while_it_reads_again(original: Callable[..., Any]) -> Callable[..., Any]:
    def pulled(self: EnvironmentRole, seat: int, round_: int, request: Any) -> Any:
        said = posts(self._environment.late_pull(seat, round_, request))
        self._keep(said)
        return said

    return pulled


def gives_up_what_is_unasked(original: Callable[..., Any]) -> Callable[..., Any]:
    def pulled(self: EnvironmentRole, seat: int, round_: int, request: Any) -> Any:
        if self._kept.last(seat) >= round_:
            return self._owed(seat, round_)
        return answers_while_it_reads_again(original)(self, seat, round_, request) or self._owed(seat, round_)

    return pulled


def forgets_what_was_refused(original: Callable[..., Any]) -> Callable[..., Any]:
    def in_time(self: EnvironmentRole, *given: Any) -> None:
        original(self, *given)

    return in_time


UNGUARDED = (Environment, "last", lambda _: lambda self, seat: 0)
"""The actor refuses what its node must not ask for; without that the schedules must tell."""

IN_SEALED = "who asks for a later pull gives up what is given unasked"
"""In a sealed game the environment's tallies are not those of its secret then: a liar is proven nothing."""

FAULTS: dict[str, tuple[tuple[Any, str, Callable[[Any], Any]], ...]] = {
    "a report names a round without a receipt": ((Participant, "report", names_the_last_round),),
    "a report leaves before its receipts are on disk": (
        (receipts._Schedule, "_sync", lambda _: lambda self, seat: None),
    ),
    "a receipt is taken whatever its tally": ((participant, "tally", lambda _: lambda counts, totals: Same()),),
    "who is silent is given no receipt": ((Environment, "late_pull", gives_nothing_to_the_silent),),
    "who is silent is paid": ((Rules, "rewarded", lambda _: lambda self, ledger, header: self.reporters(ledger)),),
    "another arm than the block's is paid": ((Rules, "is_paid", lambda _: lambda self, header, arm: True),),
    "tallies lack explorations": ((Tallies, "add", forgets_explorations),),
    "a witness holds a report against another round": ((SignedTallies, "find", looks_a_round_too_early),),
    "a witness proves nothing": ((Witness, "_proof", lambda _: lambda self, round_, seat: None),),
    "what is unasked is given after what is pulled": (
        (_Unwritten, "due", gives_what_is_unasked_after_later_ones), UNGUARDED,
        (EnvironmentRole, "_pulled", gives_up_what_is_unasked),
    ),
    "a settlement that came too late is not sent again": ((EnvironmentRole, "_in_time", forgets_what_was_refused),),
    "an environment that is back answers before it knows what it gave": (
        (EnvironmentRole, "_pulled", answers_while_it_reads_again), UNGUARDED,
    ),
    IN_SEALED: ((EnvironmentRole, "_pulled", gives_up_what_is_unasked),),
}  # fmt: skip

RARE = {
    "what is unasked is given after what is pulled": 1_370, IN_SEALED: 1_370,
    "an environment that is back answers before it knows what it gave": 290,
}  # fmt: skip
"""Where the search begins for what few schedules see: an environment waits for no more than w + 1 blocks."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, monkeypatch):
    for where, name, planted in FAULTS[fault]:
        monkeypatch.setattr(where, name, planted(getattr(where, name)))
    stage = ReceiptStage(sealed=fault == IN_SEALED)
    first = RARE.get(fault, 0)
    assert any(play(stage, seed).violations for seed in range(first, first + FOUND_WITHIN))


@pytest.mark.deep
def test_many_schedules():
    assert of_receipts(range(100_000), 2) == 0
