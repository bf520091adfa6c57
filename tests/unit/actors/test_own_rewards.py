"""Own rewards of a participant: counted once each, late, never, and after a kill."""

from pathlib import Path
from threading import Event

import pytest

from chain_bandit.actors.own_rewards import OwnRewards
from chain_bandit.environments.errors import RewardsAway
from chain_bandit.environments.live import PullKey
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.settlement import Pull
from chain_bandit.protocol.units import UNIT
from tests.unit.environments.live_sources import Asked

BURN_IN = 2


def own(asked: Asked, waits: bool = False) -> OwnRewards:
    return OwnRewards(asked.rewards, 0, 2, BURN_IN, waits)


def given(own: OwnRewards, round_: int, arm: int = 0, count: int = 1) -> None:
    own.ask(Ledger(round_, b"", (0, 0)), Pull(arm, UNIT * count, count))


def test_a_killed_life_asks_again_with_the_same_key_and_counts_once(tmp_path: Path) -> None:
    free = Event()

    def script(key: PullKey, arm: int, attempt: int) -> object:
        if key.round == 3 and not free.is_set():
            free.wait(60)
        return [0.5, 0.25, 0.75][key.round - 1]

    first = Asked(script, tmp_path / "pulls.jsonl", timeout=60)
    one = own(first)
    for round_ in (1, 2, 3):
        given(one, round_, round_ % 2)
    one.take(3)
    assert (one.sums, one.pulls) == ((UNIT // 4, UNIT // 2), (1, 1)), "what is not there yet is not waited for"
    del one
    free.set()
    first.rewards.journal._lines.close()
    again = Asked(script, tmp_path / "pulls.jsonl", timeout=60)
    two = own(again, waits=True)
    for round_ in (1, 2, 3):
        given(two, round_, round_ % 2)
    two.take(4)
    assert (two.sums, two.pulls) == ((UNIT // 4, UNIT // 2 + UNIT * 3 // 4), (1, 2))
    two.take(5)
    assert two.pulls == (1, 2)
    assert {key.round for key in again.source.pulled} == {3}, "what was answered is not asked for again"
    assert again.source.pulled[0] in first.source.pulled


def test_a_pull_without_an_answer_is_in_neither_sums_nor_pulls() -> None:
    asked = Asked(lambda key, arm, attempt: 1 if key.round != 3 else "much", timeout=0.1)
    mine = own(asked, waits=True)
    for round_ in (1, 2, 3, 4):
        given(mine, round_)
    mine.take(5)
    assert (mine.sums, mine.pulls) == ((3 * UNIT, 0), (3, 0))
    assert "it is forfeited" in asked.said[0]


def test_a_report_waits_for_the_burn_in_and_no_longer_than_patience() -> None:
    mine = own(Asked(lambda key, arm, attempt: None, timeout=0.1, patience=0.3))
    given(mine, 1)
    with pytest.raises(RewardsAway):
        mine.take(3)


def test_a_source_that_is_back_is_asked_again_however_late_the_report_looks() -> None:
    clock = [0.0]
    asked = Asked(lambda key, arm, attempt: None if clock[0] < 9 else 1, timeout=0.05, patience=0.3)
    asked.rewards._now = lambda: clock[0]
    mine = own(asked)
    given(mine, 1)
    while not asked.source.pulled:
        pass
    clock[0] = 10.0
    mine.take(3)
    assert (mine.sums, mine.pulls) == ((UNIT, 0), (1, 0))


def test_a_phase_is_asked_for_pull_by_pull() -> None:
    mine = own(Asked(lambda key, arm, attempt: key.pull / 10), waits=True)
    given(mine, 3, 1, 4)
    mine.take(4)
    assert (mine.sums, mine.pulls) == ((0, UNIT * 6 // 10), (0, 4))
