"""The compiled game and the plain one decide alike in every round, to the unit, whatever the attack and the setting."""

import random
from typing import Any

import numpy as np
import pytest

from chain_bandit.attacks.attack import NotSimulated, View
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.crypto.keys import derive
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.regret import Regret
from chain_bandit.protocol.units import UNIT, Means
from chain_bandit.scenario import Scenario
from chain_bandit.simulation import plain as tallies
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.kernel import encoding
from chain_bandit.simulation.kernel.play import UNRECORDED, opening, play, trace
from chain_bandit.simulation.outcomes import Play, Setting, hashes
from chain_bandit.simulation.replicates import Measured
from chain_bandit.simulation.sums import SUMS
from science import theorems
from tests.equivalence.test_outcomes_equal_game import ON_MESSAGES, SELECTIONS, paired, scenario
from tests.few import crossed
from tests.rules import ENTRIES

COMPILED = sorted(set(ATTACKS) - {"captured-committee", "free-rider", "greedy"})
OPTIONS = list(ENTRIES)
SWITCHES: list[dict[str, Any]] = [
    {}, {"cost": "distance"}, {"chain": {"batch": 5}}, {"exploration": "1.5", "failure_limit": 1}, {"threshold": 3},
    {"policy": "kl-ucb"},
    {"sealed": True, "rewards": {"kind": "bernoulli", "means": [0.5, 0.5, 0.0]}},
]  # fmt: skip


def plain(case: Scenario) -> list[tuple[Any, ...]]:
    """Every round, of a phase after its last pull, and the sums of the regret after it."""
    p, secret, seed_0 = case.parameters, derive(case.seed, "secret"), derive(case.seed, "seed_0")
    attacks = case.attacks()
    setting = Setting(p, case.model, secret, seed_0, attacks, hashes(secret, seed_0), case.chain.batch,
                      {seat: random.Random(seat) for seat in attacks}, case.all_weights)  # fmt: skip
    game, regret, rows = Play(setting), Regret(case.model.means, p.burn_in), []
    for o in game.rounds():
        regret.add(o.round, o.arm, o.paid, o.cost, o.length)
        cost = -1 if o.cost is None else o.cost // o.length
        rows.append((
            int(o.kind or 0), -1 if o.arm is None else o.arm, cost, o.ledger.means,
            o.ledger.blocked_from, tuple(game._own(seat).means for seat in range(p.participants)), o.ledger.committee,
            o.ledger.reputations if p.validators < p.participants else None,
            (regret.burn_in, regret.arms, regret.failed, regret.cost, regret.paid, regret.costly),
        ))  # fmt: skip
    return rows


def compiled(case: Scenario) -> list[tuple[Any, ...]]:
    p = case.parameters
    kept, marks = trace(p.horizon, p.arms, p.participants), np.arange(1, p.horizon + 1)
    out = np.zeros((p.horizon, len(SUMS)), np.int64)
    keys = encoding.keys(derive(case.seed, "secret"), derive(case.seed, "seed_0"))
    rules = encoding.rules(p, case.model, case.chain.batch, case.all_weights)
    cast = encoding.cast(p, case.attacks())
    play(rules, cast, keys, opening(rules, cast), marks, out, kept)
    rows, kind = list[tuple[Any, ...]](), 0
    for at, (round_, seats) in enumerate(zip(kept.rounds.tolist(), kept.seats.tolist(), strict=True)):
        arm, cost, *means = round_[1:]
        if at >= p.burn_in and round_[0] == UNRECORDED:
            rows.pop()  # a further pull of the round before
        else:
            kind = round_[0]
        rows.append((
            kind, arm, cost, tuple(means) if means[0] >= 0 else None, tuple(seats[2]),
            tuple(map(tuple, kept.local[at].T.tolist())),
            sum(bit << seat for seat, bit in enumerate(seats[1])),
            tuple(seats[0]) if p.validators < p.participants else None, tuple(out[at, :6].tolist()),
        ))  # fmt: skip
    return rows


