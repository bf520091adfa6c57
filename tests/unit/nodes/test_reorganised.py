"""Reorganisations as nodes meet them: before the opening, in the game, and after its end."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chain_bandit.chain.contract import Contract
from chain_bandit.chain.errors import NodeUnreachable, NonceTaken, TransactionReverted
from chain_bandit.chain.http_node import BURIED, CALM
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.game.on_chain import OnChain
from chain_bandit.nodes import start as start_module
from chain_bandit.nodes.follower import Follower
from chain_bandit.nodes.head import REPLACED, Reorganised
from chain_bandit.nodes.seat import SeatRole
from chain_bandit.nodes.start import Start, main

AT = (7, "0x" + "07" * 32)
ACCOUNTS = [bytes([seat]) * 20 for seat in range(1, 5)]


def following(**views: Any) -> Follower:
    follower = cast("Any", Follower.__new__(Follower))
    follower._contract, follower._given, follower.salt, follower.closed = SimpleNamespace(**views), 0, None, False
    follower._is_as_it_was, follower._confirmations = lambda: True, 1
    follower._head = follower._over_at = None
    follower._read = lambda: None
    follower._waiting = ()
    return cast(Follower, follower)


def test_a_closing_that_fell_out_is_noticed_before_a_node_ends_with_it():
    closed = [True]
    follower = following(closed=lambda: closed[0])
    follower.closed = True
    follower.rest()
    closed[0] = False
    with pytest.raises(Reorganised, match="closed, is not"):
        follower.rest()


def test_whether_a_game_is_over_is_asked_again_where_the_block_that_it_is_asked_of_fell_out():
    asked = list[object]()

    def is_over(block: object) -> bool:
        asked.append(block)
        raise NodeUnreachable("header not found")

    follower = following(is_over=is_over)
    rpc = SimpleNamespace(height=lambda: 20, latest=lambda: (20, "0xa"), block=lambda number: (int(number, 16), "0xb"))
    follower._rpc = cast(Any, rpc)
    for follower._confirmations in (1, 6):
        assert not follower.is_over()
    assert asked == [(20, "0xa"), (15, "0xb")]


class Places:
    """A contract's places and a chain's height, of a node that waits to open the game."""

    def __init__(self, held: list[bytes]) -> None:
        self.held, self.height_, self.hurried, self.said, self.now = held, 100, list[int](), list[str](), 0.0
        self.node = SimpleNamespace(height=lambda: self.height_, hurry=self.hurried.append)
        self.branch = "0xa"
        start = cast("Any", Start.__new__(Start))
        start.seated = [SimpleNamespace(address=each) for each in ACCOUNTS]
        start.game = SimpleNamespace(confirmations=1)
        self.waiting = list[str]()
        notice = SimpleNamespace(waiting=lambda why: self.waiting.append(str(why)))
        rpc = SimpleNamespace(latest=lambda: (self.height_, "0xa"), notice=notice)
        start.contract = SimpleNamespace(holder=self.holder, rpc=rpc)
        start.node, start.clock, start._say = self.node, Clock(lambda: self.now), self.said.append
        self.start = start

    def holder(self, seat: int, block: object = "latest") -> bytes | None:
        """By the state after one block, of which the node may have another."""
        if block not in ("latest", (self.height_, self.branch)):
            raise NodeUnreachable("the node answers for another branch")
        return self.held[seat] if seat < len(self.held) else None


def test_a_game_is_opened_when_the_places_of_the_plan_are_held_under_so_many_blocks():
    places = Places(ACCOUNTS[:3])
    assert not places.start._is_full(1_000)
    places.held = list(ACCOUNTS)
    assert not places.start._is_full(1_000)
    assert places.hurried == [BURIED]
    places.height_ += BURIED - 1
    assert not places.start._is_full(1_000)
    places.height_ += 1
    assert places.start._is_full(1_000)


def test_places_that_a_node_gives_of_another_branch_open_no_game():
    """Found by schedule 2900: a branch that fell out had the places of the plan, and the chain others."""
    places = Places(list(ACCOUNTS))
    places.branch = "0xb"
    for height in (100, 100 + BURIED):
        places.height_ = height
        assert not places.start._is_full(1_000)
    assert places.hurried == []
    assert "for another branch" in places.waiting[-1]


def test_a_run_reads_its_places_of_another_block_where_the_one_it_asked_of_is_gone_or_of_a_node_behind():
    now, asked = [0.0], list[Any]()

    def holder(seat: int, head: Any) -> bytes | None:
        asked.append((seat, head))
        if head[0] == 100:
            raise NodeUnreachable("the node answers for another branch")
        return None if head[0] == 101 and seat == 3 else ACCOUNTS[seat]

    game = cast("Any", OnChain.__new__(OnChain))
    heads = iter([(100, "0xa"), (101, "0xb"), (102, "0xc")])
    game.contract = SimpleNamespace(rpc=SimpleNamespace(latest=lambda: next(heads)), holder=holder)
    game._plan = SimpleNamespace(addresses=ACCOUNTS)
    game._delivery = TransactionPolicy(
        patience=5.0, clock=Clock(lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
    )
    assert game._places() == ACCOUNTS
    assert {head for seat, head in asked if seat == 3} == {(101, "0xb"), (102, "0xc")}
    game.contract.rpc.latest = lambda: (100, "0xa")
    with pytest.raises(NodeUnreachable, match="for another branch"):
        game._places()
    assert now[0] > 5


def test_who_starts_anew_takes_over_what_was_sent():
    taken = list[object]()
    later, earlier = (cast("Any", Contract.__new__(Contract)) for _ in range(2))
    later._sender, earlier._sender = SimpleNamespace(take_over=taken.append), "the earlier sender"
    later.take_over(earlier)
    assert taken == ["the earlier sender"]


def test_a_chain_that_stands_still_is_waited_for_no_longer_and_a_near_deadline_neither():
    places = Places(list(ACCOUNTS))
    assert not places.start._is_full(1_000)
    places.now = CALM
    places.height_ += 1
    assert not places.start._is_full(1_000), "a block came: the wait begins anew"
    places.now += CALM + 1
    assert places.start._is_full(1_000)
    near = Places(list(ACCOUNTS))
    near.start._is_full(4)
    near.height_ += 2
    assert near.start._is_full(2)


def test_a_game_whose_places_a_reorganisation_permuted_is_not_opened_and_said_once():
    places = Places([ACCOUNTS[0], ACCOUNTS[2], ACCOUNTS[1], ACCOUNTS[3]])
    for height in (100, 100 + BURIED, 200):
        places.height_ = height
        assert not places.start._is_full(1_000)
    assert len(places.said) == 1
    assert places.said[0].startswith(f"the game is not opened: seat 1 belongs to 0x{ACCOUNTS[2].hex()} on the chain")
    assert places.hurried == [1_001], "a development node comes to the deadline, after which stakes come back"


def test_the_stake_comes_back_by_itself_once_the_game_can_not_be_opened_any_more():
    drawn = list[str]()
    start = cast("Any", Start.__new__(Start))
    start.key = SimpleNamespace(secret=b"\1" * 32)
    start.contract = SimpleNamespace(
        owed=lambda own: 7, withdraw=lambda wallet: drawn.append(wallet.address), settle=lambda: None
    )
    assert start._take_back() == 7
    assert len(drawn) == 1
    start.contract.owed = lambda own: 0
    assert start._take_back() == 0
    assert len(drawn) == 1


@pytest.mark.parametrize(("left", "closes"), [(5, False), (0, False), (-1, True)])
def test_a_seat_closes_a_game_whose_window_has_passed_without_its_environment(left, closes):
    called = list[str]()
    role = cast("Any", SeatRole.__new__(SeatRole))
    role.address, role._wallet, role.sync = 2, None, lambda: None
    role._rules = SimpleNamespace(parameters=SimpleNamespace(settlement_window=50))
    role._contract = SimpleNamespace(
        blocks_left=lambda parameters, blocks: left + blocks - 53, close=lambda wallet: called.append("close"),
        settle=lambda: called.append("settle"),
    )
    role._close()
    assert called == (["close", "settle"] if closes else [])


class Begun:
    """A node's start that meets what it is told to, one a life."""

    def __init__(self, ends: list[Any], seen: int = 0) -> None:
        self.ends, self.lives, self.now = ends, 0, 0.0
        self.was_disturbed, self.key = lambda: seen > 0, SimpleNamespace(address=0)
        self.game = SimpleNamespace(contract="0x")
        self.contract, self.taken_over = SimpleNamespace(take_over=self.take_over), 0
        self.clock = Clock(lambda: self.now, self.pause)

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self, *given: object) -> "Begun":
        self.lives += 1
        return self

    def take_over(self, earlier: object) -> None:
        assert earlier is self.contract
        self.taken_over += 1

    def run(self) -> dict[str, int]:
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return {"ended": end}


