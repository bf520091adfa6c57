"""Follower of the events on a chain: one that was reorganised, or that garbles its answers, too."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from eth_abi.abi import encode

from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.errors import NodeGarbled, NodeRefused, NodeUnreachable
from chain_bandit.chain.retry_budget import MONOTONIC, Clock
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.wire import Refused, Request
from chain_bandit.nodes.environment import ReceiptsLost, require_receipts
from chain_bandit.nodes.follower import DEEPEST, Follower
from chain_bandit.nodes.receipts import KeptReceipts
from chain_bandit.nodes.sign_once import SignedJournal
from chain_bandit.protocol.blocks import Kind, Record
from chain_bandit.protocol.ledger import Ledger, after_burn_in_round, after_record, opening, records_made
from chain_bandit.stopwatch import Stopwatch
from tests.unit.audit.played_game import PARAMETERS, Played, Script

GAMES = {
    "reports of all": (Script(), True),
    "only by deadlines": (Script(kind=lambda t: "late"), False),
    "reports of as many as may be malicious": (Script(reporters=lambda t: (0, 3)), False),
}


@pytest.mark.parametrize("game", GAMES)
def test_an_environment_without_receipts_has_lost_some_only_where_somebody_honest_reported(game, tmp_path):
    """One that died before its first receipt finds rounds that were let pass by their deadlines."""
    script, reported = GAMES[game]
    played = Played(script)
    follower = Follower(played.contract, played.history.origin.first_block)
    assert follower.opening() is not None
    kept = KeptReceipts(tmp_path / "receipts.jsonl")
    journal = SignedJournal(tmp_path / "signed.jsonl", bytes(32), bytes(20))
    assert follower.has_reports(PARAMETERS) == reported
    if reported:
        with pytest.raises(ReceiptsLost, match="lacks 3 receipts"):
            require_receipts(kept, journal, PARAMETERS.burn_in, reported)
    else:
        require_receipts(kept, journal, PARAMETERS.burn_in, reported)


# --- reorganisations and garbled answers: a chain of events alone

EVENTS = chain_bandit_artifact().members("event")
SKIP, SUBMIT = (chain_bandit_artifact().members("function")[name] for name in ("skipAfterDeadline", "submitBlocks"))
GAME = b"\x22" * 20
BURNT_IN = opening(PARAMETERS, b"g" * 32, b"s" * 32, (1,) * PARAMETERS.participants)
while BURNT_IN.round < PARAMETERS.burn_in:
    BURNT_IN = after_burn_in_round(PARAMETERS, BURNT_IN)


class EventChain:
    """Events in blocks, and skips as their transactions; `garble` is how its next answer is changed.

    It refuses questions for events of more than `span` blocks.
    """

    certain = False

    def __init__(self, span: int | None = None) -> None:
        self.span = span
        self.blocks: dict[int, list[dict[str, Any]]] = {}
        self.branch, self.height, self.asked = 0, 200, list[str]()
        self.garble: Callable[[str, Any], Any] = lambda method, answer: answer

    def put(self, block: int, name: str, *values: object, by: int = 1) -> None:
        data = encode(EVENTS[name].inputs, values)
        self.blocks.setdefault(block, []).append({
            "address": "0x" + GAME.hex(), "topics": ["0x" + EVENTS[name].topic.hex()], "data": "0x" + data.hex(),
            "transactionHash": f"0x{by:064x}",
        })  # fmt: skip

    def reorganise(self) -> None:
        """All blocks are others, without events."""
        self.blocks, self.branch = {}, self.branch + 1

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        return [self._answer(*request) for request in requests]

    def post(self, requests: Sequence[Request]) -> "Future[list[Any]]":
        said: Future[list[Any]] = Future()
        said.set_result(self.exchange(requests))
        return said

    def _answer(self, method: str, parameters: Sequence[Any]) -> Any:
        self.asked.append(method)
        answer: Any = hex(self.height)
        if method == "eth_getLogs":
            first, last = int(parameters[0]["fromBlock"], 16), int(parameters[0].get("toBlock", hex(self.height)), 16)
            if self.span is not None and last - first + 1 > self.span:
                return Refused(f"exceed maximum block range: {self.span}" if self.span else "block range is too wide")
            answer = [
                log | {"blockNumber": hex(block), "blockHash": f"0x{self.branch:032x}{block:032x}", "logIndex": hex(at)}
                for block, logs in sorted(self.blocks.items()) if first <= block <= last for at, log in enumerate(logs)
            ]  # fmt: skip
        elif method == "eth_getBlockByNumber":
            put = sum(map(len, self.blocks.values()))
            answer = {"number": hex(self.height), "hash": f"0x{self.branch:032x}{put:016x}{self.height:016x}"}
        elif method == "eth_getTransactionByHash":
            answer = {"input": "0x" + SKIP.encode(0).hex()}
        return self.garble(method, answer)


def skipped(ledger: Ledger) -> tuple[tuple[int, int, bytes], Ledger]:
    """What the contract says of a round that a deadline ended, and what is left."""
    made = records_made(PARAMETERS, ledger, Record(ledger.round, Kind.SKIP))
    for record in made:
        ledger = after_record(PARAMETERS, ledger, record)
    return (made[-1].round, int(made[-1].kind), ledger.head), ledger


def followed(
    chain: EventChain, confirmations: int = 1, patience: float = 5.0, clock: Clock = MONOTONIC
) -> Follower:
    rpc = Rpc(chain, Stopwatch(), TransactionPolicy(patience=patience, clock=clock))
    contract: Any = SimpleNamespace(rpc=rpc, address=GAME)
    return Follower(contract, 1, confirmations)


def given(follower: Follower, ledger: Ledger) -> Ledger:
    """After all records that the follower has, each of its round."""
    while (found := follower.next(PARAMETERS, ledger)) is not None:
        assert found.record.round == ledger.round
        ledger = after_record(PARAMETERS, ledger, found.record)
    return ledger


@pytest.mark.parametrize("later", [-1, 0, 1, 40])
@pytest.mark.parametrize("by", [1, 2])
def test_a_record_that_a_reorganisation_brings_again_is_given_once(later, by):
    """In the block of before, or one beside it, by the same transaction or by another of what it said."""
    chain, (first, after) = EventChain(), skipped(BURNT_IN)
    chain.put(100, "Recorded", *first)
    follower = followed(chain)
    assert given(follower, BURNT_IN) == after
    chain.reorganise()
    assert given(follower, after) == after
    chain.put(100 + later, "Recorded", *first, by=by)
    assert given(follower, after) == after
    second, last = skipped(after)
    chain.put(150, "Recorded", *second, by=3)
    assert given(follower, after) == last


@pytest.mark.parametrize("confirmations", [1, 5])
def test_what_a_reorganisation_puts_below_the_last_event_is_read(confirmations):
    chain, (first, after) = EventChain(), skipped(BURNT_IN)
    chain.put(100, "Voided", 1, BURNT_IN.round, 0)
    chain.put(100, "Recorded", *first)
    follower = followed(chain, confirmations)
    assert given(follower, BURNT_IN) == after
    chain.reorganise()
    chain.put(99, "Accused", 2, BURNT_IN.round + 3, by=2)
    chain.put(100, "Accused", 3, BURNT_IN.round + 3, by=3)
    chain.put(100, "Voided", 1, BURNT_IN.round, 0)
    chain.put(100, "Recorded", *first)
    assert given(follower, after) == after
    assert follower.accusations == {2: BURNT_IN.round + 3, 3: BURNT_IN.round + 3}
    assert follower.proofs == {1: 1}


def test_what_was_read_is_lacking_where_a_branch_has_it_not_or_has_something_else():
    """Found by schedule 2470: a round that was approved is skipped on the branch. Costs may not be settled there."""
    chain, (first, after) = EventChain(), skipped(BURNT_IN)
    chain.put(90, "Joined", 0, "0x" + "11" * 20)
    follower, records, asked = followed(chain), [9], list[object]()
    follower._contract.next_round = lambda at: asked.append(at) or records[0]  # type: ignore[method-assign]

    def lacking() -> str | None:
        return follower.lacks(follower._rpc.latest())

    assert given(follower, BURNT_IN) == BURNT_IN
    chain.reorganise()
    assert lacking() is None, "nobody was given anything"
    chain.put(91, "Opened", b"g" * 32)
    chain.put(100, "Recorded", *first)
    chain.put(101, "CostsSettled", 5, 1)
    assert given(follower, BURNT_IN) == after
    tip = follower._rpc.latest()
    assert follower.lacks(tip) is None
    chain.reorganise()
    records[0] = 1
    assert asked == [tip], "of the branch of that block, and no other"
    assert lacking() == f"its last record is of round 0, not {first[0]}", "by its number"
    records[0] = 9
    assert lacking() == "its event Opened, which was read, is gone"
    chain.put(93, "Opened", b"g" * 32)
    chain.put(120, "Recorded", first[0], first[1] ^ 1, first[2])
    assert lacking() == f"its event Recorded of round {first[0]}, which was read, is gone"
    assert given(follower, after) == after, "another one's record of that round"
    chain.put(121, "Recorded", *first)
    assert lacking() == "its event CostsSettled, which was read, is gone"
    chain.put(122, "CostsSettled", 5, 1, by=2)
    assert lacking() is None
    assert given(follower, after) == after
    chain.blocks[120].clear()
    assert lacking() is None, "what another branch recorded was never given"
    assert follower.lacks((100, "0x")) is None, "a node that lags has blocks to come"
    gone = 200, "0x" + "77" * 32
    with pytest.raises(NodeUnreachable, match="for another branch"):
        follower.lacks(gone)


def test_every_block_that_events_were_read_of_is_told_once():
    chain, (first, after) = EventChain(), skipped(BURNT_IN)
    follower = followed(chain)
    chain.put(100, "Recorded", *first)
    given(follower, BURNT_IN)
    chain.reorganise()
    chain.put(99, "Recorded", *first)
    given(follower, after)
    assert [number for number, _ in follower.unchecked()] == [100, 99]
    given(follower, after)
    assert follower.unchecked() == []


def test_the_last_block_of_each_answer_is_told_where_a_node_bounds_the_range():
    chain = EventChain(10)
    follower = followed(chain)
    for block in (100, 109, 111, 190):
        chain.put(block, "Accused", block, 5)
    given(follower, BURNT_IN)
    assert {111, 190} < {number for number, _ in follower.unchecked()} <= {100, 109, 111, 190}


def test_a_look_at_a_chain_that_is_as_it_was_asks_one_small_question():
    chain, (first, after) = EventChain(), skipped(BURNT_IN)
    chain.put(100, "Recorded", *first)
    now = [0.0]
    follower = followed(chain, clock=Clock(lambda: now[0]))
    given(follower, BURNT_IN)
    look, read = ["eth_getBlockByNumber"], ["eth_getBlockByNumber", "eth_getLogs"]
    for at, asked in ((0, read), (1, read), (2, look), (3.9, look), (4, read), (13.9, look), (14, read), (23, look)):
        now[0] = at
        chain.asked.clear()
        assert follower.next(PARAMETERS, after) is None
        assert chain.asked == asked, at
    chain.reorganise()
    chain.asked.clear()
    assert follower.next(PARAMETERS, after) is None
    assert chain.asked == ["eth_getBlockByNumber", "eth_getLogs", "eth_getLogs"]


def test_the_end_of_a_game_is_asked_for_once_a_block():
    chain, over = EventChain(), list[str]()
    follower = followed(chain)
    follower._contract.is_over = lambda block: bool(over.append(block))
    for _ in range(5):
        assert follower.next(PARAMETERS, BURNT_IN) is None
        assert not follower.is_over()
    assert len(over) == 2
    chain.height += 1
    assert follower.next(PARAMETERS, BURNT_IN) is None
    assert not follower.is_over()
    assert len(over) == 3


@pytest.mark.parametrize("span", [1, 7, 100])
@pytest.mark.parametrize("confirmations", [1, 5])
def test_events_are_read_from_a_node_that_bounds_their_range(span, confirmations):
    chain, (first, after) = EventChain(span), skipped(BURNT_IN)
    chain.put(1, "Accused", 2, BURNT_IN.round + 3, by=2)
    chain.put(190, "Recorded", *first)
    follower = followed(chain, confirmations)
    assert given(follower, BURNT_IN) == after
    assert follower.accusations == {2: BURNT_IN.round + 3}
    assert chain.asked.count("eth_getLogs") <= 10 + 2 * -(-200 // span)
    chain.height = 300
    second, last = skipped(after)
    chain.put(290, "Recorded", *second, by=3)
    assert given(follower, after) == last


def test_a_node_that_refuses_the_events_of_one_block_is_told_in_its_own_words_at_once():
    chain = EventChain(0)
    with pytest.raises(NodeRefused, match=r"refuses eth_getLogs \(block range is too wide\): name another node"):
        given(followed(chain, patience=60.0), BURNT_IN)
    assert chain.asked.count("eth_getLogs") < 12


def test_what_is_known_of_events_is_forgotten():
    chain, ledger = EventChain(), BURNT_IN
    follower = followed(chain)
    for seat in range(100):
        chain.put(100 + seat, "Accused", seat, 5)
        given(follower, ledger)
    assert len(follower.accusations) == 100
    assert len(follower._known) == DEEPEST + 1


def in_logs(**changes: Any) -> Callable[[str, Any], Any]:
    return lambda method, answer: [log | changes for log in answer] if method == "eth_getLogs" else None


def instead_of(asked: str, answer: Any) -> Callable[[str, Any], Any]:
    return lambda method, _: answer if method == asked else None


GARBLED = {
    "a number for logs": instead_of("eth_getLogs", 5),
    "an object for logs": instead_of("eth_getLogs", {"a": 1}),
    "a number for a log": instead_of("eth_getLogs", [5]),
    "a log of nothing": instead_of("eth_getLogs", [{}]),
    "short data": in_logs(data="0x01"),
    "no data": in_logs(data=None),
    "no topics": in_logs(topics=[]),
    "an object for topics": in_logs(topics={"a": 1}),
    "a number for topics": in_logs(topics=5),
    "another contract": in_logs(address="0x" + "11" * 20),
    "a block to come": in_logs(blockNumber=hex(10**9)),
    "a block before the first": in_logs(blockNumber="0x0"),
    "no block": in_logs(blockHash=None),
    "a transaction of nothing": instead_of("eth_getTransactionByHash", {}),
    "another selector": instead_of("eth_getTransactionByHash", {"input": "0xdeadbeef"}),
    "no selector": instead_of("eth_getTransactionByHash", {"input": "0x"}),
    "short calldata": instead_of("eth_getTransactionByHash", {"input": "0x" + SKIP.topic[:4].hex() + "01"}),
    "short blocks": instead_of("eth_getTransactionByHash", {"input": "0x" + SUBMIT.topic[:4].hex() + "01"}),
}


def once(chain: EventChain, garbled: Callable[[str, Any], Any]) -> list[Any]:
    """The first answer that this changes is changed, and no other; it is kept in the list."""
    said: list[Any] = []

    def garble(method: str, answer: Any) -> Any:
        if said or garbled(method, answer) is None:
            return answer
        said.append(garbled(method, answer))
        return said[0]

    chain.garble = garble
    return said


@pytest.mark.parametrize("name", GARBLED)
def test_a_garbled_answer_is_asked_for_again(name):
    chain, (first, after) = EventChain(), skipped(BURNT_IN)
    chain.put(100, "Recorded", *first)
    said = once(chain, GARBLED[name])
    assert given(followed(chain), BURNT_IN) == after
    assert said != []


@pytest.mark.parametrize("name", GARBLED)
def test_garbled_answers_for_ever_are_no_answer(name):
    chain, (first, _) = EventChain(), skipped(BURNT_IN)
    chain.put(100, "Recorded", *first)
    chain.garble = lambda method, answer: answer if (said := GARBLED[name](method, answer)) is None else said
    follower = followed(chain, patience=0.0)
    with pytest.raises(NodeGarbled):
        given(follower, BURNT_IN)
