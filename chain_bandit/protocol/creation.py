"""The arguments of a game's creation: the contract's parameters, two commitments, and the declaration of its rules."""

from dataclasses import dataclass

from chain_bandit.protocol.digests import word
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import FIELDS, Parameters
from chain_bandit.protocol.ruleset import MOST_BYTES

_HEAD = 32 * (len(FIELDS) + 4)
"""Bytes of the arguments before the declaration: its place and its length are the last two words."""

_PLACE = word(_HEAD)
"""Where the declaration is, counted from the address of the implementation, with which the shipped code ends."""


@dataclass(frozen=True, slots=True)
class Created:
    """What the data of a creation say.

    Attributes:
        code: what comes before the arguments.
        fields: of the contract's struct, see `Parameters.fields`; not checked.
        salt_commitment, secret_commitment: the environment's, 32 bytes each.
        declaration: of the rules; not checked.
    """

    code: bytes
    fields: tuple[int, ...]
    salt_commitment: bytes
    secret_commitment: bytes
    declaration: bytes


def encode(parameters: Parameters, salt_commitment: bytes, secret_commitment: bytes) -> bytes:
    """The arguments, after code and implementation."""
    text = parameters.declaration
    return b"".join((
        parameters.words(), salt_commitment, secret_commitment, _PLACE, word(len(text)), text, bytes(-len(text) % 32)
    ))  # fmt: skip


def decode(data: bytes, code: bytes | None = None) -> Created:
    """The creation that some data is of.

    Args:
        code: with which the data begin, and the arguments follow. They are looked for from the end where it is None.

    Raises:
        Malformed: there are no arguments in their only encoding.
    """
    if code is not None:
        starts = [len(code)] if data.startswith(code) else []
    else:
        starts = [len(data) - _HEAD - 32 * words for words in range(MOST_BYTES // 32 + 1)]
    for start in starts:
        text = data[start + _HEAD :]
        if start < 0 or len(data) < start + _HEAD:
            break
        size = int.from_bytes(data[start + _HEAD - 32 : start + _HEAD])
        is_padded = size <= MOST_BYTES and len(text) == size + -size % 32 and not any(text[size:])
        if data[start + _HEAD - 64 : start + _HEAD - 32] == _PLACE and is_padded:
            *fields, salt, secret = (data[at : at + 32] for at in range(start, start + _HEAD - 64, 32))
            return Created(data[:start], tuple(map(int.from_bytes, fields)), salt, secret, text[:size])
    raise Malformed("creation", "parameters, two commitments and a declaration of rules", f"{len(data)} bytes")
