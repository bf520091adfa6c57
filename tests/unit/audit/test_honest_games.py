"""Random games in which an audit must find nothing; `python -m verification.honest` plays a thousand."""

from itertools import count

import pytest

from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.auditor import chain as blocks
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Scenario
from tests.games import build_scenario, malicious
from verification.honest import ALARM, NOT_CHECKABLE, PASSED, HonestGame, chain, judged, scenario

SHORT = {"settlement_window": 8, "costs_every": 1}


def attacks(case: Scenario) -> set[str]:
    return {choice.name for entry in case.all_malicious for choice in entry.attacks}


def played(case: Scenario) -> HonestGame:
    with chain("fast") as node:
        return judged(case, "fast", node)


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(4, 80))])
def test_nothing_is_found_in_a_random_game(seed: int) -> None:
    row = played(scenario(seed))
    assert row.kind == PASSED, row.about


def test_a_key_that_is_kept_is_told_apart() -> None:
    row = played(next(case for case in map(scenario, count()) if attacks(case) == {"withheld-key"}))
    assert (row.kind, row.attacks) == (NOT_CHECKABLE, ["withheld-key"])
    assert all("did not reveal its sealing key" in why for why in row.about)


def test_what_an_audit_makes_up_is_an_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "ordered_root", lambda items: bytes(32))
    row = played(scenario(1_000))
    assert row.kind == ALARM
    assert "root" in row.about[0]


def test_who_is_labelled_honest_and_loses_its_stake_is_an_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: a liar that nobody labels one, in a game with a slash."""
    case = build_scenario(slash=0.25, malicious=[malicious(3, "sign-flip")], chain={"settlement_window": 60})
    assert played(case).kind == PASSED
    monkeypatch.setattr(ATTACKS["sign-flip"], "conduct", Conduct.HONEST)
    row = played(case)
    assert row.kind == ALARM
    assert any("is not labelled a liar" in why for why in row.about)
    assert any("wei" in why for why in row.about)


def test_costs_that_come_too_late_are_an_alarm() -> None:
    case = next(case for case in map(scenario, count()) if case.slash and case.rounds > case.parameters.burn_in + 8)
    row = played(case.model_copy(update={"chain": case.chain.model_copy(update=SHORT)}))
    assert (row.kind, row.records) == (ALARM, 0)
    assert "WindowPassed" in row.about[0]


def test_a_seed_names_one_scenario() -> None:
    assert scenario(17) == scenario(17) != scenario(18)
