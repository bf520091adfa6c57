"""A rule of aggregation in a pool of the arena: the object that plays in games, asked for each receiver in turn."""

from types import MappingProxyType

import numpy as np

from chain_bandit.protocol import rules
from chain_bandit.protocol.digests import keccak, uints
from chain_bandit.protocol.rule import Aggregation, Agreed, Terms
from chain_bandit.protocol.ruleset import RuleChoice
from chain_bandit.protocol.units import INFINITY, UNIT
from chain_bandit.simulation.rivals.audience import Aggregate
from chain_bandit.simulation.rivals.reports import Reports


def ruled(choice: RuleChoice) -> Aggregate:
    """A rule with its options. Whoever has no sample of an arm has not pulled it often enough; n_ref is one's own.

    Chance comes from the receiver's pulls. The arena tells a rule of no estimators in force, and keeps no state for it.
    """
    rule = rules.find(choice)
    assert isinstance(rule, Aggregation)

    def aggregate(reports: Reports, f: int) -> Reports:
        senders, arms = reports.means.shape[2:]
        terms = Terms(senders, arms, f, 0, 0, 2**31, UNIT // 10, MappingProxyType(dict(choice.options)))
        means, samples = np.zeros((2, *reports.means.shape[:2], arms))
        units = np.rint(reports.means * UNIT).astype(np.int64).clip(0, UNIT)
        for place in np.ndindex(means.shape[:2]):
            told = dict(enumerate(map(tuple, units[place].tolist())))
            bits = dict(enumerate(map(tuple, (reports.pulls[place] > 0).tolist())))
            own = tuple(reports.pulls[place][0].astype(int).tolist())
            agreed = Agreed(sum(own) + 1, keccak(uints(own, 4)), told, bits, own)
            found, passed = rule.estimate(terms, (), agreed), len(agreed.passed())
            for arm, (mean, members) in enumerate(zip(found.means, found.sets, strict=True)):
                if mean < INFINITY:
                    counted = rule.worth(terms, len(members), passed)
                    means[place][arm], samples[place][arm] = mean / UNIT, own[arm] * counted
        return Reports(means, samples)

    return aggregate
