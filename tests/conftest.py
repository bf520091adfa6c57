"""Hooks of all tests: options of the science tier, a provider before nodes, and the chain of games in this process."""

import pytest

from chain_bandit.chain import embedded
from tests.behind_a_provider import behind_a_provider
from tests.fast_chain import is_on_py_evm, on_revm
from tests.games import cheat, parameters, play, scenario, twice_signed
from tests.tier import Tier

__all__ = ["cheat", "parameters", "play", "scenario", "twice_signed"]

EmbeddedNode = embedded.EmbeddedNode


def pytest_addoption(parser: pytest.Parser) -> None:
    """Of the science tier."""
    parser.addoption("--unless-played", action="store_true", help="of what passed on these sources a twelfth")
    parser.addoption("--record-played", action="store_true", help="all, and note what passed")
    parser.addoption("--provider", default="", help="limits of a provider before each node: range=100,batch=1")


def pytest_configure(config: pytest.Config) -> None:
    """As asked."""
    config.pluginmanager.register(Tier(config))
    if config.getoption("--provider"):
        behind_a_provider(str(config.getoption("--provider")))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Where games of this process find the embedded chain: on revm, or on py-evm as users have it."""
    embedded.EmbeddedNode = EmbeddedNode if is_on_py_evm(item) else on_revm  # type: ignore[assignment, misc]
