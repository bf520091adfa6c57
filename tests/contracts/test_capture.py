"""Fewer keys than a quorum of the open committee end no round and choose no committee, whatever they submit."""

from collections.abc import Iterable

import pytest

from chain_bandit.protocol.blocks import Header, Report, mask, seats
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.ledger import blocked, validators
from chain_bandit.protocol.parameters import ODDS, BodyMode
from chain_bandit.protocol.quorum import QuorumChoice, quorum
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.units import UNIT
from tests.contracts.harness import Game, kind_of, parameters
from tests.contracts.test_evidence import accuse
from tests.rules import rule

SHAPES: dict[str, dict[str, int]] = {
    "the five best of nine": {"participants": 9, "validators": 5, "liars": 2, "attackers": 2},
    "the four best of ten, two thirds": {
        "participants": 10, "validators": 4, "liars": 1, "attackers": 1, "quorum_choice": 1,
    },
    "three tenths of twenty drawn": {
        "participants": 20, "liars": 2, "attackers": 2, "sortition": 3 * ODDS // 10 + 1,
    },
}  # fmt: skip


def opened(shape: str, mode: BodyMode) -> Game:
    game = Game(parameters(**SHAPES[shape], horizon=60, unrecorded=8, body_mode=mode), name=shape).open()
    assert game.deployment.accepted
    game.approve()
    game.approve()
    return game


def outsiders(game: Game) -> list[int]:
    """Seats that do not validate, as many as are a quorum of the smallest committee that has one."""
    p, members = game.p, validators(game.ledger)
    least = next(n for n in range(1, p.participants) if p.quorum(n) <= n) if p.sortition else game.quorum
    return seats(p.everybody & ~members)[:least]


def favouring(game: Game, coalition: Iterable[int]) -> tuple[Header, bytes]:
    """A block with the coalition's reports alone, which are named where a header names the drawn."""
    chosen = sorted(coalition)
    reports = [Report((UNIT // 2,) * game.p.arms, ZERO, game.proof()) for _ in chosen]
    named = {"committee": mask(chosen)} if game.p.sortition else {}
    return game.block(reporters=chosen, reports=reports, radii=(0,) * game.p.arms, **named)


def captured(game: Game, coalition: list[int]) -> list[Submitted]:
    """Blocks that nobody signed, until the coalition is a quorum of the committee that they make; one of its own."""
    blocks, here, records = [], game.ledger, list(game.records)
    while len(mine := sorted({*coalition} & {*seats(validators(game.ledger))})) < game.quorum:
        header, body = favouring(game, coalition)
        blocks.append(game.submitted(header, body, ()))
        game.record(kind_of(header), header)
    header, body = favouring(game, coalition)
    blocks.append(game.submitted(header, body, mine))
    game.ledger, game.records = here, records
    return blocks


@pytest.mark.parametrize("mode", list(BodyMode))
@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_without_signers_choose_no_committee(shape: str, mode: BodyMode) -> None:
    game = opened(shape, mode)
    coalition = outsiders(game)
    assert not mask(coalition) & validators(game.ledger)
    header, body = favouring(game, coalition)
    direct = game.submit(game.submitted(header, body, coalition)).error
    assert direct == ("UnknownSigners", mask(coalition), validators(game.ledger))
    blocks = captured(game, coalition)
    assert [bool(block.signers) for block in blocks] == [*[False] * (len(blocks) - 1), True]
    assert game.submit(*blocks).error == ("CertificateMissing", game.ledger.round)
    game.check()
    # Nor may they stand behind a block that is certified: every one needs its own committee.
    good = game.submitted(*(honest := game.block()))
    before = game.ledger
    game.record(kind_of(honest[0]), honest[0])
    rest = captured(game, outsiders(game))
    game.ledger = before
    assert game.submit(good, *rest).error == ("CertificateMissing", game.ledger.round + 1)
    game.check()
    assert game.submit(good).accepted


@pytest.mark.parametrize("shape", SHAPES)
def test_nobody_chooses_a_committee_by_a_skip(shape: str) -> None:
    """After a skip there is one that the rules give, for every caller and whatever a quorum signs."""
    game = opened(shape, BodyMode.FULL)
    right, coalition = game.next_committee(), mask(outsiders(game))
    game.machine.block += game.p.skip_deadline + 1
    for wrong in (0, coalition, coalition | 1, right ^ 1, right & right - 1):
        assert game.refused(game.anybody, "skip", wrong, *game.certificate(ZERO))[0].startswith("Committee")
        assert game.refused(game.anybody, "skipAfterDeadline", wrong)[0].startswith("Committee")
    game.check()
    assert game.call(game.anybody, "skipAfterDeadline", right).accepted


@pytest.mark.parametrize("choice", list(QuorumChoice))
def test_who_is_listed_and_a_quorum_of_the_rest_are_a_quorum_of_all(choice: QuorumChoice) -> None:
    """So a batch across a change of the block list rests on no fewer keys than its first block needs by itself."""
    for n in range(1, 65):
        for m in range((n - 1) // 2 + 1):
            for listed in range(n):
                assert quorum(n - listed, m, choice) + listed >= quorum(n, m, choice)


def test_a_batch_across_a_change_of_the_block_list_needs_a_quorum_of_those_left() -> None:
    p = parameters(
        participants=10, liars=2, attackers=3, quorum_choice=QuorumChoice.TWO_THIRDS, horizon=60,
        aggregation=rule("option-2"),
    )
    game = Game(p, name="listed").open()
    for seat in (7, 8, 9):
        accuse(game, seat)
    blocks, here, records = [], game.ledger, list(game.records)
    while not blocked(game.ledger, game.ledger.round):
        header, body = game.block()
        blocks.append(game.submitted(header, body, ()))
        game.record(kind_of(header), header)
    header, body = game.block()
    assert (p.quorum(10), game.quorum) == (7, 6)
    few, enough = (game.submitted(header, body, range(count)) for count in (5, 6))
    game.ledger, game.records = here, records
    assert game.submit(*blocks, few).error == ("QuorumMissing", 5, 6)
    assert game.submit(*blocks, enough).accepted
