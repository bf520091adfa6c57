"""The auditor before a real node and a proxy that lies in one way: it says so, or that it cannot check; never passed.

The worst liar makes the whole chain anew, so that every hash fits. Then the records give it away, or the hash of the
last block that the auditor kept; a report without one says that it believes the node.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from chain_bandit import runs
from chain_bandit.auditor.report import AuditReport
from chain_bandit.audits import audit_file
from chain_bandit.chain import bounded_response, remote
from chain_bandit.chain.errors import ForeignContract, NodeUnreachable
from chain_bandit.chain.remote import at_url
from chain_bandit.chain_history import collect as collecting
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.collect import collect
from chain_bandit.chain_history.errors import NodeDisagrees
from chain_bandit.chain_history.evm import decode_header, decode_receipt, decode_transaction
from chain_bandit.game.on_chain import opening_balances
from chain_bandit.game.plan import Plan
from chain_bandit.protocol import rlp
from chain_bandit.protocol.digests import keccak
from chain_bandit.runs import history_of_node
from tests.few import few
from tests.integration.faults import Sometimes, error, instead
from tests.integration.live import Anvil, Batch, Fault, Handler, anvil, pause, proxy
from tests.integration.test_bad_node import play, short_game
from tests.unit.audit.forging import Forgery, rehashed

BLOCK, RECEIPT, CODE, HEIGHT, CHAIN = (
    "eth_getBlockByNumber", "eth_getTransactionReceipt", "eth_getCode", "eth_blockNumber", "eth_chainId",
)  # fmt: skip
NO_BLOOM = "0x" + "00" * 256
INVENTED = {"address": "0x" + "11" * 20, "topics": [], "data": "0x"}


@dataclass
class Chain:
    """A game that was played on a node, and a block that the node had before a reorganisation, one below its last."""

    node: Anvil
    contract: bytes
    orphan: dict[str, Any]
    history: History

    @property
    def last(self) -> int:
        return int(self.node.ask(HEIGHT), 16)

    @property
    def head(self) -> bytes:
        return bytes.fromhex(self.node.ask(BLOCK, hex(self.last), False)["hash"][2:])


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    scenario = short_game(3, 14)
    with anvil() as node:
        node.fund(opening_balances(Plan(scenario)))
        recorder, _ = play(node, scenario)
        address, first = recorder.contract.address, recorder.contract.created_in
        assert first is not None
        node.mine(1)
        orphan = node.ask(BLOCK, node.ask(HEIGHT), True)
        node.ask("anvil_reorg", 1, [])
        assert node.ask(BLOCK, orphan["number"], False)["hash"] != orphan["hash"]
        node.mine(1)
        history = collect(at_url(node.url), address, first)
        yield Chain(node, address, orphan, History(history.origin, tuple(history.blocks)))


def audited(
    chain: Chain, fault: Fault, head: bytes | None = None, first: int | None = None, last: int | None = None
) -> AuditReport:
    with proxy(chain.node.url, fault) as url, history_of_node(at_url(url), chain.contract, first, last) as path:
        return audit_file(path, head)


def honest(handler: Handler, batch: Batch) -> bool:
    return False


def tells(method: str, change: Callable[[list[Any], Any], Any]) -> Fault:
    """Answers of one method, changed; as they are where the change gives nothing."""

    def fault(handler: Handler, batch: Batch) -> bool:
        def other(request: dict[str, Any], result: Any) -> Any:
            if request["method"] != method:
                return None
            changed = change(request["params"], result)
            return None if changed is None else {**request, "result": changed}

        return instead(handler, batch, other)

    return fault


def refuses(*methods: str) -> Fault:
    def fault(handler: Handler, batch: Batch) -> bool:
        if batch[0]["method"] not in methods or (batch[0]["params"][1:] == ["latest"] and CODE not in methods):
            return False
        handler.reply([error(request, "missing trie node") for request in batch])
        return True

    return fault


def after(count: int, fault: Fault) -> Fault:
    """From then on."""
    left = [count]

    def later(handler: Handler, batch: Batch) -> bool:
        left[0] -= 1
        return left[0] < 0 and fault(handler, batch)

    return later


def in_receipt(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    return tells(RECEIPT, lambda params, result: {**result, **change(result)})


def in_transaction(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    def changed(params: list[Any], result: Any) -> Any:
        if not params[1] or not result["transactions"]:
            return None
        first, *rest = result["transactions"]
        return {**result, "transactions": [{**first, **change(first)}, *rest]}

    return tells(BLOCK, changed)


def turned(text: str) -> str:
    """Hexadecimal with its last digit changed."""
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def orphan_at_its_height(chain: Chain, when: Callable[[list[Any]], bool] = lambda params: True) -> Fault:
    return tells(BLOCK, lambda params, result: chain.orphan if params[0] == chain.orphan["number"] and when(params)
                 else None)  # fmt: skip


def last_receipt() -> Fault:
    """Every receipt is that of the transaction before."""
    told: list[Any] = []

    def other(params: list[Any], result: Any) -> Any:
        told.append(result)
        return told[-2] if len(told) > 1 else None

    return tells(RECEIPT, other)


def number(value: object) -> Callable[[list[Any], Any], Any]:
    return lambda params, result: value


def old_code(value: str) -> Fault:
    """Of old states; the code of today is as it is."""
    return tells(CODE, lambda params, result: value if params[1] != "latest" else None)


LIES: dict[str, tuple[Callable[[Chain], Fault], type[Exception], str]] = {
    "leaves out all logs": (
        lambda c: in_receipt(lambda r: {"logs": [], "logsBloom": NO_BLOOM}), NodeDisagrees, "receipts root",
    ),
    "invents a log": (
        lambda c: in_receipt(lambda r: {"logs": [*r["logs"], INVENTED]}), NodeDisagrees, "receipts root",
    ),
    "changes what a log says": (
        lambda c: in_receipt(lambda r: {"logs": [{**log, "data": turned(log["data"])} for log in r["logs"]]}),
        NodeDisagrees, "receipts root",
    ),
    "turns a status": (lambda c: in_receipt(lambda r: {"status": "0x0"}), NodeDisagrees, "receipts root"),
    "changes the gas": (
        lambda c: in_receipt(lambda r: {"cumulativeGasUsed": turned(r["cumulativeGasUsed"])}), NodeDisagrees, "root",
    ),
    "gives another's receipt": (lambda c: last_receipt(), NodeDisagrees, "receipts root"),
    "has no receipt": (lambda c: tells(RECEIPT, number("")), NodeDisagrees, "receipt in block"),
    "leaves out a transaction": (
        lambda c: tells(BLOCK, lambda p, b: {**b, "transactions": b["transactions"][1:]}), NodeDisagrees, "root",
    ),
    "changes a transaction": (lambda c: in_transaction(lambda t: {"input": turned(t["input"])}), NodeDisagrees, "hash"),
    "changes a signature": (lambda c: in_transaction(lambda t: {"r": turned(t["r"])}), NodeDisagrees, "hash"),
    "gives hashes for transactions": (
        lambda c: tells(BLOCK, lambda p, b: {**b, "transactions": ["0x" + "11" * 32]}), NodeDisagrees, "transaction",
    ),
    "changes a time": (lambda c: tells(BLOCK, lambda p, b: {**b, "timestamp": "0x1"}), NodeDisagrees, "hash of block"),
    "names a block otherwise": (
        lambda c: tells(BLOCK, lambda p, b: {**b, "hash": "0x" + "11" * 32}), NodeDisagrees, "hash of block",
    ),
    "gives a block of another branch": (lambda c: orphan_at_its_height(c), NodeDisagrees, "parent of block"),
    "gives a block of another height": (
        lambda c: tells(BLOCK, lambda p, b: c.orphan if p[1] else None), NodeDisagrees, "block",
    ),
    "has no such block": (lambda c: after(30, tells(BLOCK, number(""))), NodeDisagrees, "block"),
    "holds no code": (lambda c: tells(CODE, number("0x")), ForeignContract, "0 bytes"),
    "holds other code": (
        lambda c: tells(CODE, lambda p, code: "0x60" + code[4:] if len(code) > 2 else None), ForeignContract,
        "other code",
    ),
    "always held the code": (lambda c: old_code("0x60"), NodeDisagrees, "no transaction that creates it"),
    "held the code only at last": (lambda c: old_code("0x"), NodeDisagrees, "no transaction that creates it"),
    "becomes another chain": (lambda c: after(60, tells(CHAIN, number("0x1"))), NodeDisagrees, "chain id"),
    "is higher than it is": (lambda c: tells(HEIGHT, lambda p, n: hex(int(n, 16) + 1)), NodeDisagrees, "block"),
    "has a height that is none": (lambda c: tells(HEIGHT, number("-0x1")), NodeDisagrees, "answer"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TIMEOUT", 2.0)
    monkeypatch.setattr(remote, "PATIENCE", 0.2)
    monkeypatch.setattr(bounded_response, "MOST_BYTES", 1 << 20)


def test_the_node_itself_passes(chain: Chain) -> None:
    """With everything that the lies use: a proxy, a kept head, no old states, no state at all."""
    report = audited(chain, honest, chain.head)
    assert (report.verdict, report.head_trusted) == ("passed", False)
    assert audited(chain, refuses(CODE), chain.head).as_dict() == report.as_dict()
    only_old = tells(CODE, lambda params, result: None if params[1] == "latest" else 7)
    assert audited(chain, only_old, chain.head).as_dict() == report.as_dict()


def test_a_node_whose_answers_are_garbled_now_and_then_is_asked_again(chain: Chain, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote, "PATIENCE", 20.0)
    faults = Sometimes(["garbled", "garbled_logs", "null_receipts"], 7, spare=2)
    assert audited(chain, faults, chain.head).as_dict() == audited(chain, honest, chain.head).as_dict()
    assert faults.happened > 30


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_told_to_the_node_s_face(chain: Chain, name: str) -> None:
    fault, kind, words = LIES[name]
    with pytest.raises(kind, match=words) as told:
        audited(chain, fault(chain))
    assert told.value.exit_code == 6
    assert len(str(told.value)) < 400


def test_a_node_that_changes_its_mind_about_its_last_block_is_told_so(chain: Chain) -> None:
    """Whole blocks, the last one of another branch when it is read."""
    fault = orphan_at_its_height(chain, lambda params: bool(params[1]))
    with pytest.raises(NodeDisagrees, match="asked for again"):
        audited(chain, fault, last=int(chain.orphan["number"], 16))


MATERIAL = (
    "leaves out all logs", "invents a log", "changes what a log says", "turns a status", "changes the gas",
    "gives another's receipt", "leaves out a transaction", "changes a transaction", "changes a signature",
)  # fmt: skip


@pytest.mark.parametrize("name", MATERIAL)
def test_what_collecting_would_let_by_the_audit_finds(
    chain: Chain, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: nothing is held against its hash while it comes in, and the first block is taken on trust.
    The audit recomputes all of it."""
    monkeypatch.setattr(collecting, "agree", lambda *told: None)
    monkeypatch.setattr(runs, "creation", lambda *asked: asked)
    report = audited(chain, LIES[name][0](chain), first=chain.history.origin.first_block)
    assert report.verdict == "violated"
    assert report.violations[0].check.startswith("chain.")


