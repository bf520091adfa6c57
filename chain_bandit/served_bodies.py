"""Bodies of a compact game over HTTP: nodes that serve metrics serve each body that they know by its hash."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from time import monotonic

from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from chain_bandit.chain.bounded_response import AS_IT_IS, whole
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.wire import pool_to
from chain_bandit.chain_history.bodies import PATH
from chain_bandit.protocol.digests import keccak

TIMEOUT = 10.0
"""Seconds for one body."""


def served_bodies(urls: Sequence[str]) -> Callable[[bytes], bytes | None]:
    """Fetcher of bodies by their hash; None where none of these nodes has it.

    Args:
        urls: of their metrics, such as `http://127.0.0.1:9100`. A node that does not answer, or gives another
            body, is asked no more.
    """
    left = {url.rstrip("/"): pool_to(url, AS_IT_IS) for url in urls}

    def get(digest: bytes) -> bytes | None:
        for url, pool in tuple(left.items()):
            until = monotonic() + TIMEOUT
            try:
                with pool.request(
                    "GET", f"{url}{PATH}0x{digest.hex()}", timeout=Timeout(total=TIMEOUT), redirect=False,
                    preload_content=False,
                ) as response:  # fmt: skip
                    body = whole(response, until)
                if response.status == HTTPStatus.OK:
                    if keccak(body) == digest:
                        return body
                    del left[url]
            except (HTTPError, OSError, NodeUnreachable):
                del left[url]
        return None

    return get
