"""The steps of a round at a node: whose envelopes are in, and how long to wait for the others. Time is an argument."""

from collections.abc import Iterable


class Pace:
    """One round. Step s ends when everybody who is awaited has said all of it, at the latest at T0 + (s + 1) Δ.

    T0 is when the node saw the round begin. Who is early does not make others late: the deadlines of a round are fixed
    from its beginning, whenever its steps ended. Who misses one is not waited for again in this round.

    Args:
        began: T0, in seconds of any clock.
        bound: Δ, in seconds.
        awaited: whose envelopes end a step.
    """

    def __init__(self, began: float, bound: float, awaited: Iterable[int]) -> None:
        self._began, self._bound = began, bound
        self._awaited = set(awaited)
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
        """A sender has said all that it says in a step."""
        self._in.setdefault(step, set()).add(sender)

    def ask(self, address: int) -> None:
        """The open step is not over before this answer."""
        self._asked.add(address)

    def answered(self, address: int) -> None:
        """It is there."""
        self._asked.discard(address)

    @property
    def heard(self) -> frozenset[int]:
        """Whoever said anything in this round."""
        return frozenset().union(*self._in.values())

    @property
    def present(self) -> frozenset[int]:
        """Who is worth waiting for in the next round: nobody that was late in this one and said nothing at all."""
        return self.heard | self._awaited

    @property
    def deadline(self) -> float:
        """When the open step ends whatever is missing."""
        return self._began + (self.step + 1) * self._bound

    def missing(self, among: frozenset[int] | None = None) -> frozenset[int]:
        """Who is still waited for in the open step."""
        due = (self._awaited - self._in.get(self.step, set())) | self._asked
        return frozenset(due if among is None else due & among)

    def end(self) -> frozenset[int]:
        """Leave the step; who was missing is not waited for any more in this round."""
        late = self.missing()
        self._awaited -= late
        return late
