"""Games whose rules or format are not those of this version accuse nobody; a release is named that audits them."""

import gzip
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from chain_bandit.auditor.artifact import creation_code, release_of
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain.errors import ForeignContract
from chain_bandit.chain_history import files
from chain_bandit.paranoid.parameters import created
from chain_bandit.paranoid.recompute import STRANGE
from chain_bandit.protocol.creation import decode as creation
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import ACCURACY, ESTIMATES, Parameters
from chain_bandit.protocol.ruleset import MOST_STEPS
from chain_bandit.runs import history_of_node
from chain_bandit.views.terminal import checks_table
from tests.contracts.harness import creation_of
from tests.contracts.test_modules import deployed_by
from tests.few import crossed
from tests.rules import rule
from tests.unit.audit.planted import ROUND, declare, parameter
from tests.unit.audit.played_game import COMPACT, PARAMETERS, Played, Script, with_header
from tests.unit.audit.test_bounds import forgery
from tests.unit.audit.test_second_implementation import second_opinion

OLDER = Path(__file__).parents[2] / "vectors" / "older_creation.gz"


def violated(report: AuditReport) -> set[str]:
    return {violation.check for violation in report.violations}


def told(text: str) -> Callable[[bytes], bytes]:
    """Declares another text, under its own digest."""

    def change(data: bytes) -> bytes:
        old = creation(data).declaration.decode()
        return declare(old, text)(data)

    return change


