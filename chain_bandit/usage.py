"""Usage error; values in hexadecimal and games, as a user names them on the command line or in Python."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from chain_bandit.protocol.errors import ChainBanditError

if TYPE_CHECKING:
    from chain_bandit.chain.answers import NodeReader


class Usage(ChainBanditError):
    """A call, or a command line, that makes no sense."""

    exit_code = 2


def hexadecimal(text: str, size: int, option: str) -> bytes:
    """So many bytes that an option gives in hexadecimal. Raises `Usage`."""
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != size:
        raise Usage(f"{option} {text[:80]}: expected 0x and {2 * size} hexadecimal digits")
    return value


def named_game(node: "NodeReader", name: str, option: str) -> tuple[bytes, int | None]:
    """The address of a game, and its first block if it is known: by a file that says where it is, or in hexadecimal.

    Raises:
        Usage: neither.
        ForeignChain: the node is of another chain than the file, or holds another contract or game there.
        ChainBanditError: the file says nothing of a game, or the node does not answer.
    """
    from chain_bandit.runs import recorded_game  # late: it takes seconds to load

    path = Path(name)
    if os.path.exists(path):
        return recorded_game(node, path)
    try:
        return hexadecimal(name, 20, option), None
    except Usage as error:
        raise Usage(f"{error}, or a file that can be read") from error
