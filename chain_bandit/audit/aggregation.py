"""Aggregation: B, the global estimators, approval (PROTOCOL 1.4, 1.6, 1.7), and how near each report came (3)."""

from collections.abc import Mapping, Sequence

from chain_bandit.audit.exhibits import Field
from chain_bandit.audit.game import Game
from chain_bandit.protocol import rules
from chain_bandit.protocol.aggregation import global_means
from chain_bandit.protocol.blocks import Header, Report, mask, round_seed, seats
from chain_bandit.protocol.reputation import accuracies
from chain_bandit.protocol.rule import Agreed
from chain_bandit.protocol.ruleset import RulesUnknown
from chain_bandit.protocol.units import Means


def check_selected(game: Game, header: Header, reports: Mapping[int, Report], hashes: Mapping[int, bytes]) -> None:
    """Recompute every B_i, and every estimator that is no mean over it, from what the records say was agreed on."""
    p, t, ledger = game.parameters, game.running.round, game.running
    try:
        rule = rules.aggregation(p)
    except RulesUnknown as error:
        game.checks.unknown("aggregate.selected", str(error))
        return
    means = {seat: report.means for seat, report in reports.items()}
    bits = {seat: [bool(row >> seat & 1) for row in header.candidates] for seat in reports}
    seed = round_seed(game.seed_0, t)
    agreed = Agreed(t, seed, means, bits, ledger.pulls, ledger.means, ledger.reputations, hashes)
    estimate = rule.estimate(p.terms, (), agreed)
    for arm, expected in enumerate(estimate.sets):
        game.checks.that(
            header.selected[arm] == mask(expected), "aggregate.selected", t, f"B of arm {arm}",
            "the header says seats {}, reports and bits give {}", seats(header.selected[arm]), sorted(expected),
        )  # fmt: skip
    if not rule.is_mean:
        for arm, mean in enumerate(estimate.means):
            name = f"global estimator of arm {arm}"
            game.checks.same(header.means[arm], mean, "aggregate.means", t, name, header.derived())


def check_attested(game: Game, header: Header, radii: Means, reports: Mapping[int, Report]) -> None:
    """Of a compact game, hold what a quorum attests against the body: means over a set, and accuracies."""
    p, t, checks = game.parameters, game.running.round, game.checks
    means, derived = {seat: report.means for seat, report in reports.items()}, header.derived()
    held = [frozenset(seats(row)) for row in header.selected]
    if not frozenset().union(*held) <= means.keys():
        checks.that(False, "aggregate.means", t, "global estimators", "B holds seats {}, of whom only {} report",
                    sorted(frozenset().union(*held)), sorted(means))
    elif is_mean(game):
        for arm, expected in enumerate(global_means(means, held)):
            checks.same(header.means[arm], expected, "aggregate.means", t, f"global estimator of arm {arm}", derived)
    accurate = accuracies(p.participants, means, header.means, radii, p.tolerance)
    checks.each_same(header.accuracies, accurate, "aggregate.accuracy", t, "accuracy of seat", derived)


def is_mean(game: Game) -> bool:
    """Whether estimators are means over B; of a rule that is not here nobody can say."""
    try:
        return rules.aggregation(game.parameters).is_mean
    except RulesUnknown as error:
        game.checks.unknown("aggregate.means", str(error))
        return False


def check_computed(game: Game, rounds: Sequence[int], said: object) -> None:
    """Of a full game, what the contract computed itself: the head that it `said` is over means and accuracies."""
    for name in ("aggregate.means", "aggregate.accuracy"):
        for t in rounds:
            game.checks.that(said == game.running.head, name, t, "what the contract computed from the body",
                             "the head that it recorded is {}, over what the reports give it is {}", said,
                             game.running.head, shown=Field.LOGS)
