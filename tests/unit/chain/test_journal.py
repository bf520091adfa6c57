"""chain/journal.py: what was signed comes back, for what it belongs to alone."""

import json

import pytest

from chain_bandit.append_log import LogDamaged
from chain_bandit.chain.journal import Entry, JournalForeign, Origin, journal_in

ORIGIN = Origin(7, "0x" + "ab" * 32, "0x" + "cd" * 20)
ENTRIES = [Entry(call, "submitBlock", "0x" + "12" * 20, call, 10, 0, "0x02" + "ff" * call) for call in range(4)]


def written(path):
    with journal_in(path) as journal:
        journal.bind(ORIGIN)
        for entry in ENTRIES:
            journal.append(entry)
        journal.sync()
    return path.read_bytes()


def test_what_was_appended_comes_back(tmp_path):
    path = tmp_path / "journal"
    written(path)
    with journal_in(path) as again:
        assert (again.origin, again.entries) == (ORIGIN, ENTRIES)
        again.bind(ORIGIN)


def test_a_journal_of_nothing_that_was_sent_may_belong_to_anything(tmp_path):
    path = tmp_path / "journal"
    data = written(path)
    for end in range(len(data)):
        path.write_bytes(data[:end])
        whole = data[:end].count(b"\n")
        with journal_in(path) as journal:
            assert journal.entries == ENTRIES[: max(whole - 1, 0)]
            assert (journal.origin is None) == (whole < 2)
            journal.bind(ORIGIN)
            for entry in ENTRIES[len(journal.entries) :]:
                journal.append(entry)
            journal.sync()
        assert path.read_bytes() == data


@pytest.mark.parametrize("line", [1, 2, 4])
@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"call": 1}', '{"format": "other/1"}', '"\x80', "[" * 100_000]
)
def test_a_line_that_nobody_wrote_so_is_named(tmp_path, line, text):
    path = tmp_path / "journal"
    lines = written(path).splitlines()
    lines[line - 1] = text.encode("latin-1")
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(LogDamaged, match=f"journal:{line}:"), journal_in(path):
        pass
    with pytest.raises(LogDamaged), journal_in(path):  # and nobody holds it
        pass


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
    with pytest.raises(LogDamaged, match=f"journal:{line + 1}:") as damaged, journal_in(path):
        pass
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
    with journal_in(tmp_path / "journal") as journal, pytest.raises(JournalForeign, match=what):
        journal.bind(other)


def test_lines_are_json_without_secrets(tmp_path):
    lines = [json.loads(line) for line in written(tmp_path / "journal").splitlines()]
    assert set(lines[0]) == {"format", "chain_id", "genesis", "contract"}
    assert all(set(line) == {"call", "method", "account", "nonce", "max_fee", "tip", "raw"} for line in lines[1:])
