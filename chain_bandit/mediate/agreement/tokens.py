"""Tokens as integers: billionths (`UNIT` = 1.0), which add up without rounding in any order."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chain_bandit.protocol.agreement.tokens import LARGEST
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.units import MOST, UNIT


class TokenInvalid(ChainBanditError):
    """A token that is no number from 0 to `LARGEST` units; `at` is its place."""

    def __init__(self, at: int, token: object) -> None:
        super().__init__(f"token {at}: expected a number from 0 to {LARGEST / UNIT:.0f}, got {str(token)[:40]}")
        self.at, self.token = at, token


class ParticipantsInvalid(ChainBanditError):
    """Too few or too many to agree."""

    def __init__(self, got: int) -> None:
        super().__init__(f"expected 1 to {MOST} participants, got {got}")
        self.got = got


def units(tokens: NDArray[np.float64]) -> NDArray[np.int64]:
    """Tokens in units, to the nearest. Raises `TokenInvalid` with its place in the flattened array."""
    scaled = np.rint(tokens * UNIT)
    wrong = ~((scaled >= 0) & (scaled <= LARGEST))  # of what is not a number, too
    if wrong.any():
        at = int(wrong.argmax())
        raise TokenInvalid(at, tokens.flat[at])
    return scaled.astype(np.int64)


def unit_of(token: float) -> int:
    """One token in units. Raises `TokenInvalid`."""
    return int(units(np.array([token]))[0])


def check(tokens: Sequence[int]) -> None:
    """Raises `ParticipantsInvalid`, or `TokenInvalid` for the first that is none."""
    if not 1 <= len(tokens) <= MOST:
        raise ParticipantsInvalid(len(tokens))
    for at, token in enumerate(tokens):
        if type(token) is not int or not 0 <= token <= LARGEST:
            raise TokenInvalid(at, token)
