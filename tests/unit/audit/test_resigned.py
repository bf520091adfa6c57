"""Blocks and settlements that are signed against the rules are found; `python -m verification.resigned` tries 4,000."""

import pytest

from chain_bandit.auditor import blocks
from verification.resigned import ENVIRONMENT, INPUTS, QUORUM, judged

BY_QUORUM = (1, 2, 7, 8, 9, 10, 24, 28, 33, 40, 42, 43, 50)
BY_ENVIRONMENT = (0, 1, 2, 8, 14, 18, 25, 42, 48, 49)
OF_AN_ATTACKER = (938, 955)
"""An attacker that is no liar reports other means than its receipts: noted of it, no fault of the environment."""


@pytest.mark.parametrize(("by", "seeds"), [("quorum", BY_QUORUM), ("environment", BY_ENVIRONMENT)])
def test_what_is_signed_against_the_rules_is_found(by: str, seeds: tuple[int, ...]) -> None:
    rows = [judged((by, seed)) for seed in seeds]
    assert not [(row.seed, row.change, row.wrong, row.how) for row in rows if row.wrong]
    assert all(row.audit for row in rows), "each game comes to its end"
    found = {row.change for row in rows if row.audit == "violated"}
    lawful = {row.change for row in rows if row.audit == "passed"}
    if by == "quorum":  # means and weights the contract computes by itself in these games
        assert found | {"other means", "other weights", "another length"} >= QUORUM.keys()
        assert lawful == {"a report left out"} <= INPUTS.keys()
    else:
        assert found == set(ENVIRONMENT) - {"no costs"}
        assert all(row.moved for row in rows if row.change in ("another reward", "a pull left out", "no costs"))


@pytest.mark.parametrize("seed", OF_AN_ATTACKER)
def test_the_page_blames_an_attacker_where_audit_does(seed: int) -> None:
    row = judged(("environment", seed))
    assert (row.audit, row.page, row.wrong) == ("passed", "passed", "")


def test_comparison_bits_of_a_liar_are_the_quorums_word_and_no_fault_of_the_audit() -> None:
    row = judged(("quorum", 2817))
    assert (row.change, row.audit, row.trusted, row.wrong) == ("other candidates", "passed", True, "")
    assert not judged(("quorum", 1)).trusted  # an honest seat's follow from its receipts


def test_an_audit_that_overlooks_it_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "check_selected", lambda game, header, agreed: None)
    assert judged(("quorum", 2)).wrong
