"""Censorship test: a participant whose view of the chain lags, and from which another withholds its last envelopes.

    python verification/withheld.py [--rounds 200] [--bound-ms 500] [--lag-ms 100]

Four nodes on Anvil. Seat 1 asks a proxy, which shows records so many milliseconds after the chain has them. Seat 3
sends all that it should, but its envelope of the last step never leaves for seat 1. Both are killed and started again
so when the game has begun; counted are the blocks from then on, when both have resynced. Exit code 14 where seat 1 is
missing.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from chain_bandit.network import links
from chain_bandit.network.wire import EnvelopeKind, decode
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes import node_start, start
from chain_bandit.nodes.load import load
from chain_bandit.nodes.processes import states
from chain_bandit.nodes.up import up
from chain_bandit.scenario import Scenario

VICTIM, HOSTILE = 1, 3
LOOK = 0.01
"""Seconds between two looks at the chain's height."""
FIRST = 20
"""Rounds before which both are to have resynced."""


class Lagging(BaseHTTPRequestHandler):
    """Answers as the node, but with logs that it has had for so long."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    url: str
    lag: float
    heights: deque[tuple[float, int]]

    def do_POST(self) -> None:
        """One request, or a batch of them."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answers = exchange(self.url, asked)
        batch = [asked] if isinstance(asked, dict) else asked
        logs = {request["id"] for request in batch if request["method"] == "eth_getLogs"}
        shown = max((height for seen, height in tuple(self.heights) if seen < monotonic() - self.lag), default=0)
        for answer in [answers] if isinstance(answers, dict) else answers:
            if answer["id"] in logs and "result" in answer:
                answer["result"] = [log for log in answer["result"] if int(log["blockNumber"], 16) <= shown]
        body = json.dumps(answers).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a game asks thousands of times."""


def exchange(url: str, asked: Any) -> Any:
    at = urlsplit(url)
    line = HTTPConnection(at.hostname or "", at.port, timeout=10)
    try:
        line.request("POST", "/", json.dumps(asked), {"Content-Type": "application/json"})
        return json.loads(line.getresponse().read())
    finally:
        line.close()


@contextmanager
def lagging(url: str, lag: float) -> Iterator[str]:
    """The URL of a view of the chain that is so many seconds behind."""
    heights, over = deque[tuple[float, int]](maxlen=10_000), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK):
            asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
            try:
                height = int(exchange(url, asked)["result"], 16)
            except OSError:
                return  # the game is over, and the chain gone
            if not heights or heights[-1][1] != height:
                heights.append((monotonic(), height))

    handler = type("Behind", (Lagging,), {"url": url, "lag": lag, "heights": heights})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threads = [threading.Thread(target=each, daemon=True) for each in (watch, server.serve_forever)]
    for thread in threads:
        thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        over.set()
        server.shutdown()
        for thread in threads:
            thread.join()
        server.server_close()


class Withholding(links.Links):
    """Links over which the envelope of a round's last step never leaves for the victim."""

    last = 0

    def send(self, to: int, frame: bytes) -> None:
        """As others, but for that one."""
        envelope = decode(frame)
        if to != VICTIM or envelope.kind is not EnvelopeKind.STEP or envelope.step != self.last:
            super().send(to, frame)


def withhold(place: Path) -> None:
    """Run a node on such links."""
    load()
    begun = start.Start(place)
    Withholding.last = 2 * begun.parameters.attackers + 4
    node_start.Links = Withholding  # type: ignore[attr-defined]
    begun.run()


def left_out(out: Path, rounds: int, bound_ms: int = 500, lag_ms: int = 100) -> tuple[int, int]:
    """Play a game; how many blocks the victim is missing in, and of how many."""
    scenario = Scenario.model_validate({
        "name": "withheld", "participants": 4, "rounds": rounds + FIRST, "burn_in": 4, "liars": 0, "attackers": 1,
        "bound_ms": bound_ms, "quorum": "two-thirds", "rewards": {"kind": "bernoulli", "means": [0.9, 0.4]},
    })  # fmt: skip
    result, over = list[Any](), threading.Event()

    def pause(seconds: float) -> None:
        if over.wait(seconds):
            raise InterruptedError

    def game() -> None:
        try:
            result.append(up(scenario, out, "anvil", say=lambda line: None, pause=pause)[1])
        except Exception as error:  # noqa: BLE001 - raised again below
            result.append(error)

    thread = threading.Thread(target=game)
    thread.start()
    started = list[subprocess.Popen[bytes]]()
    try:
        for number in (VICTIM, HOSTILE):
            kill(out, f"seat-{number}", thread)
        with lagging(files.read_game(out / files.GAME).url, lag_ms / 1000) as url:
            for place, command in (
                (out / f"seat-{VICTIM}", [str(Path(sys.executable).with_name("chain-bandit")), "node", "--rpc", url]),
                (out / f"seat-{HOSTILE}", [sys.executable, __file__, "--hostile"]),
            ):
                with (place / files.LOG).open("ab") as log:
                    started.append(subprocess.Popen([*command, str(place)], stdout=log, stderr=log))
            thread.join()
    finally:  # where we are interrupted too, no process stays
        over.set()
        thread.join()
        for process in started:
            process.kill()
            process.wait()
    if isinstance(result[0], Exception):
        raise result[0]
    since = max(back_in(out / f"seat-{number}") for number in (VICTIM, HOSTILE))
    rows = [row for row in result[0].rounds if row.round > since and row.kind in ("approved", "rejected")]
    return sum(VICTIM not in row.reporters for row in rows), len(rows)


def kill(out: Path, name: str, game: threading.Thread) -> None:
    """End a node once it has seen a round, so that the game is open."""
    while game.is_alive():
        pid = next((state.pid for state in seen(out) if state.name == name), None)
        if pid is not None and "round " in (out / name / files.LOG).read_text(encoding="utf-8"):
            os.kill(pid, signal.SIGKILL)
            return
        sleep(LOOK)
    raise RuntimeError(f"{name} never played")


def seen(out: Path) -> Any:
    """The nodes of a game, once it has folders."""
    return states(out) if (out / files.GAME).exists() else ()


def back_in(place: Path) -> int:
    """The last round from which a node ran again."""
    lines = (place / files.LOG).read_text(encoding="utf-8").splitlines()
    return max((int(line.split()[-1]) for line in lines if line.startswith("resynced in round ")), default=0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--bound-ms", type=int, default=500)
    parser.add_argument("--lag-ms", type=int, default=100)
    parser.add_argument("--hostile", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.hostile:
        withhold(arguments.hostile)
        return 0
    with TemporaryDirectory() as folder:
        without, blocks = left_out(Path(folder) / "game", arguments.rounds, arguments.bound_ms, arguments.lag_ms)
    print(f"{without} of {blocks} blocks without seat {VICTIM}")
    return 14 if without else 0


if __name__ == "__main__":
    sys.exit(main())
