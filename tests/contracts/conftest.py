"""Fixtures of the contract's tests; what they are made of is in `harness.py`."""

import pytest

from tests.contracts.fast_evm import FastMachine
from tests.contracts.harness import Game, Machine
from tests.fast_chain import is_on_py_evm


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Choose the machine of this test's games: revm, unless the test needs py-evm or all are to be played there."""
    Game.new_machine = Machine if is_on_py_evm(item) else FastMachine


@pytest.fixture
def game() -> Game:
    """The base game, open at round L."""
    return Game().open()
