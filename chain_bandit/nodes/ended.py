"""A node's end, as its folder has it, held against the chain: a reorganisation may have taken the closing out again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chain_bandit.append_log import regular_file
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.identity import chain_of, require_chain, require_same
from chain_bandit.chain.tokens import Tokens
from chain_bandit.nodes import node_files as files
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.stopwatch import Stopwatch

UNOPENED = "the game was not opened by block"
"""First words of a node whose game no block can open any more."""


class StarterGone(ChainBanditError):
    """The process that would deploy the contract has ended before it did."""

    exit_code = 2

    def __init__(self, contract: str) -> None:
        super().__init__(
            f"contract {contract} is not there, and the process that would deploy it has ended: begin a new agreement "
            "in another folder"
        )
        self.contract = contract


def ended_with(place: Path) -> dict[str, Any]:
    """The words of a node at the end of its game. Raises `PlaceRefused` where its file does not say it any more."""
    try:
        with regular_file(place / files.ENDED) as file:
            said = json.load(file)
    except (OSError, ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise files.PlaceRefused(place / files.ENDED, "is damaged: delete it, and chain-bandit node writes it again")
    return said


def require_deployed(place: Path, url: str | None, say: Callable[[str], None]) -> None:
    """Raise `StarterGone` for a node of an agreement that is not on the chain: to take it up deploys nothing.

    A chain that does not answer is waited for.

    Args:
        url: of the node's connection to the chain; by default that of the game.
    """
    game = files.read_shared(files.game_of(place))
    if isinstance(game, files.AgreementFile) and not _tokens(game, HttpNode(url or game.url, say=say)).is_there():
        raise StarterGone(game.contract)


def _tokens(game: files.AgreementFile, node: HttpNode) -> Tokens:
    require_chain((game.chain_id, game.genesis_hash), chain_of(node.rpc.ask))
    return Tokens.expected(node.line, bytes.fromhex(game.contract[2:]), Stopwatch(), node.delivery)


def is_undone(place: Path, url: str | None, say: Callable[[str], None]) -> bool:
    """Whether the chain lacks the closing of a game that a node has ended with, or still owes its account wei.

    Of an agreement whether it lacks the record of the last epoch.

    A chain that does not answer is taken at the file's word, which a line says.

    Args:
        url: of the node's connection to the chain; by default that of the game.
    """
    game, account = files.read_shared(files.game_of(place)), ended_with(place).get("account")
    try:
        node = HttpNode(url or game.url)
        if isinstance(game, files.AgreementFile):
            tokens = _tokens(game, node)
            is_over = tokens.is_there() and tokens.next_epoch() >= game.epochs
            if not is_over:
                say("the chain has no record of the last epoch any more: this node goes on")
            return not is_over
        require_same(node.rpc.ask, game.identity)
        contract = Coordinator.at(node.line, bytes.fromhex(game.contract[2:]), Stopwatch(), node.delivery)
        if not contract.closed():
            say("the chain has no closing of the game any more: this node goes on")
            return True
        return isinstance(account, str) and contract.owed(bytes.fromhex(account[2:])) > 0
    except NodeUnreachable as error:
        say(f"whether the chain still has the closing was not looked at: {error}")
        return False
