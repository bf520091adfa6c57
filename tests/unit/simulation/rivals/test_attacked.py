"""Lies in the arena are those of the attack itself, seat by seat, of a block of the same reports."""

import random
from dataclasses import replace

import numpy as np
import pytest

from chain_bandit.actors.rules import Rules
from chain_bandit.attacks.attack import Attack, NotSimulated, View
from chain_bandit.attacks.malicious import Combined
from chain_bandit.attacks.registry import ATTACKS, make
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.ledger import opening
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arena import World, play
from chain_bandit.simulation.rivals.pooled import mean
from chain_bandit.simulation.rivals.registry import RIVALS
from chain_bandit.simulation.rivals.reports import LiarsView, Malice, Reports
from chain_bandit.simulation.rivals.ruled import shipped
from science.attacked import told_by

R, M, F, K = 6, 7, 2, 3
COINS = np.random.default_rng(8)
PULLS = COINS.integers(1, 40, (R, 1, K)).astype(float)
MEANS = COINS.uniform(0.3, 0.7, (R, 1, K)) + COINS.uniform(-0.2, 0.2, (R, M, K))
IN_FORCE = COINS.random((R, K))
OTHERS = {"false-record", "few-counts", "free-rider"}
LIES = {name for name, kind in ATTACKS.items() if kind().conduct is Conduct.LIAR} - OTHERS
SAME = [*((name, {}) for name in sorted(LIES - {"optimiser", "greedy"})),
        ("constant-lie", {"value": 0.2, "favour": 5}), ("inflated-counts", {"favour": 1, "times": 30}),
        ("sleeper", {"wakes": 41}), ("on-off", {"period": 41}), ("a-little-is-enough", {"z": 0.7}),
        ("radius", {"favour": 2, "share": 0.3})]  # fmt: skip


def seen(t=40, outcome=None):
    true = Reports(MEANS, np.broadcast_to(PULLS, MEANS.shape))
    honest, own = (Reports(*(each[:, part] for each in true)) for part in (slice(M - F), slice(M - F, None)))
    return LiarsView(t, honest, own, Reports(IN_FORCE, np.ones((R, K))), outcome)


def parameters(scenario):
    return scenario(M, K, 60, liars=F, attackers=1).parameters


def units(row):
    return tuple(int(value * UNIT) for value in row)


def view(p, replicate, t):
    """What seat 5 sees after a block of the reports of the open round."""
    rules = Rules(p, Domain(0, bytes(20), ZERO), [bytes(20)] * M, bytes(20), ZERO, ZERO, [])
    pulls = tuple(map(int, PULLS[replicate, 0]))
    ledger = replace(opening(p, ZERO, ZERO), round=t, time=t, pulls=pulls, means=units(IN_FORCE[replicate]))
    reported = {seat: units(row) for seat, row in enumerate(MEANS[replicate])}
    return View(5, rules, frozenset({5, 6}), {}, random.Random(0), ledger, 0, reported, pulls)


@pytest.mark.parametrize(("name", "options"), SAME, ids=str)
@pytest.mark.parametrize("t", [40, 41])
def test_liars_tell_what_the_attack_tells(scenario, name, options, t):
    p = parameters(scenario)
    told = told_by(make(name, options), p)(seen(t))
    for replicate in range(R):
        attack, here = make(name, options), view(p, replicate, t)
        for liar, seat in enumerate((5, 6)):
            means = attack.means(replace(here, seat=seat), units(MEANS[replicate, seat]))
            counts = attack.counts(here, here.ledger.pulls)
            assert told.means[replicate, liar] * UNIT == pytest.approx(np.array(means), abs=5)
            assert tuple(told.pulls[replicate, liar]) == counts


def test_one_attack_on_top_of_another(scenario):
    parts = [make("offset", {"distance": 0.1}), make("sign-flip", {})]
    told = told_by(Combined(parts), parameters(scenario))(seen()).means[0, 0]
    own = units(MEANS[0, 5])
    for part in parts:
        own = part.means(view(parameters(scenario), 0, 40), own)
    assert told * UNIT == pytest.approx(np.array(own), abs=5)


FROM_A_BLOCK = ["a-little-is-enough", "copycat", "inner-product", "mimic", "optimiser", "radius", "swap", "sybil",
                "within-range"]  # fmt: skip


@pytest.mark.parametrize("name", FROM_A_BLOCK)
def test_liars_are_honest_until_there_was_something_of_every_arm(scenario, name):
    known = seen()
    blank = np.array([1.0, 0.0, 1.0])
    early = replace(
        known, honest=Reports(known.honest.means, known.honest.pulls * blank),
        in_force=Reports(known.in_force.means, known.in_force.pulls * blank),
    )  # fmt: skip
    told = told_by(make(name, {}), parameters(scenario))(early)
    assert told.means == pytest.approx(known.own.means, abs=2 / UNIT)


def margin(pool, best):
    """By how much the wrong arm that looks best is above the right one."""
    others = np.where(np.arange(K) == best[:, None], -np.inf, pool)
    return others.max(axis=1) - np.take_along_axis(pool, best[:, None], axis=1)[:, 0]


@pytest.mark.parametrize("rule", [
    mean, *map(shipped, ("option-1", "confidence", "median", "meamed", "krum")),
])  # fmt: skip
def test_the_optimiser_finds_nearly_the_worst_distance_for_the_rule_that_it_meets(rule, scenario):
    """To four fifths of what a search through a thousand distances comes to."""
    best = MEANS[:, : M - F].mean(axis=1).argmax(axis=1)

    def outcome(lies):
        honest = (np.tile(each, (len(lies.means) // R, 1, 1)) for each in seen().honest)
        heard = Reports(*(np.hstack(pair)[:, None] for pair in zip(honest, lies, strict=True)))
        return Reports(*(each[:, 0] for each in rule(heard, F)))

    def harm(means):
        lies = Reports(np.broadcast_to(means, (R, F, K)), seen().own.pulls)
        return margin(outcome(lies).means, best)

    honest, found = harm(seen().own.means), told_by(make("optimiser", {}), parameters(scenario))(seen(outcome=outcome))
    signs = np.where(np.arange(K) == best[:, None], -1, 1)[:, None]
    middle = np.median(MEANS[:, : M - F], axis=1, keepdims=True)
    finest = [harm(np.clip(middle + signs * share / np.sqrt(PULLS), 0, 1)) for share in np.geomspace(0.1, 20, 1000)]
    assert (harm(found.means) - honest).mean() > 0.8 * (np.max(finest, axis=0) - honest).mean() > 0


class Stranger(Attack):
    conduct = Conduct.LIAR

    def means(self, view, honest):
        return honest[::-1]


@pytest.mark.parametrize(
    "attack",
    [make("false-record", {}), Combined([make("swap", {}), make("silent-validator", {})]), Stranger()],
)
def test_what_reports_of_means_cannot_carry_is_refused(scenario, attack):
    with pytest.raises(NotSimulated):
        told_by(attack, parameters(scenario))


@pytest.mark.parametrize("rule", ["option-1", "confidence"])
def test_no_attack_of_the_suite_costs_our_rules_what_it_costs_an_undefended_mean(scenario, rule):
    world = World((0.9, 0.6, 0.3), 10, 3, 400)
    p = scenario(10, 3, 400, liars=3, attackers=0).parameters

    def lost(name, rival):
        return play(world, RIVALS[rival](Malice(told_by(make(name, {}), p))), 10, 3).regret.mean()

    assert max(lost(name, rule) for name in LIES) < 0.5 * max(lost(name, "mean") for name in LIES)
