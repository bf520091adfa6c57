"""Receipt tags of a sealed game: which pull each stands for (protocol.md: Settlement)."""

from functools import partial

from chain_bandit.auditor.exhibits import Slice
from chain_bandit.auditor.game import Past, ReplayedGame, draw
from chain_bandit.protocol.sealing import pull_of_tag
from chain_bandit.protocol.settlement import TAG_BYTES, Pull


def pulls_of_tags(game: ReplayedGame, t: int, past: Past, tags: bytes) -> tuple[Pull | None, ...]:
    """The pull of every seat in a round; None where no pull has its tag, or the secret is not revealed."""
    return tuple(pull_of_seat(game, t, past, tags, seat) for seat in range(game.parameters.participants))


def pull_of_seat(game: ReplayedGame, t: int, past: Past, tags: bytes, seat: int) -> Pull | None:
    """The same of one seat, by the tags of all."""
    if game.disclosed is None or game.survey.reveal is None:
        return None
    arms = sorted(range(game.parameters.arms), key=lambda arm: arm != past.arm)  # the likeliest first
    drawn = partial(draw, game.disclosed, t, seat, failed=past.failed)
    tag = tags[TAG_BYTES * seat : TAG_BYTES * (seat + 1)]
    return pull_of_tag(game.survey.reveal[0], game.seed_0, t, seat, tag, arms, drawn)


def check_tags(game: ReplayedGame, t: int, first: Slice) -> None:
    """Every settled tag of a round is of a pull; `first` is where the calldata has the tag of seat 0."""
    for seat, pull in enumerate(game.past[t].pulls):
        if game.disclosed is None:
            game.checks.unknown("settlement.tags", "the environment's secret is not revealed")
        else:
            game.checks.that(pull is not None, "settlement.tags", t, f"receipt tag of seat {seat}",
                             "{} is of no pull, not of {}", first.next(seat).bytes,
                             "one that the game allows, with the committed draw as its reward", part=first.next(seat))