def require_equal(case: Scenario) -> list[tuple[Any, ...]]:
    ours, theirs = compiled(case), plain(case)
    for at, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        explores = at + 1 < len(ours) and ours[at + 1][0] == Kind.EXPLORATION  # in which nobody validates
        assert mine[:6] == other[:6], at + 1
        assert explores or mine[6] == other[6], at + 1
        assert mine[7:] == other[7:], at + 1
    return ours


@pytest.mark.parametrize(("name", "selection"), crossed(COMPILED, ["everybody", *SELECTIONS], every=2))
def test_every_attack_under_every_selection(name, selection):
    """Each under one option and one switch, which differ from case to case."""
    rng = random.Random(f"{name} {selection}")
    for seats in ((5, 6), (3, 4, 5, 6), (1, 2, 6)):
        option = rng.choice(OPTIONS)
        changes = rng.choice(SWITCHES) | SELECTIONS.get(selection, {})
        if "weights" in changes:
            changes |= {"weights": rng.choices((1, 2, 3, 10, 1024), (9, 4, 2, 1, 1), k=7)}
        require_equal(scenario(name, rng.randrange(2**32), seats, aggregation=ENTRIES[option], **changes))


@pytest.mark.parametrize(("one", "other"), crossed(ON_MESSAGES, ON_MESSAGES, every=2))
def test_two_attacks_at_one_seat(one, other):
    for seed, seats in enumerate(((5, 6), (3, 4, 5, 6))):
        require_equal(paired(one, other, seats, seed))


