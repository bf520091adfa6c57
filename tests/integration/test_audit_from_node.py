"""The auditor against a node behind a socket: a URL and a contract address are all it gets."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path

import pytest

import chain_bandit as cb
from chain_bandit.auditor.blocks import ON_THE_BODY
from chain_bandit.chain.identity import GAME_FORMAT, identify
from chain_bandit.chain.remote import at_url
from chain_bandit.chain_history import files
from chain_bandit.chain_history.bodies import KEPT
from chain_bandit.chain_history.collect import block_hash
from chain_bandit.chain_history.resumable_download import partial_of
from chain_bandit.game import folder
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.game.run import run
from chain_bandit.loopback import Response
from chain_bandit.loopback import served as loopback
from chain_bandit.nodes.bodies import KeptBodies
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from tests.integration.conftest import Called
from tests.integration.live import Batch, Handler, proxy
from tests.integration.nodes import SMALL, started, wait_for
from tests.integration.rpc_server import served

pytestmark = pytest.mark.py_evm  # a node that has all that a node has

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[str, OnChain, Game]]:
    scenario = load(SMALL)
    recorder = OnChain(embedded_node(Plan(scenario)), Stopwatch())
    game = Game(scenario, recorder)
    assert sum(1 for _ in game.play()) == scenario.rounds
    with served(recorder.node) as url:  # type: ignore[arg-type]
        yield url, recorder, game


@pytest.fixture
def audit(called: Called) -> Called:
    """`chain-bandit audit` of a contract at a URL."""
    return lambda url, contract, *more: called(
        "audit", "--rpc", url, "--contract", "0x" + contract.hex(), "--json", *more
    )


def test_the_page_calls_game_and_arms_what_the_organisers_file_does(
    played: tuple[str, OnChain, Game], called: Called, tmp_path: Path
) -> None:
    url, recorder, game = played
    file, page = tmp_path / "game.json", tmp_path / "page.html"
    names = [f"offer {'ABCDEFGH'[arm]}" for arm in range(game.scenario.parameters.arms)]
    said = {"format": GAME_FORMAT, **asdict(identify(at_url(url), recorder.contract.address))}
    for arms, are_shown in ((names, True), (names[1:], False)):  # of another number of arms they are none
        file.write_text(json.dumps({**said, "name": "Spring <sale>", "arm_names": arms}), encoding="utf-8")
        audited = called("audit", "--rpc", url, "--contract", file, "--page", page)
        assert (audited.returncode, "no head was given" in audited.stdout) == (0, False)  # it was read just now
        shown = page.read_text(encoding="utf-8")
        assert "Spring &lt;sale&gt; at 0x" in shown
        assert all((name in shown) == are_shown for name in names)


def test_audit_passes_from_the_chain_alone(played: tuple[str, OnChain, Game], audit: Called) -> None:
    url, recorder, game = played
    for more in ([], ["--from-block", "1"]):
        result = audit(url, recorder.contract.address, *more)
        assert result.returncode == 0, result.stdout + result.stderr
        assert json.loads(result.stdout)["run_digest"] == "0x" + game.run_digest.hex()


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--from-block", "1000000"), 5, "block 1000000 is wanted: wait until it has caught up"),
        (("--to-block", "1000000"), 5, "block 1000000 is wanted: wait until it has caught up"),
        (("--from-block", "1", "--to-block", "0"), 2, "begins with block 1, and is to end with block 0"),
        (("--to-block", "0"), 2, "is to end with block 0"),
        (("--from-block", "0"), 2, "was not created in block 0: name the block that created it, or only"),
        (("--from-block", "2"), 2, "was not created in block 2: name the block that created it, or only"),
    ],
)
def test_a_wrong_first_or_last_block_is_no_violation(
    more: tuple[str, ...], code: int, said: str, played: tuple[str, OnChain, Game], audit: Called
) -> None:
    url, recorder, _ = played
    result = audit(url, recorder.contract.address, *more)
    assert result.returncode == code, result.stdout + result.stderr
    assert said in result.stderr
    assert said in json.loads(result.stdout)["error"]["message"]


def test_a_stopped_audit_goes_on_where_it_was(
    played: tuple[str, OnChain, Game], tmp_path: Path, audit: Called
) -> None:
    """The node falls silent in the middle, somebody stops the audit, and calls the same command again."""
    url, recorder, _ = played
    export, asked, awake = tmp_path / "game.jsonl.gz", list[int](), threading.Event()

    def silent(handler: Handler, batch: Batch) -> bool:
        if batch[0]["method"] == "eth_getBlockByNumber" and batch[0]["params"][1]:
            asked.append(int(batch[0]["params"][0], 16))
            if asked[-1] == 30:
                awake.wait()
        return False

    with proxy(url, silent) as before:
        command = ["audit", "--rpc", before, "--contract", "0x" + recorder.contract.address.hex(), "--export", export]
        first = started(*map(str, command))
        wait_for(lambda: 30 in asked, 300)
        first.send_signal(signal.SIGTERM)
        _, errors = first.communicate(timeout=60)
        assert first.returncode == 143, errors
        assert f"kept beside {export}: run the same command to resume" in errors
        assert [path.name for path in tmp_path.iterdir()] == [partial_of(export).name]
        awake.set()
        asked.clear()
        again = audit(before, recorder.contract.address, "--export", str(export))
    assert again.returncode == 0, again.stdout + again.stderr
    assert asked[1:] == list(range(30, asked[-1] + 1))  # the first one holds the creation
    assert [path.name for path in tmp_path.iterdir()] == [export.name]
    assert sum(1 for _ in files.read(export).blocks) == asked[-1]


@pytest.fixture(scope="module")
def compact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, OnChain, Path]]:
    """A compact game behind a socket, and the export of the same game."""
    changes = {"chain.body": "compact", "chain.batch": 3}
    scenario = load(SMALL, changes)
    recorder = OnChain(embedded_node(Plan(scenario)), Stopwatch())
    for _ in Game(scenario, recorder).play():
        pass
    place = tmp_path_factory.mktemp("compact")
    run(scenario, place, lambda moment: None, Stopwatch())
    with served(recorder.node) as url:  # type: ignore[arg-type]
        yield url, recorder, place


def test_compact_game_is_open_from_the_chain_alone(compact: tuple[str, OnChain, Path], audit: Called) -> None:
    url, recorder, _ = compact
    result = audit(url, recorder.contract.address)
    assert result.returncode == 13, result.stdout + result.stderr
    said = json.loads(result.stdout)
    assert said["run_digest"] is None
    for name in ON_THE_BODY:
        assert said["checks"][name]["not_checkable"] > 0
        assert said["checks"][name]["passed"] == said["checks"][name]["failed"] == 0


def test_compact_game_passes_with_the_bodies_of_an_export(
    compact: tuple[str, OnChain, Path], tmp_path: Path, audit: Called
) -> None:
    url, recorder, place = compact
    result = audit(url, recorder.contract.address, "--bodies", str(place / folder.HISTORY))
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout)["verdict"] == "passed"
    exported = files.read(place / folder.HISTORY)
    text = files.origin_line(exported.origin) + b"".join(map(files.block_line, exported.blocks))
    (tmp_path / "plain.jsonl").write_bytes(text)
    assert audit(url, recorder.contract.address, "--bodies", str(tmp_path / "plain.jsonl")).returncode == 0


def test_compact_game_passes_with_the_bodies_of_nodes_as_files_and_served_by_hash(
    compact: tuple[str, OnChain, Path], tmp_path: Path, audit: Called
) -> None:
    """Of two nodes, each of which has one half and lies about the other; a third one is away."""
    url, recorder, place = compact
    bodies = [body for block in files.read(place / folder.HISTORY).blocks for body in block.bodies]
    half = len(bodies) // 2
    kept = [tmp_path / name / KEPT for name in ("one", "other")]
    with ExitStack() as stack:
        servers = ["http://127.0.0.1:9"]
        for path, known in zip(kept, (bodies[:half], bodies[half:]), strict=True):
            path.parent.mkdir()
            node = stack.enter_context(closing(KeptBodies(path)))
            for body in known:
                node.add(body)
            node.sync()

            def answer(asked: str, node: KeptBodies = node) -> Response:
                said = node.answer(asked)
                return said if said.code == 200 else Response(200, said.kind, b"no such body" * 100)

            port = stack.enter_context(loopback("127.0.0.1:0", answer))
            servers.append(f"http://127.0.0.1:{port}/")
        for sources, code in ((servers, 0), (servers[:2], 13), (kept, 0), (kept[:1], 13)):
            named = [part for each in sources for part in ("--bodies", str(each))]
            assert audit(url, recorder.contract.address, *named).returncode == code, sources
    with kept[0].open("a") as file:
        file.write("[]\n")
    assert audit(url, recorder.contract.address, "--bodies", str(kept[0])).returncode == 3


def test_compact_game_is_open_with_bodies_of_another_game(
    compact: tuple[str, OnChain, Path], tmp_path: Path, audit: Called
) -> None:
    url, recorder, _ = compact
    (tmp_path / "other").mkdir()
    changes = {"chain.body": "compact", "seed": 2}
    run(load(SMALL, changes), tmp_path / "other", lambda moment: None, Stopwatch())
    result = audit(url, recorder.contract.address, "--bodies", str(tmp_path / "other" / folder.HISTORY))
    assert result.returncode == 13
    assert audit(url, recorder.contract.address, "--bodies", str(tmp_path / "none")).returncode == 3


def test_audit_exits_6_when_the_address_holds_no_game(played: tuple[str, OnChain, Game], audit: Called) -> None:
    url, _, _ = played
    result = audit(url, b"\x11" * 20)
    assert result.returncode == 6
    assert "check the address" in result.stderr


def test_audit_exits_13_when_the_game_is_cut_short(played: tuple[str, OnChain, Game], audit: Called) -> None:
    url, recorder, _ = played
    result = audit(url, recorder.contract.address, "--to-block", "20")
    assert result.returncode == 13, result.stdout
    assert json.loads(result.stdout)["verdict"] == "incomplete"


def test_a_kept_head_is_where_the_history_ends(played: tuple[str, OnChain, Game], audit: Called) -> None:
    url, recorder, _ = played
    kept = "0x" + block_hash(recorder.contract.rpc.ask, 20).hex()
    ended, unknown = (audit(url, recorder.contract.address, "--head", each) for each in (kept, "0x" + "11" * 32))
    assert (ended.returncode, json.loads(ended.stdout)["verdict"]) == (13, "incomplete"), ended.stdout
    assert json.loads(ended.stdout)["head"] == kept
    at_first = cb.audit(url, contract="0x" + recorder.contract.address.hex(), head=kept)
    assert (at_first.exit_code, at_first.head) == (13, kept)
    assert (unknown.returncode, "the auditor kept 0x1111" in unknown.stdout) == (12, True), unknown.stdout
