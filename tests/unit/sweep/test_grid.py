"""sweeps/grid.py: what a sweep file becomes, and what is refused."""

import pytest

from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.scenario import ScenarioInvalid
from chain_bandit.sweeps import cell as cells
from chain_bandit.sweeps import grid
from chain_bandit.sweeps.cell import Cell

BASE = """
name = "swept"
preset = "paper"
participants = 7
rounds = 50
liars = 2
attackers = 1
burn_in = 9
[rewards]
kind = "bernoulli"
means = [0.7, 0.5, 0.45]
"""
SWEEP = """
name = "grid"
base = "base.toml"
replicates = 3
[axes]
cost = ["constant", "distance"]
"adversary.liars" = ["0%", "15%", "30%"]
[axes.lie]
flip = { "adversary.estimators" = [{ name = "sign-flip" }] }
"""


@pytest.fixture
def load(tmp_path):
    def loaded(text=SWEEP, base=BASE, **options):
        (tmp_path / "base.toml").write_text(base)
        (tmp_path / "sweep.toml").write_text(text)
        return grid.load(tmp_path / "sweep.toml", **options)

    return loaded


def scenarios(sweep):
    return [point.cell.scenario for point in sweep.points()]


def test_points_are_all_combinations_the_last_axis_fastest(load):
    sweep = load()
    points = list(sweep.points())
    assert sweep.size == len(points) == 6
    labels = [point.labels for point in points]
    assert labels[:3] == [("constant", "0%", "flip"), ("constant", "15%", "flip"), ("constant", "30%", "flip")]
    assert labels[3] == ("distance", "0%", "flip")
    assert [s.cost for s in scenarios(sweep)] == ["constant"] * 3 + ["distance"] * 3
    assert len({point.cell.digest for point in points}) == 6


def test_a_share_is_of_the_participants_that_its_point_has(load):
    assert [s.adversary.liars for s in scenarios(load())] == [0, 1, 2] * 2
    more = SWEEP.replace('cost = ["constant", "distance"]', "participants = [7, 20]")
    assert [s.adversary.liars for s in scenarios(load(more))] == [0, 1, 2, 0, 3, 6]


def test_a_share_is_exact(load):
    text = SWEEP.replace('["0%", "15%", "30%"]', '["29%"]')
    hundred = load(text, BASE.replace("= 7", "= 100"))
    assert {s.adversary.liars for s in scenarios(hundred)} == {29}  # as doubles 28.99...


def test_a_base_is_beside_the_sweep_file_or_a_shipped_example(load, tmp_path):
    assert next(load(SWEEP.replace("base.toml", "flights")).points()).cell.scenario.name == "flights"
    (tmp_path / "flights").write_text(BASE)
    assert next(load(SWEEP.replace("base.toml", "flights")).points()).cell.scenario.name == "swept"


def test_a_base_may_stand_in_the_sweep_file(load):
    inside = SWEEP.replace('base = "base.toml"\n', "") + BASE.replace("[rewards]", "[base.rewards]").replace(
        '\nname = "swept"', '[base]\nname = "swept"'
    )
    outside = [point.cell.digest for point in load().points()]
    assert [point.cell.digest for point in load(inside).points()] == outside


def test_replicates_seed_and_checkpoints_are_those_of_the_file_or_of_who_asks(load):
    given = load('seed = 9\ncheckpoints = [1, 20, 50]\n' + SWEEP, replicates=4)
    cell = next(given.points()).cell
    assert (cell.replicates, cell.scenario.seed, cell.checkpoints) == (4, 9, (1, 20, 50))
    assert next(load().points()).cell.checkpoints[-1] == 50


def test_a_point_that_the_theory_forbids_or_that_cannot_be_simulated_says_why(load):
    text = SWEEP.replace('cost = ["constant", "distance"]', "liars = [2, 3]") + (
        'captured = { malicious = [{ seat = 1, attacks = [{ name = "captured-committee" }] }] }\n'
        'none = { "adversary.estimators" = [{ name = "no-such-lie" }] }\n'
    )
    said = {point.labels: point.failure for point in load(text).points() if point.failure}
    assert "M >= 3f + 1" in said["3", "0%", "flip"]
    assert "cannot be simulated" in said["2", "0%", "captured"]
    assert "no-such-lie" in said["2", "15%", "none"]
    assert "checkpoints: the last <= T" in next(load("checkpoints = [51]\n" + SWEEP).points()).failure


def test_a_sweep_over_the_bound_of_liars_does_not_play_a_lie_that_nobody_tells(load):
    text = SWEEP.replace('"adversary.liars" = ["0%", "15%", "30%"]', "liars = [0, 1, 2]")
    failures = [point.failure for point in load(text).points()]
    assert len(failures) == 6
    assert all("did you mean adversary.liars in place of liars" in each for each in failures)


