"""JSON-RPC client of one node: retries until answered, and decoding of contract errors."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from math import inf
from typing import Any

from eth_abi.exceptions import DecodingError

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.artifacts import chain_bandit_artifact, member, tokens_artifact
from chain_bandit.chain.errors import ForeignChain, NodeGarbled, NodeUnreachable, NotUnderstood, TransactionReverted
from chain_bandit.chain.notice import SILENT, Notice
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.wire import Line, Refused, Request, wire_to
from chain_bandit.protocol.errors import Malformed
from chain_bandit.stopwatch import Stopwatch

_BUILT_IN = tuple(
    member({"name": name, "inputs": [{"type": kind}]}) for name, kind in (("Error", "string"), ("Panic", "uint256"))
)
_ERRORS = {
    error.topic[:4]: error
    for error in (*chain_bandit_artifact().members("error").values(), *tokens_artifact().members("error").values(),
                  *_BUILT_IN)
}  # fmt: skip


IDENTITY: tuple[Request, ...] = (("eth_chainId", ()), ("eth_getBlockByNumber", ("0x0", False)))
"""What tells one chain from another."""

BEHIND = 2.0
"""Seconds after which a node that lacks the last known block is believed."""


def as_answered(answer: Any) -> Any:
    """Unread."""
    return answer


class Rpc:
    """What the client asks of a node. A lost answer, or a refusal that no contract spoke, is asked for again.

    Attributes:
        head: number and hash of the last known block. Views wait a while for a node that is behind it, and those by
            its state are not taken from another branch.
        notice: told when an answer takes long.
        identity: chain id and first block's hash, if it matters which chain answers: after a lost exchange, whoever
            lost it, no question's answer is taken without them.

    Raises (every method):
        NodeUnreachable: patience is at its end.
        ForeignChain: so it is, and another chain answers.
    """

    def __init__(self, line: Line, stopwatch: Stopwatch, delivery: TransactionPolicy) -> None:
        self.wire = wire_to(line, delivery.timeout)
        self.stopwatch, self._delivery = stopwatch, delivery
        self.head: tuple[int, bytes] | None = None
        self.identity: tuple[int, str] | None = None
        self._doubtful = False
        self.notice = Notice()

    def exchange(self, requests: Sequence[Request], read: Callable[[Any], Any] = as_answered) -> list[Any]:
        """All answers, in order, as `read` has them, which may find one garbled; some may be a `Refused`."""

        def taken(answers: list[Any]) -> list[Any]:
            return [answer if isinstance(answer, Refused) else read(answer) for answer in answers]

        def in_vain(answers: list[Any]) -> str | None:
            taken(answers)
            return None

        return taken(self._insist(requests, in_vain))

    def ask(
        self, method: str, parameters: Sequence[Any], read: Callable[[Any], Any] = as_answered, at_most: float = inf
    ) -> Any:
        """One result as `read` has it, which may find it garbled; waited for `at_most` seconds; `null` is none.

        Raises:
            NotUnderstood: the node has no such method.
        """
        owed = method.startswith("eth_")  # what changes a node answers nothing

        def in_vain(answers: list[Any]) -> str | None:
            (answer,) = answers
            if isinstance(answer, Refused):
                return None if answer.unknown_method else self._in_vain(answers)
            if owed and answer is None:
                return f"{method} gives nothing"
            read(answer)
            return None

        (answer,) = self._insist([(method, parameters)], in_vain, at_most)
        if isinstance(answer, Refused):
            raise (NotUnderstood if answer.unknown_method else NodeUnreachable)(f"{method}: {answer.text}")
        return read(answer)

    def height(self) -> int:
        """The number of the latest block."""
        height: int = self.ask("eth_blockNumber", [], as_int)
        return height

    def code(self, address: bytes) -> bytes:
        """The code at an address."""
        code: bytes = self.ask("eth_getCode", [checksummed(address), "latest"], as_bytes)
        return code

    def call(
        self, method: str, to: bytes, data: bytes, block: str = "latest",
        read: Callable[[Any], Any] = lambda answer: as_bytes(answer),
    ) -> Any:  # fmt: skip
        """What a view returns, as `read` has it, which may find it garbled. Raises `TransactionReverted`."""
        request = {"from": checksummed(bytes(20)), "to": checksummed(to), "data": as_hex(data)}
        answer = self.attempt(request, block, read)
        if isinstance(answer, Refused):
            raise refusal(method, answer)
        return read(answer)

    def attempt(
        self, transaction: dict[str, Any], block: str, read: Callable[[Any], Any] = lambda answer: as_bytes(answer)
    ) -> Any:
        """What a call gives on a block: its result, or the `Refused` that the contract answers with.

        A block of a certain number is not asked for long: it may be gone.
        """
        requests: list[Request] = [("eth_call", [transaction, block])]
        number, digest = self.head or (0, b"")
        pinned = block == hex(number) and self.head is not None and not self.wire.certain
        if pinned:
            requests.append(("eth_getBlockByNumber", [block, False]))
        elif block == "latest" and not self.wire.certain:
            requests.append(("eth_blockNumber", []))
        clock = self._delivery.clock
        start = clock.now()

        def in_vain(answers: list[Any]) -> str | None:
            answer, *beside = answers
            if isinstance(answer, Refused) and answer.data is not None:
                refusal("eth_call", answer)
                answers = beside
            lost = self._in_vain(answers)
            if not isinstance(answer, Refused):
                read(answer)
            if lost is not None or not beside:
                return lost
            if pinned:
                return None if as_bytes(field(beside[0], "hash")) == digest else "the node answers for another branch"
            return "the node is behind" if as_int(beside[0]) < number and clock.now() - start < BEHIND else None

        return self._insist(requests, in_vain, inf if block == "latest" else BEHIND)[0]

    def _in_vain(self, answers: list[Any]) -> str | None:
        """Why to ask again; None when there is an answer, or none to come."""
        refused = next((answer for answer in answers if isinstance(answer, Refused)), None)
        return refused.text if refused is not None and not self.wire.certain else None

    def _insist(
        self, requests: Sequence[Request], in_vain: Callable[[list[Any]], str | None], at_most: float = inf
    ) -> list[Any]:
        delivery, clock = self._delivery, self._delivery.clock
        start, patience = clock.now(), RetryBudget(min(delivery.patience, at_most), delivery.is_over, clock)
        with self.stopwatch("evm"):
            while True:
                identity = self.identity if self._doubtful else None
                why: NodeUnreachable | ForeignChain
                try:
                    answers = self.answered(self.wire.post([*IDENTITY, *requests] if identity else requests))
                    if identity:
                        require_chain(identity, answers[: len(IDENTITY)])
                        self._doubtful, answers = False, answers[len(IDENTITY) :]
                    reason = in_vain(answers)
                    if reason is None:
                        self.notice.over()
                        return answers
                    why = NodeUnreachable(reason)
                except (NodeUnreachable, ForeignChain) as error:
                    why = error
                if clock.now() > start + SILENT:
                    self.notice.waiting(why)
                patience.wait(why)

    def answered(self, answers: "Future[list[Any]]") -> list[Any]:
        """What comes of an exchange, which may hang until its time is over. Raises `NodeUnreachable`."""
        try:
            try:
                return answers.result(SILENT)
            except TimeoutError:
                self.notice.waiting("no answer")
            return answers.result()
        except NodeUnreachable:
            self._doubtful = True
            raise


def hash_of(block: Any) -> str:
    """A block's hash, as journals have it. Raises `NodeGarbled`."""
    return as_hex(as_bytes(field(block, "hash")))


