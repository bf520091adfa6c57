"""A real chain behind a real socket: the embedded node answering JSON-RPC over HTTP on 127.0.0.1."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.remote import json_rpc
from chain_bandit.chain.wire import METHOD_NOT_FOUND


def as_json(value: Any, key: str = "") -> Any:
    """What a node sends: hexadecimal for bytes and integers."""
    if isinstance(value, bytes | bytearray):
        return "0x" + bytes(value).hex()
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"0x{value:0512x}" if key == "logsBloom" else hex(value)
    if isinstance(value, Mapping):
        return {name: as_json(item, name) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [as_json(item) for item in value]
    raise TypeError(f"{key}: {type(value)}")


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """A server's URL while the block runs."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """The URL of a node that says one thing whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                return  # the client has disconnected

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


@contextmanager
def served(node: EmbeddedNode) -> Iterator[str]:
    """The node's URL while the block runs."""
    rpc, lock = json_rpc(node.line), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = [self.answer(each) for each in asked] if isinstance(asked, list) else self.answer(asked)
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def answer(self, request: dict[str, Any]) -> dict[str, Any]:
            try:
                with lock:
                    answer = {"result": as_json(rpc(request["method"], request["params"]))}
            except NodeUnreachable as error:
                answer = {"error": {"code": METHOD_NOT_FOUND, "message": str(error)}}
            return {"jsonrpc": "2.0", "id": request["id"], **answer}

        def log_message(self, format: str, *args: object) -> None:
            return

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url
