"""scenario.py: what the keys of committees, reputations and batches become, and what is refused."""

from fractions import Fraction
from math import floor

import pytest

from chain_bandit import runs
from chain_bandit.game.chains import others_needs
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.parameters import ODDS, BodyMode
from chain_bandit.protocol.rules import delta_safe, names
from chain_bandit.protocol.ruleset import RuleKind, RuleRefused
from chain_bandit.protocol.settlement import Cost
from chain_bandit.protocol.sortition import chances, commander_probabilities
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Malicious, Scenario, ScenarioInvalid, load
from tests.rules import entry, rule

TEXT = """
name = "keys"
preset = "paper"
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


@pytest.mark.parametrize("who", [{"validators": 4}, {"sortition": 0.7, "quorum": "majority"}])
@pytest.mark.parametrize("batch", [1, 8])
def test_one_quorum_over_several_blocks_is_refused_where_not_everybody_validates(read, who, batch):
    """A block that nobody signed would choose the committee that certifies it."""
    assert (read(chain__batch=batch).certifies_each, read(chain__batch=batch, **who).certifies_each) == (False, True)
    assert read(chain__batch=batch, chain__certificates="each", **who).certifies_each
    assert not read(chain__batch=batch, chain__certificates="head").certifies_each
    with pytest.raises(AssumptionBroken, match='certificates = "each", or N = M and no sortition') as refused:
        read(chain__batch=batch, chain__certificates="head", **who)
    assert (refused.value.name, refused.value.exit_code) == ("chain.certificates", 3)


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
    assert chances(read().parameters, read().all_weights) is None
    assert str(p.participants) in chances(p, (1,) * p.participants)
    assert len(chances(p, (1,) * p.participants)) < 200
    assert chances(p, (9,) * p.participants) != chances(p, (1,) * p.participants)
    plain = read().parameters
    assert (plain.sortition, plain.probing, plain.commanders) == (0, 2**64, 2**64)


DRAWN = {"quorum": "majority"}
VECTORS = (
    'vectors: vectors = "plain", or m >= 1, a quorum of two thirds, and every validator commands does not hold'
)
BOUNDS = "delta: 1 <= delta <= 4294967295 in units of 1e-09 (option of delta-safe) does not hold"


def safe(delta, **changes):
    return {"aggregation": entry("delta-safe", delta=delta), "burn_in": 8} | changes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (safe(-0.1), f"{BOUNDS} (delta = -100000000)"),
        (safe(0.0), f"{BOUNDS} (delta = 0)"),
        (safe(4.5), f"{BOUNDS} (delta = 4500000000)"),
        ({"slash": 2}, "slash: slash <= 1 does not hold (slash = 2 of T whole rewards)"),
        ({"sortition": -0.5, **DRAWN}, "sortition: sortition > 0 does not hold (sortition = -0.5)"),
        ({"sortition": 0, **DRAWN}, "sortition: sortition > 0 does not hold (sortition = 0)"),
        ({"sortition": 1.5, **DRAWN}, "sortition: sortition <= 1 does not hold (sortition = 1.5)"),
        ({"validators": 2}, "validators: 2m + 1 <= N <= M does not hold (N = 2, m = 1, M = 7)"),
        ({"validators": 8}, "validators: 2m + 1 <= N <= M does not hold (N = 8, m = 1, M = 7)"),
        ({"threshold": 1}, "threshold: k >= 2 does not hold (k = 1)"),
        ({"threshold": -3}, "threshold: 0 <= threshold < 2^32 does not hold (value = -3)"),
        ({"liars": 7}, "liars: M >= 3f + 1 (Theorem 1, Option 1) does not hold (M = 7, f = 7)"),
        ({"liars": -1}, "liars: f >= 0 does not hold (f = -1)"),
        (
            {"liars": 7, "aggregation": "option-2"},
            (
                "attackers: M >= 2f + m + 1 (f < |H|, and who attacks may withhold its report) does not hold "
                "(M = 7, f = 7, m = 1)"
            ),
        ),
        (
            {"weights": [1] * 6, "quorum": "majority", "sortition": 0.7},
            "weights: one weight a seat does not hold (weights = 6, M = 7)",
        ),
        (
            {"weights": [1, 1, 1, 1, 1, 1, 0], "quorum": "majority", "sortition": 0.7},
            "weights: 1 <= weight <= 1024 does not hold (seat = 6, weight = 0)",
        ),
        (
            {"weights": [1, 1025, 1, 1, 1, 1, 1], "quorum": "majority", "sortition": 0.7},
            "weights: 1 <= weight <= 1024 does not hold (seat = 1, weight = 1025)",
        ),
        (
            {"weights": [1, 1, 2, 1, 1, 1, 1]},
            "weights: weight = 1 (without sortition nobody is drawn) does not hold (seat = 2, weight = 2)",
        ),
        (
            {"weights": [1, 1, 2, 1, 1, 1, 1], "commanders": "trust", "quorum": "majority"},
            "weights: weight = 1 (without sortition nobody is drawn) does not hold (seat = 2, weight = 2)",
        ),
        ({"tolerance": 0}, "tolerance: tolerance > 0 does not hold (tolerance = 0)"),
        ({"chain__batch": 257}, "chain.batch: chain.batch <= 256 does not hold (chain.batch = 257 rounds)"),
        ({"vectors": "certified", "quorum": "majority"}, f"{VECTORS} (m = 1, two_thirds = 0, all_command = 1)"),
        ({"vectors": "certified", "attackers": 0}, f"{VECTORS} (m = 0, two_thirds = 1, all_command = 1)"),
        (
            {"vectors": "certified", "commanders": "trust", "liars": 1},
            f"{VECTORS} (m = 1, two_thirds = 1, all_command = 0)",
        ),
        ({"parties": 9}, "parties: parties <= 5 does not hold (parties = 9)"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_refused_with_the_inequality_that_fails(read, change, said):
    with pytest.raises(AssumptionBroken) as refused:
        read(**change)
    assert (str(refused.value), refused.value.exit_code) == (said, 3)


NUMBERS = [*(f"{sign}1{'0' * zeros}" for sign in ("", "-") for zeros in (4_000, 5_000, 10**6)),
           "0x1" + "0" * 64, "0x" + "f" * 10**6]  # fmt: skip
KEYS = ["seed", "participants", "rounds", "liars", "burn_in", "threshold", "failure_limit", "aggregation.options.delta",
        "sortition",
        "chain.wei_per_unit", "chain.unrecorded", "adversary.liars", "rewards.means"]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS, ids=len)
@pytest.mark.parametrize("key", KEYS)
def test_a_number_beyond_256_bits_is_no_scenarios(tmp_path, key, number):
    path = tmp_path / "scenario.toml"
    last = key.split(".")[-1]
    kept = [line for line in TEXT.splitlines() if not line.startswith(f"{last} =")]
    value = f"[0.5, {number}]" if last == "means" else number
    new = f"{last if last == 'means' else key} = {value}"
    path.write_text("\n".join([*kept, new] if last == "means" else [new, *kept]))
    with pytest.raises(ScenarioInvalid, match="more than 256 bits") as refused:
        load(path)
    assert len(str(refused.value)) < 300
    assert refused.value.exit_code == 3


def test_no_number_or_nesting_gets_past_the_options_of_a_plugin_or_the_text_of_a_number(tmp_path, read):
    deep = {"name": "constant-lie", "options": {"value": [{"x": 2**256}]}}
    with pytest.raises(ScenarioInvalid, match="x has more than 256 bits"):
        read(malicious=[{"seat": 1, "attacks": [deep]}])
    with pytest.raises(ScenarioInvalid, match="exploration"):
        read(exploration="1" * 5_000)
    with pytest.raises(ScenarioInvalid, match="expect"):
        read(expect={"approved": ">= 1" + "0" * 5_000})
    path = tmp_path / "deep.toml"
    path.write_text("x = " + "[" * 10**5)
    with pytest.raises(ScenarioInvalid, match="too deep"):
        load(path)
    read(seed=2**256 - 1)


def test_weights_are_whole_numbers_one_each_unless_told(read):
    assert read().all_weights == (1,) * 7 == read(weights=[]).all_weights == read(weights=[1] * 7).all_weights
    weighed = read(weights=[1, 1024, 3, 1, 1, 1, 2], quorum="majority", sortition=0.7)
    assert weighed.all_weights == (1, 1024, 3, 1, 1, 1, 2)
    assert weighed.parameters == read(quorum="majority", sortition=0.7).parameters
    plan = Plan(weighed)
    assert [each.weight for each in plan.seated] == [1, 1024, 3, 1, 1, 1, 2]
    stake = weighed.parameters.stake
    assert plan.deposits == {each.address: each.weight * stake for each in plan.seated}
    assert [need.wei for need in others_needs(plan)] == [*plan.deposits.values(), 0]
    for wrong in ([1.0] * 7, ["1"] * 7, [True] * 7, 3):
        with pytest.raises(ScenarioInvalid, match="weights"):
            read(weights=wrong, quorum="majority", sortition=0.7)


@pytest.mark.parametrize("number", [2**255, -(2**255)])
@pytest.mark.parametrize("key", ["participants", "rounds", "liars", "attackers", "burn_in", "validators"])
@pytest.mark.parametrize(
    "mode", [{}, {"commanders": "trust"}, {"aggregation": entry("delta-safe", delta=0.3)}], ids=str
)
def test_the_largest_numbers_are_refused_by_an_inequality(read, key, number, mode):
    with pytest.raises(AssumptionBroken) as refused:
        read(**{key: number}, **mode)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(("share", "units"), [(0, 0), (1e-10, 1), (2e-9, 2), (0.07, 70_000_000), (1, 10**9)])
def test_a_share_of_the_stake_is_nothing_only_where_it_is_zero(read, share, units):
    p = read(slash=share, unrevealed_penalty=share, sealed=True).parameters
    least = read(slash=0, unrevealed_penalty=0, sealed=True).parameters.stake
    assert p.slash == p.unrevealed_penalty == least * units // 10**9
    assert p.provable == (share > 0)


def test_a_number_that_is_too_large_is_named_as_the_file_has_it(read):
    for key, number, said in (
        ("rounds", 10**20, "rounds: T * (chain.skip_deadline + 4) < 2^32"),
        ("burn_in", 3 * 10**20, "horizon: T > L"), ("burn_in", -3, "burn_in: L is a multiple of K"),
        ("participants", 0, "participants: 2 <= M"),
    ):  # fmt: skip
        with pytest.raises(AssumptionBroken) as refused:
            read(**{key: number})
        assert str(refused.value).startswith(said)


def test_who_rushes_is_in_no_game_on_a_chain(read, tmp_path):
    lies = [{"name": "mimic"}, {"name": "optimiser", "options": {"rushing": False}}]
    assert read(malicious=[{"seat": 1, "attacks": lies}])
    lies[1]["options"] = {"rushing": True}
    with pytest.raises(AssumptionBroken, match="nobody rushes"):
        read(malicious=[{"seat": 1, "attacks": lies}])
    assert load(tmp_path / "scenario.toml", {"malicious": [{"seat": 1, "attacks": lies}]}, on_chain=False)


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
    assert (p.aggregation, p.cost) == (rule("option-1"), Cost.CONSTANT)


@pytest.mark.parametrize("name", ["option-1", "option-2", "option-3", "median"])
def test_rules_and_costs_go_by_name(read, name):
    for given in (name, {"name": name}, entry(name)):
        p = read(aggregation=given, cost="distance").parameters
        assert (p.aggregation, p.cost) == (rule(name), Cost.DISTANCE)


def test_delta_safe_takes_its_delta_in_rewards_and_its_burn_in_by_name_only(read):
    named = {"aggregation": entry("delta-safe", delta=0.3)}
    p = read(**named, burn_in=8).parameters
    assert (p.aggregation, p.burn_in) == (rule("delta-safe", delta=3 * UNIT // 10), 8)
    said = r"burn_in: L >= what delta-safe asks .* \(L = 8, least = 1126\)"
    with pytest.raises(AssumptionBroken, match=said) as refused:
        read(**named)
    assert refused.value.name == "burn_in"
    long = read(**named, rounds=5000, burn_in_factor=117).parameters
    assert long.burn_in >= delta_safe.burn_in(7, 2, 5000, 3 * UNIT // 10)
    with pytest.raises(AssumptionBroken, match="least"):
        read(**named, rounds=5000, burn_in_factor=116)


def test_confidence_has_a_delta_of_its_own_unless_it_is_named_and_no_rule_for_its_burn_in(read):
    p = read(aggregation="confidence").parameters
    assert (p.aggregation, p.burn_in) == (rule("confidence", delta=5 * UNIT // 2), read().parameters.burn_in)
    assert read(aggregation=entry("confidence", delta=4)).parameters.aggregation == rule("confidence", delta=4 * UNIT)
    with pytest.raises(AssumptionBroken, match="1 <= delta"):
        read(aggregation=entry("confidence", delta=0))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("option-4", "'option-4' is no rule of this version; it has centred-clipping, confidence, delta-safe, "),
        ({"name": "x" * 5000}, "is no rule of this version"),
        (entry("delta-safe"), "'delta-safe' needs the option 'delta'"),
        ("delta-safe", "'delta-safe' needs the option 'delta'"),
        (entry("option-1", delta=0.3), "'option-1' has no option 'delta'; it has none"),
        (entry("confidence", epsilon=1, **{"d" * 5000: 1}), "'confidence' has no option 'ddddd"),
        (entry("confidence", delta=float("inf")), "'confidence' takes no number that is not finite for 'delta'"),
        (entry("confidence", delta=float("nan")), "'confidence' takes no number that is not finite for 'delta'"),
    ],
    ids=lambda given: str(given)[:30],
)
def test_a_rule_that_no_game_of_this_version_can_have_is_refused(read, given, said):
    with pytest.raises(RuleRefused) as refused:
        read(aggregation=given)
    assert refused.value.exit_code == 3
    assert said in str(refused.value)
    assert len(str(refused.value)) < 150 + len(", ".join(names(RuleKind.AGGREGATION)))


@pytest.mark.parametrize(
    ("given", "where"),
    [
        (entry("confidence", delta="0.3"), "aggregation.options.delta"),
        (entry("confidence", delta=True), "aggregation.options.delta"),
        ({"options": {}}, "aggregation.name: Field required"),
        ({"name": 3}, "aggregation.name"),
        ({"name": "median", "option": {}}, "unknown key 'aggregation.option'; did you mean 'options'"),
        ([], "aggregation"), (2, "aggregation"),
    ],
    ids=str,
)  # fmt: skip
def test_a_rule_that_is_none_is_refused_where_it_is_wrong(read, given, where):
    with pytest.raises(ScenarioInvalid, match=where) as refused:
        read(aggregation=given)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    "change",
    [
        {"validators": "4"}, {"validators": 4.0}, {"skip_penalty": 1.5}, {"slash": True}, {"growth": False},
        {"unrevealed_penalty": True}, {"tolerance": "0.1"}, {"burn_in_factor": True},
        {"aggregation": 2}, {"cost": "linear"}, {"delta": 0.3},
        {"chain__body": "half"}, {"chain__batch": "8"},
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
        (safe(1e-10), "delta"), (safe(1e300), "delta"),
        ({"aggregation": entry("delta-safe", delta=0.1)}, "burn_in"), ({"liars": 3}, "liars"),
        ({"aggregation": "option-2", "liars": 4}, "attackers"),
        ({"evidence_penalty": 65536}, "evidence_penalty"), ({"tolerance": 1e-10}, "tolerance"),
        ({"tolerance": -0.1}, "tolerance"), ({"tolerance": 4.5}, "tolerance"), ({"skip_penalty": 0}, "skip_penalty"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"sortition": float("nan")}, "sortition"),
        ({"evidence_penalty": -1}, "evidence_penalty"), ({"chain__batch": 0}, "chain.batch"),
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
        ({"estimators": [LIE]}, "adversary.estimators"),
        ({"consensus": [SILENCE], "liars": 0}, "adversary.consensus"),
        ({"estimators": [LIE], "consensus": [SILENCE], "liars": 3, "both": 2, "attackers": 2}, "adversary"),
    ],
)
def test_an_adversary_without_a_way_or_a_seat_is_refused(read, keys, name):
    with pytest.raises(AssumptionBroken) as refused:
        adversary(read, **keys)
    assert refused.value.name == name


def test_a_lie_that_nobody_tells_names_the_key_of_its_seats(read):
    with pytest.raises(AssumptionBroken, match=r"did you mean adversary\.liars in place of liars, the assumed bound"):
        adversary(read, estimators=[LIE])
    assert adversary(read, estimators=[LIE], liars=0).roles == (0,) * 7  # of a sweep that begins with nobody


def test_a_scenario_for_simulation_alone_is_not_played_on_a_chain(scenario, tmp_path):
    rushing = {"seat": 3, "attacks": [{"name": "optimiser", "options": {"rushing": True}}]}
    given = scenario().model_copy(update={"malicious": (Malicious.model_validate(rushing),)})
    with pytest.raises(AssumptionBroken, match="nobody rushes"):
        runs.play(given, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("key", "value", "said"), [
    ("rounds", "many", "override rounds: rounds: Input should be a valid integer"),
    ("chain.bodyy", 1, "override chain.bodyy: unknown key 'chain.bodyy'; did you mean 'body'?"),
    ("fool.bar", 1, "override fool.bar: unknown key 'fool'"),
    ("rewards", {"kind": "bernoulli"}, "override rewards: rewards.means: Field required"),
])  # fmt: skip
def test_what_an_override_breaks_is_said_of_it_and_not_of_the_files_line(tmp_path, key, value, said):
    (tmp_path / "scenario.toml").write_text(TEXT)
    with pytest.raises(ScenarioInvalid) as refused:
        load(tmp_path / "scenario.toml", {key: value})
    assert str(refused.value).startswith(said)
