"""Arena of bandit policies: one world, the same rewards for all of them, regret of the honest.

A policy plays all replicates and all agents at once, as arrays. The uniform number behind the reward of (replicate,
round, agent) is a function of the seed alone, so policies are compared in pairs; nothing kept grows with the horizon.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chain_bandit.array_types import Flags
from chain_bandit.array_types import Floats as Floats
from chain_bandit.array_types import Ints as Ints
from chain_bandit.plugins import PluginBroken

CHUNK = 200
"""Replicates that are played together. Draws are made for a whole chunk, so that they depend on no number asked for."""


class WorldError(ValueError):
    """A world that nobody can play, or rounds that it does not have."""


@dataclass(frozen=True)
class World:
    """A Bernoulli bandit and its agents.

    Attributes:
        means: of the arms, each in [0, 1], at least two.
        agents: M; the last `liars` of them are malicious.
        liars: fewer than M.
        horizon: T, rounds.
        graph: communication graph, symmetric (M, M); None: complete.

    Raises:
        WorldError: for anything else.
    """

    means: tuple[float, ...]
    agents: int
    liars: int
    horizon: int
    graph: Flags | None = None

    def __post_init__(self) -> None:
        """Refuse what nobody can play."""
        if len(self.means) < 2 or not all(0 <= mean <= 1 for mean in self.means):
            raise WorldError(f"expected two means or more, each in [0, 1], got {self.means}")
        if not 0 <= self.liars < self.agents or self.horizon < 1:
            raise WorldError(
                f"expected 0 <= liars < agents and horizon >= 1, got {self.liars}, {self.agents}, {self.horizon}"
            )
        graph = self.graph
        if graph is not None and (
            graph.shape != (self.agents, self.agents) or (graph != graph.T).any() or graph.diagonal().any()
        ):
            raise WorldError(f"expected a symmetric graph of {self.agents} agents without loops")

    @property
    def arms(self) -> int:
        """K."""
        return len(self.means)

    @property
    def honest(self) -> int:
        """M less the liars."""
        return self.agents - self.liars

    @property
    def gaps(self) -> Floats:
        """How much worse than the best each arm is, (K,)."""
        return np.asarray(max(self.means) - np.array(self.means))


def ring(agents: int) -> Flags:
    """Ring: each agent receives from the one before and the one after."""
    step = np.eye(agents, dtype=bool)
    return np.roll(step, 1, axis=1) | np.roll(step, -1, axis=1)


def scale_free(agents: int, links: int, coins: np.random.Generator) -> Flags:
    """Preferential attachment (Barabasi, Albert 1999): a star of `links` + 1 agents, then each links to so many others.

    These are drawn without repetition, each in proportion to its degree.
    """
    graph = np.zeros((agents, agents), dtype=bool)
    graph[0, 1 : links + 1] = graph[1 : links + 1, 0] = True
    for new in range(links + 1, agents):
        degrees = graph[:new].sum(axis=1)
        heard = coins.choice(new, links, replace=False, p=degrees / degrees.sum())
        graph[new, heard] = graph[heard, new] = True
    return graph


class ArenaPolicy(ABC):
    """What all agents do, in R replicates at once. The liars follow it too, except in what they send.

    Attributes:
        information: what an agent is told beforehand and receives from others, in words.
        sent: numbers that an agent sent so far, the mean over agents; a broadcast counts once for all receivers.
    """

    information: str
    sent: float = 0.0

    @abstractmethod
    def choose(self, t: int) -> Ints:
        """The arm of each agent in round t (from 1): (R, M)."""

    @abstractmethod
    def learn(self, t: int, arms: Ints, rewards: Floats) -> None:
        """What the arms of round t paid: both (R, M)."""


PolicyMaker = Callable[[World, int, np.random.Generator], ArenaPolicy]
"""Makes a policy for a world and R replicates; the generator is for its own coins, if it tosses any."""


@dataclass(frozen=True)
class Played:
    """What came of it.

    Attributes:
        regret: pseudo-regret so far, mean over the honest, in rewards: (replicates, marks).
        sent: numbers an agent sent a round, over the whole game.
    """

    regret: Floats
    sent: float


def play(world: World, make: PolicyMaker, replicates: int, seed: int, marks: Sequence[int] = ()) -> Played:
    """Play `world` from round 1 to T; `marks` are rounds by which regret is told, T alone without any.

    Raises:
        WorldError: no replicate, or a mark that is no round.
        PluginBroken: the policy does not name an arm for everybody.
    """
    counted = tuple(marks) or (world.horizon,)
    if replicates < 1 or not all(1 <= mark <= world.horizon for mark in counted):
        raise WorldError(f"expected a replicate or more and marks in 1 .. {world.horizon}, got {replicates}, {counted}")
    parts = [
        _play(world, make, min(CHUNK, replicates - start), (seed, start // CHUNK), counted)
        for start in range(0, replicates, CHUNK)
    ]
    return Played(np.concatenate([part.regret for part in parts]), float(np.mean([part.sent for part in parts])))


def _play(world: World, make: PolicyMaker, replicates: int, key: tuple[int, int], marks: Sequence[int]) -> Played:
    luck, coins = (np.random.Generator(np.random.Philox(np.random.SeedSequence((*key, use)))) for use in (0, 1))
    policy = make(world, replicates, coins)
    means, gaps = np.array(world.means), world.gaps
    so_far, told = np.zeros(replicates), {}
    for t in range(1, world.horizon + 1):
        arms = policy.choose(t)
        if np.shape(arms) != (replicates, world.agents) or np.min(arms) < 0:
            raise PluginBroken("policy", type(policy).__name__, f"no arm for everybody in round {t}")
        so_far += gaps[arms[:, : world.honest]].mean(axis=1)
        if t in marks:
            told[t] = so_far.copy()
        policy.learn(t, arms, (luck.random((CHUNK, world.agents))[:replicates] < means[arms]).astype(float))
    return Played(np.stack([told[mark] for mark in marks], axis=1), policy.sent / world.horizon)
