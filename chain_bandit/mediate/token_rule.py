"""Token rule of MEDIATE (the paper's section 5, Algorithm 1): tokens from changes of value estimates, by epoch.

To be read, one run at a time; `stacked_token_rule.py` comes to the same for many.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from statistics import median
from typing import ClassVar

from chain_bandit.mediate.agreement.agreer import Agreer
from chain_bandit.mediate.agreement.tokens import unit_of
from chain_bandit.protocol.agreement.tokens import LARGEST
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.units import UNIT

FIRST = 0.1
"""What every token is worth at first: little, but not nothing."""

RATE = 0.1
"""alpha of equation 4."""


class Method(Enum):
    """Where the tokens that are exchanged come from.

    NAIVE: there are none. MATE: all are worth 1. AUTO: each agent's is its own (AutoMATE). ISOLATED: all exchange the
    agreed one, and each goes on from its own (MEDIATE-I). SYNCHRONISED: all go on from the agreed one (MEDIATE-S).
    """

    NAIVE = "naive"
    MATE = "mate"
    AUTO = "auto-mate"
    ISOLATED = "mediate-i"
    SYNCHRONISED = "mediate-s"

    @property
    def agrees(self) -> bool:
        """Whether agents agree on one token."""
        return self in (Method.ISOLATED, Method.SYNCHRONISED)

    @property
    def first(self) -> float:
        """What a token is worth before the first epoch."""
        return {Method.NAIVE: 0.0, Method.MATE: 1.0}.get(self, FIRST)

    @property
    def moves(self) -> bool:
        """Whether tokens change."""
        return self not in (Method.NAIVE, Method.MATE)


_TAKES = f"takes numbers from 0 to {LARGEST // UNIT:,}, one for all agents or one an agent: mate:0.5,2"


class MethodInvalid(ChainBanditError):
    """A name that says MATE's tokens in another way than it should, or tokens that a game's agents cannot have."""

    exit_code = 2

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"method {name[:40]!r}: {why}")
        self.name, self.why = name, why


@dataclass(frozen=True, slots=True)
class Mate:
    """MATE with other tokens than 1, the paper's section 4; `mate:0.5` by name, or `mate:0.5,2`.

    Attributes:
        tokens: what all agents' tokens are worth, or each agent's in their order; from 0 to the most that an agreed
            one can be. Raises `MethodInvalid` for others.
    """

    tokens: tuple[float, ...]
    agrees: ClassVar[bool] = False
    moves: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse others."""
        if not self.tokens or not all(0 <= token <= LARGEST / UNIT for token in self.tokens):
            raise MethodInvalid(self.value, _TAKES)

    @property
    def value(self) -> str:
        """Its name."""
        return f"{Method.MATE.value}:{','.join(str(token).removesuffix('.0') for token in self.tokens)}"

    @classmethod
    def named(cls, name: str) -> "Mate | None":
        """Of its name; None for that of something else. Raises `MethodInvalid`."""
        method, colon, tokens = name.partition(":")
        if (method, colon) != (Method.MATE.value, ":"):
            return None
        try:
            numbers = tuple(map(float, tokens.split(",")))
        except ValueError:
            raise MethodInvalid(name, _TAKES) from None
        return cls(numbers)


