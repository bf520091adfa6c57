"""Stacked learners are the paper's, network by network; a table of all sights changes nothing; zero tokens neither."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chain_bandit.mediate.chance import Uniforms
from chain_bandit.mediate.games.harvest import HarvestRules
from chain_bandit.mediate.games.names import game_of
from chain_bandit.mediate.games.stacked_harvest import HarvestStack
from chain_bandit.mediate.games.stacks import stack_of
from chain_bandit.mediate.gifting import Gift
from tests.unit.mediate.dense import dense

torch = pytest.importorskip("torch", reason="of the extra `mediate`")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

from chain_bandit.mediate.learners import actor_critic, experiment  # noqa: E402
from chain_bandit.mediate.learners.actor_critic import ActorCritics  # noqa: E402
from chain_bandit.mediate.learners.experiment import Experiment, LearningSetting, NothingToGiveBy, chosen, returns  # noqa: E402
from chain_bandit.mediate.learners.lio import Incentives, Lio  # noqa: E402
from chain_bandit.mediate.learners.lookup_table import table_of  # noqa: E402
from chain_bandit.mediate.token_rule import Mate, Method  # noqa: E402


def short(
    name: str, method: Method | Mate = Method.MATE, runs: tuple[int, ...] = (0, 1), **changes: Any
) -> LearningSetting:
    """Few short episodes."""
    return LearningSetting(replace(game_of(name), limit=12, **changes), (method,), runs, episodes=3)  # type: ignore[type-var]


def weights(learners: ActorCritics) -> bytes:
    parameters = [*learners.actors.parameters, *learners.critics.parameters]
    return b"".join(parameter.numpy().tobytes() for parameter in parameters)


def alone(networks: Any, at: int) -> Any:
    """One of the networks as torch itself has it."""
    layers = []
    for weight, bias in zip(networks.parameters[::2], networks.parameters[1::2], strict=True):
        turned = weight[at] if len(layers) == 4 else weight[at].T  # the last ones lie as torch has all
        layer = torch.nn.Linear(turned.shape[1], turned.shape[0])
        with torch.no_grad():
            layer.weight.copy_(turned)
            layer.bias.copy_(bias[at, 0])
        layers += [layer, torch.nn.ELU()]
    return torch.nn.Sequential(*layers[:-1])


def descend(network: Any, adam: Any, loss: Any) -> None:
    adam.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    adam.step()


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("name", ["ipd", "rescaled-coin-game-2"])
def test_each_learner_is_one_of_torchs_own_that_follows_the_paper(name, table, monkeypatch):
    """Of three epochs: the critic first, then the actor by what the critic then says; see MEDIATE's Appendix B."""
    if not table:
        monkeypatch.setattr(actor_critic, "table_of", lambda rules: None)
    rules, rng = replace(game_of(name), limit=20), np.random.default_rng(0)  # type: ignore[type-var]
    learners = ActorCritics(rules, 0, (0, 1))
    models = [(alone(learners.actors, at), alone(learners.critics, at)) for at in range(4)]
    adams = [[torch.optim.Adam(network.parameters(), lr=1e-3) for network in pair] for pair in models]
    every = table_of(rules)
    assert every is not None
    for _ in range(3):
        observations = every.rows[rng.integers(len(every.rows), size=(4, 21, 3))]
        actions, gained = rng.integers(rules.actions, size=(4, 20, 3)), 9 * rng.normal(size=(4, 20, 3))
        played = rng.random((4, 20, 3)) < 0.9
        index = learners.begin(3)
        likely = [learners.chances(index, step, observations[:, step]) for step in range(21)]
        worth = learners.values(index)
        for at, ((actor, critic), (actors, critics)) in enumerate(zip(models, adams, strict=True)):
            seen = torch.from_numpy(dense(observations[at], rules.inputs))
            first = torch.softmax(actor(seen[7]), -1).detach().numpy()
            assert likely[7][at] == pytest.approx(first, abs=1e-5)
            assert worth[at] == pytest.approx(critic(seen)[..., 0].detach().numpy(), abs=1e-4)
            seen = seen[:-1][torch.from_numpy(played[at])]
            taken = torch.from_numpy(actions[at][played[at]])
            followed = torch.from_numpy(gained[at][played[at]].astype(np.float32))
            descend(critic, critics, ((critic(seen)[:, 0] - followed) ** 2).mean())
            advantage = followed - critic(seen)[:, 0].detach()
            log_likely = torch.log_softmax(actor(seen), -1)[torch.arange(len(taken)), taken]
            descend(actor, actors, -(log_likely * advantage).sum())
        learners.learn(index, actions, gained, played)


