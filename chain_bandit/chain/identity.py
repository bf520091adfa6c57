"""Which game is meant: recorded when it is deployed, compared whenever something attaches to it again."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.errors import ForeignChain, NodeUnreachable
from chain_bandit.chain.rpc import as_bytes, as_int, field
from chain_bandit.protocol.digests import keccak

Ask = Callable[[str, Sequence[Any]], Any]
"""`rpc(method, params)` of a node."""

NOBODY = "0x" + "00" * 20
"""Who views are called as; the embedded chain's has the funds that eth-tester asks for."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A contract on a chain, hexadecimal with 0x.

    Attributes:
        genesis_hash: of block 0: tells two development chains with one id apart.
        code_hash: keccak of the code at `contract`.
        game: the digest of parameters and commitments, as the contract holds it.
    """

    chain_id: int
    genesis_hash: str
    contract: str
    code_hash: str
    game: str

    @staticmethod
    def of(record: Mapping[str, Any]) -> "Identity":
        """The identity in a manifest or a deployment file. Raises `KeyError`, `TypeError`."""
        chain_id = record["chain_id"]
        if type(chain_id) is not int or not 0 <= chain_id < 2**256:
            raise TypeError("chain_id")
        for name in Identity.__slots__[1:]:
            value, size = record[name], 20 if name == "contract" else 32
            if type(value) is not str or not re.fullmatch(f"0x[0-9a-f]{{{2 * size}}}", value):
                raise TypeError(name)
        return Identity(*(record[name] for name in Identity.__slots__))


def identify(rpc: Ask, contract: bytes) -> Identity:
    """The identity of the game at an address (20 bytes). Raises `NodeUnreachable`."""
    address = "0x" + contract.hex()
    found = {name: ask(rpc, address) for name, ask in _QUESTIONS.items()}
    return Identity(contract=address, **found)


def require_same(rpc: Ask, recorded: Identity) -> None:
    """Raise `ForeignChain` where the node answers otherwise than when the game was recorded."""
    for name, ask in _QUESTIONS.items():
        got, expected = ask(rpc, recorded.contract), getattr(recorded, name)
        if got != expected:
            raise ForeignChain(name, expected, got)


def _chain_id(rpc: Ask, address: str) -> int:
    return as_int(rpc("eth_chainId", []))


def _genesis_hash(rpc: Ask, address: str) -> str:
    block = rpc("eth_getBlockByNumber", ["0x0", False])
    if block is None:
        raise NodeUnreachable("it has no block 0")
    return "0x" + as_bytes(field(block, "hash")).hex()


def _code_hash(rpc: Ask, address: str) -> str:
    return "0x" + keccak(as_bytes(rpc("eth_getCode", [address, "latest"]))).hex()


def _game(rpc: Ask, address: str) -> str:
    function = chain_bandit_artifact().members("function")["game"]
    request = {"from": NOBODY, "to": address, "data": "0x" + function.encode().hex()}
    answer = rpc("eth_call", [request, "latest"])
    return "0x" + as_bytes(answer).hex()


_QUESTIONS: dict[str, Callable[[Ask, str], Any]] = {
    "chain_id": _chain_id, "genesis_hash": _genesis_hash, "code_hash": _code_hash, "game": _game,
}  # fmt: skip
