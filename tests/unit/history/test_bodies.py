"""Bodies beside the chain: found by their hash, on disk, joined to the blocks that ask for them."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.bodies import Bodies, body_digests, with_bodies
from chain_bandit.chain_history.records import CREATION, PACKED, calls
from chain_bandit.chain_history.setup import constructed
from chain_bandit.game import folder
from chain_bandit.game.run import run
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch

SMALL = Path(__file__).parents[3] / "tests" / "scenarios" / "small.toml"


def export(place: Path, body: str) -> History:
    """The history of a small game with batches."""
    place.mkdir()
    run(load(SMALL, {"chain.body": body, "chain.batch": 4}), place, lambda moment: None, Stopwatch())
    return files.read(place / folder.HISTORY)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return export(tmp_path_factory.mktemp("bodies") / "run", "compact")


def test_bodies_are_found_by_their_hash() -> None:
    with Bodies() as bodies:
        texts = [bytes([size % 251]) * size for size in range(300)]
        for text in (*texts, *texts):
            bodies.add(text)
        assert [bodies.get(keccak(text)) for text in reversed(texts)] == texts[::-1]
        assert bodies.get(bytes(32)) is None


def test_bodies_lie_on_disk() -> None:
    with Bodies() as bodies:
        tracemalloc.start()
        for index in range(2_000):
            bodies.add(index.to_bytes(4, "big") * 1_000)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert kept < 2_000 * 600


def test_export_of_a_compact_game_has_every_body_with_its_block(history: History) -> None:
    parameters = next(filter(None, map(constructed, calls(history))))
    assert parameters.body_mode == BodyMode.COMPACT
    asked = [digest for call in calls(history) for digest in body_digests(call, parameters)]
    given = [keccak(body) for block in history.blocks for body in block.bodies]
    assert sorted(given) == sorted(asked)
    for block in history.blocks:
        assert list(block.bodies) == sorted(block.bodies, key=keccak)
    assert len(given) == parameters.horizon - parameters.burn_in + 1


def test_export_of_a_full_game_has_none(tmp_path: Path) -> None:
    assert not any(block.bodies for block in export(tmp_path / "run", "full").blocks)


def test_bodies_are_joined_again_from_an_export(history: History) -> None:
    bare = History(history.origin, tuple(replace(block, bodies=()) for block in history.blocks))
    with Bodies() as bodies:
        assert tuple(with_bodies(bare, bodies).blocks) == bare.blocks
        bodies.add_all(history)
        assert tuple(with_bodies(bare, bodies).blocks) == tuple(history.blocks)


def test_calls_that_cannot_be_read_ask_for_nothing(history: History) -> None:
    found = {call.method: call for call in calls(history)}
    created, submitted = found[CREATION], found[PACKED]
    parameters = constructed(created)
    assert parameters is not None
    assert constructed(submitted) is None
    assert constructed(replace(created, succeeded=False)) is None
    for other in (b"", bytes(2000), b"\xff" * 2000, created.arguments[0][:-1], created.arguments[0] + bytes(32)):
        assert constructed(replace(created, arguments=(other,))) is None
    assert body_digests(submitted, parameters)
    for call in (created, replace(submitted, succeeded=False), replace(submitted, arguments=(b"\1",))):
        assert body_digests(call, parameters) == ()
    assert body_digests(submitted, replace(parameters, body_mode=BodyMode.FULL)) == ()
