"""Events of a range of blocks, in as many questions as a node answers: pieces that its refusals make smaller."""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol, TypeVar

from chain_bandit.chain.provider_limits import AcceptedSize, says_absent, stated_span

Q = TypeVar("Q")
LogQuestion = tuple[str, Sequence[Any]]
"""(method, parameters)."""

MOST_AT_ONCE = 128
"""Questions of one exchange; for more of them the node is asked for the whole range, which it refuses."""


class Refusal(Protocol):
    """A node's error in the place of events."""

    @property
    def text(self) -> str:
        """In the node's words."""
        ...


class LogRanges:
    """What a node accepts as the range of one `eth_getLogs`.

    Attributes:
        is_limited: whether the node has refused a range.
    """

    def __init__(self) -> None:
        self._size = AcceptedSize()
        self.is_limited = False

    def pieces(
        self, about: dict[str, Any], first: int, last: int, ask: Callable[[LogQuestion], Q]
    ) -> Generator[Q, Sequence[Any], list[Any] | Refusal]:
        """All events of blocks `first` to `last`: yields what `ask` makes of each question, and is sent its one answer.

        Args:
            about: which events, without blocks.

        Returns the refusal of one block, or for another reason than the range, as it is.
        """
        logs = list[Any]()
        while first <= last:
            end = min(last, first + self._size.most - 1)
            (answer,) = yield ask(("eth_getLogs", [about | {"fromBlock": hex(first), "toBlock": hex(end)}]))
            if not isinstance(answer, list | tuple):
                refused: Refusal = answer
                if not self.narrows(refused, first, end):
                    return refused
                continue
            self._size.accepted(end - first + 1)
            logs.extend(answer)
            first = end + 1
        return logs

    def questions(self, about: dict[str, Any], first: int, height: int) -> list[LogQuestion]:
        """For events of block `first` to the latest, in one exchange; `height` is the latest one known.

        The last question leaves room for half as many new blocks as a question may have.
        """
        if not self.is_short(first, height):
            return [("eth_getLogs", [about | {"fromBlock": hex(first)}])]
        size = self._size.most
        found = list[LogQuestion]()
        while height - first >= max(1, size // 2):
            end = min(first + size, height) - 1
            found.append(("eth_getLogs", [about | {"fromBlock": hex(first), "toBlock": hex(end)}]))
            first = end + 1
        return [*found, ("eth_getLogs", [about | {"fromBlock": hex(first)}])]

    def is_short(self, first: int, last: int) -> bool:
        """Whether a range takes no more questions than one exchange has."""
        return last - first < MOST_AT_ONCE * self._size.most

    def took(self, questions: Sequence[LogQuestion]) -> None:
        """The node answered these of `questions`."""
        for _, (about,) in questions:
            if "toBlock" in about:
                self._size.accepted(int(about["toBlock"], 16) - int(about["fromBlock"], 16) + 1)

    def narrows(self, refused: Refusal, first: int, last: int) -> bool:
        """Whether a refusal leaves smaller ranges to ask for than `first` to `last`: as it states, or halves.

        Whatever its words: a refusal for another reason costs as many questions as a range can be halved.
        """
        asked = last - first + 1
        if is_of_any_range(refused, asked):
            return False
        self._size.refused(asked, stated_span(refused.text, asked))
        self.is_limited = True
        return True


def is_of_any_range(refused: Refusal, asked: int) -> bool:
    """Whether a refusal of so many blocks would be one of fewer, too."""
    return asked < 2 or (says_absent(refused.text) and stated_span(refused.text, asked) is None)


def all_logs(
    pieces: Generator[LogQuestion, Sequence[Any], list[Any] | Refusal], answered: Callable[[LogQuestion], Sequence[Any]]
) -> list[Any] | Refusal:
    """The end of `pieces`, each question of which is answered at once."""
    try:
        question = next(pieces)
        while True:
            question = pieces.send(answered(question))
    except StopIteration as end:
        found: list[Any] | Refusal = end.value
        return found
