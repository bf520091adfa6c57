"""What every actor of a game knows from its opening on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from chain_bandit.actors.messages import CertifiedBlock, Schedule
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.assumptions import relay_rounds
from chain_bandit.protocol.blocks import Header
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.messages import Domain, Slot
from chain_bandit.protocol.parameters import Parameters


@dataclass(frozen=True)
class Rules:
    """The public facts of an opened game.

    Attributes:
        addresses: the key of each seat, 20 bytes.
        environment: the environment's, 20 bytes.
        seed_0, genesis: `protocol.blocks.genesis_digest`.
    """

    parameters: Parameters
    domain: Domain
    addresses: Sequence[bytes]
    environment: bytes
    seed_0: bytes
    genesis: bytes

    @cached_property
    def separator(self) -> bytes:
        """EIP-712 domain separator."""
        return self.domain.separator()

    @cached_property
    def schedule(self) -> Schedule:
        """The steps of a round."""
        return Schedule(relay_rounds(self.parameters.attackers))

    @cached_property
    def everybody(self) -> tuple[int, ...]:
        """All seats."""
        return tuple(range(self.parameters.participants))

    @cached_property
    def report_bytes(self) -> int:
        """Size of a report's content."""
        return 4 * self.parameters.arms + 32

    def slot(self, ledger: Ledger) -> Slot:
        """The slot of the open round, less phase, role and instance."""
        return Slot(self.separator, ledger.round, ledger.head)

    def certified_header(self, ledger: Ledger, block: CertifiedBlock, verifier: Verifier) -> Header | None:
        """The header of a block that a quorum certified in the open round, else None: the contract's own rule."""
        if keccak(block.header) != block.certificate.content:
            return None
        if not block.certificate.holds(self.slot(ledger), self.addresses, self.parameters.quorum, verifier):
            return None
        try:
            header = Header.decode(block.header, self.parameters)
        except Malformed:
            return None
        return header if header.body == keccak(block.body) else None
