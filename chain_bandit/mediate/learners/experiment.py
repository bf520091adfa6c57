"""A game learned by some methods in many runs at once: epochs of episodes, tokens exchanged after each, one update."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from chain_bandit.array_types import Flags, Floats, Ints
from chain_bandit.mediate import stacked_token_rule
from chain_bandit.mediate.chance import Uniforms, Use, generator
from chain_bandit.mediate.exchange import Improvement
from chain_bandit.mediate.games.game import GameParameters
from chain_bandit.mediate.games.stacks import stack_of
from chain_bandit.mediate.gifting import Budgets, Gift, gifted, moves
from chain_bandit.mediate.learners.actor_critic import ActorCritics
from chain_bandit.mediate.learners.lio import EVERY, Incentives, Lio
from chain_bandit.mediate.learners.networks import Networks
from chain_bandit.mediate.learners.observation_index import ObservationIndex
from chain_bandit.mediate.stacked_exchange import exchanged
from chain_bandit.mediate.token_rule import PAPER, Mate, Method, TokenRuleOptions
from chain_bandit.protocol.errors import ChainBanditError

_Number = TypeVar("_Number", bound=np.generic)

EPISODES = 10
"""Of an epoch (the paper's Table 4)."""


@dataclass(frozen=True, slots=True)
class LearningSetting:
    """What is learned how.

    Attributes:
        methods, runs: every method in every run. A run has the same first networks, games and coins under each.
        seed: whence all chance comes.
        rival: what changes rewards in place of tokens, of which the methods then have none.
    """

    rules: GameParameters
    methods: tuple[Method | Mate, ...]
    runs: tuple[int, ...]
    seed: int = 0
    rule: TokenRuleOptions = PAPER
    improvement: Improvement = Improvement.TD
    rival: Gift | Lio | None = None
    episodes: int = EPISODES


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What an epoch came to, by method and run.

    Attributes:
        welfare: U, the sum of all agents' rewards of the environment in an episode, in the mean; (M, R).
        counts: of `Rules.counts`, summed over the episodes; (M, R, counts).
        tokens: that were exchanged; (M, R, N).
    """

    welfare: Floats
    counts: Ints
    tokens: Floats


@dataclass(frozen=True, slots=True)
class EpisodeOutcomes:
    """The episodes of an epoch, (L, E, T, ...), where L = M R.

    Attributes:
        sights: what learners saw.
        barred: agents not allowed to give; None where nobody gives.
        alive: whether the game was not over before the step.
    """

    index: ObservationIndex
    actions: Ints
    rewards: Floats
    neighbours: Flags
    counts: Ints
    alive: Flags
    barred: Flags | None


class NothingToGiveBy(ChainBanditError):
    """Gifts in a game without an action that does nothing."""

    exit_code = 3

    def __init__(self) -> None:
        super().__init__("gifting: in this game every action does something, so that none is left to give by")


class Experiment:
    """All methods and runs of a setting, between two epochs."""

    def __init__(self, setting: LearningSetting) -> None:
        if isinstance(setting.rival, Gift) and setting.rules.idle is None:
            raise NothingToGiveBy()
        self.setting, self.epochs = setting, 0
        lio = setting.rival if isinstance(setting.rival, Lio) else None
        agents, methods, runs = setting.rules.agents, len(setting.methods), len(setting.runs)
        self._lanes = methods * runs
        lanes = setting.runs * methods
        self.learners = ActorCritics(setting.rules, setting.seed, lanes, isinstance(setting.rival, Gift))
        self.incentives = Incentives(setting.rules, setting.seed, lanes, lio) if lio else None
        self.accounts = [stacked_token_rule.opened(method, runs, agents) for method in setting.methods]
        self._stack = stack_of(setting.rules)

    def epoch(self) -> EpochResult:
        """Play the next episodes with the networks as they are, exchange tokens, learn, and move the tokens."""
        setting = self.setting
        agents, shape = setting.rules.agents, (len(setting.methods), len(setting.runs))
        played = self._play()
        values = self._by_game(self.learners.values(played.index))
        tokens = np.stack([each.used for each in self.accounts])
        alive = self._by_network(np.broadcast_to(played.alive[..., np.newaxis], played.rewards.shape))
        actions = self._by_network(played.actions)
        if self.incentives:
            shaped = played.rewards + self._paid(self.incentives, played, actions, alive)
        elif isinstance(setting.rival, Gift):
            gives = played.actions == setting.rules.actions
            shaped = gifted(played.rewards, gives, played.neighbours, setting.rival)
        else:
            each = np.broadcast_to(tokens.reshape(-1, 1, agents), (*played.rewards.shape[:2], agents))
            discount = setting.rules.discount
            shaped = exchanged(played.rewards, values, played.neighbours, each, discount, setting.improvement)
        gained = self._by_network(returns(shaped, setting.rules.discount))
        barred = None if played.barred is None else self._by_network(played.barred)
        self.learners.learn(played.index, actions, gained, alive, barred)

        steps = played.alive.sum(axis=-1)
        for at, method in enumerate(setting.methods):
            lanes = slice(at * shape[1], (at + 1) * shape[1])
            self.accounts[at] = stacked_token_rule.after_epoch(
                self.accounts[at], values[lanes], played.rewards[lanes], steps[lanes], method, setting.rule
            )
        self.epochs += 1
        welfare = played.rewards.sum(axis=(1, 2, 3)) / setting.episodes
        return EpochResult(welfare.reshape(shape), played.counts.sum(axis=(1, 2)).reshape(*shape, -1), tokens)

    def state(self) -> dict[str, NDArray[Any]]:
        """All that the next epochs depend on beside the setting; `restore` takes it."""
        made: dict[str, NDArray[Any]] = {"epochs": np.array(self.epochs)}
        for name, networks in self._networks().items():
            made |= {f"{name}.{at}": each for at, each in enumerate(networks.state())}
        for at, account in enumerate(self.accounts):
            made |= {f"account.{at}.{field.name}": getattr(account, field.name) for field in fields(account)}
        return made

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from the state of another experiment of the same setting, to the same bits."""
        self.epochs = int(state["epochs"])
        for name, networks in self._networks().items():
            networks.restore([state[f"{name}.{at}"] for at in range(len(networks.state()))])
        for at, account in enumerate(self.accounts):
            kept = {field.name: state[f"account.{at}.{field.name}"] for field in fields(account)}
            self.accounts[at] = replace(account, **kept)

    def _networks(self) -> dict[str, Networks]:
        paying = {"incentives": self.incentives.networks} if self.incentives else {}
        return {"actors": self.learners.actors, "critics": self.learners.critics, **paying}

    def _paid(self, incentives: Incentives, played: EpisodeOutcomes, actions: Ints, alive: Flags) -> Floats:
        """What agents get by what others pay them, (L, E, T, N); every second epoch what they pay is learned."""
        rows = incentives.rows(played.index, actions)
        paid = self._by_game(incentives.received(rows, alive))
        if self.epochs % EVERY == EVERY - 1:
            gained = returns(played.rewards, self.setting.rules.discount)
            incentives.learn(rows, self._by_network(gained), alive)
        return paid

    def _play(self) -> EpisodeOutcomes:
        rules, shape = self.setting.rules, (self._lanes, self.setting.episodes)
        agents, games = rules.agents, self._lanes * self.setting.episodes
        resets, steps, coins = (self._chance(use) for use in (Use.RESETS, Use.STEPS, Use.ACTIONS))
        actions = np.zeros((rules.limit, games, agents), np.int64)
        rewards = np.zeros((rules.limit, games, agents))
        neighbours = np.zeros((rules.limit, games, agents, agents), np.bool_)
        counts = np.zeros((rules.limit, games, len(rules.counts)), np.int64)
        alive = np.zeros((rules.limit, games), np.bool_)
        budgets = Budgets(games, agents, self.setting.rival) if isinstance(self.setting.rival, Gift) else None
        barred = np.zeros((rules.limit, games, agents), np.bool_)

        def to_networks(values: NDArray[_Number]) -> NDArray[_Number]:
            inner = values.reshape(*shape, agents, -1).swapaxes(1, 2)
            return inner.reshape(self._lanes * agents, shape[1], -1)

        index, over = self.learners.begin(shape[1]), np.zeros(games, np.bool_)
        seen = self._stack.reset(resets(rules.reset_draws))
        for step in range(rules.limit):
            if budgets:
                barred[step] = budgets.barred()
            bars = to_networks(barred[step])[..., 0] if budgets else None
            likely = self.learners.chances(index, step, to_networks(seen), bars)
            likely = likely.reshape(self._lanes, agents, shape[1], -1).swapaxes(1, 2).reshape(games, agents, -1)
            actions[step] = chosen(likely, coins(agents))
            alive[step] = ~over
            moments = self._stack.step(moves(actions[step], rules), steps(rules.step_draws))
            seen, rewards[step] = moments.observations, moments.rewards
            neighbours[step], counts[step], over = moments.neighbours, moments.counts, moments.over
            if budgets:
                budgets.moved(moments.rewards, actions[step] == rules.actions, moments.neighbours)
            if over.all():
                break
        index.see(step + 1, to_networks(seen))

        def by_game(values: NDArray[Any]) -> NDArray[Any]:
            return np.moveaxis(values.reshape(len(values), *shape, *values.shape[2:]), 0, 2)

        return EpisodeOutcomes(
            index, by_game(actions), by_game(rewards), by_game(neighbours), by_game(counts), by_game(alive),
            by_game(barred) if budgets else None,
        )  # fmt: skip

    def _by_network(self, values: NDArray[_Number]) -> NDArray[_Number]:
        """(L, E, T, N) to (G, T, E)."""
        moved = np.ascontiguousarray(values.transpose(0, 3, 2, 1))
        return moved.reshape(-1, *moved.shape[2:])

    def _by_game(self, values: NDArray[_Number]) -> NDArray[_Number]:
        """(G, T, E) to (L, E, T, N)."""
        return values.reshape(self._lanes, -1, *values.shape[1:]).transpose(0, 3, 2, 1)

    def _chance(self, use: Use) -> Callable[[int], Uniforms]:
        """Gives the next so many uniform numbers of each game: each run's its own, and the same under every method."""
        setting = self.setting
        streams = [generator(setting.seed, run, self.epochs, use) for run in setting.runs]

        def drawn(width: int) -> Uniforms:
            rows = [stream.random((setting.episodes, width)) for stream in streams]
            return np.concatenate(rows * len(setting.methods))

        return drawn


def chosen(likely: Floats, coins: Uniforms) -> Ints:
    """An action of each agent, (..., N), by how likely each is, (..., N, actions), and a uniform number."""
    return np.asarray((coins[..., np.newaxis] >= np.cumsum(likely, axis=-1)[..., :-1]).sum(axis=-1))


def returns(rewards: Floats, discount: float) -> Floats:
    """Equation 1 to the end of the episode, of rewards (..., T, N); nothing is added for what may come after."""
    gained = rewards.copy()
    for step in reversed(range(rewards.shape[-2] - 1)):
        gained[..., step, :] += discount * gained[..., step + 1, :]
    return gained
