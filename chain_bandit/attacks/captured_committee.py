"""Wait until the colluders alone are a quorum of the committee, then certify what they like, and lie."""

from chain_bandit.actors.messages import ENVIRONMENT, RELAYER, CertifiedBlock, Send
from chain_bandit.attacks.attack import Attack, Effect, NotSimulated, View
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.protocol.blocks import mask
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import Phase, Role
from chain_bandit.protocol.proposal import propose
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Means


class CapturedCommittee(Attack):
    """In a committee of theirs, 1 - estimator for every arm, in a block that holds the colluders' reports alone.

    The others' count as withheld. Nobody signs twice, so no proof comes of it. Seats left out lose reputation, so a
    committee by reputation is theirs from then on. It takes a quorum of attackers, which 2m + 1 <= N excludes.
    """

    name = "captured-committee"
    conduct = Conduct.LIAR | Conduct.ATTACKER

    def means(self, view: View, honest: Means) -> Means:
        """Upside down once no other report counts; until then as the last block, which has the best reputation."""
        if self._captured(view):
            return tuple(UNIT - mean for mean in honest)
        return view.ledger.means or honest

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """In the step of the votes, a certificate instead of them."""
        machine, ledger, parameters = view.validator, view.ledger, view.rules.parameters
        if view.step != view.schedule.vote or machine is None or not machine.bits or not self._captured(view):
            return sends
        reports = {seat: report for seat, report in machine.agreed.items() if seat in view.colluders}
        proven = {seat: output for seat, output in machine.hashes.items() if seat in reports}
        header, body = propose(parameters, ledger, reports, machine.bits, proven)
        encoded = header.encode(parameters)
        content, members = keccak(encoded), self._members(view)
        signatures = b"".join(view.sign(Phase.BLOCK, Role.SIGNER, 0, content, seat) for seat in members)
        block = CertifiedBlock(encoded, body, Certificate(content, mask(members), signatures))
        return [*(send for send in sends if not isinstance(send.message, Vote)), Send((ENVIRONMENT, RELAYER), block)]

    def effect(self) -> Effect:
        """A quorum of its own is beyond the bounds within which a round without messages has one outcome."""
        raise NotSimulated(self.name, "certifies blocks of its own")

    @staticmethod
    def _members(view: View) -> list[int]:
        """The colluders with a key in the open round's committee."""
        return sorted(view.signers.keys() & set(view.rules.validators(view.ledger)))

    def _captured(self, view: View) -> bool:
        return len(self._members(view)) >= view.rules.quorum(view.ledger)
