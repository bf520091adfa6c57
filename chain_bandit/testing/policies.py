"""Conformance of policies: existing arms for all replicates and agents, as arrays, deterministically."""

import numpy as np

from chain_bandit.simulation.arena import Ints, World
from chain_bandit.testing.holding import require
from chain_bandit.testing.rounds import WORLD, Held, Make, as_array, require_alike


def policy_conformance(make: Make, world: World = WORLD) -> None:
    """Play a small world twice.

    Raises:
        AssertionError: it names no arm, changes what it learns from, forgets its coins, or does not say what it is
            told.
    """
    require_alike(make, world, "it is told", "pulls other arms", _play)


def _play(held: Held, t: int) -> Ints:
    arms = as_array(held.made.choose(t), f"{held.name} names arms of no one shape in round {t}, not {held.shape}")
    require(arms.shape == held.shape, f"{held.name} names arms of shape {arms.shape} in round {t}, not {held.shape}")
    whole = np.issubdtype(arms.dtype, np.integer)
    require(whole and (arms >= 0).all() and (arms < held.world.arms).all(), f"{held.name} names no arm in round {t}")
    held.show(t, arms, lambda arms, rewards: held.made.learn(t, arms, rewards))
    return arms
