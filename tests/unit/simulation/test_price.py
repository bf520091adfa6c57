"""Price of security: the games are those of the heat maps, nothing is left out, and each row is what plays it."""

import json
from collections import Counter

import pytest

from chain_bandit.protocol.settlement import Conduct
from chain_bandit.simulation.replicates import PARTS
from science import figures, price
from science.provenance import FIGURES
from tests.close import close
from tests.few import few

ROWS = {
    (row["setting"], row["liars"], tuple(row["attacks"])): row
    for row in map(json.loads, (FIGURES / "price.jsonl").read_text(encoding="utf-8").splitlines())
}
IN_TURN = [key for key in ROWS if not key[0].endswith("drawn")]


def mean(row, name):
    return row[name]["mean"]


def test_every_row_that_is_asked_for_was_played():
    assert ROWS.keys() == {(each.setting, each.liars, each.attacks) for each in price.asked()}
    assert {row["replicates"] for row in ROWS.values()} == {200}


@pytest.mark.parametrize(("setting", "liars"), [(name, f) for name in price.SETTINGS for f in (1, 3)])
def test_the_games_are_those_of_the_heat_maps_and_the_worst_is_among_them(setting, liars):
    """Costs are charged and change no pull: what the heat map has is left if burn-in and costs are taken away."""
    rule = price.SETTINGS[setting].rule
    table = price.heat(liars)["regret"]
    own = {attacks: row for (name, f, attacks), row in ROWS.items() if (name, f) == (setting, liars)}
    alone = {attacks[0]: row for attacks, row in own.items() if len(attacks) == 1}
    assert max(table, key=lambda attack: table[attack][rule]["mean"]) in alone
    if price.SETTINGS[setting].every:
        assert alone.keys() == table.keys()
    if (setting, liars, ()) in IN_TURN:
        for attack, row in alone.items():
            assert mean(row, "arms") + mean(row, "failed") == pytest.approx(table[attack][rule]["mean"], rel=1e-12)
        assert next(iter(alone.values()))["oracle"] == pytest.approx(price.heat(liars)["oracle"], rel=1e-12)


@pytest.mark.parametrize("row", ROWS.values(), ids=str)
def test_a_row_is_the_sum_of_its_parts(row):
    """40 rounds of the burn-in: unpaid at 0.5 each, and at the gaps of ten sweeps 0 + .05 + .1 + .2 each."""
    assert mean(row, "burn_in") == pytest.approx(20)
    assert mean(row, "regret") == pytest.approx(sum(mean(row, part) for part in PARTS))
    assert mean(row, "bare") == pytest.approx(mean(row, "arms") + 3.5)
    assert row["price"]["mean"] == pytest.approx(mean(row, "regret") / mean(row, "bare"))


def test_rounds_fail_where_commanders_are_drawn_and_nowhere_else():
    assert all((mean(row, "failed") > 0) == (key not in IN_TURN) for key, row in ROWS.items())


def test_nobody_pays_where_nobody_lies_and_a_constant_cost_is_never_less_than_one_by_distance():
    for (setting, liars, attacks), row in ROWS.items():
        if not attacks:
            assert mean(row, "cost") == 0
        if setting == "confidence, constant":
            assert mean(row, "cost") >= mean(ROWS["confidence, distance", liars, attacks], "cost")


CHEAP = [
    ("confidence, distance", 3, ("copycat",)), ("confidence, constant", 1, ("constant-lie",)),
    ("confidence, distance, drawn", 0, ()), ("option 1, constant", 3, ("late-chain",)),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "liars", "attacks"), few(CHEAP, 2))
def test_a_row_is_what_its_command_gives(setting, liars, attacks):
    row = ROWS[setting, liars, attacks]
    again = price.line(price.PriceAsked(setting, liars, attacks), row["replicates"], 2)
    assert close(json.loads(json.dumps(again)) | {"commit": row["commit"]}, row)


def test_both_at_once_has_as_many_of_either_as_the_bounds_allow():
    given = price.PriceAsked("confidence, distance", 3, price.BOTH).scenario()
    assert Counter(given.roles) == {Conduct.HONEST: 4, Conduct.LIAR: 3, Conduct.ATTACKER: 3}
    assert (given.liars, given.attackers) == (3, 3)
    assert price.PriceAsked("confidence, distance", 3, price.BOTH).honest == 4
    one = price.PriceAsked("option 1, constant", 3, ("late-chain",)).scenario()
    assert one == figures.scenario("option-1", "late-chain")
