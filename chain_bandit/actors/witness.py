"""A witness: finds false reports in what is public, the bodies of blocks and the settlements. Anybody can be one.

A sealed game is opened after its end: then its settlements say what those of an open one do.
"""

from collections.abc import Callable, Iterable

from chain_bandit.actors.opening import SealedSettlements
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
        self._sealed = SealedSettlements(rules) if rules.parameters.sealed else None
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
        if self._sealed is not None:
            self._sealed.on_record(ledger, record.kind)
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
        if self._sealed is not None:
            self._sealed.on_tags(data)
            return []
        due = self._due(through)
        paid = sum(kind is Kind.APPROVED and round_ > self._rules.parameters.burn_in for round_, kind in due)
        if self._rules.parameters.paid_burn_in and due and due[0][0] == self._rules.parameters.burn_in:
            paid += self._rules.parameters.burn_in
        try:
            said = Settled.decode(data, paid, self._rules.parameters)
        except Malformed:
            self._is_blind = True
            return []
        found = self._held(through, due, said)
        oldest = through - through // STALE - 1 - self._rules.parameters.failure_limit
        self._signed = [each for each in self._signed if each.through >= oldest]
        return found

    def on_sums(self, data: bytes) -> list[FalseReport]:
        """The same of what a sealed game pays, and of what its environment reveals: whichever comes last opens it."""
        return self._open(lambda sealed: sealed.on_sums(data))

    def on_secret(self, secret: bytes, model: bytes) -> list[FalseReport]:
        """See `on_sums`."""
        return self._open(lambda sealed: sealed.on_secret(secret, model))

    def on_key(self, seat: int, key: bytes) -> list[FalseReport]:
        """What a seat's sealing key proves: to which counts its reports committed."""
        if self._is_blind or self._sealed is None:
            return []
        self._sealed.keys[seat] = key
        return self._proofs(place for place in self._unheld if place[1] == seat)

    def _open(self, take: Callable[[SealedSettlements], None]) -> list[FalseReport]:
        if self._is_blind or self._sealed is None:
            return []
        try:
            take(self._sealed)
            opened = self._sealed.opened()
        except Malformed:
            self._is_blind = True
            return []
        return [] if opened is None else self._held(opened[0], self._due(opened[0]), opened[1])

    def _due(self, through: int) -> list[tuple[int, Kind]]:
        """The recorded rounds up to one that are not settled yet."""
        due = [each for each in self._kinds if each[0] <= through]
        self._kinds = self._kinds[len(due) :]
        return due

    def _held(self, through: int, due: list[tuple[int, Kind]], said: Settled) -> list[FalseReport]:
        """The proofs that a settlement of these rounds allows."""
        signed = self._taken_in(through, due, said)
        if signed is None:
            self._is_blind = True
            return []
        self._signed.append(signed)
        return self._proofs(self._unheld)

    def _proofs(self, places: Iterable[tuple[int, int]]) -> list[FalseReport]:
        return [proof for place in sorted(places) if (proof := self._proof(*place)) is not None]

    def _taken_in(self, through: int, due: list[tuple[int, Kind]], said: Settled) -> SignedTallies | None:
        """The tallies of a settlement, if the environment signed them."""
        rules = self._rules
        try:
            take_in(self._tallies, rules.parameters, due, said)
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
            tally, key = each.tallies[place], self._key(seat)
            is_first = round_ < self._proven.get(seat, round_ + 1)
            lies = tally.lies(signed.report, round_, key)
            if key is not None or lies or not is_first:
                del self._unheld[round_, seat]
            if not (is_first and lies):
                return None
            self._proven[seat] = round_
            return FalseReport(
                slot, seat, signed, tally, each.through, each.root, each.signature, each.path(place), lies[0]
            )
        return None

    def _key(self, seat: int) -> bytes | None:
        """From which the salts of a seat's counts follow; None as long as a sealed game's seat has not revealed it."""
        return self._rules.seed_0 if self._sealed is None else self._sealed.keys.get(seat)
