"""Tokens follow Algorithm 1, of one run and of many at once; isolated and synchronised agents exchange the same."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chain_bandit.mediate import stacked_token_rule, token_rule
from chain_bandit.mediate.agreement.agreer import AgreedTokens
from chain_bandit.mediate.agreement.tokens import TokenInvalid
from chain_bandit.mediate.token_rule import (
    Episode,
    Mate,
    Method,
    MethodInvalid,
    Size,
    TokenAccount,
    TokenRuleOptions,
    after_epoch,
    opened,
)
from chain_bandit.protocol.agreement.tokens import mean
from chain_bandit.protocol.units import UNIT
from science.peer_agreement import PeerShares

SALTS = [bytes([number]) * 32 for number in range(4)]
PAPER, BRIEF = TokenRuleOptions(), TokenRuleOptions(last_value=False)


class InTheOpen:
    """The mean of tokens that everybody is shown."""

    def agree(self, tokens: Sequence[int], salts: Sequence[bytes]) -> AgreedTokens:
        return (mean(sum(tokens), len(tokens)),) * len(tokens)


def flat(value: float, *rewards: float) -> Episode:
    """An episode whose values are all the same."""
    return Episode([value] * (len(rewards) + 1), rewards)


def tell(method: Method, *epochs: Any, rule: TokenRuleOptions = BRIEF, agents: int = 2) -> tuple[TokenAccount, ...]:
    """Epochs of one flat episode an agent; each gives value and reward by agent."""
    accounts = opened(method, agents)
    for epoch in epochs:
        accounts = after_epoch(accounts, [[flat(*each)] for each in epoch], method, rule, InTheOpen(), SALTS[:agents])
    return accounts


def test_every_token_begins_at_a_tenth_and_stays_there_for_an_epoch():
    assert opened(Method.AUTO, 2) == (TokenAccount(0.1, 0.1, math.inf, None),) * 2
    assert [each.own for each in tell(Method.AUTO, [(5.0, -1.0), (-3.0, -2.0)])] == [0.1, 0.1]


@pytest.mark.parametrize(
    ("method", "worth"),
    [
        (Method.NAIVE, (0.0, 0.0)), (Method.MATE, (1.0, 1.0)), (Mate((0.25,)), (0.25, 0.25)),
        (Mate((0.5, 2.0)), (0.5, 2.0)),
    ],
)  # fmt: skip
def test_fixed_tokens_stay_what_they_are(method, worth):
    accounts = tuple(TokenAccount(each, each) for each in worth)
    assert opened(method, 2) == tell(method, [(1, -1), (1, -1)], [(2, -1), (3, -1)]) == accounts


@pytest.mark.parametrize("tokens", [(0.0,), (8.0,), (0.25,), (0.5, 2.0), (1.0, 1.0), (0.0, 3.5, 1 / 3, 1e-9)])
def test_mates_tokens_are_told_by_its_name(tokens):
    assert Mate.named("mate:" + ",".join(map(str, tokens))) == Mate(tokens) == Mate.named(Mate(tokens).value)


@pytest.mark.parametrize("name", ["mate", "naive", "lio", "mate1", "mates:1", "", ":1", "auto-mate:1"])
def test_another_name_says_no_tokens(name):
    assert Mate.named(name) is None


@pytest.mark.parametrize(
    "name", ["mate:", "mate:x", "mate:1,", "mate:-0.5", "mate:nan", "mate:inf", "mate:1;2", "mate:9007200"]
)
def test_tokens_that_no_agreement_could_come_to_are_refused_by_name(name):
    with pytest.raises(MethodInvalid, match=f"^method '{name}': takes numbers from 0 to 9,007,199, one for") as error:
        Mate.named(name)
    assert (error.value.exit_code, error.value.name) == (2, name)


@pytest.mark.parametrize("agents", [1, 3, 4])
def test_as_many_tokens_as_there_are_agents_or_one(agents):
    for begun in (lambda: opened(Mate((0.5, 2)), agents), lambda: stacked_token_rule.opened(Mate((0.5, 2)), 3, agents)):
        with pytest.raises(MethodInvalid, match=f"^method 'mate:0.5,2': has 2 tokens, and there are {agents} agents$"):
            begun()


@pytest.mark.parametrize(
    ("before", "now", "worst", "own"),
    [
        (10.0, 11.0, -2.0, 0.1 + 0.1 * 0.1 * 2),
        (10.0, 9.0, -2.0, 0.1 - 0.1 * 0.1 * 2),
        (-10.0, -12.0, -3.0, 0.1 + 0.1 * 0.2 * 3),  # negative and falling: it grows
        (10.0, -90.0, -2.0, 0.0),
        (0.0, 7.0, -2.0, 0.1),
        (1e-320, 1e300, -2.0, 0.1),
        (4.0, 8.0, 0.5, 0.1 + 0.1 * 1 * 0.5),
    ],
)
def test_a_token_moves_by_the_share_that_the_value_did_times_the_lowest_reward(before, now, worst, own):
    """Equation 4, with alpha 0.1."""
    account, _ = tell(Method.AUTO, [(before, worst), (1, -1)], [(now, worst), (1, -1)])
    assert account.own == pytest.approx(own, abs=1e-15)
    assert (account.used, account.middle, account.lowest) == (account.own, now, worst)


def test_the_lowest_reward_is_that_of_the_whole_run_and_ones_own():
    one, two = tell(Method.AUTO, [(10, -5), (10, -1)], [(10, -1), (10, -1)], [(20, -1), (20, -1)])
    assert one.own == pytest.approx(0.1 + 0.1 * 1 * 5)
    assert two.own == pytest.approx(0.1 + 0.1 * 1 * 1)


def test_the_middle_of_an_epoch_is_the_median_of_its_episodes_means():
    epoch = [[flat(value, -1.0) for value in (1, 100, 3, 2)]]
    (account,) = after_epoch(opened(Method.AUTO, 1), epoch, Method.AUTO, BRIEF, InTheOpen(), SALTS[:1])
    assert account.middle == 2.5


@pytest.mark.parametrize(("rule", "mean"), [(PAPER, 3.5), (BRIEF, 1.5)])
def test_equation_3_divides_one_more_value_than_steps_or_as_many(rule, mean):
    (account,) = after_epoch(
        opened(Method.AUTO, 1), [[Episode((1, 2, 4), (-1, -1))]], Method.AUTO, rule, InTheOpen(), SALTS[:1]
    )
    assert account.middle == mean


@pytest.mark.parametrize(
    ("rewards", "size"),
    [((0, -2, 1), 2), ((-1, -2, -3), 1), ((-2, -3, 0), 2), ((0, 0, 0), 0), ((0.5, 1, 0), 0.5)],
)
def test_the_codes_size_is_of_everybodys_last_rewards_without_zeros(rewards, size):
    rule = replace(BRIEF, size=Size.CODE)
    first, last = flat(10, -9, -9, -9), flat(10, *rewards)
    accounts = opened(Method.AUTO, 2)
    for value in (10.0, 20.0):
        now = replace(last, values=[value] * 4), replace(first, values=[value] * 4)
        epoch = [[now[1], now[0]], [now[1], replace(now[0], rewards=(0.0, 0.0, 0.0))]]
        accounts = after_epoch(accounts, epoch, Method.AUTO, rule, InTheOpen(), SALTS[:2])
    assert [each.own for each in accounts] == pytest.approx([0.1 + 0.1 * size] * 2)


def test_a_clip_bounds_the_share():
    account, _ = tell(Method.AUTO, [(1, -1), (1, -1)], [(1000, -1), (1, -1)], rule=replace(BRIEF, clip=0.5))
    assert account.own == pytest.approx(0.1 + 0.1 * 0.5)


def test_synchronised_agents_go_on_from_the_agreed_token_and_isolated_ones_from_their_own():
    epochs = [(10, -1), (10, -1)], [(20, -1), (10, -1)], [(20, -1), (20, -1)]
    one, two = tell(Method.ISOLATED, *epochs)
    assert (one.own, two.own, one.used) == pytest.approx((0.2, 0.2, 0.2))
    one, two = tell(Method.SYNCHRONISED, *epochs)
    assert (one.own, two.own, two.used) == pytest.approx((0.15, 0.25, 0.2))
    one, two = tell(Method.AUTO, *epochs)
    assert (one.used, two.used) == pytest.approx((0.2, 0.2))


def test_who_does_not_learn_what_was_agreed_goes_on_with_what_it_used():
    reach = np.zeros((2, 2), bool)
    reach[0, 1] = True  # 1 receives from 0, which receives nothing
    accounts = tuple(TokenAccount(0.3, used, -1.0, 10.0) for used in (0.4, 0.5))
    agreer = PeerShares((reach,))
    after = after_epoch(accounts, [[flat(10, -1)]] * 2, Method.ISOLATED, BRIEF, agreer, SALTS[:2])
    assert [each.used for each in after] == [0.4, 0.3]


def test_shares_among_peers_give_the_same_tokens():
    accounts = tuple(TokenAccount(own, 0.1, -1.0, 10.0) for own in (0.3, 0.21, 1 / 3, 2.0))
    epoch = [[flat(value, -1)] for value in (10, 11, 12, 13)]
    ours, theirs = (
        after_epoch(accounts, epoch, Method.ISOLATED, PAPER, each, SALTS) for each in (InTheOpen(), PeerShares())
    )
    assert ours == theirs
    assert len({each.used for each in ours}) == 1


def test_a_token_beyond_all_bounds_is_refused():
    with pytest.raises(TokenInvalid, match="expected a number from 0 to 9007199"):
        tell(Method.ISOLATED, [(1e-9, -1), (1, -1)], [(1, -1), (1, -1)])


# ---- many runs


def epochs(seed: int, agents: int, count: int, spread: float) -> list[tuple[Any, Any, Any]]:
    """Values (runs, E, T + 1, N), rewards and lengths of some epochs; after an episode's end rewards are 0."""
    rng, made = np.random.default_rng(seed), []
    for _ in range(count):
        steps = rng.integers(1, 9, (3, 4))
        over = np.arange(8)[:, np.newaxis] >= steps[..., np.newaxis, np.newaxis]
        rewards = rng.choice((-2.0, -1.0, 0.0, 1.0), (3, 4, 8, agents))
        rewards[2] -= 2  # never above zero in one of the runs
        rewards = np.where(over, 0.0, rewards)
        made.append((10 + spread * rng.normal(size=(3, 4, 9, agents)), rewards, steps))
    return made


