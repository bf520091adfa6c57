"""Environments of other packages, by name: a function of options that gives a `protocol.rewards.RewardModel`."""

from collections.abc import Mapping
from typing import Any

from chain_bandit import plugins
from chain_bandit.environments.errors import EnvironmentInvalid
from chain_bandit.protocol.rewards import RewardModel
from chain_bandit.protocol.units import MOST

OURS = ("bernoulli", "table", "http", "csv", "live", "self-declared")
"""Which scenarios know by themselves."""


class UnknownEnvironment(EnvironmentInvalid):
    """No environment of that name, options that it does not take, or nothing that can be committed to."""

    def __init__(self, name: str, reason: str) -> None:
        known = plugins.names("environments", dict.fromkeys(OURS))
        super().__init__(f"environment {name!r}: {reason}; known environments: {known}, or module:function")
        self.name, self.reason = name, reason


def make(name: str, options: Mapping[str, Any]) -> RewardModel:
    """The rewards of that name with its options. Raises `UnknownEnvironment`."""
    try:
        maker = plugins.find("environments", name, {})
        model, again = (plugins.made("environments", name, maker, options) for _ in range(2))
        plugins.made("environments", name, lambda: _check(model, again), {})
    except plugins.PluginBroken as error:
        raise UnknownEnvironment(name, error.reason) from error
    assert isinstance(model, RewardModel)
    return model


def _check(model: object, again: object) -> None:
    if not isinstance(model, RewardModel) or not 1 <= len(model.arms) <= MOST:
        raise TypeError(f"expected a RewardModel of 1 to {MOST} arms, got {str(model)[:80]}")
    if RewardModel.decode(model.encode(), len(model.arms)) != model:
        raise ValueError("its model is not the one that its encoding says")
    if again != model:
        raise ValueError("gives other rewards for the same options; draw them from a seed that is an option")
