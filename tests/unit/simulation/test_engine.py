"""Choice of the engine, by the time that each would take: `simulation/engine.py`, `game/simulated.py engines`."""

import re

import numpy as np
import pytest

from chain_bandit.attacks.attack import Attack
from chain_bandit.examples import example
from chain_bandit.game import simulated
from chain_bandit.scenario import load
from chain_bandit.simulation.engine import COMPILING, Engine, Work
from chain_bandit.simulation.kernel.encoding import NotCompiled


class Meek(Attack):
    """A plug-in's lie, which has no compiled form."""

    name = "meek"

    def means(self, view, honest):
        return honest


def scenario(name="flights.toml", **changes):
    return load(example(name), changes, on_chain=False)


@pytest.fixture
def fresh(monkeypatch):
    """A machine on which nothing has been compiled."""
    monkeypatch.setattr(simulated, "is_compiled", lambda: False)


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("name", "changes", "count", "engine"),
    [
        ("flights.toml", {}, 20, Engine.PLAIN),
        ("flights.toml", {}, 2_000, Engine.COMPILED),
        ("flights.toml", {"rounds": 1_000_000}, 20, Engine.PLAIN),  # 800 rounds, in phases
        ("flights.toml", {"rounds": 1_000_000, "growth": 0}, 20, Engine.COMPILED),
        ("speed.toml", {"rounds": 1_000}, 20, Engine.NUMPY),
        ("speed.toml", {"rounds": 1_000}, 5_000, Engine.NUMPY),
        ("speed.toml", {}, 2_000, Engine.COMPILED),
        ("small.toml", {}, 1, Engine.PLAIN),
    ],
)
def test_compiling_waits_until_it_pays(name, changes, count, engine):
    assert simulated.engines([(scenario(name, **changes), count)]) == [engine]


@pytest.mark.usefixtures("fresh")
def test_many_arms_make_compiling_pay_sooner():
    game = {"growth": 0, "rounds": 2_500, "sealed": True, "paid_burn_in": False}
    few, many = (scenario(**game, rewards={"kind": "bernoulli", "means": [0.5] * arms}) for arms in (4, 200))
    assert simulated.engines([(few, 40)]) == [Engine.PLAIN]
    assert simulated.engines([(many, 40)]) == [Engine.COMPILED]


@pytest.mark.usefixtures("fresh")
def test_what_many_cells_take_together_decides():
    cell = scenario(growth=0), 5
    assert simulated.engines([cell]) == [Engine.PLAIN]
    assert simulated.engines([cell] * 10) == [Engine.COMPILED] * 10
    assert simulated.engines([]) == []


def test_what_has_been_compiled_plays_everything_that_has_a_compiled_form(monkeypatch):
    monkeypatch.setattr(simulated, "is_compiled", lambda: True)
    monkeypatch.setattr(simulated, "AVAILABLE", True)
    foreign = scenario(malicious=[{"seat": 9, "attacks": [{"name": "tests.unit.simulation.test_engine:Meek"}]}])
    assert simulated.engines([(scenario(), 1), (foreign, 10_000)]) == [Engine.COMPILED, Engine.PLAIN]


@pytest.mark.parametrize(
    ("changes", "engine"),
    [
        ({"aggregation": "median"}, Engine.NUMPY), ({"exploration": "9999999999999"}, Engine.PLAIN),
        ({"policy": "thompson"}, Engine.PLAIN), ({"reputation": "meritrank"}, Engine.NUMPY),
        ({"reputation": {"name": "meritrank", "options": {"least": 0.1}}}, Engine.NUMPY),
    ], ids=str,
)  # fmt: skip
@pytest.mark.parametrize("available", [True, False])
def test_what_has_no_compiled_form_is_played_by_another_engine(monkeypatch, changes, engine, available):
    """Rules, and numbers that 64 bits do not hold."""
    monkeypatch.setattr(simulated, "is_compiled", lambda: True)
    monkeypatch.setattr(simulated, "AVAILABLE", available)
    given = scenario("speed.toml", rounds=60, **changes)
    (chosen,) = simulated.engines([(given, 3)])
    assert chosen is engine
    assert simulated.replicates(given, 3, engine=chosen).sums.shape[0] == 3
    if available:
        with pytest.raises(NotCompiled):
            simulated.replicates(given, 3, engine=Engine.COMPILED)


def test_without_numba_everything_is_played(monkeypatch):
    monkeypatch.setattr(simulated, "AVAILABLE", False)
    games = [(scenario(), 10_000), (scenario("speed.toml"), 20)]
    assert simulated.engines(games) == [Engine.PLAIN, Engine.NUMPY]


def test_the_model_is_monotone():
    for engine in Engine:
        assert Work(100, 10**5).seconds(engine) < Work(1_000, 10**6).seconds(engine)
    assert Work(1_000, 2 * 10**5).seconds(Engine.PLAIN) < COMPILING < Work(1_000, 2 * 10**6).seconds(Engine.PLAIN)


def test_an_observer_is_told_of_every_game_and_the_sums_are_those_of_any_engine():
    told = []
    case = scenario("speed.toml", rounds=60)
    plain = simulated.replicates(case, 3, engine=Engine.PLAIN, observe=told.append)
    assert told == [1, 2, 3]
    numpy = simulated.replicates(case, 3, engine=Engine.NUMPY, observe=told.append)
    assert told[3:] == [3]
    assert np.array_equal(plain.sums, numpy.sums)


@pytest.mark.usefixtures("fresh")
def test_a_user_without_numba_is_told_in_one_sentence_how_to_get_faster(monkeypatch):
    short, long = (scenario(), 20), (scenario("speed.toml"), 20_000)
    for games in ([short], [long]):
        chosen = simulated.engines(games)
        said = {Engine.COMPILED: simulated.COMPILATION}.get(chosen[0], "")
        assert simulated.what_takes_long(games, chosen) == said
    monkeypatch.setattr(simulated, "AVAILABLE", False)
    assert simulated.what_takes_long([short], simulated.engines([short])) == ""
    told = simulated.what_takes_long([long], simulated.engines([long]))
    assert re.fullmatch(r'about [0-9,]+ s; [0-9,]+ s after pip install "chain-bandit\[fast\]"', told)
    assert len(told) < 80
