"""Reading of a node's answers."""

import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from time import monotonic
from typing import Any

import pytest

from chain_bandit.chain.answers import as_int
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.contract import Contract
from chain_bandit.chain.errors import (
    ForeignChain,
    ForeignContract,
    NodeGarbled,
    NodeUnreachable,
    TransactionReverted,
)
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.identity import require_chain
from chain_bandit.chain.retry_budget import MONOTONIC, Clock
from chain_bandit.chain.rpc import Rpc, chain_in
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.wire import HttpWire, Refused, Request
from chain_bandit.stopwatch import Stopwatch
from tests.integration.rpc_server import answering

ASKED = [("eth_chainId", ())]


@pytest.mark.parametrize("number", [b"", b',"id":null', b',"id":7', b',"id":0'])
def test_an_error_is_told_in_the_nodes_words_whatever_number_it_has(number):
    with answering(b'{"jsonrpc":"2.0","error":{"code":-32000,"message":"no money"}' + number + b"}") as url:
        (refused,) = HttpWire(url, 5.0).post(ASKED).result()
    assert isinstance(refused, Refused)
    assert refused.text == "no money"


STRANGE = [b"<html>", b"", b"[]", b"7", b"null", b'{"id":7,"result":"0x1"}', b'{"id":0}', b'{"id":0,"error":3}']


@pytest.mark.parametrize("body", STRANGE)
def test_what_is_no_answer_is_called_that(body):
    with answering(body) as url, pytest.raises(NodeUnreachable, match="its answer is not JSON-RPC"):
        HttpWire(url, 5.0).post(ASKED).result()


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "begins",
    [OK + b"X: ", OK + b"Transfer-Encoding: chunked\r\n\r\n1;", OK + b"Content-Length: 9999\r\n\r\n"],
)
def test_an_answer_that_trickles_in_ends_with_its_time(begins):
    """Each byte comes in time for the socket."""
    over = threading.Event()

    def trickle() -> None:
        line, _ = server.accept()
        with line:
            line.recv(1 << 16)
            line.sendall(begins)
            while not over.wait(0.05):
                try:
                    line.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle)
        thread.start()
        began = monotonic()
        try:
            with pytest.raises(NodeUnreachable):
                HttpWire(f"http://127.0.0.1:{server.getsockname()[1]}", 0.3).post(ASKED).result(5.0)
            assert monotonic() - began < 3.0
        finally:
            over.set()
            thread.join()


class Saying:
    """A node that answers one method by these words, the last of them for ever, and is at block 9."""

    certain = False

    def __init__(self, method: str, *words: Any) -> None:
        self._method, self._words, self.asked = method, list(words), list[str]()

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        self.asked.extend(method for method, _ in requests)
        return [self._word() if method == self._method else "0x9" for method, _ in requests]

    def post(self, requests: Sequence[Request]) -> "Future[list[Any]]":
        said: Future[list[Any]] = Future()
        said.set_result(self.exchange(requests))
        return said

    def _word(self) -> Any:
        return self._words.pop(0) if len(self._words) > 1 else self._words[0]


class Mining(Saying):
    """A development node that takes so long for a block; answers to some of its minings are lost."""

    def __init__(self, seconds: float, lost: Sequence[int]) -> None:
        super().__init__("")
        self._seconds, self._lost, self.height = seconds, lost, 9
        self.time, self.took = 0.0, list[float]()

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        mined = sum(method == "evm_mine" for method, _ in requests)
        if not mined:
            return [hex(self.height)]
        self.took.append(mined * self._seconds)
        self.height, self.time = self.height + mined, self.time + self.took[-1]
        if len(self.took) in self._lost:
            raise NodeUnreachable("lost")
        return ["0x0"] * mined

    def post(self, requests: Sequence[Request]) -> "Future[list[Any]]":
        said: Future[list[Any]] = Future()
        try:
            said.set_result(self.exchange(requests))
        except NodeUnreachable as error:
            said.set_exception(error)
        return said

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def at(line: Saying) -> HttpNode:
    """A client of the node that is patient where it has a clock."""
    node = HttpNode.__new__(HttpNode)
    clock = Clock(lambda: line.time, line.sleep) if isinstance(line, Mining) else MONOTONIC
    node.delivery = TransactionPolicy(patience=60.0 if isinstance(line, Mining) else 0.0, clock=clock)
    node.rpc = Rpc(line, Stopwatch(), node.delivery)
    return node


