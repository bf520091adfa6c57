"""Any aggregator: a function of what was heard, replicate by replicate, that never leaves its range.

It gets what receivers hear as arrays (replicates, receivers, senders, arms), one's own report first, and f, the most
that lie; it gives means and the samples that they stand on, (replicates, receivers, arms).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit.simulation.rivals.reports import Reports
from chain_bandit.testing.holding import require

_SHAPE = 4, 3, 9, 5
_LIARS = 2


def aggregator_conformance(aggregate: Callable[[Any, int], Any]) -> None:
    """Let it aggregate chance and agreement.

    Raises:
        AssertionError: it changes its arguments, depends on anything else, mixes replicates, or says what nobody did.
    """
    name = getattr(aggregate, "__name__", str(aggregate))
    chance = np.random.default_rng(0)
    heard = Reports(chance.random(_SHAPE), chance.integers(1, 100, _SHAPE).astype(float))
    kept = Reports(heard.means.copy(), heard.pulls.copy())
    means, samples = _shaped(name, aggregate(heard, _LIARS))
    require(_same(heard, kept), f"{name} changes the reports that it is given")
    again = _shaped(name, aggregate(heard, _LIARS))
    require(_same(again, (means, samples)), f"{name} says something else when it is asked again")
    low, high = heard.means.min(axis=2), heard.means.max(axis=2)
    inside = (means >= low - 1e-9).all() and (means <= high + 1e-9).all()
    require(inside, f"{name} gives a mean outside of what was reported")
    some = (samples > 0).all() and np.isfinite(samples).all()
    require(some, f"{name} stands on no samples where everybody has some")
    alone = [_shaped(name, aggregate(Reports(heard.means[[r]], heard.pulls[[r]]), _LIARS), 1) for r in range(_SHAPE[0])]
    together = np.concatenate([each[0] for each in alone]), np.concatenate([each[1] for each in alone])
    require(_near(together, (means, samples)), f"{name} lets one replicate depend on another")
    agreed = Reports(np.broadcast_to(heard.means[:, :, :1], _SHAPE).copy(), np.full(_SHAPE, 7.0))
    unanimous, _ = _shaped(name, aggregate(agreed, _LIARS))
    require(np.allclose(unanimous, heard.means[:, :, 0]), f"{name} gives something else than what everybody says")


def _shaped(name: str, given: Any, replicates: int = _SHAPE[0]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    means, samples = (np.array(each, float) for each in given)
    shape = (replicates, _SHAPE[1], _SHAPE[3])
    fits = means.shape == samples.shape == shape
    require(fits, f"{name} gives shapes {means.shape} and {samples.shape}, not {shape}")
    return means, samples


def _same(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _near(one: Any, other: Any) -> bool:
    return all(np.allclose(a, b) for a, b in zip(one, other, strict=True))
