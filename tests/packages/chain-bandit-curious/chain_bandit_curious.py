"""The policy `curious`: the best estimator, and now and then any arm."""

from chain_bandit.rule_api import Learnt, Option, Policy, Terms, chance


class Curious(Policy):
    """Epsilon-greedy (Sutton, Barto, 1998), its coins tossed by the round's seed."""

    name = "curious"
    draws = True
    options = {"epsilon": Option(100000000, 0, 1000000000, scale=1000000000)}  # noqa: RUF012

    def arm(self, terms: Terms, learnt: Learnt) -> int:
        """With the chance epsilon one that the seed draws, else the lowest of the best."""
        if chance(learnt.seed, 0) * 1000000000 >> 256 < terms.options["epsilon"]:
            return chance(learnt.seed, 1) % terms.arms
        return learnt.means.index(max(learnt.means))
