"""Totals of a game, the same for every engine."""

from typing import NamedTuple

from chain_bandit.array_types import Ints


class Sums(NamedTuple):
    """One number a replicate, or an array of them.

    Attributes:
        burn_in, arms, failed, cost: in units, the parts of `protocol.regret.Regret`.
        paid, costly: its rounds.
        skips, rejected, explorations: records of these kinds.
        since, arm: since when which arm alone has been pulled in approved rounds.
        blocks: approved or rejected.
    """

    burn_in: Ints
    arms: Ints
    failed: Ints
    cost: Ints
    paid: Ints
    costly: Ints
    skips: Ints
    rejected: Ints
    explorations: Ints
    since: Ints
    arm: Ints
    blocks: Ints


SUMS = Sums._fields

NAMES = tuple(f"{name}_nano" if name in ("burn_in", "arms", "failed", "cost") else name for name in SUMS)
"""Their names in files: with `_nano` what counts 10⁻⁹ of a reward."""
