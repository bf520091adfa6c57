"""Rewards from a service over HTTP: `POST` with a JSON object a pull, and its key in the header `Idempotency-Key`."""

import json
from decimal import Decimal
from time import monotonic
from typing import Any

from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from chain_bandit.environments.live import PullKey, SourceFailed
from chain_bandit.environments.reward_values import shown

MOST_BYTES = 1 << 16
"""Of an answer."""

_OK = 200


def without_keys(url: str) -> str:
    """A URL as messages say it: without user and query, where a key may be."""
    scheme, _, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


class HttpSource:
    """Asks `url` with `{"key", "game", "round", "participant", "pull", "arm", "name"}`; an answer of status 200 that is
    `{"reward": NUMBER}` counts, nothing else.

    Args:
        arms: their names, of which each request has the arm's.
    """

    def __init__(self, url: str, arms: tuple[str, ...]) -> None:
        self.name, self._url, self._arms = without_keys(url), url, arms
        self._pool = PoolManager(maxsize=64, retries=False)

    def asked(self, key: PullKey, arm: int) -> None:
        """The service is told with the request."""

    def pull(self, key: PullKey, arm: int, seconds: float) -> object:
        """What one request brings. Raises `SourceFailed`."""
        until = monotonic() + seconds
        asked = {"key": str(key), **key._asdict(), "arm": arm, "name": self._arms[arm]}
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(key), "Accept-Encoding": "identity"}
        try:
            response = self._pool.request(
                "POST", self._url, body=json.dumps(asked).encode(), headers=headers, timeout=Timeout(total=seconds),
                retries=False, redirect=False, preload_content=False,
            )  # fmt: skip
        except (HTTPError, OSError) as error:
            raise SourceFailed(f"no answer ({type(error).__name__})") from error
        try:
            text = _text(response, until)
            if response.status != _OK:
                raise SourceFailed(f"it answers with status {response.status}, not {_OK}")
            return _reward(text)
        except (HTTPError, OSError) as error:
            raise SourceFailed(f"its answer breaks off ({type(error).__name__})") from error
        finally:
            response.release_conn()


def _text(response: BaseHTTPResponse, until: float) -> bytes:
    taken = bytearray()
    while part := response.read1(1 << 12, decode_content=False):
        taken += part
        if len(taken) > MOST_BYTES or monotonic() > until:
            response.close()
            raise SourceFailed(f"its answer is longer than {MOST_BYTES:,} bytes" if len(taken) > MOST_BYTES else
                               "its answer takes too long")  # fmt: skip
    return bytes(taken)


def _reward(text: bytes) -> object:
    try:
        said: Any = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise SourceFailed(f"its answer is no JSON: {shown(text.decode('latin-1'))}") from error
    if not isinstance(said, dict) or "reward" not in said:
        raise SourceFailed(f"its answer is no object with the key \"reward\": {shown(text.decode('latin-1'))}")
    return said["reward"]
