"""Validation of a reward from outside: a number from 0 to 1, to nine decimal places."""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from numbers import Real

_STEP = Decimal("1e-9")
_CONTEXT = Context(prec=50)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_LONGEST = 60


class NoReward(ValueError):
    """A value that is no reward; its text says what was expected, and what came."""


def reward_units(value: object) -> int:
    """A reward in units of 1e-9: an int, float, Decimal or decimal text from 0 to 1, to the nearest unit, a tie to the
    even one. A float stands for its shortest decimal. Raises `NoReward`."""
    if value is None:
        raise NoReward("expected a number from 0 to 1, got nothing")
    exact = _exact(value)
    units = None if exact is None else nearest_units(exact)
    if units is None:
        raise NoReward(f"expected a number from 0 to 1, got {shown(value)}")
    return units


def nearest_units(exact: Decimal) -> int | None:
    """Units of 1e-9 in a number from 0 to 1, to the nearest, a tie to the even one; None of any other number."""
    if not exact.is_finite() or not 0 <= exact <= 1:
        return None
    return int(exact.quantize(_STEP, ROUND_HALF_EVEN, _CONTEXT).scaleb(9, _CONTEXT))


def _exact(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return Decimal(value) if len(value) <= _LONGEST and _NUMBER.fullmatch(value) else None
    if isinstance(value, int | Decimal):
        return Decimal(value)
    return Decimal(repr(float(value))) if isinstance(value, Real) else None


def shown(value: object) -> str:
    """A value as a sentence has it: in ASCII, cut short."""
    try:
        text = ascii(str(value) if isinstance(value, Decimal) else value)
    except Exception:  # noqa: BLE001 -- a foreign object may raise anything, an int may have too many digits
        text = type(value).__name__
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
