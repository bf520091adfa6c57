"""The rivals by name: each makes a policy, given what its liars do."""

from collections.abc import Callable, Mapping
from functools import partial

from chain_bandit import plugins
from chain_bandit.foreign.registry import named as rule_named
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.simulation.arena import PolicyMaker
from chain_bandit.simulation.rivals.demabar import demabar
from chain_bandit.simulation.rivals.dubey_pentland import rewards_trimmed
from chain_bandit.simulation.rivals.fed_mom import PULLS, median_of_means
from chain_bandit.simulation.rivals.fedavg import fedavg
from chain_bandit.simulation.rivals.gosine import gosine, gosine_squares
from chain_bandit.simulation.rivals.kl_ucb import kl_ucb
from chain_bandit.simulation.rivals.phased import phased
from chain_bandit.simulation.rivals.pooled import mean, oracle, pooled
from chain_bandit.simulation.rivals.reports import Malice
from chain_bandit.simulation.rivals.ruled import ruled, shipped
from chain_bandit.simulation.rivals.swarmgov import source_median, source_trimmed
from chain_bandit.simulation.rivals.thompson import thompson
from chain_bandit.simulation.rivals.ucb1 import ucb1
from chain_bandit.simulation.rivals.vial import vial_2021, vial_2022
from chain_bandit.simulation.rivals.zhu import resilient

ONE_RULE = 2
"""The constant of exploration of all others, for rules whose sources have a larger one."""

GROWTH = 1 / 16
"""Of the phases of those that report at their ends alone, as in docs/results.md."""

OF_GAMES = ("option-1", "confidence", "median", "geometric-median", "krum", "meamed", "centred-clipping")
"""Rules of games that the pages on rivals are about; all others play by `aggregation NAME`."""

RIVALS: Mapping[str, Callable[[Malice], PolicyMaker]] = {
    "ucb1": ucb1,
    "kl-ucb": kl_ucb,
    "thompson": thompson,
    "oracle": oracle,
    "mean": pooled(mean),
    "fedavg": pooled(fedavg, per_arm=2),
    **{name: pooled(shipped(name)) for name in OF_GAMES},
    "zhu": pooled(resilient(), per_arm=2, apart=True),
    "zhu-pooled": pooled(resilient(pooled=True), per_arm=2, apart=True),
    "dubey-pentland": pooled(rewards_trimmed, per_arm=0, others=2),
    "fed-mom": pooled(median_of_means, per_arm=0, others=1, every=PULLS),
    "phased-option-1": phased(shipped("option-1"), GROWTH),
    "phased-confidence": phased(shipped("confidence"), GROWTH),
    "swarmgov-mean": pooled(fedavg, per_arm=2, scattered=True),
    "swarmgov-median": pooled(source_median, per_arm=2, scattered=True),
    "swarmgov-trimmed": pooled(source_trimmed, per_arm=2, scattered=True),
    "gosine": gosine,
    "gosine-squares": gosine_squares,
    "vial-2021": vial_2021,
    "vial-2022": vial_2022,
    "gosine-2": partial(gosine, alpha=ONE_RULE),
    "vial-2021-2": partial(vial_2021, alpha=ONE_RULE),
    "vial-2022-2": partial(vial_2022, alpha=ONE_RULE),
    "demabar": demabar,
}

OF_BITS = ("kl-ucb", "thompson", "dubey-pentland")
"""Rules for rewards of 0 and 1 alone."""

BROUGHT = ("aggregation", "policy")
"""The first word of the name here of a rule of games, and of a plug-in's policy."""


def named(name: str) -> Callable[[Malice], PolicyMaker]:
    """A rival by its name; `aggregation NAME`, a rule of games in a pool; or `policy NAME`, a plug-in's.

    An aggregation receives the liars' reports; a policy is told the world, and its author defines what liars do to it.

    Raises:
        ChainBanditError: nothing of that name can be used.
    """
    kind, _, brought = name.partition(" ")
    if kind == "aggregation":
        return pooled(ruled(rule_named(RuleKind.AGGREGATION, brought)))
    if kind == "policy":
        found = plugins.find("policies", brought, {})
        return lambda malice: found
    return RIVALS[name]
