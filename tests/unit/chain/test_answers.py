"""What a node's answer is taken for."""

import socket
import threading
from time import monotonic

import pytest

from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.wire import HttpWire, Refused
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
