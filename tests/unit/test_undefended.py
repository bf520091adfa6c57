"""game/undefended.py: the same liars against a plain mean of all reports."""

from pathlib import Path

import pytest

from chain_bandit.game.plan import Plan
from chain_bandit.game.simulated import replicates
from chain_bandit.game.undefended import regret_undefended, undefended
from chain_bandit.game.without_messages import planned
from chain_bandit.scenario import Scenario, load

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def flights(**changes: object) -> Scenario:
    return load(EXAMPLES / "flights.toml", changes)


def test_its_liars_lie_and_do_nothing_else_and_nobody_is_excluded() -> None:
    game = undefended(flights())
    assert {entry.seat: [choice.name for choice in entry.attacks] for entry in game.malicious} == {
        7: ["worse-half"], 9: ["worse-half"],
    }  # fmt: skip
    p = game.parameters
    assert (p.aggregation.name, p.liars, p.slash, p.provable) == ("option-2", 0, 0, 0)
    assert (p.burn_in, p.paid_burn_in, p.cost) == (32, 1, flights().parameters.cost)
    assert game.table == flights().table


def test_a_reputation_that_leaves_out_is_a_defence_that_it_does_not_have() -> None:
    rule = {"name": "meritrank", "options": {"least": 0.4}}
    assert regret_undefended(flights(reputation=rule)) == regret_undefended(flights())


def test_its_rewards_are_drawn_as_those_of_the_game() -> None:
    theirs, ours = (planned(Plan(game)) for game in (undefended(flights()), flights()))
    assert (theirs.secret, theirs.seed_0, theirs.model) == (ours.secret, ours.seed_0, ours.model)


def test_an_adversary_is_undefended_as_seats_that_are_named() -> None:
    game = undefended(load(EXAMPLES / "exclusion.toml"))
    assert [entry.seat for entry in game.all_malicious] == [7, 8, 9]


@pytest.mark.parametrize("growth", [0.0, 0.25])
def test_its_regret_is_that_of_the_simulated_game_and_above_the_defended_one(growth: float) -> None:
    """Of all T pulls, in phases too."""
    given = flights(growth=growth)
    found, defended = regret_undefended(given), replicates(given, 20).regret()[-1].mean
    assert found is not None
    assert found / 10**9 > 1.5 * defended
    assert found == regret_undefended(given)


@pytest.mark.parametrize("attacks", [[], [{"name": "equivocating-commander"}]])
def test_there_is_none_where_nobody_lies(attacks: list[dict[str, str]]) -> None:
    assert regret_undefended(flights(malicious=[{"seat": 9, "attacks": attacks}] if attacks else [])) is None


def test_there_is_none_where_games_without_messages_do_not_play_it() -> None:
    captured = load(EXAMPLES / "theorems" / "theorem7-captured.toml")
    assert regret_undefended(captured) is None
