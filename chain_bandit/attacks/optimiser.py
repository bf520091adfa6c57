"""Search the worst lie that the game's own rule accepts. All colluders alike."""

from chain_bandit.attacks.parametric import FARTHEST, Parametric


class Optimiser(Parametric):
    """The best arm as low, every other as high as a report of all colluders can be and still have its value in B.

    The further out a lie is the further it moves the estimator: so this is the worst one, to the unit. Where nothing
    is accepted the median is told. With `rushing` the honest reports are those of the open round, which no seat that
    only lies knows in time: the lie is then on the edge itself, and in simulation only.
    """

    name = "optimiser"

    def __init__(self, rushing: bool = False) -> None:
        super().__init__(best=-FARTHEST, second=FARTHEST, others=FARTHEST, within=1.0, rushing=rushing)
