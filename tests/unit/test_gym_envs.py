"""Environments for learners pass the conformance tests of their libraries, and play the games that `simulate` plays."""

import subprocess
import sys

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test, parallel_seed_test

import chain_bandit as cb
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.engine import Engine

GAMES = {"plain": {}, "proofs": {"slash": 0.2}, "phases": {"preset": "recommended", "slash": 0.2}}


def game(name="plain", **keys):
    return cb.load("small", rounds=60, expect={}, **GAMES[name], **keys)


def played(env, seed, added):
    """What each agent gets in a game of the same action always, and the regret at its end."""
    env.reset(seed=seed)
    total, regret = dict.fromkeys(env.agents, 0.0), None
    while env.agents:
        _, rewards, _, _, infos = env.step({name: added.get(name, np.zeros(3)) for name in env.agents})
        total = {name: total[name] + rewards[name] for name in total}
        regret = infos[env.possible_agents[0]]["regret"]
    return total, regret


@pytest.mark.filterwarnings("error")
def test_one_learner_passes_the_check_of_gymnasium():
    check_env(cb.gym_env(game()), skip_render_check=True)


@pytest.mark.parametrize("name", GAMES)
def test_many_learners_pass_the_tests_of_pettingzoo(name):
    parallel_api_test(cb.parallel_env(game(name)), num_cycles=100)
    parallel_seed_test(lambda: cb.parallel_env(game(name)), num_cycles=3)


def test_what_is_no_action_is_refused_and_changes_nothing():
    env = cb.gym_env(game())
    with pytest.raises(cb.ChainBanditError, match=r"reset\(\) before the first step"):
        env.step(0)
    first, _ = env.reset(seed=1)
    for wrong in (-1, 3, 0.5, np.nan, None):
        with pytest.raises(cb.ChainBanditError, match="an arm from 0 to 2"):
            env.step(wrong)
    assert np.array_equal(env.reset(seed=1)[0], first)
    many = cb.parallel_env(game(), [0])
    many.reset(seed=1)
    for wrong in (np.full(3, np.nan), np.zeros(2), np.full(3, 1.5)):
        with pytest.raises(cb.ChainBanditError, match="for participant_0 3 numbers from -1 to 1"):
            many.step({"participant_0": wrong})
    with pytest.raises(cb.ChainBanditError, match="got None"):
        many.step({})


def test_ucb1_as_a_learner_has_the_regret_of_the_baseline_that_plays_it():
    found = cb.simulate(game(), replicates=3)
    env, regrets = cb.gym_env(game()), []
    for _ in range(3):  # the seeds of the replicates, one after the other
        env.reset()
        means, counts, over = np.zeros(3), np.zeros(3), False
        while not over:
            with np.errstate(divide="ignore", invalid="ignore"):
                index = np.where(counts, means + np.sqrt(2 * np.log(counts.sum() + 1) / counts), np.inf)
            seen, _, over, _, info = env.step(int(index.argmax()))
            means, counts = seen[:3], seen[3:] * 60
        regrets.append(info["regret"])
    (baseline,) = (row for row in found.baselines() if row["learner"] == "ucb1 alone")
    assert np.mean(regrets) == pytest.approx(baseline["mean"], abs=1e-9)


def simulated(scenario):
    """(What each participant gets, regret) as the simulator has them."""
    measured = replicates(scenario, 1, engine=Engine.PLAIN)
    paid = measured.payoffs(scenario.roles)[0] / UNIT
    return {f"participant_{seat}": gained for seat, gained in enumerate(paid)}, measured.regret()[-1].mean


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("attack", ["within-range", "optimiser", "equivocating-commander"])
def test_honest_learners_get_what_the_simulator_pays_beside_any_attack(name, attack):
    """Attacks see no fewer honest reports for learners that send these."""
    scenario = game(name, malicious=[{"seat": 3, "attacks": [{"name": attack}]}])
    paid, lost = simulated(scenario)
    total, regret = played(cb.parallel_env(scenario, range(3)), 1, {})
    assert total == pytest.approx({name: paid[name] for name in total}, abs=1e-9)
    assert regret == pytest.approx(lost, abs=1e-9)


