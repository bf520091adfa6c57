"""Games without messages against an independent re-computation, and what they must show of the protocol."""

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from math import ceil, floor
from random import Random

import pytest

from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.malicious import Combined
from chain_bandit.attacks.silent_validator import SilentValidator
from chain_bandit.attacks.two_faced_report import TwoFacedReport
from chain_bandit.environments.bernoulli import bernoulli_model
from chain_bandit.protocol.assumptions import check
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.regret import Regret
from chain_bandit.protocol.rewards import Distribution, Draws, RewardModel, hidden_cost
from chain_bandit.protocol.settlement import Conduct, Cost
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.outcomes import Play, Setting
from tests.rules import rule

SECRET, SEED = b"\x03" * 32, b"\x04" * 32
MODEL = RewardModel(
    (*bernoulli_model(["0.5", "0.8"]).arms, Distribution((1, 123_456_789, UNIT), (3, 5, 2)))
)


def small(**changes):
    parameters = Parameters(
        participants=4, validators=4, arms=3, horizon=60, burn_in=6, liars=1, attackers=1, threshold=2,
        aggregation=rule("option-1"), quorum_choice=0, failure_limit=2, c1_numerator=2, c1_denominator=1,
        c1_per_report=1, body_mode=0, unrecorded=1, tolerance=1, skip_penalty=1, evidence_penalty=1, cost=0,
        sortition=0, probing=2**64, commanders=2**64, wei_per_unit=1, stake=60 * UNIT,
        opening_deadline=1, skip_deadline=1, burn_in_blocks=0, game_blocks=1, settlement_window=1,
    )
    check(replace(parameters, **changes))
    return replace(parameters, **changes)


def five(liars=2, **changes):
    """Two of five may lie, which is more than Option 1 allows."""
    return small(participants=5, validators=5, liars=liars, attackers=0, **changes)


class Lies(Attack):
    """A lie made of its own estimators and of those that everybody honest reports in the open round."""

    conduct, rushes = Conduct.LIAR, True

    def __init__(self, told):
        self.told = told

    def means(self, view, honest):
        return self.told(honest, view.honest_rows)


def favour(targets):
    """1 for some arms, 0 for all others."""
    return lambda own, others: tuple(UNIT * (arm in targets) for arm in range(len(own)))


def inside_range(targets, trim):
    """The trim-th largest of the honest for some arms, the trim-th smallest for all others: colluders keep one in B."""

    def told(own, others):
        ranked = [sorted(column) for column in zip(*others, strict=True)]
        return tuple(column[-trim] if arm in targets else column[trim - 1] for arm, column in enumerate(ranked))

    return told


def more(units):
    """So much more than its own estimators."""
    return lambda own, others: tuple(min(UNIT, mean + units) for mean in own)


@dataclass(frozen=True)
class Game:
    """What is played, and recomputed."""

    parameters: Parameters
    lies: dict = field(default_factory=dict)
    failed: frozenset = frozenset()
    equivocates: frozenset = frozenset()
    model: RewardModel = MODEL

    @property
    def outcomes(self):
        """A round fails where two of its four seats are silent."""
        silent = Combined([SilentValidator(t, t) for t in sorted(self.failed)])
        attacks = dict.fromkeys((0, 2), silent) if self.failed else {}
        attacks |= {seat: Lies(told) for seat, told in self.lies.items()}
        attacks |= {seat: TwoFacedReport() for seat in self.equivocates}
        assert len(attacks) == 2 * bool(self.failed) + len(self.lies) + len(self.equivocates)
        chances = dict.fromkeys(attacks, Random(0))
        return list(Play(Setting(self.parameters, self.model, SECRET, SEED, attacks, None, chances=chances)).rounds())

    @property
    def cost(self):
        return hidden_cost(SECRET, SEED)

    @property
    def regret(self):
        return after(self, self.outcomes)


def after(game, outcomes):
    regret = Regret(game.model.means, game.parameters.burn_in)
    for o in outcomes:
        regret.add(o.round, o.arm, o.paid, o.cost)
    return regret


