"""The creation code that this version ships, read as data."""

import json
from functools import cache
from importlib.resources import files


@cache
def creation_code(contract: str = "ChainBandit") -> bytes | None:
    """A contract's creation bytecode without constructor arguments; None where it is not installed."""
    path = files("chain_bandit").joinpath("chain", "artifacts", f"{contract}.json")
    if not path.is_file():
        return None
    bytecode = json.loads(path.read_text())["bytecode"]
    text = bytecode["object"] if isinstance(bytecode, dict) else bytecode
    return bytes.fromhex(text.removeprefix("0x"))
