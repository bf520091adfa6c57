"""Identity of a game on a chain: recorded at deployment, compared at every later attachment."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from chain_bandit.chain.answers import NodeReader, as_bytes, as_hex, as_int, hash_of
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.errors import ForeignChain
from chain_bandit.protocol.digests import keccak

GAME_FORMAT: Literal["chain-bandit-game/1"] = "chain-bandit-game/1"
"""Of `game.json`, which nodes share and which says, as a deployment file does, where a game is."""

NOBODY = "0x" + "00" * 20
"""Caller of views; the embedded chain's has the funds that eth-tester asks for."""


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


def identify(ask: NodeReader, contract: bytes) -> Identity:
    """The identity of the game at an address (20 bytes). Raises `NodeUnreachable`."""
    address = "0x" + contract.hex()
    found = {name: ask(*question(address)) for name, question in _QUESTIONS.items()}
    return Identity(contract=address, **found)


def require_same(ask: NodeReader, recorded: Identity) -> None:
    """Raise `ForeignChain` where the node answers otherwise than when the game was recorded."""
    for name, question in _QUESTIONS.items():
        _require(name, getattr(recorded, name), ask(*question(recorded.contract)))


def chain_of(ask: NodeReader) -> tuple[int, str]:
    """Chain id and genesis hash of a node's chain. Raises `NodeUnreachable`."""
    chain_id, genesis_hash = (ask(*question) for question in _OF_CHAIN.values())
    return chain_id, genesis_hash


def require_chain(recorded: tuple[int, str], found: tuple[int, str]) -> None:
    """Hold chain id and genesis hash against those recorded. Raises `ForeignChain`."""
    for name, expected, got in zip(_OF_CHAIN, recorded, found, strict=True):
        _require(name, expected, got)


def _require(name: str, expected: object, got: object) -> None:
    if got != expected:
        raise ForeignChain(name, expected, got)


def _word(answer: Any) -> str:
    return as_hex(as_bytes(answer))


def _code_hash(code: Any) -> str:
    return "0x" + keccak(as_bytes(code)).hex()


def _call_of_game(address: str) -> dict[str, str]:
    function = chain_bandit_artifact().members("function")["game"]
    return {"from": NOBODY, "to": address, "data": "0x" + function.encode().hex()}


_Question: TypeAlias = tuple[str, Sequence[Any], Callable[[Any], Any]]

_OF_CHAIN: dict[str, _Question] = {
    "chain_id": ("eth_chainId", (), as_int),
    "genesis_hash": ("eth_getBlockByNumber", ("0x0", False), hash_of),
}
IDENTITY = tuple((method, parameters) for method, parameters, _ in _OF_CHAIN.values())
"""What tells one chain from another."""

_QUESTIONS: dict[str, Callable[[str], _Question]] = {
    "chain_id": lambda address: _OF_CHAIN["chain_id"],
    "genesis_hash": lambda address: _OF_CHAIN["genesis_hash"],
    "code_hash": lambda address: ("eth_getCode", [address, "latest"], _code_hash),
    "game": lambda address: ("eth_call", [_call_of_game(address), "latest"], _word),
}