GAMES = {
    "all honest": Game(small()),
    "one liar": Game(small(), {1: favour({0})}),
    "liar inside the range": Game(small(), {2: inside_range({0}, 1)}),
    "undefended": Game(small(liars=0, aggregation=rule("option-2")), {3: favour({2})}),
    "failed rounds": Game(small(), {3: favour({2})}, frozenset({9, 20, 21, 22, 23, 24, 40, 59, 60})),
    "failed from L on": Game(small(), failed=frozenset({6, 7, 8, 9})),
    "equivocator": Game(small(), equivocates=frozenset({0})),
    "equivocator and liar": Game(small(liars=0), {1: favour({0})}, equivocates=frozenset({0})),
    "too few reports": Game(small(), equivocates=frozenset({0, 1})),
    "option 2, a liar": Game(five(1, aggregation=rule("option-2")), {1: more(UNIT // 50)}),
    "option 3, two liars of five": Game(
        five(aggregation=rule("option-3")), dict.fromkeys((1, 4), inside_range({0}, 1))
    ),
    "delta-safe, liars on both sides": Game(
        five(aggregation=rule("delta-safe", delta=UNIT // 2)), {1: favour({0}), 4: more(UNIT // 9)}
    ),
    "confidence, liars on both sides": Game(
        five(aggregation=rule("confidence", delta=UNIT // 2)), {1: favour({0}), 4: more(UNIT // 9)}
    ),
    "distance cost": Game(five(1, aggregation=rule("option-2"), cost=1), {2: more(UNIT // 50)}),
    "distance cost, undefended": Game(small(cost=1, liars=0, aggregation=rule("option-2")), {3: favour({2})}),
    "plain C1": Game(small(c1_per_report=0, c1_denominator=3)),
}


def exact_floor_sqrt(value):
    return int(Decimal(value).sqrt(Context(prec=60)).to_integral_value(ROUND_FLOOR))


# Long, and without helpers, so that it can be read beside the page from top to bottom.
def recomputed(game):
    """(round, kind, arm, paid, cost, rewards, n_ref, mu-hat, failed) of every round: the page's rules, in fractions."""
    p, draws = game.parameters, Draws(game.model, SECRET, SEED)
    named, delta = p.aggregation.name, dict(p.aggregation.options).get("delta", 0)
    samples = {seat: [[] for _ in range(p.arms)] for seat in range(p.participants)}
    pulls, failed, in_a_row, explored, mu, b = [0] * p.arms, 0, 0, 0, None, None
    listed = {}
    rounds = []
    for t in range(1, p.horizon + 1):
        if t <= p.burn_in or mu is None:
            arm = (t - 1) % p.arms
        else:
            ln = int(Decimal(t).ln(Context(prec=50)) * 10**9)
            index = []
            for i in range(p.arms):
                c1 = Fraction(p.c1_numerator, p.c1_denominator * (b[i] if p.c1_per_report else 1))
                z = floor(c1 * ln * 10**7)
                index.append(mu[i] + 10 * exact_floor_sqrt(z // pulls[i]))
            arm = index.index(max(index))
        kind, selected, means, lied = None, None, None, False
        if t >= p.burn_in:
            if in_a_row == p.failure_limit:
                kind, arm = Kind.EXPLORATION, explored % p.arms
                explored += 1
            elif t in game.failed:
                kind = Kind.SKIP
            else:
                truth = {s: tuple(floor(Fraction(sum(x), len(x))) if x else 0 for x in rows)
                         for s, rows in samples.items()}
                others = [truth[s] for s in sorted(truth.keys() - game.lies.keys() - game.equivocates)]
                reports = {s: game.lies[s](truth[s], others) if s in game.lies else truth[s]
                           for s in truth if s not in game.equivocates}
                listed |= dict.fromkeys(game.equivocates - listed.keys(), t + p.evidence_delay)
                seed = keccak(SEED, t.to_bytes(4, "big"))
                selected = []
                can = [{s for s in reports if p.threshold * len(samples[s][i]) > pulls[i]} for i in range(p.arms)]
                for i in range(p.arms):
                    members = can[i] if named == "option-1" else set.intersection(*can)
                    able = sorted((reports[s][i], keccak(seed, s.to_bytes(2, "big")), s) for s in members)
                    n, f = len(able), p.liars
                    if named in ("delta-safe", "confidence"):
                        shrunk = pulls[i] if named == "confidence" else 1
                        far = Fraction(delta**2, 4 * shrunk)
                        kept = [a for a in able if (a[0] - able[(n - 1) // 2][0]) ** 2 < far]
                    elif named == "option-1":
                        kept = able[f:n - f] if n > 2 * f else []
                    else:
                        kept = able[min(f, ceil(n / 2) - 1):n - min(f, ceil(n / 2) - 1)] if able else []
                    selected.append({s for *_, s in kept})
                means = tuple(
                    floor(Fraction(sum(reports[s][i] for s in chosen), len(chosen))) if chosen else 2**32 - 1
                    for i, chosen in enumerate(selected)
                )
                kind = Kind.APPROVED if max(means) <= 2 * UNIT else Kind.REJECTED
                lied = any(reports[s] != truth[s] for chosen in selected for s in chosen if s in game.lies)
        pulled = kind in (None, Kind.APPROVED, Kind.EXPLORATION) or t == p.burn_in
        if pulled:
            on_list = {s for s in listed if listed[s] <= t} if kind is Kind.APPROVED and t > p.burn_in else set()
            for s in samples.keys() - on_list:
                samples[s][arm].append(draws.reward(t, s, arm, failed))
            pulls[arm] += 1
        bad = kind in (Kind.SKIP, Kind.REJECTED)
        failed, in_a_row = failed + bad, in_a_row + 1 if bad else 0
        if kind is Kind.APPROVED:
            mu, b = means, [len(chosen) for chosen in selected]
        paid = kind is Kind.APPROVED and t > p.burn_in
        cost = None
        if paid and lied:
            apart = min(1, abs(Fraction(means[arm] - game.model.means[arm], UNIT)))
            cost = floor(game.cost * apart**2) if p.cost == Cost.DISTANCE else game.cost
        rewards = {s: samples[s][arm][-1] for s in samples.keys() - on_list} if pulled else {}
        rounds.append((t, kind, arm if pulled else None, paid, cost, rewards, tuple(pulls), mu, failed))
    return rounds


@pytest.mark.parametrize("name", GAMES)
def test_a_game_equals_an_independent_recomputation_in_every_round(name):
    game = GAMES[name]
    outcomes = game.outcomes
    assert len(outcomes) == game.parameters.horizon
    got = [
        (o.round, o.kind, o.arm, o.paid, o.cost, o.rewards, o.ledger.pulls, o.ledger.means, o.ledger.failed)
        for o in outcomes
    ]
    assert got == recomputed(game)


def test_recomputed_games_exercise_every_way_a_round_ends():
    kinds = {name: Counter(outcome.kind for outcome in game.outcomes) for name, game in GAMES.items()}
    assert kinds["all honest"] == {None: 5, Kind.APPROVED: 55}
    assert kinds["failed rounds"] == {None: 5, Kind.APPROVED: 45, Kind.SKIP: 8, Kind.EXPLORATION: 2}
    assert kinds["too few reports"] == {None: 5, Kind.REJECTED: 37, Kind.EXPLORATION: 18}
    costly = {name: game.regret.costly for name, game in GAMES.items()}
    assert costly["liar inside the range"] > 0
    assert costly["undefended"] == costly["equivocator and liar"] == 54
    assert min(costly[name] for name in GAMES if name.startswith(("option", "delta", "distance"))) > 20
    assert costly["all honest"] == costly["equivocator"] == costly["too few reports"] == 0


@pytest.mark.parametrize("name", GAMES)
def test_parts_of_the_pseudo_regret_sum_to_the_definition(name):
    game = GAMES[name]
    p, mu, outcomes = game.parameters, game.model.means, game.outcomes
    paid = [o for o in outcomes if o.kind is Kind.APPROVED and o.round > p.burn_in]
    earned = sum(mu[o.arm] - (o.cost or 0) for o in paid)
    regret = after(game, outcomes)
    assert regret.total == p.horizon * max(mu) - earned
    assert regret.total == regret.burn_in + regret.arms + regret.failed + regret.cost
    assert regret.burn_in == p.burn_in * max(mu)
    assert regret.costly == sum(o.cost is not None for o in paid)
    assert regret.cost == game.cost * regret.costly or p.cost == Cost.DISTANCE
    assert regret.failed == (p.horizon - p.burn_in - regret.paid) * max(mu)


def test_an_equivocators_report_never_enters():
    approved = [o.ledger.worth for o in GAMES["equivocator"].outcomes if o.kind is Kind.APPROVED]
    assert set(approved) == {(1, 1, 1)}


def test_a_plain_mean_is_harmed_by_a_liar_that_option_1_cuts_off():
    game = Game(small(horizon=300, stake=300 * UNIT), {3: favour({1, 2})}, model=bernoulli_model([0.9, 0.6, 0.55]))
    undefended = replace(game, parameters=replace(game.parameters, liars=0, aggregation=rule("option-2"))).regret
    assert undefended.arms > 2 * game.regret.arms
    assert undefended.costly == undefended.paid > game.regret.costly
