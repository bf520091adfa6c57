"""Conformance of round-by-round plug-ins: a policy, an incentive.

It is made of a world, a number of replicates and coins of its own, a `numpy.random.Generator`.
"""

from collections.abc import Callable
from math import isfinite
from numbers import Real
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

    Args:
        elsewhere: a replicate whose arms pay 1 where they would pay 0, and 0 where 1; arms that are pulled by chance
            are others there too.

    Attributes:
        name: as sentences have it.
        made: the policy or incentive.
        chance: for what it does not decide.
        shape: of arms and rewards, (replicates, agents).
    """

    def __init__(self, make: Make, world: World, elsewhere: int | None = None) -> None:
        self.name, self.world, self._elsewhere = name_of(make), world, elsewhere
        self._coins = np.random.default_rng(1)
        self._untossed = self._state
        self.made, self.chance = make(world, REPLICATES, self._coins), np.random.default_rng(2)
        self.shape = REPLICATES, world.agents

    @property
    def _state(self) -> Any:
        bits = self._coins.bit_generator
        return bits.state, bits.seed_seq.n_children_spawned  # type: ignore[attr-defined]

    @property
    def tosses(self) -> bool:
        """Whether it has tossed coins."""
        return bool(self._state != self._untossed)

    def pulls(self) -> Ints:
        """Arms by chance."""
        arms = self.chance.integers(self.world.arms, size=self.shape)
        if self._elsewhere is not None:
            arms[self._elsewhere] = (arms[self._elsewhere] + 1) % self.world.arms
        return arms

    def show(self, t: int, arms: Ints, show: Callable[[Ints, Floats], Any]) -> Any:
        """What it makes of arms and what they pay. Raises `AssertionError` where it changes these."""
        rewards = (self.chance.random(self.shape) < np.array(self.world.means)[arms]).astype(float)
        if self._elsewhere is not None:
            rewards[self._elsewhere] = 1 - rewards[self._elsewhere]
        given = arms.copy(), rewards.copy()
        found = show(*given)
        unchanged = np.array_equal(given[0], arms) and np.array_equal(given[1], rewards)
        require(unchanged, f"{self.name} changes what it is given in round {t}")
        return found


def as_array(given: Any, otherwise: str) -> NDArray[Any]:
    """A copy of what something gave. Raises `AssertionError` with the sentence where its rows differ in length."""
    try:
        return np.array(given)
    except ValueError as error:
        raise AssertionError(otherwise) from error


def name_of(make: Make) -> str:
    """As sentences have it."""
    return getattr(make, "__name__", str(make))


def require_alike(
    make: Make, world: World, told: str, differs: str, play: Callable[[Held, int], NDArray[Any]]
) -> None:
    """Play a world twice, round by round; `play` gives what came of one, replicates first.

    Where no coins are tossed once more for each replicate, with other rewards there.

    Raises:
        AssertionError: `information` does not say what is `told`, another thing comes of the same coins (`differs`) or
            of another replicate's rewards, or what was sent is taken back or no number.
    """
    name = name_of(make)
    held, same = Held(make, world), Held(make, world)
    information = getattr(held.made, "information", "")
    require(isinstance(information, str) and information, f"{name} does not say in `information` what {told}")
    first = _played(held, play)
    for t, (one, other) in enumerate(zip(first, _played(same, play), strict=True), 1):
        require(np.array_equal(one, other), f"{name} {differs} in round {t} when it has the same coins again")
    if held.tosses:
        return
    for changed in range(REPLICATES):
        rest, second = np.arange(REPLICATES) != changed, _played(Held(make, world, changed), play)
        for t, (one, other) in enumerate(zip(first, second, strict=True), 1):
            require(np.array_equal(one[rest], other[rest]), f"{name} lets one replicate depend on another in round {t}")


def _played(held: Held, play: Callable[[Held, int], NDArray[Any]]) -> list[NDArray[Any]]:
    found, sent = [], 0.0
    for t in range(1, held.world.horizon + 1):
        found.append(play(held, t))
        now: Any = getattr(held.made, "sent", None)
        require(isinstance(now, Real) and isfinite(now), f"{held.name} sent no finite number in round {t}: {now!r}")
        require(now >= sent, f"{held.name} takes back in round {t} what it sent")
        sent = now
    return found
