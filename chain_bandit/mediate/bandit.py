"""UCB participants who thank one another: tokens as in MATE, of the size that they agree on, in a bandit.

There is no critic, so an arm's running mean stands for V: a step went well when it paid no less than the agent's mean
so far, and an epoch was worth what its arms had come to when they were pulled. The rest is the rule of
`stacked_token_rule.py`. It is a policy for the arena: `--policy chain_bandit.mediate.bandit:MediateUcb`.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from chain_bandit.mediate.agreement.tokens import units
from chain_bandit.mediate.stacked_token_rule import after_epoch, opened
from chain_bandit.mediate.token_rule import Method, Rule
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arena import Floats, Ints, Mask, World
from chain_bandit.simulation.rivals.learner import Learner, highest, upper_bounds

Agree = Callable[[NDArray[np.int64], Mask, Mask], NDArray[np.int64]]
"""One token for each replicate, (R,) in units, from everybody's, (R, M); it is also told who asked, and who was
pleased, in each step of the epoch, (E, R, M)."""

RULE = Rule(last_value=False, clip=1.0)
"""A bandit has no state after the last step; means near 0 may change by many times what they were."""


def in_process(own: NDArray[np.int64], asked: Mask, pleased: Mask) -> NDArray[np.int64]:
    """The mean, as `agreement.agreer.InProcess` has it."""
    return np.asarray(own.sum(axis=-1) // own.shape[-1])


class MediateUcb(Learner):
    """MEDIATE-S: after each epoch all go on from the agreed token. Indices are of the rewards with the tokens in them.

    Args:
        epoch: rounds.
        cost: of a pull. A token changes by a share of the least net reward: of 0 it stays.
        lie: what the liars say that their tokens are; they do all else like the others.
        agree: how all come to one token.
    """

    information = "its own rewards, whether others thank it, one agreed token an epoch"

    def __init__(
        self, world: World, replicates: int, coins: np.random.Generator, epoch: int = 20, cost: float = 0.1,
        lie: float = 10.0, agree: Agree = in_process,
    ) -> None:  # fmt: skip
        super().__init__(world, replicates)
        self._epoch, self._cost, self._lie, self._agree = epoch, cost, lie, agree
        self.shaped = np.zeros_like(self.sums)
        self.accounts = opened(Method.SYNCHRONISED, replicates, world.agents)
        shape = epoch, replicates, world.agents
        self._values, self._nets = np.zeros(shape), np.zeros(shape)
        self._asked, self._pleased = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)

    def choose(self, t: int) -> Ints:
        """The arm with the highest upper bound; each arm once first."""
        return highest(upper_bounds(self.shaped / np.maximum(self.pulls, 1), self.pulls, t))

    def learn(self, t: int, arms: Ints, rewards: Floats) -> None:
        """Thank, be thanked, count; at the end of an epoch agree."""
        at, pulled = (t - 1) % self._epoch, self._first + arms
        before = self.pulls.reshape(-1)[pulled]
        self._values[at] = self.shaped.reshape(-1)[pulled] / np.maximum(before, 1)
        self._nets[at] = rewards - self._cost
        gained = self._thank(at, rewards)
        super().learn(t, arms, rewards)
        self.shaped.reshape(-1)[pulled] += gained
        if at + 1 == self._epoch:
            self._end()

    def _thank(self, at: int, rewards: Floats) -> Floats:
        """What each learns from: `stacked_exchange.exchanged` of a step in which all reach all."""
        token, times = self.accounts.used, self.pulls.sum(axis=-1)
        mean = np.where(times > 0, self.sums.sum(axis=-1) / np.maximum(times, 1), -np.inf)
        asked = (rewards >= mean) & (token > 0)
        thanked = rewards + token * _any_other(asked)
        pleased = thanked >= mean
        self._asked[at], self._pleased[at] = asked, pleased
        answer = np.where(_any_other(~pleased), -token, token) if self.world.agents > 1 else 0.0
        self.sent += float(asked.mean() + _any_other(asked).mean())
        return np.asarray(thanked + asked * answer)

    def _end(self) -> None:
        """Move everybody's own token from the agreed one, and agree on the next."""
        steps = np.full((self.replicates, 1), self._epoch)
        values, rewards = (np.moveaxis(each, 0, 1)[:, np.newaxis] for each in (self._values, self._nets))
        ours = replace(self.accounts, own=self.accounts.used)
        moved = after_epoch(ours, values, rewards, steps, Method.AUTO, RULE)
        own = moved.own.copy()
        own[:, self.world.honest :] = self._lie
        agreed = self._agree(units(own), self._asked, self._pleased)[:, np.newaxis] / UNIT
        used = np.broadcast_to(agreed, own.shape)
        self.accounts = replace(moved, own=own, used=used)
        self.sent += 1


def _any_other(flags: Mask) -> Mask:
    """Whether it holds of any other agent, (R, M)."""
    return np.asarray(flags.sum(axis=-1, keepdims=True) - flags > 0)
