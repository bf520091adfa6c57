"""Conformance tests of attacks, environments, rules, policies and incentives, ours and those of plug-ins.

Each `…_conformance` raises `AssertionError` with one sentence that says what does not hold; any test framework may call
it. `misreport_grid` counts what false reports bring. Each is loaded when it is used: the other process in which a rule
is asked needs no game.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chain_bandit.testing.attacks import attack_conformance
    from chain_bandit.testing.environments import environment_conformance
    from chain_bandit.testing.incentives import incentive_conformance
    from chain_bandit.testing.misreports import misreport_grid
    from chain_bandit.testing.policies import policy_conformance
    from chain_bandit.testing.rules import (
        aggregation_conformance,
        disclosure_conformance,
        index_policy_conformance,
        reputation_conformance,
        selection_conformance,
    )

__all__ = [
    "aggregation_conformance", "attack_conformance", "disclosure_conformance", "environment_conformance",
    "incentive_conformance", "index_policy_conformance", "misreport_grid", "policy_conformance",
    "reputation_conformance", "selection_conformance",
]  # fmt: skip

_PLACES = {"attack": "attacks", "environment": "environments", "incentive": "incentives", "misreport": "misreports",
           "policy": "policies"}  # fmt: skip


def __getattr__(name: str) -> Any:
    """A public name, from where it is defined. Raises `AttributeError`."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = _PLACES.get(name.rpartition("_")[0], "rules")
    return getattr(import_module(f"{__name__}.{place}"), name)
