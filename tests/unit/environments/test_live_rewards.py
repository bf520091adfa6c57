"""Live rewards: a pull is on disk before it is sent, its answer before it is used, and nothing counts late."""

import json
import threading
from pathlib import Path
from time import monotonic, sleep

import pytest

from chain_bandit.append_log import LogDamaged
from chain_bandit.environments.errors import RewardsAway, RewardsExhausted
from chain_bandit.environments.live import CallableSource, PullKey, SourceFailed
from chain_bandit.plugins import PluginBroken
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.rewards import Wanted
from tests.unit.environments.live_sources import GAME, Asked

HALF = 5 * 10**8


def lines(path: Path) -> list[list[object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_pull_is_on_disk_before_it_is_sent_and_its_answer_before_it_is_told(tmp_path: Path) -> None:
    path, seen = tmp_path / "pulls.jsonl", []

    def script(key: PullKey, arm: int, attempt: int) -> float:
        seen.extend(lines(path))
        return 0.5

    assert Asked(script, path).one(3, seat=1, arm=1) == HALF
    assert seen == [["pull", 3, 1, 1, 1]]
    assert lines(path) == [*seen, ["reward", 3, 1, [HALF]]]


def test_a_pull_is_asked_once_however_often_it_is_wanted() -> None:
    asked = Asked(lambda key, arm, attempt: 0.5)
    assert [asked.one(3) for _ in range(3)] == [HALF] * 3
    assert asked.source.pulled == [PullKey(GAME.hex(), 3, 0)]
    assert str(PullKey(GAME.hex(), 3, 0, 7)) == f"{GAME.hex()}-3-0-7"


@pytest.mark.parametrize(
    ("answer", "told"),
    [(float("nan"), "got nan"), (2, "got 2"), ("much", "got 'much'"), (None, "got nothing"), (True, "got True")],
)
def test_what_is_no_reward_is_asked_for_again_and_then_forfeited_by_a_sentence(answer: object, told: str) -> None:
    asked = Asked(lambda key, arm, attempt: answer)
    assert asked.one(7, seat=2, arm=1) is None
    assert asked.said == [
        f"script: reward of second, participant 2, round 7: expected a number from 0 to 1, {told}; it is forfeited"
    ]
    assert len(asked.source.pulled) > 1
    assert set(asked.source.pulled) == {PullKey(GAME.hex(), 7, 2)}


def test_a_reward_that_becomes_right_in_time_counts() -> None:
    asked = Asked(lambda key, arm, attempt: 2 if attempt < 3 else 0.5, timeout=5.0)
    assert asked.one(7) == HALF
    assert asked.said == []


def test_a_reward_that_comes_late_changes_nothing_and_nobody_waits_for_it(tmp_path: Path) -> None:
    path, free = tmp_path / "pulls.jsonl", threading.Event()

    def script(key: PullKey, arm: int, attempt: int) -> float:
        assert free.wait(30)
        return 0.5

    asked, began = Asked(script, path, timeout=0.1), monotonic()
    assert asked.one(7) is None
    assert monotonic() - began < 5
    assert asked.said == ["script: reward of first, participant 0, round 7: no answer in 0.1 s; it is forfeited"]
    free.set()
    sleep(0.1)
    assert asked.one(7) is None
    assert lines(path) == [["pull", 7, 0, 0, 1], ["forfeit", 7, 0]]


def test_a_slow_answer_stops_no_other() -> None:
    free = threading.Event()

    def script(key: PullKey, arm: int, attempt: int) -> float:
        return 0.5 if key.participant else float(not free.wait(30))

    asked, ledger = Asked(script, timeout=20.0), Ledger(7, b"", (0, 0))
    wanted = [Wanted(seat, 0) for seat in range(4)]
    asked.rewards.ask(ledger, wanted)
    assert [asked.rewards.reward(ledger, each) for each in wanted[1:]] == [HALF] * 3
    assert not asked.rewards.has(ledger, wanted[0])
    free.set()
    assert asked.rewards.reward(ledger, wanted[0]) == 0


def test_after_a_restart_an_answered_pull_is_not_asked_again_and_an_open_one_is_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "pulls.jsonl"
    path.write_text('["pull", 1, 0, 0, 1]\n["reward", 1, 0, [250000000]]\n["pull", 2, 0, 1, 1]\n'
                    '["pull", 2, 1, 1, 1]\n["forfeit", 2, 1]\n["pull", 3')  # fmt: skip
    asked = Asked(lambda key, arm, attempt: 0.5, path)
    keys = [PullKey(GAME.hex(), round_, seat) for round_, seat in ((1, 0), (2, 0), (2, 1))]
    assert asked.source.asked_for == keys
    assert (asked.one(1), asked.one(2, arm=1), asked.one(2, seat=1, arm=1)) == (HALF // 2, HALF, None)
    assert asked.source.pulled == [keys[1]]


def test_another_arm_in_the_place_of_a_pull_that_was_sent_gives_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pulls.jsonl"
    path.write_text('["pull", 2, 0, 1, 1]\n')
    asked = Asked(lambda key, arm, attempt: 0.5, path)
    assert asked.one(2, arm=0) is None
    assert asked.one(2, arm=1) == HALF


@pytest.mark.parametrize("line", ['["reward", 9, 9, [1]]', '["pull", 1]', '["stolen", 1, 1]', "{}", "1",
                                  '["pull", 1, 0, 0, 1]\n["reward", 1, 0, [2000000000]]'])  # fmt: skip
def test_a_damaged_journal_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "pulls.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(LogDamaged, match="is no line of this version"):
        Asked(lambda key, arm, attempt: 0.5, path)


def test_a_pull_that_must_come_is_asked_for_until_it_does() -> None:
    asked = Asked(lambda key, arm, attempt: 0.5 if attempt > 4 else None, timeout=0.1)
    assert asked.one(1, must=True) == HALF
    assert asked.said
    assert all(line.endswith("got nothing; it is asked for again") for line in asked.said)


def test_nobody_waits_for_ever_for_a_pull_that_must_come() -> None:
    asked = Asked(lambda key, arm, attempt: None, timeout=0.1, patience=0.2)
    with pytest.raises(RewardsAway, match="the game cannot go on without it; script: reward of first") as error:
        asked.one(1, must=True)
    assert error.value.exit_code == 5


def test_a_failure_that_is_final_stops_at_once() -> None:
    def script(key: PullKey, arm: int, attempt: int) -> float:
        raise SourceFailed("no row", final=True)

    asked, began = Asked(script, timeout=30.0), monotonic()
    with pytest.raises(RewardsExhausted, match="reward of first, participant 0, round 1: no row"):
        asked.one(1)
    assert monotonic() - began < 10


def test_the_pulls_of_a_phase_have_a_key_each_and_count_together_or_not_at_all() -> None:
    asked = Asked(lambda key, arm, attempt: 0.25 * key.pull)
    assert asked.one(5, count=4) == 3 * HALF
    assert asked.source.pulled == [PullKey(GAME.hex(), 5, 0, pull) for pull in range(4)]
    assert asked.one(6, count=6) is None


def test_what_is_forgotten_is_dropped_from_memory_alone(tmp_path: Path) -> None:
    path = tmp_path / "pulls.jsonl"
    asked = Asked(lambda key, arm, attempt: 0.5, path)
    asked.one(1)
    asked.rewards.forget(2)
    assert asked.rewards.journal.get((1, 0)) is None
    assert len(lines(path)) == 2


def test_a_function_is_found_by_name_and_what_it_raises_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_rewards.py").write_text("def pull(key, arm):\n    return [0.5, 1 / arm][key.round]\n")
    monkeypatch.syspath_prepend(tmp_path)
    source = CallableSource("own_rewards:pull")
    assert source.pull(PullKey("", 0, 0), 1, 1.0) == 0.5
    with pytest.raises(SourceFailed, match="it raised ZeroDivisionError: division by zero"):
        source.pull(PullKey("", 1, 0), 0, 1.0)
    with pytest.raises(PluginBroken, match="no attribute 'push'"):
        CallableSource("own_rewards:push")
    with pytest.raises(PluginBroken, match="expected a function, got 'own_rewards'"):
        CallableSource("own_rewards:__name__")
