"""Roots of a sealed game: which pulls each stands for (PROTOCOL 1.8)."""

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, product

from chain_bandit.audit.game import Game, Past, draw
from chain_bandit.crypto.seal import unseal
from chain_bandit.protocol.ledger import blocked
from chain_bandit.protocol.sealing import nonce, receipts_root
from chain_bandit.protocol.settlement import NOTHING, ROOT_BYTES, Pull

MOST_TRIES = 50_000
"""Rows of pulls that a root is held against before it counts as not checkable."""

NEXT_REPORT = 16
"""Rounds in which a report is looked for that says what a seat last received."""


def pulls_of_root(game: Game, past: Past) -> tuple[Pull, ...] | None:
    """The pulls of the open round whose root the next unread settlement entry is; None when they are not found.

    The secret gives the draw of every arm, so that each seat leaves a choice of arms: for a malicious one that of its
    own record comes first, then the honest one. `past.refuted` tells a root that no row of them has from one that was
    not found among the first `MOST_TRIES`.
    """
    at = ROOT_BYTES * game.approved
    game.approved += 1
    root = bytes(game.survey.pulls[at : at + ROOT_BYTES])
    if len(root) != ROOT_BYTES or game.disclosed is None or game.survey.reveal is None:
        return None
    secret, t = game.survey.reveal[0], game.running.round
    choices = [_choices(game, past, seat) for seat in range(game.parameters.participants)]
    suspects = [seat for seat in range(len(choices)) if not game.is_honest(seat)]
    honest = [seat for seat in range(len(choices)) if game.is_honest(seat)]
    tried = 0
    for row in islice(_rows(choices, suspects, len(suspects)), MOST_TRIES):
        tried += 1
        if receipts_root(secret, game.seed_0, t, row) == root:
            return row
    for row in _rows(choices, honest, 1):
        if receipts_root(secret, game.seed_0, t, row) == root:
            return row
    past.refuted = tried < MOST_TRIES
    return None


def _choices(game: Game, past: Past, seat: int) -> list[Pull]:
    """What a seat may have pulled in the open round, the likeliest first."""
    assert game.disclosed is not None
    t, arms = game.running.round, range(game.parameters.arms)
    drawn = [Pull(arm, draw(game.disclosed, t, seat, arm, past.failed)) for arm in arms]
    first = [NOTHING] if blocked(game.running, t) >> seat & 1 else []
    told = None if game.is_honest(seat) else _told(game, seat, t)
    if told is not None and told.arm in arms:
        first.append(drawn[told.arm])
    return list(dict.fromkeys([*first, drawn[past.arm], NOTHING, *drawn]))


def _told(game: Game, seat: int, t: int) -> Pull | None:
    """What the seat's next report says, by the key that it revealed: a guess, since it may lie, or tell of another
    round that came between."""
    key = game.survey.seal_keys.get(seat)
    for later in range(t + 1, t + 1 + NEXT_REPORT):
        sealed = game.survey.sealed.get(later, {}).get(seat)
        if key is not None and sealed is not None:
            return unseal(key, nonce(game.digest, later, seat), sealed)
    return None


def _rows(choices: Sequence[Sequence[Pull]], seats: Sequence[int], most: int) -> Iterator[tuple[Pull, ...]]:
    """Rows of pulls in which up to so many of the seats depart from their first choice, few before many."""
    likeliest = [each[0] for each in choices]
    for departing in range(most + 1):
        for chosen in combinations(seats, departing):
            for others in product(*(choices[seat][1:] for seat in chosen)):
                row = list(likeliest)
                for seat, pull in zip(chosen, others, strict=True):
                    row[seat] = pull
                yield tuple(row)


def check_root(game: Game, t: int) -> bool:
    """Hold a settled root against what is known of its round; whether its pulls are known."""
    checks, past = game.checks, game.past[t]
    if past.pulls is not None:
        return checks.that(True, "settlement.roots", t, "root", "")
    if game.disclosed is None:
        checks.unknown("settlement.roots", "the environment's secret is not revealed")
    elif past.refuted:
        checks.that(False, "settlement.roots", t, "root of its receipts",
                    "it is of no pulls that the game allows, with the committed draws as rewards")
    else:
        checks.unknown("settlement.roots", f"{MOST_TRIES} rows of pulls are not what a root stands for")
    return False
