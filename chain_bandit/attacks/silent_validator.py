"""Take no part in the consensus."""

from chain_bandit.actors.messages import CertifiedBlock, Probe, Send
from chain_bandit.attacks.attack import EVER, Attack, Effect, Said, View, flag, whole
from chain_bandit.consensus.broadcast import Frame
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.consensus.echo import Echo
from chain_bandit.consensus.vector import Vector
from chain_bandit.protocol.settlement import Conduct

_OF_VALIDATORS = (Frame, Echo, Vector, Probe, Vote, Certificate, CertifiedBlock)


class SilentValidator(Attack):
    """Nothing of the consensus leaves the seat in rounds `first` to `last`; with `reports`, its own report does."""

    name = "silent-validator"
    conduct = Conduct.ATTACKER

    def __init__(self, first: int = 0, last: int = EVER, reports: bool = True) -> None:
        self.first, self.last = whole("first", first, 0), whole("last", last, 0)
        self.reports = flag("reports", reports)

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """Drop frames, votes and certificates."""
        if not self.first <= view.time <= self.last:
            return sends
        dropped = Probe if self.reports and view.step == 0 else _OF_VALIDATORS
        return [send for send in sends if not isinstance(send.message, dropped)]

    def effect(self) -> Effect:
        """Nothing but, maybe, its report."""
        report = Said.ONCE if self.reports else Said.NEVER
        return Effect(report, Said.NEVER, votes=False, first=self.first, last=self.last)
