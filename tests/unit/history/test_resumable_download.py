"""A history that comes in from a node: whole or not there, taken up after any stop, one block in memory."""

import os
import signal
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.append_log import AppendLogFile, LogLocked
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain_history import files, resumable_download
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.bodies import Bodies
from chain_bandit.chain_history.collect import collect
from chain_bandit.chain_history.errors import HistoryError, NodeDisagrees
from chain_bandit.chain_history.evm import HEADER_FIELDS, ordered_root
from chain_bandit.chain_history.resumable_download import grow, partial_of
from chain_bandit.protocol import rlp
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError, Stopped
from tests.unit.history.small_chain import CONTRACT, json_rpc, reading

FIRST, LAST = 1, 7

Rpc = Callable[..., Any]


@pytest.fixture
def bodies() -> Iterator[Bodies]:
    with Bodies() as known:
        yield known


@pytest.fixture
def whole(node: EmbeddedNode, tmp_path: Path) -> bytes:
    """The file as one undisturbed walk writes it."""
    files.write(collect(json_rpc(node), CONTRACT, FIRST, LAST), tmp_path / "whole")
    return (tmp_path / "whole").read_bytes()


class Lost(ChainBanditError):
    """No answer."""


def breaking(node: EmbeddedNode, at: int, how: BaseException) -> Rpc:
    """A node that is gone before it gives block `at`."""
    honest = json_rpc(node)

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        if method == "eth_getBlockByNumber" and parameters == [hex(at), True]:
            raise how
        return honest(method, parameters)

    return rpc


def counting(node: EmbeddedNode, asked: list[int]) -> Rpc:
    """A node, and which blocks it is asked for."""
    honest = json_rpc(node)

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        if method == "eth_getBlockByNumber" and parameters[1]:
            asked.append(int(parameters[0], 16))
        return honest(method, parameters)

    return rpc


@pytest.mark.parametrize("name", ["history.jsonl", "history.jsonl.gz"])
def test_what_comes_in_is_the_history(
    node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes, name: str
) -> None:
    path, told = tmp_path / "there" / name, list[tuple[int, int]]()
    path.parent.mkdir()
    grow(json_rpc(node), CONTRACT, FIRST, LAST, path, bodies, lambda done, total: told.append((done, total)))
    assert [entry.name for entry in path.parent.iterdir()] == [name]
    assert files.parse(whole) == History(files.read(path).origin, tuple(files.read(path).blocks))
    assert told == [(done, 7) for done in range(7)]


@pytest.mark.parametrize("how", [Lost("gone"), Stopped(130)])
@pytest.mark.parametrize("at", range(FIRST, LAST + 1))
def test_a_stop_is_taken_up_where_it_was(
    node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes, at: int, how: BaseException
) -> None:
    path, asked = tmp_path / "history", list[int]()
    with pytest.raises(type(how)):
        grow(breaking(node, at, how), CONTRACT, FIRST, LAST, path, bodies)
    assert not path.exists()
    grow(counting(node, asked), CONTRACT, FIRST, LAST, path, bodies)
    assert path.read_bytes() == whole
    assert asked == list(range(at, LAST + 1))
    assert not partial_of(path).exists()


def test_a_torn_line_is_asked_for_again(node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes) -> None:
    """A kill at any byte."""
    path = tmp_path / "history"
    for cut in range(0, len(whole), 97):
        partial_of(path).write_bytes(whole[:cut])
        grow(json_rpc(node), CONTRACT, FIRST, LAST, path, bodies)
        assert path.read_bytes() == whole
        path.unlink()


@pytest.mark.parametrize("at", range(FIRST, LAST + 1))
def test_what_came_in_before_a_kill_is_not_asked_for_again(
    node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes, at: int
) -> None:
    """Nothing runs between the kill and the end of the process: what is kept is what was written by then."""
    path, asked = tmp_path / "history", list[int]()

    def kill(done: int, total: int) -> None:
        if FIRST + done == at:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        try:
            grow(json_rpc(node), CONTRACT, FIRST, LAST, path, bodies, kill)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    kept = partial_of(path).read_bytes()
    assert kept == b"".join(whole.splitlines(keepends=True)[: 1 + at - FIRST])[: len(kept)]
    grow(counting(node, asked), CONTRACT, FIRST, LAST, path, bodies)
    assert path.read_bytes() == whole
    assert asked == list(range(at, LAST + 1))


def test_no_damage_to_what_is_kept_gets_into_a_history(
    node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes
) -> None:
    """A bit of any byte: what stands before the damaged line is kept, unless that line's hash alone is another."""
    path = tmp_path / "history"
    for at in range(whole.index(b"\n"), len(whole), 61):
        partial_of(path).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        grow(json_rpc(node), CONTRACT, FIRST, LAST, path, bodies)
        assert path.read_bytes() == whole, at
        path.unlink()


@pytest.mark.parametrize("how", ["receipt", "transaction", "junk", "missing", "swapped", "twice", "body"])
def test_a_history_goes_on_before_the_first_line_that_does_not_fit(
    node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes, how: str
) -> None:
    path, asked, lines = tmp_path / "history", list[int](), whole.splitlines(keepends=True)
    if how in ("receipt", "transaction"):
        begun = lines[4].index(f'"{how}s":["0x'.encode()) + len(how) + 60
        lines[4] = lines[4][:begun] + (b"1" if lines[4][begun:][:1] == b"0" else b"0") + lines[4][begun + 1 :]
    lines = {
        "junk": [*lines[:4], b"junk\n", *lines[5:]], "missing": [*lines[:4], *lines[5:]],
        "swapped": [*lines[:4], lines[5], lines[4], *lines[6:]], "twice": [*lines[:4], lines[3], *lines[4:]],
        "body": [*lines[:4], lines[4].replace(b'"bodies":[', b'"bodies":["0x00"', 1), *lines[5:]],
    }.get(how, lines)  # fmt: skip
    partial_of(path).write_bytes(b"".join(lines))
    grow(counting(node, asked), CONTRACT, FIRST, LAST, path, bodies)
    assert path.read_bytes() == whole
    assert asked == list(range(FIRST + 3, LAST + 1))


