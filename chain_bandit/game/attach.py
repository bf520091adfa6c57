"""Attaching to a game: the contract at an address, by its code and by the transaction that created it."""

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.clone import read
from chain_bandit.chain.errors import ForeignCreation
from chain_bandit.chain.transaction_policy import PIPELINED, TransactionPolicy
from chain_bandit.chain.wire import Line
from chain_bandit.chain_history.creation import creation
from chain_bandit.protocol.assumptions import check
from chain_bandit.protocol.creation import decode
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.stopwatch import Stopwatch


def attach(
    line: Line, address: bytes, first_block: int, delivery: TransactionPolicy = PIPELINED
) -> tuple[Coordinator, Parameters]:
    """The game at an address (20 bytes) that was created in block `first_block`, before anybody stakes in it.

    Its rules are those that its creation declares.

    Code alone does not tell what is in storage: other creation code can have written there before it returned a clone.

    Raises:
        ForeignContract: the code there is not this version's.
        ForeignCreation: no transaction of that block created it from the shipped creation code, with what the code
            says of parameters, commitments, environment and pool.
        RulesUnknown: this version does not have its rules.
        AssumptionBroken: it is outside of what its rules are for.
        ChainBanditError: the node does not answer, or its answers do not add up.
    """
    contract = Coordinator.at(line, address, Stopwatch(), delivery, first_block=first_block)
    said = read(contract.rpc.code(address), address)
    found = creation(contract.rpc.ask, address, first_block)
    foreign = ForeignCreation(checksummed(address), first_block)
    if found is None or (found.value, found.sender) != (said.pool, said.environment):
        raise foreign
    try:
        made = decode(found.data, chain_bandit_artifact().bytecode)
        parameters = Parameters.of(said.fields, made.declaration)
    except Malformed:
        raise foreign from None
    if (made.fields, made.salt_commitment, made.secret_commitment) != (
        said.fields, said.salt_commitment, said.secret_commitment
    ):  # fmt: skip
        raise foreign
    check(parameters)
    return contract, parameters
