"""Attaching to a game: the contract at an address, by its code and by the transaction that created it."""

from dataclasses import astuple

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.clone import read
from chain_bandit.chain.delivery import PIPELINED
from chain_bandit.chain.errors import ForeignCreation
from chain_bandit.chain.wire import Line
from chain_bandit.history.creation import creation
from chain_bandit.stopwatch import Stopwatch


def attach(line: Line, address: bytes, first_block: int) -> Coordinator:
    """The game at an address (20 bytes) that was created in block `first_block`, before anybody stakes in it.

    Code alone does not tell what is in storage: other creation code can have written there before it returned a clone.

    Raises:
        ForeignContract: the code there is not this version's.
        ForeignCreation: no transaction of that block created it from the shipped creation code, with what the code
            says of parameters, commitments, environment and pool.
        ChainBanditError: the node does not answer, or its answers do not add up.
    """
    contract = Coordinator.at(line, address, Stopwatch(), PIPELINED)
    said = read(contract.rpc.code(address), address)
    commitments = said.salt_commitment, said.secret_commitment
    due = chain_bandit_artifact().constructor(astuple(said.parameters), *commitments), said.pool, said.environment
    found = creation(contract.rpc.ask, address, first_block)
    if found is None or (found.data, found.value, found.sender) != due:
        raise ForeignCreation(checksummed(address), first_block)
    return contract
