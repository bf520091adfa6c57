"""An audit by two processes gives the report of one, byte for byte, whatever becomes of the other process, or none."""

import os
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from chain_bandit.auditor import signature_checker, two_process
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.chain import Survey, survey
from chain_bandit.auditor.report import Checks
from chain_bandit.auditor.two_process import SecondProcess, able, audit_by_two
from chain_bandit.audits import audit_file
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.errors import HistoryError
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.protocol.digests import keccak
from tests.unit.audit.forging import Forgery
from tests.unit.audit.played_game import Played

KEY = Signer(derive(1, "pair"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[History], Path]:
    def write(history: History) -> Path:
        path = tmp_path_factory.mktemp("pair") / "history.jsonl.gz"
        files.write(history, path)
        return path

    return write


@pytest.fixture(scope="module")
def path(full: Played, written: Callable[[History], Path]) -> Path:
    """Committees, batches, lies, a proof of equivocation, skips."""
    return written(full.history)


@pytest.fixture
def worth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_process, "WORTH", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})


def falsely_signed(played: Played) -> History:
    """The last certificate's last signature is another one."""
    forgery = Forgery(played.history, {each.address: each for each in (*played.signers, played.owner)})
    forgery.call("submitBlocks", -1, lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:])
    return forgery.made()


def test_two_say_what_one_says(path: Path, full: Played) -> None:
    kept = survey(full.history, None, Checks()).head
    by_two, expected = audit_by_two(path, kept), audit(full.history, kept)
    assert by_two is not None
    assert by_two.json() == expected.json()
    assert expected.checks["certificate.signatures"].passed > 20


@pytest.mark.usefixtures("worth")
@pytest.mark.parametrize("wrong", ["head", "head and a payment"])
def test_another_head_than_the_auditor_kept_is_told_alike(
    honest: Played, written: Callable[[History], Path], wrong: str
) -> None:
    """In its place, and before whatever else is wrong."""
    forgery = Forgery(honest.history, {each.address: each for each in (*honest.signers, honest.owner)})
    if wrong != "head":
        forgery.event("Withdrawn", 0, lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    forgery.blocks.append((list(next(fields for fields, sent, _ in forgery.blocks if not sent)), [], []))
    forgery.wait(len(forgery.blocks) - 1, 2)
    history = forgery.made()
    expected = audit(history, bytes(32))
    assert {each.check for each in expected.violations} >= {"chain.head"}
    assert audit_file(written(history), bytes(32)).json() == expected.json()


@pytest.mark.usefixtures("worth")
def test_what_one_finds_is_found_where_two_begin(full: Played, written: Callable[[History], Path]) -> None:
    history = falsely_signed(full)
    expected = audit(history)
    assert expected.checks["certificate.signatures"].failed == 1
    assert audit_file(written(history)).json() == expected.json()


@pytest.mark.usefixtures("worth")
def test_one_goes_on_where_the_other_process_ends(
    path: Path, full: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ending(self: SecondProcess, digest: bytes, signature: bytes, expected: bytes) -> bytes:
        self._process.kill()
        return whose(self, digest, signature, expected)

    whose = SecondProcess.whose
    monkeypatch.setattr(SecondProcess, "whose", ending)
    assert audit_by_two(path, None) is None
    assert audit_file(path).json() == audit(full.history).json()


@pytest.mark.parametrize("true", [True, False])
def test_what_a_full_pipe_does_not_take_is_checked_here(
    true: bool, full: Played, path: Path, written: Callable[[History], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []

    def refused(file: int, said: bytes) -> int:
        raise BlockingIOError

    def hold(records: bytes) -> bool:
        checked.append(len(records))
        return truly(records)

    truly = signature_checker.hold
    monkeypatch.setattr(os, "write", refused)
    monkeypatch.setattr(signature_checker, "hold", hold)
    assert (audit_by_two(path if true else written(falsely_signed(full)), None) is not None) == true
    assert sum(checked) > 30 * signature_checker.RECORD


def test_a_file_that_cannot_be_read_is_for_one(path: Path, tmp_path: Path, worth: None) -> None:
    cut = tmp_path / "history.jsonl.gz"
    cut.write_bytes(path.read_bytes()[:-100])
    assert audit_by_two(cut, None) is None
    with pytest.raises(HistoryError, match="cut off or damaged"):
        audit_file(cut)


def told(path: Path, *messages: bytes) -> bytes:
    out = BytesIO()
    signature_checker.serve(path, BytesIO(b"".join(messages)), out)
    return out.getvalue()


def records(count: int, signer: Signer = KEY) -> bytes:
    digests = [keccak(bytes([index])) for index in range(count)]
    return b"".join(digest + signer.sign(digest) + KEY.address for digest in digests)


def test_the_process_beside_says_what_it_saw_where_all_of_it_holds(path: Path, full: Played) -> None:
    seen = signature_checker.seen(survey(full.history, None, Checks()))
    whole, rest = records(signature_checker.TOGETHER), records(5)
    assert told(path) == told(path, signature_checker.message(0, b"")) == seen
    assert (
        told(
            path,
            signature_checker.message(3, whole),
            signature_checker.message(7, whole),
            signature_checker.message(10**6, rest),
        )
        == seen
    )
    false = records(5, Signer(derive(2, "pair")))
    for at in (1, 10**6):
        assert told(path, signature_checker.message(3, whole), signature_checker.message(at, false)) == b""


def test_what_it_saw_is_head_and_number_and_all_that_is_opened(sealed: Played) -> None:
    found = survey(sealed.history, None, Checks())
    assert found.reveal is not None
    others = [
        replace(found, head=bytes(32)), replace(found, number=1), replace(found, environment=b""),
        replace(found, reveal=None), replace(found, pulls=found.pulls[:-1]), replace(found, seal_keys={}),
    ]  # fmt: skip
    assert len({signature_checker.seen(each) for each in (found, *others)}) == 7


def test_what_it_saw_is_said_in_little_memory() -> None:
    found = Survey(number=1, pulls=bytearray(1 << 23))
    tracemalloc.start()
    signature_checker.seen(found)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1.1 * len(found.pulls)


def test_the_process_beside_says_nothing_of_what_is_no_chain(
    full: Played, path: Path, written: Callable[[History], Path]
) -> None:
    first, second, *others = full.history.blocks
    changed = History(full.history.origin, (replace(first, transactions=()), second, *others))
    assert told(written(changed)) == b""
    assert told(written(History(full.history.origin, ()))) == b""


def test_a_long_file_is_for_two_where_there_are_two_cores(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    assert not able(path)
    monkeypatch.setattr(two_process, "WORTH", path.stat().st_size)
    assert able(path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1})
    assert not able(path)
