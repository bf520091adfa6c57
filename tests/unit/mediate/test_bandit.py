"""Tokens in a bandit: the exchange and the rule of MATE, AutoMATE and MEDIATE, agreed in process or by shares."""

from dataclasses import replace

import numpy as np
import pytest

from chain_bandit.actors.epochs.transcript import Sent
from chain_bandit.mediate.agreement.tokens import units
from chain_bandit.mediate.bandit import INCENTIVES, TokenIncentive, in_process
from chain_bandit.mediate.exchange import EpisodeStep, Improvement, exchanged
from chain_bandit.mediate.token_rule import Episode, Method, TokenAccount, TokenRuleOptions, after_epoch
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arena import World, play, ring
from chain_bandit.simulation.incentive import Shaped, shaped
from chain_bandit.simulation.rivals.registry import RIVALS
from chain_bandit.simulation.rivals.reports import Malice
from chain_bandit.simulation.rivals.ucb1 import ArenaUcb1
from tests.unit.mediate import company as c

WORLD = World((0.8, 0.5, 0.3), agents=4, liars=0, horizon=60)
EPOCH = 15


def tokens(world: World = WORLD, replicates: int = 3, **options: object) -> TokenIncentive:
    return TokenIncentive(world, replicates, np.random.default_rng(0), **{"epoch": EPOCH} | options)  # type: ignore[arg-type]


def rounds(made: TokenIncentive, count: int, seed: int = 1, world: World = WORLD) -> list[tuple[np.ndarray, ...]]:
    """(arms, rewards, shaped rewards) of so many rounds of UCB1; rewards are eighths, so that their sums are exact."""
    replicates = len(made.pulls)
    policy, chance, played = ArenaUcb1(world, replicates), np.random.default_rng(seed), []
    for t in range(1, count + 1):
        arms = policy.choose(t)
        rewards = np.round(8 * (np.array(world.means)[arms] + chance.uniform(-0.3, 0.3, arms.shape))) / 8
        learned = made.shape(t, arms, rewards)
        policy.learn(t, arms, learned)
        played.append((arms, rewards, learned))
    return played


def test_ours_are_the_papers_methods_that_have_tokens_by_their_names():
    assert list(INCENTIVES) == ["mate", "auto-mate", "mediate-i", "mediate-s"]
    first = {name: make(WORLD, 2, np.random.default_rng(0)) for name, make in INCENTIVES.items()}
    assert {name: made.accounts.used[0, 0] for name, made in first.items()} == {  # type: ignore[attr-defined]
        "mate": 1.0, "auto-mate": 0.1, "mediate-i": 0.1, "mediate-s": 0.1
    }  # fmt: skip


@pytest.mark.parametrize("graph", [None, ring(4)], ids=["all", "ring"])
@pytest.mark.parametrize("worth", [(0.125,) * 4, (0.5, 0.0, 0.125, 2.0)], ids=["one", "each its own"])
def test_what_is_learned_from_is_what_mate_exchanges(graph, worth):
    world = replace(WORLD, graph=graph)
    made = tokens(world, 1, epoch=60)
    made.accounts = replace(made.accounts, used=np.array([worth]))
    played = rounds(made, 59, world=world)
    reach = ~np.eye(4, dtype=bool) if graph is None else graph
    neighbours = [frozenset(map(int, np.flatnonzero(row))) for row in reach]
    steps = [EpisodeStep(rewards[0].tolist(), [0] * 4, [0] * 4, neighbours) for _, rewards, _ in played]
    expected = exchanged(steps, worth, 1.0, Improvement.REWARD)
    assert [learned[0].tolist() for *_, learned in played] == expected
    assert any(learned[0].tolist() != rewards[0].tolist() for _, rewards, learned in played)
    for arm in range(3):
        pulled = np.stack([arms[0] == arm for arms, *_ in played])
        assert np.array_equal(made.shaped[0, :, arm], (np.array(expected) * pulled).sum(axis=0))


