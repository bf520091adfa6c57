"""The chain of tests that ask what a game does, not what it costs: revm, in hundredths of the embedded one's time."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from chain_bandit.game.on_chain import opening_balances
from chain_bandit.game.plan import Plan

if TYPE_CHECKING:
    from verification.fast_node import FastNode


def on_revm(balances: Mapping[bytes, int]) -> "FastNode":
    """A fresh chain with wei of accounts. The Python of `make .venv-next/ready` has no revm, and plays nothing."""
    from verification.fast_node import FastNode

    return FastNode(balances)


def fast_node(plan: Plan) -> "FastNode":
    """A fresh chain on which everybody holds what the game needs."""
    return on_revm(opening_balances(plan))


def is_on_py_evm(item: pytest.Item) -> bool:
    """Whether a test needs py-evm, or all are to be played there."""
    return item.get_closest_marker("py_evm") is not None or "PY_EVM" in os.environ
