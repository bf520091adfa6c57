"""A look inside a run: one round, one participant or one transaction, decoded from its history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from chain_bandit.audit.report import Account, AuditReport, RoundRow
from chain_bandit.history.blocks import History
from chain_bandit.history.records import CREATION, Call, calls
from chain_bandit.protocol.blocks import Header, Kind, Report, decode_body, seats
from chain_bandit.protocol.errors import ChainBanditError, Malformed
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import PULL_BYTES, decode_pulls
from chain_bandit.protocol.units import UNIT
from chain_bandit.views.facts import (
    Manifest,
    amount,
    clean,
    mean,
    read_manifest,
    rounds_in_words,
    short,
    signed,
    whole,
)
from chain_bandit.views.terminal import plain_table, titled


def plain(item: Any) -> Any:
    """A record, account or transaction for JSON: dataclasses as objects, bytes in hexadecimal."""
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


@dataclass(frozen=True)
class Inside:
    """A run that one can look into.

    Args:
        manifest: of the run folder; gives names and true means.
        report: the audit of `history`.
    """

    manifest: Manifest
    report: AuditReport
    history: History

    @staticmethod
    def of(manifest: Mapping[str, Any], report: AuditReport, history: History) -> "Inside":
        """Take in a run. Raises `RunUnreadable`."""
        return Inside(read_manifest(manifest), report, history)

    @cached_property
    def parameters(self) -> Parameters:
        """What the contract was deployed with. Raises `NotShown` when the history does not say."""
        given = self.report.game.get("parameters")
        if not given:
            raise NotShown("game", "parameters", "the history does not begin with the contract's creation")
        return Parameters(**given)

    @cached_property
    def seats(self) -> list[Account]:
        """The accounts that have a seat."""
        return [account for account in self.report.accounts if account.seat is not None]

    def blocks(self) -> Iterator[tuple[Call, Header, bytes]]:
        """Every accepted block: its transaction, header and body."""
        for call in calls(self.history):
            if call.method == "submitBlock" and call.succeeded and call.direct and call.arguments:
                try:
                    header = Header.decode(call.arguments[0], self.parameters)
                except Malformed:
                    continue
                yield call, header, call.arguments[1]

    def reports(self, header: Header, body: bytes) -> dict[int, Report]:
        """The reports in a body by seat; empty when it cannot be read."""
        reporters = seats(header.reporters)
        try:
            signed_reports = decode_body(body, len(reporters), self.parameters.arms)
        except Malformed:
            return {}
        return {
            seat: Report.decode(each.content, self.parameters.arms)
            for seat, each in zip(reporters, signed_reports, strict=True)
        }

    def record(self, round_: int) -> RoundRow:
        """How a round ended. Raises `NotShown`."""
        if not 1 <= round_ <= self.manifest.rounds:
            raise NotShown("round", round_, f"its rounds are 1 to {self.manifest.rounds}")
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

    def transaction(self, digest: str) -> Call:
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

    @property
    def names(self) -> Sequence[str]:
        """The arms' names as the manifest has them."""
        return self.manifest.arm_names


def show_round(inside: Inside, round_: int) -> RenderableType:
    """A round: its record, who reported what, B and global estimator of every arm. Raises `NotShown`."""
    manifest = inside.manifest
    row = inside.record(round_)
    call = _recording(inside, round_)
    pairs: list[tuple[str, object]] = [
        ("round", f"{round_:,} of {manifest.rounds:,}"), ("ended as", row.kind), ("honest arm", inside.arm(row.arm)),
        ("costly", {None: "not known", True: "yes", False: "no"}[row.costly]),
        ("chain block", whole(row.block)),
        ("gas", whole(row.gas) if row.gas else "that of the round before, in whose transaction it was recorded"),
    ]  # fmt: skip
    if call is not None:
        pairs += [("transaction", "0x" + call.digest.hex()), ("sent by", inside.who(call.sender))]
    header, body = _block_of(inside, call)
    if call is not None and header is not None and call.arguments:
        pairs += [
            ("signers", _listed(seats(call.arguments[2]))), ("parent", "0x" + header.parent.hex()),
            ("reporters", _listed(seats(header.reporters))),
        ]  # fmt: skip
        return Group(_pairs(pairs), *_report_tables(inside, row, header, inside.reports(header, body)))
    if call is not None and call.method == "skip" and call.arguments:
        pairs.append(("signers", _listed(seats(call.arguments[0]))))
    if row.kind == "exploration":
        pairs.append(("why", "too many rounds failed in a row: everybody pulls the next arm in turn"))
    return Group(_pairs(pairs))


def _recording(inside: Inside, round_: int) -> Call | None:
    """The transaction whose events record the round."""
    for call in calls(inside.history):
        if any(event.name == "Recorded" and event.values[0] == round_ for event in call.events):
            return call
    return None


