"""Proofs of equivocation reach the relayer whenever they come up, and are repeated until the next record."""

from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit.actors.epochs.epoch import Shared
from chain_bandit.actors.messages import RELAYER
from chain_bandit.consensus.certificate import Vote
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.nodes.epochs import EpochValidatorRole
from chain_bandit.nodes.follower import Recorded
from chain_bandit.nodes.seat import SeatRole
from chain_bandit.protocol.blocks import Kind, Record
from chain_bandit.protocol.ledger import after_record
from chain_bandit.protocol.messages import Phase, Role, Slot
from verification.schedules.acts import GameSize
from verification.schedules.stage import ScheduleStage

CONTENTS = (b"\1" * 32, b"\2" * 32)
FALSE, OTHER = 3, 2


class Played:
    """The role of seat 0 of four, which receives from nobody but seats that vote twice."""

    def __init__(self) -> None:
        self.stage, nothing = ScheduleStage(GameSize(4, 1)), None
        self.ledger, receipts = self.stage.ledger, SimpleNamespace(get=lambda *given: None)
        given: Any = (self.stage.seats[0], receipts, nothing, nothing, nothing, nothing, nothing)
        self.role = SeatRole(*given)
        self.role.begin(self.ledger)

    def steps(self) -> list[Any]:
        for step in range(self.stage.rules.schedule.steps):
            said = self.role.tick(step)
        return self.proofs(said)

    def votes_twice(self, seat: int, ledger: Any) -> list[Any]:
        """What the role says of two votes of a round."""
        said, slot = list[Any](), self.stage.rules.slot(ledger)
        for content in CONTENTS:
            signature = self.stage.signers[seat].state(slot, Phase.BLOCK, Role.SIGNER, 0, content)
            said += self.role.take(seat, ledger.round, Vote(seat, content, signature))
        return self.proofs(said)

    def next_round(self) -> None:
        skipped = Record(self.ledger.round, Kind.SKIP)
        self.ledger = after_record(self.stage.rules.parameters, self.ledger, skipped)
        self.role.begin(self.ledger)

    @staticmethod
    def proofs(said: list[Any]) -> list[Any]:
        """Who is proven false of which round."""
        return [(m.slot.round, m.instance) for to, m in said if to == RELAYER and isinstance(m, Equivocation)]


@pytest.fixture
def played() -> Played:
    return Played()


def test_what_comes_before_the_last_step_is_told_with_it(played: Played) -> None:
    assert played.votes_twice(FALSE, played.ledger) == []
    assert played.steps() == [(played.ledger.round, FALSE)]
    assert played.votes_twice(FALSE, played.ledger) == []


def test_what_comes_after_the_last_step_is_told_at_once_and_repeated_through_the_next_round(played: Played) -> None:
    first, one, another = played.ledger, (played.ledger.round, FALSE), (played.ledger.round, OTHER)
    assert played.steps() == []
    assert played.votes_twice(FALSE, first) == [one]
    assert played.votes_twice(FALSE, first) == []
    assert played.proofs(played.role.insist()) == [one]
    played.next_round()
    assert played.votes_twice(OTHER, first) == [another]
    assert played.votes_twice(OTHER, first) == []
    assert played.steps() == [], "it was told"
    assert played.proofs(played.role.insist()) == [one, another]
    played.next_round()
    assert played.proofs(played.role.insist()) == [], "the relayer takes them no more"


def test_one_vote_of_the_last_round_and_one_that_comes_in_this_one_prove_it_too(played: Played) -> None:
    first = played.ledger
    signature = played.stage.signers[FALSE].state(
        played.stage.rules.slot(first), Phase.BLOCK, Role.SIGNER, 0, CONTENTS[0]
    )
    played.steps()
    assert played.role.take(FALSE, first.round, Vote(FALSE, CONTENTS[0], signature)) != [], "it is passed on"
    played.next_round()
    assert played.votes_twice(FALSE, first) == [(first.round, FALSE)]


def test_who_left_before_its_last_step_tells_what_it_holds_once_the_record_is_there(played: Played) -> None:
    assert played.votes_twice(FALSE, played.ledger) == []
    said = played.role.recorded(Recorded(Record(played.ledger.round, Kind.SKIP)))
    assert played.proofs(said) == [(played.ledger.round, FALSE)]


def test_a_validator_of_tokens_tells_what_comes_after_its_last_messages() -> None:
    slot, held = Slot(bytes(32), 5, bytes(32)), list[Equivocation]()
    actor: Any = SimpleNamespace(
        seat=1, begin=lambda epoch: None, on_tick=lambda step: [], on_message=lambda *given: None,
        equivocations=lambda: list(held),
    )  # fmt: skip
    epoch = SimpleNamespace(ledger=SimpleNamespace(epoch=5), certify=3)
    rounds: Any = SimpleNamespace(epoch=lambda ledger: epoch)
    role = EpochValidatorRole(actor, rounds, None)  # type: ignore[arg-type]
    role.begin(epoch.ledger)
    held.append(Equivocation(slot, Phase.BLOCK, Role.SIGNER, 2, b"", b"", b"", b""))
    message = Shared.__new__(Shared)
    assert role.take(2, 5, message) == []
    assert [role.tick(step) for step in (2, 3)] == [[], [(RELAYER, held[0])]]
    held.append(Equivocation(slot, Phase.BLOCK, Role.SIGNER, 3, b"", b"", b"", b""))
    assert role.take(3, 5, message) == [(RELAYER, held[1])]
    assert role.insist() == [(RELAYER, proof) for proof in held]
