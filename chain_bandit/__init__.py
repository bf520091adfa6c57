"""Robust multi-agent bandits on a blockchain: agents, Byzantine consensus, contract, simulator, audit.

The Python API is what `__all__` names; see docs/api.md. It is loaded when it is used: a node needs none of it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chain_bandit.api import (
        Attack,
        ChainBanditError,
        Conduct,
        Run,
        Scenario,
        Simulation,
        SweepResult,
        Table,
        attack,
        audit,
        bernoulli,
        build,
        deploy,
        environment,
        gym_env,
        history,
        load,
        parallel_env,
        play,
        simulate,
        sweep,
    )

__version__ = "0.2.0"

__all__ = [  # noqa: RUF022 - as one meets them
    "load", "build", "play", "simulate", "sweep", "audit", "history", "deploy",
    "gym_env", "parallel_env",
    "attack", "environment", "Attack", "Conduct", "bernoulli",
    "Scenario", "Run", "Simulation", "SweepResult", "Table", "ChainBanditError",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """A public name, from where it is defined. Raises `AttributeError`."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    # By `vars`: a package of the same name that is imported meanwhile must not take its place.
    return vars(import_module("chain_bandit.api"))[name]


def __dir__() -> list[str]:
    """For completion."""
    return sorted({*globals(), *__all__})
