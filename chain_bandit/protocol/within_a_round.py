"""Per-round caches of repeated computations, which nodes clear at the end of the round."""

from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")

_CLEARED: list[Callable[[], None]] = []


def kept_within_a_round(most: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`lru_cache` of so many results until `forget`: in a node a thousand would take a thousand rounds to come in."""

    def keeping(function: Callable[P, T]) -> Callable[P, T]:
        cached = lru_cache(maxsize=most)(function)
        _CLEARED.append(cached.cache_clear)
        return cast("Callable[P, T]", cached)

    return keeping


def forget() -> None:
    """Drop what is kept: the round is over."""
    for clear in _CLEARED:
        clear()
