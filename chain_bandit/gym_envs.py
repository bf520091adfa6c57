"""Reinforcement-learning environments of a scenario: Gymnasium (one learner alone) and PettingZoo (the game of many).

Both play without messages on the draws of `simulate`: the game of seed s is the replicate of seed s, and `reset`
without a seed begins the next one, the scenario's own first. Needs the extra `gym`.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import index
from typing import Any

import numpy as np

from chain_bandit.array_types import Floats, Ints
from chain_bandit.attacks.attack import Attack, View
from chain_bandit.crypto.keys import derive
from chain_bandit.game.live import require_model
from chain_bandit.game.simulated import setting
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ledger import is_over
from chain_bandit.protocol.rewards import Draws
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import BOUND, UNIT, Means, sample_means
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.outcomes import Play, SampleMeans
from chain_bandit.simulation.plain import GameSums
from chain_bandit.simulation.replicates import Measured


class GymMissing(ChainBanditError):
    """Gymnasium or PettingZoo is not installed."""

    exit_code = 4

    def __init__(self) -> None:
        super().__init__("learners' environments need Gymnasium and PettingZoo: run pip install 'chain-bandit[gym]'")


try:
    from gymnasium import Env, spaces
    from pettingzoo import ParallelEnv
except ImportError as error:
    raise GymMissing from error

Infos = dict[str, Any]


class NoSuchSeats(ChainBanditError):
    """Learners at seats that no participants have, or two at one."""

    exit_code = 2

    def __init__(self, seats: object, participants: int) -> None:
        got = list(seats) if isinstance(seats, Iterable) else seats
        super().__init__(f"expected different participants from 0 to {participants - 1}, got {got!r:.80}")


class WrongAction(ChainBanditError):
    """Nothing that a learner can do, or nothing before a game has begun."""

    exit_code = 2

    def __init__(self, expected: str, got: object) -> None:
        super().__init__(f"expected {expected}, got {got!r:.80}")


class BanditEnv(Env[Floats, np.int64]):
    """One participant alone against the arms: an action is an arm, the reward what it pays, from 0 to 1.

    Observed are its sample means and its pull counts divided by T, (2K,). A game ends after T pulls. `info` has the
    pseudo-`regret` so far, in whole rewards.
    """

    metadata: Infos = {"render_modes": []}  # noqa: RUF012

    def __init__(self, scenario: Scenario, seat: int = 0) -> None:
        (seat,) = _require(scenario, (seat,))
        self._scenario, self._seat, self._next, self._over = scenario, seat, scenario.seed, True
        self.action_space = spaces.Discrete(scenario.parameters.arms)
        self.observation_space = spaces.Box(0.0, 1.0, (2 * scenario.parameters.arms,), np.float64)

    def reset(self, *, seed: int | None = None, options: Infos | None = None) -> tuple[Floats, Infos]:
        """Begin a game. Raises `WrongAction` for what is no seed."""
        seed, own = _seed(self._next if seed is None else seed), seed is None
        super().reset(seed=None if own else seed)
        self._draws = Draws(self._scenario.model, derive(seed, "secret"), derive(seed, "seed_0"))
        self._next, self._lost, self._purse = seed + 1, 0, SampleMeans(self._scenario.parameters.arms)
        self._over = False
        return self._seen(), {"regret": 0.0}

    def step(self, action: np.int64) -> tuple[Floats, float, bool, bool, Infos]:
        """Pull an arm. Raises `WrongAction`."""
        if self._over:
            raise WrongAction("reset() before the first step of a game", action)
        if not self.action_space.contains(action):
            raise WrongAction(f"an arm from 0 to {self._scenario.parameters.arms - 1}", action)
        means, arm, time = self._scenario.model.means, int(action), self._purse.received + 1
        reward = self._draws.reward(time, self._seat, arm, 0)
        self._purse.take(time, arm, reward, 1)
        self._lost += max(means) - means[arm]
        self._over = time >= self._scenario.parameters.horizon
        return self._seen(), reward / UNIT, self._over, False, {"regret": self._lost / UNIT}

    def _seen(self) -> Floats:
        return _own(sample_means(self._purse.totals, self._purse.counts), self._purse, self._scenario)


class ReportingEnv(ParallelEnv):  # type: ignore[misc]
    """The game of all participants; a learner at a seat decides what it reports, the rules which arm all pull.

    An action is what is added to the honest estimators before they are reported, (K,) from -1 to 1; the sum is clipped
    to [0, 1], and zeros are honest. A seat without a learner plays as the scenario says. A reward is the change of the
    participant's balance, in whole rewards: in a game they add up to `Measured.payoffs`. Costs go by the scenario's
    roles. A game begins after the burn-in, in which nobody reports; what that paid is in the first reward.

    Observed are the honest estimators, the pull counts divided by T, the global estimators of the last block (2 where
    there is none), the time divided by T, and whether the participant is on the block list: (3K + 2,). `infos` have the
    `regret` of the honest so far. Agents are called participant_SEAT.
    """

    metadata: Infos = {"name": "chain_bandit_v0", "render_modes": []}  # noqa: RUF012

    def __init__(self, scenario: Scenario, seats: Sequence[int] | None = None) -> None:
        seats = _require(scenario, range(scenario.participants) if seats is None else seats)
        self.possible_agents, self.agents = [f"participant_{seat}" for seat in seats], list[str]()
        self.render_mode = None
        self._scenario, self._p, self._next = scenario, scenario.parameters, scenario.seed
        self._learners = {seat: _Learner(self._p.arms, scenario.roles[seat]) for seat in seats}
        self._shown = spaces.Box(0.0, 2.0, (3 * self._p.arms + 2,), np.float64)
        self._done = spaces.Box(-1.0, 1.0, (self._p.arms,), np.float64)

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """The same for all."""
        return self._shown

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The same for all."""
        return self._done

    def reset(self, seed: int | None = None, options: Infos | None = None) -> tuple[dict[str, Floats], Infos]:
        """Begin a game. Raises `WrongAction` for what is no seed."""
        seed = _seed(self._next if seed is None else seed)
        game = setting(self._scenario, seed, self._learners)
        self._play, self._sums = Play(game), GameSums(game)
        self._rounds, self._global = self._play.rounds(), np.full(self._p.arms, BOUND / UNIT)
        self._next, self.agents = seed + 1, list(self.possible_agents)
        self._balances = np.zeros(self._p.participants)
        while self._play.ledger.round < self._p.burn_in:
            self._advance()
        return self._seen(), self._infos(self._measured())

    def step(
        self, actions: dict[str, Floats]
    ) -> tuple[dict[str, Floats], dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """One record. A game that has ended has no agents, and a step of it gives nothing. Raises `WrongAction`."""
        names = self.agents
        if not names:
            return {}, {}, {}, {}, {}
        if not isinstance(actions, Mapping):
            raise WrongAction("a mapping of actions by agent", actions)
        for name, learner in zip(names, self._learners.values(), strict=True):
            try:
                added = np.asarray(actions.get(name, np.nan), np.float64)
            except (TypeError, ValueError):  # of text, or of rows of unequal lengths
                added = np.empty(0)
            if added.shape != (self._p.arms,) or not np.all(np.abs(added) <= 1):
                raise WrongAction(f"for {name} {self._p.arms} numbers from -1 to 1", actions.get(name))
            learner.added = np.rint(added * UNIT).astype(np.int64)
        self._advance()
        if over := is_over(self._p, self._play.ledger):
            self._sums.fine(filter(self._play.keeps_key, self._scenario.attacks()))
            self.agents = []
        measured = self._measured()
        balances = measured.payoffs(self._scenario.roles)[0] / UNIT
        gained, self._balances = balances - self._balances, balances
        rewards = {name: float(gained[seat]) for name, seat in zip(names, self._learners, strict=True)}
        return self._seen(), rewards, dict.fromkeys(names, over), dict.fromkeys(names, False), self._infos(measured)

    def _advance(self) -> None:
        outcome = next(self._rounds)
        self._sums.add(outcome)
        for _ in range(outcome.length):
            self._sums.pull(outcome)
        if outcome.header is not None:
            self._global = np.minimum(outcome.header.means, BOUND) / UNIT

    def _measured(self) -> Measured:
        sums = np.array(self._sums.sums, np.int64).reshape(1, 1, -1)
        return Measured(self._p, (self._p.horizon,), sums, 0.0, settled=self._sums.settled[np.newaxis])

    def _seen(self) -> dict[str, Floats]:
        play, ledger = self._play, self._play.ledger
        common = *self._global, ledger.time / self._p.horizon
        listed = [0 < since <= ledger.round for since in ledger.blocked_from]
        return {
            name: np.array([*_own(play.honest_report(s), play.purses[s], self._scenario), *common, listed[s]])
            for name, s in zip(self.possible_agents, self._learners, strict=True)
        }

    def _infos(self, measured: Measured) -> Infos:
        return {name: {"regret": measured.regret()[0].mean} for name in self.possible_agents}


class _Learner(Attack):
    """A seat whose report is decided from outside."""

    def __init__(self, arms: int, conduct: Conduct) -> None:
        self.conduct, self.added = conduct, np.zeros(arms, np.int64)

    def means(self, view: View, honest: Means) -> Means:
        """The honest estimators and what is added to them."""
        told: Ints = np.clip(np.array(honest, np.int64) + self.added, 0, UNIT)
        return tuple(told.tolist())


def _own(means: Means, purse: SampleMeans, scenario: Scenario) -> Floats:
    """What a participant knows without the others, (2K,)."""
    return np.array([*(each / UNIT for each in means), *(n / scenario.parameters.horizon for n in purse.counts)])


def _require(scenario: Scenario, seats: Sequence[int]) -> list[int]:
    """The seats. Raises `NoSuchSeats`, or `NothingToSimulate` where rewards are live."""
    require_model(scenario)
    try:
        found = list(map(index, seats))
    except TypeError:
        found = []
    if not found or len(set(found)) < len(found) or not set(found) <= set(range(scenario.participants)):
        raise NoSuchSeats(seats, scenario.participants)
    return found


def _seed(given: Any) -> int:
    try:
        seed = index(given)
    except TypeError:
        seed = -1
    if not 0 <= seed < 2**256:
        raise WrongAction("a seed, a whole number from 0 to 2^256 - 1", given)
    return seed
