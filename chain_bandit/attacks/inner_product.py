"""Point the mean the other way: the negative of what the honest agree on, scaled (Xie et al. 2020, inner product).

What is a gradient there is here how far each arm's mean lies from the mean over arms: it decides which arm is best.
"""

from chain_bandit.attacks.attack import MILLION, Attack, millionths
from chain_bandit.attacks.seen import Ints, Seen, clipped
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct


class InnerProduct(Attack):
    """centre - `epsilon` * (mean - centre), means those of the honest in the last block. All colluders alike.

    `epsilon` in [0, 1000]: a small one stays among the honest reports where the arms are close, a large one does not.
    """

    name = "inner-product"
    conduct = Conduct.LIAR

    def __init__(self, epsilon: float = 0.1) -> None:
        self.epsilon = millionths("epsilon", epsilon)

    def numbers(self, parameters: Parameters) -> tuple[int, int]:
        """Epsilon in millionths."""
        return self.epsilon, 0

    def lie(self, seen: Seen) -> Ints:
        """Kept in [0, 1]; honest until there was a block."""
        if seen.honest is None:
            return seen.own
        mean = seen.honest.average
        centre = mean.sum(axis=-2, keepdims=True) // mean.shape[-2]
        return clipped(centre - self.epsilon * (mean - centre) // MILLION)
