"""Anvil as a node of one's own: Prague rules, one transaction a block."""

from collections.abc import Iterator
from contextlib import contextmanager

from chain_bandit.chain import tools
from chain_bandit.chain.development import BASE_FEE, CHAIN_ID, GAS_LIMIT, HARDFORK
from chain_bandit.chain.process import OwnNode, running, scratch_folder


@contextmanager
def anvil() -> Iterator[OwnNode]:
    """A fresh chain. Raises `ToolMissing`, `NodeFailed`."""
    command = [
        str(tools.anvil()), "--host", "127.0.0.1", "--port", "0", "--chain-id", str(CHAIN_ID),
        "--hardfork", HARDFORK, "--gas-limit", str(GAS_LIMIT), "--block-base-fee-per-gas", str(BASE_FEE),
        "--color", "never",
    ]  # fmt: skip
    with scratch_folder() as scratch, running("anvil", command, scratch) as node:
        yield node
