"""The environment: how long it waits for pulls before it settles a round, and what it keeps of what it gave."""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit.actors.messages import PullRequest, Receipt, Send
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.network.wire import Owed
from chain_bandit.nodes import environment as module
from chain_bandit.nodes.environment import EnvironmentRole
from chain_bandit.nodes.receipts import KeptReceipts
from chain_bandit.nodes.sign_once import AlreadySigned, JournalRolledBack, SignedJournal
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.messages import Phase, Role

WINDOW = 60.0
BLIND: Any = SimpleNamespace(on_record=lambda ledger, found: None, unproven=list, knows_all=lambda: True)
"""A prover in a game without proofs."""


def drawn(round_: int | None = None) -> bool:
    """Whether live rewards were asked for and are not there yet: of drawn ones never."""
    return False


def test_each_round_is_waited_for_as_long_whoever_was_away_in_those_before():
    now, written, last = [0.0], list[int](), [0, 0]
    parameters = SimpleNamespace(burn_in=2, sealed=False, provable=0, settles_tallies=0, has_phases=False)
    rules = SimpleNamespace(everybody=(0, 1), parameters=parameters, rewarded=lambda ledger, header: (0, 1))
    environment: Any = SimpleNamespace(rules=rules, begin=lambda ledger: None, is_asking=drawn)
    books: Any = SimpleNamespace(settlement=lambda least: None)
    books.add = lambda record, body: written.append(books.ledger.round)
    scenario = SimpleNamespace(chain=SimpleNamespace(settle_every=1))
    kept = SimpleNamespace(get=lambda seat, round_: None, last=lambda seat: last[seat])
    contract = SimpleNamespace(settled_through=lambda: 0)
    journal = SimpleNamespace(forget=lambda through: None)
    given: Any = (environment, books, scenario, kept, journal, contract, None, None, None, BLIND, WINDOW)
    role = EnvironmentRole(*given, lambda: now[0])

    def recorded(round_: int) -> None:
        role.begin(SimpleNamespace(round=round_))  # type: ignore[arg-type]
        found: Any = SimpleNamespace(record=SimpleNamespace(kind=Kind.APPROVED, header=SimpleNamespace()), block=None)
        role.recorded(found)
        last[0] = round_
        role.close(found)

    recorded(5)
    now[0] = WINDOW - 1
    role.act(True, False)
    assert written == []
    now[0] = WINDOW
    role.act(True, False)
    assert written == [5]
    for round_ in (6, 7):
        recorded(round_)
        now[0] += WINDOW / 2
    role.act(True, False)
    assert written == [5, 6]
    last[1] = 7  # as one that has restarted
    role.act(True, False)
    assert written == [5, 6, 7]


def test_an_environment_that_is_back_after_the_window_for_settlement_closes_the_game():
    """What it did not settle is void; a wait for final accounts ends."""
    called: list[str] = []

    class Chain:
        def settled_through(self) -> int:
            return 0

        def settle(self) -> None:
            pass

        def __getattr__(self, name: str) -> Any:
            def call(*given: object) -> None:
                called.append(name)
                if name != "close":
                    raise TransactionReverted(name, "WindowPassed", (115, 111))

            return call

    parameters = SimpleNamespace(sealed=True, provable=0, settles_tallies=0, slash=0, has_phases=False, burn_in=2)
    environment: Any = SimpleNamespace(
        rules=SimpleNamespace(parameters=parameters), secret=b"", roles=(), sums=(),
        model=SimpleNamespace(encode=lambda: b""),
    )  # fmt: skip
    books: Any = SimpleNamespace(
        settlement=lambda least: (9, b""), settled=lambda: None, sums=lambda: b"", ledger=SimpleNamespace(round=10)
    )
    follower: Any = SimpleNamespace(closed=False, revealed=False, rest=lambda: None)
    files: Any = SimpleNamespace(sync=lambda: None)
    given: Any = (environment, books, None, files, files, Chain(), None, None, follower, BLIND, WINDOW)
    role = EnvironmentRole(*given)
    for _ in range(3):
        assert not role.finish()
    assert called == ["settle_rewards", "settle_sums", "reveal", "close", "close"]


