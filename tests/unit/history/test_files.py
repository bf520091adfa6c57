import gzip
import os
import tracemalloc
from collections.abc import Callable, Iterator
from filecmp import cmp
from pathlib import Path

import pytest

from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import FORMAT, OLDER, ContractOrigin, History, RawBlock
from chain_bandit.chain_history.errors import HistoryError, OtherFormat

BLOCKS = (RawBlock(b"\1\2", (b"\3", b""), (b"\4",), (b"\5\6",)), RawBlock(b"", (), ()))
HISTORY = History(ContractOrigin(31337, b"c" * 20, 7), BLOCKS)


@pytest.mark.parametrize("name", ["history.jsonl", "history.jsonl.gz"])
def test_what_was_written_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    files.write(HISTORY, path)
    found = files.read(path)
    assert found.origin == HISTORY.origin
    assert tuple(found.blocks) == tuple(found.blocks) == BLOCKS
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_same_history_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        files.write(HISTORY, tmp_path / name)
    assert cmp(tmp_path / "a.gz", tmp_path / "b.gz", shallow=False)
    files.write(HISTORY, tmp_path / "plain")
    plain = (tmp_path / "plain").read_bytes()
    assert plain == gzip.decompress((tmp_path / "a.gz").read_bytes())
    assert plain.splitlines()[0] == (
        b'{"chain_id":31337,"contract":"0x' + b"63" * 20 + b'","first_block":7,"format":"chain-bandit-history/3"}'
    )
    assert files.parse(plain) == HISTORY


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    def broken() -> Iterator[RawBlock]:
        yield BLOCKS[0]
        raise OSError("the node went away")

    (tmp_path / "kept").write_bytes(b"old")
    with pytest.raises(OSError, match="went away"):
        files.write(History(HISTORY.origin, broken()), tmp_path / "kept")
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"old"


