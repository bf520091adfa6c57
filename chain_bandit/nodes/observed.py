"""Round statistics of a node for `nodes.metrics`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Observed:
    """A round that a node has seen the end of.

    Attributes:
        kind: how it ended, in lower case.
        seconds: from its begin here to its end; None of one that was over before the node had caught up.
        away, banned, accused: participants that sent nothing, that are not read any more, on the block list.
    """

    round: int
    kind: str
    seconds: float | None
    away: int
    banned: int
    accused: int
