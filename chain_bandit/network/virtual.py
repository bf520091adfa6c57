"""A network in virtual time: each actor ticks by a clock of its own, each message takes as long as it is told to.

Nothing waits: time is a number that jumps from one event to the next. Whoever knows the clocks and the delays knows
all that happens, so a seed replays a run exactly.
"""

from collections.abc import Callable, Mapping, Sequence

from chain_bandit.actors.messages import Message, Send
from chain_bandit.network.memory import Actor

STEP = 1024
"""Moments from one tick of a clock to its next: Delta."""

Fate = Callable[[int, int, int], Sequence[int]]
"""After how many moments a message arrives, by (moment, sender, receiver): never if it is lost, twice if doubled."""

Heard = Callable[[int, Send], None]
Arrived = Callable[[int, int, int, Message], None]


class VirtualNetwork:
    """Delivers between the actors of one process, by moments.

    Attributes:
        start: the moment in which the current run began.
        now: of the last tick.

    Args:
        actors: by address; whoever is taken out hears nothing any more. Those of negative addresses are no nodes
            but functions, which everybody reaches, and which answer, at once.
        clocks: how many moments after the network's own zero each actor ticks; at equal moments in this order.
        fate: of every message between nodes.
        heard: is told of everything that is sent, as it is sent: a rushing adversary's ear.
        arrived: is told (moment, sender, receiver, message) of everything that arrives.
    """

    def __init__(
        self,
        actors: dict[int, Actor],
        clocks: Mapping[int, int],
        fate: Fate,
        heard: Heard = lambda sender, send: None,
        arrived: Arrived | None = None,
    ) -> None:
        self.actors, self._clocks, self._fate, self._heard, self._arrived = actors, clocks, fate, heard, arrived
        self.start = self.now = self._count = 0
        self._under_way: list[tuple[int, int, int, int, Message]] = []

    def run(self, steps: int) -> None:
        """Let every actor tick `steps` steps from 0 on; what is then still under way arrives in the next run."""
        start = self.start
        ticks = sorted(
            (start + clock + step * STEP, place, step, address)
            for place, (address, clock) in enumerate(self._clocks.items())
            for step in range(steps)
        )
        for self.now, _, step, address in ticks:
            self._deliver(self.now)
            actor = self.actors.get(address)
            if actor is not None:
                self.send(address, actor.on_tick(step))
        self.start = max(start + steps * STEP, self.now + 1)
        self._deliver(self.start)

    def send(self, sender: int, sends: Sequence[Send]) -> None:
        """Let an actor send, now."""
        self._send(self.now, sender, sends)

    def _send(self, moment: int, sender: int, sends: Sequence[Send]) -> None:
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
        done = 0
        while done < len(under_way) and under_way[done][0] < until:
            moment, _, sender, to, message = under_way[done]
            done, known = done + 1, len(under_way)
            self._hand(moment, sender, to, message)
            if len(under_way) > known:  # somebody answered
                under_way[done:] = sorted(under_way[done:])
        del under_way[:done]

    def _hand(self, moment: int, sender: int, to: int, message: Message) -> None:
        actor = self.actors.get(to)
        if actor is None:
            return
        if self._arrived is not None:
            self._arrived(moment, sender, to, message)
        answers = actor.on_message(sender, message)
        if answers:
            self._send(moment, to, answers)