def contract(line: Saying, patience: float) -> Contract:
    made = Contract.__new__(Contract)
    made.rpc, made.address = Rpc(line, Stopwatch(), TransactionPolicy(patience=patience)), bytes(20)
    made._creation = None
    made._functions = chain_bandit_artifact().members("function")
    return made


WORD = "0x" + bytes(31).hex() + "07"
SHORT = ["0x01", "0x" + bytes(31).hex(), "0xzz", 7, None]
CUT = [Refused("execution reverted", bytes.fromhex("08c379a0") + rest) for rest in (b"\1", bytes(64), b"\xff" * 96)]


@pytest.mark.parametrize("garbled", [*SHORT, *CUT], ids=str)
def test_a_view_that_is_garbled_is_asked_for_again(garbled):
    assert contract(Saying("eth_call", garbled, WORD), 5.0)._view("nextRound") == 7
    with pytest.raises(NodeGarbled):
        contract(Saying("eth_call", garbled), 0.0)._view("nextRound")


def test_a_view_of_nothing_is_another_contract_and_a_whole_refusal_the_contracts():
    with pytest.raises(ForeignContract):
        contract(Saying("eth_call", "0x"), 0.0)._view("nextRound")
    with pytest.raises(TransactionReverted, match="Panic"):
        contract(Saying("eth_call", Refused("", bytes.fromhex("4e487b71") + bytes(32))), 0.0)._view("nextRound")


def test_an_accusation_that_is_none_of_the_contracts_is_as_good_as_no_answer():
    game = Coordinator.__new__(Coordinator)
    game._accused, game._accusations = chain_bandit_artifact().members("event")["Accused"], {}
    game._take_accusations([(bytes(32), b"\1")])
    with pytest.raises(NodeGarbled):
        game._take_accusations([(game._accused.topic, b"\1")])
    assert not game.accusations()


@pytest.mark.parametrize("refused", [Refused("not on your plan"), Refused("no such method", unknown_method=True)])
def test_a_node_that_refuses_to_mine_is_not_hurried(refused):
    line = Saying("evm_mine", refused)
    at(line).hurry(3)
    assert line.asked == ["eth_blockNumber", "eth_blockNumber", "evm_mine"]


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.3, 5.0])
@pytest.mark.parametrize("lost", [(), (1,), (2, 3, 4), range(1, 40, 2)])
def test_a_node_mines_no_more_than_is_asked_though_answers_are_lost(lost, seconds):
    line = Mining(seconds, lost)
    at(line).hurry(300)
    assert line.height == 9 + 300
    assert max(line.took) <= seconds, "no answer comes so late that it is lost, and none is to a part of a batch"


@pytest.mark.parametrize(
    "garbled", ["12", "0x", "", "0x1_0", " 0x1", "-0x1", "0x1\n", "0x" + 65 * "1", True, 1.0, None, -1]
)
def test_what_is_no_quantity_is_not_read_as_one(garbled):
    assert (as_int("0x12"), as_int("0xfF"), as_int(18)) == (18, 255, 18)
    with pytest.raises(NodeGarbled):
        as_int(garbled)


@pytest.mark.parametrize(("found", "said"), [((8, "0x01"), "chain id is 8, recorded was 7"),
                                             ((7, "0x02"), "genesis hash is 0x02, recorded was 0x01")])  # fmt: skip
def test_another_chain_is_told_by_the_names_that_files_have(found, said):
    answers = [hex(found[0]), {"hash": found[1]}]
    require_chain(found, chain_in(answers))
    with pytest.raises(ForeignChain, match=said):
        require_chain((7, "0x01"), chain_in(answers))
