"""Address book of a node: the newest signed listen address of every other one, told from node to node while they run.

A record is signed by the key of its node (`node_files.announced`), with a counter: only a higher one replaces what is
known, so that a replayed or an older announcement changes nothing. Certificates never change this way: a
peer that connects as a node has to show the one in the game's file.
"""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from chain_bandit.network.wire import NodeAddress
from chain_bandit.nodes.node_files import NodeRecord, SharedFile, keep_records
from chain_bandit.protocol.errors import ChainBanditError

SAY_EVERY, SETTLED = 10.0, 60.0
"""Seconds after which a node tells again what it knows, and for which an address that was taken stays: a node that
moves all the time sends the others round no faster."""


class AnnouncementRefused(ChainBanditError):
    """An announcement that nobody needs to follow.

    Attributes:
        forged: no honest node passes it on.
    """

    def __init__(self, reason: str, forged: bool = False) -> None:
        super().__init__(reason)
        self.forged = forged


class AddressBook:
    """What a node knows of the others' addresses.

    Args:
        game: the file that it began with, of signed addresses.
        path: where that is kept, for its next start.
        own: its own address in the game, whose record is its own matter.
        move: told address and new endpoint of a node that has moved.
    """

    def __init__(
        self, game: SharedFile, path: Path, own: int, move: Callable[[int, str], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self._game, self._path, self._own, self._move, self._now = game, path, own, move, clock
        self._taken_at: dict[int, float] = {}
        self._say_at = 0.0

    def due(self) -> list[NodeAddress]:
        """What is to be told to everybody now: every address that has changed since the game was deployed or joined."""
        if self._now() < self._say_at:
            return []
        self._say_at = self._now() + SAY_EVERY
        return [
            NodeAddress(each.address, each.endpoint, each.changes, each.voucher)
            for each in self._game.node_records if each.changes
        ]  # fmt: skip

    def take(self, said: NodeAddress) -> bool:
        """Take in an announcement, on disk before it is followed; whether it is news.

        Raises:
            AnnouncementRefused: it says what its node did not sign, a private address where the game allows none, or
                the address of another node.
        """
        known = {each.address: each for each in self._game.node_records}
        old = known.get(said.address)
        if old is None or old.counter is None:
            raise AnnouncementRefused(f"an address of {said.address}, which is no node of this game", forged=True)
        known_or_soon = said.counter <= old.changes or self._now() < self._taken_at.get(said.address, 0.0)
        if known_or_soon or said.address == self._own:
            return False
        try:
            fresh = NodeRecord(
                address=said.address, endpoint=said.endpoint, certificate=old.certificate, counter=said.counter,
                voucher=said.voucher,
            )  # fmt: skip
        except ValueError as error:
            raise AnnouncementRefused(f"no address of {said.address}", forged=True) from error
        if fresh.endpoint.startswith("unix:"):
            raise AnnouncementRefused(f"a socket of this machine as the address of {said.address}", forged=True)
        if fresh.signer(bytes.fromhex(self._game.game[2:])) != self._game.keys.get(said.address):
            raise AnnouncementRefused(f"an address of {said.address} that its key did not sign", forged=True)
        self._taken_at[said.address] = self._now() + SETTLED
        known[said.address] = fresh
        game = self._game.model_copy(update={"node_records": tuple(known[each] for each in sorted(known))})
        try:
            game.peers(self._own)
        except ValueError as error:
            raise AnnouncementRefused(str(error)) from error
        keep_records(self._path, (fresh,))
        self._game, self._say_at = game, 0.0
        self._move(said.address, fresh.endpoint)
        return True