def test_where_an_action_is_barred_the_policy_is_of_the_others():
    rules, rng = replace(game_of("coin-game-2"), limit=20), np.random.default_rng(0)
    learners = ActorCritics(rules, 0, (0,), giving=True)
    actor, critic = alone(learners.actors, 1), alone(learners.critics, 1)
    adams = [torch.optim.Adam(network.parameters(), lr=1e-3) for network in (actor, critic)]
    for _ in range(3):
        observations = table_of(rules).rows[rng.integers(30, size=(2, 21, 3))]
        barred = rng.random((2, 20, 3)) < 0.5
        actions = np.where(barred, rng.integers(4, size=(2, 20, 3)), rng.integers(5, size=(2, 20, 3)))
        gained, played = rng.normal(size=(2, 20, 3)), rng.random((2, 20, 3)) < 0.9
        index = learners.begin(3)
        likely = [learners.chances(index, step, observations[:, step], barred[:, step]) for step in range(20)]
        index.see(20, observations[:, 20])
        seen, bars = torch.from_numpy(dense(observations[1, :-1], rules.inputs)), torch.from_numpy(barred[1])

        said = actor(seen)
        shut = torch.cat([torch.zeros(20, 3, 4, dtype=torch.bool), bars[..., None]], dim=-1)
        masked = torch.log_softmax(said.masked_fill(shut, -torch.inf), -1)
        assert np.array(likely)[:, 1] == pytest.approx(masked.exp().detach().numpy(), abs=1e-5)
        descend(critic, adams[1], ((critic(seen)[..., 0] - torch.from_numpy(gained[1]).float())[played[1]] ** 2).mean())
        advantage = torch.from_numpy(gained[1]).float() - critic(seen)[..., 0].detach()
        chosen_ = masked.gather(-1, torch.from_numpy(actions[1])[..., None])[..., 0]
        descend(actor, adams[0], -(chosen_ * advantage)[torch.from_numpy(played[1])].sum())
        learners.learn(index, actions, gained, played, barred)


@pytest.mark.parametrize("name", ["rescaled-coin-game-2", "coin-game-4"])
def test_what_agents_pay_each_other_follows_the_papers_code(name):
    """The network of MEDIATE's LIO is asked what torch's own is, and goes down the loss as autograd has it."""
    rules, rng = replace(game_of(name), limit=6), np.random.default_rng(0)
    agents = rules.agents
    learners, incentives = ActorCritics(rules, 0, (0, 1)), Incentives(rules, 0, (0, 1), Lio(2.0))
    models = [alone(incentives.networks, at) for at in range(2 * agents)]
    adams = [torch.optim.Adam(model.parameters(), lr=1e-3) for model in models]
    for _ in range(3):
        index = learners.begin(2)
        observations = np.zeros((2 * agents, 7, 2, rules.marks), np.int16)
        stack = stack_of(rules)
        observations[:, 0] = stack.reset(rng.random((4, rules.reset_draws))).reshape(2, 2, agents, -1).swapaxes(
            1, 2
        ).reshape(2 * agents, 2, -1)  # fmt: skip
        for step in range(7):
            learners.chances(index, step, observations[:, 0])
        actions, gained = rng.integers(4, size=(2 * agents, 6, 2)), rng.normal(size=(2 * agents, 6, 2))
        played = np.ones((2 * agents, 6, 2), bool)
        played[:, 4:, 1] = False
        rows = incentives.rows(index, actions)
        got, expected = incentives.received(rows, played), np.zeros((2 * agents, 6, 2))
        for at, model in enumerate(models):
            run, me = divmod(at, agents)
            others = [other for other in range(agents) if other != me]
            acts = torch.from_numpy(np.eye(4, dtype=np.float32)[actions[[run * agents + other for other in others]]])
            seen = dense(observations[at, :1], rules.inputs)
            inputs = torch.cat([torch.from_numpy(seen).expand(6, -1, -1), *acts], dim=-1)
            said = model(inputs)
            for place, other in enumerate(others):
                expected[run * agents + other] += 2 * torch.sigmoid(said[..., place]).detach().numpy() * played[at]
            alive, mine = torch.from_numpy(played[at]), torch.from_numpy(gained[at]).float()
            late = 0.95 ** torch.arange(6)[:, None, None]
            loss = (torch.nn.functional.logsigmoid(said) * mine[..., None])[alive].sum()
            loss = loss + 0.001 * (late * 2 * torch.sigmoid(said))[alive].sum()
            descend(model, adams[at], loss)
        assert got == pytest.approx(expected, abs=1e-5)
        incentives.learn(rows, gained, played)


