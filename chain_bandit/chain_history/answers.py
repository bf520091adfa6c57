"""What a node answers, read with suspicion: in JSON (hexadecimal strings) or in Python (integers, bytes).

Everything here raises `NodeDisagrees` for an answer that no node should give.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chain_bandit.chain_history import rlp
from chain_bandit.chain_history.errors import NodeDisagrees
from chain_bandit.protocol.digests import uint

Rpc = Callable[[str, Sequence[Any]], Any]
"""`rpc(method, params)` gives a result or raises."""


def agree(what: str, says: bytes, got: bytes) -> None:
    """Hold what a node says against what its own data give."""
    if says != got:
        raise NodeDisagrees(what, *("0x" + value[:40].hex() for value in (says, got)))


def as_object(value: Any, what: str) -> Mapping[str, Any]:
    """An answer with its keys spelled one way: lower case, no underscores."""
    if not isinstance(value, Mapping):
        raise NodeDisagrees(what, "that there is one", "none")
    return {str(key).replace("_", "").lower(): item for key, item in value.items()}


def get(answer: Mapping[str, Any], name: str) -> Any:
    """What an answer has under a name; None where it has nothing."""
    return answer.get(name.lower())


def need(answer: Mapping[str, Any], name: str) -> Any:
    """What an answer must have under a name."""
    value = get(answer, name)
    if value is None:
        raise NodeDisagrees("answer", f"nothing of {name}", "none")
    return value


def as_list(value: Any) -> Sequence[Any]:
    """A list of whatever."""
    if not isinstance(value, list | tuple):
        raise NodeDisagrees("answer", "a list", _shown(value))
    return value


def as_integer(value: Any) -> int:
    """An unsigned integer of at most 256 bits."""
    if isinstance(value, bool) or not isinstance(value, int | str | bytes):
        raise NodeDisagrees("answer", "an integer", _shown(value))
    try:
        if isinstance(value, str):
            number = int(value, 16) if value.startswith("0x") else int(value)
        else:
            number = int.from_bytes(value, "big") if isinstance(value, bytes) else value
    except ValueError as error:
        raise NodeDisagrees("answer", "an integer", _shown(value)) from error
    if not 0 <= number < 2**256:
        raise NodeDisagrees("answer", "an unsigned integer of 256 bits", _shown(value))
    return number


def as_minimal(value: Any) -> bytes:
    """An integer as RLP has it: big-endian without leading zeros."""
    return rlp.encode_number(as_integer(value))


def as_bytes(value: Any) -> bytes:
    """Bytes of any number."""
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    try:
        if isinstance(value, str):
            return bytes.fromhex(value.removeprefix("0x"))
    except ValueError as error:
        raise NodeDisagrees("answer", "bytes", _shown(value)) from error
    raise NodeDisagrees("answer", "bytes", _shown(value))


def as_sized(value: Any, size: int) -> bytes:
    """Bytes, or an integer written in `size` bytes."""
    if isinstance(value, int) and not isinstance(value, bool) and size and 0 <= value < 256**size:
        return uint(value, size)
    return as_bytes(value)


def as_hex(value: Any) -> str:
    """Bytes as requests carry them."""
    return "0x" + as_bytes(value).hex()


def _shown(value: Any) -> str:
    """A value in words, however large or deep it is."""
    if isinstance(value, str):
        return repr(value[:60])
    if isinstance(value, int):
        return hex(value)[:60]
    return type(value).__name__
