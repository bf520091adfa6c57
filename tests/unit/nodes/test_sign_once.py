"""The sign-once journal: what it refuses, and what a file that was tampered with comes to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chain_bandit.append_log import LogDamaged, LogLocked
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import signer as signer_of
from chain_bandit.nodes.sign_once import AlreadySigned, JournalOfAnother, JournalRolledBack, OnceSigner, SignedJournal
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import Phase, Role, Slot

SECRET = b"\1" * 32
SEPARATOR, ADDRESS = b"\2" * 32, Signer(SECRET).address
SLOT = Slot(SEPARATOR, 7, b"\3" * 32)
X, Y = keccak(b"x"), keccak(b"y")


def opened(path: Path) -> SignedJournal:
    return SignedJournal(path, SEPARATOR, ADDRESS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signed.jsonl"


def test_a_key_says_one_thing_in_each_stage_of_a_round_whatever_the_parent(path: Path) -> None:
    journal = opened(path)
    signer = OnceSigner(SECRET, journal)
    deal, sums = (Slot(SEPARATOR, 0, keccak(bytes([stage])), stage) for stage in (1, 4))
    said = (Phase.REPORT, Role.COMMANDER, 0)
    for slot in (deal, sums, deal):
        signer.state(slot, *said, X)
    for stage in (1, 4):
        with pytest.raises(AlreadySigned):
            signer.state(Slot(SEPARATOR, 0, keccak(b"another parent"), stage), *said, Y)
    journal.sync()
    journal.close()
    again = opened(path)
    assert (len(again.places), again.last) == (2, 0)
    with pytest.raises(AlreadySigned):
        OnceSigner(SECRET, again).state(sums, *said, Y)


def written(path: Path, rounds: int = 3) -> None:
    journal = opened(path)
    for round_ in range(1, rounds + 1):
        for role in (Role.COMMANDER, Role.SIGNER):
            journal.admit((round_, int(Phase.BLOCK), int(role), 0), keccak(bytes([round_, role])))
    journal.sync()
    journal.close()


def test_a_key_says_one_thing_in_a_slot_also_after_a_restart(path):
    for _ in range(2):
        journal = opened(path)
        signer = OnceSigner(SECRET, journal)
        signature = signer.state(SLOT, Phase.BLOCK, Role.SIGNER, 0, X)
        assert signer_of(SLOT.digest(Phase.BLOCK, Role.SIGNER, 0, X), signature) == ADDRESS
        assert signer.state(SLOT, Phase.BLOCK, Role.SIGNER, 0, X) == signature
        with pytest.raises(AlreadySigned):
            signer.state(SLOT, Phase.BLOCK, Role.SIGNER, 0, Y)
        with pytest.raises(AlreadySigned):  # whatever it builds on
            signer.state(Slot(SEPARATOR, 7, b"\4" * 32), Phase.BLOCK, Role.SIGNER, 0, X)
        signer.state(SLOT, Phase.BLOCK, Role.COMMANDER, 0, Y)
        signer.state(Slot(SEPARATOR, 8, X), Phase.BLOCK, Role.SIGNER, 0, Y)
        assert journal.last == 8
        journal.sync()
        journal.close()


def test_the_journal_is_on_disk_before_anybody_hears(path):
    journal = opened(path)
    OnceSigner(SECRET, journal).state(SLOT, Phase.BLOCK, Role.SIGNER, 0, X)
    journal.sync()
    assert SLOT.digest(Phase.BLOCK, Role.SIGNER, 0, X).hex() in path.read_text()
    journal.close()


def test_what_the_chain_shows_of_this_key_must_be_in_the_journal(path):
    written(path)
    journal = opened(path)
    place = (2, int(Phase.BLOCK), int(Role.SIGNER), 0)
    journal.require(place, keccak(bytes([2, Role.SIGNER])))
    with pytest.raises(JournalRolledBack) as refused:
        journal.require(place, X)
    assert refused.value.exit_code == 8
    journal.close()


@pytest.fixture
def _unsynced(monkeypatch):
    """For hundreds of files of which none outlives the test."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.mark.usefixtures("_unsynced")
def test_a_journal_cut_at_any_byte_is_read_to_its_last_whole_line_and_then_known_to_be_short(path):
    written(path, 1)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    last = (1, int(Phase.BLOCK), int(Role.SIGNER), 0)
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        journal = opened(path)
        with pytest.raises(JournalRolledBack):
            journal.require(last, keccak(bytes([1, Role.SIGNER])))
        journal.close()
        kept = [line for line in lines if len(b"".join(lines[: lines.index(line) + 1])) <= cut]
        assert path.read_bytes() == (b"".join(kept) or lines[0])


def test_a_line_that_is_changed_removed_moved_or_doubled_stops_the_node(path):
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    entry = json.loads(lines[3])
    changed = json.dumps(entry | {"digest": X.hex()}).encode() + b"\n"
    for false in (
        [*lines[:3], changed, *lines[4:]],
        [*lines[:3], *lines[4:]],
        [*lines[:3], lines[4], lines[3], *lines[5:]],
        [*lines[:4], lines[3], *lines[4:]],
        [*lines[:3], b"\n", *lines[3:]],
        [*lines[:3], b"[" * 5000 + b"\n", *lines[4:]],
        lines[1:],
    ):
        path.write_bytes(b"".join(false))
        with pytest.raises(LogDamaged) as refused:
            opened(path)
        assert refused.value.exit_code == 3


@pytest.mark.usefixtures("_unsynced")
def test_every_changed_byte_of_a_line_that_is_followed_by_another_is_found_or_changes_nothing(path):
    written(path, 1)
    whole = path.read_bytes()
    end = whole.rindex(b"\n", 0, -1)
    for at in range(end):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            journal = opened(path)
        except (LogDamaged, JournalOfAnother):
            continue
        journal.require((1, int(Phase.BLOCK), int(Role.COMMANDER), 0), keccak(bytes([1, Role.COMMANDER])))
        journal.require((1, int(Phase.BLOCK), int(Role.SIGNER), 0), keccak(bytes([1, Role.SIGNER])))
        journal.close()


def test_a_journal_of_another_game_or_key_is_refused(path):
    written(path)
    for separator, address in ((X, ADDRESS), (SEPARATOR, bytes(20))):
        with pytest.raises(JournalOfAnother) as refused:
            SignedJournal(path, separator, address)
        assert refused.value.exit_code == 6


def test_a_second_process_is_refused(path):
    journal = opened(path)
    code = (
        "import sys; from pathlib import Path; from chain_bandit.nodes.sign_once import SignedJournal;"
        f"SignedJournal(Path(sys.argv[1]), {SEPARATOR!r}, {ADDRESS!r})"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert LogLocked.__name__ in done.stderr
    journal.close()
    opened(path).close()