@pytest.mark.parametrize("method", [Method.AUTO, Method.ISOLATED, Method.SYNCHRONISED])
def test_tokens_move_by_the_rule_of_the_paper_of_running_means(method):
    made = tokens(replicates=1, method=method)
    policy, accounts = ArenaUcb1(WORLD, 1), (TokenAccount(0.1, 0.1),) * 4
    for epoch in range(4):
        means, episodes = [], [[] for _ in range(4)]
        chance = np.random.default_rng(epoch)
        for step in range(EPOCH):
            t = EPOCH * epoch + step + 1
            arms = policy.choose(t)
            rewards = chance.uniform(0, 1, arms.shape)
            value = made.shaped / np.maximum(made.pulls, 1)
            means.append([value[0, agent, arms[0, agent]] for agent in range(4)])
            policy.learn(t, arms, made.shape(t, arms, rewards))
            for agent in range(4):
                episodes[agent].append(rewards[0, agent] - 0.1)
        told = [[Episode([*(row[agent] for row in means), 0.0], episodes[agent])] for agent in range(4)]
        rule = TokenRuleOptions(last_value=False, clip=1.0)
        accounts = after_epoch(accounts, told, method, rule, _Mean(), [b""] * 4)
        assert made.accounts.used[0].tolist() == pytest.approx([each.used for each in accounts], abs=2e-9)
        assert made.accounts.own[0].tolist() == pytest.approx([each.own for each in accounts], abs=2e-9)
    assert (made.accounts.used != 0.1).all()
    assert len({*made.accounts.used[0].tolist()}) == (1 if method.agrees else 4)