@pytest.mark.parametrize("chain_id", ["0x1", "0x0"])
def test_a_node_that_is_always_of_another_chain_is_found_by_the_signatures(chain: Chain, chain_id: str) -> None:
    report = audited(chain, tells(CHAIN, number(chain_id)))
    assert [item.check for item in report.violations] == ["chain.transactions"]


@pytest.mark.parametrize("missing", [2, 8, 20])
def test_a_node_that_hides_its_last_blocks_is_not_believed_to_be_at_the_end(chain: Chain, missing: int) -> None:
    created = chain.history.origin.first_block  # how many blocks there are is Anvil's, which mines some calls together
    low = tells(HEIGHT, lambda params, result: hex(max(int(result, 16) - missing, created)))
    assert audited(chain, low, chain.head).verdict == "violated"
    if missing > 8:
        assert audited(chain, low).verdict == "incomplete"


def sends(data: bytes, *headers: tuple[str, str], step: int = 1 << 16, slow: float = 0.0, times: int = 1) -> Fault:
    """Bytes of its own, in parts."""

    def fault(handler: Handler, batch: Batch) -> bool:
        handler.close_connection = True
        handler.send_response(200)
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        with suppress(OSError):
            for _ in range(times):
                for at in range(0, len(data), step):
                    handler.wfile.write(data[at : at + step])
                    handler.wfile.flush()
                    pause(slow)
        return True

    return fault


