"""Hardhat as a node of one's own: Prague rules, one transaction a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chain_bandit.chain import tools
from chain_bandit.chain.process import OwnNode, running, scratch_folder

SCRIPT = Path(__file__).with_name("hardhat_node.mjs")
"""Reads the network's settings from the file beside it. With them a refused transaction is mined and has a receipt, as
on other chains."""

@contextmanager
def hardhat() -> Iterator[OwnNode]:
    """A fresh chain. Raises `ToolMissing`, `NodeFailed`."""
    command = [str(tools.node()), str(SCRIPT), str(tools.hardhat())]
    with scratch_folder() as scratch, running("hardhat", [*command, str(scratch)], scratch) as node:
        yield node
