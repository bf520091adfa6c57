"""The games do what the paper says, and a stack of them what each of them does alone, step by step."""

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

from chain_bandit.mediate.chance import Uniforms, Use, generator, pick
from chain_bandit.mediate.games.coin_game import CoinGame, CoinRules
from chain_bandit.mediate.games.dilemma import DilemmaRules
from chain_bandit.mediate.games.game import GameParameters, MarkovGame, Moment, Stack
from chain_bandit.mediate.games.harvest import REGROWTH, Harvest, HarvestRules
from chain_bandit.mediate.games.names import GAMES, UnknownGame, game_of
from chain_bandit.mediate.games.parallel import ParallelGame
from chain_bandit.mediate.games.stacked_harvest import HarvestStack
from chain_bandit.mediate.games.stacks import stack_of
from tests.unit.mediate.dense import dense, ends_with_nothing

UP, DOWN, LEFT, RIGHT = range(4)
ORCHARD = HarvestRules(agents=5, width=3, height=4, groups=((1, 1),), limit=60)
"""So small that agents meet, tag one another and take the last apple."""
CROWD = CoinRules(agents=5, width=3)
MIDDLE = 0.5
"""Chance that lets nothing grow."""


# ---- what stands in the paper


@pytest.mark.parametrize(
    ("name", "agents", "actions", "inputs", "discount", "limit"),
    [
        ("ipd", 2, 2, 2, 0.95, 150),
        ("coin-game-2", 2, 4, 36, 0.95, 150),
        ("rescaled-coin-game-2", 2, 4, 36, 0.95, 150),
        ("coin-game-4", 4, 4, 100, 0.95, 150),
        ("coin-game-6", 6, 4, 196, 0.95, 150),
        ("harvest-6", 6, 9, 196, 0.99, 250),
    ],
)
def test_sizes_are_those_of_table_3(name, agents, actions, inputs, discount, limit):
    rules = game_of(name)
    assert (rules.agents, rules.actions, rules.discount, rules.limit) == (agents, actions, discount, limit)
    chance = np.random.default_rng(0)
    seen = rules.game().reset(chance.random(rules.reset_draws))
    assert [each.shape for each in seen] == [(inputs,)] * agents
    assert rules.inputs == inputs
    assert stack_of(rules).reset(chance.random((3, rules.reset_draws))).shape == (3, agents, rules.marks)


def test_what_an_episode_can_come_to_is_bounded_where_the_rules_say():
    assert game_of("ipd").welfare == (-600, -300)  # both defect always, both cooperate always
    assert game_of("harvest-6").welfare == (-math.inf, 1500)  # an apple each at every step
    assert game_of("coin-game-4").welfare == (-math.inf, math.inf)


def test_an_unknown_game_is_refused_with_the_names_of_all():
    with pytest.raises(UnknownGame, match=r"no game is called 'chess'; games: ipd, coin-game-2, .*harvest-6$"):
        game_of("chess")


@pytest.mark.parametrize(
    ("actions", "welfare", "cooperations"),
    [((0, 0), -300, 150), ((1, 1), -600, 0), ((0, 1), -450, 0), ((1, 0), -450, 0)],
)
def test_a_dilemma_pays_what_table_2_says(actions, welfare, cooperations):
    game = DilemmaRules().game()
    assert [seen.tolist() for seen in game.reset([])] == [[0, 0], [0, 0]]
    moments = [game.step(actions, []) for _ in range(150)]
    assert sum(sum(moment.rewards) for moment in moments) == welfare
    assert sum(moment.counts[0] for moment in moments) == cooperations
    assert [seen.argmax() for seen in moments[0].observations] == [actions[1], actions[0]]
    if actions == (0, 1):
        assert moments[0].rewards == (-3, 0)


def coin_game(agents: int, colour: int, here: int, scale: float = 1.0) -> Moment:
    """A step after which agents 0 to here - 1 are on the coin, the others in a corner."""
    game = CoinGame(CoinRules(agents, 3, scale))
    game.coin, game.colour = (1, 2), colour
    game.places = [(1, 1) if agent < here else (0, 0) for agent in range(agents)]
    return game.step([UP if agent < here else LEFT for agent in range(agents)], (0.0, 0.0))