@pytest.mark.parametrize("growth", [0.07, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", ["sign-flip", "on-off", "equivocating-commander", "silent-validator"])
def test_games_in_phases(name, growth):
    for seats in ((5, 6), (3, 4, 5, 6)):
        case = scenario(name, 5, seats, growth=growth, rounds=120, aggregation="option-2")
        rows = require_equal(case)
        assert len(rows) < case.parameters.horizon


@pytest.mark.deep
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", COMPILED)
def test_every_attack_under_every_setting(name, option):
    for selection in ({}, *SELECTIONS.values()):
        for switch in SWITCHES:
            for seed in range(4):
                seats = ((5, 6), (3, 4, 5, 6), (1, 2, 6), (0,))[seed]
                require_equal(scenario(name, seed, seats, aggregation=ENTRIES[option], **switch, **selection))


LIES: list[tuple[str, dict[str, Any]]] = [
    ("on-off", {"period": 1}), ("inflated-counts", {"favour": 5, "times": 100}), ("a-little-is-enough", {"z": 1.5}),
    ("a-little-is-enough", {"z": 900.0}), ("inner-product", {"epsilon": 1.5}), ("inner-product", {"epsilon": 900.0}),
    ("radius", {"favour": 0}), ("radius", {"favour": 5, "share": 900.0}), ("optimiser", {"rushing": True}),
    ("parametric", {"best": -9.0, "second": 5.0, "others": 9.0, "within": 0.9, "wakes": 14, "period": 3}),
    ("parametric", {"best": -1.0, "second": 0.0, "target": 4, "claims": "best", "sleeps": 40, "rushing": True}),
    ("parametric", {"best": 0.0, "target": 0, "within": 1.4, "claims": "others", "period": 7, "closest": 0.5}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), LIES, ids=str)
def test_every_option_of_a_lie(name, options):
    told = {"name": name, "options": options}
    for option in OPTIONS:
        malicious = [{"seat": seat, "attacks": [told]} for seat in (1, 4, 6)]
        require_equal(scenario(name, 1, aggregation=ENTRIES[option], malicious=malicious))


@pytest.mark.parametrize("others", [[], [{"name": "constant-lie"}], [{"name": "few-counts"}]], ids=str)
def test_counts_claimed_by_several_lies_of_a_seat(others):
    """A seat that claims those of the best arm and, in other rounds, those of the rest has enough of none in some."""
    family = [
        {"name": "parametric", "options": {"claims": claims, "period": period}}
        for claims, period in (("best", 5), ("others", 7))
    ]
    malicious = [{"seat": seat, "attacks": [*family, *others]} for seat in (1, 4)]
    for option in ("option-1", "confidence"):
        require_equal(scenario("parametric", 3, aggregation=ENTRIES[option], malicious=malicious))


RUSHING = {"name": "optimiser", "options": {"rushing": True}}


def test_who_rushes_does_so_in_all_that_it_tells_whoever_validates(monkeypatch):
    """And the planted fault: the compiled game lets nobody."""
    for lies in ([RUSHING], [{"name": "radius"}, RUSHING], [{"name": "radius"}, {"name": "optimiser"}]):
        for selection in ({}, *SELECTIONS.values()):
            malicious = [{"seat": 2, "attacks": lies}, {"seat": 5, "attacks": [{"name": "mimic"}]}]
            require_equal(scenario("optimiser", aggregation="confidence", malicious=malicious, **selection))
    case = scenario("optimiser", aggregation="confidence", malicious=[{"seat": 2, "attacks": [RUSHING]}])
    require_equal(case)
    whole = encoding.cast

    def patient(*given: Any) -> encoding.AttackPlan:
        made = whole(*given)
        made.seats[encoding.RUSHES] = 0
        return made

    monkeypatch.setattr(encoding, "cast", patient)
    with pytest.raises(AssertionError):
        require_equal(case)


@pytest.mark.parametrize("liars", [(6,), (1, 6)])
def test_who_rushes_stands_at_the_very_edge_of_the_radius_in_every_round(liars):
    malicious = [{"seat": seat, "attacks": [RUSHING]} for seat in liars]
    case = scenario("optimiser", aggregation="confidence", malicious=malicious)
    p, attacks, secret = case.parameters, case.attacks(), derive(case.seed, "secret")
    game = Play(Setting(p, case.model, secret, secret, attacks, hashes(secret, secret), chances=dict.fromkeys(liars)))
    honest = [seat for seat in range(p.participants) if seat not in liars]
    told, lie = [], attacks[liars[0]].means

    def heard(view: View, own: Means) -> Means:
        rows = tuple(game._own(seat).means for seat in honest)
        assert view.honest_rows == rows
        told.append((rows, view.ledger.pulls, lie(view, own)))
        return told[-1][2]

    first = attacks[liars[0]]
    first.means = heard  # type: ignore[method-assign]
    blocks = [outcome.header for outcome in game.rounds() if outcome.header]
    assert len(blocks) == len(told) > 30
    for header, (rows, pulls, values) in zip(blocks, told, strict=True):
        sums = [sum(column) // len(rows) for column in zip(*rows, strict=True)]
        for arm, (column, value) in enumerate(zip(zip(*rows, strict=True), values, strict=True)):
            assert all(header.selected[arm] >> seat & 1 for seat in liars)

            def inside(x: int, column: tuple[int, ...] = column, n: int = pulls[arm]) -> bool:
                median = sorted([*column, *[x] * len(liars)])[(p.participants - 1) // 2]
                return 4 * n * (x - median) ** 2 < dict(p.aggregation.options)["delta"] ** 2

            further = value + (-1 if arm == sums.index(max(sums)) else 1)
            assert inside(value)
            assert not 0 <= further <= UNIT or not inside(further)


def test_what_a_plugin_inherits_is_not_taken_for_its_lie():
    with pytest.raises(NotSimulated, match="no compiled form"):
        compiled(scenario(f"{__name__}:Modest"))


class Modest(ATTACKS["sign-flip"]):  # type: ignore[misc]
    """Flips half of the arms only."""

    def means(self, view: View, honest: Means) -> Means:
        return super().means(view, honest)[: len(honest) // 2] + honest[len(honest) // 2 :]


def test_combined_attacks_change_what_the_one_before_left():
    attacks = [{"name": "mimic"}, {"name": "offset", "options": {"distance": 0.2}}, {"name": "two-faced-counts"}]
    silent = [{"name": "silent-validator", "options": {"first": 14, "last": 20}}, {"name": "two-faced-report"}]
    case = scenario("copycat", malicious=[{"seat": 2, "attacks": attacks}, {"seat": 4, "attacks": silent}])
    require_equal(case)


@pytest.mark.parametrize("place", theorems.PLACES)
@pytest.mark.parametrize("theorem", range(1, 8))
def test_every_theorem_inside_and_outside(theorem, place):
    if (theorem, place) == (7, "outside"):
        with pytest.raises(NotSimulated):
            compiled(theorems.scenario(theorem, place, 11, 200))
        return
    require_equal(theorems.scenario(theorem, place, 11, 200))


def test_a_game_larger_than_sorting(tmp_path):
    for name in ("within-range", "a-little-is-enough"):
        malicious = [{"seat": seat, "attacks": [{"name": name}]} for seat in range(70, 90)]
        require_equal(scenario(name, participants=90, liars=22, attackers=5, rounds=40, malicious=malicious))


def test_replicates_are_games_of_their_own_seeds_whatever_the_threads():
    case = scenario("sign-flip", rounds=60)
    measured = [replicates(case, 5, range(1, 61), jobs) for jobs in (1, 3)]
    assert (measured[0].sums == measured[1].sums).all()
    for seed in range(5):
        rows = plain(scenario("sign-flip", seed, rounds=60))
        assert [row[-1] for row in rows] == [tuple(row[:6]) for row in measured[0].sums[seed].tolist()]
    assert len({tuple(sums[-1]) for sums in measured[0].sums.tolist()}) > 1


def test_weights_that_the_compiled_game_does_not_have_are_seen(monkeypatch):
    """The planted fault: the compiled game draws everybody with weight 1."""
    whole = encoding.rules
    monkeypatch.setattr(encoding, "rules", lambda *given: whole(*given[:3]))
    require_equal(scenario("sign-flip", **SELECTIONS["sortition"]))
    with pytest.raises(AssertionError):
        require_equal(scenario("sign-flip", **SELECTIONS["weights"]))


def test_a_planted_fault_is_seen(monkeypatch):
    """The compiled game has another threshold than the plain one."""
    whole = encoding.rules
    monkeypatch.setattr(encoding, "rules", lambda *given: whole(*given)._replace(threshold=1))
    with pytest.raises(AssertionError):
        require_equal(scenario("sign-flip"))


def both(case: Scenario, count: int = 2) -> tuple[Measured, Measured]:
    marks = range(1, case.rounds + 1)
    return replicates(case, count, marks, engine=Engine.PLAIN), replicates(case, count, marks, engine=Engine.COMPILED)


def require_equal_sums(case: Scenario) -> None:
    ours, theirs = both(case)
    for at, name in enumerate(SUMS):
        assert np.array_equal(ours.sums[:, :, at], theirs.sums[:, :, at]), name
    assert ours.settled is not None
    assert np.array_equal(ours.settled, theirs.settled)


@pytest.mark.parametrize("seed", range(40))
def test_the_plain_loop_comes_to_the_sums_of_the_compiled_game(seed):
    """Random scenarios of every attack, selection, option and switch."""
    rng = random.Random(f"plain {seed}")
    option = rng.choice(OPTIONS)
    changes = rng.choice(SWITCHES) | rng.choice([{}, *SELECTIONS.values()])
    if "chain" not in changes and "validators" not in changes and "sortition" not in changes:
        changes |= {"growth": rng.choice((0.0, 0.1))} if changes.get("commanders") != "trust" else {}
    seats = rng.sample(range(7), rng.randrange(1, 4))
    case = scenario(rng.choice(COMPILED), seed, tuple(seats), aggregation=ENTRIES[option],
                    rounds=rng.randrange(30, 70), **changes)  # fmt: skip
    require_equal_sums(case)


def test_a_planted_fault_of_the_plain_sums_is_seen(monkeypatch):
    """Its burn-in ends one round early."""
    case = scenario("silent-validator", seats=(3, 4, 5, 6), attackers=1, failure_limit=1)
    require_equal_sums(case)
    monkeypatch.setattr(tallies, "Regret", lambda truth, last, paid: Regret(truth, last - 1, paid))
    with pytest.raises(AssertionError, match="burn_in"):
        require_equal_sums(case)
