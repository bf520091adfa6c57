"""What a node's answer is taken for."""

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
