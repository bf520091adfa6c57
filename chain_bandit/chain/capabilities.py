"""Capabilities of a chain that a deployment needs: base fee, Cancun's opcodes, room in a block, a way to the proxy.

They are checked when a node is attached for a deployment, before anything is paid: a chain that lacks one gets no
other answer later.
"""

import re
from typing import Any

from chain_bandit.chain.answers import as_bytes, as_hex, as_int, field
from chain_bandit.chain.create2 import TRANSACTION
from chain_bandit.chain.errors import ChainLacks
from chain_bandit.chain.identity import NOBODY
from chain_bandit.chain.modules import GAS_OF_MODULE, lacks_proxy
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.wire import Refused, Request

LOOKS = 3
"""Answers in a row that say the same before it is believed: one alone may be garbled."""

CANCUN = bytes.fromhex("5f5f5f5e5f5ff3")
"""Creation code that uses what the contracts need of newer rules: PUSH0 (Shanghai), MCOPY (Cancun)."""

CONTROL = bytes.fromhex("60006000f3")
"""Creation code for any rules: a node that refuses this too has said nothing of its rules."""

UNPROTECTED = re.compile(r"EIP-?155|replay[ -_]?protect|chain ?id", re.IGNORECASE)
"""In the refusal of a transaction without chain id: Geth, Erigon, Besu."""

_REMEDY = "use a chain with the rules of Cancun"


def require_capabilities(rpc: Rpc, chain: str) -> None:
    """Raise `ChainLacks` where a chain lacks what no game can do without.

    Args:
        chain: its URL, as messages have it.
    """
    lack = _lack(rpc)
    if lack is not None and all(_lack(rpc) == lack for _ in range(LOOKS - 1)):
        raise ChainLacks(chain, *lack)


def _lack(rpc: Rpc) -> tuple[str, str] | None:
    """What one look finds missing, and the remedy."""
    block = rpc.ask("eth_getBlockByNumber", ["latest", False], _whole)
    if block.get("baseFeePerGas") is None:
        return "has no base fee (EIP-1559), and the contracts need Cancun", _REMEDY
    room = as_int(block["gasLimit"])
    if room < GAS_OF_MODULE:
        return f"takes {room:,} gas a block, and one transaction needs {GAS_OF_MODULE:,}", "raise its block gas limit"
    created: list[Request] = [
        ("eth_call", [{"from": NOBODY, "data": as_hex(code)}, "latest"]) for code in (CANCUN, CONTROL)
    ]
    cancun, control = rpc.exchange(created)
    if isinstance(cancun, Refused) and not isinstance(control, Refused):
        return "lacks opcodes of Cancun, which the contracts need (PUSH0, MCOPY)", _REMEDY
    if lacks_proxy(rpc):
        (answer,) = rpc.exchange([("eth_sendRawTransaction", [as_hex(TRANSACTION)])])
        if isinstance(answer, Refused) and UNPROTECTED.search(answer.text):
            return (
                "lacks the deterministic deployment proxy and refuses its transaction, which has no chain id (EIP-155)",
                "have the chain's operator deploy the proxy, or use a node that takes such transactions",
            )
    return None


def _whole(block: Any) -> Any:
    """A block with all that any chain gives. Raises `NodeGarbled`."""
    as_int(field(block, "number")), as_bytes(field(block, "hash")), as_int(field(block, "gasLimit"))
    return block
