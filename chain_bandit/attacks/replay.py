"""Send again what was said in an earlier round."""

from chain_bandit.actors.messages import Send
from chain_bandit.attacks.attack import Attack, Effect, View, whole
from chain_bandit.protocol.settlement import Conduct


class Replay(Attack):
    """In every step, also what this seat sent in the same step `rounds` rounds ago."""

    name = "replay"
    conduct = Conduct.ATTACKER

    def __init__(self, rounds: int = 1) -> None:
        self._rounds = whole("rounds", rounds, 0)
        self._sent: dict[tuple[int, int], list[Send]] = {}

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """Old messages first, so that they arrive before the honest ones."""
        self._sent[view.round, view.step] = sends
        return [*self._sent.pop((view.round - self._rounds, view.step), []), *sends]

    def effect(self) -> Effect:
        """Nothing of another round is taken in."""
        return Effect()
