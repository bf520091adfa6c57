"""JSON-RPC client of one node: retries until answered, and decoding of contract errors."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from math import inf
from typing import Any, NamedTuple, TypeAlias, TypeVar

from eth_abi.exceptions import DecodingError

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.answers import as_answered, as_bytes, as_hex, as_int, field, hash_of
from chain_bandit.chain.artifacts import chain_bandit_artifact, member, tokens_artifact
from chain_bandit.chain.errors import (
    ForeignChain,
    NodeGarbled,
    NodeRefused,
    NodeUnreachable,
    NotUnderstood,
    TransactionReverted,
)
from chain_bandit.chain.identity import IDENTITY, require_chain
from chain_bandit.chain.log_ranges import LogRanges, all_logs, is_of_any_range
from chain_bandit.chain.notice import SILENT, Notice
from chain_bandit.chain.provider_limits import says_behind
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.wire import Line, Refused, Request, awaited, is_common, wire_to, without_key
from chain_bandit.protocol.errors import Malformed
from chain_bandit.stopwatch import Stopwatch

T = TypeVar("T")

_BUILT_IN = tuple(
    member({"name": name, "inputs": [{"type": kind}]}) for name, kind in (("Error", "string"), ("Panic", "uint256"))
)
_ERRORS = {
    error.topic[:4]: error
    for error in (*chain_bandit_artifact().members("error").values(), *tokens_artifact().members("error").values(),
                  *_BUILT_IN)
}  # fmt: skip


StateAt: TypeAlias = str | tuple[int, str]
"""The state after a block: "latest", a number in hexadecimal, or number and hash of one on the branch that answers."""

SAID_EVERY = 100
"""Questions for events after which a notice says how far they are read."""

PRUNED = 10.0
"""Seconds without a receipt of a transaction in the chain after which the node is believed not to keep it."""

REFUSED = 10.0
"""Seconds after which a refusal of the newest events is believed: a provider's backends may be some blocks apart."""

BEHIND = 2.0
"""Seconds after which a node that lacks the last known block is believed."""


class Posted(NamedTuple):
    """An exchange that was started, and when."""

    answers: "Future[list[Any]]"
    began: float