def test_a_development_chain_that_lacks_what_was_read_from_it_is_not_hurried_over_its_settlement_window():
    """Schedule 21864: a reorganisation took the settlement out of it."""
    mined, whole, now = list[int](), [False], [0.0]

    def refused(wallet: object) -> None:
        raise TransactionReverted("close", "Unfinished", ())

    parameters = SimpleNamespace(sealed=False, provable=0, settles_tallies=0, slash=0, burn_in=2, settlement_window=80)
    environment: Any = SimpleNamespace(rules=SimpleNamespace(parameters=parameters), sums=())
    contract: Any = SimpleNamespace(settled_through=lambda: 0, close=refused)
    follower: Any = SimpleNamespace(is_whole=lambda: whole[0])
    node: Any = SimpleNamespace(mine=mined.append)
    given: Any = (environment, None, None, None, None, contract, None, node, follower, BLIND, WINDOW)
    role = EnvironmentRole(*given, lambda: now[0])
    for now[0] in (1.0, 2 * WINDOW, 3 * WINDOW):
        assert not role._close()
    assert mined == []
    whole[0] = True
    assert not role._close()
    assert mined == [80]


def provable_journal(path: Path, *signed: int) -> SignedJournal:
    """One that knows receipts of round 9, and roots of some settlements."""
    journal = SignedJournal(path, bytes(32), bytes(20))
    journal.admit((9, int(Phase.REWARD), int(Role.ENVIRONMENT), 0), bytes(32))
    for through in signed:
        journal.admit((through, int(Phase.REWARD), int(Role.TALLIES), 0), bytes(32))
    return journal


def test_a_round_is_not_written_down_while_a_live_reward_of_it_is_on_its_way(tmp_path):
    now, kept = [0.0], KeptReceipts(tmp_path / "receipts.jsonl")
    giver, role, written = giving(kept, now)
    asked, come = [5], list[Send]()
    giver.is_asking = lambda round_=None: bool(asked) if round_ is None else round_ in asked  # type: ignore[method-assign]
    giver.answered = lambda: [come.pop()] if come else []  # type: ignore[attr-defined]
    end(role, 5, Kind.APPROVED)
    now[0] = 2 * WINDOW
    role.act(False, False)
    assert (written, role.expects(), role.overdue()) == ([], True, [])
    asked.clear()
    come.append(Send((0,), receipt(5)))
    assert [to for to, _ in role.overdue()] == [0]
    assert (kept.has(0, 5), role.expects()) == (True, False)
    role.act(False, False)
    assert written == [5]


def test_receipts_end_with_the_last_root_that_is_signed_whether_it_was_sent_or_not(tmp_path):
    parameters: Any = SimpleNamespace(burn_in=4, provable=1, settles_tallies=1)
    journal = provable_journal(tmp_path / "signed.jsonl", 6, 8)
    assert [module.signed_through(journal, settled, parameters) for settled in (4, 6, 8)] == [8, 8, 8]
    with pytest.raises(JournalRolledBack, match="TALLIES"):
        module.signed_through(journal, 9, parameters)
    parameters.settles_tallies = 0
    assert module.signed_through(journal, 9, parameters) == 9


def test_a_round_whose_root_is_signed_takes_no_pull_more_after_a_restart(tmp_path):
    """Else the root of the same settlement would be another one, and the environment have signed both."""
    given, written = list[int](), list[int]()
    parameters = SimpleNamespace(burn_in=4, sealed=False, provable=1, settles_tallies=1, unrecorded=1, has_phases=False)
    rules = SimpleNamespace(everybody=(0, 1), parameters=parameters, rewarded=lambda ledger, header: (0, 1))
    environment: Any = SimpleNamespace(
        rules=rules, begin=lambda ledger: None, is_asking=drawn,
        late_pull=lambda seat, round_, pull: given.append(round_) or [],
    )  # fmt: skip
    books: Any = SimpleNamespace(settlement=lambda least: None)
    books.add = lambda record, body: written.append(books.ledger.round)
    kept = SimpleNamespace(get=lambda seat, round_: None, since=lambda *given: [], last=lambda seat: 0 if seat else 9)
    contract = SimpleNamespace(settled_through=lambda: 4)
    scenario = SimpleNamespace(chain=SimpleNamespace(settle_every=1))
    journal = provable_journal(tmp_path / "signed.jsonl", 6)
    args: Any = (environment, books, scenario, kept, journal, contract, None, None, None, BLIND, WINDOW)
    role = EnvironmentRole(*args)
    found: Any = SimpleNamespace(record=SimpleNamespace(kind=Kind.APPROVED, header=SimpleNamespace()), block=None)
    for round_ in (6, 7):
        role.begin(SimpleNamespace(round=round_))  # type: ignore[arg-type]
        role.take(1, round_, PullRequest(0, b""))
        role.recorded(found)
        role.close(found)
    assert (given, written) == ([7], [6])


