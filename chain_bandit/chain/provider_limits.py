"""Limits of a node's provider, learnt from its answers: requests a second, requests a batch, blocks of a question."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import inf

UNBOUNDED = 1 << 62
"""The size of a request while the node has refused none."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 8.0
"""Seconds of the pause after a rate limit, doubled with each further one in a row."""

FIRST, GROWTH, RELIEF, LONGEST = 0.04, 1.25, 0.9, 1.0
"""Seconds from one request to the next since the first rate limit, their factors with each further one and with each
answer, and the most of them: a node that refuses a third of all requests is asked at the pace that it keeps up with."""

TRY_MORE = 32
"""Accepted requests of the largest size after which a larger one is tried again, doubled each time."""

LONGEST_RETRY = 60.0
"""Seconds of a `Retry-After` that are believed."""

TOO_MANY_REQUESTS, LIMIT_EXCEEDED = 429, -32005
"""The code of HTTP that some nodes put into JSON, and that of EIP-1474 for any limit."""

_RATE = re.compile(
    r"rate.?limit|too many requests|requests? per |requests?/s|request (count|rate)|per second"
    r"|(daily|monthly|throughput).{0,40}(limit|exceed|reach)|\b[qrt]ps\b|throttl|slow.?down|too (fast|frequent)"
    r"|concurren|request frequency",
    re.IGNORECASE,
)
_EITHER = re.compile(
    r"(plan|usage).{0,40}(limit|exceed|reach)|quota|request limit|compute units?|credit limit|credits\b"
    r"|(?<!pool )capacity.{0,20}(exceed|reach)",
    re.IGNORECASE,
)
"""Words of a limit of requests, or of what one request asks for."""

_RANGE = re.compile(r"range|results\b|\blogs?\b|\bblocks?\b|\bsize\b|too large", re.IGNORECASE)
_OF_BLOCKS = re.compile(r"block range|\d blocks?\b", re.IGNORECASE)
_ABSENT = re.compile(
    r"prun|beyond.{0,20}head|^(?!.*(range|limit|max|allow|plan|tier))"
    r".*(not found|cannot be found|unknown block|beyond|not available|unavailable)",
    re.IGNORECASE | re.DOTALL,
)
_SUGGESTED = re.compile(r"\[\s*(0x[0-9a-f]+|\d+)\s*,\s*(0x[0-9a-f]+|\d+)\s*\]", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])(\d+(?:,\d{3})*)(k?)\b(?!\s*(?:results?|logs?|ms|s\b|seconds?|bytes))", re.IGNORECASE)


def is_rate_limit(code: object, text: str, of_blocks: bool = False) -> bool:
    """Whether an error of JSON-RPC says that requests come too fast, or that a quota is used up.

    Args:
        of_blocks: the request was for events of several blocks: a limit that may be of these is not of requests.
    """
    if says_rate(text, of_blocks) or (code == TOO_MANY_REQUESTS and not (of_blocks and says_range(text))):
        return True
    named = re.search("range|result|log|block|batch|size|large|time", text, re.IGNORECASE)
    return code == LIMIT_EXCEEDED and not of_blocks and not named


def says_rate(text: str, of_blocks: bool = False) -> bool:
    """As `is_rate_limit`, by the words alone."""
    is_rate = _RATE.search(text) or (not of_blocks and _EITHER.search(text))
    return bool(is_rate) and not _OF_BLOCKS.search(text) and not re.search("revert", text, re.IGNORECASE)


def says_range(text: str) -> bool:
    """Whether a refusal of events is of their range or number in words, and not of requests."""
    return bool(_RANGE.search(text)) and not says_rate(text, of_blocks=True)


def says_absent(text: str) -> bool:
    """Whether a refusal says in words that blocks are missing, and nothing of a limit."""
    return bool(_ABSENT.search(text))


def says_behind(text: str) -> bool:
    """Whether a refusal says that blocks are missing which the node may have later: none were pruned."""
    return says_absent(text) and "prun" not in text.lower()


def stated_span(text: str, asked: int) -> int | None:
    """The number of blocks that a refusal allows in place of those asked for; None where it states none.

    One fewer than asked for is what was asked for, from the first to the last.
    """
    suggested = _SUGGESTED.search(text)
    if suggested:
        first, last = (int(each, 0) for each in suggested.groups())
        spans = [last - first + 1]
    else:
        numbers = (int(digits.replace(",", "")) * (1000 if k else 1) for digits, k in _NUMBER.findall(text))
        spans = list(numbers) if re.search("range|block", text, re.IGNORECASE) else []
    return max((span for span in spans if 0 < span < max(2, asked - 1)), default=None)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that `Retry-After` asks to wait, at most `LONGEST_RETRY`; None where it is absent or unreadable."""
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text) if text[:1].isdigit() else _until(text, now or datetime.now(UTC))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY)


def _until(date: str, now: datetime) -> float:
    return (parsedate_to_datetime(date) - now).total_seconds()


class AcceptedSize:
    """The largest size of a request that a node accepts, by bisection between what it took and what it refused.

    Attributes:
        most: the size of the next request at most.
    """

    def __init__(self) -> None:
        self.most = self._refused = UNBOUNDED
        self._stated: int | None = None
        self._accepted, self._in_a_row, self._try_after = 0, 0, TRY_MORE

    def refused(self, size: int, stated: int | None = None) -> None:
        """The node refused a request of a size above 1, and may have stated which it takes.

        Who refuses the very size that it stated is not taken at its word again.
        """
        self._stated = stated = None if size == self._stated else stated
        self._refused = min(self._refused, size)
        if self._accepted >= size:
            self._accepted = 0
        if stated is not None:
            self._refused = min(self._refused, stated + 1)
        self.most = max(1, min(stated or self._accepted or size // 2, self._refused - 1))

    def accepted(self, size: int) -> None:
        """The node answered a request of a size."""
        self._accepted = max(self._accepted, size)
        if size >= self._refused:  # which was refused for another reason
            self._refused = UNBOUNDED
        if size >= self.most:
            self._in_a_row += 1
            self.most = max(self.most, (self._accepted + self._refused) // 2)
            if self._in_a_row >= self._try_after:
                self.most, self._in_a_row, self._try_after = 2 * self._refused, 0, 2 * self._try_after


class RequestPacer:
    """The pace of requests to a node that limits them: each rate limit slows it down, each answer speeds it up.

    Attributes:
        most: requests of the next batch at most; a limit by the second admits no larger batch at once.
    """

    def __init__(self) -> None:
        self.most = UNBOUNDED
        self._interval, self._next, self._row = 0.0, -inf, 0

    @property
    def is_slow(self) -> bool:
        """Whether requests wait for one another."""
        return self._interval > 0.0

    def pause(self, count: int, now: float) -> float:
        """Seconds to wait before so many requests."""
        at = max(now, self._next)
        self._next = at + count * self._interval
        return at - now

    def limited(self, count: int, after: float, now: float) -> None:
        """The node refused so many requests as too fast, and asks for `after` seconds of silence."""
        self._interval = min(LONGEST, max(FIRST, GROWTH * self._interval))
        self._next = now + max(after, min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._row))
        self._row, self.most = self._row + 1, max(1, count // 2)

    def answered(self, count: int) -> None:
        """The node answered so many."""
        self._interval *= RELIEF if self._interval > FIRST / 10 else 0.0
        self._row, self.most = 0, self.most + (count >= self.most)
