"""UCB participants with tokens: the exchange and the rule of MATE and MEDIATE, agreed in process or by shares."""

from dataclasses import replace

import numpy as np
import pytest

from chain_bandit.mediate.agreement.tokens import units
from chain_bandit.mediate.bandit import MediateUcb, in_process
from chain_bandit.mediate.epochs.transcript import Sent
from chain_bandit.mediate.exchange import Improvement
from chain_bandit.mediate.stacked_exchange import exchanged
from chain_bandit.mediate.token_rule import Account, Episode, Method, Rule, after_epoch
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arena import World, play
from chain_bandit.simulation.rivals.registry import named
from chain_bandit.simulation.rivals.reports import Malice
from chain_bandit.simulation.rivals.ucb1 import Ucb1
from chain_bandit.testing import policy_conformance
from tests.unit.mediate import company as c

WORLD = World((0.8, 0.5, 0.3), agents=4, liars=0, horizon=60)
EPOCH = 15


def policy(world: World = WORLD, replicates: int = 3, **options: object) -> MediateUcb:
    return MediateUcb(world, replicates, np.random.default_rng(0), epoch=EPOCH, **options)  # type: ignore[arg-type]


def rounds(made: MediateUcb, count: int, seed: int = 1) -> list[tuple[np.ndarray, np.ndarray]]:
    """(arms, rewards) of so many rounds; rewards are not of {0, 1}, so that every comparison is of use."""
    chance, played = np.random.default_rng(seed), []
    for t in range(1, count + 1):
        arms = made.choose(t)
        rewards = np.array(made.world.means)[arms] + chance.uniform(-0.3, 0.3, arms.shape)
        made.learn(t, arms, rewards)
        played.append((arms, rewards))
    return played


def test_it_is_a_policy_and_found_by_its_place():
    policy_conformance(MediateUcb)
    assert named("policy chain_bandit.mediate.bandit:MediateUcb")(Malice(lambda *_: 0)) is MediateUcb  # type: ignore[arg-type]


def test_what_is_learned_from_in_an_epoch_is_what_mate_exchanges():
    made = policy()
    played = rounds(made, EPOCH - 1)  # tokens are the first ones
    rewards = np.stack([each for _, each in played], axis=1)
    reach = np.ones((3, EPOCH - 1, 4, 4), np.bool_) & ~np.eye(4, dtype=bool)
    values = np.zeros((3, EPOCH, 4))
    shaped = exchanged(rewards, values, reach, np.full((3, 4), 0.1), 1.0, Improvement.REWARD)
    for arm in range(3):
        pulled = np.stack([arms == arm for arms, _ in played], axis=1)
        assert np.allclose(made.shaped[:, :, arm], (shaped * pulled).sum(axis=1))
    assert not np.allclose(made.shaped, made.sums)


def test_tokens_move_by_the_rule_of_the_paper_of_running_means():
    made = policy(replicates=1)
    accounts = (Account(0.1, 0.1),) * 4
    for epoch in range(4):
        means, episodes = [], [[] for _ in range(4)]
        chance = np.random.default_rng(epoch)
        for step in range(EPOCH):
            arms = made.choose(EPOCH * epoch + step + 1)
            rewards = chance.uniform(0, 1, arms.shape)
            value = made.shaped / np.maximum(made.pulls, 1)
            means.append([value[0, agent, arms[0, agent]] for agent in range(4)])
            made.learn(EPOCH * epoch + step + 1, arms, rewards)
            for agent in range(4):
                episodes[agent].append(rewards[0, agent] - 0.1)
        told = [[Episode([*(row[agent] for row in means), 0.0], episodes[agent])] for agent in range(4)]
        rule = Rule(last_value=False, clip=1.0)
        accounts = after_epoch(accounts, told, Method.SYNCHRONISED, rule, _Mean(), [b""] * 4)
        assert made.accounts.used[0].tolist() == pytest.approx([each.used for each in accounts], abs=2e-9)
        assert made.accounts.own[0].tolist() == pytest.approx([each.own for each in accounts], abs=2e-9)
    assert made.accounts.used[0, 0] != 0.1


class _Mean:
    def agree(self, tokens: list[int], salts: list[bytes]) -> tuple[int, ...]:
        return (sum(tokens) // len(tokens),) * len(tokens)


def test_without_tokens_it_is_ucb1():
    made, alone = policy(agree=lambda own, asked, pleased: 0 * in_process(own, asked, pleased)), Ucb1(WORLD, 3)
    made.accounts = replace(made.accounts, used=np.zeros((3, 4)))
    chance = np.random.default_rng(2)
    for t in range(1, 50):
        arms = made.choose(t)
        assert np.array_equal(arms, alone.choose(t))
        rewards = chance.uniform(0, 1, arms.shape)
        made.learn(t, arms, rewards)
        alone.learn(t, arms, rewards)


def test_the_same_game_agreed_by_validators_is_the_same_to_the_bit_credits_and_all():
    terms = replace(c.TERMS, participants=4, steps=EPOCH)
    agreement = c.company(terms, holders={5: c.FalseSums})

    def by_shares(own: np.ndarray, asked: np.ndarray, pleased: np.ndarray) -> np.ndarray:
        rows = [list(map(Sent, asked[:, 0, at].tolist(), pleased[:, 0, at].tolist())) for at in range(4)]
        salts = c.salts(agreement.ledger.epoch, 4)
        return np.array([agreement.play(own[0].tolist(), salts, rows)])

    shared, plain = policy(replicates=1, agree=by_shares), policy(replicates=1)
    one, other = rounds(shared, 4 * EPOCH), rounds(plain, 4 * EPOCH)
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(one, other, strict=True))
    assert np.array_equal(shared.accounts.used, plain.accounts.used)
    assert np.array_equal(shared.shaped, plain.shaped)
    added = (shared.shaped - shared.sums).sum(axis=-1)[0] * UNIT
    assert np.allclose(added, agreement.ledger.credits, atol=1e3)  # what rounding does to doubles


def test_a_liar_moves_the_token_of_all():
    world = World(WORLD.means, agents=4, liars=1, horizon=60)
    made = policy(world, lie=10.0)
    rounds(made, EPOCH)
    assert (made.accounts.used > 2).all()
    assert (units(made.accounts.own)[:, 3] == 10 * UNIT).all()


def test_regret_is_told_like_any_rival_s():
    result = play(World(WORLD.means, 4, 0, 300), MediateUcb, 20, seed=1)
    alone = play(World(WORLD.means, 4, 0, 300), lambda world, count, coins: Ucb1(world, count), 20, seed=1)
    assert 0 < result.regret.mean() < 3 * alone.regret.mean()
    assert result.sent > 0
