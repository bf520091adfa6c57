"""An index policy on a pool of rewards, compiled: `rivals.on_draws.pooled`, and one alone where the pool is its own."""

from typing import Any

import numpy as np

from chain_bandit.simulation.kernel.arms import factor, ucb_arm
from chain_bandit.simulation.kernel.compiled import compiled, inlined
from chain_bandit.simulation.kernel.divergence import UNSURE, kl_arm
from chain_bandit.simulation.kernel.forms import KL_UCB
from chain_bandit.simulation.kernel.philox import philox
from chain_bandit.simulation.kernel.quotients import quotient, reciprocal
from chain_bandit.simulation.kernel.rewards import drawable, reward


@compiled
def pooled(
    environment: Any, widths: Any, keys: Any, seats: Any, policy: Any, arms: Any, factors: Any, marks: Any, out: Any
) -> Any:
    """All `seats` pull one arm a round, and learn from each other at once: rounds 1 to T. False where doubles did not
    tell an arm, and the rest is not played.

    Args:
        environment, widths, keys: of `numbers`.
        seats: ascending.
        policy: of `forms.POLICIES`.
        arms, factors: int64 (3, K) and double (K), zero and infinite; changed.
        marks: ascending rounds at which the pseudo-regret is kept.
        out: int64, in units, one for each of them; filled.
    """
    samples, totals, means = arms[0], arms[1], arms[2]
    regret, mark = np.int64(0), 0
    for t in range(1, widths.size):
        if policy == KL_UCB:
            arm = kl_arm(means, samples, factors, widths[t])
            if arm == UNSURE:
                return False
        else:
            arm = ucb_arm(means, samples, factors, widths[t])
        total, block, values = np.int64(0), seats[0] // 4, drawable(environment, arm)
        words = _words(keys, t, block, arm)
        for seat in seats:
            if seat // 4 != block:
                block = seat // 4
                words = _words(keys, t, block, arm)
            total += reward(environment, values, words[seat % 4])
        samples[arm] += seats.size
        totals[arm] += total
        factors[arm] = factor(samples[arm])
        means[arm] = quotient(totals[arm], samples[arm], reciprocal(samples[arm]))
        regret += environment.best - environment.truth[arm]
        if mark < marks.size and marks[mark] == t:
            out[mark] = regret
            mark += 1
    return True


@inlined
def _words(keys: Any, t: Any, block: Any, arm: Any) -> Any:
    return philox(keys.k0, keys.k1, np.uint64(t), np.uint64(block), np.uint64(arm), np.uint64(0))
