"""Games under every option and cost, and blocks that another option made (protocol.md: Aggregation, Settlement)."""

from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.protocol.ruleset import RuleChoice
from chain_bandit.protocol.settlement import Cost
from chain_bandit.protocol.units import UNIT
from tests.rules import rule
from tests.unit.audit.played_game import LIAR, MODEL, PARAMETERS, REJECTED, Played, Script

RULES = ONE, TWO, THREE, SAFE, SURE, MIDDLE = (
    rule("option-1"), rule("option-2"), rule("option-3"), rule("delta-safe", delta=UNIT // 50),
    rule("confidence", delta=UNIT // 2), rule("median"),
)  # fmt: skip
ROUND = 10
SEED = 41
"""Of games in which two reports of round `REJECTED` are equal, and a liar often is in B."""


def script(made: RuleChoice, **changes: object) -> Script:
    return replace(Script(parameters=replace(PARAMETERS, aggregation=made)), **changes)  # type: ignore[arg-type]


def two_reports(t: int) -> tuple[int, ...]:
    """Of one honest seat and the liar: Option 1 trims both, Options 2 and 3 neither, those with a radius one."""
    return (0, LIAR) if t == ROUND else (0, 1, 2, 3)


@pytest.mark.parametrize("own", RULES, ids=str)
def test_audit_is_green_when_every_block_is_made_by_the_games_own_rule(own: RuleChoice) -> None:
    report = audit(Played(script(own), SEED).history)
    assert report.violations == []
    assert report.exit_code == 0
    (stumbled,) = [row for row in report.rounds if row.round == REJECTED]  # in which two report
    assert len(stumbled.selected[0]) == {ONE: 0, MIDDLE: 1}.get(own, 2)  # their reports are equal by chance


@pytest.mark.parametrize(
    ("own", "made"),
    [(ONE, TWO), (ONE, THREE), (TWO, ONE), (TWO, SAFE), (THREE, ONE), (SAFE, THREE), (SURE, TWO),
     (SURE, rule("delta-safe", delta=UNIT // 2)), (MIDDLE, TWO), (TWO, MIDDLE)],
    ids=str,
)
def test_audit_names_the_round_whose_b_another_rule_made(own: RuleChoice, made: RuleChoice) -> None:
    cheat = script(own, reporters=two_reports, option=lambda own, t: made if t == ROUND else own)
    report = audit(Played(cheat, SEED).history)
    assert {(each.check, each.round) for each in report.violations} == {("aggregate.selected", ROUND)}
    assert report.exit_code == 12


@pytest.mark.parametrize("cost", Cost)
def test_costs_are_those_of_the_formula_and_the_contract_pays_them(cost: Cost) -> None:
    played = Played(Script(parameters=replace(PARAMETERS, aggregation=TWO, cost=cost)), SEED)
    report = audit(played.history)
    assert report.violations == []
    charge, wei = report.game["cost"], PARAMETERS.wei_per_unit
    costly = [row for row in report.rounds if row.costly]
    assert len(costly) > 5
    total = 0
    for row in costly:
        assert row.arm is not None
        assert row.means is not None
        apart = Fraction(row.means[row.arm] - MODEL.means[row.arm], UNIT)
        total += floor(charge * min(1, apart**2)) if cost is Cost.DISTANCE else charge
    assert 0 < total <= charge * len(costly)
    assert (total < charge * len(costly)) is (cost is Cost.DISTANCE)
    costs = [account.cost for account in report.accounts if account.seat is not None]
    assert costs == [total * wei, total * wei, total * wei, -total * wei]
    assert report.burned == 2 * total * wei
    assert played.contract.owed(played.accounts[0].address) == 0  # everybody has withdrawn what the audit expects


@pytest.mark.parametrize(
    ("own", "labels", "inequality"),
    [
        (ONE, (0, 0, 0, 3), None),
        (ONE, (0, 0, 2, 1), "|H| >= 2M/3 (Theorem 1, Option 1) does not hold (H = 2, M = 4)"),
        *((own, (0, 0, 2, 1), None) for own in RULES[1:]),
        *(
            (own, (0, 2, 2, 1), "|A1 u A3| < |H| (Theorems 2 to 7) does not hold (liars = 1, H = 1)")
            for own in RULES[1:]
        ),
    ],
)  # fmt: skip
def test_labels_are_held_against_the_theorem_of_the_games_own_option(
    own: RuleChoice, labels: tuple[int, ...], inequality: str | None
) -> None:
    """A liar and an attacker are half of four: too many for Theorem 1, not for Theorem 4."""
    report = audit(Played(script(own, roles=bytes(labels))).history)
    about = [finding.sentence for finding in report.findings if finding.kind == "labels: honest"]
    assert about == ([f"by the labels {inequality}: the theorem promises nothing"] if inequality else [])
    if inequality is None:
        assert not [finding for finding in report.findings if finding.kind.startswith("labels")]
