"""chain/journal.py: what was appended comes back, a torn tail is dropped, anything else that is wrong is refused."""

import json
import os
import subprocess
import sys

import pytest

from chain_bandit.chain.journal import Entry, FileJournal, JournalDamaged, JournalForeign, JournalLocked, Origin

ORIGIN = Origin(7, "0x" + "ab" * 32, "0x" + "cd" * 20)
ENTRIES = [Entry(call, "submitBlock", "0x" + "12" * 20, call, 10, 0, "0x02" + "ff" * call) for call in range(4)]


def written(path):
    journal = FileJournal(path)
    journal.bind(ORIGIN)
    for entry in ENTRIES:
        journal.append(entry)
    journal.sync()
    journal.close()
    return path.read_bytes()


def test_what_was_appended_comes_back(tmp_path):
    path = tmp_path / "journal"
    written(path)
    again = FileJournal(path)
    assert (again.origin, again.entries) == (ORIGIN, ENTRIES)
    again.bind(ORIGIN)
    again.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_name_of_a_new_file_is_kept_like_its_bytes(tmp_path, monkeypatch):
    synced, really = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), really(file))[1])
    FileJournal(tmp_path / "journal").close()
    assert synced == [tmp_path.stat().st_ino]


def test_nothing_is_in_the_file_before_it_is_synced_and_all_of_it_after(tmp_path):
    journal = FileJournal(tmp_path / "journal")
    journal.bind(ORIGIN)
    journal.append(ENTRIES[0])
    assert journal.path.read_bytes() == b""
    journal.sync()
    assert len(journal.path.read_bytes().splitlines()) == 2
    journal.close()


def test_every_prefix_reads_as_the_lines_that_are_whole(tmp_path):
    path = tmp_path / "journal"
    data = written(path)
    for end in range(len(data)):
        path.write_bytes(data[:end])
        journal = FileJournal(path)
        whole = data[:end].count(b"\n")
        assert journal.entries == ENTRIES[: max(whole - 1, 0)]
        assert (journal.origin is None) == (whole < 2)
        journal.bind(ORIGIN)
        for entry in ENTRIES[len(journal.entries) :]:
            journal.append(entry)
        journal.sync()
        journal.close()
        assert path.read_bytes() == data


@pytest.mark.parametrize("line", [1, 2, 4])
@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"call": 1}', '{"format": "other/1"}', '"\x80'])
def test_a_line_that_nobody_wrote_so_is_named(tmp_path, line, text):
    path = tmp_path / "journal"
    lines = written(path).splitlines()
    lines[line - 1] = text.encode("latin-1")
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(JournalDamaged, match=f"journal:{line}:") as damaged:
        FileJournal(path)
    assert damaged.value.exit_code == 3


@pytest.mark.parametrize("number", ["-1", "true", '"7"', "1.5", str(2**256), "1" + "0" * 4_000, "1" + "0" * 5_000,
                                    "1" + "0" * 10**6])  # fmt: skip
@pytest.mark.parametrize("key", ["chain_id", "nonce", "call", "tip"])
def test_a_number_that_no_chain_has_is_named_and_not_shown(tmp_path, key, number):
    path = tmp_path / "journal"
    lines = written(path).splitlines()
    line = 0 if key == "chain_id" else 2
    honest = json.dumps(json.loads(lines[line])[key]).encode()
    lines[line] = lines[line].replace(f'"{key}":'.encode() + honest, f'"{key}":{number}'.encode())
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(JournalDamaged, match=f"journal:{line + 1}:") as damaged:
        FileJournal(path)
    assert len(str(damaged.value)) < 300


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (Origin(8, ORIGIN.genesis, ORIGIN.contract), "chain_id"),
        (Origin(7, "0x" + "00" * 32, ORIGIN.contract), "genesis"),
        (Origin(7, ORIGIN.genesis, "0x" + "00" * 20), "contract"),
    ],
)
def test_a_journal_of_something_else_is_refused(tmp_path, other, what):
    written(tmp_path / "journal")
    journal = FileJournal(tmp_path / "journal")
    with pytest.raises(JournalForeign, match=what):
        journal.bind(other)
    journal.close()


def test_a_second_process_is_refused(tmp_path):
    path = tmp_path / "journal"
    journal = FileJournal(path)
    code = f"""
from pathlib import Path
from chain_bandit.chain.journal import FileJournal
FileJournal(Path({str(path)!r}))
"""
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert JournalLocked.__name__ in second.stderr
    journal.close()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_journal_that_cannot_be_written_stops_before_anything_is_sent(tmp_path):
    from chain_bandit.chain.journal import JournalUnwritable

    with pytest.raises(JournalUnwritable, match="No such file"):
        FileJournal(tmp_path / "nowhere" / "journal")
    journal = FileJournal(tmp_path / "journal")
    journal.append(ENTRIES[0])
    read_only = os.open(journal.path, os.O_RDONLY)
    os.dup2(read_only, journal._file)
    with pytest.raises(JournalUnwritable):
        journal.sync()


def test_lines_are_json_without_secrets(tmp_path):
    lines = [json.loads(line) for line in written(tmp_path / "journal").splitlines()]
    assert set(lines[0]) == {"format", "chain_id", "genesis", "contract"}
    assert all(set(line) == {"call", "method", "account", "nonce", "max_fee", "tip", "raw"} for line in lines[1:])
