"""Lies to try the aggregation with: pure functions of what a liar knows (`reference.Lie`)."""

from chain_bandit.protocol.aggregation import Seats
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.units import UNIT, Means
from chain_bandit.simulation.reference import Lie, Reports

Arms = frozenset[int]


def worse_half(means: Means) -> Arms:
    """The K // 2 arms of the lowest true means, of equal ones the lower index."""
    return frozenset(sorted(range(len(means)), key=lambda arm: (means[arm], arm))[: len(means) // 2])


def favour(targets: Arms) -> Lie:
    """Report 1 for each of `targets` and 0 for every other arm, always."""

    def lie(round_: int, seat: int, honest: Reports, ledger: Ledger) -> Means:
        return tuple(UNIT if arm in targets else 0 for arm in range(len(ledger.pulls)))

    return lie


def favour_inside_range(targets: Arms, colluders: Seats, trim: int) -> Lie:
    """Favour `targets` with a report that trimming cannot tell from an honest one.

    All colluders report the `trim`-th largest estimator of the others for a target and the `trim`-th smallest for
    every other arm: with two or more of them at least one is left in B after the `trim` extremes are cut.
    """

    def lie(round_: int, seat: int, honest: Reports, ledger: Ledger) -> Means:
        others = [means for other, means in honest.items() if other not in colluders]
        ranked = [sorted(column) for column in zip(*others, strict=True)]
        return tuple(column[-trim] if arm in targets else column[trim - 1] for arm, column in enumerate(ranked))

    return lie
