"""A game that the client has opened on an embedded chain."""

import random
from dataclasses import dataclass, field

from coincurve import PrivateKey
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chain_bandit.chain.call import Call
from chain_bandit.chain.client import Coordinator, CostEntry
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.protocol.aggregation import global_means
from chain_bandit.protocol.blocks import Body, Header, Kind, Record, Report, Seated, SignedReport, mask, seats
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.messages import Domain, Phase, Role, Slot
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.reputation import accuracies
from chain_bandit.protocol.rewards import secret_commitment
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.units import UNIT
from chain_bandit.stopwatch import Stopwatch
from tests.contracts.harness import compact, least_pool, parameters

SALT, SECRET, MODEL = keccak(b"salt"), keccak(b"secret"), b"model"


def raw(account: LocalAccount) -> bytes:
    return bytes.fromhex(account.address[2:])


@dataclass
class Played:
    """A game that the client opened on an embedded chain."""

    p: Parameters
    node: EmbeddedNode
    coordinator: Coordinator
    environment: LocalAccount
    seats: list[LocalAccount]
    roles: bytes
    chance: random.Random = field(default_factory=lambda: random.Random("client"))
    records: list[tuple[bytes, int, bytes]] = field(default_factory=list)

    def certificate(self, content: bytes) -> tuple[int, bytes]:
        c = self.coordinator
        quorum = c.quorum()
        separator = Domain(self.node.chain_id, c.address, c.game()).separator()
        digest = Slot(separator, c.next_round(), c.head()).digest(Phase.BLOCK, Role.SIGNER, 0, content)
        keys = [PrivateKey(bytes(seat.key)) for seat in self.seats[:quorum]]
        return mask(range(quorum)), b"".join(compact(key, digest) for key in keys)

    def block(self, selected: bool = True) -> tuple[Submitted, bytes]:
        """A certified block of reports around one half, and its header's bytes; nobody selected makes it rejected."""
        p, c, everybody = self.p, self.coordinator, mask(range(self.p.participants))
        middle = [UNIT // 2 - arm % 16 * UNIT // 50 for arm in range(p.arms)]
        named = (c.next_round() - 1,) * p.provable
        given = [
            Report(
                tuple(m + self.chance.randrange(-UNIT // 5, UNIT // 5) for m in middle), self.chance.randbytes(32),
                named=named,
            ) for _ in self.seats
        ]  # fmt: skip
        body = Body(
            (UNIT // 10,) * p.arms,
            tuple(SignedReport.of(report, self.chance.randbytes(64)) for report in given),
        )
        rows = (everybody if selected else 0,) * p.arms
        means = {seat: report.means for seat, report in enumerate(given)}
        validated = global_means(means, [frozenset(seats(row)) for row in rows])
        header = Header(
            c.next_round(), c.head(), 0, keccak(body.encode()), everybody, 0, (everybody,) * p.arms, rows, 0, validated,
            accuracies(p.participants, means, validated, body.radii, p.tolerance),
        )  # fmt: skip
        encoded = header.encode(p)
        return Submitted.of(p, header, body.encode(), *self.certificate(keccak(encoded))), encoded

    def approve(self, selected: bool = True) -> list[tuple[int, int, bytes]]:
        parent = self.coordinator.head()
        submitted, header = self.block(selected)
        made = self.coordinator.submit_blocks(self.environment, [submitted.encode(self.p)])
        return self.note(parent, header, made)

    def skip(self) -> list[tuple[int, int, bytes]]:
        parent = self.coordinator.head()
        return self.note(parent, b"", self.coordinator.skip(self.seats[0], 0, *self.certificate(ZERO)))

    def entries(self, costly: int = 0) -> list[CostEntry]:
        """All records, newest first, the first `costly` of them marked."""
        newest_first = enumerate(reversed(self.records))
        return [CostEntry(parent, kind, i < costly, header) for i, (parent, kind, header) in newest_first]

    def note(self, parent: bytes, header: bytes, call: Call) -> list[tuple[int, int, bytes]]:
        """Keep what the transaction recorded. Its event names the last record alone, so others are spelt out here."""
        made = self.coordinator.records(call)
        assert made is not None
        ((last, kind, head),) = made
        first = self.p.burn_in + len(self.records)
        if last > first:
            assert (last, kind) == (first + 1, Kind.EXPLORATION)
            failed = Kind.REJECTED if header else Kind.SKIP
            self.records.append((parent, failed, header))
            parent = Record(first, failed, None, keccak(header) if header else ZERO).head(parent)
            assert Record(last, Kind.EXPLORATION).head(parent) == head
            self.records.append((parent, Kind.EXPLORATION, b""))
        else:
            self.records.append((parent, kind, header))
        return made


def played(**changes: int) -> Played:
    p = parameters(**changes)
    accounts = [Account.from_key(keccak(b"account", bytes([i]))) for i in range(p.participants + 1)]
    *seats, environment = accounts
    node = EmbeddedNode({raw(account): 10**24 for account in accounts})
    roles = bytes([1, *bytes(p.participants - 1)])
    commitment = secret_commitment(SECRET, roles, MODEL)
    coordinator = Coordinator.deploy(
        node.line, environment, p, keccak(SALT), commitment, least_pool(p), Stopwatch()
    )
    for seat in seats:
        coordinator.join(seat, Seated(raw(seat)))
    coordinator.open(environment, SALT)
    assert coordinator.game() == p.digest(keccak(SALT), commitment)
    return Played(p, node, coordinator, environment, seats, roles)