def test_rivals_are_learned_beside_what_the_game_pays():
    for rival in (*Gift, Lio(2.0)):
        one, same = (Experiment(replace(short("coin-game-4", Method.NAIVE), rival=rival)) for _ in range(2))
        naive = Experiment(short("coin-game-4", Method.NAIVE))
        for _ in range(4):
            first, again = one.epoch(), same.epoch()
            naive.epoch()
            assert first.welfare.tobytes() == again.welfare.tobytes()
            assert first.counts.tobytes() == again.counts.tobytes()
            assert not first.tokens.any()
        assert weights(one.learners) == weights(same.learners) != weights(naive.learners)
    with pytest.raises(NothingToGiveBy):
        Experiment(replace(short("ipd", Method.NAIVE), rival=Gift.BUDGET))


@pytest.mark.parametrize("name", ["ipd", "coin-game-2"])
def test_a_table_has_every_sight_once_under_its_number(name):
    rules = game_of(name)
    table = table_of(rules)
    assert table is not None
    assert len(table.rows) == {"ipd": 3, "coin-game-2": 1458}[name]
    assert table.numbers(table.rows).tolist() == list(range(len(table.rows)))
    chance, game = np.random.default_rng(0), rules.game()
    stack, starts = stack_of(rules), chance.random((1, rules.reset_draws))
    shown, seen = [*game.reset(starts[0])], [*stack.reset(starts)[0]]
    for _ in range(60):
        actions, draws = chance.integers(rules.actions, size=(1, 2)), chance.random((1, rules.step_draws))
        shown += game.step(actions[0].tolist(), draws[0]).observations
        seen += [*stack.step(actions, draws).observations[0]]
    assert np.array_equal(dense(table.rows[table.numbers(np.array(seen))], rules.inputs), shown)


def test_there_is_no_table_where_more_can_be_seen_than_is():
    assert table_of(game_of("coin-game-4")) is table_of(game_of("harvest-6")) is None


@pytest.mark.parametrize("name", ["ipd", "coin-game-2", "coin-game-4", "harvest-6"])
def test_tokens_worth_nothing_are_the_naive_learner_bit_for_bit(name):
    naive, zero, one = (Experiment(short(name, method)) for method in (Method.NAIVE, Mate((0.0,)), Method.MATE))
    for _ in range(3):
        assert naive.epoch().welfare.tobytes() == zero.epoch().welfare.tobytes()
        one.epoch()
        assert weights(naive.learners) == weights(zero.learners)
    if name != "harvest-6":  # where agents hardly meet in twelve steps
        assert weights(naive.learners) != weights(one.learners)


def test_mate_is_the_one_with_tokens_of_1_bit_for_bit():
    mate, one, each = (Experiment(short("coin-game-2", method)) for method in (Method.MATE, Mate((1,)), Mate((1, 1))))
    for _ in range(3):
        assert len({trial.epoch().tokens.tobytes() for trial in (mate, one, each)}) == 1
        assert weights(mate.learners) == weights(one.learners) == weights(each.learners)


@pytest.mark.parametrize("payer", [0, 1])
def test_only_whom_a_token_reaches_learns_from_it(payer):
    """Of two agents whose one has a token worth nothing, the other gets nothing, and no answer to what it sends."""
    tokens = tuple(2.0 if agent == payer else 0.0 for agent in range(2))
    naive, unlike = (Experiment(short("coin-game-2", method)) for method in (Method.NAIVE, Mate(tokens)))
    assert unlike.epoch().tokens.tolist() == [[[*tokens]] * 2]
    naive.epoch()
    for networks in ("actors", "critics"):
        plain, paid = (getattr(trial.learners, networks).parameters for trial in (naive, unlike))
        same = [(one == other).reshape(2, 2, -1).all(dim=-1) for one, other in zip(plain, paid, strict=True)]
        runs, agents = torch.stack(same).all(dim=0).nonzero().T
        assert (runs.tolist(), agents.tolist()) == ([0, 1], [payer] * 2)