@pytest.mark.parametrize("name", GAMES)
def test_a_learner_that_lies_gets_what_the_attack_gets(name):
    scenario = game(name, malicious=[{"seat": 3, "attacks": [{"name": "constant-lie"}]}])
    paid, lost = simulated(scenario)
    assert simulated(game(name, malicious=[]))[0] != paid
    total, regret = played(cb.parallel_env(scenario), 1, {"participant_3": -np.ones(3, np.float32)})
    assert total == pytest.approx(paid, abs=1e-9)
    assert regret == pytest.approx(lost, abs=1e-9)


def test_who_rushes_sees_what_learners_report():
    seen = set()

    @cb.attack("rusher")
    class Rusher(cb.Attack):
        conduct, rushes = cb.Conduct.LIAR, True

        def means(self, view, honest):
            seen.add(view.reported[0])
            return honest

    scenario = game(malicious=[{"seat": 3, "attacks": [{"name": "rusher"}]}])
    played(cb.parallel_env(scenario, [0]), 1, {"participant_0": -np.ones(3)})
    assert seen == {(0, 0, 0)}


def test_a_learner_sees_that_its_lie_was_proven():
    env = cb.parallel_env(game("proofs"), [3])
    seen, _ = env.reset()
    assert seen["participant_3"][-1] == 0
    gained = []
    while env.agents:
        seen, rewards, *_ = env.step({"participant_3": np.ones(3)})
        gained.append(rewards["participant_3"])
    assert seen["participant_3"][-1] == 1
    assert min(gained) < 0


def test_wrong_seats_are_refused_in_one_sentence():
    for seats in ([4], [-1], [0, 0], [], ["x"]):
        with pytest.raises(cb.ChainBanditError, match="expected different participants from 0 to 3, got") as caught:
            cb.parallel_env(game(), seats)
        assert caught.value.exit_code == 2
    with pytest.raises(cb.ChainBanditError, match="live rewards have no model"):
        cb.gym_env(cb.load("ab_test"))


@pytest.mark.parametrize("missing", ["gymnasium", "pettingzoo"])
def test_without_the_libraries_one_is_told_how_to_get_them(missing):
    code = f"""
import sys; sys.modules[{missing!r}] = None
import chain_bandit as cb
try: cb.gym_env(cb.load("small"))
except cb.ChainBanditError as error: print(error, error.exit_code)
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said == (
        "learners' environments need Gymnasium and PettingZoo: run pip install 'chain-bandit[gym]' 4\n"
    )


def test_seats_and_seeds_of_any_library_are_taken_and_what_is_none_is_refused_in_one_sentence():
    game = cb.load("small")
    assert cb.parallel_env(game, np.array([3, 1])).possible_agents == ["participant_3", "participant_1"]
    for wrong in (lambda: cb.gym_env(game, [0]), lambda: cb.gym_env(game, 1.0), lambda: cb.parallel_env(game, 3)):
        with pytest.raises(cb.ChainBanditError, match="expected different participants from 0 to 3"):
            wrong()
    for env in (cb.gym_env(game), cb.parallel_env(game)):
        assert str(env.reset(seed=np.int64(3))) == str(env.reset(seed=3))
        for seed in (-1, 2**256, 1.5, "a"):
            with pytest.raises(cb.ChainBanditError, match="expected a seed"):
                env.reset(seed=seed)
    for actions in (None, [], dict.fromkeys(env.agents, "ab"), {key: [[0], [0, 0]] for key in env.agents}):
        with pytest.raises(cb.ChainBanditError, match=r"expected a mapping of actions|3 numbers from -1 to 1"):
            env.step(actions)