def first_tokens(method: Method | Mate, agents: int) -> tuple[float, ...]:
    """What each agent's token is worth before the first epoch. Raises `MethodInvalid`."""
    if isinstance(method, Method):
        return (method.first,) * agents
    if len(method.tokens) not in (1, agents):
        raise MethodInvalid(method.value, f"has {len(method.tokens)} tokens, and there are {agents} agents")
    return method.tokens * (agents // len(method.tokens))


class Size(Enum):
    """What the change of a token is measured by.

    OWN_LOWEST: the lowest reward that the agent itself has had in the whole run; the paper's.
    CODE: the lowest of all agents' rewards in the epoch's last episode, zeros left out, or the highest if all are
        negative. It takes everybody's rewards, which the paper keeps private.
    """

    OWN_LOWEST = "own-lowest"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class TokenRuleOptions:
    """The choices that the paper and its code leave: the paper's by default.

    Attributes:
        size: what changes are measured by.
        last_value: whether the value after the last step counts (equation 3 sums T + 1 values and divides by T).
        clip: the most that a value may change, as a share of what it was; None for any. Values near 0 change by many
            times what they were.
    """

    size: Size = Size.OWN_LOWEST
    last_value: bool = True
    clip: float | None = None


PAPER = TokenRuleOptions()


@dataclass(frozen=True, slots=True)
class Episode:
    """What one agent had of an episode of T steps.

    Attributes:
        values: V of what it saw before every step and after the last, T + 1 of them.
        rewards: of the environment, T of them.
    """

    values: Sequence[float]
    rewards: Sequence[float]


@dataclass(frozen=True, slots=True)
class TokenAccount:
    """What one agent keeps from epoch to epoch.

    Attributes:
        own: its own token, which it tells nobody.
        used: the one that it exchanges.
        lowest: the least reward it has had.
        middle: the median of its mean values in the last epoch; None before the first.
    """

    own: float
    used: float
    lowest: float = math.inf
    middle: float | None = None


def opened(method: Method | Mate, agents: int) -> tuple[TokenAccount, ...]:
    """What agents have before the first epoch. Raises `MethodInvalid`."""
    return tuple(TokenAccount(token, token) for token in first_tokens(method, agents))


def after_epoch(
    accounts: Sequence[TokenAccount], epoch: Sequence[Sequence[Episode]], method: Method | Mate, rule: TokenRuleOptions,
    agreer: Agreer, salts: Sequence[bytes],
) -> tuple[TokenAccount, ...]:  # fmt: skip
    """What agents have after an epoch, and exchange in the next one.

    Args:
        epoch: each agent's episodes, one at least.
        agreer, salts: how they agree, if they do. An agent that does not learn the agreed token keeps its last one.

    Raises:
        TokenInvalid: when a token has grown beyond what can be agreed on.
    """
    if not method.moves:
        return tuple(accounts)
    everybody = [reward for episodes in epoch for reward in episodes[-1].rewards]
    moved = [_moved(each, episodes, everybody, method, rule) for each, episodes in zip(accounts, epoch, strict=True)]
    if not method.agrees:
        return tuple(replace(each, used=each.own) for each in moved)
    agreed = agreer.agree([unit_of(each.own) for each in moved], salts)
    return tuple(
        each if token is None else replace(each, used=token / UNIT) for each, token in zip(moved, agreed, strict=True)
    )


def _moved(
    account: TokenAccount,
    episodes: Sequence[Episode],
    everybody: Sequence[float],
    method: Method | Mate,
    rule: TokenRuleOptions,
) -> TokenAccount:
    """Algorithm 1 for one agent."""
    lowest = min(account.lowest, *(reward for episode in episodes for reward in episode.rewards))
    middle = median(_mean_value(episode, rule) for episode in episodes)
    size = abs(lowest) if rule.size is Size.OWN_LOWEST else _size_of_code(everybody)
    base = account.used if method is Method.SYNCHRONISED else account.own
    own = max(base + RATE * _change(account.middle, middle, rule.clip) * size, 0.0)
    return TokenAccount(own, account.used, lowest, middle)


def _mean_value(episode: Episode, rule: TokenRuleOptions) -> float:
    """Equation 3."""
    steps = len(episode.rewards)
    return sum(episode.values[: steps + rule.last_value]) / steps


def _change(before: float | None, now: float, clip: float | None) -> float:
    """By what share of what it was a value has changed, the sign of which turns with that of the value.

    So a negative value that falls makes a token grow. After the first epoch nothing has changed, nor where the share is
    no number, since the value was 0 or next to it.
    """
    change = (now - before) / before if before else 0.0
    if not math.isfinite(change):
        return 0.0
    return change if clip is None else min(max(change, -clip), clip)


def _size_of_code(rewards: Sequence[float]) -> float:
    some = [reward for reward in rewards if reward]
    if not some:
        return 0.0
    return abs(min(some) if max(some) > 0 else max(some))
