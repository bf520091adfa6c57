"""Options 2 and 3 over arrays."""

from chain_bandit.protocol.aggregation import trim_of
from chain_bandit.protocol.rule import Terms
from chain_bandit.simulation.arrays import Form, Found, Told
from chain_bandit.simulation.arrays.option_1 import trimmed


def estimate(terms: Terms, told: Told) -> Found:
    """Without the g highest and lowest reports."""
    return trimmed(told, trim_of(len(told.reports), terms.liars))


FORM = Form(estimate, ordered=True)
