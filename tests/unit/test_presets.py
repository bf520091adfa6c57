"""presets.py: what a preset's name means, what overrides it, and that nothing but its values is kept."""

from pathlib import Path

import pytest

from chain_bandit import api
from chain_bandit.cli.warnings import say_beforehand, say_left_out
from chain_bandit.game.unfinished import lock
from chain_bandit.presets import PAPER, PRESETS, RECOMMENDED, UNPROVEN, explained, with_defaults
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.settlement import Cost
from chain_bandit.protocol.units import UNIT
from chain_bandit.runner.rows import read_rows
from chain_bandit.scenario import Scenario, ScenarioInvalid, load
from chain_bandit.sweeps import grid

ROOT = Path(__file__).parents[2]
TEXT = """
participants = 7
rounds = 40
liars = 2
attackers = 1
name = "keys"
"""
REWARDS = """
[rewards]
kind = "bernoulli"
means = [0.7, 0.4, 0.3]
"""


@pytest.fixture
def read(tmp_path):
    def read(keys="", **changes):
        path = tmp_path / "scenario.toml"
        path.write_text(TEXT + keys + REWARDS)
        return load(path, {key.replace("__", "."): value for key, value in changes.items()})

    return read


def test_a_scenario_is_recommended_unless_it_says_otherwise(read):
    assert read() == read('preset = "recommended"') == read(preset=RECOMMENDED)
    assert read('preset = "paper"') == read(preset=PAPER)
    assert read(preset=PAPER).parameters.aggregation.name == "option-1"
    assert not PRESETS[PAPER]


def test_the_recommended_one_sets_its_keys(read):
    p = read('preset = "recommended"').parameters
    assert read(preset=RECOMMENDED).parameters == p
    assert (p.aggregation.name, dict(p.aggregation.options)) == ("huber-one-step", {"clip": 5 * UNIT // 4})
    assert (p.c1_numerator, p.c1_denominator, p.c1_per_report) == (37, 20, 1)
    assert (p.cost, p.paid_burn_in, p.provable, p.growth) == (Cost.DISTANCE, 1, 1, UNIT // 4)
    assert p.slash * 100 == p.stake - p.slash
    given = read(preset=RECOMMENDED).model_dump()
    plain = {key: value for key, value in PRESETS[RECOMMENDED].items() if key not in ("aggregation", "chain")}
    assert plain.keys() == {"exploration", "policy", "cost", "slash", "paid_burn_in", "burn_in_factor", "growth"}
    assert {key: given[key] for key in plain} == plain


def test_a_growth_too_small_for_its_unit_is_one_unit(read):
    assert read(growth=1e-12).parameters.growth == 1
    assert read(growth=0.0).parameters.growth == 0


def test_its_keys_of_the_chain_are_overridden_one_by_one(read):
    own = read('preset = "recommended"\nchain.confirmations = 3\n').chain
    assert (own.settle_every, own.confirmations) == (1, 3)
    assert read('preset = "recommended"\nchain.settle_every = 7\n').chain.settle_every == 7
    assert read('preset = "recommended"\n', chain__settle_every=9).chain.settle_every == 9
    assert read(preset=PAPER).chain.settle_every == 25
    assert read('preset = "recommended"\n', growth=0.0).chain.settle_every == 25
    assert read('preset = "recommended"\ngrowth = 0.0\n').chain.settle_every == 25
    assert read('preset = "recommended"\n', growth=0.5).chain.settle_every == 1
    with pytest.raises(ScenarioInvalid, match="chain"):
        read('preset = "recommended"\nchain = 4\n')


@pytest.mark.parametrize("arms", [1, 2, 16, 200])
@pytest.mark.parametrize("rounds", [3, 401, 10**6, 8 * 10**6])
def test_its_burn_in_is_the_shortest_of_any_game(read, arms, rounds):
    changes = {"rewards__means": [0.5] * arms, "rounds": rounds, "preset": RECOMMENDED}
    if rounds > 2 * arms:
        assert read(**changes).parameters.burn_in == 2 * arms
        with pytest.raises(AssumptionBroken, match="L >= 2K"):
            read(**changes, burn_in=arms)
    else:
        with pytest.raises(AssumptionBroken, match="the horizon is longer than the burn-in"):
            read(**changes)


def test_keys_of_the_file_and_of_the_command_line_override_it(read):
    own = 'preset = "recommended"\nslash = 0.0\nburn_in_factor = 1.0\naggregation = "median"\n'
    p = read(own, paid_burn_in=False, exploration="2/b").parameters
    assert (p.slash, p.paid_burn_in, p.c1_numerator, p.aggregation.name) == (0, 0, 2, "median")
    assert p.burn_in == read(preset=PAPER).parameters.burn_in
    assert p.cost == Cost.DISTANCE
    assert read('preset = "recommended"\n', preset=PAPER) == read(preset=PAPER)
    assert read('preset = "recommended"\n', burn_in=9).parameters.burn_in == 9
    clip = read('preset = "recommended"\n', aggregation__options__clip=2).parameters.aggregation
    assert (clip.name, dict(clip.options)) == ("huber-one-step", {"clip": 2 * UNIT})


OPEN = {"preset": RECOMMENDED, "participants": 10, "liars": 3}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"slash": 0.0}, "slash = 0"), ({"slash": 0.0, "comparison": "mpc"}, 'slash = 0, comparison = "mpc"'),
        ({"comparison": "mpc"}, 'comparison = "mpc"'), ({"disclosure": "rounded"}, "disclosure other than"),
        ({"sealed": True, "growth": 0.0, "paid_burn_in": False}, "sealed = true"),
        ({"chain__settle_every": 26}, "chain.settle_every above 25"),
    ],
)  # fmt: skip
def test_where_liars_stay_in_the_game_it_explores_more_and_says_so(read, changes, why):
    few, many = (read(**OPEN | {"liars": liars} | changes) for liars in (3, 4))
    assert [each.exploration for each in (few, many)] == ["5/b", "7.4/b"]
    assert few.growth == changes.get("growth", 0.1)
    assert f"({why}" in explained(dict(few))
    assert "kl-ucb with C1 = 5/b" in explained(dict(few))
    own = read(**OPEN | changes, exploration="3/b")
    assert (own.exploration, explained(dict(own))) == ("3/b", "")
    assert read(**OPEN | changes, policy="ucb1").exploration == "1.85/b"
    same = {"policy": "kl-ucb", "aggregation": "huber-one-step"}
    tables = {name: {"name": each} for name, each in same.items()}
    for own in (same, tables):
        given = read(**OPEN | changes, **own)
        assert given.exploration == "5/b", "the preset's own values change nothing"
        assert "kl-ucb with C1 = 5/b" in explained(dict(given))
    assert read(**OPEN | changes, aggregation="median").exploration == "5/b"


