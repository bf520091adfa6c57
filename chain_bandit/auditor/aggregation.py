"""Aggregation: B, the global estimators, approval (protocol.md: Aggregation, Records), and distances of reports."""

from collections.abc import Mapping, Sequence

from chain_bandit.auditor.exhibits import Field
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.protocol import rules
from chain_bandit.protocol.aggregation import global_means
from chain_bandit.protocol.blocks import Header, Report, mask, round_seed, seats
from chain_bandit.protocol.estimation import estimate, exclusions, weigh
from chain_bandit.protocol.rule import Agreed, Estimate, State
from chain_bandit.protocol.rules import state_of
from chain_bandit.protocol.ruleset import RuleKind, RulesUnknown


def agreed_on(game: ReplayedGame, header: Header, reports: Mapping[int, Report], hashes: Mapping[int, bytes]) -> Agreed:
    """What the records say that the validators of the open round agreed on."""
    t, ledger = game.running.round, game.running
    means = {seat: report.means for seat, report in reports.items()}
    bits = {seat: tuple(bool(row >> seat & 1) for row in header.candidates) for seat in reports}
    seed = round_seed(game.seed_0, t)
    return Agreed(t, seed, means, bits, ledger.pulls, ledger.means, ledger.reputations, hashes)


def check_selected(game: ReplayedGame, header: Header, agreed: Agreed) -> State | None:
    """Recompute every B_i, and every estimator that is no mean over it.

    Returns:
        What the rule keeps; None where it is not here.
    """
    p, t = game.parameters, game.running.round
    try:
        state = state_of(p, game.running.states, RuleKind.AGGREGATION)
        rule, found = rules.aggregation(p), estimate(p, state, agreed)
    except RulesUnknown as error:
        game.checks.unknown("aggregate.selected", str(error))
        return None
    game.answer("rule without an answer", found.reason, t)
    game.answer("rule without exclusions", exclusions(p, agreed.reputations)[1], t)
    for arm, expected in enumerate(found.sets):
        game.checks.that(
            header.selected[arm] == mask(expected), "aggregate.selected", t, f"B of arm {arm}",
            "the header says seats {}, reports and bits give {}", seats(header.selected[arm]), sorted(expected),
        )  # fmt: skip
    if not rule.is_mean:
        for arm, mean in enumerate(found.means):
            name = f"global estimator of arm {arm}"
            game.checks.same(header.means[arm], mean, "aggregate.means", t, name, header.derived())
    return found.state


def check_attested(game: ReplayedGame, header: Header, agreed: Agreed) -> State | None:
    """Hold what a quorum attests against the body: means over a set, and weights.

    Returns:
        What the rule of reputation keeps; None where it is not here.
    """
    p, t, checks = game.parameters, game.running.round, game.checks
    derived = header.derived()
    held = tuple(frozenset(seats(row)) for row in header.selected)
    if not frozenset().union(*held) <= agreed.reports.keys():
        checks.that(False, "aggregate.means", t, "global estimators", "B holds seats {}, of whom only {} report",
                    sorted(frozenset().union(*held)), sorted(agreed.reports))
    elif _is_mean(game):
        for arm, expected in enumerate(global_means(agreed.reports, held)):
            checks.same(header.means[arm], expected, "aggregate.means", t, f"global estimator of arm {arm}", derived)
    try:
        state = state_of(p, game.running.states, RuleKind.REPUTATION)
        weights = weigh(p, state, agreed, Estimate(header.means, held))
    except RulesUnknown as error:
        checks.unknown("aggregate.accuracy", str(error))
        return None
    game.answer("rule without weights", weights.reason, t)
    checks.each_same(header.accuracies, weights.weights, "aggregate.accuracy", t, "accuracy of seat", derived)
    return weights.state


def _is_mean(game: ReplayedGame) -> bool:
    """Whether estimators are means over B; of a rule that is not here nobody can say."""
    try:
        return rules.aggregation(game.parameters).is_mean
    except RulesUnknown as error:
        game.checks.unknown("aggregate.means", str(error))
        return False


def check_computed(game: ReplayedGame, rounds: Sequence[int], said: object) -> None:
    """Of a full game, what the contract computed itself: the head that it `said` is over means and accuracies."""
    for name in ("aggregate.means", "aggregate.accuracy"):
        for t in rounds:
            game.checks.that(said == game.running.head, name, t, "what the contract computed from the body",
                             "the head that it recorded is {}, over what the reports give it is {}", said,
                             game.running.head, shown=Field.LOGS)