def test_the_root_of_the_last_settlement_is_signed_when_the_last_round_is_over(tmp_path):
    """The journal refuses what is older: it forgets a round later than nothing more is given in it."""
    journal = provable_journal(tmp_path / "signed.jsonl")
    parameters = SimpleNamespace(burn_in=4, provable=1, settles_tallies=1, sealed=False, has_phases=False)
    environment: Any = SimpleNamespace(
        begin=lambda ledger: None, rules=SimpleNamespace(everybody=(), parameters=parameters), is_asking=drawn,
    )  # fmt: skip
    books: Any = SimpleNamespace(settlement=lambda least: None, add=lambda record, body: None)
    scenario, contract = SimpleNamespace(chain=SimpleNamespace(settle_every=9)), SimpleNamespace(settled_through=int)
    args: Any = (environment, books, scenario, None, journal, contract, None, None, None, BLIND, WINDOW)
    role = EnvironmentRole(*args)
    found: Any = SimpleNamespace(record=SimpleNamespace(kind=Kind.REJECTED, header=SimpleNamespace()), block=None)
    for round_ in (11, 12):
        role.begin(SimpleNamespace(round=round_))  # type: ignore[arg-type]
        role.recorded(found)
        role.close(found)
    root = int(Phase.REWARD), int(Role.TALLIES), 0
    with pytest.raises(AlreadySigned):
        journal.admit((11, *root), bytes(32))
    journal.admit((12, *root), bytes(32))


class Giver:
    """An environment that gives whatever it is told to give."""

    def __init__(self) -> None:
        self.gave = list[tuple[int, int]]()
        self.rules: Any = SimpleNamespace(
            everybody=(0, 1), rewarded=lambda ledger, header: (0, 1),
            parameters=SimpleNamespace(
                burn_in=4, sealed=False, provable=1, settles_tallies=1, unrecorded=2, has_phases=False, arms=2
            ),
        )  # fmt: skip

    def begin(self, ledger: Any) -> None:
        pass

    leave_open = close = begin

    def on_message(self, sender: int, message: Any) -> None:
        pass

    def on_tick(self, step: int) -> list[Send]:
        return []

    def given(self, round_: int) -> dict[int, Receipt]:
        return {seat: receipt(each) for each, seat in self.gave if each == round_}

    def ask_ahead(self, seats: Any, arm: int) -> None:
        pass

    def is_asking(self, round_: int | None = None) -> bool:
        return False

    def give_to(self, seat: int, round_: int, arm: int) -> Receipt:
        self.gave.append((round_, seat))
        return receipt(round_)

    def late_pull(self, seat: int, round_: int, pull: PullRequest) -> list[Send]:
        return [Send((seat,), self.give_to(seat, round_, pull.arm))]


def giving(
    kept: KeptReceipts, now: list[float], height: Callable[[], int] = int
) -> tuple[Giver, EnvironmentRole, list[int]]:
    """A node that gives receipts of recorded rounds, and which of them it has written down."""
    environment, written = Giver(), list[int]()
    books: Any = SimpleNamespace(settlement=lambda least: None)
    books.add = lambda record, body: written.append(books.ledger.round)
    journal = SimpleNamespace(forget=lambda through: None, places=())
    scenario = SimpleNamespace(chain=SimpleNamespace(settle_every=1))
    contract = SimpleNamespace(
        settled_through=int, next_round=int, owed=lambda account: 0,
        blocks_left=lambda parameters, blocks: 1000 + blocks - height(),
    )  # fmt: skip
    wallet, node = SimpleNamespace(address=f"0x{bytes(20).hex()}"), None
    follower = SimpleNamespace(rest=lambda: None, closed=True)
    args: Any = (environment, books, scenario, kept, journal, contract, wallet, node, follower, BLIND, WINDOW)
    return environment, EnvironmentRole(*args, lambda: now[0]), written


def end(role: EnvironmentRole, round_: int, kind: Kind, *pulling: int) -> None:
    """A round, and who pulls in it."""
    block = SimpleNamespace(body=b"") if kind in (Kind.APPROVED, Kind.REJECTED) else None
    found: Any = SimpleNamespace(record=SimpleNamespace(kind=kind, header=block), block=block)
    role.begin(SimpleNamespace(round=round_, explorations=0))  # type: ignore[arg-type]
    role.recorded(found)
    for seat in pulling:
        role.take(seat, round_, PullRequest(0, b""))
    role.close(found)


