"""append_log.py: what was appended comes back, a torn tail is dropped, anything else that is wrong is refused."""

import errno
import fcntl
import json
import os
import resource
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from chain_bandit import append_log
from chain_bandit.append_log import (
    AppendLog,
    AppendLogFile,
    LogDamaged,
    LogLocked,
    LogUnreadable,
    LogUnwritable,
    whole_file,
    write_private,
)
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import ContractOrigin, History

TEXTS = ['{"number": 1}', "[2]", '"three"', "4"]


def taken(lines):
    """What comes back, each line of JSON with its number."""
    found = []
    lines.read(lambda number, line: found.append((number, json.loads(line))))
    return found


def written(path):
    with closing(AppendLogFile(path)) as lines:
        for text in TEXTS:
            lines.append(text)
        lines.sync()
    return path.read_bytes()


def test_what_was_appended_comes_back_from_a_file_that_nobody_else_may_read(tmp_path):
    path = tmp_path / "lines"
    written(path)
    with closing(AppendLogFile(path)) as lines:
        assert taken(lines) == [(number, json.loads(text)) for number, text in enumerate(TEXTS, 1)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_lines_of_no_file_are_kept_nowhere():
    lines = AppendLog()
    lines.append(TEXTS[0])
    lines.sync()
    assert taken(lines) == []


def test_the_name_of_a_new_file_is_kept_like_its_bytes(tmp_path, monkeypatch):
    synced, really = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), really(file))[1])
    AppendLogFile(tmp_path / "lines").close()
    assert synced == [tmp_path.stat().st_ino]


def test_nothing_is_in_the_file_before_it_is_synced_and_all_of_it_after(tmp_path, monkeypatch):
    synced, really = [], os.fsync
    with closing(AppendLogFile(tmp_path / "lines")) as lines:
        monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_size), really(file))[1])
        lines.append(TEXTS[0])
        lines.append(TEXTS[1])
        assert lines.path.read_bytes() == b""
        lines.sync()
        lines.sync()
        size = lines.path.stat().st_size
        assert (len(lines.path.read_bytes().splitlines()), synced) == (2, [size])


def test_what_is_read_is_synced_before_anybody_acts_upon_it_again(tmp_path, monkeypatch):
    path, synced, really = tmp_path / "lines", [], os.fsync
    written(path)
    with closing(AppendLogFile(path)) as lines:
        taken(lines)
        monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), really(file))[1])
        lines.sync()
    assert synced == [path.stat().st_ino]


def test_what_is_read_is_what_is_locked_whatever_has_its_name(tmp_path):
    path = tmp_path / "lines"
    written(path)
    with closing(AppendLogFile(path)) as lines:
        path.replace(tmp_path / "elsewhere")
        path.write_bytes(b"another file\n")
        assert len(taken(lines)) == len(TEXTS)


