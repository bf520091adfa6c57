"""The relayer: holds the first certificate of the open epoch that the contract would take. Anybody can be one."""

from chain_bandit.actors.epochs.epoch import Ended, Epoch, EpochMessage
from chain_bandit.actors.messages import Send
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.agreement import ledger
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import NO_BLOCK


class EpochRelayer:
    """Keeps what ends the epoch, from whomever it comes."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def begin(self, epoch: Epoch) -> None:
        """Open the next epoch."""
        self.epoch = epoch
        self.ended: Ended | None = None

    def on_tick(self, step: int) -> list[Send]:
        """Nothing of its own accord."""
        return []

    def on_message(self, sender: int, message: EpochMessage) -> None:
        """Keep a quorum's word on the body that comes with it; drop anything else."""
        if not isinstance(message, Ended) or self.ended is not None:
            return
        epoch, certificate = self.epoch, message.certificate
        members = ledger.validators(epoch.terms, epoch.ledger)
        quorum = epoch.terms.quorum(members.bit_count())
        named = certificate.content == (keccak(message.body) if message.body else NO_BLOCK)
        if named and certificate.holds(epoch.slot, epoch.accounts, members, quorum, self._verifier):
            self.ended = message
