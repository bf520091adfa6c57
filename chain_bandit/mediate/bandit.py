"""MATE's acknowledgement tokens among UCB participants, or any others of a bandit, and the rule for their size.

There is no critic, so an arm's running mean stands for V: a step went well when it paid no less than the agent's mean
so far, and an epoch was worth what its arms had come to when they were pulled. The rest is the exchange of
`stacked_exchange.py` and the rule of `stacked_token_rule.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from chain_bandit.array_types import Flags, Floats, Ints
from chain_bandit.mediate.agreement.tokens import units
from chain_bandit.mediate.stacked_exchange import handshake
from chain_bandit.mediate.stacked_token_rule import mean, moved, opened
from chain_bandit.mediate.token_rule import Mate, Method, TokenRuleOptions
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arena import World
from chain_bandit.simulation.incentive import Incentive, IncentiveMaker

Agree = Callable[[NDArray[np.int64], Flags, Flags], NDArray[np.int64]]
"""One token for each replicate, (R,) in units, from everybody's, (R, M); it is also given the requests and the
positive answers of each step of the epoch, (E, R, M)."""

RULE = TokenRuleOptions(last_value=False, clip=1.0)
"""A bandit has no state after the last step; means near 0 may change by many times what they were."""


def in_process(own: NDArray[np.int64], asked: Flags, pleased: Flags) -> NDArray[np.int64]:
    """The mean."""
    return mean(own)


class TokenIncentive(Incentive):
    """Tokens along the links of the world's graph; what is agreed is agreed by all.

    Args:
        epoch: rounds.
        cost: of a pull. A token changes by a share of the least net reward: of 0 it stays.
        lie: the liars' declared tokens, where tokens change; None: the truth. They do all else like the
            others.
        agree: how all come to one token, where they do.

    Attributes:
        accounts: tokens, and what they are made of.
        pulls, shaped: of each agent's arms, and the sums of what was learned from them, (R, M, K).
    """

    def __init__(
        self, world: World, replicates: int, coins: np.random.Generator, method: Method | Mate = Method.SYNCHRONISED,
        epoch: int = 20, cost: float = 0.1, lie: float | None = None, agree: Agree = in_process,
    ) -> None:  # fmt: skip
        self.information = "whether others thank it" + ", one agreed token an epoch" * method.agrees
        self._world, self._method = world, method
        self._epoch, self._cost, self._lie, self._agree = epoch, cost, lie, agree
        self._reach = ~np.eye(world.agents, dtype=bool) if world.graph is None else world.graph
        self.accounts = opened(method, replicates, world.agents)
        everybody = replicates, world.agents
        self._agents, self._total = tuple(np.ogrid[:replicates, : world.agents]), np.zeros(everybody)
        self.pulls, self.shaped = (np.zeros((*everybody, world.arms)) for _ in range(2))
        self._values, self._nets = (np.zeros((epoch, *everybody)) for _ in range(2))
        self._asked, self._pleased = (np.zeros((epoch, *everybody), np.bool_) for _ in range(2))

    def shape(self, t: int, arms: Ints, rewards: Floats) -> Floats:
        """Exchange tokens and count; at the end of an epoch update the tokens' size."""
        at, pulled = (t - 1) % self._epoch, (*self._agents, arms)
        self._values[at] = self.shaped[pulled] / np.maximum(self.pulls[pulled], 1)
        self._nets[at] = rewards - self._cost
        so_far = self._total / (t - 1) if t > 1 else np.full_like(rewards, -np.inf)
        met = handshake(rewards, lambda gained: gained >= so_far, self._reach, self.accounts.used)
        self._asked[at], self._pleased[at] = met.asks, met.pleased
        self.sent += float(met.asks.mean() + met.answers.mean())
        self._total += rewards
        self.pulls[pulled] += 1
        self.shaped[pulled] += met.shaped
        if at + 1 == self._epoch and self._method.moves:
            self._end()
        return met.shaped

    def _end(self) -> None:
        """Move everybody's own token, and agree on the next one or use one's own."""
        steps = np.full((len(self.pulls), 1), self._epoch)
        values, rewards = (np.moveaxis(each, 0, 1)[:, np.newaxis] for each in (self._values, self._nets))
        after = moved(self.accounts, values, rewards, steps, self._method, RULE)
        own = after.own.copy()
        if self._lie is not None:
            own[:, self._world.honest :] = self._lie
        used = own
        if self._method.agrees:
            agreed = self._agree(units(own), self._asked, self._pleased)[:, np.newaxis] / UNIT
            used = np.broadcast_to(agreed, own.shape)
            self.sent += 1
        self.accounts = replace(after, own=own, used=used)


INCENTIVES: Mapping[str, IncentiveMaker] = {
    method.value: partial(TokenIncentive, method=method) for method in Method if method is not Method.NAIVE
}
"""Ours, by name."""
