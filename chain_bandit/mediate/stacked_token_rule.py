"""`token_rule.py` for many runs at once, whose agents agree in process."""

from dataclasses import dataclass, replace

import numpy as np

from chain_bandit.array_types import Floats, Ints
from chain_bandit.mediate.agreement.tokens import units
from chain_bandit.mediate.token_rule import RATE, Mate, Method, Size, TokenRuleOptions, first_tokens
from chain_bandit.protocol.units import UNIT


@dataclass(frozen=True, slots=True)
class Accounts:
    """See `TokenAccount`; every array is (..., N), runs first.

    Attributes:
        middle: nan before the first epoch.
    """

    own: Floats
    used: Floats
    lowest: Floats
    middle: Floats


def opened(method: Method | Mate, runs: int, agents: int) -> Accounts:
    """What agents have before the first epoch. Raises `MethodInvalid`."""
    shape = runs, agents
    token = np.full(shape, first_tokens(method, agents), np.float64)
    return Accounts(token, token, np.full(shape, np.inf), np.full(shape, np.nan))


def after_epoch(
    accounts: Accounts, values: Floats, rewards: Floats, steps: Ints, method: Method | Mate, rule: TokenRuleOptions
) -> Accounts:
    """What agents have after an epoch of E episodes, and exchange in the next one: `moved`, then agreed in process.

    Raises:
        TokenInvalid: when a token has grown beyond what can be agreed on.
    """
    after = moved(accounts, values, rewards, steps, method, rule)
    if not method.agrees:
        return after
    return replace(after, used=np.broadcast_to(mean(units(after.own))[..., np.newaxis] / UNIT, after.own.shape))


def moved(
    accounts: Accounts, values: Floats, rewards: Floats, steps: Ints, method: Method | Mate, rule: TokenRuleOptions
) -> Accounts:
    """What agents have after an epoch of E episodes, each its own token; nothing is agreed yet.

    Args:
        values: (..., E, T + 1, N).
        rewards: of the environment, (..., E, T, N).
        steps: of each episode until it was over, (..., E).
    """
    if not method.moves:
        return accounts
    played = np.arange(rewards.shape[-2])[:, np.newaxis] < steps[..., np.newaxis, np.newaxis]
    lowest = np.minimum(accounts.lowest, np.where(played, rewards, np.inf).min(axis=(-3, -2)))
    size = abs(lowest) if rule.size is Size.OWN_LOWEST else _size_of_code(rewards[..., -1, :, :])[..., np.newaxis]
    middle = np.median(_mean_values(values, steps, rule), axis=-2)
    base = accounts.used if method is Method.SYNCHRONISED else accounts.own
    own = np.maximum(base + RATE * _change(accounts.middle, middle, rule.clip) * size, 0.0)
    return Accounts(own, own, lowest, middle)


def mean(tokens: Ints) -> Ints:
    """Of each run's tokens, (..., N) in units, as `protocol.agreement.tokens.mean` has it."""
    return np.asarray(tokens.sum(axis=-1) // tokens.shape[-1])


def _mean_values(values: Floats, steps: Ints, rule: TokenRuleOptions) -> Floats:
    counted = np.arange(values.shape[-2])[:, np.newaxis] < (steps + rule.last_value)[..., np.newaxis, np.newaxis]
    return np.asarray(np.where(counted, values, 0.0).sum(axis=-2) / steps[..., np.newaxis])


def _change(before: Floats, now: Floats, clip: float | None) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        change = (now - before) / before
    change = np.where(np.isfinite(change), change, 0.0)
    return change if clip is None else np.clip(change, -clip, clip)


def _size_of_code(rewards: Floats) -> Floats:
    """Of rewards (..., T, N); what an episode that is over pays is 0 and left out."""
    some = rewards != 0
    least = np.where(some, rewards, np.inf).min(axis=(-2, -1))
    most = np.where(some, rewards, -np.inf).max(axis=(-2, -1))
    return np.where(some.any(axis=(-2, -1)), abs(np.where(most > 0, least, most)), 0.0)
