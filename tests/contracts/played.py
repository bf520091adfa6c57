"""A game that the client has opened on an embedded chain."""

import random

from eth_account import Account
from eth_account.signers.local import LocalAccount

from chain_bandit.chain.call import Call
from chain_bandit.chain.client import Coordinator, CostEntry
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.crypto.keys import Signer, source
from chain_bandit.protocol.blocks import Header, Kind, Report, Seated
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.ledger import after_burn_in_round
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.rewards import secret_commitment
from chain_bandit.protocol.units import UNIT
from chain_bandit.stopwatch import Stopwatch
from tests.contracts.harness import ArbitraryGame, kind_of, least_pool, parameters

SALT, SECRET, MODEL = keccak(b"salt"), keccak(b"secret"), b"model"


def raw(account: LocalAccount) -> bytes:
    return bytes.fromhex(account.address[2:])


class Played(ArbitraryGame):
    """A game that the client opened on an embedded chain."""

    def __init__(self, **changes: int) -> None:
        p = parameters(**changes)
        keys = [keccak(b"account", bytes([i % 256]) + bytes(i // 256)) for i in range(p.participants + 1)]
        super().__init__(p, [Signer(source(key)) for key in keys[:-1]], random.Random("client"))
        *self.seats, self.environment = accounts = list(map(Account.from_key, keys))
        self.node = EmbeddedNode({raw(account): 10**24 for account in accounts})
        self.roles = bytes([1, *bytes(p.participants - 1)])
        commitments = keccak(SALT), secret_commitment(SECRET, self.roles, MODEL)
        self.coordinator = Coordinator.deploy(
            self.node.line, self.environment, p, *commitments, least_pool(p), Stopwatch()
        )
        seated = [Seated(raw(seat)) for seat in self.seats]
        for account, each in zip(self.seats, seated, strict=True):
            self.coordinator.join(account, each)
        self.coordinator.open(self.environment, SALT)
        assert self.coordinator.game() == p.digest(*commitments)
        self.begin(Domain(self.node.chain_id, self.coordinator.address, self.coordinator.game()), seated, SALT)
        while self.ledger.round < p.burn_in:
            self.ledger = after_burn_in_round(p, self.ledger)

    def report(self) -> Report:
        """One around one half."""
        p, chance = self.p, self.chance
        means = (UNIT // 2 - arm % 16 * UNIT // 50 + chance.randrange(-UNIT // 5, UNIT // 5) for arm in range(p.arms))
        return Report(tuple(means), chance.randbytes(32), named=(self.ledger.round - 1,) * p.provable)

    def approve(self, selected: bool = True) -> list[tuple[int, int, bytes]]:
        """Record a block; nobody selected makes it rejected."""
        p = self.p
        rows = (p.everybody if selected else 0,) * p.arms
        header, body = self.block(selected=rows, radii=(UNIT // 10,) * p.arms, arm=0)
        submitted = self.submitted(header, body).encode(p)
        return self.note(self.coordinator.submit_blocks(self.environment, [submitted]), kind_of(header), header)

    def skip(self) -> list[tuple[int, int, bytes]]:
        return self.note(self.coordinator.skip(self.seats[0], 0, *self.certificate(ZERO)), Kind.SKIP)

    def entries(self, costly: int = 0) -> list[CostEntry]:
        """All records, newest first, the first `costly` of them marked."""
        return self.cost_entries(range(self.ledger.round - costly, self.ledger.round))

    def note(self, call: Call, kind: Kind, header: Header | None = None) -> list[tuple[int, int, bytes]]:
        """Keep what the transaction recorded, of which its event names the last."""
        made, record = self.coordinator.records(call), self.advance(kind, header)
        assert made == [(record.round, record.kind, self.ledger.head)]
        return made
