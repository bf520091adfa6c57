from collections.abc import Callable
from functools import cache

import pytest

from tests.unit.audit.played_game import GAMES, Played


@pytest.fixture(scope="session")
def games() -> Callable[[str], Played]:
    """A game of `GAMES`, played when first asked for; nobody may go on with it."""
    return cache(lambda name: Played(GAMES[name]))


@pytest.fixture(scope="session")
def honest(games: Callable[[str], Played]) -> Played:
    return games("honest")


@pytest.fixture(scope="session")
def batched(games: Callable[[str], Played]) -> Played:
    """Three blocks a transaction, under the quorum of the last: everybody validates."""
    return games("batched")


@pytest.fixture(scope="session")
def sealed(games: Callable[[str], Played]) -> Played:
    return games("sealed")


@pytest.fixture(scope="session")
def drawn(games: Callable[[str], Played]) -> Played:
    """Validators and commanders are drawn."""
    return games("drawn")


@pytest.fixture(scope="session")
def weighed(games: Callable[[str], Played]) -> Played:
    """The same, and seats have unequal weights."""
    return games("weighed")


@pytest.fixture(scope="session")
def phases(games: Callable[[str], Played]) -> Played:
    """Blocks say how often their arm is pulled."""
    return games("phases")


@pytest.fixture(scope="session")
def full(games: Callable[[str], Played]) -> Played:
    """Everything in it, bodies in calldata."""
    return games("full")


@pytest.fixture(scope="session")
def compact(games: Callable[[str], Played]) -> Played:
    """Everything in it, bodies beside the chain."""
    return games("compact")
