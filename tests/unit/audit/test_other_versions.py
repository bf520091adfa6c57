"""Games whose rules or format are not those of this version accuse nobody; a release is named that audits them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from chain_bandit.audit.artifact import creation_code, release_of
from chain_bandit.audit.audit import audit
from chain_bandit.audit.report import AuditReport
from chain_bandit.chain.errors import ForeignContract
from chain_bandit.history import files
from chain_bandit.protocol.creation import decode as creation
from chain_bandit.protocol.digests import keccak
from chain_bandit.runs import history_of_node
from tests.contracts.test_modules import deployed_by
from tests.unit.audit.planted import declare, parameter
from tests.unit.audit.played_game import Played
from tests.unit.audit.test_bounds import forgery
from tests.unit.audit.test_second_opinion import second_opinion

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


MEDIAN = declare("option-1", "median")
OTHER_VERSION = {
    "a rule": MEDIAN,
    "a version": declare('"option-1","options":{},"version":1', '"option-1","options":{},"version":2'),
    "a format": declare('"format":2', '"format":3'),
    "a kind": declare('{"kind":"reputation"', '{"kind":"oracle"'),
    "a kind more": declare('{"kind":"dis', '{"kind":"payment","name":"flat","options":{},"version":1},{"kind":"dis'),
    "a kind less": declare(',{"kind":"disclosure","name":"estimates","options":{},"version":1}', ""),
    "none": told('{"format":2,"rules":[]}'),
    "an option": declare('"option-1","options":{}', '"option-1","options":{"delta":1}'),
    "no option": declare('option-1"', 'delta-safe"'),
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
    "a key more": declare('{"kind":"agg', '{"by":"me","kind":"agg'),
    "two of a kind": declare('"reputation"', '"aggregation"'),
    "another digest": both(MEDIAN, parameter(rules=7)),
    "a trust class beside unknown rules": both(MEDIAN, parameter(attested=2)),
    "a word of later versions beside unknown rules": both(MEDIAN, parameter(slash=1)),
    "too low a threshold beside unknown rules": both(MEDIAN, parameter(threshold=0)),
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


def test_creation_codes_of_the_release_before_are_known_by_their_hash() -> None:
    """The table itself, by code that git has: `git show fa4830a:chain_bandit/chain/artifacts/ChainBandit.json`."""
    code = gzip.decompress(OLDER.read_bytes())
    assert release_of(code + b"anything") == "0.1.0"
    assert release_of(code[:-1] + b"\0") is None
    assert release_of(creation_code() or b"") is None


def test_a_node_with_a_game_of_an_older_release_is_audited_to_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    older = bytes.fromhex("60016000f3")  # code of one zero byte
    monkeypatch.setattr("chain_bandit.audit.artifact._OLDER", ((len(older), keccak(older).hex(), "0.1.0"),))
    _, made = deployed_by(older + b"whatever was said then")
    rpc = made.rpc.ask
    with history_of_node(rpc, made.address, None, None) as path:
        report = audit(files.read(path))
    assert (report.exit_code, violated(report)) == (13, set())
    assert "chain_bandit 0.1.0 audits it" in report.checks["game.code"].evidence
    monkeypatch.setattr("chain_bandit.audit.artifact._OLDER", ())
    with pytest.raises(ForeignContract), history_of_node(rpc, made.address, None, None):
        pass


def test_audit_names_the_release_that_audits_a_game_in_an_older_format(
    honest: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of whose creation no byte is of this version, but for its beginning."""
    forged = forgery(honest)
    older = bytes(range(200)) * 7
    monkeypatch.setattr("chain_bandit.audit.artifact._OLDER", ((len(older), keccak(older).hex(), "0.1.0"),))
    forged.creation(lambda data: older + data[-70 * 32 : -32 * 20])
    report = second_opinion(forged.made(), tmp_path)
    assert (report.exit_code, violated(report)) == (13, set())
    assert "chain_bandit 0.1.0 audits it" in report.checks["game.code"].evidence