REFUSED = {
    "an unknown key": (SWEEP.replace("replicates", "replicats"), "did you mean 'replicates'"),
    "no axes": ('name = "x"\nbase = "base.toml"\n', "axes"),
    "an axis without values": (SWEEP.replace('["constant", "distance"]', "[]"), "axes.cost"),
    "a value twice": (SWEEP.replace('"distance"', '"constant"'), "axes.cost has a value twice"),
    "a column's name": (SWEEP.replace("[axes.lie]", "[axes.digest]"), "a column of the table has this name"),
    "one key of two axes, by two names": (
        SWEEP + '[axes.other]\na = { cost = "distance" }\n', "axes.cost and axes.other both set cost"
    ),
    "a key within another axis's": (
        SWEEP.replace("[axes]", "[axes]\nadversary = [{}]"), "axes.adversary and axes.adversary.liars both set"
    ),
    "a key around another axis's": (
        SWEEP + '[axes.other]\na = { adversary = {} }\n', "axes.adversary.liars and axes.other both set adversary"
    ),
    "more than anybody plays": (SWEEP.replace('["constant", "distance"]', str(list(range(40_000)))), "120,000 cells"),
    "checkpoints in disorder": ("checkpoints = [5, 4]\n" + SWEEP, "do not ascend"),
    "no base": (SWEEP.replace("base.toml", "none.toml"), "none.toml: cannot be read"),
    "an unknown key of the scenario": (SWEEP.replace("cost =", "costs ="), "did you mean 'cost'"),
    "our own key": ('file = "x"\n' + SWEEP, "unknown key 'file'"),
    "an axis over nothing": (SWEEP.replace("cost =", '"name.x" ='), "name is not a table"),
    "an axis without names": (SWEEP + "[axes.more]\n", "axes.more: .*at least 1 item"),
    "an axis of what is no change": (SWEEP + "[axes.more]\na = [1]\n", "axes.more.a: .*a valid dictionary"),
    "an axis that is a number": (SWEEP.replace('["constant", "distance"]', "3"), "axes.cost: .*a valid list"),
    "thousands of axes": (SWEEP + "".join(f"[axes.k{i}]\na = {{}}\n" for i in range(20_000)), "axes: .*at most 64"),
    "a key of thousands of parts": (
        SWEEP + f"[axes.other]\na = {{ '{'.'.join('a' * 90)}' = 1 }}\n", "no key is nested so deep"
    ),
    "a key of thousands of letters": (SWEEP + f"[axes.other]\na = {{ {'a' * 2_000} = 1 }}\n", "should match pattern"),
    "a base of a list": (SWEEP.replace('"base.toml"', "[1]"), "base: .*a valid string"),
    "more than fits into memory": (
        SWEEP.replace('["constant", "distance"]', str([*range(900)])) + f"long = {{ name = '{'a' * 9_500}' }}\n",
        r"5,400 cells of 9,\d+ bytes are more than 50,000,000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_sweep_is_refused_before_anything_is_played(load, case):
    text, sentence = REFUSED[case]
    with pytest.raises(ScenarioInvalid, match=sentence) as refused:
        list(load(text).points())
    assert refused.value.exit_code == 3


def test_what_would_take_all_memory_fails_at_its_point_before_it_is_played(load):
    text = SWEEP.replace("[axes]", 'checkpoints = [50]\n[axes]').replace("replicates = 3", "replicates = 100_000")
    many = next(load(text, BASE.replace("= 7", "= 1000")).points())
    assert "replicates * (12 checkpoints + 2 M) <= 150000000" in many.failure
    for rounds, failure in ((10**8, ""), (10**8 + 1, "T <= 100000000 (in simulation)")):
        long = load(SWEEP, BASE.replace("= 50", f"= {rounds}\nchain = {{ skip_deadline = 1 }}"))
        assert failure in next(long.points()).failure
        assert bool(failure) == bool(next(long.points()).failure)


def test_a_number_out_of_its_bounds_is_refused_with_the_inequality(load):
    with pytest.raises(AssumptionBroken, match="replicates >= 1"):
        load(SWEEP.replace("replicates = 3", "replicates = 0"))


def test_the_digest_is_of_everything_that_decides_and_of_nothing_else(load, monkeypatch):
    (cell, *_) = (point.cell for point in load().points())
    same = Cell.of(cell.scenario.model_copy(update={"name": "other", "expect": {"approved": "> 1"}}), 3)
    others = [
        Cell.of(cell.scenario, 4), Cell.of(cell.scenario, 3, [50]),
        Cell.of(cell.scenario.model_copy(update={"seed": 1}), 3),
    ]  # fmt: skip
    assert same.digest == cell.digest
    digests = {cell.digest, *(each.digest for each in others)}
    monkeypatch.setattr(cells, "__version__", "9")
    digests.add(cell.digest)
    monkeypatch.setattr(cells, "FORMAT", 9)
    assert len(digests | {cell.digest}) == 6


def test_the_digest_follows_a_table_whose_name_stays(load, tmp_path):
    table = BASE.replace('kind = "bernoulli"\nmeans = [0.7, 0.5, 0.45]', 'kind = "table"\nfile = "t.csv"')
    digests = set()
    for count in (1, 2):
        (tmp_path / "t.csv").write_text(f"arm,reward,count\na,1,{count}\na,0,1\nb,1,1\nb,0,3\nc,1,1\n")
        digests.add(next(load(base=table).points()).cell.digest)
    assert len(digests) == 2


def test_seeds_end_with_the_last_of_256_bits(load):
    """The last seed of a sweep's cell, and of `simulate`, is at most 2^256 - 1."""

    def first(seed):
        return next(load(f"seed = {seed}\n" + SWEEP).points())

    assert first(2**256 - 3).cell
    refused = first(2**256 - 2)
    assert refused.failure.startswith("seed: seed + replicates <= 2^256 does not hold (seed = ")
    with pytest.raises(AssumptionBroken, match=r"seed \+ replicates"):
        replicates(next(load().points()).cell.scenario.model_copy(update={"seed": 2**256 - 1}), 3)
