"""A history that comes in from a node: whole or not there, taken up after any stop, one block in memory."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.history import files
from chain_bandit.history.blocks import History
from chain_bandit.history.bodies import Bodies
from chain_bandit.history.collect import collect
from chain_bandit.history.errors import HistoryError, NodeDisagrees
from chain_bandit.history.growing import grow, partial_of
from chain_bandit.lines import FileLines, LinesDamaged, LinesLocked
from chain_bandit.protocol.errors import ChainBanditError, Stopped
from tests.unit.history.small_chain import CONTRACT, json_rpc

FIRST, LAST = 1, 7

Rpc = Callable[[str, Sequence[Any]], Any]


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

    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        if method == "eth_getBlockByNumber" and parameters == [hex(at), True]:
            raise how
        return honest(method, parameters)

    return rpc


def counting(node: EmbeddedNode, asked: list[int]) -> Rpc:
    """A node, and which blocks it is asked for."""
    honest = json_rpc(node)

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


def test_blocks_that_the_node_no_longer_has_are_forgotten(
    node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes
) -> None:
    path, asked, lines = tmp_path / "history", list[int](), whole.splitlines(keepends=True)
    partial_of(path).write_bytes(b"".join([*lines[:4], lines[5]]))  # block 5 where block 4 should be
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
        with pytest.raises(HistoryError, match="name another one"):
            grow(json_rpc(node), contract, first, LAST, path, bodies)
        assert partial_of(path).read_bytes() == whole


def test_a_damaged_line_is_named(node: EmbeddedNode, tmp_path: Path, bodies: Bodies, whole: bytes) -> None:
    path = tmp_path / "history"
    partial_of(path).write_bytes(whole.replace(b'"header":"0x', b'"header":"0y', 2))
    with pytest.raises(LinesDamaged, match=":2: "):
        grow(json_rpc(node), CONTRACT, FIRST, LAST, path, bodies)


def test_two_processes_do_not_write_one_file(node: EmbeddedNode, tmp_path: Path, bodies: Bodies) -> None:
    path = tmp_path / "history"
    held = FileLines(partial_of(path))
    with pytest.raises(LinesLocked):
        grow(json_rpc(node), CONTRACT, FIRST, LAST, path, bodies)
    held.close()
    assert os.listdir(tmp_path) == [partial_of(path).name]
