"""A part of `python -m verification.schedules --epochs`; and faults planted, each of which it must find."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chain_bandit.actors.epochs import dealing
from chain_bandit.actors.epochs.epoch import Epoch, Stage, Staged
from chain_bandit.actors.epochs.participant import EpochParticipant
from chain_bandit.actors.epochs.validator import EpochValidator
from chain_bandit.consensus.broadcast import SignedBroadcast
from chain_bandit.consensus.certificate import Certificate, Votes
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.protocol.agreement import body, ledger
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.messages import Slot
from verification.schedules.budget import of_epochs
from verification.schedules.epochs import Deed, draw, play, played, violates
from verification.schedules.keyring import Scribe
from verification.schedules.shrink import shrunk

SCHEDULES = 200
"""Of `make test`; the deep ones are 10^4."""

FOUND_WITHIN = 400


def test_the_honest_agree_on_the_true_token_and_nobody_honest_is_accused(capsys):
    assert of_epochs(range(SCHEDULES), 2) == 0
    said = capsys.readouterr().out
    for what in ("agreed", "deadline", "proof", *(deed.value for deed in Deed)):
        assert what in said
    assert f"{SCHEDULES:,} schedules, 0 broken" in said


def test_a_seed_gives_the_same_schedule():
    assert play(7) == play(7)
    assert draw(7) == draw(7) != draw(8)


def test_true_signatures_come_to_the_same_as_ideal_ones():
    for seed in range(8):
        assert play(seed, Scribe) == play(seed)


Fault = tuple[Any, str, Callable[[Any], Any]]


def first_of_two(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, instance: next(iter(self._held[instance].values()), None)


def opens_what_one_doubts(original: Any) -> Callable[..., Any]:
    return lambda self: frozenset(place for said in self._doubts.values() for place in said)


def counts_whatever_is_in_doubt(original: Any) -> Callable[..., Any]:
    return lambda self: tuple(self._doubts)


def sums_that_come_early_are_dropped(original: Callable[..., Any]) -> Callable[..., Any]:
    def on_message(self: EpochValidator, sender: int, message: Any) -> None:
        early = isinstance(message, Staged) and message.stage is Stage.SUM and self._step < self.epoch.start(Stage.SUM)
        if not early:
            original(self, sender, message)

    return on_message


def says_nothing_agreed(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self: b"" if self.seat % 2 else original(self)


def keeps_the_accused(original: Any) -> Callable[..., Any]:
    return lambda state, seat: state


def one_slot(original: Any) -> Any:
    return property(lambda self: Slot(self.separator, 0, bytes(32)))


def one_relay_fewer(original: Any) -> Any:
    return property(lambda self: self.faulty)


def more_than_the_faulty(original: Any) -> Callable[..., Any]:
    return lambda self, validators: self.faulty + 1


def two_sums_are_enough(original: Callable[..., Any]) -> Callable[..., Any]:
    def total(terms: AgreementTerms, members: int, sums: Any) -> Any:
        known = {at: value for at, value in enumerate(sums) if value is not None}
        few = dict(sorted(known.items())[-terms.faulty - 1 :])
        try:
            return body.shamir.opened(few, terms.faulty).secret
        except body.shamir.NotShared:
            return None

    return total


def blames_another(original: Callable[..., Any]) -> Callable[..., Any]:
    def equivocations(self: Votes) -> Any:
        return [replace(proof, instance=0) for proof in original(self)]

    return equivocations


FAULTS: dict[str, tuple[Fault, ...]] = {
    "sums that come before the own step are dropped": (
        (EpochValidator, "on_message", sums_that_come_early_are_dropped),
    ),
    "of two claims the first counts": ((SignedBroadcast, "outcome", first_of_two),),
    "a participant opens what a single validator doubts": ((EpochParticipant, "_doubted", opens_what_one_doubts),),
    "who is in doubt counts": ((EpochValidator, "_settled", counts_whatever_is_in_doubt),),
    "nobody is asked to open": ((EpochValidator, "_doubt", lambda original: lambda self: (original(self), [])[1]),),
    "no claim is relayed": ((EpochValidator, "_relay", lambda _: lambda self: []),),
    "a broadcast has one relay too few": ((AgreementTerms, "relay_rounds", one_relay_fewer),),
    "a quorum is more than the faulty": ((AgreementTerms, "quorum", more_than_the_faulty),),
    "a relayer takes any certificate": ((Certificate, "holds", lambda _: lambda self, *given: True),),
    "f + 1 sums are enough": ((body, "total", two_sums_are_enough),),
    "some say that nothing is agreed": ((EpochValidator, "_result", says_nothing_agreed),),
    "who is accused takes part": ((ledger, "accused", keeps_the_accused),),
    "all epochs have one slot": ((Epoch, "slot", one_slot),),
    "a proof names somebody else, and nobody checks it": (
        (Votes, "equivocations", blames_another), (Equivocation, "proves", lambda _: lambda self, *given: True),
    ),
    "an opened share is taken whatever its probe": ((dealing, "is_on", lambda _: lambda *given: True),),
    "signatures of votes are not checked": ((Votes, "on_vote", None),),  # type: ignore[dict-item]
    "the token is not clamped": ((ledger, "clamped", lambda _: lambda agreed, *bounds: agreed),),
    "a mean is rounded up": ((body, "mean", lambda original: lambda total, count: original(total + count - 1, count)),),
}  # fmt: skip


def unchecked_votes(self: Votes, vote: Any) -> bool:
    self._by_content.setdefault(vote.content, {})[vote.seat] = vote.signature
    return True


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, monkeypatch):
    for where, name, planted in FAULTS[fault]:
        made = planted(where.__dict__[name]) if planted else unchecked_votes
        monkeypatch.setattr(where, name, made)
    assert any(play(seed).violations for seed in range(FOUND_WITHIN))


def test_a_schedule_shrinks_to_the_acts_that_matter(monkeypatch):
    monkeypatch.setattr(SignedBroadcast, "outcome", first_of_two(None))
    seed = next(seed for seed in range(FOUND_WITHIN) if play(seed).violations and len(draw(seed).acts) > 4)
    least = shrunk(draw(seed), violates(draw(seed)))
    assert len(least.acts) < len(draw(seed).acts)
    assert played(least).violations


@pytest.mark.deep
def test_many_schedules():
    assert of_epochs(range(10_000), 2) == 0
