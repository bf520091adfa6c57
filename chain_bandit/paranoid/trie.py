"""The root of the Merkle-Patricia trie that a block header holds of its transactions, and of its receipts."""

from typing import Any

from chain_bandit.paranoid import rlp
from chain_bandit.paranoid.words import keccak


def root(items: list[bytes]) -> bytes:
    """The root of the trie from rlp(0), rlp(1), … to the items (Yellow Paper, appendix D)."""
    return keccak(rlp.encode(_node({rlp.encode(rlp.minimal(at)).hex(): item for at, item in enumerate(items)})))


def _node(values: dict[str, bytes]) -> Any:
    """The node of values by what is left of their keys, a hexadecimal digit a nibble. No key begins another."""
    if not values:
        return b""
    if len(values) == 1:
        ((path, value),) = values.items()
        return [_packed(path, 2), value]
    shared = ""
    while len({path[len(shared)] for path in values}) == 1:
        shared += next(iter(values))[len(shared)]
    if shared:
        return [_packed(shared, 0), _reference(_node({path[len(shared) :]: item for path, item in values.items()}))]
    branches = [
        _reference(_node({path[1:]: item for path, item in values.items() if path[0] == digit}))
        for digit in "0123456789abcdef"
    ]
    return [*branches, b""]


def _packed(path: str, flag: int) -> bytes:
    """A path with its flag, in whole bytes (hex-prefix encoding)."""
    return bytes.fromhex(f"{flag + 1:x}{path}" if len(path) % 2 else f"{flag:x}0{path}")


def _reference(node: Any) -> Any:
    encoded = rlp.encode(node)
    return node if len(encoded) < 32 else keccak(encoded)