@pytest.mark.parametrize(
    ("colour", "here", "rewards", "counts"),
    [
        (0, 0, (0, 0, 0), (0, 0)),
        (0, 1, (1, 0, 0), (1, 1)),
        (1, 1, (1, -2, 0), (1, 0)),
        (0, 2, (-1, 1, 0), (2, 1)),
        (2, 2, (1, 1, -4), (2, 0)),
        (0, 3, (-3, 1, 1), (3, 1)),
    ],
)
def test_a_coin_is_worth_one_and_each_stranger_costs_its_owner_two(colour, here, rewards, counts):
    moment = coin_game(3, colour, here)
    assert (moment.rewards, moment.counts) == (rewards, counts)
    rescaled = coin_game(3, colour, here, scale=0.1)
    assert rescaled.rewards == pytest.approx(tuple(reward / 10 for reward in rewards), abs=1e-15)
    assert str(-0.0) not in map(str, rescaled.rewards)


def test_a_coin_comes_back_on_every_other_cell_in_every_colour_and_never_where_it_was():
    chances = [(cell + 0.5) / 8 for cell in range(8)], [0.25, 0.75]
    came = Counter[tuple[object, ...]]()
    for where, whose in product(*chances):
        game = CoinGame(CoinRules(2, 3))
        game.places, game.coin, game.colour = [(1, 1), (0, 0)], (1, 2), 0
        game.step([UP, LEFT], (where, whose))
        came[game.coin, game.colour] += 1
    every = {((x, y), colour) for x in range(3) for y in range(3) for colour in range(2) if (x, y) != (1, 2)}
    assert came == Counter(every)


def test_an_agent_sees_itself_the_others_and_whether_the_coin_is_its_own():
    game = CoinGame(CoinRules(3, 3))
    game.places, game.coin, game.colour = [(0, 0), (2, 1), (2, 1)], (1, 2), 1
    first, second, _ = (
        np.argwhere(seen.reshape(4, 3, 3)).tolist()
        for seen in game.step([DOWN, RIGHT, RIGHT], (0.0, 0.0)).observations
    )  # against the border: all stay
    assert first == [[0, 0, 0], [1, 2, 1], [3, 1, 2]]
    assert second == [[0, 2, 1], [1, 0, 0], [1, 2, 1], [2, 1, 2]]


def test_agents_and_coin_begin_on_cells_of_their_own_each_as_likely_as_any():
    rules, chance, firsts = CoinRules(2, 3), np.random.default_rng(1), Counter[object]()
    for _ in range(1_800):
        game = CoinGame(rules)
        game.reset(chance.random(rules.reset_draws))
        assert len({*game.places, game.coin}) == 3
        firsts.update([(game.places[0], game.colour)])
    assert len(firsts) == 18
    assert sum((seen - 100) ** 2 / 100 for seen in firsts.values()) < 40.8  # chi-square of 17, 0.1 %


@pytest.mark.parametrize("among", [1, 2, 3, 33, 48, 49, 224, 2**32 - 1])
def test_no_chance_picks_what_is_not_there(among):
    assert pick(0.0, among) == 0
    assert pick(1 - 2**-53, among) == among - 1


def harvest(*places: tuple[int, int], apples: set[tuple[int, int]] | None = None, penalty: float = 0.01) -> Harvest:
    game = Harvest(HarvestRules(agents=len(places), penalty=penalty))
    game.places, game.waits, game.apples = list(places), [0] * len(places), apples or {(24, 8)}
    return game


def quiet(agents: int) -> list[float]:
    """Agents act in order and nothing grows."""
    return [agent / agents for agent in range(agents)] + [MIDDLE] * 225


def test_harvest_begins_with_nine_groups_of_five_and_agents_beside_them():
    rules = HarvestRules()
    assert len(rules.orchard) == 45
    assert len(rules.bare) == 180
    assert {(5, 2), (4, 2), (6, 2), (5, 1), (5, 3), (22, 7)} <= set(rules.orchard)
    game = Harvest(rules)
    game.reset(np.random.default_rng(0).random(rules.reset_draws))
    assert len(set(game.places) - game.apples) == 6


def test_an_apple_is_taken_by_moving_there_or_staying_and_costs_its_turn():
    game = harvest((1, 1), (3, 3), (5, 5), apples={(1, 2), (3, 3), (5, 5), (9, 9)})
    moment = game.step([1, 0, 5], quiet(3))  # up; stay; tag upwards
    assert moment.rewards == pytest.approx((0.99, 0.99, -0.01))
    assert moment.counts == (2, 3, 0)
    assert game.apples == {(5, 5), (9, 9)}
    assert sum(harvest((0, 0), penalty=0.1).step([0], quiet(1)).rewards) == pytest.approx(-0.1)


def test_only_the_first_of_two_gets_the_apple():
    game = harvest((1, 1), (1, 3), apples={(1, 2), (9, 9)})
    assert game.step([1, 2], [0.9, 0.1, *[MIDDLE] * 225]).rewards == pytest.approx((-0.01, 0.99))


