"""Everybody of an agreement in one process: what is sent in a step arrives before the next one begins."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from chain_bandit.mediate.epochs.epoch import EpochSend, Message

Heard = Callable[[int, EpochSend], None]


class EpochActor(Protocol):
    """Who can be ticked and sent to."""

    def on_tick(self, step: int) -> Sequence[EpochSend]:
        """What to send in the step."""
        ...

    def on_message(self, sender: int, message: Message) -> None:
        """Take in a message."""
        ...


def run(
    actors: Mapping[int, EpochActor], steps: int, rushing: Collection[int] = (),
    heard: Heard = lambda sender, send: None,
) -> None:
    """Run the steps of an epoch.

    Args:
        rushing: who acts after all others: they see what those send in a step before they send their own.
        heard: is told of everything that is sent.
    """  # fmt: skip
    groups = ([each for each in actors if each not in rushing], [each for each in actors if each in rushing])
    for step in range(steps):
        for group in groups:
            outboxes = [(sender, actors[sender].on_tick(step)) for sender in group]
            for sender, sends in outboxes:
                for send in sends:
                    heard(sender, send)
                    for to in send.to:
                        if to in actors:
                            actors[to].on_message(sender, send.message)
