"""What a liar can do to a mean that nobody can look into, and two bounds on it.

The mean of N moves by a Nth of any lie. `protocol.agreement.tokens.clamped` bounds what one epoch can do,
`MedianOfGroups` what fewer liars can than half of the groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chain_bandit.mediate.agreement.agreer import AgreedTokens, Agreer
from chain_bandit.protocol.agreement.tokens import groups, median


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

    def agree(self, tokens: Sequence[int], salts: Sequence[bytes]) -> AgreedTokens:
        """See `Agreer`. Raises `AssumptionBroken` for too many groups."""
        found = []
        for group in groups(len(tokens), self.count, self.seed):
            said = self.within.agree([tokens[each] for each in group], [salts[each] for each in group])
            found += [agreed for agreed in said if agreed is not None][:1]
        return (median(found) if found else None,) * len(tokens)
