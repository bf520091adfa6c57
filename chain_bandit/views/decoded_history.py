"""Decoded history of a run: its records with their blocks, its accounts, its transactions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any

from chain_bandit.auditor.report import Account, AuditReport
from chain_bandit.auditor.rows import RoundRow
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.records import PACKED, ContractCall, calls, calls_in
from chain_bandit.game_names import clean
from chain_bandit.protocol.blocks import Body, Header, Kind, Record, Report, SignedReport, mask, seats
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.errors import ChainBanditError, Malformed
from chain_bandit.protocol.parameters import BodyMode, Parameters
from chain_bandit.protocol.submission import Submitted, decode
from chain_bandit.views.view_model import Manifest, read_manifest


def plain(item: Any) -> Any:
    """A record, account or transaction for JSON: dataclasses as objects, bytes in hexadecimal.

    Of a call hash and sender come first, which follow from its transaction's bytes.
    """
    if isinstance(item, ContractCall):
        made = {each.name: plain(getattr(item, each.name)) for each in fields(item)}
        return {"hash": plain(item.digest), "from": plain(item.sender), **made}
    if is_dataclass(item) and not isinstance(item, type):
        return {each.name: plain(getattr(item, each.name)) for each in fields(item)}
    if isinstance(item, bytes):
        return "0x" + item.hex()
    if isinstance(item, tuple | list):
        return [plain(each) for each in item]
    return item


class NotShown(ChainBanditError):
    """Something asked for that this run does not have."""

    exit_code = 2

    def __init__(self, what: str, asked: object, known: str) -> None:
        super().__init__(f"no {what} {clean(asked)} in this run: {known}")
        self.what, self.asked, self.known = what, asked, known


@dataclass(frozen=True, slots=True)
class DecodedRecord:
    """A record, the transaction that made it, and its block if it has one; `body` is None where it is not known."""

    row: RoundRow
    call: ContractCall
    block: Submitted | None = None
    header: Header | None = None
    body: bytes | None = None


@dataclass(frozen=True)
class DecodedHistory:
    """A run that one can look into.

    Args:
        manifest: of the run folder, or `manifest_of` the history; gives names and true means.
        report: the audit of `history`.
    """

    manifest: Manifest
    report: AuditReport
    history: History

    @staticmethod
    def of(manifest: Mapping[str, Any], report: AuditReport, history: History) -> "DecodedHistory":
        """Take in a run. Raises `RunUnreadable`."""
        return DecodedHistory(read_manifest(manifest), report, history)

    @cached_property
    def parameters(self) -> Parameters:
        """What the contract was deployed with. Raises `NotShown` when the history does not say."""
        given = self.report.game.get("parameters")
        if not given:
            raise NotShown("game", "parameters", "the history does not begin with the contract's creation")
        return Parameters.from_numbers(given, self.report.game["declaration"])

    @cached_property
    def seats(self) -> list[Account]:
        """The accounts that have a seat."""
        return [account for account in self.report.accounts if account.seat is not None]

    def entries(self) -> Iterator[DecodedRecord]:
        """Every record in order, as far as the audit could follow."""
        rows, head = iter(self.report.rounds), ZERO
        row = next(rows, None)
        for chain_block in self.history.blocks:
            bodies = {keccak(body): body for body in chain_block.bodies}
            for call in calls_in(chain_block, self.history.origin.contract):
                if not call.succeeded or not call.direct:
                    continue
                head = next((event.values[0] for event in call.events if event.name == "Opened"), head)
                for block in self._recorded(call):
                    if row is None:
                        return
                    entry = self._entry(row, call, block, head, bodies)
                    head, row = self._after(entry, head), next(rows, None)
                    yield entry
                    if row is not None and row.kind == Kind.EXPLORATION.name.lower():
                        entry = DecodedRecord(row, call)
                        head, row = self._after(entry, head), next(rows, None)
                        yield entry

    def _recorded(self, call: ContractCall) -> Sequence[Submitted | None]:
        """What a call records, exploration rounds apart: None is a skip."""
        if call.method in ("skip", "skipAfterDeadline"):
            return (None,)
        if call.method != PACKED or not call.arguments:
            return ()
        try:
            return decode(self.parameters, call.arguments[0])
        except Malformed:
            return ()

    def _entry(
        self, row: RoundRow, call: ContractCall, block: Submitted | None, head: bytes, bodies: Mapping[bytes, bytes]
    ) -> DecodedRecord:
        if block is None:
            return DecodedRecord(row, call)
        header, _ = block.opened(self.parameters, row.round, head, mask(row.blocked))
        full = self.parameters.body_mode == BodyMode.FULL
        return DecodedRecord(row, call, block, header, block.body if full else bodies.get(header.body))

    def _after(self, entry: DecodedRecord, head: bytes) -> bytes:
        digest = keccak(entry.header.encode(self.parameters)) if entry.header else ZERO
        return Record(entry.row.round, Kind[entry.row.kind.upper()], entry.header, digest).head(head)

    def reports(self, entry: DecodedRecord) -> dict[int, Report]:
        """The reports of a block by seat; empty when its body is not known, or cannot be read."""
        return {seat: signed.report for seat, signed in self.signed_reports(entry).items()}

    def signed_reports(self, entry: DecodedRecord) -> dict[int, SignedReport]:
        """The same with their bytes and signatures."""
        if entry.header is None or entry.body is None:
            return {}
        reporters = seats(entry.header.reporters)
        try:
            signed_reports = Body.decode(entry.body, len(reporters), self.parameters).reports
        except Malformed:
            return {}
        return dict(zip(reporters, signed_reports, strict=True))

    @property
    def last(self) -> int | None:
        """The last round that is due; of a game with phases the last that was recorded."""
        rows = self.report.rounds
        return rows[-1].round if rows and self.parameters.has_phases else self.manifest.rounds

    def record(self, round_: int) -> RoundRow:
        """How a round ended. Raises `NotShown`."""
        last = self.last or 0
        if not 1 <= round_ <= last:
            raise NotShown("round", round_, f"its rounds are 1 to {last}" if last else "the history does not say which")
        if round_ < self.manifest.burn_in:
            known = f"rounds before {self.manifest.burn_in} are burn-in and leave none"
            raise NotShown("record of round", round_, known)
        row = next((row for row in self.report.rounds if row.round == round_), None)
        if row is None:
            raise NotShown("record of round", round_, f"the history has {len(self.report.rounds)} records")
        return row

    def account(self, who: str) -> Account:
        """The account of a seat, an address or the beginning of one. Raises `NotShown`."""
        asked = who.strip().lower()
        found = [account for account in self.seats if asked in (str(account.seat), account.address.lower())]
        if not found and asked.startswith("0x") and len(asked) >= 6:
            found = [account for account in self.seats if account.address.lower().startswith(asked)]
        if len(found) != 1:
            many = "several addresses begin so" if found else f"its seats are 0 to {len(self.seats) - 1}"
            raise NotShown("participant", who, f"{many}; name a seat or a whole address")
        return found[0]

    def transaction(self, digest: str) -> ContractCall:
        """The transaction of a hash or the beginning of one. Raises `NotShown`."""
        asked = digest.strip().lower().removeprefix("0x")
        found = [call for call in calls(self.history) if asked and call.digest.hex().startswith(asked)][:2]
        if len(found) != 1:
            known = "several hashes begin so" if found else "it is not one that concerns this contract"
            raise NotShown("transaction", digest, known)
        return found[0]

    def who(self, address: bytes) -> str:
        """A seat, the environment, or an address."""
        text = "0x" + address.hex()
        for account in self.report.accounts:
            if account.address == text:
                return "environment" if account.seat is None else f"seat {account.seat}"
        return text

    def arm(self, arm: int | None) -> str:
        """An arm by name."""
        return clean(self.manifest.arm_names[arm], 16) if arm is not None and 0 <= arm < len(self.names) else "none"

    def truth(self, arm: int) -> int | None:
        """An arm's true mean, once it is revealed."""
        means = self.manifest.arm_means
        return means[arm] if means else None

    @property
    def names(self) -> Sequence[str]:
        """The arms' names as the manifest has them."""
        return self.manifest.arm_names
