"""Baselines of `simulate`: each is the learner that it is called, on the draws of the replicate's game."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chain_bandit.cli.root import app
from chain_bandit.crypto.keys import derive
from chain_bandit.game import baselines as beside
from chain_bandit.game.baselines import _regret, baselines
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.rewards import Draws
from chain_bandit.scenario import built, load
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.rivals.on_draws import pooled, ucb1


def scenario(tmp_path, **keys):
    given = {
        "name": "beside", "preset": "paper", "participants": 5, "rounds": 60, "liars": 1, "attackers": 0, "burn_in": 6,
        "seed": 3, "rewards": {"kind": "bernoulli", "means": [0.8, 0.4, 0.3]},
        "malicious": [{"seat": 0, "attacks": [{"name": "sign-flip"}]}],
    }  # fmt: skip
    return built(tmp_path / "x.toml", "", given | keys, {}, on_chain=False)


def test_learners_play_on_the_draws_of_each_replicate(tmp_path):
    given = scenario(tmp_path)
    found = baselines(given, 2, (10, 60))
    assert list(found) == ["ucb1 alone", "oracle", "undefended mean"]
    for mark, at in ((0, 10), (1, 60)):
        alone, together = [], []
        for seed in (3, 4):
            draws = Draws(given.model, derive(seed, "secret"), derive(seed, "seed_0"))
            for lost, arms in ((alone, ucb1(draws, 1, 3, 60)), (together, pooled(draws, (1, 2, 3, 4), 3, 60))):
                lost.append(sum((0, 0.4, 0.5)[arm] for _, arm in zip(range(at), arms, strict=False)))
        assert found["ucb1 alone"][mark].mean == pytest.approx(sum(alone) / 2)
        assert found["oracle"][mark].mean == pytest.approx(sum(together) / 2)
    assert found["undefended mean"][1].mean > 0


def test_another_policy_is_compared_with_itself_alone_and_honest_games_have_nothing_undefended(tmp_path):
    found = baselines(scenario(tmp_path, policy="kl-ucb", malicious=[]), 2, (60,))
    assert list(found) == ["ucb1 alone", "kl-ucb alone", "oracle"]
    assert found["oracle"][0].mean < found["kl-ucb alone"][0].mean


@pytest.mark.parametrize("policy", ["ucb1", "kl-ucb"])
def test_compiled_they_are_the_same(tmp_path, monkeypatch, policy):
    given, marks, found = scenario(tmp_path, policy=policy), (10, 60), []
    for engine in (Engine.COMPILED, Engine.PLAIN):
        monkeypatch.setattr(beside, "engines", lambda games, engine=engine: [engine for _ in games])
        monkeypatch.setattr(beside, "_regret", _regret if engine is Engine.PLAIN else None)
        found.append({name: each for name, each in baselines(given, 3, marks).items() if name != "undefended mean"})
    assert found[0] == found[1]


def test_simulate_shows_them_when_asked():
    command = ["simulate", "small", "--rounds", "30", "--replicates", "2"]
    said = json.loads(CliRunner().invoke(app, [*command, "--baselines", "--json"]).stdout)
    assert {"ucb1 alone", "oracle"} <= said["baselines"].keys()
    assert len(said["baselines"]["oracle"]) == len(said["checkpoints"])
    assert "baselines" not in json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    shown = CliRunner().invoke(app, [*command, "--baselines"]).stdout
    assert "ucb1 alone" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_participants_by_the_median_explore_less_than_ucb1_alone():
    """After the burn-in of the flights with three who lie against the honest, in rewards of an honest participant."""
    lying = [{"seat": seat, "attacks": [{"name": "sign-flip"}]} for seat in (7, 8, 9)]
    keys = {"preset": "paper", "aggregation": "median", "malicious": lying, "rounds": 2_000}
    given = load(Path("examples/flights.toml"), keys, on_chain=False)
    p = given.parameters
    played = replicates(given, 10, (p.horizon,)).regret("arms")[0].mean
    at_burn_in, at_end = baselines(given, 10, (p.burn_in, p.horizon))["ucb1 alone"]
    assert 0 < played < 0.8 * (at_end.mean - at_burn_in.mean), played
