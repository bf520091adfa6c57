"""Sealed games: a tag stands for one pull, which the environment's secret opens after the game."""

from chain_bandit.protocol.sealing import noise_seed, nonce, pull_of_tag, receipt_tag, receipt_tags
from chain_bandit.protocol.settlement import NOTHING, TAG_BYTES, Pull
from chain_bandit.protocol.within_a_round import forget, kept_within_a_round

SECRET, SEED = b"\x05" * 32, b"\x06" * 32
REWARDS = (100, 200, 300)


def opened(tag, arms=(0, 1, 2), secret=SECRET, round_=9, seat=3):
    return pull_of_tag(secret, SEED, round_, seat, tag, arms, REWARDS.__getitem__)


def test_a_tag_is_opened_to_the_pull_that_it_stands_for():
    for arm, reward in enumerate(REWARDS):
        tag = receipt_tag(SECRET, SEED, 9, 3, Pull(arm, reward))
        assert len(tag) == TAG_BYTES
        assert opened(tag) == opened(tag, (2, 1, 0)) == Pull(arm, reward)
    assert opened(receipt_tag(SECRET, SEED, 9, 3, NOTHING)) == NOTHING


def test_a_tag_of_anything_else_is_opened_to_nothing():
    tag = receipt_tag(SECRET, SEED, 9, 3, Pull(1, REWARDS[1]))
    assert opened(receipt_tag(SECRET, SEED, 9, 3, Pull(1, REWARDS[1] + 1))) is None
    assert opened(tag, ()) is None
    assert opened(tag, (0, 2)) is None
    for other in ({"secret": b"\x07" * 32}, {"round_": 10}, {"seat": 4}):
        assert opened(tag, **other) is None


def test_tags_of_a_round_are_those_of_its_seats_in_order():
    pulls = [Pull(0, 100), NOTHING, Pull(2, 300)]
    assert receipt_tags(SECRET, SEED, 9, pulls) == b"".join(
        receipt_tag(SECRET, SEED, 9, seat, pull) for seat, pull in enumerate(pulls)
    )


def test_nonces_and_noise_differ_by_all_that_they_are_of():
    assert len({nonce(game, t, seat) for game in (b"a" * 32, b"b" * 32) for t in (1, 2) for seat in (0, 1)}) == 8
    assert len({noise_seed(key, seed) for key in (SECRET, SEED) for seed in (SECRET, SEED)}) == 4


def test_what_is_kept_within_a_round_is_computed_once_until_the_round_is_over():
    asked = []

    @kept_within_a_round(4)
    def doubled(value):
        asked.append(value)
        return 2 * value

    assert [doubled(2), doubled(2)] == [4, 4]
    assert asked == [2]
    forget()
    assert doubled(2) == 4
    assert asked == [2, 2]
