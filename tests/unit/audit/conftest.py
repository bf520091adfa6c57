from dataclasses import replace

import pytest

from chain_bandit.protocol.parameters import BodyMode
from tests.unit.audit.played_game import COMMITTEES, DRAWS, SEALED, WEIGHTS, Played, Script, rich


@pytest.fixture(scope="session")
def honest() -> Played:
    return Played(Script())


@pytest.fixture(scope="session")
def sealed() -> Played:
    return Played(Script(parameters=SEALED))


@pytest.fixture(scope="session")
def drawn() -> Played:
    """Validators and commanders are drawn."""
    return Played(Script(parameters=DRAWS))


@pytest.fixture(scope="session")
def weighed() -> Played:
    """The same, and seats have unequal weights."""
    return Played(Script(parameters=DRAWS, weights=WEIGHTS))


@pytest.fixture(scope="session")
def full() -> Played:
    """Everything in it, bodies in calldata."""
    return Played(rich())


@pytest.fixture(scope="session")
def compact() -> Played:
    """Everything in it, bodies beside the chain."""
    return Played(rich(parameters=replace(COMMITTEES, body_mode=BodyMode.COMPACT)))
