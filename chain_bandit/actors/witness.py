"""A witness: finds false reports in what is public, the bodies of blocks and the settlements. Anybody can be one."""

from chain_bandit.actors.rules import Rules
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.blocks import Body, Kind, Record, SignedReport, seats
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.messages import Slot
from chain_bandit.protocol.tallies import (
    STALE,
    FalseReport,
    Settled,
    SignedTallies,
    Tallies,
    take_in,
    tallies_digest,
)


class Witness:
    """Holds every report against the tally that it names, once that is settled under the environment's signature."""

    def __init__(self, rules: Rules, verifier: Verifier) -> None:
        self._rules, self._verifier = rules, verifier
        self._tallies = Tallies(rules.parameters)
        self._kinds: list[tuple[int, Kind]] = []
        self._unheld: dict[tuple[int, int], tuple[Slot, SignedReport]] = {}
        self._signed: list[SignedTallies] = []
        self._proven: dict[int, int] = {}
        self._is_blind = not rules.parameters.provable

    def on_record(self, ledger: Ledger, record: Record, body: bytes) -> None:
        """Take in how the open round of a ledger ended, with the body of its block."""
        if self._is_blind:
            return
        self._kinds.append((record.round, record.kind))
        if record.header is None:
            return
        members = seats(record.header.reporters)
        reports = Body.decode(body, len(members), self._rules.parameters).reports
        for seat, report in zip(members, reports, strict=True):
            self._unheld[record.round, seat] = self._rules.slot(ledger), report

    def on_settlement(self, through: int, data: bytes) -> list[FalseReport]:
        """The proofs that a settlement allows: of each seat's earliest false report, where none of it was earlier.

        Of an environment that signs other tallies than it settles nothing more can be proven.
        """
        if self._is_blind:
            return []
        signed = self._taken_in(through, data)
        if signed is None:
            self._is_blind = True
            return []
        self._signed.append(signed)
        found = [proof for place in sorted(self._unheld) if (proof := self._proof(*place)) is not None]
        oldest = through - through // STALE - 1 - self._rules.parameters.failure_limit
        self._signed = [each for each in self._signed if each.through >= oldest]
        return found

    def _taken_in(self, through: int, data: bytes) -> SignedTallies | None:
        """The tallies of a settlement, if the environment signed them."""
        rules, parameters = self._rules, self._rules.parameters
        due = [each for each in self._kinds if each[0] <= through]
        self._kinds = self._kinds[len(due) :]
        paid = sum(kind is Kind.APPROVED and round_ > parameters.burn_in for round_, kind in due)
        if parameters.paid_burn_in and due and due[0][0] == parameters.burn_in:
            paid += parameters.burn_in
        try:
            said = Settled.decode(data, paid, parameters)
            take_in(self._tallies, parameters, due, said)
        except Malformed:
            return None
        expected, _, tallies = self._tallies.settle()
        digest = tallies_digest(rules.separator, rules.genesis, through, said.root)
        if said.root != expected or not self._verifier.is_signed_by(rules.environment, digest, said.signature):
            return None
        return SignedTallies(through, said.root, said.signature, tallies)

    def _proof(self, round_: int, seat: int) -> FalseReport | None:
        """The proof against a report, if it is the first one against its author; true ones are let go of."""
        slot, signed = self._unheld[round_, seat]
        (named,) = signed.report.named
        for each in self._signed:
            place = each.find(named, seat)
            if place is None:
                continue
            del self._unheld[round_, seat]
            tally = each.tallies[place]
            is_first = round_ < self._proven.get(seat, round_ + 1)
            if not is_first or tally.is_told(signed.report, round_, self._rules.seed_0):
                return None
            self._proven[seat] = round_
            return FalseReport(
                slot, seat, signed, tally, each.through, each.root, each.signature, each.path(place)
            )
        return None
