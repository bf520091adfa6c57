"""Round timer (pacemaker) of a node: received envelopes of each step, and timeouts. Time is an argument."""

from collections.abc import Iterable


class RoundTimer:
    """One round. Step s ends when every awaited peer has sent all of it, at the latest at T0 + (s + 1) Δ.

    T0 is when the node saw the round begin. An early peer does not make others late: the deadlines of a round are fixed
    from its beginning, whenever its steps ended. A peer that misses one is not awaited again in this round. No step
    ends early with fewer senders than a quorum: a restarted peer would be late at nodes that do not know of it.

    Args:
        began: T0, in seconds of any clock.
        bound: Δ, in seconds.
        awaited: whose envelopes end a step.
        voters: of whom a quorum is made, oneself aside.
        least: how many of them have to be in for a step to end early.
    """

    def __init__(
        self, began: float, bound: float, awaited: Iterable[int], voters: frozenset[int] = frozenset(), least: int = 0
    ) -> None:
        self._began, self._bound = began, bound
        self._awaited, self._voters, self._least = set(awaited), voters, least
        self._in: dict[int, set[int]] = {}
        self._asked: set[int] = set()
        self.step = -1

    def restart(self, began: float) -> None:
        """The round has begun only now."""
        self._began = began

    def begin(self, step: int) -> None:
        """Enter a step."""
        self.step = step
        self._asked.clear()

    def arrived(self, sender: int, step: int) -> None:
        """A sender has sent all that it has in a step."""
        self._in.setdefault(step, set()).add(sender)

    def has(self, sender: int, step: int) -> bool:
        """Whether a sender has."""
        return sender in self._in.get(step, ())

    def dismiss(self, sender: int) -> None:
        """Wait for a sender no longer: it is not read any more."""
        self._awaited.discard(sender)

    def ask(self, address: int) -> None:
        """The open step is not over before this answer."""
        self._asked.add(address)

    def answered(self, address: int) -> None:
        """It is there."""
        self._asked.discard(address)

    def heard_since(self, step: int) -> frozenset[int]:
        """Peers that sent anything in this step or a later one."""
        return frozenset().union(*(who for when, who in self._in.items() if when >= step))

    @property
    def heard(self) -> frozenset[int]:
        """Peers that sent anything in this round."""
        return self.heard_since(0)

    @property
    def awaited(self) -> frozenset[int]:
        """Peers among those awaited that have missed no deadline."""
        return frozenset(self._awaited)

    @property
    def present(self) -> frozenset[int]:
        """Peers to wait for in the next round: none that was late in this one and sent nothing at all."""
        return self.heard | self._awaited

    @property
    def deadline(self) -> float:
        """When the open step ends whatever is missing."""
        return self._began + (self.step + 1) * self._bound

    @property
    def is_enough(self) -> bool:
        """Whether so many of the voters are in as have to be for the open step to end early."""
        return len(self._voters & self._in.get(self.step, set())) >= self._least

    def missing(self, among: frozenset[int] | None = None) -> frozenset[int]:
        """Peers still awaited in the open step."""
        here = self._in.get(self.step, set())
        wanted = self._awaited if self.is_enough else self._awaited | self._voters
        due = wanted - here | self._asked
        return frozenset(due if among is None else due & among)

    def end(self) -> frozenset[int]:
        """Leave the step; peers that were missing are not awaited any more in this round."""
        late = self._awaited - self._in.get(self.step, set())
        self._awaited -= late
        return frozenset(late)


FORGIVEN, MOST = 16, 6
"""Rounds in time after which a lapse is forgotten; lapses that count."""


class Timeliness:
    """Peers to wait for, from round to round, with exponential backoff: one that misses many deadlines costs ever less.

    After a lapse a peer is waited for in the next round, after another one in the next even one, then in the next that
    four divides, and so on: nodes that count other lapses wait in the same rounds, and the wait is one. It is read all
    the same: what is in by the end of a step counts.
    """

    def __init__(self) -> None:
        self._lapses: dict[int, int] = {}
        self._good: dict[int, int] = {}
        self._from: dict[int, int] = {}

    def lapsed(self, peers: Iterable[int], round_: int) -> None:
        """They were waited for in a round, and missed a deadline."""
        for peer in peers:
            lapses = self._lapses.get(peer, 0)
            self._from[peer] = (round_ // 2**lapses + 1) * 2**lapses
            self._lapses[peer], self._good[peer] = min(lapses + 1, MOST), 0

    def kept(self, peers: Iterable[int]) -> None:
        """They were in time, to the end of a round."""
        for peer in peers:
            if self._lapses.get(peer):
                self._good[peer] += 1
                if self._good[peer] == FORGIVEN:
                    self._lapses[peer], self._good[peer] = self._lapses[peer] - 1, 0

    def awaited(self, among: Iterable[int], round_: int) -> frozenset[int]:
        """Peers to wait for in a round."""
        return frozenset(peer for peer in among if self._from.get(peer, 0) <= round_)