def answer(text: str) -> bytes:
    return b'{"jsonrpc":"2.0","id":0,"result":' + text.encode() + b"}"


WIRE: dict[str, tuple[Fault, tuple[type[Exception], ...]]] = {
    "half an answer": (sends(answer('"0x1"')[:-3]), (NodeUnreachable,)),
    "less than it said": (sends(answer('"0x1"'), ("Content-Length", "99")), (NodeUnreachable,)),
    "an endless answer": (sends(b" " * (1 << 16), times=10_000), (NodeUnreachable,)),
    "an answer a byte at a time": (sends(b" " * 10_000, slow=0.01, step=1), (NodeUnreachable,)),
    "a packed answer of any size": (
        sends(gzip.compress(b" " * (1 << 26)), ("Content-Encoding", "gzip")), (NodeUnreachable,),
    ),
    "a deep answer": (sends(answer("[" * 100_000 + "]" * 100_000)), (NodeUnreachable,)),
    "a deep answer that can be read": (sends(answer("[" * 900 + "]" * 900)), (NodeUnreachable, NodeDisagrees)),
    "not a number": (sends(answer("NaN")), (NodeDisagrees,)),
    "a number of any size": (sends(answer("1" * 100_000)), (NodeUnreachable,)),
    "a number that needs a page": (sends(answer("1" * 4_000)), (NodeDisagrees,)),
    "the answer to another question": (sends(b'{"jsonrpc":"2.0","id":2,"result":"0x1"}'), (NodeUnreachable,)),
    "a list of answers": (sends(b"[" + answer('"0x1"') + b"]"), (NodeUnreachable,)),
    "an error that is none": (sends(b'{"jsonrpc":"2.0","id":0,"error":7}'), (NodeUnreachable,)),
    "an error of any size": (
        sends(b'{"jsonrpc":"2.0","id":0,"error":{"code":1,"message":"' + b"x" * 500_000 + b'"}}'), (NodeUnreachable,),
    ),
    "neither result nor error": (sends(b'{"jsonrpc":"2.0","id":0}'), (NodeUnreachable,)),
    "nothing": (sends(b""), (NodeUnreachable,)),
    "another place": (lambda handler, batch: not handler.reply(b"", 307), (NodeUnreachable,)),
}  # fmt: skip