@pytest.mark.parametrize(
    "mode", [{"slash": 0.0}, {"sealed": True}, {"comparison": "mpc"}], ids=lambda mode: next(iter(mode))
)
@pytest.mark.parametrize(("liars", "seats", "most"), [(1, 10, 70), (3, 10, 70), (4, 10, 110), (1, 4, 110)])
def test_the_worst_lie_that_was_found_costs_no_more_in_each_mode_as_it_is_loaded(mode, liars, seats, most):
    row = searched({"liars": liars, "participants": seats})
    lies = [{"seat": seats - 1 - each, "attacks": row["worst"]["attacks"]} for each in range(liars)]
    keys = {"name": "mode", "participants": seats, "liars": liars, "attackers": 0, "rounds": row["rounds"]}
    rewards = {"kind": "bernoulli", "means": [0.5, 0.45, 0.4, 0.3]}
    scenario = api.build(**keys, seed=1, rewards=rewards, malicious=lies, **mode)
    assert api.simulate(scenario, replicates=50).regret.mean <= most


def test_more_liars_than_were_searched_are_told_of(read):
    keys = {"participants": 20, "liars": 9, "attackers": 1, "preset": RECOMMENDED, "slash": 0.0}
    assert read(**keys).exploration == "16/b"
    assert explained(dict(read(**keys))).endswith("against so many liars a participant may do better alone")


def searched(keys):
    """The search for the worst lie against a game of these keys, on four arms and with lies that nobody proves."""
    for row in read_rows(ROOT / "docs" / "figures" / "unproven.jsonl"):
        game = row["arms"], row["rounds"], row["changes"], row["liars"], row["seats"]
        if game == ("four", 10_000, {"slash": 0.0}, keys["liars"], keys["participants"]):
            return row
    raise AssertionError("no search")


