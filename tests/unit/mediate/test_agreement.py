"""Shares reveal nothing, sums exactly the mean, all ways of agreeing give one token, and what a liar can do."""

import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest

from chain_bandit.mediate.agreement import tokens
from chain_bandit.mediate.agreement.tokens import ParticipantsInvalid, TokenInvalid
from chain_bandit.protocol.agreement import shamir
from chain_bandit.protocol.agreement.terms import MOST_STEPS, AgreementTerms
from chain_bandit.protocol.agreement.tokens import LARGEST, clamped, groups, mean, median
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.sharing import PRIME
from chain_bandit.protocol.units import MOST, UNIT
from science.peer_agreement import RING, PeerShares, Sharing, joined, masks, split

CHI_SQUARE_255 = 330.5
"""What a chi-square of 255 degrees of freedom is above once in a thousand."""


def salts(count: int, seed: int = 0) -> list[bytes]:
    rng = random.Random(seed)
    return [rng.randbytes(32) for _ in range(count)]


def some_tokens(count: int, seed: int = 0) -> list[int]:
    """Of every size, zero and the largest among them."""
    rng = random.Random(seed)
    sizes = (1, 10, UNIT, LARGEST + 1)
    return [rng.choice((LARGEST, *map(rng.randrange, sizes))) for _ in range(count)]


# ---- fixed point


def test_tokens_become_units_and_back_to_the_nearest():
    assert tokens.units(np.array([[0.1, 0.0], [1e-9, 1.4999e-9]])).tolist() == [[10**8, 0], [1, 1]]


@pytest.mark.parametrize("token", [-1e-8, float("nan"), float("inf"), 9.1e6])
def test_what_is_no_token_is_refused_with_its_place(token):
    with pytest.raises(TokenInvalid, match=r"token 1: expected a number from 0 to 9007199, got") as refused:
        tokens.units(np.array([0.5, token]))
    assert refused.value.at == 1


def test_the_sum_of_the_most_and_largest_tokens_is_below_half_of_the_ring_and_in_the_field():
    assert MOST * LARGEST < RING // 2 < PRIME


@pytest.mark.parametrize(
    ("total", "count", "agreed"),
    [(7, 2, 3), (0, 3, 0), (LARGEST * 3, 3, LARGEST), (LARGEST * 3 + 1, 3, None), (-1, 3, None), (PRIME - 1, 3, None)],
)
def test_a_mean_is_rounded_down_and_a_sum_that_no_tokens_have_is_none(total, count, agreed):
    assert mean(total, count) == agreed


# ---- shares


@pytest.mark.parametrize("secret", range(7))
def test_any_two_of_three_additive_shares_are_uniform_whatever_they_share(secret):
    """Enumerated: every chance there is in the ring of 7."""
    dealt = [split(secret, chance, ring=7) for chance in product(range(7), repeat=2)]
    assert len(dealt) == 49
    assert all(joined(shares, ring=7) == secret for shares in dealt)
    for pair in combinations(range(3), 2):
        assert Counter(tuple(shares[at] for at in pair) for shares in dealt) == Counter(product(range(7), repeat=2))


@pytest.mark.parametrize("secret", range(7))
@pytest.mark.parametrize("degree", [1, 2])
def test_any_f_of_shamirs_shares_are_uniform_whatever_they_share_and_one_more_says_it(degree, secret):
    """Enumerated: every polynomial there is over 7 elements."""
    dealt = [shamir.split(secret, chance, 4, prime=7) for chance in product(range(7), repeat=degree)]
    for few in combinations(range(4), degree):
        assert Counter(tuple(shares[at] for at in few) for shares in dealt) == Counter(product(range(7), repeat=degree))
    for enough in combinations(range(4), degree + 1):
        assert all(shamir.opened({at: shares[at] for at in enough}, degree, 7).secret == secret for shares in dealt)


@pytest.mark.parametrize("secret", [0, LARGEST])
def test_shares_from_salts_are_uniform_in_the_real_ring_and_field(secret):
    """The shares of so many salts, by their highest and their lowest byte."""
    seen: dict[str, Counter[int]] = {}
    for number in range(8_000):
        salt = number.to_bytes(32, "big")
        for name, shares, bits in (
            ("additive", split(secret, masks(salt, 2)), 64),
            ("shamir", shamir.split(secret, shamir.coefficients(salt, 2), 3), 89),
        ):
            for at, share in enumerate(shares):
                seen.setdefault(f"{name} {at} high", Counter()).update([share >> (bits - 8)])
                seen.setdefault(f"{name} {at} low", Counter()).update([share & 255])
    assert len(seen) == 12
    for name, counted in seen.items():
        assert chi_square(counted) < CHI_SQUARE_255, name


