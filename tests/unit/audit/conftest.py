import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from played_game import Played, Script


@pytest.fixture(scope="session")
def honest() -> Played:
    return Played(Script())