def both(*changes: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: changes[1](changes[0](data))


def file(digest: str, steps: str) -> Callable[[bytes], bytes]:
    """Declares that the aggregation is somebody's file; the words are JSON, none where they are empty."""
    before, behind = f'"digest":{digest},' * bool(digest), f'"steps":{steps},' * bool(steps)
    end = '"version":1},{"kind":"rep'
    return both(declare('{"kind":"agg', f'{{{before}"kind":"agg'), declare(end, behind + end))


UNKNOWN = declare("option-1", "no-such")
FILE = f'"{"ab" * 32}"'
OTHER_VERSION = {
    "a format": declare('"format":2', '"format":3'),
    "a kind": declare('{"kind":"reputation"', '{"kind":"oracle"'),
    "a kind in capitals": declare('"reputation"', '"REPUTATION"'),
    "a kind more": declare('{"kind":"dis', '{"kind":"payment","name":"flat","options":{},"version":1},{"kind":"dis'),
    "the policy that none says": declare(
        '"estimates","options":{},"version":1}',
        '"estimates","options":{},"version":1},{"kind":"policy","name":"ucb1","options":{},"version":1}',
    ),
    "a kind less": declare(',{"kind":"disclosure","name":"estimates","options":{},"version":1}', ""),
    "none": told('{"format":2,"rules":[]}'),
    "no aggregation": declare('{"kind":"aggregation","name":"option-1","options":{},"version":1},', ""),
    "another selection": declare('"everybody"', '"sortition"'),
}
VIOLATED = {
    "no text": told(""),
    "no JSON": told("rules"),
    "control characters": told('{"format":2,"rules":[\0]}'),
    "white space": declare(":2,", ": 2,"),
    "deep": told("[" * 4000),
    "a format that is true": declare('"format":2', '"format":true'),
    "a float": declare('"version":1', '"version":1.0'),
    "a text for a number": declare('"option-1","options":{}', '"delta-safe","options":{"delta":"5"}'),
    "a negative delta": declare('"option-1","options":{}', '"delta-safe","options":{"delta":-5}'),
    "too large a delta": declare('"option-1","options":{}', '"delta-safe","options":{"delta":4294967296}'),
    "no name": declare('"option-1"', "null"),
    "no digest": file('""', "9"),
    "a short digest": file(f'"{"ab" * 31}"', "9"),
    "a digest in capitals": file(f'"{"AB" * 32}"', "9"),
    "a digest that is a number": file("7", "9"),
    "a file without a bound of steps": file(FILE, ""),
    "a file of no steps": file(FILE, "0"),
    "a file of steps without end": file(FILE, str(MOST_STEPS + 1)),
    "a file of true steps": file(FILE, "true"),
    "steps of a rule that is no file": file("", "9"),
    "a key more": declare('{"kind":"agg', '{"by":"me","kind":"agg'),
    "a key more beside the rules": declare('"version":1}]}', '"version":1}],"x":1}'),
    "a key more beside an unknown kind": both(
        declare('"version":1}]}', '"version":1}],"x":1}'), declare('{"kind":"reputation"', '{"kind":"oracle"')
    ),
    "rules that are an object": told('{"format":2,"rules":{}}'),
    "rules that are a text": told('{"format":2,"rules":""}'),
    "a key more of an unknown kind": declare('{"kind":"reputation"', '{"by":"me","kind":"oracle"'),
    "a key more before an unknown kind": both(
        declare('{"kind":"agg', '{"by":"me","kind":"agg'), declare('{"kind":"reputation"', '{"kind":"oracle"')
    ),
    "two of a kind": declare('"reputation"', '"aggregation"'),
    "another digest": both(UNKNOWN, parameter(rules=7)),
    "a trust class beside unknown rules": both(UNKNOWN, parameter(attested=2)),
    "a word of later versions beside unknown rules": both(UNKNOWN, parameter(finders_fee=1)),
    "too low a threshold beside unknown rules": both(UNKNOWN, parameter(threshold=0)),
    "padding": lambda data: data[:-1] + b"\1",
    "a byte more": lambda data: data + b"\0",
    "a word more": lambda data: data + bytes(32),
    "words that look like the end": lambda data: data + (32 * 46).to_bytes(32) + bytes(32),
    "cut off": lambda data: data[:-32],
    "another place": lambda data: data.replace((32 * 46).to_bytes(32), (32 * 47).to_bytes(32)),
    "longer than any": told("x" * 5000),
}


@pytest.mark.parametrize(
    ("change", "code"), [(each, 13) for each in OTHER_VERSION.values()] + [(each, 12) for each in VIOLATED.values()],
    ids=[*OTHER_VERSION, *VIOLATED],
)  # fmt: skip
def test_both_computations_say_the_same_of_a_creation(
    honest: Played, tmp_path: Path, change: Callable[[bytes], bytes], code: int
) -> None:
    """13 where the rules are canonical and not here; 12 where no game of this format says so."""
    forged = forgery(honest)
    forged.creation(change)
    report = second_opinion(forged.made(), tmp_path)
    first, second = violated(report) & {"game.parameters"}, {name for name in violated(report) if "paranoid" in name}
    assert (report.exit_code, bool(first), bool(second)) == (code, code == 12, code == 12)
    assert "game.code" not in violated(report)
    if code == 13:
        assert violated(report) == set()
        assert "which this version does not have" in report.checks["game.parameters"].evidence


@pytest.mark.parametrize("change", VIOLATED.values(), ids=VIOLATED)
def test_the_second_computation_takes_nothing_that_the_first_refuses(change: Callable[[bytes], bytes]) -> None:
    """Not even where the rest of the game would be called false anyway, since its digest is another."""
    with pytest.raises(STRANGE):
        created(change(creation_of(PARAMETERS, bytes(32), bytes(32))), creation_code())


NOT_HERE = {
    "a name": rule("no-such"), "a version": rule("option-1", 2), "an option more": rule("option-1", delta=1),
    "an option less": rule("delta-safe"), "a file": replace(rule("option-1"), digest=bytes(range(32)), steps=9),
    "options of any size": rule("theirs", x=-1, y=2**200),
}  # fmt: skip


@pytest.mark.parametrize(("name", "parameters"), crossed(list(NOT_HERE), [PARAMETERS, COMPACT], every=2))
def test_of_a_game_whose_aggregation_is_not_here_all_else_is_checked(
    name: str, parameters: Parameters, tmp_path: Path
) -> None:
    """Its B are made by Option 1, so that nothing is wrong with it by anybody's rules."""
    choice = NOT_HERE[name]
    parameters = replace(parameters, c1_per_report=0)  # else the honest arm rests on it too
    script = Script(parameters=replace(parameters, aggregation=choice), option=lambda own, t: rule("option-1"))
    known = Played(replace(script, parameters=parameters)).history
    report, there = second_opinion(Played(script).history, tmp_path), second_opinion(known, tmp_path)
    assert (report.violations, report.exit_code, there.exit_code) == ([], 13, 0)
    unmade = {each for each, tally in report.checks.items() if tally.not_checkable}
    assert unmade == {"game.parameters", "aggregate.selected", *(["aggregate.means"] if parameters.is_attested else [])}
    for each in unmade:
        assert str(choice) in report.checks[each].evidence
    alone = {"paranoid.selection", *(["paranoid.means"] if parameters.is_attested else [])}
    for each, tally in there.checks.items():
        none = each in (unmade | alone) - {"game.parameters"}  # of which all but the rule's own bounds are checked
        assert report.checks[each].passed == (0 if none else tally.passed), each
    for each in alone:
        assert re.search("the aggregation '.*', version ., has one implementation: .* as recorded$",
                         report.checks[each].evidence)  # fmt: skip
        assert any(report.checks[each].evidence in line for line in report.lines())
    assert report.run_digest is not None
    assert not {"expected", "violation"} & {word for line in report.lines() for word in line.split()}


@pytest.mark.parametrize("parameters", [PARAMETERS, COMPACT], ids=["full", "compact"])
def test_a_rule_that_is_here_once_is_checked_once_and_that_is_no_failure(
    parameters: Parameters, tmp_path: Path
) -> None:
    script = Script(parameters=replace(parameters, aggregation=rule("median")))
    report = second_opinion(Played(script).history, tmp_path)
    assert (report.violations, report.exit_code) == ([], 0)
    assert report.checks["aggregate.selected"].passed > 20
    taken = "B and estimators are" if parameters is COMPACT else "B is"
    said = f"the aggregation 'median', version 1, has one implementation: {taken} taken as recorded"
    tally = report.checks["paranoid.selection"]
    assert (tally.passed, tally.failed, tally.not_checkable, tally.trusted, tally.evidence) == (0, 0, 0, 0, said)
    assert any(said in line for line in report.lines())
    console = Console(width=200)
    with console.capture() as shown:
        console.print(checks_table(report))
    assert shown.get().count(said) == 1
    lie = replace(script, option=lambda own, t: rule("option-2") if t == ROUND else own)
    report = second_opinion(Played(lie).history, tmp_path)
    assert {(each.check, each.round) for each in report.violations} == {("aggregate.selected", ROUND)}


def test_who_did_not_report_is_in_no_b_of_any_rule(tmp_path: Path) -> None:
    """By either computation, though neither has the rule; in a full game the contract sees to it."""
    script = Script(
        parameters=replace(COMPACT, aggregation=rule("no-such"), c1_per_report=0),
        option=lambda own, t: rule("option-1"),
        reporters=lambda t: (1, 2, 3) if t == ROUND else (0, 1, 2, 3),
        header=with_header(ROUND, selected=lambda rows: (rows[0] | 1, rows[1])),
    )  # fmt: skip
    report = second_opinion(Played(script).history, tmp_path)
    assert report.exit_code == 12
    assert {("header.form", ROUND), ("paranoid.selection", ROUND)} <= {
        (each.check, each.round) for each in report.violations
    }


def test_creation_codes_of_the_release_before_are_known_by_their_hash() -> None:
    """The table itself, by code that git has: `git show fa4830a:chain_bandit/chain/artifacts/ChainBandit.json`."""
    code = gzip.decompress(OLDER.read_bytes())
    assert release_of(code + b"anything") == "0.1.0"
    assert release_of(code[:-1] + b"\0") is None
    assert release_of(creation_code() or b"") is None


def test_a_node_with_a_game_of_an_older_release_is_audited_to_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    older = bytes.fromhex("60016000f3")  # code of one zero byte
    monkeypatch.setattr("chain_bandit.auditor.artifact._OLDER", ((len(older), keccak(older).hex(), "0.1.0"),))
    _, made = deployed_by(older + b"whatever was said then")
    rpc = made.rpc.ask
    with history_of_node(rpc, made.address, None, None) as path:
        report = audit(files.read(path))
    assert (report.exit_code, violated(report)) == (13, set())
    assert "chain_bandit 0.1.0 audits it" in report.checks["game.code"].evidence
    monkeypatch.setattr("chain_bandit.auditor.artifact._OLDER", ())
    with pytest.raises(ForeignContract), history_of_node(rpc, made.address, None, None):
        pass


def test_audit_names_the_release_that_audits_a_game_in_an_older_format(
    honest: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of whose creation no byte is of this version, but for its beginning."""
    forged = forgery(honest)
    older = bytes(range(200)) * 7
    monkeypatch.setattr("chain_bandit.auditor.artifact._OLDER", ((len(older), keccak(older).hex(), "0.1.0"),))
    forged.creation(lambda data: older + data[-70 * 32 : -32 * 20])
    report = second_opinion(forged.made(), tmp_path)
    assert (report.exit_code, violated(report)) == (13, set())
    assert "chain_bandit 0.1.0 audits it" in report.checks["game.code"].evidence


@pytest.mark.parametrize("digest", [b"", bytes(range(32))], ids=["a version", "a file"])
def test_of_a_game_whose_reputation_is_not_here_all_else_is_checked(digest: bytes, tmp_path: Path) -> None:
    """Weights are those of the shipped rule, so that nothing is wrong with them by anybody's rules.

    Whom it leaves out of B nobody knows who has not the rule.
    """
    choice = replace(ACCURACY, version=2, digest=digest, steps=len(digest))
    known = second_opinion(Played(Script(parameters=COMPACT)).history, tmp_path)
    report = second_opinion(Played(Script(parameters=replace(COMPACT, reputation=choice))).history, tmp_path)
    assert (report.exit_code, report.violations) == (13, [])
    left = {name for name, tally in report.checks.items() if tally.not_checkable}
    assert left == {"game.parameters", "aggregate.selected", "aggregate.accuracy"}
    alone = {"paranoid.selection", "paranoid.accuracy"}
    assert {name: tally.passed for name, tally in report.checks.items() if name not in left | alone} == {
        name: tally.passed for name, tally in known.checks.items() if name not in left | alone
    }
    assert all("has one implementation" in report.checks[name].evidence for name in alone)
    assert str(choice) in report.checks["aggregate.accuracy"].evidence


def test_of_a_game_whose_disclosure_is_not_here_nothing_is_replayed() -> None:
    choice = replace(ESTIMATES, version=2)
    script = Script(parameters=replace(PARAMETERS, disclosure=choice), says=lambda choice: ESTIMATES)
    report = audit(Played(script).history)
    assert (report.exit_code, report.violations) == (13, [])
    assert "version 2" in report.checks["game.parameters"].evidence
