"""Any policy: plays all replicates and agents as arrays, names arms that exist, and repeats itself.

It is made of a world, a number of replicates and coins of its own, a `numpy.random.Generator`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit.simulation.arena import World
from chain_bandit.testing.holding import require

_REPLICATES = 3


_WORLD = World((0.7, 0.5, 0.2), agents=5, liars=1, horizon=60)


def policy_conformance(make: Callable[[World, int, np.random.Generator], Any], world: World = _WORLD) -> None:
    """Play a small world twice.

    Raises:
        AssertionError: it names no arm, changes what it learns from, forgets its coins, or does not say what it is
            told.
    """
    name = getattr(make, "__name__", str(make))
    information = getattr(make(world, _REPLICATES, np.random.default_rng(1)), "information", "")
    require(isinstance(information, str) and information, f"{name} does not say in `information` what it is told")
    first, second = (_played(name, make, world) for _ in range(2))
    for t, (one, other) in enumerate(zip(first, second, strict=True), 1):
        require(np.array_equal(one, other), f"{name} pulls other arms in round {t} when it has the same coins again")


def _played(name: str, make: Callable[..., Any], world: World) -> list[NDArray[np.int64]]:
    policy, chance = make(world, _REPLICATES, np.random.default_rng(1)), np.random.default_rng(2)
    pulled, sent, shape = [], 0.0, (_REPLICATES, world.agents)
    for t in range(1, world.horizon + 1):
        arms = np.array(policy.choose(t))
        require(arms.shape == shape, f"{name} names arms of shape {arms.shape} in round {t}, not {shape}")
        whole = np.issubdtype(arms.dtype, np.integer)
        require(whole and (arms >= 0).all() and (arms < world.arms).all(), f"{name} names no arm in round {t}")
        rewards = (chance.random(shape) < np.array(world.means)[arms]).astype(float)
        given = arms.copy(), rewards.copy()
        policy.learn(t, *given)
        unchanged = np.array_equal(given[0], arms) and np.array_equal(given[1], rewards)
        require(unchanged, f"{name} changes what it is given in round {t}")
        require(policy.sent >= sent, f"{name} takes back in round {t} what it sent")
        sent = policy.sent
        pulled.append(arms)
    return pulled
