"""Answers of a node about its blocks, transactions and receipts, whatever way it spells the keys.

Everything but `told` and `agree` raises `NodeGarbled` for what no node should give.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chain_bandit.chain.answers import NodeReader, as_bytes, as_int
from chain_bandit.chain.errors import NodeGarbled
from chain_bandit.chain_history.errors import NodeDisagrees
from chain_bandit.protocol import rlp
from chain_bandit.protocol.digests import uint


def told(rpc: NodeReader, method: str, parameters: Sequence[Any], read: Callable[[Any], Any]) -> Any:
    """An answer as `read` has it. Raises `NodeDisagrees` where it is garbled each time."""
    try:
        return rpc(method, parameters, read)
    except NodeGarbled as error:
        raise NodeDisagrees(f"answer to {method}", error.got, f"nothing that is {error.due}") from error


def agree(what: str, says: bytes, got: bytes) -> None:
    """Hold what a node says against what its own data give. Raises `NodeDisagrees`."""
    if says != got:
        raise NodeDisagrees(what, *("0x" + value[:40].hex() for value in (says, got)))


def as_object(value: Any, what: str) -> Mapping[str, Any]:
    """An answer with its keys spelled one way: lower case, no underscores."""
    if not isinstance(value, Mapping):
        raise NodeGarbled(what, value)
    return {str(key).replace("_", "").lower(): item for key, item in value.items()}


def get(answer: Mapping[str, Any], name: str) -> Any:
    """What an answer has under a name; None where it has nothing."""
    return answer.get(name.lower())


def need(answer: Mapping[str, Any], name: str) -> Any:
    """What an answer must have under a name."""
    value = get(answer, name)
    if value is None:
        raise NodeGarbled(f"something with a {name}", answer)
    return value


def as_minimal(value: Any) -> bytes:
    """An integer as RLP has it: big-endian without leading zeros."""
    return rlp.encode_number(as_int(value))


def as_sized(value: Any, size: int) -> bytes:
    """Bytes, or an integer written in `size` bytes."""
    if isinstance(value, int) and not isinstance(value, bool) and size and 0 <= value < 256**size:
        return uint(value, size)
    return as_bytes(value)
