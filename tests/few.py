"""Selection of test cases: a few of many alike run every time; the others are of the deep budget."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import pytest


def few(cases: Iterable[Any], every: int) -> list[Any]:
    """The first case and each `every`-th after it always, the rest in `make deep`."""
    return [_given(case, deep=place % every > 0) for place, case in enumerate(cases)]


def crossed(*axes: Sequence[Any], every: int) -> list[Any]:
    """All combinations, those always whose places on the axes sum to a multiple of `every`.

    So every value of an axis always meets some of each other axis that is at least `every` long.
    """
    return [
        _given(tuple(value for _, value in combination), deep=sum(place for place, _ in combination) % every > 0)
        for combination in product(*(list(enumerate(axis)) for axis in axes))
    ]


def deep(cases: Iterable[Any]) -> list[Any]:
    """All in `make deep` alone."""
    return [_given(case, deep=True) for case in cases]


def _given(case: Any, *, deep: bool) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=[pytest.mark.deep] if deep else [])