def test_receipts_go_in_the_order_of_rounds_whoever_pulls_a_later_one_first(tmp_path):
    """An unasked one that waits for an earlier pull would be signed over another tally than its leaf."""
    now, kept = [0.0], KeptReceipts(tmp_path / "receipts.jsonl")
    environment, role, written = giving(kept, now)
    end(role, 5, Kind.APPROVED, 0)
    end(role, 6, Kind.EXPLORATION)
    end(role, 7, Kind.APPROVED, 0, 1)
    now[0] = WINDOW
    role.act(True, False)
    role.take(1, 5, PullRequest(0, b""))
    assert written == [5, 6, 7]
    for seat in (0, 1):
        assert (own := [round_ for round_, to in environment.gave if to == seat]) == sorted(own)
    assert role.take(1, 6, Owed(6)) == [(1, receipt(6)), (1, receipt(7)), (1, Owed(6))]
    environment, role, written = giving(kept, now)  # after a restart: it has another receipt in round 7 already
    end(role, 5, Kind.APPROVED, 1)
    assert (5, 1) not in environment.gave
    kept.close()


def test_a_settlement_that_proofs_hang_on_waits_for_so_many_blocks_only(tmp_path):
    """Else a liar that does not pull is not listed before the game is over; skips are no reason to lose a reward."""
    kept = KeptReceipts(tmp_path / "receipts.jsonl")
    environment, role, written = giving(kept, [0.0])
    end(role, 5, Kind.APPROVED, 0)
    for round_ in range(6, 13):
        end(role, round_, Kind.SKIP)
    for round_, kind in ((13, Kind.APPROVED), (14, Kind.REJECTED)):
        end(role, round_, kind, 0)
    assert written == []
    environment.rules.parameters.provable = 0
    end(role, 15, Kind.APPROVED, 0)
    assert written == []
    environment.rules.parameters.provable = 1
    role.act(True, False)
    assert written == list(range(5, 13))
    kept.close()


@pytest.mark.parametrize(("within", "last"), [(25, 12), (100, 50)])
def test_after_the_last_round_pulls_are_waited_for_until_half_of_the_blocks_for_settlement_are_gone(
    tmp_path, within, last
):
    """Else who does not pull in it has the settlement come too late, and the game is void: no lie is proven."""
    height, kept = [0], KeptReceipts(tmp_path / "receipts.jsonl")
    environment, role, written = giving(kept, [0.0], lambda: height[0])
    environment.rules.parameters.shown_within = within
    end(role, 5, Kind.APPROVED, 0)
    for height[0], found in ((1000, []), (1000 + last - 1, []), (1000 + last, [5])):
        assert role.finish() == (found != [])
        assert written == found
    kept.close()


def test_live_rewards_that_are_on_their_way_at_the_end_are_forfeited_in_time(tmp_path):
    height, kept = [1011], KeptReceipts(tmp_path / "receipts.jsonl")
    environment, role, written = giving(kept, [0.0], lambda: height[0])
    environment.rules.parameters.shown_within = 25
    asked, expired = [5], list[int]()
    environment.is_asking = lambda round_=None: round_ in asked  # type: ignore[method-assign]
    environment.expire = lambda round_: expired.append(round_) or asked.clear()  # type: ignore[attr-defined]
    end(role, 5, Kind.APPROVED, 0, 1)
    assert not role.finish()
    assert (expired, written) == ([], [])
    height[0] += 1
    assert not role.finish()
    assert (expired, written) == ([5], [])
    assert role.finish()
    assert written == [5]
    kept.close()


@pytest.mark.parametrize("has_phases", [False, True])
def test_after_one_phase_that_was_waited_for_in_vain_no_other_is(tmp_path, has_phases):
    """They are settled all or none: liars that come late in turns would put that off for ever."""
    kept = KeptReceipts(tmp_path / "receipts.jsonl")
    environment, role, written = giving(kept, [0.0])
    environment.rules.parameters.has_phases = has_phases
    for round_ in (5, 6, 7):
        end(role, round_, Kind.APPROVED, 0)
    role.tick(1)
    assert written == []
    end(role, 8, Kind.APPROVED, 0)
    role.begin(SimpleNamespace(round=9, explorations=0))  # type: ignore[arg-type]
    role.act(False, False)
    role.tick(0)
    assert written == [5]
    role.act(False, False)  # long before the round's record, which would put off phases that are not settled
    assert written == ([5, 6, 7, 8] if has_phases else [5])
    end(role, 9, Kind.APPROVED, 0)
    role.tick(1)
    assert written == ([5, 6, 7, 8] if has_phases else [5, 6])
    kept.close()