@pytest.mark.parametrize(
    ("liars", "seats", "most", "locked"), [(1, 10, 70, 0), (3, 10, 70, 0), (4, 10, 110, 2), (1, 4, 110, 1)]
)
@pytest.mark.parametrize(
    "mode",
    [
        {"slash": 0.0}, {"sealed": True}, {"comparison": "mpc"}, {"disclosure": "rounded"},
        {"rewards": {"kind": "self-declared"}},
    ],
    ids=lambda mode: next(iter(mode)),
)  # fmt: skip
def test_each_pair_that_is_played_without_proofs_was_searched_for_the_worst_lie(mode, liars, seats, most, locked):
    keys = with_defaults({"preset": RECOMMENDED, "liars": liars, "participants": seats} | mode)
    row = searched(keys)
    assert row["played"] == f"`{keys['policy']}`, {keys['exploration']}"
    assert (row["rule"], keys["growth"]) == (keys["aggregation"]["name"], UNPROVEN["growth"])
    assert row["games"] >= 10_000
    assert row["regret"]["mean"] <= most
    assert row["locked"] <= locked
    assert liars != 3 or row["ratio"][0] <= 0.75


def test_where_lies_are_proven_it_explores_as_ever(read):
    assert (read(**OPEN).exploration, read(**OPEN).growth, explained(dict(read(**OPEN)))) == ("1.85/b", 0.25, "")
    assert explained(dict(read(preset=PAPER, slash=0.0))) == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("recomended", "preset: no preset 'recomended'; did you mean 'recommended'?"),
        ("Paper", "preset: no preset 'Paper'; did you mean 'paper'?"),
        ("zzz", "preset: no preset 'zzz'; presets: paper, recommended"),
        ("", "preset: no preset ''; presets: paper, recommended"),
        (3, "preset: Input should be a valid string"),
        (["paper"], "preset: Input should be a valid string"),
    ],
)
def test_an_unknown_one_is_refused_with_the_nearest(read, name, said):
    with pytest.raises(ScenarioInvalid, match="override preset: ") as refused:
        read(preset=name)
    assert (refused.value.reason, refused.value.exit_code) == (said, 3)
    with pytest.raises(ScenarioInvalid) as refused:
        read(f"preset = {name!r}\n")
    assert (refused.value.reason, refused.value.line) == (said, 7)


EXCLUDED = {
    "sealed": ({"sealed": True}, ("paid_burn_in", "growth")),
    "a committee": ({"validators": 5}, ("growth",)),
    "draws": ({"sortition": 0.8, "quorum": "majority"}, ("growth",)),
    "commanders by trust": ({"commanders": "trust"}, ("growth",)),
    "own rewards": ({"rewards": {"kind": "self-declared", "arms": ["a", "b"], "source": "http://x/"}}, ("slash",)),
    "a long game": ({"rounds": 2**23, "chain.skip_deadline": 1}, ("growth",)),
    "a comparison among validators": ({"comparison": "mpc"}, ()), "rounded reports": ({"disclosure": "rounded"}, ()),
    "a short window": ({"rounds": 20_000, "chain.settlement_window": 600}, ("slash",)),
    "many arms and participants": ({"participants": 50, "rounds": 20_000, "rewards.means": [0.5] * 100}, ("growth",)),
    "bodies beside the chain": ({"chain.body": "compact", "chain.batch": 4}, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", EXCLUDED)
def test_what_a_scenarios_own_keys_exclude_is_left_out(read, name):
    changes, without = EXCLUDED[name]
    scenario = read(**changes)
    assert set(scenario.excluded) == set(without)
    assert not scenario.model_fields_set & set(without)
    for key in without:
        assert getattr(scenario, key) == Scenario.model_fields[key].default
        own = {**changes, key: PRESETS[RECOMMENDED][key]}
        if name == "many arms and participants":  # there a game without proofs would do too
            assert read(**own).excluded == ("paid_burn_in", "slash")
            continue
        with pytest.raises(AssumptionBroken):
            read(**own)


def test_what_is_left_out_is_named_in_a_line_and_is_left_out_again_of_the_lock_file(read, tmp_path, capsys):
    scenario = read(sealed=True)
    say_beforehand(scenario)
    assert "the game's own keys exclude paid_burn_in, growth of the preset recommended" in capsys.readouterr().err
    say_beforehand(read())
    assert "exclude" not in capsys.readouterr().err
    lock(scenario, tmp_path)
    assert load(tmp_path / "scenario.lock.toml").parameters == scenario.parameters


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({"slash": 0.0, "policy": "thompson"}, True), ({"slash": 0.0}, False), ({"policy": "thompson"}, False),
        ({"slash": 0.0, "policy": "ucb1", "preset": "paper"}, False),
        ({"slash": 0.0, "policy": "ucb1", "liars": 0, "attackers": 0, "adversary": {}}, False),
    ],
)  # fmt: skip
def test_another_policy_where_liars_stay_is_warned_of(read, changes, warned, capsys):
    scenario = read(**changes)
    say_beforehand(scenario)
    policy = scenario.parameters.policy.name
    said = f"no liar is excluded while this game is played (slash = 0), and {policy} was not searched"
    assert (said in capsys.readouterr().err) == warned


