"""A live chain for tests: Anvil as a process, and a proxy before it whose faults are scripted."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from chain_bandit.chain.modules import installed
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.transaction_policy import PIPELINED, TransactionPolicy
from tests.integration.rpc_server import serving

CHAIN_ID = 131277322940537
ANVIL = Path(__file__).parents[2] / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Anvil:
    """A process; `state` lets it survive `kill`."""

    chain_id, delivery = CHAIN_ID, PIPELINED

    def __init__(self, *options: str, state: Path | None = None, bare: bool = False) -> None:
        """With `bare` the modules are not there: as on a chain on which nobody has played."""
        self.port, self._installed = free_port(), {} if bare else installed()
        self.line = self.url = f"http://127.0.0.1:{self.port}"
        self._options, self._state = [*options], state
        if state is not None:
            self._options += ["--state", str(state), "--state-interval", "1", "--preserve-historical-states"]
            self._options += ["--timestamp", str(int(time.time()))]  # of block 0: else each start adds one to the state
        self.start()

    def start(self) -> None:
        command = [str(ANVIL), "--port", str(self.port), "--chain-id", str(CHAIN_ID)]
        command += [] if "--hardfork" in self._options else ["--hardfork", "prague"]
        self._process = subprocess.Popen([*command, "--silent", *self._options])
        patience = RetryBudget(20.0)
        while True:
            try:
                self.ask("eth_chainId")
                break
            except requests.ConnectionError as error:
                patience.wait(RuntimeError(f"Anvil does not start: {error}"))  # type: ignore[arg-type]
        for address, code in self._installed.items():  # as on a node that `run` starts
            self.ask("anvil_setCode", "0x" + address.hex(), "0x" + code.hex())

    def kill(self) -> None:
        """With a state, when it has just written it and will not again for a second: of half a file it cannot start."""
        if self._state is not None:
            self._await_written(self._state)
        self._process.kill()
        self._process.wait()

    def _await_written(self, state: Path) -> None:
        patience, before = RetryBudget(20.0), _written_at(state)
        while self._process.poll() is None and not (_written_at(state) != before and _is_whole(state)):
            patience.wait(TimeoutError("no state is written"))  # type: ignore[arg-type]

    def ask(self, method: str, *parameters: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = requests.post(self.url, json=body, timeout=10).json()
        assert "error" not in answer, answer
        return answer["result"]

    def fund(self, balances: Mapping[bytes, int]) -> None:
        for account, wei in balances.items():
            self.ask("anvil_setBalance", "0x" + account.hex(), hex(wei))

    def mine(self, blocks: int) -> None:
        self.ask("anvil_mine", hex(blocks))


def _written_at(state: Path) -> int:
    return state.stat().st_mtime_ns if state.exists() else 0


def _is_whole(state: Path) -> bool:
    try:
        return bool(json.loads(state.read_bytes()))
    except ValueError:
        return False


@contextmanager
def anvil(*options: str, state: Path | None = None, bare: bool = False) -> Iterator[Anvil]:
    node = Anvil(*options, state=state, bare=bare)
    try:
        yield node
    finally:
        node.kill()


class Proxied:
    """The node behind a proxy, as the game sees it."""

    chain_id = CHAIN_ID

    def __init__(self, node: Anvil, url: str, delivery: TransactionPolicy = PIPELINED) -> None:
        self._node, self.line, self.delivery = node, url, delivery

    def mine(self, blocks: int) -> None:
        self._node.mine(blocks)


Batch = list[dict[str, Any]]
Fault = Callable[["Handler", Batch], bool]
"""Told of a batch, which may be of one; True: it has answered, or hung up, itself."""


class Handler(BaseHTTPRequestHandler):
    """One connection to the proxy."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    url: str
    fault: Callable[["Handler", Batch], bool]
    lock: threading.Lock

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.alone = isinstance(asked, dict)
        batch = [asked] if self.alone else asked
        with self.lock:
            if not self.fault(self, batch):
                self.reply(self.forward(batch))

    def forward(self, batch: Batch) -> Batch:
        answers: Batch = requests.post(self.url, json=batch, timeout=10).json()
        return answers

    def reply(
        self, body: Batch | bytes, status: int = 200, kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        data = body if isinstance(body, bytes) else json.dumps(body[0] if self.alone else body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def proxy(url: str, fault: Fault) -> Iterator[str]:
    """The proxy's URL while the block runs."""
    handler = type("Scripted", (Handler,), {"url": url, "fault": staticmethod(fault), "lock": threading.Lock()})
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as at:
        yield at


def sends(batch: Batch) -> list[dict[str, Any]]:
    return [request for request in batch if request["method"] == "eth_sendRawTransaction"]


def pause(seconds: float) -> None:
    """Time that a slow node takes."""
    time.sleep(seconds)
