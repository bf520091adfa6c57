"""Gain by a false report: the count of docs/rules.md, on 200 random profiles of seven and one arm."""

from pathlib import Path

import pytest

from chain_bandit.protocol.rule import Aggregation, Agreed, Estimate, State, Terms
from chain_bandit.protocol.units import UNIT
from chain_bandit.testing import misreport_grid
from chain_bandit.testing.misreports import Misreports
from tests.few import deep
from tests.unit.protocol.rules import records

COUNTED = {
    "centred-clipping": 2_749, "geometric-median": 0, "huber": 6_847, "huber-one-step": 4_679, "krum": 2_996,
    "meamed": 6_508, "median": 0, "nash-mean": 3_536, "option-1": 4_107, "random-rank": 0,
    "rank-vote": 0, "uniform-phantom": 0,
}  # fmt: skip

PAGE = Path("docs/rules.md").read_text(encoding="utf-8").splitlines()


def profiles(count: int = 200, seats: int = 7) -> list[list[int]]:
    dice = records.Dice(13)
    return [[dice.below(UNIT + 1) for _ in range(seats)] for _ in range(count)]


def grid(rule: Aggregation, told: list[list[int]], liars: int = 0, **given: int) -> Misreports:
    return misreport_grid(rule, records.terms(rule, records.column(0), liars), told, **given)


@pytest.mark.parametrize("name", [*deep(["geometric-median"]), *sorted(COUNTED.keys() - {"geometric-median"})])
def test_as_many_false_reports_pay_as_the_page_says(name):
    found = grid(records.AGGREGATIONS[name], profiles(), 2, means=UNIT // 2)
    assert found.tried == 200 * 7 * 21
    assert found.profitable == COUNTED[name]
    assert (found.most > 0) == (COUNTED[name] > 0)
    assert any(line.startswith(f"| `{name}` |") and f"| {COUNTED[name]:,} |" in line for line in PAGE)


def test_the_mean_pays_liars():
    assert grid(records.AGGREGATIONS["option-2"], profiles()).profitable == 7_489


@pytest.mark.parametrize(("name", "seats"), [
    *(("uniform-phantom", seats) for seats in (2, 3, 4, 8, 9)), ("geometric-median", 7)
])  # fmt: skip
def test_who_pays_nobody_does_so_in_any_number(name, seats):
    assert grid(records.AGGREGATIONS[name], profiles(40, seats)).profitable == 0


class Grindable(type(records.AGGREGATIONS["random-rank"])):  # type: ignore[misc]
    """The planted fault: the rank is drawn from what is reported."""

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        seed = records.hashed(b"".join(row[0].to_bytes(4, "big") for row in agreed.reports.values()))
        return super().estimate(terms, state, Agreed(agreed.round, seed, agreed.reports, agreed.bits, (9,)))


def test_a_rank_drawn_from_reports_is_chosen_by_liars():
    assert grid(Grindable(), profiles(20)).profitable > 100
