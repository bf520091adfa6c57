"""Aggregation: B, the global estimators, approval (PROTOCOL 1.4, 1.6, 1.7)."""

from collections.abc import Mapping

from chain_bandit.audit.game import Game
from chain_bandit.protocol.aggregation import global_means, option_1
from chain_bandit.protocol.blocks import Header, Report, mask, round_seed, seats


def check_aggregation(game: Game, header: Header, reports: Mapping[int, Report]) -> None:
    """Recompute every B_i and every mean from reports and comparison bits."""
    p, t = game.parameters, game.running.round
    means = {seat: report.means for seat, report in reports.items()}
    bits = {seat: [bool(row >> seat & 1) for row in header.candidates] for seat in reports}
    expected = option_1(means, bits, frozenset(), p.liars, p.arms, round_seed(game.seed_0, t))
    for arm in range(p.arms):
        game.checks.that(
            header.selected[arm] == mask(expected[arm]), "aggregate.selected", t, f"B of arm {arm}",
            "the header says seats {}, reports and bits give {}", seats(header.selected[arm]), sorted(expected[arm]),
        )  # fmt: skip
    held = [frozenset(seats(row)) for row in header.selected]
    if frozenset().union(*held) <= means.keys():
        expected_means = global_means(means, held)
        for arm in range(p.arms):
            game.checks.same(
                header.means[arm], expected_means[arm], "aggregate.means", t, f"global estimator of arm {arm}"
            )
    else:
        game.checks.that(False, "aggregate.means", t, "global estimators", "B holds seats without a report")
