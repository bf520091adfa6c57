"""The relayer: holds the round's certificate for submission to the contract. Anybody can be one."""

from chain_bandit.actors.messages import CertifiedBlock, Message, Send
from chain_bandit.actors.rules import Rules
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.messages import NO_BLOCK


class Relayer:
    """Keeps the first valid certificate of the open round: a block's or, failing that, a skip's."""

    def __init__(self, rules: Rules, verifier: Verifier) -> None:
        self.rules, self._verifier = rules, verifier

    def begin(self, ledger: Ledger) -> None:
        """Open the next round."""
        self._ledger = ledger
        self.block: CertifiedBlock | None = None
        self.skip: Certificate | None = None

    def on_tick(self, step: int) -> list[Send]:
        """Nothing of its own accord."""
        return []

    def on_message(self, sender: int, message: Message) -> None:
        """Keep a certificate that the contract would take; drop anything else."""
        match message:
            case CertifiedBlock() if self.block is None:
                if self.rules.certified_header(self._ledger, message, self._verifier) is not None:
                    self.block = message
            case Certificate() if self.skip is None and message.content == NO_BLOCK:
                if self.rules.is_certificate(self._ledger, message, self._verifier):
                    self.skip = message
            case _:
                pass
