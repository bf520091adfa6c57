"""The arguments of a game's creation: the contract's parameters, two commitments, and the declaration of its rules."""

from dataclasses import dataclass

from chain_bandit.protocol.digests import word
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import FIELDS, Parameters
from chain_bandit.protocol.ruleset import MOST_BYTES

_HEAD = len(FIELDS) + 3
"""Words of the arguments before the declaration's length: its place is the last of them."""

_PLACE = word(32 * (_HEAD + 1))
"""Where the declaration is, counted from the first argument: the address of the implementation, with which the
creation code that is shipped ends."""


@dataclass(frozen=True, slots=True)
class Created:
    """What the data of a creation say, none of it checked.

    Attributes:
        code: what comes before the arguments.
        fields: of the contract's struct, see `Parameters.fields`.
        salt_commitment, secret_commitment: the environment's, 32 bytes each.
        declaration: of the rules.
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


def decode(data: bytes) -> Created:
    """The creation that some data is of, found from their end. Raises `Malformed`."""
    for words in range(MOST_BYTES // 32 + 1):
        end = len(data) - 32 * words
        start = end - 32 * (_HEAD + 1)
        if start < 0:
            break
        size = int.from_bytes(data[end - 32 : end])
        if data[end - 64 : end - 32] == _PLACE and (size + 31) // 32 == words and not any(data[end + size :]):
            *fields, salt, secret, _ = (data[at : at + 32] for at in range(start, end - 32, 32))
            return Created(data[:start], tuple(map(int.from_bytes, fields)), salt, secret, data[end : end + size])
    raise Malformed("creation", "parameters, two commitments and a declaration of rules", f"{len(data)} bytes")
