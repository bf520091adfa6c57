"""Game configuration that every actor has from the opening on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from chain_bandit.actors.messages import CertifiedBlock, Receipt, Schedule
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.assumptions import header_relays, relay_rounds
from chain_bandit.protocol.blocks import Header, seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import Ledger, commanders, reporters, validators
from chain_bandit.protocol.messages import Domain, Slot, receipt_content
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.proposal import readable_header


@dataclass(frozen=True)
class Rules:
    """The public facts of an opened game.

    Attributes:
        addresses: the key of each seat, 20 bytes.
        environment: the environment's, 20 bytes.
        seed_0, genesis: `protocol.blocks.genesis_digest`.
        vrf_keys: the key of each seat's draws, 33 bytes that may be no key.
        parties: how many validators compute the comparison bits; 0 leaves it to a trusted function.
        certified: whether certified vectors end the broadcast of reports, see `actors.messages.Schedule`.
    """

    parameters: Parameters
    domain: Domain
    addresses: Sequence[bytes]
    environment: bytes
    seed_0: bytes
    genesis: bytes
    vrf_keys: Sequence[bytes]
    parties: int = 0
    certified: bool = False

    @cached_property
    def separator(self) -> bytes:
        """EIP-712 domain separator."""
        return self.domain.separator()

    @cached_property
    def schedule(self) -> Schedule:
        """The steps of a round."""
        p = self.parameters
        relayed = header_relays(p.validators, p.attackers, p.draws_commanders)
        return Schedule(relay_rounds(p.attackers), relayed, self.certified)

    @cached_property
    def everybody(self) -> tuple[int, ...]:
        """All seats."""
        return tuple(range(self.parameters.participants))

    def slot(self, ledger: Ledger) -> Slot:
        """The slot of the open round, less phase, role and instance."""
        return Slot(self.separator, ledger.round, ledger.head)

    def validators(self, ledger: Ledger) -> tuple[int, ...]:
        """Validators of the open round."""
        return seats(validators(ledger))

    def commanders(self, ledger: Ledger) -> tuple[int, ...]:
        """Commanders of the open round."""
        return seats(commanders(ledger))

    def probes(self, ledger: Ledger) -> bool:
        """Whether the open round is one of the burn-in in which those drawn probe each other (Theorem 5)."""
        return self.parameters.draws_commanders and ledger.round < self.parameters.burn_in

    def reporters(self, ledger: Ledger) -> tuple[int, ...]:
        """Whose reports count in the open round: all but the block list."""
        return seats(reporters(self.parameters, ledger))

    def rewarded(self, ledger: Ledger, header: Header) -> tuple[int, ...]:
        """Seats given a reward in an approved round: all but the block list; with proofs, of these the reporters."""
        able = self.reporters(ledger)
        return tuple(seat for seat in able if header.reporters >> seat & 1) if self.parameters.provable else able

    def is_paid(self, header: Header, arm: int) -> bool:
        """Whether a pull of an arm is given a reward in an approved round: with proofs, of the block's arm alone."""
        return arm == header.arm or not self.parameters.provable

    @property
    def may_give_nothing(self) -> bool:
        """Whether a receipt may be of no pull: to an unpaid seat, or of a live reward that did not come in time."""
        return bool(self.parameters.provable or not self.parameters.sealed)

    def receipt_content(self, receipt: Receipt) -> bytes:
        """What the environment signs of a receipt."""
        count = receipt.count if self.parameters.has_phases else None
        return receipt_content(receipt.arm, receipt.reward, receipt.tally, count)

    def quorum(self, ledger: Ledger) -> int:
        """Signatures that certify the open round's block."""
        return self.parameters.quorum(validators(ledger).bit_count())

    def is_certificate(self, ledger: Ledger, certificate: Certificate, verifier: Verifier) -> bool:
        """Whether a quorum of the open round's validators signed it there."""
        return certificate.holds(
            self.slot(ledger), self.addresses, validators(ledger), self.quorum(ledger), verifier
        )

    def certified_header(self, ledger: Ledger, block: CertifiedBlock, verifier: Verifier) -> Header | None:
        """The header of a block that a quorum certified in the open round, else None: the contract's own rule."""
        if keccak(block.header) != block.certificate.content:
            return None
        if not self.is_certificate(ledger, block.certificate, verifier):
            return None
        header = readable_header(block.header, self.parameters)
        return header if header is not None and header.body == keccak(block.body) else None
