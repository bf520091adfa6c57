"""protocol/sortition.py: draws, trust coefficients and capture, against enumeration, chi-square and more digits."""

import math
import random
import re
from collections import Counter
from dataclasses import replace
from decimal import Context, Decimal
from fractions import Fraction
from itertools import product

import pytest

from chain_bandit.crypto.keys import derive
from chain_bandit.crypto.p256 import P256_TAI, VectorSecret
from chain_bandit.crypto.secp256k1 import SECP256K1_TAI
from chain_bandit.crypto.vrf_keys import Secp256k1Secret, prove
from chain_bandit.protocol.blocks import round_seed
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import AssumptionBroken, Malformed
from chain_bandit.protocol.parameters import MAX_WEIGHT, ODDS
from chain_bandit.protocol.sortition import (
    HALF,
    CaptureChance,
    capture_chance,
    chances,
    commander_probabilities,
    commander_probability,
    drawn,
    draws_of,
    halves,
    honest_commanders,
    in_decimals,
    thresholds,
)

PROBABILITIES = [Fraction(1, 2), Fraction(3, 10), Fraction(1, 1000), Fraction(2**64 - 1, 2**64), Fraction(7, 9)]


# Draws.


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_halves_raises_when_a_hash_is_not_32_bytes(length):
    with pytest.raises(Malformed, match="32 bytes"):
        halves(bytes(length))


def test_the_first_half_is_the_validators_and_the_second_the_commanders():
    assert halves(uint(5, 16) + uint(7, 16)) == (5, 7)
    assert halves(b"\xff" * 32) == (HALF - 1, HALF - 1)


@pytest.mark.parametrize("probability", [Fraction(-1, 9), Fraction(10, 9), Fraction(2**64 + 1, 2**64)])
def test_a_probability_is_refused_when_it_is_none(probability):
    with pytest.raises(AssumptionBroken, match="0 <= p <= 1"):
        drawn(0, 1, probability)
    with pytest.raises(AssumptionBroken, match="0 <= p <= 1"):
        draws_of(1, probability)


@pytest.mark.parametrize("weight", [-1, MAX_WEIGHT + 1])
def test_a_weight_is_refused_when_it_is_out_of_range(weight):
    with pytest.raises(AssumptionBroken, match="weight"):
        drawn(0, weight, Fraction(1, 2))


def enumerated(weight, probability):
    """P(X = j) for j = 0 .. weight, by walking through every outcome of every trial."""
    chances = [Fraction(0)] * (weight + 1)
    for outcome in product((0, 1), repeat=weight):
        chances[sum(outcome)] += math.prod(probability if hit else 1 - probability for hit in outcome)
    return chances


@pytest.mark.parametrize("probability", PROBABILITIES)
@pytest.mark.parametrize("weight", range(9))
def test_slices_end_where_the_enumerated_cdf_does(weight, probability):
    chances = enumerated(weight, probability)
    assert thresholds(weight, probability) == tuple(math.floor(sum(chances[: j + 1]) * HALF) for j in range(weight))


@pytest.mark.parametrize("probability", PROBABILITIES)
@pytest.mark.parametrize("weight", [1, 2, 5, 40])
def test_a_half_at_a_threshold_is_in_the_next_slice(weight, probability):
    ends = thresholds(weight, probability)
    for end in set(ends):
        assert drawn(end - 1, weight, probability) == ends.index(end)
        assert drawn(end, weight, probability) == sum(other <= end for other in ends)
    assert drawn(0, weight, probability) == sum(end == 0 for end in ends)
    assert drawn(HALF - 1, weight, probability) == weight