def test_a_seed_gives_the_same_bits_and_a_run_does_not_depend_on_those_beside_it():
    many, again = (Experiment(short("ipd", Method.SYNCHRONISED, (0, 1, 2))) for _ in range(2))
    one, other = (Experiment(replace(short("ipd", Method.SYNCHRONISED, (2,)), seed=seed)) for seed in (0, 1))
    for _ in range(3):
        first, same, single, else_ = (each.epoch() for each in (many, again, one, other))
        assert first.tokens.tobytes() == same.tokens.tobytes()
        assert first.welfare[0, 2] == single.welfare[0, 0] != else_.welfare[0, 0]
        assert first.tokens[0, 2] == pytest.approx(single.tokens[0, 0], abs=1e-6)
    assert weights(many.learners) == weights(again.learners)


def test_methods_beside_each_other_play_the_same_games_and_none_changes_another():
    several = Experiment(replace(short("coin-game-2"), methods=tuple(Method)))
    alone_ = {method: Experiment(short("coin-game-2", method)) for method in Method}
    for epoch in range(3):
        beside = several.epoch()
        assert len(set(beside.welfare[:, 0])) == 1 or epoch > 0
        for at, trial in enumerate(alone_.values()):
            made = trial.epoch()
            assert beside.welfare[at].tolist() == made.welfare[0].tolist()
            assert beside.tokens[at] == pytest.approx(made.tokens[0], abs=1e-6)


def test_networks_begin_within_one_over_the_root_of_their_inputs():
    drawn = [each.numpy() for each in ActorCritics(game_of("ipd"), 0, range(20)).actors.parameters]
    shapes = (2, 64), (1, 64), (64, 64), (1, 64), (2, 64), (1, 2)
    assert [each.shape for each in drawn] == [(40, *shape) for shape in shapes]
    first, bias, second, *_ = drawn
    assert 0.7 < abs(first).max() <= 2**-0.5
    assert 0.7 < abs(bias).max() <= 2**-0.5
    assert 0.124 < abs(second).max() <= 1 / 8
    assert second.std() == pytest.approx(1 / 8 / 3**0.5, rel=0.02)


def test_a_return_is_the_discounted_sum_to_the_end_of_the_episode():
    rewards = np.array([[1.0, 0.0], [2.0, 0.0], [4.0, 8.0]])
    assert returns(rewards, 0.5).tolist() == [[1 + 1 + 1, 2], [2 + 2, 4], [4, 8]]


def test_an_action_is_chosen_as_often_as_it_is_likely():
    likely = np.array([0.1, 0.0, 0.6, 0.3])
    coins = (np.arange(1000) + 0.5) / 1000
    assert np.bincount(chosen(np.broadcast_to(likely, (1000, 4)), coins), minlength=4).tolist() == [100, 0, 600, 300]


class Barren(HarvestStack):
    """No apple is left after a step in the first and the third game, nor in the second if `everywhere`."""

    everywhere = False

    def _grow(self, chance: Uniforms) -> None:
        self.apples[:: 1 if self.everywhere else 2] = False


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_game_that_is_over_is_played_no_further(everywhere):
    trial = Experiment(short("harvest-6", runs=(0,), agents=1, width=3, height=4, groups=((1, 1),)))
    trial._stack = stack = Barren(HarvestRules(agents=1, width=3, height=4, groups=((1, 1),)))
    stack.everywhere = everywhere
    played = trial._play()
    assert played.alive[0, ::2].tolist() == [[True] + [False] * 11] * 2
    assert played.alive[0, 1].tolist()[:2] == [True, not everywhere]
    assert np.isfinite(trial.epoch().welfare).all()


def test_agents_that_are_not_paid_for_it_stop_cooperating_first():
    """The first epochs of the dilemma: all begin near -450, from where those who are not paid go down."""
    welfare = {}
    for method in (Method.NAIVE, Method.MATE):
        trial = Experiment(LearningSetting(game_of("ipd"), (method,), (0,)))
        welfare[method] = [trial.epoch().welfare[0, 0] for _ in range(50)]
    assert welfare[Method.NAIVE][0] == welfare[Method.MATE][0]
    assert welfare[Method.NAIVE][-1] < -540
    assert welfare[Method.MATE][-1] > welfare[Method.NAIVE][-1] + 60
    assert experiment.EPISODES == 10
