"""The head of the chain, held against what was read of it before; time and answers are arguments."""

import json
from concurrent.futures import Future
from typing import Any

import pytest

from chain_bandit.chain.errors import ForeignChain, NodeUnreachable, RateLimited
from chain_bandit.chain.notice import Notice
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.chain.rpc import BEHIND, Rpc
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.exit_codes import RESTARTABLE
from chain_bandit.nodes.head import PATIENCE, REPLACED, ChainWentBack, Head, HeadWatch, Reorganised, read_head
from chain_bandit.stopwatch import Stopwatch

GENESIS = "0x" + "00" * 32


def block(number: int, fork: int = 1) -> tuple[int, str]:
    return number, "0x" + fork.to_bytes(1, "big").hex() * 28 + number.to_bytes(4, "big").hex()


def answer(head: Head, genesis: str, kept: Any, tip: Any, latest: Any, now: float) -> None:
    """An answer with the same block at the heights of all that were seen, or with none there."""
    head.on_answer(genesis, kept, [tip] * len(head.seen), latest, now)


def test_a_chain_that_grows_is_as_it_was_and_counts_what_has_its_confirmations():
    head = Head("url", GENESIS, confirmations=3)
    for number in range(10):
        answer(head, GENESIS, head.kept, None, block(number), float(number))
        assert head.trouble is None
    assert head.kept == block(7)


def test_a_chain_that_is_behind_is_named_and_waited_for_and_may_come_back_as_it_was():
    head = Head("url", GENESIS, kept=block(9))
    answer(head, GENESIS, None, None, block(5), 0.0)
    assert head.trouble == f"it is at block 5, and block 9 ({block(9)[1]}) was read from it"
    assert not head.is_replaced
    answer(head, GENESIS, None, None, block(8), PATIENCE - 1)
    assert head.kept == block(9)
    answer(head, GENESIS, block(9), None, block(10), PATIENCE + 1)
    assert (head.trouble, head.kept) == (None, block(10))
    answer(head, GENESIS, None, None, block(5), 2 * PATIENCE)  # its patience begins anew
    with pytest.raises(ChainWentBack, match=r"at url went back: it is at block 5, .* start its node") as stopped:
        answer(head, GENESIS, None, None, block(5), 3 * PATIENCE)
    assert stopped.value.exit_code == 6


def test_blocks_that_were_replaced_are_no_trouble_while_all_that_was_read_is_recorded_again():
    lacks = ["its last record is of round 7, not 9"]
    head = Head("url", GENESIS, kept=block(9), lacks=lambda latest: lacks[0] if lacks else None)
    answer(head, GENESIS, block(9, fork=2), None, block(9, fork=2), 0.0)
    assert head.trouble is not None
    assert head.is_replaced
    assert head.trouble.endswith("and its last record is of round 7, not 9")
    answer(head, GENESIS, block(9, fork=2), None, block(11, fork=2), 1.0)
    assert head.trouble is not None
    lacks.clear()
    answer(head, GENESIS, block(9, fork=2), None, block(13, fork=2), 2.0)
    assert (head.trouble, head.kept) == (None, block(13, fork=2))
    lacks.append("never asked of a chain whose blocks are the same")
    answer(head, GENESIS, block(13, fork=2), None, block(14, fork=2), 3.0)
    assert head.trouble is None
    answer(head, GENESIS, block(14), None, block(15), 4.0)
    answer(head, GENESIS, block(14), None, block(15), 3.9 + REPLACED)
    with pytest.raises(Reorganised, match="and was 0x02") as stopped:
        answer(head, GENESIS, block(14), None, block(15), 4.0 + REPLACED)
    assert stopped.value.exit_code in RESTARTABLE


def test_a_node_that_answers_for_another_branch_does_not_say_that_nothing_is_lacking():
    asked = list[object]()

    def lacks(latest: object) -> str | None:
        asked.append(latest)
        if len(asked) == 1:
            raise NodeUnreachable("the node answers for another branch")
        return None

    head = Head("url", GENESIS, kept=block(9), lacks=lacks)
    for at in (0.0, 1.0):
        answer(head, GENESIS, block(9, fork=2), None, block(11, fork=2), at)
        assert (head.trouble is None) == bool(at)
    assert asked == [block(11, fork=2)] * 2


def test_a_reorganisation_is_noticed_by_the_block_in_place_of_the_latest_one_however_few_confirmations_count():
    head = Head("url", GENESIS, confirmations=6)
    answer(head, GENESIS, None, None, block(9), 0.0)
    answer(head, GENESIS, None, block(9), block(10), 1.0)
    assert (head.reorganisations, head.seen[0]) == (0, block(10))
    answer(head, GENESIS, None, None, block(8), 2.0)  # a node that lags, or a shorter branch: not known yet
    assert (head.reorganisations, head.seen[0]) == (0, block(10))
    answer(head, GENESIS, None, block(10, fork=2), block(11, fork=2), 3.0)
    assert (head.reorganisations, head.seen, head.trouble) == (1, [block(11, fork=2)], None)
    answer(head, GENESIS, None, block(11, fork=2), block(11, fork=2), 4.0)
    assert head.reorganisations == 1