@pytest.mark.parametrize("name", EXCLUDED)
def test_functions_take_a_scenario_that_is_without_keys_of_its_preset(read, name):
    scenario = read(**EXCLUDED[name][0])
    again = api._scenario(scenario)
    assert (again.parameters, again.excluded) == (scenario.parameters, scenario.excluded)


def test_sets_of_keys_that_are_left_out_are_named_once(read, capsys):
    say_left_out([read(), read(sealed=True), read(validators=5), read(sealed=True, seed=3), read(validators=6)])
    said = capsys.readouterr().err.splitlines()
    assert [each.split(" of the preset")[0].removeprefix("the game's own keys exclude ") for each in said] == [
        "paid_burn_in, growth", "growth"
    ]  # fmt: skip


def test_three_participants_are_told_how_they_play(read):
    assert read(participants=3, liars=1, attackers=0).participants == 3
    with pytest.raises(AssumptionBroken, match="M >= 3f") as refused:
        read(participants=3, liars=1, preset=PAPER)
    assert refused.value.__notes__ == ['preset = "recommended" plays with these and attackers = 0 at most']
    with pytest.raises(AssumptionBroken, match=r"2f \+ m \+ 1") as refused:
        read(participants=3, liars=1)
    assert refused.value.__notes__ == ["with these participants and liars attackers = 0 at most"]
    with pytest.raises(AssumptionBroken, match="M >= 3f") as refused:
        read(participants=3, liars=1, attackers=0, aggregation="option-1")
    assert refused.value.__notes__ == ['aggregation = "huber-one-step" plays with these and attackers = 0 at most']
    with pytest.raises(AssumptionBroken) as refused:
        read(participants=2, liars=1)
    assert not hasattr(refused.value, "__notes__")


def test_the_lock_file_has_the_values_and_not_the_name(read, tmp_path):
    scenario = read('preset = "recommended"\ncost = "constant"\nslash = 0.0')
    lock(scenario, tmp_path)
    again = load(tmp_path / "scenario.lock.toml")
    assert "preset" not in (tmp_path / "scenario.lock.toml").read_text()
    assert (again.parameters, again.cost, again.slash) == (scenario.parameters, "constant", 0.0)
    assert again.model_dump() == scenario.model_dump()


def test_python_has_the_same_presets(read):
    fields = read().model_dump(exclude_defaults=True) | {"folder": Path()}
    assert Scenario.model_validate(fields | {"preset": "recommended"}).parameters == read(preset=RECOMMENDED).parameters


def test_a_preset_is_an_axis_of_a_sweep(tmp_path):
    file = tmp_path / "sweep.toml"
    base = "[base]" + TEXT + "[base.rewards]" + REWARDS.replace("[rewards]", "")
    file.write_text(f'name = "presets"\n[axes]\npreset = ["paper", "recommended"]\n{base}')
    paper, recommended = (point.cell.scenario for point in grid.load(file).points())
    assert (paper.slash, recommended.slash) == (0.0, 0.01)
    chosen = base.replace("[base]", '[base]\npreset = "recommended"')
    file.write_text(f'name = "slashes"\n[axes]\nslash = [0.0, 0.5]\n{chosen}')
    assert [point.cell.scenario.parameters.paid_burn_in for point in grid.load(file).points()] == [1, 1]