def test_blocks_that_the_node_no_longer_has_are_forgotten(
    node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes
) -> None:
    """A block of its own transactions and receipts on the right parent, and yet not this chain's."""
    path, asked, blocks = tmp_path / "history", list[int](), files.parse(whole).blocks
    fields = rlp.decode(tuple(blocks)[3].header)
    forked = replace(tuple(blocks)[3], header=rlp.encode([*fields[:3], bytes(32), *fields[4:]]))
    partial_of(path).write_bytes(b"".join([*whole.splitlines(keepends=True)[:4], files.block_line(forked)]))
    grow(counting(node, asked), CONTRACT, FIRST, LAST, path, bodies)
    assert asked == list(range(FIRST, LAST + 1))
    assert path.read_bytes() == whole


def test_less_than_what_came_in_is_collected_anew(
    node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes
) -> None:
    path = tmp_path / "history"
    partial_of(path).write_bytes(whole)
    grow(json_rpc(node), CONTRACT, FIRST, 4, path, bodies)
    assert len(tuple(files.read(path).blocks)) == 4


def test_a_reorganisation_while_nobody_looked_is_noticed(
    node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes
) -> None:
    """The node still has the last block that came in, but what it gives next does not stand on it."""
    path, honest = tmp_path / "history", json_rpc(node)
    partial_of(path).write_bytes(b"".join(whole.splitlines(keepends=True)[:4]))

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        answer = honest(method, parameters)
        if method == "eth_getBlockByNumber" and parameters == [hex(3), False]:
            return answer
        if method == "eth_getBlockByNumber" and parameters == [hex(4), True]:
            return {**honest(method, [hex(6), True]), "number": "0x4"}
        return answer

    with pytest.raises(NodeDisagrees):
        grow(rpc, CONTRACT, FIRST, LAST, path, bodies)


def test_the_history_of_another_contract_is_not_overwritten(
    node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes
) -> None:
    path = tmp_path / "history"
    partial_of(path).write_bytes(whole)
    for contract, first in ((b"\x11" * 20, FIRST), (CONTRACT, FIRST + 1)):
        with pytest.raises(HistoryError, match="name another file"):
            grow(json_rpc(node), contract, first, LAST, path, bodies)
        assert partial_of(path).read_bytes() == whole


def test_two_processes_do_not_write_one_file(node: EmbeddedNode, tmp_path: Path, bodies: Bodies) -> None:
    path = tmp_path / "history"
    held = AppendLogFile(partial_of(path))
    with pytest.raises(LogLocked):
        grow(json_rpc(node), CONTRACT, FIRST, LAST, path, bodies)
    held.close()
    assert os.listdir(tmp_path) == [partial_of(path).name]


def long_chain(count: int) -> Rpc:
    """A node with so many blocks, all empty."""
    sizes = {"miner": 20, "logsBloom": 256, "nonce": 8, "extraData": 0}
    blocks, parent = list[dict[str, Any]](), bytes(32)
    for number in range(count):
        fields = {name: b"" if name in ("difficulty", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas") else
                  bytes(sizes.get(name, 32)) for name in HEADER_FIELDS[:16]}  # fmt: skip
        fields |= {"parentHash": parent, "number": rlp.encode_number(number)}
        fields |= {name: ordered_root(()) for name in ("transactionsRoot", "receiptsRoot")}
        parent = keccak(rlp.encode(list(fields.values())))
        numbers = {name: hex(int.from_bytes(value, "big")) for name, value in fields.items() if len(value) < 8}
        blocks.append({name: "0x" + value.hex() for name, value in fields.items()} | numbers
                      | {"hash": "0x" + parent.hex(), "extraData": "0x", "transactions": []})  # fmt: skip
    return reading(lambda method, parameters: (
        blocks[int(parameters[0], 16)] if method == "eth_getBlockByNumber" else "0x7"
    ))


def peak(rpc: Rpc, count: int, path: Path, bodies: Bodies) -> int:
    """The most bytes that collecting takes at once."""
    tracemalloc.start()
    grow(rpc, CONTRACT, 0, count - 1, path, bodies)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_history(
    tmp_path: Path, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumable_download, "SYNC_EVERY", 1 << 14)
    rpc = long_chain(2_000)
    peak(rpc, 600, tmp_path / "first", bodies)  # by then the bounded caches are full
    assert peak(rpc, 2_000, tmp_path / "long", bodies) < 1.2 * peak(rpc, 600, tmp_path / "short", bodies) + 100_000
    assert sum(1 for _ in files.read(tmp_path / "long").blocks) == 2_000
    monkeypatch.setattr(resumable_download, "SYNC_EVERY", 1 << 30)  # the planted fault: all of it waits in memory
    monkeypatch.setattr(AppendLogFile, "sync", AppendLogFile.write)
    monkeypatch.setattr(AppendLogFile, "write", lambda lines: None)
    assert peak(rpc, 2_000, tmp_path / "hoarded", bodies) > 2_000 * 600
