"""comparison/ideal.py: only what opens a commitment counts."""

import pytest

from chain_bandit.comparison.ideal import MOST_OPENINGS, IdealComparison
from chain_bandit.comparison.interface import ComparisonRound, Opening
from chain_bandit.protocol.messages import Slot, commitment

LARGEST = 12
SALT = b"\1" * 32
COUNTS = (3, 1)
COMMITTED = commitment(COUNTS, SALT)
SETTING = ComparisonRound(Slot(bytes(32), 1, bytes(32)), bytes(32), (0, 1, 2))


@pytest.fixture
def comparison():
    ideal = IdealComparison(LARGEST)
    ideal.begin((4, 2), 2, SETTING)
    return ideal


def test_a_seat_is_missing_when_nothing_or_only_something_else_was_opened(comparison):
    comparison.on_opening(1, Opening(COUNTS, SALT))
    comparison.on_opening(2, Opening((3, 2), SALT))
    assert comparison.bits({0: COMMITTED, 1: COMMITTED, 2: COMMITTED}) == {1: (True, False)}


def test_the_fifth_opening_of_a_seat_is_ignored(comparison):
    for count in range(MOST_OPENINGS):
        comparison.on_opening(0, Opening((count, 0), SALT))
    comparison.on_opening(0, Opening(COUNTS, SALT))
    assert comparison.bits({0: COMMITTED}) == {}
    assert comparison.bits({0: commitment((3, 0), SALT)}) == {0: (True, False)}


def test_the_same_question_has_the_same_answer_for_everybody_and_any_seat_order(comparison):
    for seat in (2, 0, 1):
        comparison.on_opening(seat, Opening(COUNTS, SALT))
    asked = dict.fromkeys((0, 1, 2), COMMITTED)
    answer = comparison.bits(asked)
    assert answer == comparison.bits(dict(reversed(asked.items()))) == dict.fromkeys(asked, (True, False))


def test_a_false_opening_beside_the_true_one_changes_nothing(comparison):
    comparison.on_opening(0, Opening((0, 0), SALT))
    comparison.on_opening(0, Opening(COUNTS, SALT))
    comparison.on_opening(0, Opening((9, 9), SALT))
    assert comparison.bits({0: COMMITTED}) == {0: (True, False)}


def test_openings_are_forgotten_when_the_next_round_begins(comparison):
    comparison.on_opening(0, Opening(COUNTS, SALT))
    comparison.begin((5, 1), 3, SETTING)
    assert comparison.bits({0: COMMITTED}) == {}
    comparison.on_opening(0, Opening(COUNTS, SALT))
    assert comparison.bits({0: COMMITTED}) == {0: (True, True)}
