"""Interface of a game: its rules, one game of it, and many at once.

Chance is handed in: a row of uniform numbers for a reset and one for each step, as many as the rules say. A game that
is read and a stack of games that get the same rows go through the same states.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from chain_bandit.array_types import Flags, Floats, Ints, Singles
from chain_bandit.mediate.chance import Uniforms

Marks = NDArray[np.int16]
"""What is seen, as stacks and networks have it: the numbers of the inputs that count, each as often as it does, along
the last axis, then `NOTHING`. Observations are long and have few."""

NOTHING = -1

Chance = Sequence[float] | Uniforms
Position = tuple[int, int]
"""A cell: x from the left, y from below."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a step of one game comes to; every tuple has an entry an agent.

    Attributes:
        observations: what each sees next, `Rules.inputs` numbers.
        rewards: of the environment.
        neighbours: whom each could exchange tokens with in this step.
        counts: one number for each of `Rules.counts`.
        over: whether the game has ended before its time limit.
    """

    observations: tuple[Singles, ...]
    rewards: tuple[float, ...]
    neighbours: tuple[frozenset[int], ...]
    counts: tuple[int, ...]
    over: bool


@dataclass(frozen=True, slots=True)
class Moments:
    """The same of B stacked games of N agents. A game that was over before the step has zeros everywhere, and no marks.

    Attributes:
        observations: (B, N, `Rules.marks`).
        rewards: (B, N).
        neighbours: (B, N, N), of agent i whom it has in row i.
        counts: (B, counts).
        over: (B,)
    """

    observations: Marks
    rewards: Floats
    neighbours: Flags
    counts: Ints
    over: Flags


class MarkovGame(Protocol):
    """One game, to be read. `step` may be called after `reset`, until the game is over or its limit is reached."""

    def reset(self, chance: Chance) -> tuple[Singles, ...]:
        """Begin anew; what each agent sees. `chance` has `Rules.reset_draws` uniform numbers."""
        ...

    def step(self, actions: Sequence[int], chance: Chance) -> Moment:
        """All agents act at once. `chance` has `Rules.step_draws` uniform numbers."""
        ...


class Stack(Protocol):
    """B games, in step. A row of chance, the first axis of every argument, belongs to a game."""

    def reset(self, chance: Uniforms) -> Marks:
        """Begin B games anew; (B, N, `Rules.marks`). `chance` is (B, `Rules.reset_draws`)."""
        ...

    def step(self, actions: Ints, chance: Uniforms) -> Moments:
        """`actions` is (B, N), `chance` (B, `Rules.step_draws`)."""
        ...


class GameParameters(Protocol):
    """A game's parameters, frozen and equal by value.

    Attributes:
        agents: N.
        actions: how many each agent has.
        idle: the action that moves nothing, none of those perhaps; None where there is none.
        inputs: numbers in an observation.
        marks: inputs of it that count, at most.
        limit: T, the steps of an episode.
        discount: gamma, of the learners.
        reset_draws, step_draws: uniform numbers that a reset and a step take.
        counts: names of what is counted beside rewards.
        welfare: the least and the most that all rewards of an episode can add up to, infinite where nobody says.
    """

    @property
    def agents(self) -> int: ...  # noqa: D102
    @property
    def actions(self) -> int: ...  # noqa: D102
    @property
    def idle(self) -> int | None: ...  # noqa: D102
    @property
    def inputs(self) -> int: ...  # noqa: D102
    @property
    def marks(self) -> int: ...  # noqa: D102
    @property
    def limit(self) -> int: ...  # noqa: D102
    @property
    def discount(self) -> float: ...  # noqa: D102
    @property
    def reset_draws(self) -> int: ...  # noqa: D102
    @property
    def step_draws(self) -> int: ...  # noqa: D102
    @property
    def counts(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def welfare(self) -> tuple[float, float]: ...  # noqa: D102

    def game(self) -> MarkovGame:
        """One game, to be read; `stacks.stack_of` has many at once."""
        ...


def everybody_else(agents: int) -> tuple[frozenset[int], ...]:
    """The neighbourhoods where all reach all."""
    return tuple(frozenset(range(agents)) - {agent} for agent in range(agents))


def others(agents: int) -> Ints:
    """The same as a table, (N, N - 1): agent i has row i."""
    return np.array([[other for other in range(agents) if other != agent] for agent in range(agents)], np.int64)


def all_pairs(games: int, agents: int) -> Flags:
    """The same of stacked games; read only."""
    return np.broadcast_to(~np.eye(agents, dtype=np.bool_), (games, agents, agents))