@pytest.mark.parametrize("start", few([0, 3, 40], 3))
@pytest.mark.parametrize("name", WIRE)
def test_what_is_no_answer_ends_the_audit_in_a_sentence(chain: Chain, name: str, start: int) -> None:
    fault, kinds = WIRE[name]
    with pytest.raises((*kinds, NodeUnreachable) if start < 3 else kinds) as told:
        audited(chain, after(start, fault))
    assert told.value.exit_code in (5, 6)
    assert len(str(told.value)) < 600


@pytest.mark.parametrize(
    ("name", "timeout", "most", "words"),
    [("an endless answer", 300.0, 1 << 20, "of more than 1,048,576 bytes"),
     ("an answer a byte at a time", 0.5, 1 << 40, "that takes too long")],
)  # fmt: skip
def test_each_bound_of_an_answer_holds_without_the_other(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, name: str, timeout: float, most: int, words: str
) -> None:
    monkeypatch.setattr(remote, "TIMEOUT", timeout)
    monkeypatch.setattr(bounded_response, "MOST_BYTES", most)
    with pytest.raises(NodeUnreachable, match=words):
        audited(chain, WIRE[name][0])


def serving(forged: History) -> Fault:
    """A node whose chain is another: every hash fits."""
    blocks = {decode_header(block.header).number: block for block in forged.blocks}
    receipts = {
        keccak(raw): decode_receipt(receipt)
        for block in forged.blocks for raw, receipt in zip(block.transactions, block.receipts, strict=True)
    }  # fmt: skip
    fields = {"parentHash": 0, "transactionsRoot": 4, "receiptsRoot": 5, "logsBloom": 6}

    def block(params: list[Any], result: Any) -> Any:
        mine = blocks.get(int(params[0], 16))
        if mine is None:
            return None
        header = rlp.decode(mine.header)
        hashes = {"0x" + keccak(raw).hex() for raw in mine.transactions}
        kept = [each for each in result["transactions"] if not params[1] or each["hash"] in hashes]
        return result | {
            **{name: "0x" + header[at].hex() for name, at in fields.items()},
            "gasUsed": hex(int.from_bytes(header[10], "big")), "hash": "0x" + keccak(mine.header).hex(),
            "transactions": kept,
        }  # fmt: skip

    def receipt(params: list[Any], result: Any) -> Any:
        mine = receipts[bytes.fromhex(params[0][2:])]
        return result | {
            "logs": [
                {"address": "0x" + log.address.hex(), "topics": ["0x" + topic.hex() for topic in log.topics],
                 "data": "0x" + log.data.hex()}
                for log in mine.logs
            ],
        }  # fmt: skip

    blocks_told, receipts_told = tells(BLOCK, block), tells(RECEIPT, receipt)

    def fault(handler: Handler, batch: Batch) -> bool:
        return (blocks_told if batch[0]["method"] == BLOCK else receipts_told)(handler, batch)

    return fault