def _block_of(inside: Inside, call: Call | None) -> tuple[Header | None, bytes]:
    if call is None or call.method != "submitBlock" or not call.arguments:
        return None, b""
    try:
        return Header.decode(call.arguments[0], inside.parameters), call.arguments[1]
    except Malformed:
        return None, b""


def _report_tables(
    inside: Inside, row: RoundRow, header: Header, reports: Mapping[int, Report]
) -> Iterator[RenderableType]:
    reporters = sorted(reports) or list(seats(header.reporters))
    truth = inside.manifest.arm_means
    names = [clean(name, 12) for name in inside.names]
    room = (66 - max(map(len, names))) // 6  # seats beside each other in 80 columns
    for start in range(0, len(reporters), room):
        group = reporters[start : start + room]
        made = plain_table(
            ("arm", "left"), ("true", "right"), ("µ̂", "right"), ("|B|", "right"),
            *((f"{seat}", "right") for seat in group), tight=True,
        )  # fmt: skip
        for arm, value in enumerate(header.means):
            kept, enough = seats(header.selected[arm]), seats(header.candidates[arm])
            cells = [
                Text((mean(reports[seat].means[arm]) if seat in reports else "?")
                     + ("*" if seat in kept else " " if seat in enough else "~"), "" if seat in kept else "dim")
                for seat in group
            ]  # fmt: skip
            made.add_row(Text(names[arm], "bold" if arm == row.arm else ""), mean(truth[arm]),
                         mean(value).strip(), str(len(kept)), *cells)  # fmt: skip
        yield titled("Reports by seat: * in B, ~ too few pulls", made)
    if row.rewards is not None:
        paid = (f"{seat}: {'none' if reward is None else _reward(reward)}" for seat, reward in enumerate(row.rewards))
        yield Text(f"rewards by seat  {', '.join(paid)}")


def show_participant(inside: Inside, who: str) -> RenderableType:
    """A participant by seat or address: money, what it was seen to do, its last report against the truth.

    Raises:
        NotShown: nobody of that name plays.
    """
    account = inside.account(who)
    seat = account.seat
    assert seat is not None
    wei = inside.parameters.wei_per_unit
    blocks = [row for row in inside.report.rounds if row.means is not None]
    reported = sum(seat in row.reporters for row in blocks)
    counted = sum(any(seat in members for members in row.selected) for row in blocks)
    pairs: list[tuple[str, object]] = [
        ("seat", str(seat)), ("address", account.address), ("role", account.role or "not revealed"),
        ("reward", f"{amount(account.rewards)}  ({whole(account.rewards * wei)} wei)"),
        ("cost", amount(None if account.cost is None else account.cost / wei)),
        ("net", f"{signed(None if account.net is None else account.net / wei)}  ({whole(account.net)} wei)"),
        ("stake", f"{whole(account.stake)} wei"), ("withdrawn", f"{whole(account.withdrawn)} wei"),
        ("reported in", f"{reported:,} of {len(blocks):,} blocks, counted for some arm in {counted:,}"),
        ("equivocated", "proven by the honest" if seat in inside.manifest.accused else "no proof"),
    ]  # fmt: skip
    noticed = [
        Text(f"noticed: {clean(item.sentence, 300)}; rounds {rounds_in_words(item)}" if item.rounds
             else f"noticed: {clean(item.sentence, 300)}")
        for item in inside.report.findings if item.seat == seat
    ]  # fmt: skip
    return Group(_pairs(pairs), *noticed, *_last_report(inside, seat))


def _last_report(inside: Inside, seat: int) -> Iterator[RenderableType]:
    last = None
    for _, header, body in inside.blocks():
        if header.reporters >> seat & 1:
            last = header, body
    if last is None:
        return
    header, body = last
    report = inside.reports(header, body).get(seat)
    if report is None:
        return
    made = plain_table(
        ("arm", "left"), ("reported", "right"), ("true", "right"), ("off by", "right"), ("global µ̂", "right"),
        ("counted", "left"),
    )  # fmt: skip
    for arm, value in enumerate(report.means):
        truth = inside.manifest.arm_means[arm]
        counted = "in B" if header.selected[arm] >> seat & 1 else (
            "trimmed" if header.candidates[arm] >> seat & 1 else "too few pulls"
        )
        made.add_row(Text(clean(inside.names[arm], 20)), amount(value, 3), amount(truth, 3), signed(value - truth, 3),
                     mean(header.means[arm]).strip(), counted)  # fmt: skip
    yield titled(f"Its last report, round {header.round:,}", made)


