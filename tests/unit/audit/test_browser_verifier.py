"""The browser verifier, which shares no code with the audit, is told the same lies and computes the same rules."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import chain_bandit as cb
from chain_bandit.auditor.audit import audit
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain.node import account
from chain_bandit.chain.remote import json_rpc
from chain_bandit.chain_history import files
from chain_bandit.chain_history.collect import collect
from chain_bandit.game.agreement import AgreementOnChain
from chain_bandit.protocol import rules
from chain_bandit.protocol.blocks import Header
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rule import Rule, mean_over
from chain_bandit.protocol.ruleset import RuleChoice
from tests.unit.audit.planted import LIES, ROUND, declare
from tests.unit.audit.played_game import COMPACT, Played, Script
from tests.unit.audit.test_planted_violations import forgery
from tests.unit.mediate.company import TERMS, company, salts, some_tokens
from tests.unit.protocol.rules import records
from verification.browser.bundle import BrowserVerifier, verifier


@pytest.fixture(scope="module")
def page() -> Iterator[BrowserVerifier]:
    with verifier() as found:
        yield found


@pytest.mark.parametrize("name", LIES)
def test_every_lie_is_found_by_the_page(
    name: str, page: BrowserVerifier, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    told = LIES[name]
    if told.script is None:
        made = forgery(request.getfixturevalue(told.of))
        told.forge(made)
        history = made.made()
    else:
        history = told.script().history
    files.write(history, tmp_path / "history.jsonl")
    result = page.verdict(tmp_path / "history.jsonl")
    assert (result["verdict"] == "violated") == bool(told.fails), [
        check for check in result["checks"] if check["tally"]["failed"] or check["tally"]["open"]
    ]


def test_a_rule_and_its_options_may_have_names_of_any_letters(page: BrowserVerifier, tmp_path: Path) -> None:
    """A declaration is ASCII; of two options the one comes first whose letter does, in UTF-16 or not."""
    (tmp_path / "rule.py").write_text(
        "from chain_bandit.rule_api import Aggregation, Option, mean_over\n\n\nclass Rule(Aggregation):\n"
        '    name = "größe ☃ 😀"\n    options = {"ﬀ": Option(1), "😀": Option(2), "10": Option(3), "9": Option(4)}\n\n'
        "    def estimate(self, terms, state, agreed):\n"
        "        return mean_over(agreed, [agreed.passed()] * terms.arms)\n",
        encoding="utf-8",
    )
    game = cb.load("small", preset="paper", rounds=14, expect={}, aggregation=f"{tmp_path / 'rule.py'}:Rule")
    run = cb.play(game, tmp_path / "run")
    assert run.passed
    result = page.verdict(run.out / "history.jsonl.gz")
    said = [(check["id"], check["tally"]["reasons"]) for check in result["checks"] if check["tally"]["open"]]
    assert result["verdict"] == "incomplete"
    assert ("header.arm", ["arms by ucb1 over größe ☃ 😀 are not computed"]) in said


@pytest.mark.parametrize("name", ["history.jsonl", "history.jsonl.gz"])
def test_a_file_that_was_cut_off_is_unreadable_and_breaks_no_rule(
    name: str, honest: Played, page: BrowserVerifier, tmp_path: Path
) -> None:
    path = tmp_path / name
    files.write(honest.history, path)
    path.write_bytes(path.read_bytes()[:-100])
    result = page.verdict(path)
    assert result["verdict"] == "unreadable"
    (form,) = [each["tally"] for each in result["checks"] if each["tally"]["failed"]]
    assert "cut off" in form["failure"]


def test_a_file_that_was_cut_off_hides_no_violation_before(
    honest: Played, page: BrowserVerifier, tmp_path: Path
) -> None:
    path, forged = tmp_path / "history.jsonl", forgery(honest)
    forged.creation(lambda data: data[:99] + b"\xfe" + data[100:])
    files.write(forged.made(), path)
    path.write_bytes(path.read_bytes()[:-100])
    assert page.verdict(path)["verdict"] == "violated"


def test_an_agreement_is_not_judged_by_the_rules_of_games(page: BrowserVerifier, tmp_path: Path) -> None:
    relayer = account(keccak(b"relayer"))
    node = EmbeddedNode({bytes.fromhex(relayer.address[2:]): 10**20})
    recorder = AgreementOnChain(node, relayer)
    company(TERMS, recorder).play(some_tokens(TERMS.participants, 1), salts(1, TERMS.participants), [])
    history = collect(json_rpc(node.line), recorder.contract.address, recorder.contract.created_in)
    files.write(history, tmp_path / "tokens.jsonl")
    result = page.verdict(tmp_path / "tokens.jsonl")
    assert result["verdict"] == "incomplete"
    assert not [each for each in result["checks"] if each["tally"]["failed"]]
    assert "an agreement on tokens" in str(result["checks"])


@pytest.mark.parametrize("theorem", [5, 6])
def test_who_is_listed_for_a_false_report_is_drawn_as_before(
    theorem: int, page: BrowserVerifier, tmp_path: Path
) -> None:
    """Its last report brings a proof of the round in which it is listed, and it validates on."""
    path = Path(__file__).parents[3] / f"examples/theorems/theorem{theorem}.toml"
    run = cb.play(cb.load(path, rounds=110, expect={}, slash=0.01), tmp_path / "run")
    assert run.passed
    result = page.verdict(run.out / "history.jsonl.gz")
    assert result["verdict"] == "passed", [each for each in result["checks"] if each["tally"]["failed"]]


def choice(rule: Rule, options: Mapping[str, int]) -> RuleChoice:
    return RuleChoice(rule.kind, rule.name, rule.version, tuple(sorted(options.items())))


@pytest.mark.parametrize("name", records.AGGREGATIONS)
def test_an_aggregation_gives_the_same_integers_on_the_page(name: str, page: BrowserVerifier) -> None:
    rule, dice = records.AGGREGATIONS[name], records.Dice(27)
    for at, (agreed, liars) in enumerate(records.records(60)):
        if at % 4 == 0:  # roots of pulls are integers, and reports lie on the edge of a radius
            agreed = replace(agreed, pulls=tuple((1 + pulls % 12) ** 2 for pulls in agreed.pulls))
        given = records.terms(rule, agreed, liars, records.options(rule, dice if at % 2 else None))
        found, said = rule.estimate(given, (), agreed), page.rules([choice(rule, given.options)], agreed, liars)
        assert said["selected"] == [sorted(each) for each in found.sets]
        assert (said["means"] is None) == rule.is_mean
        assert found.means == tuple(said["means"] or mean_over(agreed, found.sets).means)
        passed = len(agreed.passed())
        assert said["worth"] == [max(1, rule.worth(given, len(each), passed)) for each in found.sets]


def test_rounded_reports_are_the_same_on_the_page(page: BrowserVerifier) -> None:
    rule, dice = records.DISCLOSURES["rounded"], records.Dice(28)
    for agreed, liars in records.records(60):
        given = records.terms(rule, agreed, liars, records.options(rule, dice))
        step = given.options["step"]
        reports = agreed.reports.items()
        halves = {seat: tuple(value - value % step + step // 2 for value in row) for seat, row in reports}
        agreed = replace(agreed, reports=halves if agreed.round % 2 else agreed.reports)
        said = page.rules([choice(rule, given.options)], agreed, liars)["said"]
        own = records.own(agreed)
        for row, mine in zip(agreed.reports.values(), said, strict=True):
            assert tuple(mine) == rule.encode(given, own._replace(means=row))


def played(name: str) -> Parameters:
    """A compact game by a rule, whose options are the usual ones."""
    rule = records.AGGREGATIONS[name]
    # Krum plays where M >= 2f + 3
    made = replace(COMPACT, aggregation=choice(rule, records.options(rule)), liars=0 if name == "krum" else 1)
    return rules.with_classes(made)


def _one_unit_more(header: Header, t: int, _: Any) -> Header:
    return replace(header, means=(header.means[0] + 1, *header.means[1:])) if t == ROUND else header


def _another_set(header: Header, t: int, _: Any) -> Header:
    return replace(header, selected=(header.selected[0] ^ 1, *header.selected[1:])) if t == ROUND else header


@pytest.mark.parametrize("name", records.AGGREGATIONS)
def test_a_changed_estimator_or_set_is_refused_by_the_page(name: str, page: BrowserVerifier, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    for lie, check in ((None, ""), (_one_unit_more, "aggregate.means"), (_another_set, "aggregate.selected")):
        script = Script(parameters=played(name)) if lie is None else Script(parameters=played(name), header=lie)
        history = Played(script).history
        files.write(history, path)
        result = page.verdict(path)
        failed = {each["id"] for each in result["checks"] if each["tally"]["failed"]}
        assert result["verdict"] == ("violated" if check else "passed"), result["checks"]
        assert check in failed or not check
        assert audit(history).exit_code == (12 if check else 0)


@pytest.mark.parametrize(
    ("aggregation", "text"),
    [("krum", ""), ("confidence", '"delta":0'), ("centred-clipping", '"iterations":17,"radius":5')],
)
def test_options_and_games_out_of_their_bounds_are_refused_by_the_page(
    aggregation: str, text: str, honest: Played, page: BrowserVerifier, tmp_path: Path
) -> None:
    forged = forgery(honest)
    forged.creation(declare('"option-1","options":{}', f'"{aggregation}","options":{{{text}}}'))
    history = forged.made()
    files.write(history, tmp_path / "history.jsonl")
    checks = page.verdict(tmp_path / "history.jsonl")["checks"]
    assert {"game.parameters"} <= {check["id"] for check in checks if check["tally"]["failed"]}
    assert "game.parameters" in {violation.check for violation in audit(history).violations}
