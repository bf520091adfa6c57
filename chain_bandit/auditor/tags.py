"""Receipt tags of a sealed game: which pull each stands for (PROTOCOL 1.8)."""

from chain_bandit.auditor.exhibits import Slice
from chain_bandit.auditor.game import Past, ReplayedGame, draw
from chain_bandit.protocol.sealing import receipt_tag
from chain_bandit.protocol.settlement import NOTHING, TAG_BYTES, Pull
from chain_bandit.protocol.units import NO_PULL


def pulls_of_tags(game: ReplayedGame, past: Past, tags: bytes) -> tuple[Pull | None, ...]:
    """The open round's pull of every seat; None where no pull has its tag, or the secret is not revealed."""
    everybody = range(game.parameters.participants)
    if game.disclosed is None or game.survey.reveal is None:
        return (None,) * len(everybody)
    t, secret = game.running.round, game.survey.reveal[0]
    found: list[Pull | None] = []
    for seat in everybody:
        tag = tags[TAG_BYTES * seat : TAG_BYTES * (seat + 1)]
        arms = sorted((NO_PULL, *range(game.parameters.arms)), key=lambda arm: arm != past.arm)  # the likeliest first
        pulls = (
            NOTHING if arm == NO_PULL else Pull(arm, draw(game.disclosed, t, seat, arm, past.failed)) for arm in arms
        )
        found.append(next((pull for pull in pulls if receipt_tag(secret, game.seed_0, t, seat, pull) == tag), None))
    return tuple(found)


def check_tags(game: ReplayedGame, t: int, first: Slice) -> None:
    """Every settled tag of a round is of a pull; `first` is where the calldata has the tag of seat 0."""
    for seat, pull in enumerate(game.past[t].pulls):
        if game.disclosed is None:
            game.checks.unknown("settlement.tags", "the environment's secret is not revealed")
        else:
            game.checks.that(pull is not None, "settlement.tags", t, f"receipt tag of seat {seat}",
                             "{} is of no pull, not of {}", first.next(seat).bytes,
                             "one that the game allows, with the committed draw as its reward", part=first.next(seat))
