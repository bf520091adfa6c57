"""Conformance of incentives: a number to learn from for all replicates and agents, as arrays, deterministically."""

import numpy as np

from chain_bandit.simulation.arena import Floats, World
from chain_bandit.testing.holding import require
from chain_bandit.testing.rounds import WORLD, Held, Make, as_array, require_alike


def incentive_conformance(make: Make, world: World = WORLD) -> None:
    """Pull arms by chance in a small world, twice.

    Raises:
        AssertionError: it gives nobody a number, changes what it is shown, forgets its coins, or does not say what
            agents receive.
    """
    require_alike(make, world, "agents receive", "pays something else", _play)


def _play(held: Held, t: int) -> Floats:
    given = held.show(t, held.pulls(), lambda arms, rewards: held.made.shape(t, arms, rewards))
    made = as_array(given, f"{held.name} gives rewards of no one shape in round {t}, not {held.shape}")
    require(made.shape == held.shape, f"{held.name} gives rewards of shape {made.shape} in round {t}, not {held.shape}")
    real = np.issubdtype(made.dtype, np.number) and not np.issubdtype(made.dtype, np.complexfloating)
    require(real and np.isfinite(made).all(), f"{held.name} gives no finite numbers in round {t}")
    return made
