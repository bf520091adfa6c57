"""Rules whose outcome the contract takes from the quorum: the audit computes it, and finds what is not theirs."""

from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.protocol import rules
from chain_bandit.protocol.blocks import Header
from chain_bandit.protocol.parameters import ODDS, BodyMode, Parameters
from chain_bandit.protocol.ruleset import CHOSEN, COMPUTED, STATE, WEIGHTS
from tests.foreign_rules import DISTANCE, FEW, MIDRANGE, RECALL, TURNS, vouched
from tests.unit.audit.planted import OF_OTHERS_RULES
from tests.unit.audit.played_game import PARAMETERS, Hook, Played, Script, with_header
from tests.unit.audit.test_second_implementation import differing, second_opinion

FULL = PARAMETERS
COMPACT = replace(FULL, body_mode=BodyMode.COMPACT)
THREE = replace(FULL, validators=3)
ALL = vouched(THREE, MIDRANGE, RECALL, TURNS)
GAMES: dict[str, Parameters] = {
    "no mean": vouched(FULL, MIDRANGE),
    "weights": vouched(FULL, DISTANCE),
    "weights, compact": vouched(COMPACT, DISTANCE),
    "state": vouched(FULL, RECALL),
    "weights of committees": vouched(THREE, RECALL),
    "committees": vouched(THREE, TURNS),
    "too few": vouched(THREE, FEW),
    "all": ALL,
    "all, compact": vouched(replace(THREE, body_mode=BodyMode.COMPACT), MIDRANGE, RECALL, TURNS),
    "all, with commanders": vouched(replace(THREE, commanders=ODDS // 2), MIDRANGE, RECALL, TURNS),
    "sortition": vouched(replace(FULL, sortition=4 * ODDS // 5), MIDRANGE, RECALL),
}


def test_the_classes_are_what_rules_and_body_and_draws_ask_for() -> None:
    attested = {name: p.attested for name, p in GAMES.items()}
    assert attested == {
        "no mean": COMPUTED, "weights": COMPUTED | WEIGHTS, "weights, compact": COMPUTED | WEIGHTS,
        "state": COMPUTED | WEIGHTS | STATE, "weights of committees": COMPUTED | WEIGHTS | STATE,
        "committees": 4 | CHOSEN | STATE, "too few": 4 | CHOSEN,
        "all": 255 - 8 - 16, "all, compact": 255 - 8 - 16, "all, with commanders": 255 - 8 - 16,
        "sortition": 4 | COMPUTED | WEIGHTS | STATE,
    }  # fmt: skip
    for p in GAMES.values():
        assert Parameters.of(p.fields(), p.declaration) == p


@pytest.mark.parametrize("name", GAMES)
def test_an_honest_game_is_audited_whole(name: str) -> None:
    played = Played(Script(parameters=GAMES[name]))
    report = audit(played.history)
    assert report.exit_code == 0, report.violations[:3]
    assert not report.not_checkable


@pytest.mark.parametrize("name", GAMES)
def test_a_second_computation_agrees_and_says_what_it_takes_as_recorded(name: str, tmp_path: Path) -> None:
    p = GAMES[name]
    report = second_opinion(Played(Script(parameters=p)).history, tmp_path)
    assert (report.violations, report.exit_code) == ([], 0)
    once = {name for name, tally in report.checks.items() if "has one implementation" in tally.evidence}
    foreign = {
        "paranoid.selection": bool(p.aggregation.digest or p.reputation.digest),  # who is left out, and B
        "paranoid.means": bool(p.aggregation.digest), "paranoid.arm": bool(p.aggregation.digest),
        "paranoid.accuracy": p.sets_reputations,
        "paranoid.committee": p.selection is not None or bool(p.sortition and p.reputation.digest),
    }  # fmt: skip
    assert once == {name for name, is_foreign in foreign.items() if is_foreign}


def test_a_rule_moves_what_it_says() -> None:
    """States, reputations and committees are the rules' own, and stay where they are without a block."""
    played = Played(Script(parameters=ALL))
    headers = [record.header for _, record, _ in played.records if record.header]
    assert [header.states[1] for header in headers[:3]] == [(1, 0), (2, -1), (3, -2)]
    assert headers[2].states[0] == (3, 3, 3, 3)
    assert headers[2].accuracies == (65535 * 3 // 6,) * 4
    assert {header.committee for header in headers} >= {0b0111, 0b1110, 0b1101, 0b1011}
    everybody = played.p.everybody
    after = [made.header.committee for _, made, _ in Played(Script(parameters=GAMES["too few"])).records if made.header]
    assert set(after) == {everybody}


LIES: dict[str, tuple[str, Hook]] = {
    "a weight": ("aggregate.accuracy", with_header(9, accuracies=lambda old: (old[0] ^ 1, *old[1:]))),
    "an estimator": ("aggregate.means", with_header(9, means=lambda old: (old[0] + 1, *old[1:]))),
    "a state": ("aggregate.state", with_header(9, states=lambda old: ((old[0][0] + 1, *old[0][1:]), *old[1:]))),
    "a state more": ("aggregate.state", with_header(9, states=lambda old: (*old, ()))),
    "no state": ("aggregate.state", with_header(9, states=())),
    "a committee": ("committee.chosen", with_header(9, committee=0b1111)),
}


def test_there_are_lies_under_every_check_of_such_rules() -> None:
    assert {check for check, _ in LIES.values()} >= OF_OTHERS_RULES


@pytest.mark.parametrize("mode", list(BodyMode))
@pytest.mark.parametrize("lie", LIES)
def test_what_a_rule_did_not_say_is_found(lie: str, mode: BodyMode, tmp_path: Path) -> None:
    check, hook = LIES[lie]

    def named(header: Header, t: int) -> Header:
        changed = hook(header, t, None)
        assert isinstance(changed, Header)
        return changed

    played = Played(Script(parameters=_with(mode), successors=named))
    report = audit(played.history)
    assert report.exit_code == 12
    assert {(item.check, item.round) for item in report.violations} == {(check, 9)}
    assert differing(second_opinion(played.history, tmp_path)) == set()  # one implementation: taken as recorded


def _with(mode: BodyMode) -> Parameters:
    return vouched(replace(THREE, body_mode=mode), MIDRANGE, RECALL, TURNS)


@pytest.mark.parametrize("mode", list(BodyMode))
def test_without_the_rules_nothing_is_accused_and_all_else_is_checked(
    mode: BodyMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = Played(Script(parameters=_with(mode))).history
    monkeypatch.setattr(rules, "_added", {})
    report = audit(history)
    assert report.exit_code == 13
    assert not report.violations
    missing = {name for name, tally in report.checks.items() if tally.not_checkable}
    assert missing == {
        "game.parameters", "aggregate.selected", "aggregate.means", "aggregate.accuracy", "aggregate.state",
        "committee.chosen", "header.arm", "honest.arm",
    }  # fmt: skip
