"""Conformance of environments: the same options give the same rewards, and these can be committed to and drawn from."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.errors import ProtocolError
from chain_bandit.protocol.rewards import Draws, RewardModel
from chain_bandit.protocol.units import MOST
from chain_bandit.testing.holding import require


def environment_conformance(maker: Callable[..., RewardModel], options: Mapping[str, Any] | None = None) -> None:
    """Make the rewards twice, encode them and draw from each arm.

    Raises:
        AssertionError: it changes its options, makes other rewards of the same, or such that nobody can commit to.
    """
    name = getattr(maker, "__name__", str(maker))
    given = dict(options or {})
    kept = deepcopy(given)
    model = maker(**given)
    require(given == kept, f"{name} changes its options")
    require(isinstance(model, RewardModel), f"{name} gives no chain_bandit.protocol.rewards.RewardModel but {model!r}")
    require(1 <= len(model.arms) <= MOST, f"{name} gives {len(model.arms)} arms, not 1 to {MOST}")
    require(maker(**deepcopy(kept)) == model, f"{name} gives other rewards when it is asked again")
    try:
        decoded = RewardModel.decode(model.encode(), len(model.arms))
    except (ProtocolError, OverflowError) as error:
        raise AssertionError(f"{name} gives rewards that cannot be committed to: {error}") from error
    require(decoded == model, f"{name} gives rewards that are not what their encoding says")
    draws = Draws(model, ZERO, ZERO)
    for arm, paid in enumerate(model.arms):
        drawn = {draws.reward(round_, 0, arm, 0) for round_ in range(1, 50)}
        possible = {value for value, weight in zip(paid.values, paid.weights, strict=True) if weight}
        require(drawn <= possible, f"{name} pays {drawn - possible} on arm {arm}, which it says that it never does")
