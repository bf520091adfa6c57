"""A synchronous network in memory: what is sent in a step arrives before the next one begins.

The malicious are rushing: they see what the honest send in a step before they send their own.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from chain_bandit.actors.messages import Message, Send, statements


class Actor(Protocol):
    """A machine that can be ticked and sent to."""

    def on_tick(self, step: int) -> list[Send]:
        """What to send in the step."""
        ...

    def on_message(self, sender: int, message: Message) -> list[Send] | None:
        """Take in a message; whatever is sent in answer arrives within the step."""
        ...


class MemoryNetwork:
    """Delivers between the actors of one process, in the stated order, which must not matter to the honest."""

    def __init__(self, actors: Mapping[int, Actor], order: Sequence[int], rushing: frozenset[int]) -> None:
        """`order`: the addresses in the order of their ticks; those in `rushing` act after all others have."""
        self._actors = actors
        self._honest = [address for address in order if address not in rushing]
        self._rushing = [address for address in order if address in rushing]
        self.delivered = self.statements = 0

    def step(self, step: int) -> None:
        """Run one step: tick everybody, deliver everything."""
        for group in (self._honest, self._rushing):
            outboxes = [(address, self._actors[address].on_tick(step)) for address in group]
            for sender, sends in outboxes:
                self.deliver(sender, sends)

    def deliver(self, sender: int, sends: Sequence[Send]) -> None:
        """Hand messages to their recipients, and their answers on."""
        actors = self._actors
        for send in sends:
            message, delivered = send.message, 0
            for to in send.to:
                if to in actors:
                    delivered += 1
                    answers = actors[to].on_message(sender, message)
                    if answers:
                        self.deliver(to, answers)
            self.delivered += delivered
            self.statements += delivered * statements(message)