@pytest.mark.parametrize("method", [*Method, Mate((0.25,)), Mate((0.5, 2.0, 0.0))])
@pytest.mark.parametrize("rule", [PAPER, BRIEF, TokenRuleOptions(size=Size.CODE), TokenRuleOptions(clip=0.1)], ids=str)
def test_many_runs_at_once_have_the_same_tokens(method, rule):
    many, alone = stacked_token_rule.opened(method, 3, 3), [opened(method, 3)] * 3
    for values, rewards, steps in epochs(4, 3, 6, spread=8.0):
        many = stacked_token_rule.after_epoch(many, values, rewards, steps, method, rule)
        for run in range(3):
            epoch = [
                [
                    Episode(values[run, at, : length + 1, agent].tolist(), rewards[run, at, :length, agent].tolist())
                    for at, length in enumerate(steps[run])
                ]
                for agent in range(3)
            ]
            alone[run] = after_epoch(alone[run], epoch, method, rule, PeerShares(), SALTS[:3])
            assert many.own[run] == pytest.approx([each.own for each in alone[run]], abs=1e-8)
            assert many.used[run] == pytest.approx([each.used for each in alone[run]], abs=1e-8)
            if method.moves:
                assert many.lowest[run].tolist() == [each.lowest for each in alone[run]]
                assert many.middle[run] == pytest.approx([each.middle for each in alone[run]], rel=1e-12)
    assert method.moves == bool(np.ptp(many.own, axis=0).any())


