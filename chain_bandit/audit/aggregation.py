"""Aggregation: B, the global estimators, approval (PROTOCOL 1.4, 1.6, 1.7), and how near each report came (3)."""

from collections.abc import Mapping, Sequence

from chain_bandit.audit.exhibits import Field
from chain_bandit.audit.game import Game
from chain_bandit.protocol.aggregation import Aggregation, global_means, select
from chain_bandit.protocol.blocks import Header, Report, mask, round_seed, seats
from chain_bandit.protocol.reputation import accuracies
from chain_bandit.protocol.units import Means


def check_selected(game: Game, header: Header, reports: Mapping[int, Report]) -> None:
    """Recompute every B_i from reports, comparison bits and the pulls that the records say."""
    p, t = game.parameters, game.running.round
    means = {seat: report.means for seat, report in reports.items()}
    bits = {seat: [bool(row >> seat & 1) for row in header.candidates] for seat in reports}
    option, seed = Aggregation(p.aggregation), round_seed(game.seed_0, t)
    expected = select(option, means, bits, frozenset(), p.liars, p.arms, seed, p.delta, game.running.pulls)
    for arm in range(p.arms):
        game.checks.that(
            header.selected[arm] == mask(expected[arm]), "aggregate.selected", t, f"B of arm {arm}",
            "the header says seats {}, reports and bits give {}", seats(header.selected[arm]), sorted(expected[arm]),
        )  # fmt: skip


def check_attested(game: Game, header: Header, radii: Means, reports: Mapping[int, Report]) -> None:
    """Of a compact game, hold what a quorum attests against the body: means and accuracies."""
    p, t, checks = game.parameters, game.running.round, game.checks
    means, derived = {seat: report.means for seat, report in reports.items()}, header.derived()
    held = [frozenset(seats(row)) for row in header.selected]
    if frozenset().union(*held) <= means.keys():
        for arm, expected in enumerate(global_means(means, held)):
            checks.same(header.means[arm], expected, "aggregate.means", t, f"global estimator of arm {arm}", derived)
    else:
        checks.that(False, "aggregate.means", t, "global estimators", "B holds seats {}, of whom only {} report",
                    sorted(frozenset().union(*held)), sorted(means))
    accurate = accuracies(p.participants, means, header.means, radii, p.tolerance)
    checks.each_same(header.accuracies, accurate, "aggregate.accuracy", t, "accuracy of seat", derived)


def check_computed(game: Game, rounds: Sequence[int], said: object) -> None:
    """Of a full game, what the contract computed itself: the head that it `said` is over means and accuracies."""
    for name in ("aggregate.means", "aggregate.accuracy"):
        for t in rounds:
            game.checks.that(said == game.running.head, name, t, "what the contract computed from the body",
                             "the head that it recorded is {}, over what the reports give it is {}", said,
                             game.running.head, shown=Field.LOGS)