def test_who_waits_for_the_receipt_before_gets_the_unasked_one_with_it(tmp_path):
    now, kept = [0.0], KeptReceipts(tmp_path / "receipts.jsonl")
    _, role, _ = giving(kept, now)
    end(role, 5, Kind.APPROVED, 0)
    end(role, 6, Kind.EXPLORATION)
    assert role.take(1, 6, Owed(6)) == []
    role.take(1, 5, PullRequest(0, b""))
    assert role.take(1, 6, Owed(6)) == [(1, receipt(6)), (1, Owed(6))]
    kept.close()


def receipt(round_: int) -> Receipt:
    return Receipt(round_, 1, round_ * 1000, bytes([round_ % 256]) * 32, bytes(64))


def test_receipts_are_read_again_from_their_file_before_and_after_a_restart(tmp_path):
    """Also those that came out of order."""
    order = [*range(1, 400), 402, 401, 403]
    for turn in range(2):
        kept = KeptReceipts(tmp_path / "receipts.jsonl")
        for round_ in order if not turn else [7]:
            for seat in (0, 3):
                kept.add(seat, receipt(round_))
        assert [kept.get(3, round_) for round_ in order] == [receipt(round_) for round_ in order]
        assert (kept.get(3, 400), kept.get(1, 1), kept.has(0, 401)) == (None, None, True)
        assert kept.since(0, 398, 4) == [receipt(round_) for round_ in (398, 399, 401, 402)]
        kept.close()
    assert (tmp_path / "receipts.jsonl").read_bytes().count(b"\n") == 2 * len(order)


def test_only_a_receipt_of_a_phase_says_of_how_many_pulls_it_is(tmp_path):
    one, more = receipt(7), replace(receipt(8), reward=2**40, count=900)
    for _ in range(2):
        kept = KeptReceipts(tmp_path / "receipts.jsonl")
        for each in (one, more):
            kept.add(3, each)
        assert (kept.since(3, 1, 9), kept.last(3), kept.last(2)) == ([one, more], 8, 0)
        kept.close()
    lines = (tmp_path / "receipts.jsonl").read_text().splitlines()
    assert [json.loads(line)[6:] for line in lines] == [[], [900]]


@pytest.mark.parametrize("left", [0, 1, 5])
def test_an_environment_whose_receipts_were_emptied_or_are_older_than_its_journal_is_refused(tmp_path, left):
    path, journal = tmp_path / "receipts.jsonl", SignedJournal(tmp_path / "signed.jsonl", bytes(32), bytes(20))
    kept = KeptReceipts(path)
    for round_ in range(1, 4):
        for seat in (0, 1):
            journal.admit((round_, int(Phase.REWARD), int(Role.ENVIRONMENT), seat), bytes(32))
            kept.add(seat, receipt(round_))
    kept.sync()
    module.require_receipts(kept, journal, 4, False)
    kept.close()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:left]))
    kept = KeptReceipts(path)
    with pytest.raises(module.ReceiptsLost, match=f"lacks {6 - left} receipts .* restore the original file") as refused:
        module.require_receipts(kept, journal, 4, False)
    assert refused.value.exit_code == 3
    journal.forget(9)  # where the journal says nothing the chain does: there are reports
    assert not left or module.require_receipts(kept, journal, 4, True) is None
    if not left:
        with pytest.raises(module.ReceiptsLost):
            module.require_receipts(kept, journal, 4, True)


def test_what_a_node_has_signed_and_was_given_grows_by_less_than_a_hundred_bytes_a_round_and_seat(tmp_path):
    """What is kept for ever is in the files. Before, digests and receipts took 2.5 kB a round of four seats."""
    journal, kept = SignedJournal(tmp_path / "signed.jsonl", bytes(32), bytes(20)), KeptReceipts(tmp_path / "receipts")
    sizes, seats = list[int](), range(4)
    tracemalloc.start()
    for round_ in range(1, 601):
        for seat in seats:
            journal.admit((round_, int(Phase.REWARD), int(Role.ENVIRONMENT), seat), round_.to_bytes(32, "big"))
            kept.add(seat, receipt(round_))
        kept.sync()
        journal.sync()
        journal.forget(round_)
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert (sizes[-1] - sizes[199]) / 400 < 100 * len(seats)
    with pytest.raises(AlreadySigned, match="in a round that is over"):
        journal.admit((600, int(Phase.REWARD), int(Role.ENVIRONMENT), 0), bytes(32))
    assert journal.last == 600
