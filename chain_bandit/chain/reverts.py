"""Why a call was refused: what the contract reverted with, wherever a node puts it in its error answer."""

import ast
from typing import Any


def revert_data(failure: BaseException) -> bytes | None:
    """The revert data behind a refused call, transaction or estimate; None when the node gave other grounds.

    Geth, Anvil and Hardhat 3 send it as `error.data`, Hardhat 2 one level deeper, eth-tester as a repr of bytes.
    """
    data = _error(failure).get("data", getattr(failure, "data", None))
    if isinstance(data, dict):
        data = data.get("data")
    if isinstance(data, str) and data.startswith("0x"):
        return bytes.fromhex(data[2:])
    return _tester_data(str(failure))


def grounds(failure: BaseException) -> str:
    """Why a node refused, in its own words."""
    return str(_error(failure).get("message", failure))


def _error(failure: BaseException) -> dict[str, Any]:
    """The error object of the node's answer; nothing where the failure holds none."""
    answer = getattr(failure, "rpc_response", None)
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, dict) else {}


def _tester_data(text: str) -> bytes | None:
    _, found, literal = text.partition("execution reverted: ")
    try:
        value = ast.literal_eval(literal) if found else None
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, bytes) else None
