"""protocol/rewards.py and protocol/settlement.py (Philox against numpy: tests/unit/environments too)."""

import random
import struct
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from eth_hash.auto import keccak as outside_keccak

from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.quorum import QuorumChoice
from chain_bandit.protocol.rewards import (
    Distribution,
    Draws,
    RewardModel,
    bernoulli,
    hidden_cost,
    philox,
    secret_commitment,
)
from chain_bandit.protocol.settlement import (
    NOTHING,
    Conduct,
    Cost,
    Pull,
    case_2,
    cost_of_round,
    decode_pulls,
    decode_sums,
    encode_pulls,
    encode_sums,
    final_balance,
    void_balance,
)
from chain_bandit.protocol.units import UNIT

MODEL = RewardModel((bernoulli(UNIT // 4), Distribution((0, 5, UNIT), (1, 2, 3))))
BYTES = MODEL.encode()


def pairs(*numbers):
    count = len(numbers) // 2
    return count.to_bytes(2, "big") + b"".join(n.to_bytes(4, "big") for n in numbers)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        BYTES[:-1],
        BYTES + b"\0",
        pairs() + pairs(0, 1),
        pairs(0, 1) + pairs(),
        pairs(5, 1, 5, 1) + pairs(0, 1),
        pairs(5, 1, 4, 1) + pairs(0, 1),
        pairs(UNIT + 1, 1) + pairs(0, 1),
        pairs(0, 0, 1, 0) + pairs(0, 1),
        pairs(0, 1)[:-2] + pairs(0, 1),
        pairs(0, 1) + b"\xff\xff" + bytes(16),
    ],
)
def test_a_reward_model_is_refused_when_not_canonical(data):
    with pytest.raises(Malformed, match="malformed reward model"):
        RewardModel.decode(data, 2)


def test_a_reward_model_comes_back_from_its_bytes():
    assert MODEL.encode() == pairs(0, 3 * UNIT // 4, UNIT, UNIT // 4) + pairs(0, 1, 5, 2, UNIT, 3)
    assert RewardModel.decode(BYTES, 2) == MODEL
    assert MODEL.means == (UNIT // 4, (10 + 3 * UNIT) // 6)
    assert MODEL.arms[1].size == 6


def test_philox_equals_numpy_under_random_keys_and_counters():
    rng = random.Random(12)
    for _ in range(200):
        key = (rng.getrandbits(64), rng.getrandbits(64))
        counter = tuple(rng.choice([0, 1, 2**64 - 1, rng.getrandbits(64)]) for _ in range(4))
        outside = np.random.Philox(key=np.array(key, np.uint64), counter=_one_less(counter))
        assert philox(key, counter) == tuple(outside.random_raw(4).tolist())


def _one_less(counter):
    """Numpy counts up before it draws."""
    value = (sum(word << 64 * i for i, word in enumerate(counter)) - 1) % 2**256
    return np.array([value >> 64 * i & 2**64 - 1 for i in range(4)], np.uint64)


def test_a_reward_is_the_draw_at_its_own_counter():
    secret, seed = b"\1" * 32, b"\2" * 32
    key = outside_keccak(secret + seed + b"reward")
    words = int.from_bytes(key[:8], "big"), int.from_bytes(key[8:16], "big")
    draws = Draws(MODEL, secret, seed)
    seen = set()
    for t in range(1, 200):
        for seat in range(8):
            at = philox(words, (t, seat // 4, 1, 2))[seat % 4] * 6 >> 64
            assert draws.reward(t, seat, 1, 2) == [0, 5, 5, UNIT, UNIT, UNIT][at]
            seen.add(at)
    assert seen == set(range(6))


def test_the_hidden_cost_lies_between_zero_and_one_unit_and_follows_from_the_secret():
    costs = [hidden_cost(bytes([i]) * 32, b"\2" * 32) for i in range(200)]
    assert 0 <= min(costs) < UNIT // 20
    assert UNIT - UNIT // 20 < max(costs) <= UNIT
    expected = int.from_bytes(outside_keccak(b"\5" * 32 + b"\2" * 32 + b"cost"), "big") % (UNIT + 1)
    assert costs[5] == expected


def test_the_secret_commitment_binds_secret_roles_and_model():
    parts = (b"\1" * 32, b"\0\1", BYTES)
    base = secret_commitment(*parts)
    assert base == outside_keccak(parts[0] + outside_keccak(parts[1]) + outside_keccak(parts[2]))
    assert len({base, secret_commitment(b"\2" * 32, *parts[1:]), secret_commitment(parts[0], b"\0\0", BYTES)}) == 3


@pytest.mark.parametrize("length", [0, 4, 5, 11, 15])
def test_decode_pulls_refuses_any_other_length(length):
    with pytest.raises(Malformed, match="malformed settled round"):
        decode_pulls(bytes(length), 2)


def test_pulls_come_back_from_their_bytes():
    pulls = (Pull(3, UNIT), NOTHING)
    assert encode_pulls(pulls) == b"\3" + UNIT.to_bytes(4, "big") + b"\xff\0\0\0\0"
    assert decode_pulls(encode_pulls(pulls), 2) == pulls


@pytest.mark.parametrize(
    ("selected", "lied", "costly"),
    [
        ([], {1}, False),
        ([{0, 2}], {1}, False),
        ([{0, 1}], set(), False),
        ([{0}, {1}], {1}, True),
        ([{0, 1}], {0, 1}, True),
    ],
)
def test_a_round_is_case_2_only_when_somebody_who_lied_is_in_b(selected, lied, costly):
    assert case_2([frozenset(row) for row in selected], lied) is costly


@pytest.mark.parametrize(
    ("charge", "estimate", "mean", "cost"),
    [
        (UNIT, 600_000_000, 500_000_000, UNIT // 100),
        (UNIT, 500_000_000, 600_000_000, UNIT // 100),
        (UNIT // 2, 900_000_000, 400_000_000, UNIT // 8),
        (UNIT, 500_000_000, 500_000_000, 0),
        (UNIT, 500_031_622, 500_000_000, 0),  # 31,622 squared is just below 1e9
        (UNIT, 500_031_623, 500_000_000, 1),
        (999_999_999, UNIT, 0, 999_999_999),
        (7, 2 * UNIT, 0, 7),  # a distance beyond 1 costs no more than c
        (7, UNIT - 1, 0, 6),
        (0, UNIT, 0, 0),
    ],
)
def test_a_round_costs_c_or_c_times_the_squared_distance_floored(charge, estimate, mean, cost):
    assert cost_of_round(Cost.DISTANCE, charge, estimate, mean) == cost
    assert cost_of_round(Cost.CONSTANT, charge, estimate, mean) == charge


def test_the_cost_by_distance_is_the_formula_in_fractions():
    rng = random.Random(5)
    for _ in range(2000):
        charge, mean = rng.randrange(UNIT + 1), rng.randrange(UNIT + 1)
        apart = rng.choice((-1, 1)) * rng.choice((rng.randrange(50), rng.randrange(UNIT)))
        estimate = max(0, mean + apart)
        exact = Fraction(charge, UNIT) * min(1, Fraction(estimate - mean, UNIT) ** 2)
        assert cost_of_round(Cost.DISTANCE, charge, estimate, mean) == floor(exact * UNIT)


def test_costs_move_from_the_honest_to_the_malicious_and_the_rest_is_burned(parameters):
    p = parameters(wei_per_unit=3)
    roles = (Conduct.HONEST, Conduct.LIAR, Conduct.HONEST, Conduct.HONEST)
    balance = final_balance(p, 10**12, (10, 20, 30, 40), roles, (14, 14, 14, 14))
    assert balance.participants == tuple(p.stake + x for x in (30 - 42, 60 + 42, 90 - 42, 120 - 42))
    assert (balance.environment, balance.burned) == (10**12 - 300, 84)


def test_the_pool_pays_when_the_malicious_gain_more_than_the_honest_lose(parameters):
    p = parameters()
    roles = (Conduct.ATTACKER, Conduct.LIAR, Conduct.LIAR | Conduct.ATTACKER, Conduct.HONEST)
    balance = final_balance(p, 10**12, (0, 0, 0, 0), roles, (15, 15, 15, 15))
    assert (balance.environment, balance.burned) == (10**12 - 30, 0)


def test_an_unfinished_game_shares_the_pool_equally_and_burns_the_dust(parameters):
    p = parameters()
    balance = void_balance(p, 1003, (100, 0, 0, 0), frozenset())
    assert balance.participants == (p.stake + 325, *[p.stake + 225] * 3)
    assert (balance.environment, balance.burned) == (0, 3)


def test_whoever_was_blocked_neither_pays_nor_gets_the_costs_of_later_rounds(parameters):
    p = parameters()
    roles = (Conduct.HONEST, Conduct.LIAR, Conduct.ATTACKER, Conduct.HONEST)
    balance = final_balance(p, 10**12, (0, 0, 0, 0), roles, (35, 14, 0, 35))
    assert balance.participants == tuple(p.stake + x for x in (-35, 14, 0, -35))
    assert (balance.environment, balance.burned) == (10**12, 56)


def test_an_unfinished_game_gives_no_share_to_the_blocked(parameters):
    p = parameters()
    balance = void_balance(p, 1003, (100, 0, 7, 0), frozenset({0, 2}))
    assert balance.participants == (p.stake + 100, p.stake + 448, p.stake + 7, p.stake + 448)
    assert (balance.environment, balance.burned) == (0, 0)
    voided = void_balance(p, 1003, (100, 50, 7, 0), frozenset({0, 2}), kept=(100, 20, 0, 0))
    assert sum(voided.participants) + voided.environment + voided.burned == 1003 + 4 * p.stake
    nobody = void_balance(p, 1003, (0, 0, 0, 0), frozenset(range(4)))
    assert (nobody.participants, nobody.burned) == ((p.stake,) * 4, 1003)


def test_money_is_conserved_however_a_game_ends(parameters):
    """What comes in is owed or burned, to the wei; what a seat does not keep of its rewards is burned."""
    rng, burned = random.Random(4), 0
    for _ in range(300):
        p = parameters(wei_per_unit=rng.randint(1, 9), slash=rng.randint(0, 99), unrevealed_penalty=rng.randint(0, 99))
        rewards = [rng.randrange(1000) for _ in range(4)]
        kept = [rng.randint(0, reward) for reward in rewards]
        weights = [rng.randint(1, 5) for _ in range(4)]
        slashed, hidden = (frozenset(seat for seat in range(4) if rng.random() < 0.3) for _ in range(2))
        pool, costs, roles = 2**70, [rng.randrange(2**60) for _ in range(4)], [rng.randrange(4) for _ in range(4)]
        for balance in (
            final_balance(p, pool, rewards, roles, costs, slashed, hidden, weights, kept),
            void_balance(p, pool, rewards, slashed, hidden, weights, kept),
        ):
            assert sum(balance.participants) + balance.environment + balance.burned == pool + p.stake * sum(weights)
            assert balance.burned >= (sum(rewards) - sum(kept)) * p.wei_per_unit + p.slash * len(slashed)
            burned += balance.burned
    assert burned


def test_pulls_of_a_phase_are_an_arm_how_often_and_the_sum_big_endian():
    row = (Pull(2, 5 * UNIT, 7), NOTHING, Pull(0, 0, 2**32 - 1))
    data = bytes.fromhex("02 00000007 000000012a05f200" + "ff 00000000 0000000000000000" + "00 ffffffff" + "00" * 8)
    assert encode_pulls(row, phases=True) == data
    assert decode_pulls(data, 3, phases=True) == row


def test_settled_sums_are_eight_bytes_a_seat_big_endian_and_nothing_else():
    sums = (0, 7, 2**64 - 1)
    data = struct.pack(">3Q", *sums)
    assert encode_sums(sums) == data
    assert decode_sums(data, 3) == sums
    for wrong in (b"", data[:-1], data + b"\0", data[:16]):
        with pytest.raises(Malformed):
            decode_sums(wrong, 3)


def test_a_certificate_promises_what_its_quorum_can_hold():
    assert "never two certified blocks" in QuorumChoice.TWO_THIRDS.promise
    assert "under delay two may exist" in QuorumChoice.MAJORITY.promise
