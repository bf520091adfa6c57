
import pytest

from tests.unit.audit.played_game import Played, Script


@pytest.fixture(scope="session")
def honest() -> Played:
    return Played(Script())
