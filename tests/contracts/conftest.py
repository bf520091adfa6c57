"""Fixtures of the contract's tests; what they are made of is in `harness.py`."""

import os

import pytest

from tests.contracts.fast_evm import FastMachine
from tests.contracts.harness import Game, Machine


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Choose the machine of this test's games: revm, unless the test needs py-evm or all are to be played there."""
    slow = item.get_closest_marker("py_evm") is not None or "PY_EVM" in os.environ
    Game.new_machine = Machine if slow else FastMachine


@pytest.fixture
def game() -> Game:
    """The base game, open at round L."""
    return Game().open()
