"""scenario.py: what the keys of committees, reputations and batches become, and what is refused."""

from fractions import Fraction
from math import floor

import pytest

from chain_bandit.protocol.aggregation import Aggregation
from chain_bandit.protocol.assumptions import delta_safe_burn_in
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.parameters import ODDS, BodyMode
from chain_bandit.protocol.settlement import Cost
from chain_bandit.protocol.sortition import chances, commander_probabilities
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario, ScenarioInvalid, load

TEXT = """
name = "keys"
participants = 7
rounds = 40
liars = 2
attackers = 1
[rewards]
kind = "bernoulli"
means = [0.7, 0.4]
"""


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(TEXT)
    return lambda **changes: load(path, {key.replace("__", "."): value for key, value in changes.items()})


def test_everybody_validates_in_full_blocks_of_one_round_unless_told(read):
    p = read().parameters
    assert (p.validators, p.has_committees, p.body_mode, p.unrecorded) == (7, False, BodyMode.FULL, 1)
    assert (p.tolerance, p.skip_penalty, p.evidence_penalty) == (UNIT // 10, 4096, 65535)


def test_every_key_reaches_its_parameter(read):
    scenario = read(
        validators=4, tolerance=0.25, skip_penalty=7, evidence_penalty=0, chain__body="compact", chain__batch=8,
        chain__certificates="each",
    )  # fmt: skip
    p = scenario.parameters
    assert (p.validators, p.has_committees, p.body_mode, p.unrecorded) == (4, True, BodyMode.COMPACT, 8)
    assert (p.tolerance, p.skip_penalty, p.evidence_penalty) == (UNIT // 4, 7, 0)
    assert scenario.chain.certificates == "each"


def test_draws_reach_their_parameters_exactly(read):
    p = read(sortition=0.7, quorum="majority", commanders="trust").parameters
    assert p.sortition == 7 * 2**64 // 10 + 1
    assert read(sortition=1, quorum="majority").parameters.sortition == 2**64
    assert (p.probing, p.commanders) == commander_probabilities(
        p.participants - p.liars - p.attackers, p.horizon, p.burn_in
    )
    assert (p.draws, p.has_committees, p.draws_commanders) == (True, True, True)
    few = read(validators=4, quorum="majority", commanders="trust").parameters
    assert few.validators - few.attackers < few.participants - few.liars - few.attackers
    assert few.commanders == commander_probabilities(few.validators - few.attackers, few.horizon, few.burn_in)[1]
    assert chances(read().parameters) is None
    assert str(p.participants) in chances(p)
    assert len(chances(p)) < 200
    plain = read().parameters
    assert (plain.sortition, plain.probing, plain.commanders) == (0, 2**64, 2**64)


@pytest.mark.parametrize(("chance", "bound"), [(0, "greater than 0"), (-0.5, "greater than 0"), (1.5, "equal to 1")])
def test_a_chance_of_validating_lies_above_0_and_up_to_1(read, chance, bound):
    with pytest.raises(ScenarioInvalid, match=bound):
        read(sortition=chance, quorum="majority")


def test_the_expected_committee_and_its_half_are_those_of_the_decimal(read):
    """Exactly: the fraction of 2^64 that stands for p is never below it, nor so far above that a floor would change."""
    base, tried = read().model_dump(), 0
    for participants in range(2, 65):
        for hundredths in range(1, 101):
            chance = Fraction(hundredths, 100)
            expected = participants * chance
            bound = (floor(expected) - 1) // 2  # the largest m with E >= 2m + 1
            if not 0 <= bound <= participants - 2:
                continue
            changes = {"participants": participants, "sortition": hundredths / 100, "quorum": "majority", "liars": 0}
            p = Scenario(**base | changes | {"attackers": bound}).parameters
            assert p.participants * p.sortition // ODDS == floor(expected)
            assert p.half_expected == floor(expected / 2)
            assert p.quorum(0) == max(floor(expected / 2), bound) + 1
            tried += 1
            if bound + 1 <= participants - 2 and hundredths % 10 == 0:
                with pytest.raises(AssumptionBroken):
                    assert not Scenario(**base | changes | {"attackers": bound + 1}).parameters
    assert tried > 5000


@pytest.mark.parametrize("key", ["sortition", "parties"])
def test_sortition_is_refused_with_two_thirds_and_with_more_parties_than_a_committee_may_have(read, key):
    changes = {"quorum": "majority", "comparison": "mpc", "parties": 5} if key == "parties" else {}
    if key == "sortition":
        with pytest.raises(AssumptionBroken, match="E = M p"):
            read(sortition=1e-20, quorum="majority")
    with pytest.raises(AssumptionBroken) as refused:
        read(sortition=0.75, **changes)
    assert refused.value.name == key


def test_aggregation_and_cost_are_those_of_theorem_1_unless_told(read):
    p = read().parameters
    assert (p.aggregation, p.delta, p.cost) == (Aggregation.OPTION_1, 0, Cost.CONSTANT)


@pytest.mark.parametrize(
    ("key", "option"),
    [("option-1", Aggregation.OPTION_1), ("option-2", Aggregation.OPTION_2), ("option-3", Aggregation.OPTION_3)],
)
def test_options_and_costs_go_by_name(read, key, option):
    p = read(aggregation=key, cost="distance").parameters
    assert (p.aggregation, p.delta, p.cost) == (option, 0, Cost.DISTANCE)


def test_delta_safe_takes_its_delta_in_rewards_and_its_burn_in_by_name_only(read):
    named = {"aggregation": "delta-safe", "delta": 0.3}
    p = read(**named, burn_in=8).parameters
    assert (p.aggregation, p.delta, p.burn_in) == (Aggregation.DELTA_SAFE, 3 * UNIT // 10, 8)
    with pytest.raises(AssumptionBroken, match=r"burn_in: .*8 ln\(M K T\).* \(L = 8, least = 1126\)") as refused:
        read(**named)
    assert refused.value.name == "burn_in"
    long = read(**named, rounds=5000, burn_in_factor=117).parameters
    assert long.burn_in >= delta_safe_burn_in(7, 2, 5000, 3 * UNIT // 10)
    with pytest.raises(AssumptionBroken, match="least"):
        read(**named, rounds=5000, burn_in_factor=116)


@pytest.mark.parametrize(
    "change",
    [
        {"validators": "4"}, {"validators": 4.0}, {"tolerance": 0}, {"tolerance": -0.1}, {"tolerance": 4.5},
        {"tolerance": "nan"}, {"skip_penalty": 0}, {"skip_penalty": 1.5}, {"evidence_penalty": -1},
        {"aggregation": "option-4"}, {"aggregation": 2}, {"cost": "linear"}, {"delta": -0.1}, {"delta": 2.5},
        {"chain__body": "half"}, {"chain__batch": 0}, {"chain__batch": 257}, {"chain__batch": "8"},
        {"chain__certificates": "none"}, {"chain__certificate": "each"}, {"validator": 4},
    ],
)  # fmt: skip
def test_what_is_no_value_of_a_key_is_refused_with_its_name(read, change):
    (key,) = change
    with pytest.raises(ScenarioInvalid, match=key.split("__")[-1]) as refused:
        read(**change)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"validators": 8}, "validators"), ({"validators": 2}, "validators"), ({"validators": 0}, "validators"),
        ({"validators": 3}, "quorum"), ({"skip_penalty": 65536}, "skip_penalty"),
        ({"aggregation": "delta-safe", "burn_in": 8}, "delta"), ({"delta": 0.1}, "delta"),
        ({"aggregation": "delta-safe", "delta": 0.1}, "burn_in"), ({"liars": 3}, "liars"),
        ({"aggregation": "option-2", "liars": 4}, "attackers"),
        ({"evidence_penalty": 65536}, "evidence_penalty"), ({"tolerance": 1e-10}, "tolerance"),
    ],
)  # fmt: skip
def test_what_the_theory_or_the_contract_forbids_is_refused(read, change, name):
    with pytest.raises(AssumptionBroken) as refused:
        read(**change)
    assert refused.value.name == name
    if name == "quorum":
        assert read(validators=3, quorum="majority").parameters.validators == 3