def chi_square(counted: Counter[int]) -> float:
    expected = counted.total() / 256
    return sum((counted[value] - expected) ** 2 / expected for value in range(256))


def test_the_chi_square_notices_shares_from_a_range():
    """The authors' code draws from -x to x: the top byte of the shares of half of the range is on two values."""
    chance = random.Random(0)
    counted = Counter((chance.randrange(-(2**55), 2**55 + 1) % RING) >> 56 for _ in range(8_000))
    assert chi_square(counted) > 100 * CHI_SQUARE_255


def test_shares_of_sums_are_sums_of_shares():
    values, chance = some_tokens(9), salts(9)
    rows = [split(value, masks(salt, 4)) for value, salt in zip(values, chance, strict=True)]
    totals = [sum(column) for column in zip(*rows, strict=True)]
    for order in (totals, totals[::-1]):
        assert joined(order) == sum(values)


@pytest.mark.parametrize(("parties", "degree"), [(1, 0), (4, 1), (5, 1), (7, 2), (8, 2), (10, 3)])
def test_as_many_wrong_shares_as_can_be_are_found_out_wherever_they_are(parties, degree):
    rng = random.Random(parties)
    most = (parties - degree - 1) // 2
    for wrong in (liars for size in range(most + 1) for liars in combinations(range(parties), size)):
        secret = rng.randrange(PRIME)
        shares = dict(enumerate(shamir.split(secret, [rng.randrange(PRIME) for _ in range(degree)], parties)))
        for liar in wrong:
            shares[liar] += rng.choice((1, -1, PRIME // 2))
        assert shamir.opened(shares, degree) == shamir.OpenedSecret(secret, frozenset(wrong))


def test_wrong_shares_are_found_out_among_those_that_are_left():
    shares = dict(enumerate(shamir.split(5, (3, 8), 7)))
    del shares[0]  # one of two is missing, one lies: six values, of which one may be wrong
    shares[4] = 0
    assert shamir.opened(shares, 2) == shamir.OpenedSecret(5, frozenset((4,)))


@pytest.mark.parametrize(("values", "less"), [((), 0), ((1,), 0), ((1, 2, 4), 0), ((1, 2, 4, 9), 1)])
def test_values_that_are_no_shares_are_refused(values, less):
    said = rf"^{len(values)} values lie on no polynomial of degree 1, even without {less} of them$"
    with pytest.raises(shamir.NotShared, match=said):
        shamir.opened(dict(enumerate(values)), 1)


def test_two_liars_where_one_is_tolerated_are_mostly_refused():
    """Counted by hand: 13 words with at most one lie; 12 beside another polynomial, through one of the true shares."""
    answers = Counter[str]()
    for first, second in product(range(7), repeat=2):
        shares = dict(enumerate(shamir.split(3, (2,), 4, prime=7)))
        shares[0], shares[1] = first, second
        try:
            answers["true" if shamir.opened(shares, 1, 7).secret == 3 else "false"] += 1
        except shamir.NotShared:
            answers["refused"] += 1
    assert answers == {"true": 13, "false": 12, "refused": 24}


# ---- all ways to one token


def ways(count: int) -> list[PeerShares]:
    chain = [np.eye(count, k=1, dtype=bool) | np.eye(count, k=-1, dtype=bool)] * count  # all know all in the end
    return [PeerShares(), PeerShares(tuple(chain))]


@pytest.mark.parametrize("count", [1, 2, 3, 6, 17])
def test_all_ways_agree_to_the_unit(count):
    for seed in range(8):
        values = some_tokens(count, seed)
        expected = (int(Fraction(sum(values), count)),) * count
        assert [way.agree(values, salts(count, seed)) for way in ways(count)] == [expected] * 2


@pytest.mark.parametrize("way", range(2))
@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([], ParticipantsInvalid),
        ([1] * (MOST + 1), ParticipantsInvalid),
        ([1, -1], TokenInvalid),
        ([1, 0.5], TokenInvalid),
        ([LARGEST + 1], TokenInvalid),
        ([True], TokenInvalid),
    ],
)
def test_every_way_refuses_what_is_no_token(way, values, error):
    with pytest.raises(error):
        ways(len(values))[way].agree(values, salts(len(values)))