@pytest.mark.parametrize("call", ["lseek", "ftruncate", "fsync"])
def test_a_disk_that_fails_is_a_sentence(call, tmp_path, monkeypatch):
    def fails(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "lines"
    written(path)
    with closing(AppendLogFile(path)) as lines, monkeypatch.context() as broken:
        broken.setattr(os, call, fails)
        with pytest.raises((LogUnreadable, LogUnwritable), match="Input/output error"):
            AppendLogFile(tmp_path / "another") if call == "fsync" else taken(lines)


def test_every_prefix_reads_as_the_lines_that_are_whole(tmp_path):
    path = tmp_path / "lines"
    data = written(path)
    for end in range(len(data)):
        path.write_bytes(data[:end])
        with closing(AppendLogFile(path)) as lines:
            whole = data[:end].count(b"\n")
            assert [number for number, _ in taken(lines)] == list(range(1, whole + 1))
            for text in TEXTS[whole:]:
                lines.append(text)
            lines.sync()
        assert path.read_bytes() == data


def test_lines_that_are_forgotten_leave_an_empty_file_that_can_be_written_anew(tmp_path):
    path = tmp_path / "lines"
    written(path)
    with closing(AppendLogFile(path)) as lines:
        lines.append("5")
        lines.clear()
        lines.append("6")
        lines.sync()
        assert taken(lines) == [(1, 6)]


@pytest.mark.parametrize("line", [1, 2, 4])
@pytest.mark.parametrize("text", [b"", b"{", b'"\x80', b"9" * 5_000])
def test_a_line_that_nobody_wrote_so_is_named(tmp_path, line, text):
    path = tmp_path / "lines"
    each = written(path).splitlines()
    each[line - 1] = text
    path.write_bytes(b"\n".join(each) + b"\n")
    with closing(AppendLogFile(path)) as lines, pytest.raises(LogDamaged, match=f"lines:{line}:") as damaged:
        taken(lines)
    assert damaged.value.exit_code == 3


def test_a_second_process_is_refused(tmp_path):
    path = tmp_path / "lines"
    code = f"""
from pathlib import Path
from chain_bandit.append_log import AppendLogFile
AppendLogFile(Path({str(path)!r}))
"""
    with closing(AppendLogFile(path)):
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert LogLocked.__name__ in second.stderr
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_that_cannot_be_written_is_told_again_and_again(tmp_path):
    with pytest.raises(LogUnwritable, match="No such file"):
        AppendLogFile(tmp_path / "nowhere" / "lines")
    with closing(AppendLogFile(tmp_path / "lines")) as lines:
        lines.append(TEXTS[0])
        read_only = os.open(lines.path, os.O_RDONLY)
        os.dup2(read_only, lines._file)
        os.close(read_only)
        for _ in range(2):
            with pytest.raises(LogUnwritable):
                lines.sync()


def test_a_private_file_without_room_is_not_there(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_private(tmp_path / "key", bytes(20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [
    lambda path: whole_file(path).__enter__(), lambda path: files.write(History(ContractOrigin(1, b"", 0), ()), path),
])  # fmt: skip
def test_no_file_is_put_in_the_place_of_a_pipe_or_a_device(tmp_path, write):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PermissionError, match="pipe"):
        write(tmp_path / "pipe")
    assert [each.is_fifo() for each in tmp_path.iterdir()] == [True]


def test_a_file_that_another_process_writes_is_neither_cut_nor_replaced(tmp_path):
    page = tmp_path / "page.html"
    with whole_file(page) as first:
        first.write(b"all of it")
        with pytest.raises(OSError, match=r"busy: .*page\.html\.partial"), whole_file(page):
            raise AssertionError
    assert page.read_bytes() == b"all of it"
    assert list(tmp_path.iterdir()) == [page]


def test_a_file_that_got_its_final_name_while_it_was_opened_is_not_cut(tmp_path, monkeypatch):
    """Between opening and locking, the other process ends: what it wrote is not the second one's to write."""
    page, partial = tmp_path / "page.html", tmp_path / "page.html.partial"
    partial.write_bytes(b"the first one's")
    lock = fcntl.flock

    def late(file, how):
        monkeypatch.setattr(fcntl, "flock", lock)
        partial.replace(page)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(KeyError), whole_file(page):
        raise KeyError
    assert page.read_bytes() == b"the first one's"
    assert list(tmp_path.iterdir()) == [page]


def test_a_file_that_another_process_begins_after_the_last_step_keeps_its_name(tmp_path, monkeypatch):
    """One writer has put its file in place; until it returns, a second one has begun and must stay alone."""
    page, sync, others = tmp_path / "page.html", append_log._sync_folder, ExitStack()

    def begun_meanwhile(folder):
        monkeypatch.setattr(append_log, "_sync_folder", sync)
        others.enter_context(whole_file(page)).write(b"the second")
        sync(folder)

    monkeypatch.setattr(append_log, "_sync_folder", begun_meanwhile)
    with whole_file(page) as file:
        file.write(b"the first")
    with pytest.raises(OSError, match="busy"), whole_file(page) as file:
        file.write(b"a third's half")
    assert page.read_bytes() == b"the first"
    others.close()
    assert page.read_bytes() == b"the second"
    assert list(tmp_path.iterdir()) == [page]


def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "page")
    with whole_file(tmp_path / "link") as file:
        file.write(b"page")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "page").read_bytes() == b"page"
