"""Search the worst lie that the game's own rule accepts. All colluders alike."""

from collections.abc import Sequence

from chain_bandit.attacks.attack import Attack, View, averages, flag
from chain_bandit.protocol.blocks import round_seed
from chain_bandit.protocol.estimation import estimate
from chain_bandit.protocol.rule import Agreed
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Means


class Optimiser(Attack):
    """The best arm as low, every other as high as a report of all colluders can be and still have its value in B.

    The honest in the search are those of the last block, all with enough pulls. What the rule accepts of an arm is an
    interval around the honest median, and the further out a lie the further it moves the estimator: so halving finds
    the worst one, to the unit. Where nothing is accepted the median is told. With `rushing` they are those of the open
    round, which no seat that only lies knows in time: the lie is then on the edge itself, and in simulation only.
    """

    name = "optimiser"
    conduct = Conduct.LIAR

    def __init__(self, rushing: bool = False) -> None:
        self.rushes = flag("rushing", rushing)

    def means(self, view: View, honest: Means) -> Means:
        """Honest until there was a block."""
        rows = view.honest_rows
        if not rows:
            return honest
        means, middle = averages(rows), (len(rows) - 1) // 2
        medians = [sorted(column)[middle] for column in zip(*rows, strict=True)]
        best = means.index(max(means))
        signs = [-1 if arm == best else 1 for arm in range(len(means))]
        near = [0] * len(means)
        far = [1 + (UNIT - median if sign > 0 else median) for sign, median in zip(signs, medians, strict=True)]
        while any(end - start > 1 for start, end in zip(near, far, strict=True)):
            halves = [(start + end) // 2 for start, end in zip(near, far, strict=True)]
            tried = [median + sign * half for median, sign, half in zip(medians, signs, halves, strict=True)]
            for arm, taken in enumerate(self._accepted(view, tried)):
                near[arm], far[arm] = (halves[arm], far[arm]) if taken else (near[arm], halves[arm])
        return tuple(median + sign * start for median, sign, start in zip(medians, signs, near, strict=True))

    @staticmethod
    def _accepted(view: View, lie: Sequence[int]) -> list[bool]:
        """By arm, whether the value is in B when all colluders report it."""
        p, told = view.rules.parameters, dict.fromkeys(view.colluders, tuple(lie))
        reports = {seat: row for seat, row in view.reported.items() if seat not in view.colluders} | told
        bits = dict.fromkeys(reports, (True,) * p.arms)
        seed = round_seed(view.ledger.seed, view.round)
        agreed = Agreed(view.round, seed, reports, bits, view.reported_pulls)
        sets = estimate(p, (), agreed).sets
        return [any(reports[seat][arm] == lie[arm] for seat in members) for arm, members in enumerate(sets)]
