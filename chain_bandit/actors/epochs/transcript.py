"""Transcript of an epoch: the requests and answers that each participant reports, and the credits that follow.

All use one token and reach all. What a participant is credited with follows from the others' rows alone: from what
more than half of them saw it ask, and from what they answered. So no participant's own row raises its credits,
whenever it is sent and whatever its sender knows by then.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chain_bandit.protocol.blocks import mask, seats


class Sent(NamedTuple):
    """What a participant sent in a step: a token to all others or none, and plus or minus to each that asked it."""

    asked: bool
    pleased: bool


class StepObservation(NamedTuple):
    """A participant's statement on a step: whom it saw asking, as a mask, itself among them; and what it answered."""

    askers: int
    pleased: bool


def witnessed(sent: Sequence[Sequence[Sent]]) -> tuple[tuple[StepObservation, ...], ...]:
    """The row of each truthful participant, by seat, from what everybody sent."""
    steps = tuple(zip(*sent, strict=True))
    askers = [mask(seat for seat, each in enumerate(step) if each.asked) for step in steps]
    return tuple(
        tuple(StepObservation(who, step[seat].pleased) for who, step in zip(askers, steps, strict=True))
        for seat in range(len(sent))
    )


def row_bytes(participants: int, steps: int) -> int:
    """Of a row: a bit a participant and one for the answer, step by step."""
    return -(-(participants + 1) * steps // 8)


def encode(row: Sequence[StepObservation], participants: int) -> bytes:
    """The bits, the first step's highest, padded to whole bytes."""
    bits = "".join(f"{each.askers:0{participants}b}{each.pleased:d}" for each in row)
    size = row_bytes(participants, len(row))
    return int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size, "big")


def decode(data: bytes, participants: int, steps: int) -> tuple[StepObservation, ...]:
    """What `encode` wrote; bits to spare are nobody's."""
    bits, width = "".join(f"{byte:08b}" for byte in data), participants + 1
    parts = (bits[width * at : width * (at + 1)] for at in range(steps))
    return tuple(StepObservation(int(part[:-1], 2), part[-1] == "1") for part in parts)


def nets(rows: Mapping[int, Sequence[StepObservation]], members: int, participants: int) -> tuple[int, ...]:
    """How many tokens more than none each was sent: a step's largest request, and the least answer if it asked.

    Args:
        rows: by seat, of one length; of whom there is none, there is no answer.
        members: mask of the participants that may ask and be asked.
    """
    found, who = [0] * participants, seats(members)
    for step in zip(*rows.values(), strict=True):
        saw = {asker: sum(each.askers >> asker & 1 for each in step) for asker in who}
        crossed = sum(not each.pleased for each in step)
        said = dict(zip(rows, step, strict=True))
        for seat in who:
            own, others = said.get(seat, StepObservation(0, True)), len(said.keys() - {seat})
            asked = mask(asker for asker in who if 2 * (saw[asker] - (own.askers >> asker & 1)) > others)
            found[seat] += asked & ~(1 << seat) != 0
            if asked >> seat & 1:
                found[seat] += 1 if crossed == (not own.pleased) else -1
    return tuple(found)