@pytest.mark.parametrize(("action", "tagged"), [(5, {1, 2, 4, 5}), (6, {1, 3, 5}), (7, {2, 3, 6}), (8, {1, 2, 5})])
def test_a_tag_reaches_who_is_level_or_before_within_three_and_two_aside(action, tagged):
    game = harvest((9, 4), (10, 4), (9, 5), (7, 2), (10, 7), (11, 4), (6, 5), (14, 4))
    game.step([action, *[0] * 7], quiet(8))
    assert {agent for agent in range(8) if game.waits[agent]} == tagged


def test_a_tagged_agent_sits_out_and_sees_nothing_and_is_not_seen():
    game = harvest((9, 4), (9, 5), apples={(9, 6), (20, 8)})
    first = game.step([5, 1], quiet(2))  # tagged before its turn
    assert (first.rewards[1], first.counts, game.waits) == (0, (0, 1, 1), [0, 24])
    assert first.neighbours == (frozenset({1}), frozenset())
    assert not first.observations[1].any()
    assert not first.observations[0].reshape(4, 7, 7)[3].any()
    later = [game.step([5, 1], quiet(2)) for _ in range(24)]
    assert not any(moment.rewards[1] for moment in later)
    assert all(moment.neighbours[0] == {1} and moment.counts == (0, 1, 0) for moment in later)  # not tagged anew
    assert game.waits == [0, 0]
    assert later[-1].observations[1].any()
    assert game.step([0, 1], quiet(2)).rewards[1] == pytest.approx(0.99)


def test_a_victim_that_has_had_its_turn_sits_out_25_more():
    game = harvest((9, 4), (9, 5))
    game.step([5, 0], [0.9, 0.1, *[MIDDLE] * 225])
    assert game.waits == [0, 25]


@pytest.mark.parametrize(("near", "chance"), [(0, 0.0), (1, 0.01), (2, 0.01), (3, 0.05), (4, 0.05), (5, 0.1), (8, 0.1)])
def test_an_apple_grows_by_how_many_are_near(near, chance):
    around = [(10, 5), (10, 3), (9, 4), (11, 4), (10, 6), (10, 2), (8, 4), (12, 4)][:near]
    cell = 10 * 9 + 4
    for luck, grows in ((chance - 1e-9, near > 0), (chance, False)):
        game = harvest((0, 0), apples={*around, (24, 8)})
        draws = quiet(1)
        draws[1 + cell] = max(luck, 0.0)
        game.step([0], draws)
        assert ((10, 4) in game.apples) == grows


def test_what_has_just_grown_lets_the_cells_after_it_grow_and_not_those_before():
    game = harvest((24, 8), apples={(0, 0)})
    draws = quiet(1)
    for cell in ((0, 2), (0, 4), (0, 6)):  # each within two of the one before
        draws[1 + cell[0] * 9 + cell[1]] = 0.0
    game.step([0], draws)
    assert game.apples == {(0, 0), (0, 2), (0, 4), (0, 6)}
    game = harvest((24, 8), apples={(0, 6)})
    game.step([0], draws)
    assert game.apples == {(0, 6), (0, 4)}


def test_harvest_is_over_when_no_apple_is_left():
    game = harvest((3, 3), apples={(3, 4)})
    assert game.step([1], quiet(1)).over


# ---- a stack is the games in it

STEPS = {"ipd": 20, "coin-game-6": 80, "harvest-6": 60}


def play_both(
    rules: GameParameters, steps: int, games: int, seed: int, stack: Stack | None = None, actions: int | None = None
) -> Counter[str]:
    """Play the same chance in both forms, and compare all that either shows at every step; what was counted."""
    chance = generator(seed, 0, 0, Use.STEPS)
    alone: list[MarkovGame] = [rules.game() for _ in range(games)]
    stack = stack or stack_of(rules)
    resets = chance.random((games, rules.reset_draws))
    seen = stack.reset(resets)
    for game, row, theirs in zip(alone, resets, dense(seen, rules.inputs), strict=True):
        assert np.array_equal(theirs, game.reset(row))
    over, counted = np.zeros(games, bool), Counter[str]()
    for step in range(steps):
        chosen = chance.integers(actions or rules.actions, size=(games, rules.agents))
        rows = chance.random((games, rules.step_draws))
        moments = stack.step(chosen, rows)
        assert ends_with_nothing(moments.observations)
        observed = dense(moments.observations, rules.inputs)
        for at, game in enumerate(alone):
            if over[at]:
                shown = observed[at], moments.rewards[at], moments.neighbours[at], moments.counts[at]
                assert not any(each.any() for each in shown)
                assert moments.over[at]
                continue
            moment = game.step(chosen[at].tolist(), rows[at])
            assert np.array_equal(observed[at], moment.observations), f"step {step}"
            assert moments.rewards[at].tobytes() == np.array(moment.rewards).tobytes(), f"step {step}"
            rows_of = [frozenset(np.flatnonzero(row).tolist()) for row in moments.neighbours[at]]
            assert (*rows_of,) == moment.neighbours, f"step {step}"
            assert (*moments.counts[at].tolist(),) == moment.counts, f"step {step}"
            assert moments.over[at] == moment.over, f"step {step}"
            over[at] = moment.over
            counted.update(dict(zip(rules.counts, moment.counts, strict=True)))
    counted["over"] = int(over.sum())
    return counted


