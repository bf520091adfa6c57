"""A game without actors, as scripts play it: its ledger by the rules, what its seats sign, and what is recorded."""

from collections.abc import Container, Iterable, Sequence

from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.keys import Signer
from chain_bandit.protocol.blocks import (
    Body,
    Header,
    Kind,
    Record,
    Report,
    Seated,
    SignedReport,
    genesis_digest,
    mask,
    seats,
)
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.ledger import (
    Ledger,
    after_record,
    blocked,
    honest_arm,
    length,
    opening,
    records_made,
    validators,
)
from chain_bandit.protocol.messages import Domain, Phase, Role, Slot, statement_content
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.reputation import accuracies
from chain_bandit.protocol.settlement import CostEntry
from chain_bandit.protocol.submission import Submitted

CONTENTS = keccak(b"one"), keccak(b"other")
"""Of two statements that prove an equivocation."""


class ScriptedGame:
    """One game's course. Its subclasses decide on the chain, and on the content of reports and blocks.

    Attributes:
        p: its parameters.
        signers: the key of each seat.
        records: each with its parent and its header's bytes, which are empty where there is no block.
        separator, seed_0, genesis, ledger: of an open game.
    """

    def __init__(self, p: Parameters, signers: Sequence[Signer]) -> None:
        self.p, self.signers = p, list(signers)
        self.records: list[tuple[bytes, Record, bytes]] = []

    def begin(self, domain: Domain, seated: Sequence[Seated], salt: bytes) -> None:
        """The game is open, at round 1."""
        self.separator = domain.separator()
        self.seed_0, self.genesis = genesis_digest(domain.game, seated, salt)
        self.ledger = opening(self.p, self.genesis, self.seed_0, tuple(each.weight for each in seated))

    @property
    def slot(self) -> Slot:
        """Of the open round."""
        return Slot(self.separator, self.ledger.round, self.ledger.head)

    @property
    def quorum(self) -> int:
        """How many validators certify the open round's block."""
        return self.p.quorum(validators(self.ledger).bit_count())

    def digest_of(self, content: bytes) -> bytes:
        """What validators sign to certify a content in the open slot."""
        return self.slot.digest(Phase.BLOCK, Role.SIGNER, 0, content)

    def certificate(self, content: bytes, signers: Iterable[int] | None = None) -> tuple[int, bytes]:
        """A quorum's signatures (or those of `signers`) under a content in the open slot."""
        chosen = sorted(seats(validators(self.ledger))[: self.quorum] if signers is None else signers)
        digest = self.digest_of(content)
        return mask(chosen), b"".join(self.signers[seat].sign(digest) for seat in chosen)

    def signed_report(self, seat: int, report: Report, slot: Slot | None = None) -> SignedReport:
        """A report with its seat's signature, in the open slot unless told otherwise."""
        content = statement_content(Phase.REPORT, report.encode())
        return SignedReport.of(
            report, self.signers[seat].state(slot or self.slot, Phase.REPORT, Role.COMMANDER, seat, content)
        )

    def equivocation(
        self, seat: int, phase: Phase = Phase.BLOCK, role: Role = Role.SIGNER,
        contents: tuple[bytes, bytes] = CONTENTS, slots: tuple[Slot, Slot] | None = None,
        instance: int | None = None, key: int | None = None,
    ) -> Equivocation:
        """Two contents that the seat signed in the open slot; or in other `slots`, `instance`, with another's `key`."""
        at = (0 if role is Role.SIGNER else seat) if instance is None else instance
        signer = self.signers[seat if key is None else key]
        (one, first), (other, second) = (
            (content, signer.state(slot, phase, role, at, statement_content(phase, content)))
            for slot, content in zip(slots or (self.slot, self.slot), contents, strict=True)
        )
        return Equivocation(self.slot, phase, role, seat, one, first, other, second)

    def header(
        self, reporters: Sequence[int], body: Body, candidates: Sequence[int], selected: Sequence[int],
        means: tuple[int, ...],
    ) -> Header:
        """The open round's over a body, whose reporters are in ascending order; it names no validators."""
        p, ledger, arm = self.p, self.ledger, honest_arm(self.p, self.ledger)
        reported = {seat: signed.report.means for seat, signed in zip(reporters, body.reports, strict=True)}
        return Header(
            round=ledger.round, parent=ledger.head, blocked=blocked(ledger, ledger.round), body=keccak(body.encode()),
            reporters=mask(reporters), arm=arm, candidates=tuple(candidates), selected=tuple(selected), committee=0,
            means=means, accuracies=accuracies(p.participants, reported, means, body.radii, p.tolerance),
            length=length(p, ledger, arm),
        )  # fmt: skip

    def submitted(self, header: Header, body: bytes, signers: Iterable[int] | None = None) -> Submitted:
        """One block of a submission, signed in the open slot."""
        return Submitted.of(self.p, header, body, *self.certificate(keccak(header.encode(self.p)), signers))

    def made(self, kind: Kind, header: Header | None = None) -> tuple[Record, ...]:
        """The records of a transaction that ends the open round like this: an exploration may follow."""
        digest = keccak(header.encode(self.p)) if header else ZERO
        return records_made(self.p, self.ledger, Record(self.ledger.round, kind, header, digest))

    def after(self, kind: Kind, header: Header | None = None) -> Ledger:
        """The ledger once the open round has ended like this."""
        ledger = self.ledger
        for record in self.made(kind, header):
            ledger = after_record(self.p, ledger, record)
        return ledger

    def next_committee(self) -> int:
        """Validators after a skip, as the contract is told: 0 in a game in which everybody validates."""
        return self.after(Kind.SKIP).committee if self.p.has_committees else 0

    def advance(self, kind: Kind, header: Header | None = None) -> Record:
        """Note what a transaction has recorded, and give the last of it."""
        for record in self.made(kind, header):
            self.on_record(record)
            self.records.append((self.ledger.head, record, record.header.encode(self.p) if record.header else b""))
            self.ledger = after_record(self.p, self.ledger, record)
        return record

    def on_record(self, record: Record) -> None:
        """What else the end of the open round brings, before the ledger has it."""

    def cost_entries(self, costly: Container[int] = ()) -> list[CostEntry]:
        """Every record, newest first, as costs are settled."""
        return [
            CostEntry(parent, int(record.kind), record.round in costly, header)
            for parent, record, header in reversed(self.records)
        ]