class Rpc:
    """What the client asks of a node. A lost answer, or a refusal that is no contract's, is retried.

    Attributes:
        head: number and hash of the last known block. Views wait a while for a node that is behind it, and those by
            its state are not taken from another branch.
        notice: told when an answer takes long.
        clock: which all waiting is counted by.
        newest, parent: what `latest` gave last, and the hash of that block's parent.
        block_time: seconds a block between the last two heights that `latest` saw; 0 until then.
        identity: chain id and genesis hash, if it matters which chain answers: after a lost exchange of any
            caller, no response is accepted without them.

    Raises (every method):
        NodeUnreachable: patience is at its end.
        ForeignChain: so it is, and another chain answers.
    """

    def __init__(self, line: Line, stopwatch: Stopwatch, delivery: TransactionPolicy) -> None:
        self.wire = wire_to(line, delivery.timeout)
        self.stopwatch, self._delivery = stopwatch, delivery
        self.head: tuple[int, bytes] | None = None
        self.identity: tuple[int, str] | None = None
        self._doubtful, self._ranges = False, LogRanges()
        self._lost, self._heard = -inf, (-inf, -inf)
        """When the last exchange that was lost began; when the last that was answered began, and ended."""
        self.newest: tuple[int, str] | None = None
        self.parent, self.block_time = "", 0.0
        self._seen: tuple[int, float] | None = None
        self.clock = delivery.clock
        self.notice = Notice(f"the chain at {without_key(line)}" if isinstance(line, str) else "", delivery.say)

    def exchange(self, requests: Sequence[Request], read: Callable[[Any], Any] = as_answered) -> list[Any]:
        """All answers, in order, as `read` has them, which may find one garbled; some may be a `Refused`."""

        def taken(answers: list[Any]) -> list[Any]:
            return [answer if isinstance(answer, Refused) else read(answer) for answer in answers]

        return self._insist(requests, taken)

    def ask(
        self, method: str, parameters: Sequence[Any], read: Callable[[Any], Any] = as_answered, at_most: float = inf
    ) -> Any:
        """One result as `read` has it, which may find it garbled; waited for `at_most` seconds; `null` is none.

        A receipt is asked for of a transaction that the chain has.

        Raises:
            NotUnderstood: the node has no such method, or refuses one that not all nodes have.
            NodeRefused: it does not keep the receipt.
        """
        owed = is_common(method)  # what changes a node answers nothing
        start = self.clock.now()

        def taken(answers: list[Any]) -> Any:
            (answer,) = answers
            if isinstance(answer, Refused):
                if owed and not answer.unknown_method:
                    self._require_final(answers, method)
                return answer
            if owed and answer is None:
                if method == "eth_getTransactionReceipt" and self.clock.now() > start + PRUNED:
                    return Refused("it gives no receipt of a transaction that its chain has")
                raise NodeUnreachable(f"{method} returned nothing")
            return read(answer)

        answer = self._insist([(method, parameters)], taken, at_most)
        if isinstance(answer, Refused):
            if answer.unknown_method or not owed:
                raise NotUnderstood(f"{method}: {answer.text}")
            raise NodeRefused(method, answer.text)
        return answer

    def logs(
        self, about: dict[str, Any], first: int, last: int | None, read: Callable[[Any], list[T]],
        branch: tuple[int, str] | None = None,
    ) -> list[T]:  # fmt: skip
        """All events of a filter from block `first` to `last`, or to the head, as `read` has those of a question.

        They are asked for at once, unless the node bounds the range of a question: then in pieces that it takes.

        Args:
            branch: a block that whoever answers must have; a node without it is not asked for long.

        Raises:
            NodeRefused: it does not answer for a single block.
        """
        asked, beside = [0], list[Request]()
        if branch is not None:
            beside.append(("eth_getBlockByNumber", [hex(branch[0]), False]))

        def taken(answers: list[Any]) -> list[Any]:
            answer, *others = answers
            self._require_final(others)
            if branch is not None and hash_of(others[0]) != branch[1]:
                raise NodeUnreachable("the node answers for another branch")
            return [answer if isinstance(answer, Refused) else read(answer)]

        def answered(request: Request) -> list[Any]:
            asked[0] += 1
            if asked[0] % SAID_EVERY == 0:
                self.notice.say(f"reads events, from block {int(request[1][0]['fromBlock'], 16):,} on now, to {last:,}")
            start = self.clock.now()

            def settled(answers: list[Any]) -> list[Any]:
                (found,) = taken(answers)
                if isinstance(found, Refused) and not self.wire.certain and self.clock.now() < start + REFUSED:
                    _require_had(found, request, last)
                return [found]

            return self._insist([request, *beside], settled, inf if branch is None else BEHIND)

        if last is None and not self._ranges.is_limited:
            (found,) = self._insist([("eth_getLogs", [about | {"fromBlock": hex(first)}])], taken)
            if not isinstance(found, Refused):
                return list(found)
        last = self.height() if last is None else last
        found = all_logs(self._ranges.pieces(about, first, last, lambda request: request), answered)
        if not isinstance(found, list):
            raise NodeRefused("eth_getLogs", found.text)
        return found

    def latest(self) -> tuple[int, str]:
        """Number and hash of the latest block; `newest` has them until it is asked for again."""
        block, self.parent = self.ask("eth_getBlockByNumber", ["latest", False], _block_and_parent)
        self.newest, now = block, self.clock.now()
        number, at = self._seen or (block[0], now)
        if block[0] > number:
            self.block_time = (now - at) / (block[0] - number)
        if self._seen is None or block[0] != number:
            self._seen = block[0], now
        return self.newest

    def block(self, number: str) -> tuple[int, str]:
        """Number and hash of a block."""
        block: tuple[int, str] = self.ask("eth_getBlockByNumber", [number, False], _block_and_parent)[0]
        return block

    @property
    def mines_at_once(self) -> bool:
        """Whether blocks come when transactions do, and no others: a development node says so."""
        return self.exchange([("hardhat_getAutomine", [])]) == [True]  # Anvil's too

    def height(self) -> int:
        """The number of the latest block."""
        height: int = self.ask("eth_blockNumber", [], as_int)
        return height

    def code(self, address: bytes, block: str = "latest") -> bytes:
        """The code at an address, after a block."""
        code: bytes = self.ask("eth_getCode", [checksummed(address), block], as_bytes)
        return code

    def call(
        self, method: str, to: bytes, data: bytes, block: StateAt = "latest", read: Callable[[Any], Any] = as_bytes
    ) -> Any:
        """What a view returns, as `read` has it, which may find it garbled. Raises `TransactionReverted`."""
        request = {"from": checksummed(bytes(20)), "to": checksummed(to), "data": as_hex(data)}
        answer = self.attempt(request, block, read)
        if isinstance(answer, Refused):
            raise refusal(method, answer)
        return answer

    def attempt(self, transaction: dict[str, Any], block: StateAt, read: Callable[[Any], Any] = as_bytes) -> Any:
        """What a call gives on a block: its result as `read` has it, or the `Refused` that the contract answers with.

        A block of a certain number is not asked for long: it may be gone.
        """
        number, digest = self.head or (0, b"")
        pinned = block == hex(number) and self.head is not None and not self.wire.certain
        if isinstance(block, tuple):
            pinned, number, digest, block = True, block[0], as_bytes(block[1]), hex(block[0])
        requests: list[Request] = [("eth_call", [transaction, block])]
        if pinned:
            requests.append(("eth_getBlockByNumber", [block, False]))
        elif block == "latest" and not self.wire.certain:
            requests.append(("eth_blockNumber", []))
        clock = self.clock
        start = clock.now()

        def taken(answers: list[Any]) -> Any:
            answer, *beside = answers
            by_contract = isinstance(answer, Refused) and answer.data is not None
            if by_contract:
                refusal("eth_call", answer)
            self._require_final(beside if by_contract else answers)
            result = answer if isinstance(answer, Refused) else read(answer)
            if pinned and as_bytes(field(beside[0], "hash")) != digest:
                raise NodeUnreachable("the node answers for another branch")
            if beside and not pinned and as_int(beside[0]) < number and clock.now() - start < BEHIND:
                raise NodeUnreachable("the node is behind")
            return result

        return self._insist(requests, taken, inf if block == "latest" else BEHIND)

    def _require_final(self, answers: list[Any], method: str = "eth_call") -> None:
        """Raise `NodeRefused` for a refusal that is hearsay: of a node elsewhere."""
        refused = next((answer for answer in answers if isinstance(answer, Refused)), None)
        if refused is not None and not self.wire.certain:
            raise NodeRefused(method, refused.text)

    def _insist(
        self, requests: Sequence[Request], taken: Callable[[list[Any]], T], at_most: float = inf
    ) -> T:
        """What `taken` makes of the answers; where it raises `NodeUnreachable`, they are asked for again."""
        delivery, clock = self._delivery, self.clock
        start, patience = clock.now(), RetryBudget(min(delivery.patience, at_most), delivery.is_over, clock)
        with self.stopwatch("evm"):
            while True:
                identity = self.identity if self._doubtful else None
                why: NodeUnreachable | ForeignChain
                try:
                    answers = self.answered(self.post([*IDENTITY, *requests] if identity else requests))
                    if identity:
                        require_chain(identity, chain_in(answers[: len(IDENTITY)]))
                        self._doubtful, answers = False, answers[len(IDENTITY) :]
                    result = taken(answers)
                    self.notice.over()
                    return result
                except (NodeUnreachable, ForeignChain) as error:
                    why = error
                if clock.now() > start + SILENT and at_most > SILENT:  # a first contact has an error alone
                    self.notice.waiting(why)
                patience.wait(why)

    def post(self, requests: Sequence[Request]) -> Posted:
        """Start an exchange."""
        return Posted(self.wire.post(requests), self.clock.now())

    def answered(self, posted: Posted) -> list[Any]:
        """What comes of an exchange, which may hang until its time is over. Raises `NodeUnreachable`."""
        try:
            answers = awaited(posted.answers, self.wire, self.notice)
        except NodeUnreachable:
            self._doubtful, self._lost = True, posted.began
            raise
        self._heard = posted.began, self.clock.now()
        return answers

    @property
    def is_silent(self) -> bool:
        """Whether the last exchange was lost and none answered for a second: an older one may end after a later one."""
        began, ended = self._heard
        return self._lost > began and self.clock.now() > ended + SILENT


