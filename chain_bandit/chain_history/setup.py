"""Parameters of a game, decoded from the transaction that created it."""

from chain_bandit.chain_history.records import CREATION, ContractCall
from chain_bandit.protocol.creation import decode
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.ruleset import RulesUnknown


def constructed(call: ContractCall) -> Parameters | None:
    """The parameters of the game that a call creates; None for any other call, and for what is no game's creation."""
    if call.method != CREATION or not call.succeeded or not call.arguments:
        return None
    try:
        created = decode(call.arguments[0])
        return Parameters.of(created.fields, created.declaration)
    except (Malformed, RulesUnknown):
        return None