def test_no_message_holds_a_token():
    """Bytes of all that peers are sent or publish, and that somebody but the owner can read."""
    values = [123_456_789_012_345, 987_654_321_987_654, 555_666_777_888_999, 314_159_265_358_979]
    exchange = PeerShares().exchange(values, salts(4))
    sent = [share for *_, share in exchange.shares], exchange.sums
    everything = b"".join(number.to_bytes(12, "big") for numbers in sent for number in numbers)
    assert len(everything) == 12 * (12 + 4)
    assert len(exchange.shares) == 12
    for value in values:
        assert value.to_bytes(7, "big") not in everything
    planted = everything + values[2].to_bytes(12, "big")
    assert values[2].to_bytes(7, "big") in planted


def test_of_two_each_learns_the_others_token():
    """What no sharing can help: the mean says it."""
    (agreed, _) = PeerShares().agree([700, 301], salts(2))
    assert agreed is not None
    assert 2 * agreed - 700 in (300, 301)


# ---- neighbourhoods


def test_a_peer_that_has_not_heard_all_does_not_know_and_the_others_do():
    apart = np.zeros((3, 3), bool)
    apart[0, 1] = apart[1, 0] = True  # agent 2 reaches nobody, and nobody it
    joined = apart.copy()
    joined[1, 2] = joined[2, 1] = True
    values = [10, 20, 60]
    assert PeerShares((apart,)).agree(values, salts(3)) == (None, None, None)
    exchange = PeerShares((apart, joined)).exchange(values, salts(3))
    assert exchange.received == ({0, 1}, {0, 1, 2}, {0, 1, 2})
    assert exchange.agreed == (None, 30, 30)
    assert PeerShares((apart, joined, joined)).agree(values, salts(3)) == (30, 30, 30)


def test_a_sum_is_handed_on_one_step_at_a_time_and_only_to_whom_its_holder_reaches():
    one_way = np.eye(4, k=1, dtype=bool)  # 0 to 1 to 2 to 3
    received = PeerShares((one_way,) * 2).exchange([1, 2, 3, 4], salts(4)).received
    assert received == ({0}, {0, 1}, {0, 1, 2}, {1, 2, 3})


def test_the_codes_mean_of_what_was_heard_so_far_is_mostly_noise():
    """Of three in a row the one in the middle receives all; what the first makes of two sums is anything at all."""
    row = np.eye(3, k=1, dtype=bool) | np.eye(3, k=-1, dtype=bool)
    values, guesses = [UNIT, UNIT, 10 * UNIT], []
    for seed in range(100):
        assert PeerShares((row,)).agree(values, salts(3, seed)) == (None, 4 * UNIT, None)
        guess, agreed, _ = PeerShares((row,), Sharing.RANGE).agree(values, salts(3, seed))
        assert agreed == 4 * UNIT
        assert guess is not None
        guesses.append(guess / UNIT)
    assert min(guesses) == 0 < 5 < max(guesses)
    assert np.std(guesses) > 1.5


