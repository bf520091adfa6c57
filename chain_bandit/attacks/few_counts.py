"""Leave the others few reports to choose from: claim enough pulls of the best arm alone, and report 0 of it."""

from chain_bandit.attacks.parametric import FARTHEST, Parametric


class FewCounts(Parametric):
    """0 pulls of every arm but the best in the honest reports of the last block, and the estimator 0 of that one.

    A rule that filters pull counts arm by arm, Option 1, has f fewer candidates of the others, from
    which it leaves 2f out all the same: what is left of them has the confidence width of few reports. A rule that
    filters by all arms at once ignores such a seat.
    """

    name = "few-counts"

    def __init__(self) -> None:
        super().__init__(best=-FARTHEST, second=0.0, others=0.0, claims="best")
