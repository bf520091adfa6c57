"""What the creating transaction says: the code, the parameters and the environment's two commitments."""

from chain_bandit.history.records import CREATION, Call
from chain_bandit.protocol.parameters import Parameters

WIDTHS = (
    16, 16, 8, 32, 32, 16, 16, 32, 8, 32, 8, 16, 64, 64, 8, 8, 16, 32, 16, 16, 8, 128, 128, 128, 64, 128,
    32, 32, 32, 32, 32, 8, 128,
)  # fmt: skip
"""Bits of each field of the contract's `Parameters`."""

ARGUMENTS = 32 * (len(WIDTHS) + 2)
"""Bytes of the constructor's arguments, after the code."""


def constructor_words(data: bytes) -> list[int]:
    """The parameters at the end of a creation's data, one integer a field, none of them checked."""
    return [int.from_bytes(data[at : at + 32], "big") for at in range(len(data) - ARGUMENTS, len(data) - 64, 32)]


def constructed(call: Call) -> Parameters | None:
    """The parameters of the game that a call creates; None for any other call, and for what is too short."""
    if call.method != CREATION or not call.succeeded or not call.arguments or len(call.arguments[0]) < ARGUMENTS:
        return None
    words = constructor_words(call.arguments[0])
    if any(value >> bits for value, bits in zip(words, WIDTHS, strict=True)):
        return None
    return Parameters(*words)
