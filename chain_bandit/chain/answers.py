"""Validated answers of a node: in JSON (hexadecimal strings) or in Python (integers, bytes)."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from chain_bandit.chain.errors import NodeGarbled

NodeReader = Callable[[str, Sequence[Any], Callable[[Any], Any]], Any]
"""`rpc(method, params, read)`: an answer of a node as `read` has it, which may find it garbled."""

_QUANTITY = re.compile("0x[0-9a-fA-F]+")


def as_answered(answer: Any) -> Any:
    """Unread."""
    return answer


def as_int(value: Any) -> int:
    """A quantity: in hexadecimal with 0x, or from the embedded node the number itself. Raises `NodeGarbled`."""
    try:
        if isinstance(value, bool):
            raise TypeError
        if isinstance(value, str) and not _QUANTITY.fullmatch(value):
            raise ValueError
        number = int(value, 16) if isinstance(value, str) else int.__index__(value)
    except (TypeError, ValueError) as error:
        raise NodeGarbled("a number", value) from error
    if not 0 <= number < 2**256:
        raise NodeGarbled("a number", value)
    return number


def as_bytes(value: Any) -> bytes:
    """Bytes: nodes answer in hexadecimal, the embedded one sometimes with bytes themselves. Raises `NodeGarbled`."""
    try:
        return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(memoryview(value))
    except (TypeError, ValueError) as error:
        raise NodeGarbled("bytes", value) from error


def as_list(value: Any) -> Sequence[Any]:
    """Several answers in one. Raises `NodeGarbled`."""
    if not isinstance(value, list | tuple):
        raise NodeGarbled("a list", value)
    return value


def field(answer: Any, name: str | int) -> Any:
    """What an answer has under a name or in a place. Raises `NodeGarbled`."""
    try:
        return answer[name]
    except (TypeError, LookupError) as error:
        raise NodeGarbled(f"something with a {name}", answer) from error


def as_hex(data: bytes) -> str:
    """Bytes as requests carry them."""
    return "0x" + bytes(data).hex()


def hash_of(block: Any) -> str:
    """A block's hash, as journals have it. Raises `NodeGarbled`."""
    return as_hex(as_bytes(field(block, "hash")))


def base_fee_of(block: Any) -> int:
    """A block's base fee in wei a unit of gas. Raises `NodeGarbled`."""
    return as_int(field(block, "baseFeePerGas"))
