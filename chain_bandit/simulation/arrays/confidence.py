"""The confidence rule over arrays."""

from chain_bandit.protocol.rule import Terms
from chain_bandit.roots import isqrt
from chain_bandit.simulation.arrays import Form, Found, Told
from chain_bandit.simulation.arrays.delta_safe import within


def estimate(terms: Terms, told: Told) -> Found:
    """Of whom is near the median, the nearer the more pulls. A delta below 2^32 has a square below 2^64, over 4."""
    return within(told, isqrt(max(terms.options["delta"] ** 2 - 1, 0) // 4 // told.pulls))


FORM = Form(estimate)