def test_shares_from_a_range_tell_how_large_a_token_is():
    """Why the ring: a share above x or a zero says which token it was."""
    exchange = PeerShares(sharing=Sharing.RANGE).exchange([0, 50, 10**6], salts(3))
    of = {owner: [abs(share) for giver, _, share in exchange.shares if giver == owner] for owner in range(3)}
    assert of[0] == [0, 0]
    assert max(of[1]) <= 50 < max(of[2]) <= 10**6
    assert exchange.agreed == ((50 + 10**6) // 3,) * 3


# ---- liars


def median_of_means(tokens: list[int], drawn: tuple[tuple[int, ...], ...]) -> int:
    return median([sum(tokens[each] for each in group) // len(group) for group in drawn])


def test_a_liar_moves_the_mean_as_far_as_it_likes_until_it_is_bounded():
    """Nine agents around 1, one of whom claims anything: a ninth of the lie, one step, a median of honest groups."""
    honest = [UNIT + 10**7 * at for at in range(-4, 5)]
    truth = UNIT
    assert mean(sum(honest), 9) == truth
    for lie, moved in ((100 * UNIT, 11 * UNIT), (9_000_000 * UNIT, 999_999 * UNIT)):
        told = [lie, *honest[1:]]
        agreed = mean(sum(told), 9)
        assert agreed is not None
        assert agreed - truth == pytest.approx(moved, rel=0.01)
        assert clamped(agreed, last=truth, most=2 * UNIT, step=UNIT // 20) == truth + UNIT // 20
        for seed in range(20):
            drawn = groups(9, 3, seed.to_bytes(32, "big"))
            bounded = median_of_means(told, drawn)
            means = [sum(honest[each] for each in group) // 3 for group in drawn if 0 not in group]
            assert min(means) <= bounded <= max(means)
            assert abs(bounded - truth) < UNIT // 20


def test_two_liars_in_two_of_three_groups_take_the_median_with_them():
    """What is claimed ends at half of the groups."""
    drawn = (first, *_), (second, *_), _ = groups(9, 3, bytes(32))
    told = [9_000_000 * UNIT if each in (first, second) else UNIT for each in range(9)]
    assert median_of_means(told, drawn) > 10**6 * UNIT


def test_groups_are_everybody_once_as_equal_as_can_be_and_change_with_the_seed():
    made = [groups(10, 4, salt) for salt in salts(50)]
    assert all(sorted(sum(each, ())) == list(range(10)) for each in made)
    assert {tuple(map(len, each)) for each in made} == {(3, 3, 2, 2)}
    assert len(set(made)) == 50


@pytest.mark.parametrize("count", [0, 3, 6])
def test_a_group_of_one_is_refused(count):
    with pytest.raises(AssumptionBroken) as refused:
        groups(5, count, bytes(32))
    assert str(refused.value) == f"groups: 1 <= groups <= N / 2 does not hold (groups = {count}, N = 5)"


@pytest.mark.parametrize(("change", "sentence"), [
    ({"participants": 1}, "seats: N >= 2, V >= 1, N + V <= 256 does not hold (N = 1, V = 4)"),
    ({"participants": 253}, "seats: N >= 2, V >= 1, N + V <= 256 does not hold (N = 253, V = 4)"),
    ({"validators": 3}, "faulty: V > 3f >= 0 does not hold (V = 3, f = 1)"),
    ({"faulty": -1}, "faulty: V > 3f >= 0 does not hold (V = 4, f = -1)"),
    ({"groups": 0}, "groups: 1 <= groups <= N / 2 does not hold (groups = 0, N = 5)"),
    ({"groups": 3}, "groups: 1 <= groups <= N / 2 does not hold (groups = 3, N = 5)"),
    ({"first": -1}, f"token: 0 <= first <= most <= {LARGEST} does not hold (first = -1, most = 9)"),
    ({"first": 10}, f"token: 0 <= first <= most <= {LARGEST} does not hold (first = 10, most = 9)"),
    ({"most": LARGEST + 1}, f"token: 0 <= first <= most <= {LARGEST} does not hold (first = 1, most = {LARGEST + 1})"),
    ({"step": 0}, f"step: 1 <= step <= {LARGEST} does not hold (step = 0)"),
    ({"step": LARGEST + 1}, f"step: 1 <= step <= {LARGEST} does not hold (step = {LARGEST + 1})"),
    ({"steps": -1}, f"steps: 0 <= steps <= {MOST_STEPS} does not hold (steps = -1)"),
    ({"steps": MOST_STEPS + 1}, f"steps: 0 <= steps <= {MOST_STEPS} does not hold (steps = {MOST_STEPS + 1})"),
    ({"deadline": -1}, "deadline: 0 <= deadline < 2^32 does not hold (deadline = -1)"),
    ({"deadline": 2**32}, "deadline: 0 <= deadline < 2^32 does not hold (deadline = 4294967296)"),
])  # fmt: skip
def test_terms_that_the_contract_refuses_are_refused_with_both_sides(change, sentence):
    terms = AgreementTerms(
        participants=5, validators=4, faulty=1, groups=2, first=1, most=9, step=1, steps=3, deadline=100
    )
    with pytest.raises(AssumptionBroken) as refused:
        replace(terms, **change).check()
    assert str(refused.value) == sentence


@pytest.mark.parametrize("change", [
    {}, {"participants": 2, "groups": 1}, {"participants": 252, "groups": 126}, {"validators": 1, "faulty": 0},
    {"first": 0, "most": 0}, {"most": LARGEST}, {"step": LARGEST}, {"steps": 0}, {"steps": MOST_STEPS},
    {"deadline": 0}, {"deadline": 2**32 - 1},
], ids=str)  # fmt: skip
def test_terms_just_inside_pass(change):
    replace(AgreementTerms(5, 4, 1, 2, 1, 9, 1, 3, 100), **change).check()


@pytest.mark.parametrize(
    ("agreed", "last", "clamp"), [(5, 7, 5), (0, 7, 4), (99, 7, 10), (99, 19, 20), (0, 2, 0), (21, 30, 20)]
)
def test_a_clamp_is_the_closest_in_reach(agreed, last, clamp):
    assert clamped(agreed, last, most=20, step=3) == clamp


def test_the_median_of_two_in_the_middle_is_rounded_down():
    assert (median([3]), median([5, 2]), median([9, 1, 4])) == (3, 3, 4)
