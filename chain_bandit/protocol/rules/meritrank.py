"""MeritRank (Nasrulin, Ishmaev, Pouwelse, MeritRank: Sybil tolerant reputation, 2022, sections 3 and 4)."""

from collections.abc import Sequence
from operator import mul
from struct import Struct
from types import MappingProxyType

from chain_bandit.protocol.merits import ByMerit
from chain_bandit.protocol.reputation import FULL, Reputations, accuracies, likeness, radii
from chain_bandit.protocol.rule import Agreed, Estimate, Option, Terms
from chain_bandit.protocol.units import UNIT

WHOLE = 1 << 30
"""All walks that leave a seat."""


class MeritRank(ByMerit):
    """The share of walks from the estimators that come to a seat, over the graph of similar reports.

    The first step goes to seats by the accuracy of their reports, every other one by the accuracy of a seat's report
    beside that of the one before; each is taken with 1 - transitivity decay only, so that many steps away little
    arrives. Where more than `bridge` of what arrives has come through one other seat, it falls by the connectivity
    decay: however many seats stand behind one, they share what it lets through. The paper draws walks; these are all of
    them, of `steps` steps. Work: of n reporters n^2 K / 2 distances, and steps n^2 products of n lanes.
    """

    name = "meritrank"
    options = MappingProxyType({
        "transitivity_decay": Option(UNIT // 2, 0, UNIT, scale=UNIT),
        "connectivity_decay": Option(UNIT // 2, 0, UNIT, scale=UNIT),
        "bridge": Option(9 * UNIT // 10, 0, UNIT, scale=UNIT),
        "steps": Option(3, 1, 3),
        **ByMerit.LEAST,
    })  # fmt: skip

    def merits(self, terms: Terms, agreed: Agreed, estimate: Estimate) -> Reputations:
        """The best seat has 1, every other one its part of that; one that does not report has 0."""
        seats, free, options = sorted(agreed.reports), radii(agreed.pulls), terms.options
        alike = likeness([agreed.reports[seat] for seat in seats], free, terms.tolerance)
        near = accuracies(terms.participants, agreed.reports, estimate.means, free, terms.tolerance)
        first = _shares([near[seat] for seat in seats])
        lanes = Struct(f"<{len(seats)}Q")
        onward = [int.from_bytes(lanes.pack(*_shares(row)), "little") for row in alike]
        passed_on = UNIT - options["transitivity_decay"]

        def arriving(without: int | None) -> list[int]:
            """What comes to each place of walks that do not pass one."""
            walks, total = list(first), [0] * len(seats)
            for step in range(options["steps"]):
                if step:
                    met = sum(map(mul, walks, onward)).to_bytes(lanes.size, "little")  # 2^60 at most in each lane
                    walks = [each * passed_on // (UNIT * WHOLE) for each in lanes.unpack(met)]
                if without is not None:
                    walks[without] = 0
                total = [sum(each) for each in zip(total, walks, strict=True)]
            return total

        score, kept = arriving(None), UNIT - options["connectivity_decay"]
        bridged = [False] * len(seats)
        for place in range(len(seats)):
            for other, left in enumerate(arriving(place)):
                through = (score[other] - left) * UNIT > score[other] * options["bridge"]
                bridged[other] |= through and other != place
        merit = [value * kept // UNIT if behind else value for value, behind in zip(score, bridged, strict=True)]
        most, weights = max(merit, default=0), [0] * terms.participants
        for seat, value in zip(seats, merit, strict=True):
            weights[seat] = FULL * value // max(most, 1)
        return tuple(weights)

    def explain(self, terms: Terms) -> str:
        """What moves a reputation."""
        return (
            "how many walks from the global estimators, over participants who report alike, come to the seat, beside "
            "the seat with the most; those that one other seat lets through count less"
        )


def _shares(values: Sequence[int]) -> list[int]:
    """Parts of `WHOLE`; of nothing none."""
    whole = max(sum(values), 1)
    return [WHOLE * value // whole for value in values]