def test_a_block_that_was_seen_between_two_looks_is_held_against_the_chain():
    """Found by schedules 6058 and 10096: a record was read, or sent, in a block after the tip, which then fell out."""
    lacks = ["its last record is of round 1, not 2"]
    head = Head("url", GENESIS, kept=block(36), lacks=lambda latest: lacks[0])
    head.on_seen(block(37), is_read=True)
    head.on_answer(GENESIS, block(37, fork=2), [block(36), block(37, fork=2)], block(38, fork=2), 1.0)
    assert (head.reorganisations, head.kept) == (1, block(37))
    assert head.trouble is not None
    lacks[0] = ""
    sender = Head("url", GENESIS, kept=block(26))
    sender.on_seen(block(27, fork=2))  # by the sender, of the branch that took the tip's place
    sender.on_answer(GENESIS, block(26, fork=2), [block(26, fork=2), block(27, fork=2)], block(28, fork=2), 2.0)
    assert (sender.reorganisations, sender.seen) == (1, [block(28, fork=2)])


def test_a_block_that_events_were_read_of_is_held_against_the_chain_however_old_it_is():
    """A provider gave events of a branch that no look saw, in a block below all."""
    head = Head("url", GENESIS, kept=block(36), lacks=lambda latest: "the game, which was open, is not")
    head.on_seen(block(31, fork=2), is_read=True)
    assert (head.kept, head.seen) == (block(36), [block(36), block(31, fork=2)])
    head.on_answer(GENESIS, block(36), [block(36), block(31)], block(38), 1.0)
    here, there = block(31)[1], block(31, fork=2)[1]
    assert head.trouble == f"block 31 is {here} and was {there}, and the game, which was open, is not"
    assert head.is_replaced
    with pytest.raises(Reorganised, match="which was open, is not"):
        answer(head, GENESIS, block(36), block(38), block(39), 1.0 + REPLACED)


def test_another_chain_under_the_same_url_is_believed_after_a_moment():
    head, other = Head("url", GENESIS, kept=block(9)), "0x" + "77" * 32
    answer(head, other, block(9), None, block(9), 0.0)
    assert head.trouble == f"another chain answers, of genesis {other}"
    answer(head, GENESIS, block(9), None, block(9), 1.0)
    assert head.trouble is None
    answer(head, other, None, None, block(2), 2.0)
    with pytest.raises(ForeignChain) as stopped:
        answer(head, other, None, None, block(2), 2.0 + BEHIND)
    assert stopped.value.exit_code == 6


class Wire:
    """A node that gives what `chain` has, by height; the last one is the latest."""

    certain = False

    def __init__(self) -> None:
        self.chain = {0: GENESIS}

    def post(self, requests: Any) -> "Future[list[Any]]":
        answers: Future[list[Any]] = Future()
        heights = [max(self.chain) if which == "latest" else int(which, 16) for _, (which, _) in requests]
        known = [(each, self.chain.get(each)) for each in heights]
        answers.set_result([digest and {"number": hex(each), "hash": digest} for each, digest in known])
        return answers


def test_a_look_takes_in_every_block_that_events_were_read_of(tmp_path, monkeypatch):
    wire, now, read = Wire(), [0.0], [block(5, fork=2), block(7)]
    monkeypatch.setattr("chain_bandit.chain.rpc.wire_to", lambda line, timeout: wire)
    rpc = Rpc("url", Stopwatch(), TransactionPolicy(clock=Clock(lambda: now[0])))
    wire.chain |= dict(map(block, range(1, 10)))
    head = Head("url", GENESIS, lacks=lambda latest: "its event Opened, which was read, is gone")
    watch = HeadWatch(rpc, tmp_path / "head.json", head, read=lambda: [read.pop()] if len(read) == 2 else read)
    assert watch.look(), "block 7 is there"
    now[0] += 2
    assert not watch.look()
    assert watch.is_replaced
    here, there = block(5)[1], block(5, fork=2)[1]
    assert watch.trouble == f"block 5 is {here} and was {there}, and its event Opened, which was read, is gone"


def test_the_time_of_a_block_is_that_between_the_last_two_heights_that_were_seen(monkeypatch):
    wire, now = Wire(), [0.0]
    monkeypatch.setattr("chain_bandit.chain.rpc.wire_to", lambda line, timeout: wire)
    rpc = Rpc("url", Stopwatch(), TransactionPolicy(clock=Clock(lambda: now[0])))
    seen = []
    for at, height in ((0, 1), (3, 1), (12, 2), (13, 2), (36, 4), (37, 3), (38, 4)):
        now[0], wire.chain = float(at), dict(map(block, range(height + 1)))
        rpc.latest()
        seen.append(rpc.block_time)
    assert seen == [0.0, 0.0, 12.0, 12.0, 12.0, 12.0, 1.0]


