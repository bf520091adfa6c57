"""All that a rule may import besides `math` and `fractions`: docs/plugins.md has an example of each kind."""

from chain_bandit.protocol.aggregation import candidates, global_mean, radius, tie_break, trimmed, within
from chain_bandit.protocol.arms import log_billionths
from chain_bandit.protocol.rule import (
    Aggregation,
    Agreed,
    Disclosure,
    Estimate,
    Learnt,
    Option,
    Own,
    Policy,
    Reputation,
    Selected,
    Selection,
    Standing,
    State,
    Terms,
    Weights,
    chance,
    mean_over,
    nothing,
)
from chain_bandit.protocol.units import INFINITY, UNIT, Means

__all__ = [
    "INFINITY", "UNIT", "Aggregation", "Agreed", "Disclosure", "Estimate", "Learnt", "Means", "Option", "Own",
    "Policy", "Reputation", "Selected", "Selection", "Standing", "State", "Terms", "Weights", "candidates", "chance",
    "global_mean", "log_billionths", "mean_over", "nothing", "radius", "tie_break", "trimmed", "within",
]  # fmt: skip