@pytest.mark.parametrize("name", GAMES)
def test_a_stack_goes_through_the_same_states_as_its_games(name):
    rules = game_of(name)
    counted = play_both(rules, STEPS.get(name, 40), games=6, seed=5)
    assert all(counted[each] for each in rules.counts)


@pytest.mark.parametrize(
    ("rules", "actions", "often"),
    [(CROWD, None, "own"), (ORCHARD, None, "tagged"), (ORCHARD, 5, "over")],
    ids=["many to a cell", "all tagged", "no apple left"],
)
def test_a_stack_goes_through_the_same_states_where_it_is_narrow(rules, actions, often):
    assert play_both(rules, 40, games=20, seed=9, actions=actions)[often] > 5


def test_a_stack_asks_the_penalty_of_its_rules():
    play_both(HarvestRules(penalty=0.1), 10, games=3, seed=5)


class AllAtOnce(HarvestStack):
    """What has just grown counts for nobody."""

    def _grow(self, chance: Uniforms) -> None:
        near = self.apples[:, self._near].sum(axis=2)
        self.apples[:, :-1] |= chance < np.array([*REGROWTH, *[0.1] * 7])[near]


def test_the_comparison_notices_a_stack_in_which_all_cells_grow_at_once():
    with pytest.raises(AssertionError, match="step"):
        play_both(HarvestRules(), STEPS["harvest-6"], games=3, seed=5, stack=AllAtOnce(HarvestRules()))


# ---- PettingZoo


@pytest.mark.parametrize("name", GAMES)
def test_every_game_passes_the_conformance_tests_of_pettingzoo(name):
    rules = game_of(name)
    parallel_api_test(ParallelGame(rules), num_cycles=rules.limit + 10)
    parallel_seed_test(lambda: ParallelGame(rules), num_cycles=3)


def whole_game(env: ParallelGame, seed: int | None) -> bytes:
    """All that a game of random actions shows, as bytes."""
    chance, shown = np.random.default_rng(3), b""
    seen, _ = env.reset(seed=seed)
    while env.agents:
        shown += b"".join(seen[name].tobytes() for name in env.agents)
        seen, rewards, *_ = env.step({name: chance.integers(env.rules.actions) for name in env.agents})
        shown += repr(rewards).encode()
    return shown


def test_a_seed_gives_the_same_game_to_its_end_and_no_seed_the_next_one():
    """PettingZoo's own test of this compares one step."""
    one, other = ParallelGame(ORCHARD), ParallelGame(ORCHARD)
    first = whole_game(one, 7)
    assert first == whole_game(other, 7)
    second = whole_game(one, None)
    assert second != first
    assert second == whole_game(other, None)
    assert first == whole_game(one, 7)


def test_a_game_is_truncated_at_its_limit_and_terminated_without_apples():
    env = ParallelGame(HarvestRules(agents=1, width=4, height=4, groups=((1, 1),), limit=3))
    env.reset(seed=0)
    ends = [env.step({"agent_0": 5})[2:4] for _ in range(3)]
    assert ends[1:] == [({"agent_0": False}, {"agent_0": False}), ({"agent_0": False}, {"agent_0": True})]
    assert env.agents == []
    env.reset(seed=0)
    game = env._game
    assert isinstance(game, Harvest)
    game.apples = set()
    assert env.step({"agent_0": 5})[2:4] == ({"agent_0": True}, {"agent_0": False})
    assert env.agents == []


def test_neighbours_stand_in_infos():
    env = ParallelGame(game_of("coin-game-4"))
    env.reset(seed=0)
    *_, infos = env.step(dict.fromkeys(env.agents, 0))
    assert infos["agent_2"] == {"neighbours": ("agent_0", "agent_1", "agent_3")}
