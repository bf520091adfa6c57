"""Fixtures of the contract's tests; what they are made of is in `harness.py`."""

import pytest

from tests.contracts.harness import Game


@pytest.fixture
def game() -> Game:
    """The base game, open at round L."""
    return Game().open()
