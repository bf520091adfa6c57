"""A participant: deals shares of its token, and opens those that validators doubt."""

from collections.abc import Sequence

from chain_bandit.actors.epochs import transcript
from chain_bandit.actors.epochs.dealing import SHARE_BYTES, deal
from chain_bandit.actors.epochs.epoch import Doubts, Epoch, EpochMessage, Shared, Stage, Staged
from chain_bandit.actors.messages import Send
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.crypto.keys import Signer
from chain_bandit.protocol.agreement import ledger
from chain_bandit.protocol.blocks import seats
from chain_bandit.protocol.messages import Phase, Role, statement_content


class EpochParticipant:
    """One epoch at a time: `begin`, then ticks and messages. Hostile messages are dropped, never raised on."""

    def __init__(self, seat: int, signer: Signer) -> None:
        self.seat, self._signer = seat, signer

    def begin(self, epoch: Epoch, token: int, salt: bytes, row: Sequence[transcript.StepObservation] = ()) -> None:
        """Open an epoch.

        Args:
            token: its own, in units, from 0 to `tokens.LARGEST`.
            salt: 32 bytes, secret and used once.
            row: what it saw and answered in each step, where credits are kept.
        """
        self.epoch = epoch
        self._dealing = deal(token, salt, epoch.terms.faulty, epoch.terms.validators)
        self._row = transcript.encode(row, epoch.terms.participants)
        self._doubts: dict[int, tuple[int, ...]] = {}

    def on_tick(self, step: int) -> list[Send]:
        """What to send in `step`."""
        epoch, holders = self.epoch, self._holders
        if step == epoch.start(Stage.DEAL):
            first = epoch.terms.participants
            own = [Send((to,), Shared(self._dealing.shares[to - first])) for to in holders]
            return [*own, self._state(Stage.DEAL, self._dealing.leaves + self._row)]
        if step == epoch.start(Stage.OPEN) and (doubted := self._doubted()):
            shares = self._dealing.shares
            opened = (share if at in doubted else bytes(SHARE_BYTES) for at, share in enumerate(shares))
            return [self._state(Stage.OPEN, b"".join(opened))]
        return []

    def on_message(self, sender: int, message: EpochMessage) -> None:
        """Note what a validator doubts."""
        if isinstance(message, Doubts) and sender in self._holders:
            self._doubts[sender] = message.places

    @property
    def _holders(self) -> tuple[int, ...]:
        return seats(ledger.validators(self.epoch.terms, self.epoch.ledger))

    def _doubted(self) -> frozenset[int]:
        """What more than f validators doubt: an honest one is among them, and f alone open nothing."""
        said = list(self._doubts.values())
        terms = self.epoch.terms
        return frozenset(
            at for at in range(terms.validators) if sum(at in places for places in said) > terms.faulty
        )

    def _state(self, stage: Stage, content: bytes) -> Send:
        stated = statement_content(Phase.REPORT, content)
        slot = self.epoch.slot_of(stage)
        signature = self._signer.state(slot, Phase.REPORT, Role.COMMANDER, self.seat, stated)
        return Send(self._holders, Staged(stage, Frame(Phase.REPORT, (Claim(self.seat, content, signature),))))