def one_more(data: bytes) -> bytes:
    return (int.from_bytes(data, "big") + 1).to_bytes(len(data), "big")


FORGED: dict[str, tuple[Callable[[Forgery], None], str]] = {
    "a record that nobody heard of": (lambda f: f.event("Recorded", 2, lambda data: None), "record.events"),
    "another head of the records": (lambda f: f.event("Recorded", 2, one_more), "record.links"),
    "a payment of one wei more": (lambda f: f.event("Withdrawn", 1, one_more), "money.balances"),
    "another hidden cost": (lambda f: f.event("Revealed", 0, one_more), "reveal.cost"),
    "another genesis": (lambda f: f.event("Opened", 0, one_more), "game.genesis"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_chain_that_is_made_anew_is_found_by_its_records_and_by_the_kept_head(chain: Chain, name: str) -> None:
    change, check = FORGED[name]
    forgery = Forgery(chain.history, {})
    change(forgery)
    fault = serving(forgery.made())
    assert check in {item.check for item in audited(chain, fault).violations}
    assert "chain.head" in {item.check for item in audited(chain, fault, chain.head).violations}


def test_only_the_kept_head_tells_of_what_a_new_chain_leaves_out(chain: Chain) -> None:
    """A withdrawal that never came: a chain without it would look like that. The report says whom it believes."""
    forgery = Forgery(chain.history, {})
    fields, transactions, receipts = forgery.blocks[forgery.block_of("withdraw", 2)]
    assert decode_transaction(transactions[0]).data == keccak(b"withdraw()")[:4]
    fields[10], transactions[:], receipts[:] = b"", [], []
    fault = serving(History(chain.history.origin, rehashed(forgery.blocks)))
    believed = audited(chain, fault)
    assert believed.head_trusted
    assert json.loads(believed.json())["head_trusted"]
    assert "chain.head" in {item.check for item in audited(chain, fault, chain.head).violations}
