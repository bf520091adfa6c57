"""Properties of the rules that hold for every input (RELIABILITY, invariants G and K-1)."""

import sys
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from chain_bandit.protocol.aggregation import radius
from chain_bandit.protocol.blocks import Header, Kind, Record, Report, mask, seats
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import after_burn_in_round, after_record, honest_arm, opening, records_made
from chain_bandit.protocol.parameters import MAX_WEIGHT, Parameters
from chain_bandit.protocol.proposal import propose
from chain_bandit.protocol.rewards import Distribution, RewardModel
from chain_bandit.protocol.settlement import Conduct, Pull, decode_pulls, encode_pulls, final_balance, void_balance
from chain_bandit.protocol.units import INFINITY, UNIT
from tests.rules import estimate, rule

settings.register_profile("pinned", max_examples=300, deadline=None, derandomize=True)
pinned = settings.get_profile("pinned")

GAME = Parameters(
    participants=4, validators=4, arms=2, horizon=12, burn_in=4, liars=1, attackers=1, threshold=2,
    aggregation=rule("option-1"), quorum_choice=1, failure_limit=2, c1_numerator=2, c1_denominator=1, c1_per_report=1,
    body_mode=0, unrecorded=1, tolerance=UNIT // 10, skip_penalty=4096, evidence_penalty=65535, cost=0,
    sortition=0, probing=2**64, commanders=2**64, wei_per_unit=1,
    stake=12 * UNIT, opening_deadline=10, skip_deadline=10, burn_in_blocks=4, game_blocks=100, settlement_window=100,
)  # fmt: skip

DELTA = UNIT // 3
RULES = [
    rule("option-1"), rule("option-2"), rule("option-3"), rule("delta-safe", delta=DELTA),
    rule("confidence", delta=DELTA), rule("median"),
]  # fmt: skip
units = st.integers(0, UNIT)
uint32 = st.integers(0, 2**32 - 1)
digests = st.binary(min_size=32, max_size=32)