def require_chain(identity: tuple[int, str], answers: list[Any]) -> None:
    """Hold the answers to `IDENTITY` against a chain's own. Raises `ForeignChain`; `NodeUnreachable` for no answer."""
    for answer in answers:
        if isinstance(answer, Refused) or not answer:
            raise NodeUnreachable(answer.text if isinstance(answer, Refused) else "it does not say which chain it is")
    got = as_int(answers[0]), hash_of(answers[1])
    for what, ours, theirs in zip(("chain id", "first block"), identity, got, strict=True):
        if ours != theirs:
            raise ForeignChain(what, ours, theirs)


def refusal(method: str, refused: Refused) -> TransactionReverted:
    """The contract's error in a node's refusal; "Rejected" where the node itself refused. Raises `NodeGarbled`."""
    data = refused.data
    if data is None:
        return TransactionReverted(method, "Rejected", (refused.text,))
    if data == b"":
        return TransactionReverted(method, "Malformed", ())  # the decoder of calldata reverts without a word
    error = _ERRORS.get(data[:4])
    if error is None:
        return TransactionReverted(method, "Unexplained", (data,))
    return TransactionReverted(method, error.name, as_decoded(error.decode_inputs, data[4:]))


def as_int(value: Any) -> int:
    """A quantity: nodes answer in hexadecimal, the embedded one with the number itself. Raises `NodeGarbled`."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = int(value, 16) if isinstance(value, str) else int.__index__(value)
    except (TypeError, ValueError) as error:
        raise NodeGarbled("a number", value) from error
    if not 0 <= number < 2**256:
        raise NodeGarbled("a number", value)
    return number


def as_bytes(value: Any) -> bytes:
    """Bytes: nodes answer in hexadecimal, the embedded one sometimes with bytes themselves. Raises `NodeGarbled`."""
    try:
        return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(memoryview(value))
    except (TypeError, ValueError) as error:
        raise NodeGarbled("bytes", value) from error


def as_list(value: Any) -> Sequence[Any]:
    """Several answers in one. Raises `NodeGarbled`."""
    if not isinstance(value, list | tuple):
        raise NodeGarbled("a list", value)
    return value


def as_decoded(decode: Callable[[bytes], Any], data: bytes) -> Any:
    """What the data say by a decoder of ours. Raises `NodeGarbled`."""
    try:
        return decode(data)
    except (DecodingError, Malformed, ValueError, OverflowError) as error:
        raise NodeGarbled("what the contract says", as_hex(data)) from error


def field(answer: Any, name: str | int) -> Any:
    """What an answer has under a name or in a place. Raises `NodeGarbled`."""
    try:
        return answer[name]
    except (TypeError, LookupError) as error:
        raise NodeGarbled(f"something with a {name}", answer) from error


def as_hex(data: bytes) -> str:
    """Bytes as requests carry them."""
    return "0x" + bytes(data).hex()
