"""A game learned by one method in many runs at once: epochs of episodes, tokens exchanged after each, one update."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit.mediate import stacked_token_rule
from chain_bandit.mediate.chance import Uniforms, Use, generator
from chain_bandit.mediate.exchange import Improvement
from chain_bandit.mediate.games.game import Amounts, Flags, Floats, Ints, Rules
from chain_bandit.mediate.games.stacks import stack_of
from chain_bandit.mediate.learners.actor_critic import ActorCritics
from chain_bandit.mediate.stacked_exchange import exchanged
from chain_bandit.mediate.token_rule import PAPER, Method, Rule

EPISODES = 10
"""Of an epoch (the paper's Table 4)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is learned how.

    Attributes:
        seed, runs: whence all chance comes. A run has the same first networks, games and coins under every method.
    """

    rules: Rules
    method: Method
    runs: tuple[int, ...]
    seed: int = 0
    rule: Rule = PAPER
    improvement: Improvement = Improvement.TD
    episodes: int = EPISODES


@dataclass(frozen=True, slots=True)
class Epoch:
    """What an epoch came to, by run.

    Attributes:
        welfare: U, the sum of all agents' rewards of the environment in an episode, in the mean; (R,).
        counts: of `Rules.counts`, summed over the episodes; (R, counts).
        tokens: that were exchanged; (R, N).
    """

    welfare: Amounts
    counts: Ints
    tokens: Amounts


@dataclass(frozen=True, slots=True)
class Played:
    """The episodes of an epoch, (R, E, T, ...).

    Attributes:
        observations: before every step and after the last, (R, E, T + 1, N, inputs).
        alive: whether the game was not over before the step.
    """

    observations: Floats
    actions: Ints
    rewards: Amounts
    neighbours: Flags
    counts: Ints
    alive: Flags


class Experiment:
    """All runs of a setting, between two epochs."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.epochs = setting, 0
        self.learners = ActorCritics(setting.rules, setting.seed, setting.runs)
        self.accounts = stacked_token_rule.opened(setting.method, len(setting.runs), setting.rules.agents)
        self._stack = stack_of(setting.rules)

    def epoch(self) -> Epoch:
        """Play the next episodes with the networks as they are, exchange tokens, learn, and move the tokens."""
        setting, tokens = self.setting, self.accounts.used
        played = self._play()
        values = self.learners.values(played.observations)
        each = np.broadcast_to(tokens[:, np.newaxis], (*played.rewards.shape[:2], setting.rules.agents))
        shaped = exchanged(
            played.rewards, values, played.neighbours, each, setting.rules.discount, setting.improvement
        )
        gained = returns(shaped, setting.rules.discount)
        self.learners.learn(played.observations[:, :, :-1], played.actions, gained, played.alive)
        self.accounts = stacked_token_rule.after_epoch(
            self.accounts, values, played.rewards, played.alive.sum(axis=-1), setting.method, setting.rule
        )
        self.epochs += 1
        welfare = played.rewards.sum(axis=(1, 2, 3)) / setting.episodes
        return Epoch(welfare, played.counts.sum(axis=(1, 2)), tokens)

    def _play(self) -> Played:
        rules, shape = self.setting.rules, (len(self.setting.runs), self.setting.episodes)
        games = shape[0] * shape[1]
        steps = self._chance(Use.STEPS, (rules.limit,), rules.step_draws)
        coins = self._chance(Use.ACTIONS, (rules.limit,), rules.agents)
        observations = np.zeros((rules.limit + 1, games, rules.agents, rules.inputs), np.float32)
        actions = np.zeros((rules.limit, games, rules.agents), np.int64)
        rewards = np.zeros((rules.limit, games, rules.agents))
        neighbours = np.zeros((rules.limit, games, rules.agents, rules.agents), np.bool_)
        counts = np.zeros((rules.limit, games, len(rules.counts)), np.int64)
        alive = np.zeros((rules.limit, games), np.bool_)

        observations[0] = self._stack.reset(self._chance(Use.RESETS, (), rules.reset_draws))
        over = np.zeros(games, np.bool_)
        for step in range(rules.limit):
            likely = self.learners.chances(observations[step].reshape(*shape, rules.agents, rules.inputs))
            actions[step] = chosen(likely.reshape(games, rules.agents, -1), coins[step])
            alive[step] = ~over
            moments = self._stack.step(actions[step], steps[step])
            observations[step + 1], rewards[step] = moments.observations, moments.rewards
            neighbours[step], counts[step], over = moments.neighbours, moments.counts, moments.over
            if over.all():
                break

        def by_run(values: NDArray[Any]) -> NDArray[Any]:
            return np.moveaxis(values.reshape(len(values), *shape, *values.shape[2:]), 0, 2)

        return Played(
            by_run(observations), by_run(actions), by_run(rewards), by_run(neighbours), by_run(counts), by_run(alive)
        )

    def _chance(self, use: Use, steps: Sequence[int], width: int) -> Uniforms:
        """Uniform numbers for all games, (*steps, B, width); each run's are its own."""
        setting = self.setting
        rows = [
            generator(setting.seed, run, self.epochs, use).random((*steps, setting.episodes, width))
            for run in setting.runs
        ]
        return np.concatenate(rows, axis=-2)


def chosen(likely: Amounts, coins: Uniforms) -> Ints:
    """An action of each agent, (..., N), by how likely each is, (..., N, actions), and a uniform number."""
    return np.asarray((coins[..., np.newaxis] >= np.cumsum(likely, axis=-1)[..., :-1]).sum(axis=-1))


def returns(rewards: Amounts, discount: float) -> Amounts:
    """Equation 1 to the end of the episode, of rewards (..., T, N); nothing is added for what may come after."""
    gained = rewards.copy()
    for step in reversed(range(rewards.shape[-2] - 1)):
        gained[..., step, :] += discount * gained[..., step + 1, :]
    return gained
