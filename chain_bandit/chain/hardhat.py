"""Hardhat as a node of one's own: Prague rules, one transaction a block."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chain_bandit.chain import tools
from chain_bandit.chain.development import BASE_FEE, CHAIN_ID, GAS_LIMIT, HARDFORK
from chain_bandit.chain.process import OwnNode, running, scratch_folder

SCRIPT = Path(__file__).with_name("hardhat_node.mjs")

NETWORK = {
    "chainId": CHAIN_ID,
    "hardfork": HARDFORK,
    "blockGasLimit": GAS_LIMIT,
    "initialBaseFeePerGas": BASE_FEE,
    "throwOnTransactionFailures": False,
}
"""The last: a refused transaction is mined and has a receipt, as everywhere else."""


@contextmanager
def hardhat() -> Iterator[OwnNode]:
    """A fresh chain. Raises `ToolMissing`, `NodeFailed`."""
    node, package = tools.node(), tools.hardhat()
    with scratch_folder() as scratch:
        settings = json.dumps({"network": NETWORK, "scratch": str(scratch)})
        with running("hardhat", [str(node), str(SCRIPT), str(package), settings], scratch) as own:
            yield own
