"""A rule of aggregation in a pool of the arena: the object that plays in games, or its form over arrays."""

from types import MappingProxyType
from typing import Any

import numpy as np

from chain_bandit.array_types import Flags, Floats, Ints, Words
from chain_bandit.protocol import rules
from chain_bandit.protocol.digests import keccak, uints
from chain_bandit.protocol.rule import Aggregation, Agreed, Terms
from chain_bandit.protocol.ruleset import RuleChoice, RuleKind
from chain_bandit.protocol.units import INFINITY, UNIT
from chain_bandit.simulation import arrays
from chain_bandit.simulation.arrays import Form, Told
from chain_bandit.simulation.hashes import digests
from chain_bandit.simulation.rivals.audience import Aggregate
from chain_bandit.simulation.rivals.reports import Reports

NOBODY: Ints = np.empty(0, np.int64)


def shipped(name: str) -> Aggregate:
    """A rule of this version with its usual options."""
    return ruled(rules.named(RuleKind.AGGREGATION, name))


def ruled(choice: RuleChoice) -> Aggregate:
    """A rule with its options, of the arms that a receiver has pulled; n_ref is its own pulls.

    An agent with no sample of one of these has not pulled it often enough. Chance comes from the receiver's pulls. The
    arena tells a rule of no estimators in force, and keeps no state for it.
    """
    rule, form = rules.find(choice), arrays.find(choice)
    assert isinstance(rule, Aggregation)

    def aggregate(reports: Reports, f: int) -> Reports:
        senders, arms = reports.means.shape[2:]
        terms = Terms(senders, arms, f, 0, 0, 2**31, UNIT // 10, MappingProxyType(dict(choice.options)))
        units = np.rint(reports.means * UNIT).astype(np.int64).clip(0, UNIT).reshape(-1, senders, arms)
        pulls = reports.pulls.reshape(-1, senders, arms)
        own, heard = pulls[:, 0].astype(np.int64), pulls > 0
        means, counted = np.zeros((2, len(units), arms))
        asked, known = np.ones(len(units), bool), heard[0, 0]
        seats = heard[0][:, known].all(axis=1)  # senders that have passed, as if the others had sent nothing
        if form and known.any() and (heard[:, :, known] == seats[:, None]).all() and not heard[:, 0, ~known].any():
            told = units[:, seats][:, :, known], own[:, known]
            means[:, known], counted[:, known], asked = _at_once(form, rule, terms, *told)
        for place in np.flatnonzero(asked):
            known, played = heard[place, 0], own[place][heard[place, 0]]
            agreed = Agreed(
                int(played.sum()) + 1, _seed(played), dict(enumerate(map(tuple, units[place][:, known].tolist()))),
                dict(enumerate(map(tuple, heard[place][:, known].tolist()))), tuple(played.tolist()),
            )  # fmt: skip
            found, passed = rule.estimate(terms._replace(arms=len(played)), (), agreed), len(agreed.passed())
            for arm, mean, members in zip(np.flatnonzero(known), found.means, found.sets, strict=True):
                there = mean < INFINITY
                means[place, arm] = mean / UNIT if there else 0
                counted[place, arm] = rule.worth(terms, len(members), passed) if there else 0
        return Reports(*(each.reshape(reports.means[:, :, 0].shape) for each in (means, counted * own)))

    return aggregate


def _at_once(form: Form, rule: Aggregation, terms: Terms, units: Ints, own: Ints) -> tuple[Floats, Floats, Flags]:
    """Of all places, where every sender has passed: means, what they count for, and where it is unsure."""
    places, passed, arms = units.shape

    def cells(values: Ints) -> Any:
        return values.reshape(*values.shape[:-2], -1) if form.by_arm else values

    def chance(numbers: int) -> Words:
        seeds = np.frombuffer(b"".join(map(_seed, own)), ">u8").astype(np.uint64).reshape(-1, 4)
        return digests(seeds, range(numbers), 4)

    found = form.estimate(terms._replace(arms=arms), Told(
        cells(units.transpose(1, 2, 0)), NOBODY, cells(own.T), None, chance,
    ))  # fmt: skip
    sizes, back = np.unique(found.size, return_inverse=True)
    worth = np.array([float(rule.worth(terms, int(size), passed)) for size in sizes])

    def rows(values: Any) -> Any:
        return np.broadcast_to(values, found.means.shape).reshape(arms, places).T

    counted = rows(worth[back].reshape(np.shape(found.size)))
    return rows(found.means) / UNIT, counted.copy(), rows(found.unsure).any(axis=1)


def _seed(own: Ints) -> bytes:
    return keccak(uints(own.tolist(), 4))
