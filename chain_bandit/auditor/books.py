"""The books of a game's money: double entry, every movement a row, in wei (protocol.md: Settlement).

`contract` is what the contract holds; every other account is what it owes somebody, or has burned. A movement takes
from the account that it debits and gives to the one that it credits, so that all accounts sum to nothing: what an audit
compares with the history is what the contract owes with what came in and went out.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

CONTRACT, POOL, COSTS, BURNED, ENVIRONMENT = "contract", "pool", "costs", "burned", "environment"


@dataclass(frozen=True, slots=True)
class Movement:
    """One row.

    Attributes:
        block: of the chain.
        transaction: the hash of the one that moved it, in hexadecimal.
        round: None for what is of no single round.
        what: in a word.
        debit, credit: names of accounts.
        wei: how much, never negative.
    """

    block: int
    transaction: str
    round: int | None
    what: str
    debit: str
    credit: str
    wei: int


@dataclass(slots=True)
class AccountTotals:
    """Totals of every account, and of everything that moved a row to whom it is told.

    Attributes:
        owed: by account, what it has been credited less what it has been debited. Of `CONTRACT` that is what was paid
            out less what came in.
        rows: how many movements there were.
        at: block and hash of the transaction that is booked.
        told: called with every movement.
    """

    owed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rows: int = 0
    at: tuple[int, bytes] = (0, b"")
    told: Callable[[Movement], None] | None = None

    def move(self, what: str, debit: str, credit: str, wei: int, round_: int | None = None) -> None:
        """Book a movement; a negative one goes the other way, none is no row."""
        if wei < 0:
            debit, credit, wei = credit, debit, -wei
        if wei:
            self.rows += 1
            self.owed[debit] -= wei
            self.owed[credit] += wei
            if self.told is not None:
                block, transaction = self.at
                self.told(Movement(block, "0x" + transaction.hex(), round_, what, debit, credit, wei))

    def of(self, seat: int) -> int:
        """What a seat is owed, over all of its accounts."""
        return sum(self.owed[account(seat, heading)] for heading in HEADINGS)

    @property
    def held(self) -> int:
        """What the contract should hold: all that it owes."""
        return sum(wei for name, wei in self.owed.items() if name not in (CONTRACT, BURNED))


HEADINGS = ("stake", "rewards", "costs", "penalty", "void", "share", "withdrawn")
"""The accounts of a seat: all that it ever got or lost, each under its reason."""


def account(seat: int, heading: str) -> str:
    """The name of a seat's account."""
    return f"seat {seat} {heading}"
