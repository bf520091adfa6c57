"""A seat of the game: one participant, which is a validator too (Theorem 1)."""

from chain_bandit.actors.messages import COMPARISON, Answer, CertifiedBlock, Message, Probe, Receipt, Send
from chain_bandit.actors.participant import Participant
from chain_bandit.actors.prober import Prober
from chain_bandit.actors.validator import Validator
from chain_bandit.consensus.broadcast import Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.consensus.echo import Echo
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.consensus.vector import Vector
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.blocks import approves
from chain_bandit.protocol.ledger import Ledger


class Seat:
    """Routes ticks and messages to the seat's two halves. Hostile messages are dropped, never raised on."""

    def __init__(self, participant: Participant, validator: Validator, verifier: Verifier) -> None:
        self.participant, self.validator, self._verifier = participant, validator, verifier
        self.number = participant.seat
        self.rules = participant.rules
        self.prober = Prober(self.rules, self.number, participant.signer, participant.vrf_key, verifier)
        self._step = 0

    def begin(self, ledger: Ledger) -> None:
        """Open the next round."""
        self.ledger, self._rewarded, self._step = ledger, False, 0
        self.probing = self.rules.probes(ledger)
        if self.probing:
            self.prober.begin(ledger)
        self.validator.begin(ledger)

    def on_tick(self, step: int) -> list[Send]:
        """What to send in `step`."""
        self._step = step
        if self.probing:
            return self.prober.on_tick(step)
        if step == 0:
            report, opening = self.participant.report(self.ledger)
            return [self.participant.open_commitment(opening), *self.validator.report(report)]
        return self.validator.on_tick(step)

    def on_message(self, sender: int, message: Message) -> list[Send]:
        """Take in what arrived in the current step; a certificate of this round is answered by a pull."""
        match message:
            case Frame() if not self.probing:  # first, for there are hundreds in a round
                self.validator.on_frame(sender, self._step, message)
            case Echo() if not self.probing:
                self.validator.on_echo(sender, message)
            case Vector() if not self.probing:
                self.validator.on_vector(sender, self._step, message)
            case Vote() if not self.probing:
                return self.validator.on_vote(message)
            case Probe() if self.probing:
                self.prober.on_probe(self._step, message)
            case Receipt():
                self._rewarded |= self.participant.on_receipt(self.ledger, message)
            case _ if self.probing:
                pass
            case Answer() if sender == COMPARISON:  # the one message whose only warrant is its sender
                self.validator.on_answer(message)
            case CertifiedBlock():
                return self._on_certificate(message)
            case _:
                pass
        return []

    def revealed(self) -> bytes | None:
        """The sealing key that the seat publishes after a sealed game, if it does."""
        return self.participant.seal_key if self.participant.reveals() else None

    def equivocations(self) -> list[Equivocation]:
        """Every proof of equivocation that the seat holds of the round."""
        return self.prober.equivocations() if self.probing else self.validator.equivocations()

    def _on_certificate(self, block: CertifiedBlock) -> list[Send]:
        """Pull on every certificate until the reward is there: the environment may not know the first one yet."""
        if self._rewarded or self.ledger.round <= self.rules.parameters.burn_in:
            return []
        header = self.rules.certified_header(self.ledger, block, self._verifier)
        return self.participant.pull(self.ledger) if header is not None and approves(header.means) else []
