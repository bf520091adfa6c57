"""Wire format between a validator and its party process: one JSON object a line, bytes in hexadecimal.

In order: `Open`, `Listening`, `Link`, `Linked`; then for every session `Check`, `Opened`, `Compare`, `Compared`.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chain_bandit.comparison.session import MpcSession
from chain_bandit.protocol.messages import Slot
from chain_bandit.protocol.sharing import PRIME

SeatIndex = Annotated[int, Field(ge=0, lt=2**16)]
Element = Annotated[int, Field(ge=0, lt=PRIME)]


class WireMessage(BaseModel):
    """One message."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, ser_json_bytes="hex", val_json_bytes="hex", hide_input_in_errors=True
    )


class Open(WireMessage):
    """To the process: the secret by which its peers know each other."""

    token: bytes = Field(repr=False)


class Listening(WireMessage):
    """From it: the port of 127.0.0.1 on which it waits for its peers."""

    port: int


class Link(WireMessage):
    """To it: everybody's ports."""

    ports: tuple[int, ...]


class Linked(WireMessage):
    """From it: all links are up."""


class Check(WireMessage):
    """To it: the key that it signs with, the session, and its shares.

    Attributes:
        places: how many shares a dealing has.
        dealt: by seat, the leaves and the party's own share, as its participant sent them.
    """

    secret: bytes = Field(repr=False)
    separator: bytes
    round: int
    parent: bytes
    attempt: int
    parties: tuple[SeatIndex, ...]
    asked: dict[SeatIndex, bytes]
    arms: int
    places: int
    dealt: dict[SeatIndex, tuple[bytes, bytes]] = Field(repr=False)

    @property
    def session(self) -> MpcSession:
        """What is signed for."""
        return MpcSession(Slot(self.separator, self.round, self.parent), self.attempt, self.parties, self.asked)


class Opened(WireMessage):
    """From it: which shares open."""

    probes: dict[SeatIndex, Element]
    signature: bytes


class Compare(WireMessage):
    """To it: all parties' statements, and the reference of the comparison.

    Attributes:
        floors: floor(n_ref / k) of each arm, since k n > n_ref iff n > floor(n_ref / k).
        addresses: the key of each party.
    """

    floors: tuple[int, ...]
    addresses: tuple[bytes, ...]
    opened: tuple[Opened, ...]


class Compared(WireMessage):
    """From it: the matrix, and how many bytes it sent to its peers so far."""

    bits: dict[SeatIndex, tuple[bool, ...]]
    signature: bytes
    sent: int
