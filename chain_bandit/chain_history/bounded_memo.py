"""Size-bounded memo (cache) of pure functions of raw bytes, whatever the size of a block."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

from chain_bandit.chain_history.blocks import RawBlock

LARGEST = 1 << 14
"""Bytes of a first argument whose result is kept: an ordinary round's block has half of it, text and all."""

Function = TypeVar("Function", bound=Callable[..., Any])


def remembered(count: int) -> Callable[[Function], Function]:
    """A decorator that keeps the last `count` results, those of a larger first argument than `LARGEST` not at all."""

    def decorate(function: Function) -> Function:
        kept = lru_cache(maxsize=count)(function)

        @wraps(function)
        def remembering(first: Any, *others: Any) -> Any:
            return (function if _size(first) > LARGEST else kept)(first, *others)

        return cast("Function", remembering)

    return decorate


def _size(value: object) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, tuple):
        return sum(map(len, value))
    if isinstance(value, RawBlock):
        return len(value.header) + sum(map(len, value.transactions + value.receipts + value.bodies))
    return 0
