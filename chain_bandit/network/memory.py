"""A synchronous network in memory: what is sent in a step arrives before the next one begins.

The malicious are rushing: they see what the honest send in a step before they send their own.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from chain_bandit.actors.messages import statements


class Outgoing(Protocol):
    """`actors.messages.Send`, or what an adversary sends in its place."""

    @property
    def to(self) -> tuple[int, ...]:
        """Addresses."""
        ...

    @property
    def message(self) -> Any:
        """What they get."""
        ...


class Actor(Protocol):
    """A machine that can be ticked and sent to."""

    def on_tick(self, step: int) -> Sequence[Outgoing]:
        """What to send in the step."""
        ...

    def on_message(self, sender: int, message: Any) -> Sequence[Outgoing] | None:
        """Take in a message; whatever is sent in answer arrives within the step."""
        ...


Heard = Callable[[int, Any], None]
"""Is told (sender, send) of everything that is sent, as it is sent."""


def ignore(sender: int, send: object) -> None:
    """The null `Heard` callback."""


class MemoryNetwork:
    """Delivers between the actors of one process, in the stated order, which must not matter to the honest.

    Args:
        order: the addresses in the order of their ticks.
        rushing: addresses that act after all others have.
    """

    def __init__(
        self, actors: Mapping[int, Actor], order: Sequence[int], rushing: Collection[int], heard: Heard = ignore
    ) -> None:
        self._actors, self._heard = actors, heard
        self._honest = [address for address in order if address not in rushing]
        self._rushing = [address for address in order if address in rushing]
        self.delivered = self.statements = 0

    def step(self, step: int) -> None:
        """Run one step: tick everybody, deliver everything."""
        for group in (self._honest, self._rushing):
            outboxes = [(address, self._actors[address].on_tick(step)) for address in group]
            for sender, sends in outboxes:
                self.deliver(sender, sends)

    def deliver(self, sender: int, sends: Sequence[Outgoing]) -> None:
        """Hand messages to their recipients, and their answers on."""
        actors = self._actors
        for send in sends:
            self._heard(sender, send)
            message, delivered = send.message, 0
            for to in send.to:
                if to in actors:
                    delivered += 1
                    answers = actors[to].on_message(sender, message)
                    if answers:
                        self.deliver(to, answers)
            self.delivered += delivered
            self.statements += delivered * statements(message)
