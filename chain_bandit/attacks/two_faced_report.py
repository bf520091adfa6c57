"""Send one half of the validators one report and the other half another."""

from dataclasses import replace

from chain_bandit.actors.messages import Send
from chain_bandit.attacks.attack import Attack, Effect, Said, View
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.protocol.blocks import Report
from chain_bandit.protocol.messages import Phase, Role, statement_content
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT


class TwoFacedReport(Attack):
    """Two signed reports in one slot, which prove the equivocation once both are seen."""

    name = "two-faced-report"
    conduct = Conduct.LIAR | Conduct.ATTACKER

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """In step 0 the second half gets a report in which every estimator is half a unit off."""
        changed: list[Send] = []
        for send in sends:
            match send.message:
                case Frame(phase=Phase.REPORT, claims=(claim,)) if view.step == 0:
                    half = len(send.to) // 2
                    changed += [Send(send.to[:half], send.message), Send(send.to[half:], self._other(view, claim))]
                case _:
                    changed.append(send)
        return changed

    def effect(self) -> Effect:
        """Every validator sees both."""
        return Effect(report=Said.TWICE)

    @staticmethod
    def _other(view: View, claim: Claim) -> Frame:
        honest = Report.decode(claim.content, view.rules.parameters)
        means = tuple((mean + UNIT // 2) % (UNIT + 1) for mean in honest.means)
        content = replace(honest, means=means).encode()
        signature = view.sign(Phase.REPORT, Role.COMMANDER, view.seat, statement_content(Phase.REPORT, content))
        return Frame(Phase.REPORT, (Claim(view.seat, content, signature),))
