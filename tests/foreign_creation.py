"""A game that other creation code put on a chain: it writes a storage slot first, then returns the code of a game."""

from typing import Any

from chain_bandit.chain.answers import as_int
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.client import GAS_DEPLOYMENT, Coordinator
from chain_bandit.chain.clone import Deployed
from chain_bandit.chain.modules import deploy_modules
from chain_bandit.chain.transaction_policy import AT_ONCE
from chain_bandit.protocol.creation import encode
from chain_bandit.protocol.rlp import created_address

WRITE_HEAD = bytes.fromhex("60425f55")
"""Puts 66 where the digest of the history is; the opening of the game writes over it, so that nothing else tells."""
RETURN_REST = "61{:04x}80600e3d393df3"
"""Returns so many bytes that follow."""


def deploy(
    line: Any, sender: Any, p: Any, salt: bytes, secret: bytes, pool: int, watch: Any, *more: Any
) -> Coordinator:  # fmt: skip
    """As `Coordinator.deploy`: address and terms are right, the constructor's arguments are there to be read."""
    made, artifact = Coordinator(line, b"", watch, *more), chain_bandit_artifact()
    deploy_modules(made.rpc, sender, more[0] if more else AT_ONCE)
    environment = bytes.fromhex(sender.address[2:])
    address = created_address(environment, made._sender.upcoming_nonce(sender))
    until = made.rpc.ask("eth_blockNumber", [], as_int) + 1 + p.opening_deadline
    terms = Deployed(p.fields(), salt, secret, environment, pool, until, made.chain_id).terms(address)
    code = artifact.deployed.code[: artifact.deployed.immutables[0][0]] + terms
    creation = WRITE_HEAD + bytes.fromhex(RETURN_REST.format(len(code))) + code
    made._create(sender, pool, 3 * GAS_DEPLOYMENT, creation + encode(p, salt, secret))
    return made
