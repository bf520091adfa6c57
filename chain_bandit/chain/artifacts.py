"""The shipped contracts: their interfaces and their bytecode, as compiled by `scripts/build_artifacts.py`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from eth_abi.abi import decode, encode

from chain_bandit.protocol.digests import keccak


def canonical_type(entry: Mapping[str, Any]) -> str:
    """The type of an ABI parameter as signatures spell it, tuples unfolded."""
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(canonical_type, entry['components']))}){kind[5:]}"


@dataclass(frozen=True, slots=True)
class Member:
    """One function, event or error of the contract's interface."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    topic: bytes
    """keccak of the signature; its first four bytes begin calldata and revert data."""

    def encode(self, *arguments: object) -> bytes:
        """Calldata of a call with these arguments."""
        return self.topic[:4] + encode(self.inputs, arguments)

    def decode_inputs(self, data: bytes) -> tuple[Any, ...]:
        """The arguments in an event's or an error's data."""
        return decode(self.inputs, data)

    def decode_outputs(self, data: bytes) -> tuple[Any, ...]:
        """What a view returned."""
        return decode(self.outputs, data)


def member(entry: Mapping[str, Any]) -> Member:
    """The member that an ABI entry describes."""
    inputs = tuple(map(canonical_type, entry["inputs"]))
    outputs = tuple(map(canonical_type, entry.get("outputs", ())))
    return Member(entry["name"], inputs, outputs, keccak(f"{entry['name']}({','.join(inputs)})".encode()))


@dataclass(frozen=True, slots=True)
class Code:
    """A contract's code on chain.

    Attributes:
        code: zero where deployment fills in immutable values.
        immutables: (start, length) of those places.
    """

    code: bytes
    immutables: tuple[tuple[int, int], ...]

    def is_same(self, found: bytes) -> bool:
        """Whether this is what a chain holds, whatever its immutable values."""
        return len(found) == len(self.code) and masked(found, self.immutables) == masked(self.code, self.immutables)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract.

    Attributes:
        abi: its interface, as the compiler prints it.
        bytecode: what a deployment sends, before the constructor's arguments.
        deployed: its code on chain.
    """

    abi: Sequence[Mapping[str, Any]]
    bytecode: bytes
    deployed: Code

    def members(self, kind: str) -> dict[str, Member]:
        """All of one kind ("function", "event" or "error") by name."""
        return {entry["name"]: member(entry) for entry in self.abi if entry["type"] == kind}

    def constructor(self, *arguments: object) -> bytes:
        """Calldata of a deployment."""
        entry = next(entry for entry in self.abi if entry["type"] == "constructor")
        return self.bytecode + encode(list(map(canonical_type, entry["inputs"])), arguments)


@dataclass(frozen=True, slots=True)
class Module:
    """Code that all games of a chain share.

    Attributes:
        address: 20 bytes, the same on every chain, since it follows from `creation` (CREATE2, EIP-1014).
        creation: what creates it, its constructor's arguments included.
        code: what is there then.
    """

    name: str
    address: bytes
    creation: bytes
    code: bytes


@dataclass(frozen=True, slots=True)
class GameArtifact(Artifact):
    """A game's: a clone of the last of the modules.

    Attributes:
        modules: in the order in which they are deployed.
    """

    modules: tuple[Module, ...]


def masked(code: bytes, places: Iterable[tuple[int, int]]) -> bytes:
    """The code with zeros at every (start, length)."""
    blank = bytearray(code)
    for start, length in places:
        blank[start : start + length] = bytes(length)
    return bytes(blank)


@cache
def chain_bandit_artifact() -> GameArtifact:
    """The game's contract that this version of the package was tested with."""
    data = _read("ChainBandit.json")
    modules = (
        Module(each["name"], *(_bytes(each[part]) for part in ("address", "bytecode", "deployedBytecode")))
        for each in data["modules"]
    )
    return GameArtifact(*_parts(data), tuple(modules))


@cache
def tokens_artifact() -> Artifact:
    """The contract of an agreement that this version of the package was tested with."""
    return Artifact(*_parts(_read("Tokens.json")))


def _read(name: str) -> dict[str, Any]:
    text = resources.files("chain_bandit.chain").joinpath("artifacts", name).read_text("utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def _parts(data: Mapping[str, Any]) -> tuple[Sequence[Mapping[str, Any]], bytes, Code]:
    return data["abi"], _bytes(data["bytecode"]), _code(data)


def _code(data: Mapping[str, Any]) -> Code:
    places = tuple((start, length) for start, length in data["immutableReferences"])
    return Code(_bytes(data["deployedBytecode"]), places)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
