"""Random games in which an audit must find nothing; `python -m verification.honest` plays a thousand."""

from itertools import count

import pytest

from chain_bandit.auditor import chain as blocks
from verification.honest import ALARM, NOT_CHECKABLE, PASSED, Row, chain, judged, scenario


def attacks(seed: int) -> set[str]:
    return {choice.name for entry in scenario(seed).all_malicious for choice in entry.attacks}


def played(seed: int) -> Row:
    with chain("fast") as node:
        return judged(scenario(seed), "fast", node)


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(4, 80))])
def test_nothing_is_found_in_a_random_game(seed: int) -> None:
    row = played(seed)
    assert row.kind == PASSED, row.about


def test_a_key_that_is_kept_is_told_apart() -> None:
    row = played(next(seed for seed in count() if attacks(seed) == {"withheld-key"}))
    assert (row.kind, row.attacks) == (NOT_CHECKABLE, ["withheld-key"])
    assert all("did not reveal its sealing key" in why for why in row.about)


def test_what_an_audit_makes_up_is_an_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "ordered_root", lambda items: bytes(32))
    row = played(1_000)
    assert row.kind == ALARM
    assert "root" in row.about[0]


def test_a_seed_names_one_scenario() -> None:
    assert scenario(17) == scenario(17) != scenario(18)