LIE, SILENCE = {"name": "worse-half"}, {"name": "silent-validator"}


def adversary(read, **keys):
    return read(**{f"adversary__{key}": value for key, value in keys.items()})


def test_an_adversary_sits_at_the_end_liars_first(read):
    scenario = adversary(read, estimators=[LIE], consensus=[SILENCE], liars=1, both=1, attackers=1)
    assert scenario.roles == (0, 0, 0, 0, 1, 3, 2)
    assert [entry.seat for entry in scenario.all_malicious] == [4, 5, 6]
    assert [choice.name for choice in scenario.all_malicious[1].attacks] == ["worse-half", "silent-validator"]
    assert read().roles == (0,) * 7


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"liars": 1}, "adversary.estimators"),
        ({"attackers": 1}, "adversary.consensus"),
        ({"both": 1, "estimators": [LIE]}, "adversary.consensus"),
        ({"liars": 1, "estimators": [SILENCE]}, "adversary.estimators"),
        ({"attackers": 1, "consensus": [LIE]}, "adversary.consensus"),
        ({"estimators": [LIE], "consensus": [SILENCE], "liars": 3, "both": 2, "attackers": 2}, "adversary"),
    ],
)
def test_an_adversary_without_a_way_or_a_seat_is_refused(read, keys, name):
    with pytest.raises(AssumptionBroken) as refused:
        adversary(read, **keys)
    assert refused.value.name == name
