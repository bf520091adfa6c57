"""The deadlines of a round's steps, with a clock of the test's own."""

from chain_bandit.network.round_timer import FORGIVEN, RoundTimer, Timeliness


def test_step_is_over_when_everybody_has_spoken_and_bounded_by_the_rounds_beginning():
    pace = RoundTimer(100.0, 0.5, {1, 2})
    pace.begin(0)
    assert (pace.missing(), pace.deadline) == ({1, 2}, 100.5)
    pace.arrived(1, 0)
    pace.arrived(2, 1)
    assert pace.missing() == {2}
    pace.arrived(2, 0)
    assert pace.missing() == frozenset()
    pace.begin(1)
    assert (pace.missing(), pace.deadline) == ({1}, 101.0)  # however early step 0 was over


def test_who_is_late_is_waited_for_again_only_in_the_next_round_and_only_if_it_spoke():
    pace = RoundTimer(0.0, 1.0, {1, 2, 3})
    pace.begin(0)
    pace.arrived(1, 0)
    assert pace.end() == {2, 3}
    pace.begin(1)
    assert pace.missing() == {1}
    pace.arrived(3, 0)
    pace.arrived(1, 1)
    assert pace.present == {1, 3}


def test_no_step_is_over_early_with_fewer_voices_than_a_quorum_takes():
    pace = RoundTimer(0.0, 1.0, {1}, frozenset({1, 2, 3}), least=2)
    pace.begin(0)
    pace.arrived(1, 0)
    assert pace.missing() == {2, 3}
    pace.arrived(3, 0)
    assert pace.missing() == frozenset()
    pace.begin(1)
    assert pace.end() == {1}  # 2 and 3 are none that were to be there


def test_an_answer_that_was_asked_for_holds_the_step_and_no_other_one():
    pace = RoundTimer(0.0, 1.0, set())
    pace.begin(0)
    pace.ask(-2)
    assert pace.missing() == {-2}
    pace.answered(-2)
    assert pace.missing() == frozenset()
    pace.ask(-2)
    pace.begin(1)
    assert pace.missing() == frozenset()


def test_who_is_not_read_any_more_is_not_waited_for():
    pace = RoundTimer(0.0, 1.0, {1, 2})
    pace.begin(0)
    pace.dismiss(1)
    assert pace.missing() == {2}
    assert pace.end() == {2}


def test_the_rushing_wait_for_some_alone():
    pace = RoundTimer(0.0, 1.0, {1, 2, 3})
    pace.begin(0)
    pace.arrived(1, 0)
    assert pace.missing(frozenset({1, 2})) == {2}


def test_who_lapses_again_is_waited_for_ever_less_often():
    standing, waited = Timeliness(), []
    for round_ in range(1, 200):
        if standing.awaited({1, 2}, round_) - {2}:
            waited.append(round_)
            standing.lapsed({1}, round_)
    assert waited == [1, 2, 4, 8, 16, 32, 64, 128, 192]


def test_nodes_that_count_other_lapses_wait_in_the_same_rounds():
    waited: list[list[int]] = []
    for first in (5, 6, 11):
        standing, rounds = Timeliness(), []
        for round_ in range(first, 140):
            if standing.awaited({1}, round_):
                rounds.append(round_)
                standing.lapsed({1}, round_)
        waited.append(rounds)
    assert waited == [
        [5, 6, 8, 12, 16, 32, 64, 128], [6, 7, 8, 12, 16, 32, 64, 128], [11, 12, 14, 16, 24, 32, 64, 128],
    ]  # fmt: skip


def test_a_lapse_is_forgotten_after_sixteen_rounds_in_time():
    standing = Timeliness()
    standing.lapsed({1}, 1)
    for _ in range(FORGIVEN - 1):
        standing.kept({1, 2})
    standing.lapsed({1}, 40)
    assert standing.awaited({1, 2}, 41) == {2}
    for _ in range(2 * FORGIVEN):
        standing.kept({1})
    standing.lapsed({1}, 80)
    assert standing.awaited({1}, 81) == {1}
