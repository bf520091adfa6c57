"""The creation code that this version ships, read as data, and the marks of older releases' code."""

import json
from functools import cache
from importlib.resources import files

from chain_bandit.protocol.digests import keccak

_OLDER = (
    (45_175, "80aefbf7291654514bddecb654b28af1d3f414edd1b0c557c81d3bd164903eec", "0.1.0"),
    (7_124, "eafa653af36d0fe7bd6085f07aba54121fa8db53f0473541696542648b28158e", "0.1.0"),
    (7_124, "1487aa0334602247e545eafdce4d7c5e297150a99f07af894d1e3d0941625251", "0.1.0"),
    (7_124, "2a34d1c20ac1af273ae85071fc77c963835f7bc07ab4c8ebe5b5d83704c408bc", "0.1.0"),
)
"""Of releases in an older format: length and keccak of the creation code of their games, and the release."""


@cache
def creation_code(contract: str = "ChainBandit") -> bytes | None:
    """A contract's creation bytecode without constructor arguments; None where it is not installed."""
    path = files("chain_bandit").joinpath("chain", "artifacts", f"{contract}.json")
    if not path.is_file():
        return None
    bytecode = json.loads(path.read_text())["bytecode"]
    text = bytecode["object"] if isinstance(bytecode, dict) else bytecode
    return bytes.fromhex(text.removeprefix("0x"))


def release_of(data: bytes) -> str | None:
    """The older release whose game a creation's data create, if any."""
    return next((name for size, digest, name in _OLDER if keccak(data[:size]).hex() == digest), None)
