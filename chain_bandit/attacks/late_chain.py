"""Withhold one's value, then hand it to a single victim at the last moment."""

from chain_bandit.actors.messages import Probe, Send
from chain_bandit.attacks.attack import Attack, Effect, Said, View, flag
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.protocol.messages import Phase, Role, broadcast_value
from chain_bandit.protocol.settlement import Conduct


class LateChain(Attack):
    """Report and header stay back until the last step; then one validator gets them, vouched for by colluders.

    They sign m times in all, the most that attackers within the bound can. Without the test of a chain's length the
    victim alone would hold the value. `padded` repeats the own signature as if it were enough of them.
    """

    name = "late-chain"
    conduct = Conduct.ATTACKER

    def __init__(self, padded: bool = False) -> None:
        self._padded = flag("padded", padded)
        self._kept: dict[Phase, Claim] = {}

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """Keep the opening frame of each phase, release it in the phase's last step; of a probe it comes too late."""
        schedule, passed = view.schedule, []
        for send in sends:
            match send.message:
                case Frame(phase=phase, claims=(claim,)) if view.step in (0, schedule.propose):
                    self._kept[phase] = claim
                case Probe():
                    pass
                case _:
                    passed.append(send)
        for phase, last in (
            (Phase.REPORT, schedule.last_report),
            (Phase.BLOCK, schedule.vote - 1),
        ):
            if view.step == last and phase in self._kept:
                victim = view.honest[view.round % len(view.honest)]
                passed.append(Send((victim,), Frame(phase, (self._vouched(view, phase, self._kept.pop(phase)),))))
        return passed

    def effect(self) -> Effect:
        """Too few signatures for the step: nobody has anything but this seat, whose block is therefore another."""
        return Effect(Said.NEVER, Said.NEVER, votes=False)

    def _vouched(self, view: View, phase: Phase, claim: Claim) -> Claim:
        value = broadcast_value(phase, claim.content, claim.signature)
        colluders = [seat for seat in view.signers if seat != view.seat]
        if self._padded:
            colluders = [view.seat] * view.schedule.relay_rounds
        relays = tuple((seat, view.sign(phase, Role.RELAY, claim.instance, value, seat)) for seat in colluders)
        return Claim(claim.instance, claim.content, claim.signature, relays)
