"""Limits of a node's provider: batches are split, requests paced, refusals read, and the node's sentence is kept."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest

from chain_bandit.chain.errors import NodeUnreachable, RateLimited
from chain_bandit.chain.log_ranges import LogRanges, all_logs
from chain_bandit.chain.provider_limits import (
    LONGEST_RETRY,
    UNBOUNDED,
    AcceptedSize,
    RequestPacer,
    is_rate_limit,
    retry_after,
    stated_span,
)
from chain_bandit.chain.remote import at_url
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.chain.wire import DOUBTED, LIMITED, HttpWire, Refused, Request
from tests.integration.live import Batch, Fault, Handler, proxy
from tests.integration.rpc_server import answering
from verification.hostile_provider import WORDS, ProviderLimits, provided

ASKED = [("eth_getBlockByNumber", [hex(number), False]) for number in range(33)]
EVENTS = [("eth_getLogs", [{"fromBlock": "0x0", "toBlock": hex(5000)}])]
RATE = {"jsonrpc": "2.0", "id": None, "error": {"code": -32005, "message": "daily request count exceeded"}}


class VirtualTime:
    """A clock that a pause puts forward."""

    def __init__(self) -> None:
        self.time, self.pauses = 0.0, list[float]()
        self.clock = Clock(lambda: self.time, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.time += seconds
        self.pauses.append(seconds)


class Echo:
    """A node that answers each request with its first parameter, and refuses by script."""

    def __init__(self, refuse: Fault) -> None:
        self.sizes = list[int]()
        self._refuse = refuse

    def __call__(self, handler: Handler, batch: Batch) -> bool:
        self.sizes.append(len(batch))
        if not self._refuse(handler, batch):
            handler.reply([{"jsonrpc": "2.0", "id": each["id"], "result": each["params"][0]} for each in batch])
        return True


def raw(handler: Handler, text: bytes, status: int = 200, **headers: str) -> bool:
    handler.reply(text, status, headers=headers)
    return True


def batch_limit(most: int, status: int = 200, text: bytes | None = None) -> Fault:
    said = text or b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch limit exceeded"}}'
    return lambda handler, batch: len(batch) > most and raw(handler, said, status)


@pytest.mark.parametrize("most", [1, 10, 32])
@pytest.mark.parametrize(("status", "text"), [(200, None), (413, b"<html>Too Large</html>"), (400, None), (413, b"")])
def test_a_batch_that_a_node_refuses_is_split_and_the_size_is_kept(most, status, text):
    node = Echo(batch_limit(most, status, text))
    with proxy("", node) as url:
        wire = HttpWire(url, 5.0)
        assert wire.exchange(ASKED) == [hex(number) for number in range(33)]
        for _ in range(8):
            wire.exchange(ASKED)
        before = len(node.sizes)
        assert wire.exchange(ASKED) == [hex(number) for number in range(33)]
    assert max(node.sizes[before:]) <= most
    assert len(node.sizes) - before == -(-33 // most)


OF_A_BATCH = {"code": -32600, "message": "batch too large"}


@pytest.mark.parametrize("number", [None, 0, 1, -1, ""])
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(("status", "error"), [
    (200, OF_A_BATCH), (200, {"code": -32005, "message": "too large"}), (500, OF_A_BATCH),
    (403, {"code": 31, "message": "Batch of more than 3 requests are not allowed on free tier"}),
])  # fmt: skip
def test_one_error_for_several_requests_is_of_their_batch_whatever_its_number(number, listed, status, error):
    said = {"jsonrpc": "2.0", "id": number, "error": error}
    node = Echo(lambda handler, batch: len(batch) > 3 and handler.reply([said] if listed else said, status) is None)
    with proxy("", node) as url:
        assert HttpWire(url, 5.0).exchange(ASKED) == [hex(number) for number in range(33)]


@pytest.mark.parametrize("status", [200, 403, 500, 503])
@pytest.mark.parametrize("error", [
    {"code": -32000, "message": "block range too large"},
    {"code": -32602, "message": "invalid params", "data": {"payload": "block range exceeds 500"}},
    {"code": -32005, "message": "Your plan is limited to a 500 block range"},
])  # fmt: skip
def test_a_range_that_is_refused_is_known_whatever_the_status(status, error):
    node = Echo(lambda handler, batch: raw(handler, json.dumps({"id": 0, "error": error}).encode(), status))
    with proxy("", node) as url:
        (refused,) = HttpWire(url, 5.0).exchange(EVENTS)
    assert isinstance(refused, Refused)
    assert LogRanges().narrows(refused, 0, 5000)
    assert refused.limited is None


OTHER_WORDS = {
    "a limit without a name": (200, {"code": -32005, "message": "limit exceeded"}),
    "a range beyond": (200, {"code": -32000, "message": "Requested range is beyond the maximum of 20 blocks"}),
    "no number": (200, {"code": -32000, "message": "Reduce the interval"}),
    "nothing of it": (200, {"code": -32000, "message": "not allowed here"}),
    "a plan to buy": (200, {"code": -32000, "message": "a 20 range, upgrade from free plan to raise this limit"}),
    "a plan's limit": (200, {"code": -32005, "message": "eth_getLogs: the limit of your plan was exceeded"}),
    "a quota": (200, {"code": -32000, "message": "max block quota per eth_getLogs is 20"}),
    "a maximum": (200, {"code": -32000, "message": "Range beyond the allowed maximum"}),
    "a tier": (200, {"code": -32000, "message": "block range unavailable on free tier"}),
    "plain text": (200, b"quota"), "a quota's status": (403, b"quota"),
    "a status of size": (413, b"<html>413</html>"), "a bad request": (400, b"<html>bad</html>"),
    "a time-out": (504, b""), "a status of the node": (500, b"<html>oops</html>"),
    "a request's time-out": (408, b""), "a bad gateway": (502, b"<html>502 Bad Gateway</html>"),
    "a gateway's time-out": (524, b"error code: 524"),
    "a limit's status": (429, {"code": -32005, "message": "query returned more than 10000 results"}),
    "a limit's status and code": (429, {"code": 429, "message": "block range is too large"}),
    "a limit's status and text": (429, b"Too many requests for this block range"),
}  # fmt: skip


def spans_asked(time: VirtualTime, status: int, said: object, is_refused: Callable[[int], bool]) -> list[int]:
    """Blocks of each question until all events are found."""
    asked = list[int]()

    def refuse(handler: Handler, batch: Batch) -> bool:
        (about,) = batch[0]["params"]
        asked.append(int(about["toBlock"], 16) - int(about["fromBlock"], 16) + 1)
        text = said if isinstance(said, bytes) else json.dumps({"id": batch[0]["id"], "error": said}).encode()
        return is_refused(asked[-1]) and raw(handler, text, status)

    with proxy("", Echo(refuse)) as url:
        wire = HttpWire(url, 5.0, time.clock)
        found = all_logs(
            LogRanges().pieces({}, 0, 5000, lambda request: request),
            lambda request: [[each] if isinstance(each, dict) else each for each in wire.exchange([request])],
        )
    assert isinstance(found, list)
    covered = [range(int(each["fromBlock"], 16), int(each["toBlock"], 16) + 1) for each in found]
    assert [number for each in covered for number in each] == list(range(5001))
    return asked


@pytest.mark.parametrize("words", OTHER_WORDS)
def test_a_range_is_halved_whatever_the_node_says_of_it(words):
    assert len(spans_asked(VirtualTime(), *OTHER_WORDS[words], lambda span: span > 20)) < 5001 // 10 + 60


@pytest.mark.parametrize("text", [b"Too Many Requests", b"<html>429</html>", b"", b"too many blocks: slow down"])
def test_a_status_of_a_limit_is_waited_for_and_makes_no_range_smaller_unless_its_words_do(text):
    time = VirtualTime()
    asked = spans_asked(time, 429, text, lambda span: time.time < 5.0)
    assert (min(asked), time.time > 5.0) == (5001, True)


@pytest.mark.parametrize("status", [408, 502, 524])
def test_a_node_that_is_away_from_its_gateway_makes_no_batch_smaller(status):
    node = Echo(lambda handler, batch: raw(handler, b"", status))
    with proxy("", node) as url, pytest.raises(NodeUnreachable, match=f"HTTP status {status}"):
        HttpWire(url, 5.0).exchange(ASKED)
    assert node.sizes == [33]


def test_a_quota_of_requests_is_waited_for_at_one_block():
    time = VirtualTime()
    asked = spans_asked(time, 200, {"code": -32000, "message": "quota exceeded"}, lambda span: time.time < 9.0)
    assert (time.time > 9.0, min(asked), len(asked) < 100) == (True, 1, True)


@pytest.mark.parametrize("words", ["limit exceeded", "the limit of your plan was exceeded", "quota"])
def test_a_limit_without_a_name_is_waited_for_where_no_range_can_be_smaller(words):
    time, count = VirtualTime(), [0]

    def refuse(handler: Handler, batch: Batch) -> bool:
        count[0] += 1
        text = json.dumps({"id": 0, "error": {"code": -32005, "message": words}}).encode()
        return count[0] <= 3 and raw(handler, text)

    with proxy("", Echo(refuse)) as url:
        wire = HttpWire(url, 5.0, time.clock)
        assert wire.exchange([("eth_getLogs", [{"fromBlock": "0x5", "toBlock": "0x5"}])]) == [
            {"fromBlock": "0x5", "toBlock": "0x5"}
        ]
    assert len(time.pauses) == 3


@pytest.mark.parametrize("is_of_blocks", [False, True])
def test_a_limit_without_a_name_is_of_requests_where_others_were_limited_in_its_words_until_it_stays(is_of_blocks):
    """Besu says the same of both: a range was halved down to single blocks, each a question more."""
    time, asked = VirtualTime(), list[str]()
    said = json.dumps({"id": 0, "error": {"code": -32005, "message": "Limit exceeded"}}).encode()

    def refuse(handler: Handler, batch: Batch) -> bool:
        asked.append(batch[0]["method"])
        is_limit = asked.count(asked[-1]) <= 3 or (is_of_blocks and asked[-1] == "eth_getLogs")
        return is_limit and raw(handler, said)

    with proxy("", Echo(refuse)) as url:
        wire = HttpWire(url, 5.0, time.clock)
        assert wire.exchange(ASKED[:1]) == ["0x0"]
        (answer,) = wire.exchange(EVENTS)
    assert answer == (Refused("Limit exceeded") if is_of_blocks else EVENTS[0][1][0])
    assert asked.count("eth_getLogs") == (DOUBTED + 1 if is_of_blocks else 4)


FEW = {
    "refuses the rest": lambda handler, batch, taken: handler.reply([
        *taken, *({"id": each["id"], "error": OF_A_BATCH} for each in batch[len(taken):]),
    ]),
    "refuses the rest as invalid": lambda handler, batch, taken: handler.reply([
        *taken, *({"id": each["id"], "error": {"code": -32600, "message": "no"}} for each in batch[len(taken):]),
    ]),
    "refuses each as invalid": lambda handler, batch, taken: handler.reply(
        [{"id": each["id"], "error": {"code": -32600, "message": "limit exceeded"}} for each in batch]
    ),
    "leaves the rest out": lambda handler, batch, taken: handler.reply(taken),
    "fails": lambda handler, batch, taken: handler.reply(b"<html>oops</html>", 500),
}  # fmt: skip


@pytest.mark.parametrize("how", FEW)
def test_a_batch_is_split_however_a_node_takes_only_a_part_of_it(how):
    def refuse(handler: Handler, batch: Batch) -> bool:
        if len(batch) > 3:
            FEW[how](handler, batch, [{"id": each["id"], "result": each["params"][0]} for each in batch[:3]])
        return len(batch) > 3

    node = Echo(refuse)
    with proxy("", node) as url:
        wire = HttpWire(url, 5.0)
        assert wire.exchange(ASKED) == [hex(number) for number in range(33)]
    assert len(node.sizes) < 40


def test_a_part_of_an_answer_that_is_lost_once_makes_no_later_batch_smaller():
    lost = [True]

    def refuse(handler: Handler, batch: Batch) -> bool:
        if lost:
            lost.pop()
            handler.reply([{"id": each["id"], "result": each["params"][0]} for each in batch[::2]])
            return True
        return False

    node = Echo(refuse)
    with proxy("", node) as url:
        wire = HttpWire(url, 5.0)
        assert [wire.exchange(ASKED) for _ in range(2)] == 2 * [[hex(number) for number in range(33)]]
    assert node.sizes == [33, 16, 33]


@pytest.mark.parametrize("words", WORDS)
def test_the_sentence_of_a_single_refusal_is_the_nodes(words):
    code, text = WORDS[words]["state"]
    body = f'{{"jsonrpc":"2.0","id":null,"error":{{"code":{code},"message":"{text}"}}}}'
    with answering(body.encode()) as url:
        (refused,) = HttpWire(url, 5.0).exchange(ASKED[:1])
    assert isinstance(refused, Refused)
    assert (refused.text, refused.limited) == (text, None)


def test_the_body_of_a_failure_is_in_the_sentence():
    node = Echo(lambda handler, batch: raw(handler, b"no such  key", 403))
    with proxy("", node) as url, pytest.raises(NodeUnreachable, match="HTTP status 403: no such key"):
        HttpWire(url, 5.0).exchange(ASKED[:1])


@pytest.mark.parametrize(
    "say",
    [
        lambda handler, batch: handler.reply(b"Too Many Requests", 429),
        lambda handler, batch: handler.reply(b"busy", 503, headers={"Retry-After": "0"}),
        lambda handler, batch: handler.reply([RATE] if handler.alone else [{**RATE, "id": e["id"]} for e in batch]),
        lambda handler, batch: handler.reply(b'{"id":null,"error":{"code":429,"message":"slow down"}}'),
        lambda handler, batch: handler.reply(b"Too Many Requests"),
        *(
            lambda handler, _, said=said: handler.reply(b'{"error":{"code":-32000,"message":"%s"}}' % said)
            for said in (b"Exceeded the QPS limit", b"RPS limit", b"request throttled", b"Slow down", b"too frequent")
        ),
        lambda handler, batch: handler.reply(b"<html>You are being rate limited</html>", 403),
    ],
)
def test_a_rate_limit_is_waited_for_by_the_wire_and_by_the_audits_reader(say):
    count = [0]

    def refuse(handler: Handler, batch: Batch) -> bool:
        count[0] += 1
        if count[0] <= 3:
            say(handler, batch)
        return count[0] <= 3

    for ask in (lambda url, clock: HttpWire(url, 5.0, clock).exchange(ASKED), lambda url, _: [at_url(url)(*ASKED[0])]):
        time, count[0] = VirtualTime(), 0
        with proxy("", Echo(refuse)) as url:
            assert ask(url, time.clock)[0] == "0x0"
        assert count[0] > 3


def test_pauses_grow_and_a_node_that_only_limits_is_given_up_in_its_own_words():
    time, node = VirtualTime(), Echo(lambda handler, batch: raw(handler, b"Too Many Requests", 429))
    with proxy("", node) as url, pytest.raises(RateLimited, match=r"limits requests \(HTTP status 429: Too Many"):
        HttpWire(url, 5.0, time.clock).exchange(ASKED)
    assert time.time < 2 * LIMITED
    assert len(node.sizes) < 15
    assert max(time.pauses) > 4.0


def test_what_retry_after_asks_for_is_waited():
    time, since = VirtualTime(), list[float]()

    def refuse(handler: Handler, batch: Batch) -> bool:
        since.append(time.time)
        return len(since) == 1 and raw(handler, b"", 429, **{"Retry-After": "7"})

    with proxy("", Echo(refuse)) as url:
        HttpWire(url, 5.0, time.clock).exchange(ASKED[:1])
    assert since[1] - since[0] >= 7.0


LEAVES = """
import sys
from chain_bandit.chain.wire import HttpWire
HttpWire(sys.argv[1], 50.0).post([("eth_chainId", [])])
sys.stdin.readline()
"""


@pytest.mark.parametrize("limit", ["Retry-After", "no answer"])
def test_a_process_that_ends_waits_for_no_exchange(limit):
    """Neither for what a provider asks to wait, nor for a node that hangs."""
    asked, over = Event(), Event()

    def hold(handler: Handler, batch: Batch) -> bool:
        if limit == "Retry-After":
            raw(handler, b"", 429, **{"Retry-After": "50"})
        asked.set()
        return over.wait(60.0 if limit == "no answer" else 0.0) or True

    with proxy("", Echo(hold)) as url:
        process = subprocess.Popen([sys.executable, "-c", LEAVES, url], stdin=subprocess.PIPE)
        assert asked.wait(60.0)
        assert process.stdin
        process.stdin.close()
        try:
            assert process.wait(20.0) == 0
        finally:
            over.set()
            process.kill()


def test_retry_after_is_seconds_or_a_date_and_bounded():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for text, seconds in {
        "3": 3.0, "0.5": 0.5, "Thu, 01 Jan 2026 00:00:09 GMT": 9.0, "Thu, 01 Jan 2015 00:00:09 GMT": 0.0,
        "99999": LONGEST_RETRY, "": None, "soon": None, "-4": None,
    }.items():  # fmt: skip
        assert retry_after({"Retry-After": text}, now) == seconds
    assert retry_after({}, now) is None


def test_a_node_that_admits_twenty_requests_a_second_is_asked_little_more_than_that():
    limits = ProviderLimits.of("rate=20,batch=1,body")
    with answering(b'[{"jsonrpc":"2.0","id":0,"result":"0x1"}]') as node, provided(node, limits) as (url, provider):
        wire = HttpWire(url, 5.0)
        for _ in range(60):
            wire.exchange(ASKED[:1])
    assert provider.refusals["rate"] < 40


@pytest.mark.parametrize("words", WORDS)
def test_limits_are_told_apart_in_the_words_of_nodes_and_providers(words):
    values = {"most": 100, "asked": 500, "first": "0x1", "last": hex(100)}
    for limit, (code, text) in WORDS[words].items():
        assert is_rate_limit(code, text.format(**values)) == (limit == "rate"), limit
        if limit in ("range", "size"):
            assert LogRanges().narrows(Refused(text.format(**values)), 1, 500), limit


@pytest.mark.parametrize("text", [
    "header not found", "pruned history unavailable", "block range extends beyond current head block",
    "old data not available due to pruning", "block 0x7 is unavailable",
])  # fmt: skip
def test_blocks_that_a_node_lacks_are_asked_for_once(text):
    assert not LogRanges().narrows(Refused(text), 1, 5000)


STATED = {
    "this block range should work: [0x1, 0x64]": 100,
    "query returned more than 10000 results. Try with this block range [0x0, 0x3E7].": 1000,
    "query returned more than 10000 results": None,
    "eth_getLogs is limited to a 10,000 range": 10_000,
    "eth_getLogs is limited to 0 - 10000 blocks range": 10_000,
    "You can make eth_getLogs requests with up to a 2K block range and no limit on the response size": 2000,
    "exceed maximum block range: 5000": 5000,
    "range 50000 exceeds max range 1000": 1000,
    "range 49999 exceeds limit of 10000": 10_000,
    "requested too many blocks from 0 to 49999, maximum is set to 2048": 2048,
    "block range is too wide": None,
    "Max range: 800": 800,
    "ranges over 10000 blocks are not supported": 10_000,
    "query timeout exceeded after 10 s": None,
}


@pytest.mark.parametrize("text", STATED)
def test_the_range_that_a_refusal_states_is_read(text):
    assert LogRanges().narrows(Refused(text), 1, 50_000)
    assert not is_rate_limit(-32005, text)
    assert stated_span(text, 50_000) == STATED[text]
    assert (stated_span(text, 2) or 1) < 2, "no range that is not smaller"


@pytest.mark.parametrize("less", [0, 1, 2, 700])
def test_a_node_that_states_what_it_does_not_take_is_soon_not_believed(less):
    ranges, asked = LogRanges(), list[int]()

    def answered(request: Request) -> list[Any]:
        ((about,),) = request[1:]
        size = int(about["toBlock"], 16) - int(about["fromBlock"], 16) + 1
        asked.append(size)
        return [Refused(f"block range {size - less} is too large")] if size > 500 else [[]]

    assert all_logs(ranges.pieces({}, 0, 10**5, lambda request: request), answered) == []
    assert sum(size > 500 for size in asked) < 300


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100, 999, 10**6])
def test_the_accepted_size_comes_to_the_limit_by_bisection(limit):
    size, refusals = AcceptedSize(), 0
    assert size.most == UNBOUNDED
    for _ in range(100):
        asked = min(size.most, 3000)
        if asked > limit:
            refusals += 1
            size.refused(asked)
        else:
            size.accepted(asked)
    assert min(size.most, 3000) == min(limit, 3000)
    assert refusals < 30
    size.refused(limit + 1, max(1, limit - 1)) if limit > 1 else None
    assert size.most <= limit


def test_a_limit_by_what_is_found_does_not_stay_below_one():
    size = AcceptedSize()
    for asked in (10, 5, 2, 1):
        if asked > 1:
            size.refused(asked)
        else:
            size.accepted(1)
    assert size.most == 1


def test_one_refusal_for_another_reason_does_not_bind_for_ever():
    size = AcceptedSize()
    size.refused(2)
    for _ in range(200):
        size.accepted(size.most)
    assert size.most > 100


@pytest.mark.parametrize("limit", [1, 2, 5, 10, 100])
def test_questions_of_one_exchange_cover_all_blocks_once_and_leave_room_for_new_ones(limit):
    ranges = LogRanges()
    for first, height in ((0, 0), (0, 64), (436, 500), (500, 500), (36, 100)):
        if height > first:
            ranges.narrows(Refused(f"block range is limited to {limit}"), first, height)
        asked = [about for _, (about,) in ranges.questions({"address": "0x1"}, first, height)]
        covered = list[int]()
        for about in asked:
            end = int(about.get("toBlock", hex(height)), 16)
            covered += range(int(about["fromBlock"], 16), end + 1)
            assert end - int(about["fromBlock"], 16) < limit or first == height
        assert covered == list(range(first, height + 1))
        assert ["toBlock" in about for about in asked] == [True] * (len(asked) - 1) + [False]
        assert height - int(asked[-1]["fromBlock"], 16) + 1 <= max(1, limit // 2) or first == height


def test_a_range_of_too_many_questions_is_asked_for_whole():
    ranges = LogRanges()
    ranges.narrows(Refused("block range is limited to 10"), 0, 3000)
    assert ranges.questions({}, 0, 3000) == [("eth_getLogs", [{"fromBlock": "0x0"}])]


def test_a_pace_recovers():
    pacer, now = RequestPacer(), 0.0
    for _ in range(10):
        pacer.limited(4, 0.0, now)
        now += pacer.pause(4, now)
    assert now > 20.0
    for _ in range(200):
        now += pacer.pause(1, now)
        pacer.answered(1)
    assert pacer.pause(1, now) == 0.0
    for _ in range(30):
        pacer.answered(pacer.most)
    assert pacer.most > 30


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("span", [1, 2, 99, 5000])
def test_each_event_is_found_once_in_the_ranges_that_a_node_takes(words, span):
    _, text = WORDS[words]["range"]
    asked: list[tuple[int, int]] = []

    def answered(request: Request) -> list[Any]:
        ((about,),) = request[1:]
        first, last = int(about["fromBlock"], 16), int(about["toBlock"], 16)
        asked.append((first, last))
        if last - first + 1 > span:
            said = text.format(most=span, asked=last - first + 1, first=hex(first), last=hex(first + span - 1))
            return [Refused(said)]
        return [[number for number in range(first, last + 1) if number % 7 == 0]]

    ranges = LogRanges()
    for first, last in ((10, 3000), (3001, 3001), (3002, 3400), (5, 4)):
        found = all_logs(ranges.pieces({}, first, last, lambda request: request), answered)
        assert found == [number for number in range(first, last + 1) if number % 7 == 0]
    assert len(asked) <= 3400 // span + 40


@pytest.mark.parametrize("text", ["header not found", "internal error", "block range is too wide"])
def test_what_no_smaller_range_mends_is_handed_back(text):
    refused = all_logs(LogRanges().pieces({}, 7, 7, lambda request: request), lambda request: [Refused(text)])
    assert refused == Refused(text)


RATES = [
    (-32000, "Your app has exceeded its concurrent requests capacity"),
    (-32010, "Unable to rent an instance of IEthRpcModule. Too many concurrent requests."),
    (-32000, "too many concurrent connections"), (-32000, "You have hit your plan's concurrency limit"),
    (-32000, "reached credit limit"), (-32000, "insufficient credits"), (-32000, "monthly credits are used up"),
    (-32000, "exceeded compute unit limit"), (-32005, "The rate is too high: compute unit overflow"),
    (-32000, "request frequency exceeded"), (-32000, "capacity exceeded, try again later"),
    (429, "Monthly capacity limit exceeded."), (-32000, "Monthly capacity limit exceeded. Visit the dashboard"),
]


@pytest.mark.parametrize(("code", "text"), RATES)
def test_a_limit_of_requests_is_told_in_the_words_of_providers(code: int, text: str) -> None:
    assert is_rate_limit(code, text)


@pytest.mark.parametrize("text", [
    "insufficient funds for gas * price + value", "execution reverted: insufficient credits",
    "execution reverted: capacity exceeded", "VM Exception while processing transaction: revert rate limit",
    "transaction pool capacity exceeded", "txpool is full", "nonce too low", "header not found",
])  # fmt: skip
def test_what_is_of_a_transaction_or_a_contract_is_no_limit_of_requests(text: str) -> None:
    assert not is_rate_limit(-32000, text)


def test_a_revert_without_words_is_an_answer():
    """Once taken for a limit of requests: before the first of these its words were none, too."""
    node = Echo(lambda handler, batch: raw(handler, b'{"id":0,"error":{"code":3,"message":"","data":"0x"}}'))
    with proxy("", node) as url:
        assert HttpWire(url, 5.0).exchange([("eth_call", [{}, "latest"])]) == [Refused("", b"")]
    assert node.sizes == [1]


def test_a_revert_in_the_words_of_a_limit_is_an_answer():
    time, count = VirtualTime(), [0]

    def refuse(handler: Handler, batch: Batch) -> bool:
        count[0] += 1
        said = b'{"id":0,"error":{"code":429,"message":"no more"}}'
        return raw(handler, said if count[0] == 1 else said.replace(b"429", b"3").replace(b"}}", b',"data":"0x"}}'))

    with proxy("", Echo(refuse)) as url:
        assert HttpWire(url, 5.0, time.clock).exchange(ASKED[:1]) == [Refused("no more", b"")]
    assert count == [2]
