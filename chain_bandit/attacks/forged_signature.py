"""Send messages in the name of an honest seat, without its key."""

from chain_bandit.actors.messages import Send
from chain_bandit.attacks.attack import Attack, Effect, View
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import NO_BLOCK, Phase, Role, statement_content
from chain_bandit.protocol.settlement import Conduct


class ForgedSignature(Attack):
    """False reports, headers and votes of every honest seat, signed with the wrong key or with noise."""

    name = "forged-signature"
    conduct = Conduct.ATTACKER

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """The honest messages, with forgeries beside them."""
        schedule = view.schedule
        if view.step == 0:
            return [*sends, *self._claims(view, Phase.REPORT, bytes(view.rules.parameters.report_bytes))]
        if view.step == schedule.propose:
            return [*sends, *self._claims(view, Phase.BLOCK, keccak(uint(view.round, 4)))]
        if view.step == schedule.vote:
            own = view.sign(Phase.BLOCK, Role.SIGNER, 0, NO_BLOCK)
            votes = (Vote(seat, NO_BLOCK, own) for seat in view.honest)
            return [*sends, *(Send(view.others, vote) for vote in votes)]
        return sends

    def effect(self) -> Effect:
        """Nothing forged is taken in."""
        return Effect()

    @staticmethod
    def _claims(view: View, phase: Phase, content: bytes) -> list[Send]:
        signed = statement_content(phase, content)
        claims = []
        for victim in view.honest:
            noise = view.rng.randbytes(64)
            own_key = view.sign(phase, Role.COMMANDER, victim, signed)
            claims += [Claim(victim, content, noise), Claim(victim, content, own_key)]
        return [Send(view.others, Frame(phase, tuple(claims)))]