def test_a_limit_of_requests_lasts_and_is_said_once():
    said = list[str]()
    notice = Notice("the chain", said.append)
    for _ in range(3):
        notice.waiting(RateLimited("slow down"))
        notice.over()
    notice.waiting("no answer")
    notice.waiting(RateLimited("slow down"))
    notice.over()
    assert said == [
        f"waiting for the chain: {RateLimited('slow down')}", "connected to the chain again",
        "waiting for the chain: no answer", "connected to the chain again",
    ]  # fmt: skip


def test_what_is_wrong_is_said_once_and_the_last_block_outlives_the_process(tmp_path, monkeypatch):
    wire, now, said = Wire(), [0.0], list[str]()
    monkeypatch.setattr("chain_bandit.chain.rpc.wire_to", lambda line, timeout: wire)
    rpc = Rpc("url", Stopwatch(), TransactionPolicy(clock=Clock(lambda: now[0])))
    rpc.notice = Notice("the chain at url", said.append)

    def watch() -> HeadWatch:
        path = tmp_path / "head.json"
        return HeadWatch(rpc, path, Head("url", GENESIS, kept=read_head(path)))

    wire.chain |= dict(map(block, range(1, 10)))
    assert watch().look()
    assert read_head(tmp_path / "head.json") == block(9)
    for number in (6, 7, 8, 9):
        del wire.chain[number]
    began = watch()  # of a process that was started again
    for _ in range(3):
        assert not began.look()
        now[0] += 1
    assert said == [f"waiting for the chain at url: it is at block 5, and block 9 ({block(9)[1]}) was read from it"]
    wire.chain |= dict(map(block, range(6, 12)))
    assert began.look()
    assert said[1:] == ["connected to the chain at url again"]
    kept = (tmp_path / "head.json").read_text()
    for garbage in ("", "{", "[]", "[1]", '["a", "b"]', "null", json.dumps([-1, "0x"]), '[9, "nonsense"]', '[9.5, 7]',
                    json.dumps([True, block(1)[1]]), json.dumps(block(10**9)),
                    json.dumps([10**9, *json.loads(kept)[1:]])):  # fmt: skip
        (tmp_path / "head.json").write_text(garbage)
        assert read_head(tmp_path / "head.json") is None


def test_a_block_on_top_of_the_last_one_is_one_question_and_any_other_block_four(tmp_path, monkeypatch):
    wire, now, asked = Wire(), [0.0], list[int]()
    post = wire.post

    def parented(requests: Any) -> "Future[list[Any]]":
        asked.append(len(requests))
        answers = post(requests)
        for block_ in answers.result():
            if block_:
                before = int(block_["number"], 16) - 1
                block_["parentHash"] = wire.chain.get(before, GENESIS)
        return answers

    wire.post = parented  # type: ignore[method-assign]
    monkeypatch.setattr("chain_bandit.chain.rpc.wire_to", lambda line, timeout: wire)
    rpc = Rpc("url", Stopwatch(), TransactionPolicy(clock=Clock(lambda: now[0])))
    reorganised = list[float]()
    watch = HeadWatch(rpc, tmp_path / "head.json", Head("url", GENESIS), lambda: reorganised.append(now[0]))
    wire.chain |= dict(map(block, range(1, 5)))
    for height, fork, questions in (
        (4, 1, [3]), (4, 1, [1]), (5, 1, [1]), (6, 1, [1]), (8, 1, [1, 4]), (8, 2, [1, 4]), (9, 2, [1])
    ):  # fmt: skip
        wire.chain |= dict(block(number, fork) for number in range(min(height, 7), height + 1))
        now[0] += 1
        asked.clear()
        assert watch.look()
        assert asked == questions
        assert read_head(tmp_path / "head.json") == block(height, fork)
    assert reorganised == [6.0]


def test_a_node_that_hangs_or_is_gone_is_named_before_patience_ends(monkeypatch):
    class Gone(Wire):
        def post(self, requests: Any) -> "Future[list[Any]]":
            answers: Future[list[Any]] = Future()
            answers.set_exception(NodeUnreachable("connection refused"))
            return answers

    said = list[str]()
    for wire, why in ((Gone(), "connection refused"), (Hanging(), "no answer")):
        monkeypatch.setattr("chain_bandit.chain.rpc.SILENT", 0.05)
        monkeypatch.setattr("chain_bandit.chain.rpc.wire_to", lambda line, timeout, wire=wire: wire)
        rpc = Rpc("url", Stopwatch(), TransactionPolicy(patience=0.3))
        rpc.notice = Notice("the chain at url", said.append)
        with pytest.raises(NodeUnreachable):
            rpc.ask("eth_chainId", [])
        assert said[0].startswith("waiting for the chain at url: ")
        assert why in said.pop()
        assert said == []


class Hanging(Wire):
    """It never answers in time."""

    def post(self, requests: Any) -> "Future[list[Any]]":
        answers = Slow()
        answers.set_exception(NodeUnreachable("timeout"))
        return answers


class Slow(Future):  # type: ignore[type-arg]
    """Is not there when it is asked for at most so long."""

    def result(self, timeout: float | None = None) -> Any:
        if timeout is not None:
            raise TimeoutError
        return super().result()