class _Mean:
    def agree(self, tokens: list[int], salts: list[bytes]) -> tuple[int, ...]:
        return (sum(tokens) // len(tokens),) * len(tokens)


def test_an_epoch_has_20_rounds_unless_told():
    ends: list[int] = []

    def agree(own: np.ndarray, asked: np.ndarray, pleased: np.ndarray) -> np.ndarray:
        ends.append(t)
        return in_process(own, asked, pleased)

    made = TokenIncentive(WORLD, 3, np.random.default_rng(0), agree=agree)
    for t in range(1, 61):
        made.shape(t, np.zeros((3, 4), int), np.ones((3, 4)))
    assert ends == [20, 40, 60]


def test_a_mean_changes_by_no_more_than_once_what_it_was():
    """Of one who is alone: from 0.005, the mean of 0 and 0.01, to 0.175, a token of 0.1 by a tenth of 0.01 - cost."""
    alone = World((0.8, 0.5), agents=2, liars=0, horizon=4, graph=np.zeros((2, 2), bool))
    made = tokens(alone, 1, method=Method.AUTO, epoch=2, cost=0.1)
    for t, paid in enumerate((0.01, 0.01, 1.0, 1.0), 1):
        made.shape(t, np.zeros((1, 2), int), np.full((1, 2), paid))
    assert made.accounts.middle[0].tolist() == pytest.approx([0.175] * 2)
    assert made.accounts.used[0].tolist() == pytest.approx([0.1 + 0.1 * 0.09] * 2)


def test_mates_token_is_1_for_ever():
    made = tokens(replace(WORLD, liars=1), method=Method.MATE, lie=10.0)
    for _, rewards, learned in rounds(made, 4 * EPOCH):
        assert {*np.unique(learned - rewards)} <= {-1.0, 0.0, 1.0, 2.0}
        assert (made.accounts.used == 1).all()


def test_isolated_and_synchronised_agents_have_one_token_until_one_is_clamped():
    """But for two units an epoch of rounding. One agent is paid less from the tenth epoch on, which clamps its own."""
    one, other = (tokens(method=method, cost=5.0) for method in (Method.ISOLATED, Method.SYNCHRONISED))
    chance, equal = np.random.default_rng(5), 0
    apart, clamped = np.zeros(3), np.zeros(3, np.bool_)
    for t in range(1, 40 * EPOCH + 1):
        arms = chance.integers(3, size=(3, 4))
        rewards = chance.uniform(0.4, 0.6, arms.shape) * np.where(np.arange(4) < 3, 1.0, 0.1 if t > 9 * EPOCH else 1.0)
        for made in (one, other):
            made.shape(t, arms, rewards)
        if t % EPOCH == 0:
            apart = abs(one.accounts.used - other.accounts.used).max(axis=1)
            clamped |= ((one.accounts.own == 0) | (other.accounts.own == 0)).any(axis=1)
            assert (clamped | (apart <= 2e-9 * t / EPOCH)).all()
            equal += int((~clamped & (one.accounts.used != 0.1).all(axis=1)).sum())
    assert equal >= 15
    assert clamped.any()
    assert (apart[clamped] > 1e-3).any()


def test_the_same_game_agreed_by_validators_is_the_same_to_the_bit_credits_and_all():
    terms = replace(c.TERMS, participants=4, steps=EPOCH)
    agreement = c.company(terms, holders={5: c.FalseSums})

    def by_shares(own: np.ndarray, asked: np.ndarray, pleased: np.ndarray) -> np.ndarray:
        rows = [list(map(Sent, asked[:, 0, at].tolist(), pleased[:, 0, at].tolist())) for at in range(4)]
        salts = c.salts(agreement.ledger.epoch, 4)
        return np.array([agreement.play(own[0].tolist(), salts, rows)])

    shared, plain = tokens(replicates=1, agree=by_shares), tokens(replicates=1)
    one, other = rounds(shared, 4 * EPOCH), rounds(plain, 4 * EPOCH)
    assert all(np.array_equal(a, b) for (a, *_), (b, *_) in zip(one, other, strict=True))
    assert np.array_equal(shared.accounts.used, plain.accounts.used)
    assert np.array_equal(shared.shaped, plain.shaped)
    added = sum(learned - rewards for _, rewards, learned in one)[0] * UNIT
    assert np.allclose(added, agreement.ledger.credits, atol=1e3)  # what rounding does to doubles


@pytest.mark.parametrize("method", [Method.AUTO, Method.ISOLATED, Method.SYNCHRONISED])
def test_a_liar_moves_the_token_of_all_where_they_agree_and_its_own_where_not(method):
    world = replace(WORLD, liars=1)
    made = tokens(world, method=method, lie=10.0)
    rounds(made, EPOCH)
    assert (units(made.accounts.own)[:, 3] == 10 * UNIT).all()
    assert (made.accounts.used[:, 3] > 2).all()
    assert (made.accounts.used[:, :3] > 2).all() == method.agrees
    honest = tokens(world, method=method)
    rounds(honest, EPOCH)
    assert (honest.accounts.used == 0.1).all()


def test_an_agreed_token_of_0_leaves_all_as_it_is():
    made = tokens(agree=lambda own, asked, pleased: 0 * in_process(own, asked, pleased))
    played = rounds(made, 3 * EPOCH)
    assert all(np.array_equal(rewards, learned) for _, rewards, learned in played[EPOCH:])
    assert not all(np.array_equal(rewards, learned) for _, rewards, learned in played[:EPOCH])


def test_numbers_are_sent_for_asks_answers_and_agreeing():
    """Two who are paid alike both ask and both answer, in every round."""
    world = replace(WORLD, agents=2)
    for name, agreeing in (("mate", 0), ("auto-mate", 0), ("mediate-i", 1), ("mediate-s", 1)):
        made = tokens(world, method=Method(name))
        policy = Shaped(ArenaUcb1(world, 3), made)
        for t in range(1, 2 * EPOCH + 1):
            policy.learn(t, policy.choose(t), np.ones((3, 2)))
        assert policy.sent == 2 * 2 * EPOCH + 2 * agreeing
        assert ("agreed" in made.information) == bool(agreeing)


@pytest.mark.parametrize(("name", "gap"), [("mate", 2.0), ("auto-mate", 0.9), ("mediate-i", 0.9), ("mediate-s", 0.9)])
def test_among_ten_tokens_do_little_more_than_scale_rewards(name, gap):
    """As docs/mediate.md explains regret: some are paid 1 in each round and ask all, some 0 and answer with minus."""
    world = World((0.5, 0.45, 0.4, 0.3), 10, 0, 400)
    made, policy = INCENTIVES[name](world, 5, np.random.default_rng(0)), ArenaUcb1(world, 5)
    chance, gaps = np.random.default_rng(1), []
    for t in range(1, 401):
        arms = policy.choose(t)
        rewards = (chance.random(arms.shape) < np.array(world.means)[arms]).astype(float)
        learned = made.shape(t, arms, rewards)
        policy.learn(t, arms, learned)
        if t > 20 and 0 < rewards.sum() < rewards.size:
            gaps.append(learned[rewards == 1].mean() - learned[rewards == 0].mean())
    assert np.mean(gaps) == pytest.approx(gap, abs=0.02)


def test_regret_is_told_like_any_rival_s():
    world, alone = World(WORLD.means, 4, 0, 300), RIVALS["ucb1"](Malice())
    without = play(world, alone, 20, seed=1)
    for make in INCENTIVES.values():
        result = play(world, shaped(alone, make), 20, seed=1)
        assert 0 < result.regret.mean() < 3 * without.regret.mean()
        assert result.sent > 0
