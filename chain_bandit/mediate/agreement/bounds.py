"""What a liar can do to a mean that nobody can look into, and two bounds on it.

The mean of N moves by a Nth of any lie. `clamped` bounds what one epoch can do, `MedianOfGroups` what fewer liars can
than half of the groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chain_bandit.mediate.agreement.agreer import Agreed, Agreer
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import AssumptionBroken


def clamped(agreed: int, last: int, most: int, step: int) -> int:
    """The closest to `agreed` from 0 to `most` that is at most `step` from `last`, all in units."""
    return min(max(agreed, last - step, 0), last + step, most)


def groups(participants: int, count: int, seed: bytes) -> tuple[tuple[int, ...], ...]:
    """All participants in so many groups, at random and as equal as can be; each is in order.

    Raises:
        AssumptionBroken: when a group would be one participant, whose token its mean is.
    """
    if not 1 <= count <= participants // 2:
        raise AssumptionBroken("groups", "1 <= groups <= N / 2", f"groups = {count}, N = {participants}")
    order = sorted(range(participants), key=lambda each: keccak(seed, uint(each, 4)))
    return tuple(tuple(sorted(order[first::count])) for first in range(count))


def median(values: Sequence[int]) -> int:
    """The middle one, or the mean of the middle two rounded down."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


@dataclass(frozen=True)
class MedianOfGroups:
    """See `Agreer`: each group agrees for itself, and the median of their means is x*.

    While liars are in fewer than half of the groups, x* lies between two means of groups without any. A group that
    comes to nothing does not count. Each group's mean is published, which tells more than one mean of all.

    Attributes:
        within: how a group agrees.
        count: how many groups; odd is best.
        seed: 32 bytes that nobody knows before tokens are fixed, of one epoch.
    """

    within: Agreer
    count: int
    seed: bytes

    def agree(self, tokens: Sequence[int], salts: Sequence[bytes]) -> Agreed:
        """See `Agreer`. Raises `AssumptionBroken` for too many groups."""
        found = []
        for group in groups(len(tokens), self.count, self.seed):
            said = self.within.agree([tokens[each] for each in group], [salts[each] for each in group])
            found += [agreed for agreed in said if agreed is not None][:1]
        return (median(found) if found else None,) * len(tokens)
