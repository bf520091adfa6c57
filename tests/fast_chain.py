"""The chain of tests that ask what a game does, not what it costs: revm, in hundredths of the embedded one's time."""

import os

import pytest

from chain_bandit.game.on_chain import opening_balances
from chain_bandit.game.plan import Plan
from verification.fast_node import FastNode


def fast_node(plan: Plan) -> FastNode:
    """A fresh chain on which everybody holds what the game needs."""
    return FastNode(opening_balances(plan))


def is_on_py_evm(item: pytest.Item) -> bool:
    """Whether a test needs py-evm, or all are to be played there."""
    return item.get_closest_marker("py_evm") is not None or "PY_EVM" in os.environ