def show_transaction(inside: Inside, digest: str) -> RenderableType:
    """A transaction by its hash or the beginning of it: method, decoded arguments, events, gas. Raises `NotShown`."""
    call = inside.transaction(digest)
    pairs: list[tuple[str, object]] = [
        ("transaction", "0x" + call.digest.hex()), ("method", call.method or "unknown"),
        ("from", inside.who(call.sender)), ("chain block", whole(call.block)), ("value", f"{whole(call.value)} wei"),
        ("gas", whole(call.gas)), ("outcome", "succeeded" if call.succeeded else "reverted"),
    ]  # fmt: skip
    if not call.direct:
        pairs.append(("called", "through another contract: its calldata is not here"))
    pairs += [(name, value) for name, value in _arguments(inside, call)]
    for event in call.events:
        values = ", ".join(_value(value) for value in event.values)
        pairs.append(("event", f"{event.name or 'unknown'}({values})"))
    return Group(_pairs(pairs))


def _arguments(inside: Inside, call: Call) -> list[tuple[str, str]]:
    """The arguments of a call, each in words."""
    if call.arguments is None:
        return [("arguments", "cannot be decoded")] if call.direct else []
    values = call.arguments
    if call.method == CREATION:
        given = inside.report.game.get("parameters") or {}
        return [("calldata", _value(values[0])), *(("", f"{name}: {whole(value)}") for name, value in given.items())]
    if call.method == "submitBlock":
        header, _ = _block_of(inside, call)
        return [("header", "malformed")] if header is None else [*_header(inside, header), *_signatures(*values[2:])]
    if call.method == "skip":
        return _signatures(*values)
    if call.method == "settleRewards":
        return [("through", whole(values[0])), *_pulls(inside, *values)]
    if call.method == "settleCosts":
        return [("records", whole(len(values[0]))), *(_cost(entry) for entry in values[0])]
    names = {"open": ["salt"], "reveal": ["secret", "roles", "model"], "revealCounts": ["salt key"]}.get(
        call.method, []
    )
    return [(name, _value(value)) for name, value in zip(names, values, strict=False)]


def _header(inside: Inside, header: Header) -> list[tuple[str, str]]:
    rows = [
        ("round", whole(header.round)), ("parent", "0x" + header.parent.hex()),
        ("body", "0x" + header.body.hex()), ("reporters", _listed(seats(header.reporters))),
        ("honest arm", inside.arm(header.arm)),
    ]  # fmt: skip
    return rows + [
        ("" if arm else "B", f"{inside.arm(arm)}: µ̂ {mean(value).strip()} from {_listed(seats(members))}")
        for arm, (value, members) in enumerate(zip(header.means, header.selected, strict=True))
    ]


def _signatures(signers: int, signatures: bytes) -> list[tuple[str, str]]:
    return [("signers", _listed(seats(signers))), ("signatures", _value(signatures))]


def _pulls(inside: Inside, through: int, data: bytes) -> list[tuple[str, str]]:
    """The settled rounds, the last of which is the last approved one up to `through`."""
    p = inside.parameters
    size = PULL_BYTES * p.participants
    approved = [
        row.round for row in inside.report.rounds if row.kind == "approved" and p.burn_in < row.round <= through
    ]
    count, rest = divmod(len(data), size)
    if rest or not 0 < count <= len(approved):
        return [("pulls", _value(data))]
    rows = []
    for at, round_ in enumerate(approved[-count:]):
        pulls = decode_pulls(data[size * at : size * (at + 1)], p.participants)
        arms = {pull.arm for pull in pulls}
        if len(arms) == 1:
            said = f"{inside.arm(pulls[0].arm)}: " + " ".join(_reward(pull.reward) for pull in pulls)
        else:
            said = ", ".join(f"{inside.arm(pull.arm)} {_reward(pull.reward)}" for pull in pulls)
        rows.append((f"round {round_:,}", said))
    return rows


def _reward(units: int) -> str:
    return f"{units // UNIT}" if units % UNIT == 0 else amount(units, 3)


def _cost(entry: Any) -> tuple[str, str]:
    kind = Kind(entry.kind).name.lower() if entry.kind in set(Kind) else f"kind {entry.kind}"
    round_ = f"round {int.from_bytes(entry.header[:4], 'big'):,}" if len(entry.header) >= 4 else "record"
    return round_, f"{kind}{', costs the honest' if entry.costly else ''}, parent {short('0x' + entry.parent.hex())}"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


def _value(value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex() if len(value) <= 32 else f"0x{value[:16].hex()}… ({len(value):,} bytes)"
    return whole(value) if type(value) is int else str(value).lower() if isinstance(value, bool) else clean(value)


def _pairs(pairs: Sequence[tuple[str, object]]) -> RenderableType:
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    for name, value in pairs:
        lines.add_row(Text(name), Text(str(value)))
    return lines