def _require_had(refused: Refused, question: Request, head: int | None) -> None:
    """Raise `NodeUnreachable` for a refusal of events that a node may have in a while, as one that is behind."""
    about = question[1][0]
    first, last = int(about["fromBlock"], 16), int(about["toBlock"], 16)
    if says_behind(refused.text) and is_of_any_range(refused, last - first + 1):
        raise NodeUnreachable("the node is behind")
    if first == last == head:
        raise NodeRefused("eth_getLogs", refused.text)


def _block_and_parent(block: Any) -> tuple[tuple[int, str], str]:
    own = as_int(field(block, "number")), hash_of(block)
    return own, as_hex(as_bytes(block["parentHash"])) if "parentHash" in block else ""


def chain_in(answers: list[Any]) -> tuple[int, str]:
    """Chain id and genesis hash in the answers to `IDENTITY`. Raises `NodeUnreachable`."""
    for answer in answers:
        if isinstance(answer, Refused) or not answer:
            raise NodeUnreachable(answer.text if isinstance(answer, Refused) else "it does not say which chain it is")
    return as_int(answers[0]), hash_of(answers[1])


def refusal(method: str, refused: Refused) -> TransactionReverted:
    """The contract's error in a node's refusal; "Rejected" where the node itself refused. Raises `NodeGarbled`."""
    data = refused.data
    if data is None:
        return TransactionReverted(method, "Rejected", (refused.text,))
    if data == b"":
        return TransactionReverted(method, "Malformed", ())  # the decoder of calldata reverts without a message
    error = _ERRORS.get(data[:4])
    if error is None:
        return TransactionReverted(method, "Unexplained", (data,))
    return TransactionReverted(method, error.name, as_decoded(error.decode_inputs, data[4:]))


def as_decoded(decode: Callable[[bytes], Any], data: bytes) -> Any:
    """What the data say by a decoder of ours. Raises `NodeGarbled`."""
    try:
        return decode(data)
    except (DecodingError, Malformed, ValueError, OverflowError) as error:
        raise NodeGarbled("what the contract says", as_hex(data)) from error
