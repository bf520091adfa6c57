import pytest

from chain_bandit.chain.embedded import EmbeddedNode
from tests.unit.history.small_chain import small_chain


@pytest.fixture(scope="session")
def node() -> EmbeddedNode:
    return small_chain()
