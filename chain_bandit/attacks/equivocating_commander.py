"""As commander, send a different header to every validator; in probe rounds a different value."""

from collections.abc import Sequence

from chain_bandit.actors.messages import Message, Probe, Send
from chain_bandit.attacks.attack import Attack, Effect, Said, View, whole
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import Phase, Role
from chain_bandit.protocol.settlement import Conduct


class EquivocatingCommander(Attack):
    """`values` different digests in one slot, spread over the validators, from round `first` on."""

    name = "equivocating-commander"
    conduct = Conduct.ATTACKER

    def __init__(self, values: int = 2, first: int = 0) -> None:
        self.values, self.first = whole("values", values, 2), whole("first", first, 0)

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """In the step in which commanders send, the honest value goes to some, invented ones to others."""
        if view.time < self.first:
            return sends
        if view.step != (0 if view.rules.probes(view.ledger) else view.schedule.propose):
            return sends
        changed: list[Send] = []
        for send in sends:
            match send.message:
                case Frame(phase=Phase.BLOCK, claims=(claim,)):
                    changed += self._spread(send.to, [send.message, *self._others(view, claim)])
                case Probe(proofs=proofs, frame=Frame(claims=(claim,))):
                    probes = [Probe(proofs, frame) for frame in self._others(view, claim)]
                    changed += self._spread(send.to, [send.message, *probes])
                case _:
                    changed.append(send)
        return changed

    def effect(self) -> Effect:
        """Every validator sees two values at least, from round `first` on."""
        return Effect(header=Said.TWICE if self.values > 1 else Said.ONCE, first=self.first)

    @staticmethod
    def _spread(to: tuple[int, ...], messages: Sequence[Message]) -> list[Send]:
        return [Send((seat,), messages[i % len(messages)]) for i, seat in enumerate(to)]

    def _others(self, view: View, claim: Claim) -> list[Frame]:
        return [self._other(view, claim, i) for i in range(1, self.values)]

    @staticmethod
    def _other(view: View, claim: Claim, index: int) -> Frame:
        content = keccak(claim.content, uint(index, 1))
        signature = view.sign(Phase.BLOCK, Role.COMMANDER, view.seat, content)
        return Frame(Phase.BLOCK, (Claim(view.seat, content, signature),))
