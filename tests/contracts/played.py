"""A game that the client has opened on an embedded chain."""

import random
from dataclasses import dataclass, field

from coincurve import PrivateKey
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chain_bandit.chain.call import Call
from chain_bandit.chain.client import Coordinator, CostEntry
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.protocol.blocks import Header, Report, SignedReport, encode_body, mask
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.messages import Domain, Phase, Role, Slot
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rewards import secret_commitment
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
        separator = Domain(self.node.chain_id, c.address, c.game()).separator()
        digest = Slot(separator, c.next_round(), c.head()).digest(Phase.BLOCK, Role.SIGNER, 0, content)
        keys = [PrivateKey(bytes(seat.key)) for seat in self.seats[: self.p.quorum]]
        return mask(range(self.p.quorum)), b"".join(compact(key, digest) for key in keys)

    def approve(self, mean: int = UNIT) -> list[tuple[int, int, bytes]]:
        p, c, everybody = self.p, self.coordinator, mask(range(self.p.participants))
        reports = [
            SignedReport(
                Report(tuple(self.chance.randrange(UNIT) for _ in range(p.arms)), self.chance.randbytes(32)).encode(),
                self.chance.randbytes(64),
            )
            for _ in self.seats
        ]
        body, parent = encode_body(reports), c.head()
        header = Header(
            c.next_round(), parent, keccak(body), everybody, 0, (everybody,) * p.arms, (everybody,) * p.arms,
            (mean,) * p.arms,
        ).encode(p)  # fmt: skip
        certificate = self.certificate(keccak(header))
        return self.note(parent, header, c.submit_block(self.environment, header, body, *certificate))

    def skip(self) -> list[tuple[int, int, bytes]]:
        parent = self.coordinator.head()
        return self.note(parent, b"", self.coordinator.skip(self.seats[0], *self.certificate(ZERO)))

    def entries(self, costly: int = 0) -> list[CostEntry]:
        """All records, newest first, the first `costly` of them marked."""
        newest_first = enumerate(reversed(self.records))
        return [CostEntry(parent, kind, i < costly, header) for i, (parent, kind, header) in newest_first]

    def note(self, parent: bytes, header: bytes, call: Call) -> list[tuple[int, int, bytes]]:
        made = self.coordinator.records(call)
        assert made is not None
        for _, kind, head in made:
            self.records.append((parent, kind, header))
            parent, header = head, b""
        return made


def played(**changes: int) -> Played:
    p = parameters(**changes)
    accounts = [Account.from_key(keccak(b"account", bytes([i]))) for i in range(p.participants + 1)]
    *seats, environment = accounts
    node = EmbeddedNode({raw(account): 10**24 for account in accounts})
    roles = bytes([1, *bytes(p.participants - 1)])
    commitment = secret_commitment(SECRET, roles, MODEL)
    coordinator = Coordinator.deploy(
        node.web3, environment, p, keccak(SALT), commitment, least_pool(p), Stopwatch()
    )
    for seat in seats:
        coordinator.join(seat)
    coordinator.open(environment, SALT)
    assert coordinator.game() == p.digest(keccak(SALT), commitment)
    return Played(p, node, coordinator, environment, seats, roles)
