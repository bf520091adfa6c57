"""Ledger of a game's rounds at the environment: outcomes, pending settlements, run digest."""

from dataclasses import dataclass, field

from chain_bandit.actors.environment import Environment
from chain_bandit.protocol import run_digest
from chain_bandit.protocol.blocks import Body, Kind, Record, SignedReport, seats
from chain_bandit.protocol.ledger import Ledger, after_record, blocked, pulled_arm
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import NOTHING, CostEntry, Pull, encode_pulls
from chain_bandit.protocol.tallies import Settled, SettledSums, Tallies
from chain_bandit.protocol.transaction import MOST_UNPAID


@dataclass(frozen=True, slots=True)
class RoundPlayed:
    """One round as it ended.

    Attributes:
        record: None in the burn-in, which leaves no record.
        arm: what the honest pulled; None when the round failed.
        pulls: by seat, of an approved learning round; empty otherwise.
        cost: in units, of a round in case 2; None of any other.
        length: how often the arm was pulled.
        accused: seats against which the honest hold proof of equivocation in this round.
        body: encoded, of a round that ended in a block; a compact game leaves it nowhere else.
        blocked: the round's block list.
        statements: how many were delivered among the actors in this round: what commanders cost.
        aborted: why there were no comparison bits, an attempt each.
    """

    round: int
    record: Record | None
    arm: int | None
    pulls: tuple[Pull, ...] = ()
    cost: int | None = None
    accused: frozenset[int] = frozenset()
    body: bytes = b""
    blocked: frozenset[int] = frozenset()
    statements: int = 0
    aborted: tuple[str, ...] = ()
    length: int = 1

    @property
    def costly(self) -> bool:
        """Case 2."""
        return self.cost is not None

    @property
    def forfeited(self) -> frozenset[int]:
        """Seats that may pull, and whose reward of the round is settled as none: they were away too long."""
        return frozenset(seat for seat, pull in enumerate(self.pulls) if pull == NOTHING) - self.blocked


@dataclass
class Books:
    """A game so far, record by record, as the environment needs it; the entries are what the contract needs back.

    Attributes:
        environment: has begun each round whose record is added, and gives no more receipts of it afterwards.
    """

    parameters: Parameters
    environment: Environment
    ledger: Ledger
    digest: bytes = run_digest.START
    entries: list[CostEntry] = field(default_factory=list)
    _unsettled: list[bytes] = field(default_factory=list)
    _settled: int = 0
    _paid_burn_in: bytes = b""
    _tallies: Tallies = field(init=False)

    def __post_init__(self) -> None:
        """Nobody was given anything yet."""
        self._tallies = Tallies(self.parameters)

    def add(self, record: Record, body: bytes) -> RoundPlayed:
        """Take in the open round's record, with the body of its block; move on to the next round."""
        parameters, ledger, header = self.parameters, self.ledger, record.header
        reports: tuple[SignedReport, ...] = ()
        pulls: tuple[Pull, ...] = ()
        cost = None
        if header is not None:
            members = seats(header.reporters)
            reports = Body.decode(body, len(members), parameters).reports
            if record.kind is Kind.APPROVED and ledger.round > parameters.burn_in:
                pulls = self.environment.pulls(ledger.round)
                self._unsettled.append(self.environment.settlement(ledger.round, pulls))
                reported = {seat: signed.report for seat, signed in zip(members, reports, strict=True)}
                cost = self.environment.charge(ledger.round, header, reported)
                self.environment.close(ledger.round)
        self.digest = run_digest.extend(
            self.digest, parameters, record.round, record.kind, header, reports, pulls
        )
        if parameters.paid_burn_in and record.round == parameters.burn_in:
            observed = map(self.environment.observed, range(1, record.round + 1))
            self._paid_burn_in = b"".join(encode_pulls(row, parameters.has_phases) for row in observed)
        if parameters.provable:
            self._tally(record, pulls)
        encoded = header.encode(parameters) if header else b""
        self.entries.append(CostEntry(ledger.head, record.kind, cost is not None, encoded))
        self.ledger = after_record(parameters, ledger, record)
        return RoundPlayed(
            record.round, record, pulled_arm(parameters, ledger, record), pulls, cost,
            body=body if header else b"", blocked=frozenset(seats(blocked(ledger, ledger.round))),
            length=self.ledger.time - ledger.time,
        )  # fmt: skip

    def settlement(self, least: int) -> tuple[int, bytes] | None:
        """What the contract is told of all rounds since the last settlement, and up to which; None while too few.

        Args:
            least: how many approved rounds are worth a call, of any kind where false reports are proven; 0 to settle
                whatever there is. `MOST_UNPAID` others always are.
        """
        last = self.ledger.round - 1
        since = last - max(self._settled, self.parameters.burn_in)
        paid = since if self.parameters.provable else len(self._unsettled)
        if since <= 0 or (paid < least and since - paid < MOST_UNPAID):
            return None
        pulls = self._paid_burn_in + b"".join(self._unsettled)
        if self.parameters.settles_tallies:
            root, unpaid, _ = self._tallies.unsettled()
            pulls = Settled(pulls, root, self.environment.sign_tallies(last, root), unpaid).encode()
        return last, pulls

    def settled(self) -> None:
        """The contract was told of all rounds so far."""
        self._paid_burn_in, self._unsettled, self._settled = b"", [], self.ledger.round - 1
        if self.parameters.settles_tallies:
            self._tallies.settled()

    def sums(self) -> bytes:
        """What a sealed game pays, once all of it is settled; with proofs it binds the tallies of all rounds."""
        sums = tuple(self.environment.sums)
        if not self.parameters.provable:
            return SettledSums(sums).encode()
        if self.ledger.round == self.parameters.burn_in:  # it ended without a record
            self._observe(self.ledger.round - 1)
        root, _, _ = self._tallies.unsettled()
        return SettledSums(sums, root, self.environment.sign_tallies(self.ledger.round - 1, root)).encode()

    def _observe(self, last: int) -> None:
        for round_ in range(1, last + 1):
            self._tallies.add(round_, self.environment.observed(round_), False)

    def _tally(self, record: Record, paid: tuple[Pull, ...]) -> None:
        """What everybody was given up to the end of a recorded round; before the first one those of the burn-in."""
        if record.round == self.parameters.burn_in:
            self._observe(record.round)
        elif record.kind is Kind.EXPLORATION:
            self._tallies.add(record.round, self.environment.pulls(record.round), False)
        else:
            self._tallies.add(record.round, paid, True)