@st.composite
def reported_rounds(draw):
    """Honest and lying reports of a game that Theorem 1 allows, with bits."""
    liars = draw(st.integers(0, 3))
    total = 3 * liars + 1 + draw(st.integers(0, 3))
    arms = draw(st.integers(1, 4))
    few = st.sampled_from([0, 1, UNIT // 2, UNIT // 2 + 1, UNIT])
    means = {p: tuple(draw(st.lists(st.one_of(units, few), min_size=arms, max_size=arms))) for p in range(total)}
    bad = draw(st.sets(st.integers(0, total - 1), max_size=liars))
    bits = {p: tuple(p not in bad or draw(st.booleans()) for _ in range(arms)) for p in range(total)}
    return liars, arms, means, bits, frozenset(bad)


@pinned
@given(reported_rounds(), st.randoms(use_true_random=False), digests)
def test_aggregation_does_not_depend_on_the_order_of_reports(case, rng, seed):
    liars, arms, means, bits, _ = case
    order = list(means)
    rng.shuffle(order)
    reordered = {p: means[p] for p in order}, {p: bits[p] for p in order}
    for option in RULES:
        shuffled = estimate(option, *reordered, liars, arms, seed, (9,) * arms)
        assert shuffled == estimate(option, means, bits, liars, arms, seed, (9,) * arms)


@pinned
@given(reported_rounds(), digests)
def test_every_estimator_lies_within_the_honest_range_when_liars_are_at_most_f(case, seed):
    liars, arms, means, bits, bad = case
    estimators, selected, *_ = estimate(rule("option-1"), means, bits, liars, arms, seed)
    for arm, estimator in enumerate(estimators):
        honest = [row[arm] for p, row in means.items() if p not in bad]
        assert selected[arm]
        assert min(honest) <= estimator <= max(honest)


@st.composite
def half_lying_rounds(draw):
    """Reports with a minority of lies, and any others withheld; every truthful reporter has pulled enough."""
    liars = draw(st.integers(0, 3))
    total = 2 * liars + 1 + draw(st.integers(0, 4))
    arms = draw(st.integers(1, 4))
    means = {p: tuple(draw(st.lists(units, min_size=arms, max_size=arms))) for p in range(total)}
    bad = draw(st.sets(st.integers(0, total - 1), max_size=liars))
    bits = {p: tuple(p not in bad or draw(st.booleans()) for _ in range(arms)) for p in range(total)}
    return liars, arms, means, bits, frozenset(bad)


@pinned
@given(half_lying_rounds(), digests, st.sampled_from([rule("option-2"), rule("option-3")]))
def test_filtered_estimators_lie_within_the_honest_range_while_liars_are_a_minority(case, seed, option):
    liars, arms, means, bits, bad = case
    for arm, estimator in enumerate(estimate(option, means, bits, liars, arms, seed).means):
        honest = [row[arm] for p, row in means.items() if p not in bad]
        assert min(honest) <= estimator <= max(honest)


@pinned
@given(half_lying_rounds(), digests, st.integers(1, 2 * UNIT), st.integers(1, 2**32 - 1))
def test_estimators_are_within_a_radius_of_the_honest_range(case, seed, delta, pulls):
    liars, arms, means, bits, bad = case
    for name, far in (("delta-safe", radius(delta)), ("confidence", radius(delta, pulls))):
        found = estimate(rule(name, delta=delta), means, bits, liars, arms, seed, (pulls,) * arms)
        for arm, estimator in enumerate(found.means):
            honest = [row[arm] for p, row in means.items() if p not in bad]
            assert min(honest) - far <= estimator <= max(honest) + far


@pinned
@given(reported_rounds(), digests)
def test_renaming_equal_reports_changes_no_estimator(case, seed):
    liars, arms, means, bits, _ = case
    last = max(means)
    renamed = {last - p: row for p, row in means.items()}
    renamed_bits = {last - p: row for p, row in bits.items()}
    for option in RULES:
        one = estimate(option, means, bits, liars, arms, seed, (9,) * arms).means
        assert one == estimate(option, renamed, renamed_bits, liars, arms, seed, (9,) * arms).means


@pinned
@given(st.data(), st.sampled_from([2, 7, 8, 9, 16, 256]), st.integers(1, 5), st.booleans())
def test_headers_come_back_from_their_bytes(data, participants, arms, committees):
    validators = participants - committees
    parameters = replace(GAME, participants=participants, validators=validators, arms=arms)
    sets = st.integers(0, 2**participants - 1)
    rows = st.one_of(st.lists(sets, min_size=arms, max_size=arms).map(tuple), sets.map(lambda row: (row,) * arms))
    header = Header(
        data.draw(uint32), data.draw(digests), data.draw(sets), data.draw(digests), data.draw(sets),
        data.draw(st.integers(0, 255)), data.draw(rows), data.draw(rows), data.draw(sets) if committees else 0,
        tuple(data.draw(st.lists(uint32, min_size=arms, max_size=arms))),
        tuple(data.draw(st.lists(st.integers(0, 65535), min_size=participants, max_size=participants))),
    )  # fmt: skip
    assert Header.decode(header.encode(parameters), parameters) == header


@pinned
@given(st.data(), st.integers(1, 3), st.booleans())
def test_bytes_are_refused_or_are_the_only_encoding_of_a_header(data, arms, committees):
    parameters = replace(GAME, validators=4 - committees, arms=arms)
    rows = [data.draw(st.binary(min_size=1, max_size=arms)) for _ in range(2)]
    flags = [bytes([data.draw(st.integers(0, 2))]) for _ in range(2)]
    front = data.draw(st.binary(min_size=102, max_size=102))
    back = data.draw(st.binary(min_size=4 * arms + 8, max_size=4 * arms + 9))
    blob = front + flags[0] + rows[0] + flags[1] + rows[1] + back
    try:
        decoded = Header.decode(blob, parameters)
    except Malformed:
        return
    assert decoded.encode(parameters) == blob


@pinned
@given(st.lists(uint32, min_size=1, max_size=6), digests)
def test_reports_come_back_from_their_bytes(means, commitment):
    report = Report(tuple(means), commitment)
    assert Report.decode(report.encode(), replace(GAME, arms=len(means))) == report


@pinned
@given(st.lists(st.builds(Pull, st.integers(0, 255), uint32), max_size=9))
def test_pulls_come_back_from_their_bytes(pulls):
    assert decode_pulls(encode_pulls(pulls), len(pulls)) == tuple(pulls)


@pinned
@given(st.sets(st.integers(0, 255)))
def test_sets_of_seats_come_back_from_their_masks(members):
    assert set(seats(mask(members))) == members


@st.composite
def distributions(draw):
    values = draw(st.lists(units, min_size=1, max_size=5, unique=True).map(sorted))
    weights = draw(st.lists(uint32, min_size=len(values), max_size=len(values)).filter(any))
    return Distribution(tuple(values), tuple(weights))


@pinned
@given(st.lists(distributions(), min_size=1, max_size=4))
def test_reward_models_come_back_from_their_bytes(arms):
    model = RewardModel(tuple(arms))
    assert RewardModel.decode(model.encode(), len(arms)) == model
    assert all(arm.values[0] <= arm.mean <= arm.values[-1] for arm in arms)


@pinned
@given(st.lists(st.sampled_from([Kind.APPROVED, Kind.REJECTED, Kind.SKIP]), max_size=40), st.data())
def test_the_ledger_only_grows_and_explores_after_every_s_failures_in_a_row(kinds, data):
    parameters = replace(GAME, horizon=60, failure_limit=data.draw(st.integers(1, 3)))
    ledger = opening(parameters, bytes(32), bytes(32))
    while ledger.round < parameters.burn_in:
        ledger = after_burn_in_round(parameters, ledger)
    for kind in kinds:
        if ledger.round > parameters.horizon:
            break
        means = tuple(data.draw(st.lists(units, min_size=2, max_size=2)))
        accuracies = tuple(data.draw(st.lists(st.integers(0, 65535), min_size=4, max_size=4)))
        header = Header(ledger.round, ledger.head, 0, bytes(32), 15, 0, (15, 15), (6, 6), 0, means, accuracies)
        record = Record(ledger.round, kind, None if kind is Kind.SKIP else header)
        for each in records_made(parameters, ledger, record):
            before, ledger = ledger, after_record(parameters, ledger, each)
            grown = [now - then for now, then in zip(ledger.pulls, before.pulls, strict=True)]
            assert ledger.round == before.round + 1
            assert ledger.head != before.head
            assert sorted(grown) in ([0, 0], [0, 1])
            assert ledger.failed >= before.failed
            assert ledger.explorations >= before.explorations
            assert 0 <= honest_arm(parameters, ledger) < 2
            assert all(0 <= reputation <= 65535 for reputation in ledger.reputations)
        assert ledger.failures < parameters.failure_limit or ledger.round > parameters.horizon


@pinned
@given(st.data(), st.integers(2, 12))
def test_money_of_a_finished_game_is_conserved_exactly(data, seats_):
    wei = data.draw(st.integers(1, 10**12))
    horizon = data.draw(st.integers(1, 10**6))
    slash = data.draw(st.integers(0, 10**24))
    stake = horizon * UNIT * wei + slash
    parameters = replace(GAME, participants=seats_, horizon=horizon, wei_per_unit=wei, stake=stake, slash=slash)
    most = horizon * UNIT
    rewards = data.draw(st.lists(st.integers(0, most), min_size=seats_, max_size=seats_))
    roles = data.draw(st.lists(st.sampled_from([Conduct(i) for i in range(4)]), min_size=seats_, max_size=seats_))
    pool = 2 * seats_ * most * wei
    costs = data.draw(st.lists(st.integers(0, most), min_size=seats_, max_size=seats_))
    weights = data.draw(st.lists(st.integers(1, MAX_WEIGHT), min_size=seats_, max_size=seats_))
    blocked = data.draw(st.frozensets(st.integers(0, seats_ - 1)))
    balance = final_balance(parameters, pool, rewards, roles, costs, blocked, weights=weights)
    assert sum(balance.participants) + balance.environment + balance.burned == pool + sum(weights) * parameters.stake
    assert min(*balance.participants, balance.environment, balance.burned) >= 0


@pinned
@given(st.data(), st.integers(2, 12))
def test_money_of_an_unfinished_game_is_conserved_exactly(data, seats_):
    slash = data.draw(st.integers(0, GAME.stake))
    parameters = replace(GAME, participants=seats_, wei_per_unit=data.draw(st.integers(1, 10**12)), slash=slash)
    rewards = data.draw(st.lists(st.integers(0, 10**12), min_size=seats_, max_size=seats_))
    pool = sum(rewards) * parameters.wei_per_unit + data.draw(st.integers(0, 10**24))
    blocked = data.draw(st.frozensets(st.integers(0, seats_ - 1)))
    weights = data.draw(st.lists(st.integers(1, MAX_WEIGHT), min_size=seats_, max_size=seats_))
    balance = void_balance(parameters, pool, rewards, blocked, weights=weights)
    assert sum(balance.participants) + balance.environment + balance.burned == pool + sum(weights) * parameters.stake
    if len(blocked) < seats_:
        assert 0 <= balance.burned - slash * len(blocked) < seats_ - len(blocked)
    for seat in blocked:
        deposit = weights[seat] * parameters.stake - slash
        assert balance.participants[seat] == deposit + rewards[seat] * parameters.wei_per_unit


def test_proposing_is_deterministic_from_its_arguments_alone():
    ledger = opening(GAME, bytes(32), bytes(32))
    first = propose(GAME, ledger, {}, {})
    sys.modules[propose.__module__]._propose.cache_clear()
    assert propose(GAME, ledger, {}, {}) == first
    assert first[0].means == (INFINITY, INFINITY)