def test_with_weight_1_a_seat_is_drawn_when_its_half_reaches_one_minus_p():
    assert thresholds(1, Fraction(3, 10)) == (7 * HALF // 10,)
    assert [drawn(half, 1, Fraction(1, 4)) for half in (0, HALF * 3 // 4 - 1, HALF * 3 // 4, HALF - 1)] == [0, 0, 1, 1]


@pytest.mark.parametrize("weight", [0, 1, 3, MAX_WEIGHT])
def test_nobody_is_drawn_with_probability_0_and_everybody_with_1(weight):
    for half in (0, 1, HALF // 2, HALF - 1):
        assert drawn(half, weight, Fraction(0)) == 0
        assert drawn(half, weight, Fraction(1)) == weight


def test_draws_never_fall_when_the_half_weight_or_probability_rises():
    chance = random.Random(12)
    rising = sorted(chance.randrange(HALF) for _ in range(300))
    for weight in (1, 2, 7, 30):
        for probability in PROBABILITIES:
            draws = [drawn(half, weight, probability) for half in rising]
            assert draws == sorted(draws)
    for half in rising[::10]:
        assert [drawn(half, weight, Fraction(1, 3)) for weight in range(12)] == sorted(
            drawn(half, weight, Fraction(1, 3)) for weight in range(12)
        )
        by_probability = [drawn(half, 5, Fraction(tenths, 10)) for tenths in range(11)]
        assert by_probability == sorted(by_probability)


# Draws of many hashes, by chi-square at fixed seeds.


def chi_square(counts, chances, total):
    """(statistic, its 99.9 % quantile), cells of fewer than five expected put together."""
    cells, seen, expected = [], 0, Fraction(0)
    for outcome, chance in enumerate(chances):
        seen, expected = seen + counts[outcome], expected + chance * total
        if expected >= 5:
            cells.append((seen, float(expected)))
            seen, expected = 0, Fraction(0)
    cells[-1] = (cells[-1][0] + seen, cells[-1][1] + float(expected))
    freedom = len(cells) - 1
    # Wilson and Hilferty's approximation of the quantile.
    quantile = freedom * (1 - 2 / (9 * freedom) + 3.09 * math.sqrt(2 / (9 * freedom))) ** 3
    return sum((seen - expected) ** 2 / expected for seen, expected in cells), quantile


CASES = [(1, Fraction(1, 2)), (1, Fraction(1, 7)), (3, Fraction(3, 10)), (10, Fraction(1, 2)), (8, Fraction(9, 10))]


def check_draws_fit_the_binomial(outputs):
    """Both halves fit each case's binomial, and are independent of each other."""
    pairs = [halves(output) for output in outputs]
    for weight, probability in CASES:
        chances = enumerated(weight, probability)
        draws = [tuple(drawn(half, weight, probability) for half in pair) for pair in pairs]
        for which in (0, 1):
            statistic, quantile = chi_square(Counter(pair[which] for pair in draws), chances, len(draws))
            assert statistic < quantile, (weight, probability, which)
        joint = [one * other for one in chances for other in chances]
        together = Counter(one * (weight + 1) + other for one, other in draws)
        statistic, quantile = chi_square(together, joint, len(draws))
        assert statistic < quantile, (weight, probability)


def hashes(count):
    return [keccak(b"sortition", uint(index, 4)) for index in range(count)]


def test_draws_of_100000_hashes_fit_the_binomial():
    check_draws_fit_the_binomial(hashes(100_000))


@pytest.mark.deep
def test_draws_of_1000000_hashes_fit_the_binomial():
    check_draws_fit_the_binomial(hashes(1_000_000))


SUITES = {"P-256": (P256_TAI, VectorSecret), "secp256k1": (SECP256K1_TAI, Secp256k1Secret)}


def vrf_outputs(name, count):
    """The hashes of real proofs, ten keys in turn, on the seeds of rounds."""
    suite, secret = SUITES[name]
    keys = [secret(derive(7, "sortition", index)) for index in range(10)]
    seed_0 = keccak(b"seed")
    return [prove(suite, keys[index % 10], round_seed(seed_0, index // 10))[0] for index in range(count)]


@pytest.mark.parametrize("name", SUITES)
def test_draws_of_300_real_proofs_fit_the_binomial(name):
    check_draws_fit_the_binomial(vrf_outputs(name, 300))


@pytest.mark.deep
@pytest.mark.parametrize("name", SUITES)
def test_draws_of_10000_real_proofs_fit_the_binomial(name):
    check_draws_fit_the_binomial(vrf_outputs(name, 10_000))


def test_the_fit_is_refused_when_draws_are_slightly_off_or_the_halves_are_one():
    outputs = hashes(20_000)
    pairs = [halves(output) for output in outputs]
    counts = Counter(drawn(first, 3, Fraction(31, 100)) for first, _ in pairs)
    statistic, quantile = chi_square(counts, enumerated(3, Fraction(3, 10)), len(pairs))
    assert statistic > quantile
    with pytest.raises(AssertionError):
        check_draws_fit_the_binomial([output[:16] * 2 for output in outputs])


# Trust coefficients.


def with_more_digits(participants, malicious, horizon, burn_in):
    """The same from the paper's formulas at 120 digits."""
    context = Context(prec=120)
    t, one = Decimal(horizon), Decimal(1)
    root = context.divide(one, Decimal(participants - malicious))
    p_h = context.subtract(one, context.power(context.divide(t.ln(context), t), root))
    p_m = context.subtract(one, context.power(t, context.divide(-one, Decimal(burn_in))))
    return tuple(int(context.multiply(p, Decimal(2**64))) for p in (max(p_h, p_m), p_h))


def test_trust_coefficients_are_the_same_with_twice_the_digits():
    tried = 0
    for participants, malicious in ((2, 1), (4, 1), (10, 3), (31, 15), (256, 0), (256, 85)):
        for horizon in (2, 3, 10, 1000, 10**5, 2**32 - 2):
            for burn_in in (1, 4, 40, 10**6):
                game = (participants, malicious, horizon, burn_in)
                in_burn_in, after = commander_probabilities(participants - malicious, horizon, burn_in)
                assert (in_burn_in, after) == with_more_digits(*game)
                assert 0 <= after <= in_burn_in < ODDS
                tried += 1
    assert tried == 144


def test_trust_coefficients_of_two_games_are_these():
    assert commander_probabilities(7, 1000, 40) == (9384128218908772324, 9384128218908772324)
    assert commander_probabilities(7, 1000, 4) == (15166397556856029924, 9384128218908772324)


@pytest.mark.parametrize(
    ("name", "game"),
    [
        ("participants", (0, 100, 4)),
        ("horizon", (3, 1, 4)),
        ("horizon", (3, 0, 4)),
        ("burn_in", (3, 100, 0)),
    ],
)
def test_trust_coefficients_are_refused_when_the_formula_has_no_meaning(name, game):
    with pytest.raises(AssumptionBroken) as refused:
        commander_probabilities(*game)
    assert refused.value.name == name


def test_about_ln_t_rounds_have_no_honest_commander_and_each_malicious_one_commands_in_the_burn_in():
    for participants, malicious, horizon, burn_in in ((10, 3, 1000, 40), (31, 10, 10**4, 90), (256, 85, 10**5, 120)):
        in_burn_in, after = commander_probabilities(participants - malicious, horizon, burn_in)
        without = horizon * (1 - Fraction(after, ODDS)) ** (participants - malicious)
        assert math.isclose(without, math.log(horizon), rel_tol=1e-12)
        assert (1 - Fraction(in_burn_in, ODDS)) ** burn_in <= Fraction(1, horizon) * (1 + Fraction(1, 10**12))


def test_a_small_committee_has_as_few_rounds_without_a_commander_as_a_large_one():
    """N - m of the N best follow the consensus; with |H| in the formula up to a fifth of the rounds would be lost."""
    for participants, validators, liars, attackers in ((10, 3, 2, 1), (10, 5, 2, 2), (31, 7, 8, 3)):
        honest = honest_commanders(participants, validators, liars, attackers)
        assert honest == validators - attackers
        _, after = commander_probabilities(honest, 10**4, 60)
        without = 10**4 * (1 - Fraction(after, ODDS)) ** honest
        assert math.isclose(without, math.log(10**4), rel_tol=1e-12)
    assert honest_commanders(7, 7, 1, 3) == 3
    assert honest_commanders(10, 9, 3, 2) == 5


def test_a_seats_chance_to_command_changes_after_round_l_and_ends_on_the_block_list():
    both = (3 * ODDS // 4, ODDS // 4)
    chances = [commander_probability(both, round_, 8, blocked=False) for round_ in (1, 8, 9, 100)]
    assert chances == [Fraction(3, 4), Fraction(3, 4), Fraction(1, 4), Fraction(1, 4)]
    assert [commander_probability(both, round_, 8, blocked=True) for round_ in (1, 9)] == [0, 0]
    assert drawn(HALF - 1, 1, commander_probability(both, 9, 8, blocked=True)) == 0


# Capture.


def majority(size):
    return size // 2 + 1


def two_thirds(size):
    return (size + 2) // 2 + 1


def at_least_three(size):
    return max(size // 2, 2) + 1


def by_enumeration(malicious, honest, bound, quorum):
    """`capture_chance` by walking through every committee."""
    above = captured = undersized = Fraction(0)
    odds = [Fraction(draws, HALF) for draws in (*malicious, *honest)]
    for members in product((0, 1), repeat=len(odds)):
        chance = math.prod(one if member else 1 - one for one, member in zip(odds, members, strict=True))
        bad, size = sum(members[: len(malicious)]), sum(members)
        above += chance * (bad > bound)
        captured += chance * (bad >= quorum(size))
        undersized += chance * (size < quorum(size))
    return CaptureChance(above, captured, undersized)


@pytest.mark.parametrize("quorum", [majority, two_thirds, at_least_three])
@pytest.mark.parametrize("probability", [Fraction(0), Fraction(1), Fraction(1, 2), Fraction(5, 7)])
def test_capture_is_what_enumeration_says(probability, quorum):
    one = draws_of(1, probability)
    for participants in range(8):
        for malicious in range(participants + 1):
            for bound in (0, 1, 2):
                game = ([one] * malicious, [one] * (participants - malicious), bound, quorum)
                assert capture_chance(*game) == by_enumeration(*game)


@pytest.mark.parametrize("quorum", [majority, two_thirds, at_least_three])
def test_capture_of_seats_with_unequal_weights_is_what_enumeration_says(quorum):
    rng = random.Random("weights")
    for participants in range(9):
        weights = rng.choices((1, 1, 2, 3, 5, 40), k=participants)
        drawing = [draws_of(weight, Fraction(rng.randrange(9), 8)) for weight in weights]
        malicious = rng.randrange(participants + 1)
        game = (drawing[:malicious], drawing[malicious:], rng.randrange(3), quorum)
        assert capture_chance(*game) == by_enumeration(*game)


@pytest.mark.parametrize("weight", [0, 1, 2, 3, 7, MAX_WEIGHT])
@pytest.mark.parametrize("probability", [*PROBABILITIES, Fraction(0), Fraction(1)])
def test_a_seat_is_a_member_for_as_many_halves_as_say_so(weight, probability):
    """1 - (1 - p)^w of them, to within one: what the draw's own integers do."""
    draws = draws_of(weight, probability)
    exact = (1 - (1 - probability) ** weight) * HALF
    assert exact <= draws < exact + 1
    assert draws == HALF or drawn(HALF - draws - 1, weight, probability) == 0
    assert draws == 0 or drawn(HALF - draws, weight, probability) > 0


def test_a_committee_of_five_of_ten_is_captured_in_a_thirty_fifth_of_rounds():
    """Three malicious of ten, E = 5 and m = 2: 2.8 %; with m = 3 never."""
    game = ([HALF // 2] * 3, [HALF // 2] * 7)
    chance = capture_chance(*game, 2, at_least_three)
    assert chance == CaptureChance(Fraction(1, 8), Fraction(29, 1024), Fraction(56, 1024))
    assert [in_decimals(part) for part in (chance.above_bound, chance.malicious_quorum)] == ["0.125", "0.0283203"]
    assert capture_chance(*game, 3, lambda size: max(size // 2, 3) + 1).malicious_quorum == 0


@pytest.mark.parametrize("weights", [None, (1, 2, 3, 1, 1, 4, 1, 2, 1, 9)])
def test_what_is_said_of_a_game_is_what_enumeration_says(parameters, weights):
    """The bounds are m and f, of the f + m heaviest; 220 letters are as many as a terminal's header shows."""
    for participants, liars, attackers, tenths in ((10, 2, 3, 7), (9, 2, 1, 6), (7, 2, 0, 5), (8, 0, 2, 10)):
        p = replace(
            parameters(), participants=participants, validators=participants, liars=liars, attackers=attackers,
            quorum_choice=0, sortition=-(ODDS * -tenths // 10),
        )  # fmt: skip
        given = weights[:participants] if weights else (1,) * participants
        exact = [1 - (1 - Fraction(p.sortition, ODDS)) ** weight for weight in sorted(given)]
        drawing = [math.ceil(chance * HALF) for chance in exact]
        game = (drawing[participants - liars - attackers :], drawing[: participants - liars - attackers])
        of_m, of_f = (by_enumeration(*game, bound, p.quorum) for bound in (attackers, liars))
        said = chances(p, given)
        assert said.startswith(f"{in_decimals(sum(exact), 3)} of {participants} on average")
        assert f"f + m = {liars + attackers} malicious" in said
        assert f"more than m = {attackers} with" in said
        assert f"more than f = {liars}:" in said
        parts = (of_m.above_bound, of_f.above_bound, of_m.malicious_quorum, of_m.undersized)
        shown = re.findall(r": (\d\S*?)(?:[,;]|$)", said)
        assert shown == [in_decimals(part) for part in parts]
        assert len(said) < 220
    assert chances(parameters(), (1,) * 4) is None


def test_a_captured_committee_is_never_an_undersized_one():
    chance = capture_chance([HALF // 2] * 15, [HALF // 2] * 16, 9, majority)
    assert chance.malicious_quorum + chance.undersized < 1
    assert capture_chance([HALF // 10] * 85, [HALF // 10] * 171, 85, majority).above_bound == 0


@pytest.mark.parametrize("draws", [-1, HALF + 1])
def test_capture_is_refused_when_a_chance_is_none(draws):
    with pytest.raises(AssumptionBroken, match="chance"):
        capture_chance([HALF, draws], [HALF], 1, majority)


def test_decimals_are_rounded_from_the_exact_chance():
    chances = (Fraction(2, 3), Fraction(0), Fraction(1), Fraction(1, 3**90))
    assert [in_decimals(chance, 3) for chance in chances] == ["0.667", "0", "1", "1.15E-43"]


@pytest.mark.parametrize("weight", [1, 2, 17, 1024])
@pytest.mark.parametrize("probability", [Fraction(0), Fraction(1, ODDS), Fraction(1), *PROBABILITIES])
def test_who_is_drawn_at_least_once_is_from_the_first_slice_on(weight, probability):
    first = thresholds(weight, probability)[0]
    assert draws_of(weight, probability) == HALF - first
    for half in {0, max(first - 1, 0), min(first, HALF - 1), HALF - 1}:
        assert (half >= HALF - draws_of(weight, probability)) == (drawn(half, weight, probability) > 0)