@pytest.fixture
def lives(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    def live(begun: Begun) -> Any:
        monkeypatch.setattr(start_module, "start_of", lambda place: begun)
        return main(tmp_path, say=lambda line: None)

    return live


def test_a_node_starts_anew_from_the_chain_where_a_reorganisation_took_out_what_it_rests_on(lives):
    refused = TransactionReverted("open", "SeatsMissing", (3, 4))
    begun = Begun([Reorganised("a record is gone"), refused, 9])
    assert lives(begun)["ended"] == 9
    assert (begun.lives, begun.taken_over) == (3, 2)


def test_what_the_contract_refuses_on_a_chain_that_is_as_it_was_ends_a_node(lives):
    refused = TransactionReverted("open", "SeatsMissing", (3, 4))
    with pytest.raises(TransactionReverted):
        lives(Begun([refused]))
    late = Begun([Reorganised("a record is gone"), refused])
    late.pause = lambda seconds: setattr(late, "now", late.now + REPLACED + 1)  # type: ignore[method-assign]
    late.clock = Clock(lambda: late.now, late.pause)
    with pytest.raises(TransactionReverted):
        lives(late)
    assert late.lives == 2


def test_a_nonce_that_an_earlier_process_used_is_no_end_and_one_that_is_taken_later_is(lives):
    taken = NonceTaken("0x05", 10)
    assert lives(Begun([taken, 9]))["ended"] == 9
    late = Begun([taken])
    late.run = lambda: setattr(late, "now", late.now + REPLACED + 1) or Begun.run(late)  # type: ignore[method-assign]
    with pytest.raises(NonceTaken):
        lives(late)
    assert late.lives == 1


@pytest.mark.parametrize("lacking", [None, "its last record is of round 15, not 16"])
def test_a_node_is_disturbed_where_blocks_came_and_fell_out_between_two_looks(lacking):
    start = cast("Any", Start.__new__(Start))
    start.watch = SimpleNamespace(look=lambda at_once: True, reorganisations=0, trouble=None)
    start.follower = SimpleNamespace(lacks={AT: lacking}.__getitem__)
    start.node = SimpleNamespace(rpc=SimpleNamespace(latest=lambda: AT))
    assert start.was_disturbed() is (lacking is not None)
