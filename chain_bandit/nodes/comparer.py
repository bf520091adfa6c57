"""The comparison as a node: the trusted function, which keeps nothing from round to round."""

from chain_bandit.actors.comparer import Comparer
from chain_bandit.actors.messages import COMPARISON, Answer, Question
from chain_bandit.comparison.interface import Opening
from chain_bandit.network.wire import NodeMessage
from chain_bandit.nodes.role import NodeRole, Post, posts
from chain_bandit.protocol.ledger import Ledger


class ComparerRole(NodeRole):
    """`NodeRole` of the comparison. After a restart it has no openings: a round without bits is skipped."""

    address, speaks, rushing = COMPARISON, False, frozenset[int]()

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer

    def begin(self, ledger: Ledger) -> None:
        """Open the next round."""
        self._round = ledger.round
        self._comparer.begin(ledger)

    def tick(self, step: int) -> list[Post]:
        """Note the step."""
        return posts(self._comparer.on_tick(step))

    def take(self, sender: int, round_: int, message: NodeMessage) -> list[Post]:
        """Openings and questions of the open round."""
        if round_ == self._round and isinstance(message, Opening | Question | Answer):
            return posts(self._comparer.on_message(sender, message))
        return []

