"""What holds of whatever is played round by round: a policy, an incentive.

It is made of a world, a number of replicates and coins of its own, a `numpy.random.Generator`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit.simulation.arena import Floats, Ints, World
from chain_bandit.testing.holding import require

REPLICATES = 3
WORLD = World((0.7, 0.5, 0.2), agents=5, liars=1, horizon=60)

Make = Callable[[World, int, np.random.Generator], Any]


class Held:
    """What is held to something, in one play of a world.

    Attributes:
        name: as sentences have it.
        made: the policy or incentive.
        chance: for what it does not decide.
        shape: of arms and rewards, (replicates, agents).
    """

    def __init__(self, make: Make, world: World) -> None:
        self.name, self.world = name_of(make), world
        self.made, self.chance = make(world, REPLICATES, np.random.default_rng(1)), np.random.default_rng(2)
        self.shape = REPLICATES, world.agents

    def show(self, t: int, arms: Ints, show: Callable[[Ints, Floats], Any]) -> Any:
        """What it makes of arms and what they pay. Raises `AssertionError` where it changes these."""
        rewards = (self.chance.random(self.shape) < np.array(self.world.means)[arms]).astype(float)
        given = arms.copy(), rewards.copy()
        found = show(*given)
        unchanged = np.array_equal(given[0], arms) and np.array_equal(given[1], rewards)
        require(unchanged, f"{self.name} changes what it is given in round {t}")
        return found


def name_of(make: Make) -> str:
    """As sentences have it."""
    return getattr(make, "__name__", str(make))


def require_alike(
    make: Make, world: World, told: str, differs: str, play: Callable[[Held, int], NDArray[Any]]
) -> None:
    """Play a world twice, round by round; `play` gives what came of one.

    Raises:
        AssertionError: `information` does not say what is `told`, another thing comes of the same coins (`differs`), or
            what was sent is taken back.
    """
    name = name_of(make)
    information = getattr(make(world, REPLICATES, np.random.default_rng(1)), "information", "")
    require(isinstance(information, str) and information, f"{name} does not say in `information` what {told}")
    first, second = (_played(Held(make, world), play) for _ in range(2))
    for t, (one, other) in enumerate(zip(first, second, strict=True), 1):
        require(np.array_equal(one, other), f"{name} {differs} in round {t} when it has the same coins again")


def _played(held: Held, play: Callable[[Held, int], NDArray[Any]]) -> list[NDArray[Any]]:
    found, sent = [], 0.0
    for t in range(1, held.world.horizon + 1):
        found.append(play(held, t))
        require(held.made.sent >= sent, f"{held.name} takes back in round {t} what it sent")
        sent = held.made.sent
    return found
