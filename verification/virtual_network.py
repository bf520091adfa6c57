"""A network in virtual time: each actor ticks by a clock of its own, each message takes as long as it is told to.

Nothing waits: time is a number that jumps from one event to the next. Clocks and delays determine all
that happens, so a seed replays a run exactly.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chain_bandit.network.memory import Actor, Heard, Outgoing, ignore

STEP = 1024
"""Moments from one tick of a clock to its next: Delta."""

Fate = Callable[[int, int, int], Sequence[int]]
"""After how many moments a message arrives, by (moment, sender, receiver): never if it is lost, twice if doubled."""

Arrived = Callable[[int, int, int, Any], None]


class VirtualNetwork:
    """Delivers between the actors of one process, by moments.

    Attributes:
        start: the moment in which the current run began.
        now: of the last tick.

    Args:
        actors: by address; one that is taken out receives nothing any more. Those of negative addresses are no nodes
            but functions, which everybody reaches, and which answer, at once.
        clocks: how many moments after the network's own zero each actor ticks; at equal moments in this order.
        fate: of every message between nodes.
        heard: callback for everything that is sent, as it is sent, for a rushing adversary.
        arrived: is told (moment, sender, receiver, message) of everything that arrives.
    """

    def __init__(
        self,
        actors: dict[int, Actor],
        clocks: Mapping[int, int],
        fate: Fate,
        heard: Heard = ignore,
        arrived: Arrived | None = None,
    ) -> None:
        self.actors, self._clocks, self._fate, self._heard, self._arrived = actors, clocks, fate, heard, arrived
        self.start = self.now = self._count = 0
        self._under_way: list[tuple[int, int, int, int, Any]] = []

    def run(self, steps: int) -> None:
        """Let every actor tick `steps` steps from 0 on; what is then still under way arrives in the next run."""
        start = self.start
        ticks = sorted(
            (start + clock + step * STEP, place, step, address)
            for place, (address, clock) in enumerate(self._clocks.items())
            for step in range(steps)
        )
        for moment, _, step, address in ticks:
            if moment > self.now:
                self.now = moment
                self._deliver(moment)
            actor = self.actors.get(address)
            if actor is not None:
                self.send(address, actor.on_tick(step))
        self.start = max(start + steps * STEP, self.now + 1)
        self._deliver(self.start)

    def send(self, sender: int, sends: Sequence[Outgoing]) -> None:
        """Let an actor send, now."""
        self._send(self.now, sender, sends)

    def _send(self, moment: int, sender: int, sends: Sequence[Outgoing]) -> None:
        actors, fate, under_way = self.actors, self._fate, self._under_way
        for send in sends:
            self._heard(sender, send)
            message = send.message
            for to in send.to:
                if to not in actors:
                    continue
                if to < 0 or sender < 0:
                    self._hand(moment, sender, to, message)
                    continue
                for delay in fate(moment, sender, to):
                    self._count += 1
                    under_way.append((moment + delay, self._count, sender, to, message))

    def _deliver(self, until: int) -> None:
        under_way = self._under_way
        under_way.sort()
        while due := under_way[: bisect_left(under_way, (until,))]:
            del under_way[: len(due)]
            after = len(under_way)
            for done, (moment, _, sender, to, message) in enumerate(due, 1):
                self._hand(moment, sender, to, message)
                if len(under_way) > after:  # somebody answered
                    under_way += due[done:]
                    under_way.sort()
                    break

    def _hand(self, moment: int, sender: int, to: int, message: Any) -> None:
        actor = self.actors.get(to)
        if actor is None:
            return
        if self._arrived is not None:
            self._arrived(moment, sender, to, message)
        answers = actor.on_message(sender, message)
        if answers:
            self._send(moment, to, answers)