def test_a_pipe_is_refused_at_once_as_a_history_is_read_several_times(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(HistoryError, match="not a file that has an end"):
            files.read(path)


GOOD = files.origin_line(HISTORY.origin) + b"".join(map(files.block_line, BLOCKS))
FIRST, SECOND, THIRD = GOOD.splitlines(keepends=True)

BAD = {
    "empty": (b"", 1),
    "no origin": (SECOND, 1),
    "cut line": (GOOD[:-1], 3),
    "cut in the middle": (GOOD[: len(FIRST) + 10], 2),
    "capital digits": (FIRST + b'{"bodies":[],"header":"0xAB","receipts":[],"transactions":[]}\n', 2),
    "space": (FIRST + SECOND.replace(b":", b": ", 1), 2),
    "other order": (FIRST + b'{"bodies":[],"receipts":[],"header":"0x","transactions":[]}\n', 2),
    "no bodies": (FIRST + b'{"header":"0x","receipts":[],"transactions":[]}\n', 2),
    "unsorted bodies": (FIRST + b'{"bodies":["0x02","0x01"],"header":"0x","receipts":[],"transactions":[]}\n', 2),
    "a body twice": (FIRST + b'{"bodies":["0x01","0x01"],"header":"0x","receipts":[],"transactions":[]}\n', 2),
    "repeated key": (FIRST + b'{"bodies":[],"header":"0x","header":"0x","receipts":[],"transactions":[]}\n', 2),
    "extra key": (FIRST + b'{"bodies":[],"header":"0x","more":1,"receipts":[],"transactions":[]}\n', 2),
    "number": (FIRST + b'{"bodies":[],"header":1,"receipts":[],"transactions":[]}\n', 2),
    "number of a million digits": (
        FIRST + b'{"bodies":[],"header":1' + b"0" * 10**6 + b',"receipts":[],"transactions":[]}\n', 2,
    ),
    "object": (FIRST + b'{"bodies":[],"header":"0x","receipts":{},"transactions":[]}\n', 2),
    "odd digits": (FIRST + b'{"bodies":[],"header":"0x1","receipts":[],"transactions":[]}\n', 2),
    "blank in digits": (FIRST + b'{"bodies":[],"header":"0x01 02","receipts":[],"transactions":[]}\n', 2),
    "list": (FIRST + b"[]\n", 2),
    "deep": (FIRST + b"[" * 100_000 + b"\n", 2),
    "empty line": (FIRST + b"\n" + SECOND, 2),
    "not text": (FIRST + b"\xff\xfe\n", 2),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, 1),
    "carriage return": (FIRST[:-1] + b"\r\n" + SECOND, 1),
    "no format": (GOOD.replace(b"history/3", b"history/three"), 1),
    "negative chain": (GOOD.replace(b"31337", b"-1"), 1),
    "float chain": (GOOD.replace(b"31337", b"1.0"), 1),
    "true chain": (GOOD.replace(b"31337", b"true"), 1),
    "NaN chain": (GOOD.replace(b"31337", b"NaN"), 1),
    "huge chain": (GOOD.replace(b"31337", b"9" * 5000), 1),
    "no block": (FIRST, 2),
    "short contract": (GOOD.replace(b"6363", b"", 1), 1),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", BAD)
def test_reading_names_the_line_that_is_not_canonical(tmp_path: Path, name: str, packed: bool) -> None:
    data, line = BAD[name]
    path = tmp_path / "history"
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(HistoryError) as raised:
        tuple(files.read(path).blocks)
    assert raised.value.line == line
    assert raised.value.exit_code == 3
    with pytest.raises(HistoryError):
        files.parse(data)


NEWER = FORMAT.replace("/3", "/4"), FORMAT.replace("/3", "/99")
OTHER = {**{name: f"chain_bandit {release}" for name, release in OLDER.items()},
         **dict.fromkeys(NEWER, "a newer release of chain_bandit")}  # fmt: skip


@pytest.mark.parametrize("name", OTHER)
@pytest.mark.parametrize("change", [lambda line: line, lambda line: line.replace(b'{"', b'{"branch":7,"', 1)],
                         ids=["a line like ours", "a line with more"])  # fmt: skip
def test_reading_names_the_release_that_audits_another_format(
    tmp_path: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    data = change(GOOD.replace(FORMAT.encode(), name.encode()))
    path = tmp_path / "history"
    path.write_bytes(data)
    for read in (lambda: files.read(path), lambda: files.parse(data)):
        with pytest.raises(OtherFormat, match=f"format {name}: {OTHER[name]} audits it") as raised:
            read()
        assert raised.value.exit_code == 13


def test_every_format_before_this_one_has_a_release() -> None:
    family, number = FORMAT.split("/")
    assert list(OLDER) == [f"{family}/{older}" for older in range(1, int(number))]


def test_reading_refuses_a_cut_or_damaged_gzip_file(tmp_path: Path) -> None:
    path = tmp_path / "history.gz"
    packed = gzip.compress(GOOD)
    for cut in range(2, len(packed)):
        path.write_bytes(packed[:cut])
        with pytest.raises(HistoryError):
            tuple(files.read(path).blocks)
    for at in range(10, len(packed)):
        path.write_bytes(packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :])
        with pytest.raises(HistoryError):
            tuple(files.read(path).blocks)


def test_reading_stops_early_when_a_file_unpacks_without_end(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as file:
        file.write(FIRST)
        for _ in range(30):
            file.write(THIRD * 20_000)
    with pytest.raises(HistoryError, match="unpacks to more"):
        tuple(files.read(path).blocks)
    with gzip.open(path, "wb") as file:
        file.write(b"0" * (files.MAX_LINE + 2))
    with pytest.raises(HistoryError, match=r"longer than|unpacks"):
        files.read(path)


def many(start: str, item: str, sep: str = ",") -> bytes:
    return (start + sep.join([item] * (3 << 20))[: 3 << 20] + "]}\n").encode()


TRANSACTIONS = '{"bodies":[],"header":"0x","receipts":[],"transactions":['
CROWDED = {
    "transactions": (many(TRANSACTIONS, '"0x0102"'), 2, "more than 65536"),
    "receipts": (many('{"bodies":[],"header":"0x","receipts":[', '"0x0102"'), 2, "more than 65536"),
    "bodies": (many('{"bodies":[', '"0x0102"'), 2, "more than 65536"),
    "not canonical": (many(TRANSACTIONS, '"0x"', ", "), 2, "more than 65536"),
    "colons": (many("{", '"a":"b"'), 2, "more than 65536"),
    "the first line": (many('{"chain_id":[', '"x"'), 1, "not the first line"),
}


@pytest.mark.parametrize("name", CROWDED)
def test_a_line_of_more_than_a_block_can_hold_is_refused_before_anything_is_made_of_it(
    tmp_path: Path, name: str
) -> None:
    line, number, said = CROWDED[name]
    path = tmp_path / "history"
    path.write_bytes((FIRST if number == 2 else b"") + line)
    tracemalloc.start()
    try:
        with pytest.raises(HistoryError, match=said) as raised:
            tuple(files.read(path).blocks)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert raised.value.line == number
    assert most < 4 * len(line)


def test_a_line_of_as_many_as_a_block_can_hold_is_read(tmp_path: Path) -> None:
    line = files.block_line(RawBlock(b"", (b"\1",) * (files.MOST_ITEMS // 2), (b"\2",) * (files.MOST_ITEMS // 2 - 1)))
    assert files.parse(FIRST + line).blocks
    with pytest.raises(HistoryError, match="more than 65536"):
        files.parse(FIRST + line.replace(b'"0x01"', b'"0x01","0x01","0x01"', 1))


def test_reading_a_missing_file_is_a_history_error(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="cannot be opened"):
        files.read(tmp_path / "none")


def test_reading_notices_a_file_that_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_bytes(GOOD)
    found = files.read(path)
    path.write_bytes(GOOD.replace(b"31337", b"31338"))
    with pytest.raises(HistoryError, match="changed"):
        tuple(found.blocks)
