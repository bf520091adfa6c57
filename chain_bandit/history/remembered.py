"""Results of pure functions of raw bytes, remembered for a while: however large a block is, what is kept is not."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

from chain_bandit.history.blocks import RawBlock

LARGEST = 1 << 14
"""Bytes of arguments that are remembered: an ordinary round's block has half of it, text and all."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def remembered(count: int) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """A decorator that keeps the last `count` results, those of larger arguments than `LARGEST` not at all."""

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        kept = lru_cache(maxsize=count)(function)

        @wraps(function)
        def remembering(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            if sum(map(_size, args)) > LARGEST:
                return function(*args, **kwargs)
            return kept(*args, **kwargs)  # type: ignore[arg-type]

        return remembering

    return decorate


def _size(value: object) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, tuple):
        return sum(map(len, value))
    if isinstance(value, RawBlock):
        return len(value.header) + sum(map(_size, (value.transactions, value.receipts, value.bodies)))
    return 0