def test_isolated_and_synchronised_agents_exchange_the_same_token_until_one_is_clamped():
    """mean(x + g) = x* + mean(g) either way: to the unit that each rounding down may cost an epoch."""
    calm = {method: stacked_token_rule.opened(method, 3, 4) for method in (Method.ISOLATED, Method.SYNCHRONISED)}
    for number, given in enumerate(epochs(5, 4, 60, spread=0.6)):
        calm = {method: stacked_token_rule.after_epoch(each, *given, method, PAPER) for method, each in calm.items()}
        isolated, synchronised = calm.values()
        assert (isolated.own > 0).all()
        assert abs(isolated.used - synchronised.used).max() <= (number + 1) * 2 / UNIT
    assert abs(isolated.used - 0.1).max() > 0.01
    assert abs(isolated.own - synchronised.own).max() > 0.001
    wild = {method: stacked_token_rule.opened(method, 3, 4) for method in (Method.ISOLATED, Method.SYNCHRONISED)}
    for given in epochs(5, 4, 60, spread=20.0):
        wild = {method: stacked_token_rule.after_epoch(each, *given, method, PAPER) for method, each in wild.items()}
    isolated, synchronised = wild.values()
    assert abs(isolated.used - synchronised.used).max() > 0.01


def test_no_token_is_ever_negative():
    for method in Method:
        many = stacked_token_rule.opened(method, 3, 4)
        for given in epochs(6, 4, 30, spread=30.0):
            many = stacked_token_rule.after_epoch(many, *given, method, PAPER)
            assert (many.own >= 0).all()
            assert (many.used >= 0).all()


def test_the_rate_and_the_first_token_are_the_papers():
    assert (token_rule.RATE, token_rule.FIRST) == (0.1, 0.1)
