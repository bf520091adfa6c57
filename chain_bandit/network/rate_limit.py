"""Per-peer rate limit of a node, beyond the one envelope a step that it waits for. Time is an argument."""

SHARE, TOTAL, AHEAD = 0.1, 0.5, 0.05
"""Of a node's time that a peer may take, and all peers together; seconds of it that a peer may take at once."""

BEFORE = 0.001
"""Seconds that a frame is taken to have cost before: it was deciphered, and has woken a thread."""


class RateLimit:
    """Per-peer limit: a peer that has cost too much is not read for a while; what it writes waits in its own socket.

    Args:
        peers: among whom the time of all is shared.
    """

    def __init__(self, peers: int) -> None:
        self._share = min(SHARE, TOTAL / peers)
        self._paid: dict[int, float] = {}

    def charge(self, peer: int, seconds: float, now: float) -> None:
        """A frame of a peer has taken so much of the node's time."""
        self._paid[peer] = max(self._paid.get(peer, now), now) + (BEFORE + seconds) / self._share

    def spent(self, now: float) -> frozenset[int]:
        """Peers that are not read at the moment."""
        return frozenset(peer for peer, until in self._paid.items() if until > now + AHEAD / self._share)
