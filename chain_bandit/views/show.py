"""Decoded view of a run: one round, one participant or one transaction, decoded from its history."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from chain_bandit.auditor.findings import ALWAYS
from chain_bandit.auditor.report import Account
from chain_bandit.auditor.rows import RoundRow
from chain_bandit.chain_history.records import CREATION, PACKED, Accusation, Acquittal, ContractCall, Refutation, calls
from chain_bandit.game_names import clean
from chain_bandit.protocol.blocks import KEYS_BYTES, Header, Kind, Report, seats
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.reputation import FULL
from chain_bandit.protocol.settlement import Pull, decode_pulls, pull_bytes
from chain_bandit.protocol.tallies import Settled
from chain_bandit.protocol.units import NO_PULL, UNIT
from chain_bandit.views.decoded_history import DecodedHistory, DecodedRecord, plain
from chain_bandit.views.phrases import NO_ANSWER
from chain_bandit.views.terminal import pairs_grid, plain_table, titled
from chain_bandit.views.view_model import (
    PROVEN_FALSE,
    amount,
    by_weight,
    excluded_from,
    listed,
    mean,
    no_role,
    rounds_in_words,
    short,
    signed,
    span,
    whole,
)


def show_round(inside: DecodedHistory, round_: int) -> RenderableType:
    """A round: its record, its reports, B and global estimator of every arm. Raises `NotShown`."""
    row = inside.record(round_)
    entry = next((each for each in inside.entries() if each.row.round == round_), None)
    pairs: list[tuple[str, object]] = [
        ("round", f"{round_:,} of {whole(inside.last)}"), *_phase(inside, row), ("ended as", row.kind),
        ("honest arm", inside.arm(row.arm)),
        ("case 2", {None: "not known", True: "yes", False: "no"}[row.costly]),
        ("chain block", whole(row.block)),
        ("gas", whole(row.gas) if row.gas else "that of the round before, in whose transaction it was recorded"),
    ]  # fmt: skip
    if entry is not None:
        pairs += [("transaction", _with_others(inside, entry)), ("sent by", inside.who(entry.call.sender))]
    pairs += [("block list", listed(row.blocked)), ("validators", listed(row.validators)), ("signers", _signed(row))]
    tables: Iterator[RenderableType] = iter(())
    lines: list[tuple[str, list[str]]] = []
    if row.rewards is not None:
        lines.append(("reward", ["none" if reward is None else _reward(reward) for reward in row.rewards]))
    if entry is not None and entry.header is not None:
        pairs += [("parent", "0x" + entry.header.parent.hex()), ("reporters", listed(row.reporters))]
        if entry.body is None:
            pairs.append(("body", "not given: it lies beside the chain"))
        tables = _report_tables(inside, row, entry.header, inside.reports(entry))
        lines.append(("accuracy", _of_full(entry.header.accuracies)))
    if failed := _without_answer(inside, row):
        pairs.append(("why", failed))
    if row.kind == "exploration":
        pairs.append(("why", "too many rounds failed in a row: everybody pulls the next arm in turn"))
    lines.append(("reputation", _of_full(row.reputations)))
    return Group(pairs_grid(pairs), *tables, *_by_seat(lines))


def round_as_dict(inside: DecodedHistory, round_: int) -> dict[str, Any]:
    """A round for JSON: its row of the audit and, of a block, its transaction, its parent and what was reported and
    signed. Raises `NotShown`."""
    found: dict[str, Any] = plain(inside.record(round_))
    entry = next((each for each in inside.entries() if each.row.round == round_), None)
    if entry is None:
        return found
    found["transaction"] = plain(entry.call.digest)
    if entry.header is not None:
        found["parent"] = plain(entry.header.parent)
        found["reports"] = {
            str(seat): {"content": plain(signed.content), "signature": plain(signed.signature)}
            for seat, signed in inside.signed_reports(entry).items()
        }
    return found


def _without_answer(inside: DecodedHistory, row: RoundRow) -> str:
    """Why the rule of aggregation gave nothing, where the audit ran it; empty where it gave estimators."""
    if row.kind != "rejected" or any(row.selected):
        return ""
    found = [each for each in inside.report.findings if each.kind == "rule without an answer"]
    named = any(row.round in each.rounds or each.evidence.get(ALWAYS) for each in found)
    return f"{NO_ANSWER}: {clean(found[0].evidence['reason'], 300)}" if named else NO_ANSWER


def _phase(inside: DecodedHistory, row: RoundRow) -> Iterator[tuple[str, object]]:
    """Which pulls of the game a round is, where it can be several."""
    if inside.parameters.has_phases:
        first = row.round + sum(each.length - 1 for each in inside.report.rounds if each.round < row.round)
        last = f" to {first + row.length - 1:,}" if row.length > 1 else ""
        yield "pulls", f"{first:,}{last} of {inside.parameters.horizon:,}"


def _of_full(lanes: Sequence[int]) -> list[str]:
    """Reputations or accuracies, of 1."""
    return [f"{lane / FULL:.2f}" for lane in lanes]


def _by_seat(lines: Sequence[tuple[str, Sequence[str]]]) -> Iterator[RenderableType]:
    """Values of all seats, as many seats beside each other as 80 columns hold."""
    seats_ = max(len(values) for _, values in lines)
    room = 66 // (2 + max((len(value) for _, values in lines for value in values), default=1))
    for start in range(0, seats_, room):
        group = range(start, min(start + room, seats_))
        made = plain_table(("seat", "left"), *((str(seat), "right") for seat in group))
        for name, values in lines:
            made.add_row(Text(name), *values[start : start + room])
        yield titled("By seat", made) if not start else made


def _with_others(inside: DecodedHistory, entry: DecodedRecord) -> str:
    """A record's transaction, and which other rounds it recorded."""
    rounds = [each.row.round for each in inside.entries() if each.call.digest == entry.call.digest]
    others = f", which recorded rounds {span(rounds[0], rounds[-1])}" if len(rounds) > 1 else ""
    return f"0x{entry.call.digest.hex()}{others}"


def _signed(row: RoundRow) -> str:
    if row.signers or row.kind not in ("approved", "rejected"):
        return listed(row.signers)
    return "none of its own: a later block of its transaction holds its digest, and is certified"


def _shares(lanes: Sequence[int]) -> str:
    """Accuracies of all seats, of 1; no pair is broken at a line's end."""
    return ", ".join(f"{seat}={share}" for seat, share in enumerate(_of_full(lanes)))


def _report_tables(
    inside: DecodedHistory, row: RoundRow, header: Header, reports: Mapping[int, Report]
) -> Iterator[RenderableType]:
    reporters = sorted(reports) or list(seats(header.reporters))
    names = [clean(name, 16) for name in inside.names]
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
                     + ("*" if seat in kept else "x" if seat in enough else "~"), "" if seat in kept else "dim")
                for seat in group
            ]  # fmt: skip
            truth = inside.truth(arm)
            made.add_row(Text(names[arm], "bold" if arm == row.arm else ""),
                         whole(None) if truth is None else mean(truth), mean(value).strip(), str(len(kept)),
                         *cells)  # fmt: skip
        yield titled("Reports by seat: * selected, x not selected, ~ too few pulls", made)


def show_participant(inside: DecodedHistory, who: str) -> RenderableType:
    """A participant by seat or address: money, observed misbehaviour, its last report against the truth.

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
    since = excluded_from(inside.report)
    pairs: list[tuple[str, object]] = [
        ("seat", str(seat)), ("address", account.address), ("role", account.role or no_role(inside.report)),
        ("reward", f"{amount(account.rewards)}  ({whole(account.rewards * wei)} wei)"),
        ("cost", amount(None if account.cost is None else account.cost / wei)),
        ("net", f"{signed(None if account.net is None else account.net / wei)}  ({whole(account.net)} wei)"),
        ("stake", f"{whole(account.stake)} wei, weight {account.stake // inside.parameters.stake} in the draw"
         if inside.parameters.sortition else f"{whole(account.stake)} wei"),
        ("withdrawn", f"{whole(account.withdrawn)} wei, still owed {whole(account.owed)}"),
        ("reported in", f"{reported:,} of {len(blocks):,} blocks, counted for some arm in {counted:,}"),
        ("equivocated", "proven" if seat in inside.manifest.accused else "no proof"),
        *_false_report(inside, account),
        ("blocked", f"from round {since[seat]:,} on" if len(since) > seat and since[seat] else "never"),
        *_reputation(inside, seat),
    ]  # fmt: skip
    noticed = [
        Text(f"{item.weight}: {clean(item.sentence, 300)}"
             + (f"; rounds {rounds_in_words(item)}" if len(item.rounds) > 1 else ""))
        for item in by_weight(inside.report.findings) if seat in (item.seat, *item.others)
    ]  # fmt: skip
    return Group(pairs_grid(pairs), *noticed, *_last_report(inside, seat))


def _false_report(inside: DecodedHistory, account: Account) -> Iterator[tuple[str, object]]:
    """Whether a report of it was proven false, of a game in which that can be, and what that took from it."""
    if not inside.parameters.provable:
        return
    own = [item for item in inside.report.findings if item.seat == account.seat and item.kind in PROVEN_FALSE]
    lost = f"it lost {whole(account.penalty)} wei of its stake, and {whole(account.void)} of its rewards"
    yield "false report", f"proven, of round {own[0].rounds[0]:,}: {lost}" if own else "no proof"


def _reputation(inside: DecodedHistory, seat: int) -> Iterator[tuple[str, object]]:
    """Where it stands, and in how many rounds it validated."""
    rows = [row for row in inside.report.rounds if row.reputations]
    if not rows:
        return
    values = [row.reputations[seat] for row in rows]
    low, high = min(values) / FULL, max(values) / FULL
    yield "reputation", f"{values[-1] / FULL:.2f} of 1 at the end; between {low:.2f} and {high:.2f}"
    with_validators = [row for row in rows if row.validators]
    validated = sum(seat in row.validators for row in with_validators)
    yield "validator in", f"{validated:,} of {len(with_validators):,} rounds"


def _last_report(inside: DecodedHistory, seat: int) -> Iterator[RenderableType]:
    last = None
    for entry in inside.entries():
        if entry.header is not None and entry.header.reporters >> seat & 1:
            last = entry
    if last is None or last.header is None:
        return
    header = last.header
    report = inside.reports(last).get(seat)
    if report is None:
        return
    made = plain_table(
        ("arm", "left"), ("reported", "right"), ("true", "right"), ("off by", "right"), ("global µ̂", "right"),
        ("counted", "left"),
    )  # fmt: skip
    for arm, value in enumerate(report.means):
        truth = inside.truth(arm)
        off = None if truth is None else value - truth
        counted = "selected" if header.selected[arm] >> seat & 1 else (
            "not selected" if header.candidates[arm] >> seat & 1 else "too few pulls"
        )
        made.add_row(Text(clean(inside.names[arm], 20)), amount(value, 3), amount(truth, 3), signed(off, 3),
                     mean(header.means[arm]).strip(), counted)  # fmt: skip
    yield titled(f"Its last report, round {header.round:,}", made)


def show_transaction(inside: DecodedHistory, digest: str) -> RenderableType:
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
    return Group(pairs_grid(pairs))


def _arguments(inside: DecodedHistory, call: ContractCall) -> list[tuple[str, str]]:
    """The arguments of a call, each in words."""
    if call.arguments is None:
        return [("arguments", "cannot be decoded")] if call.direct else []
    values = call.arguments
    if call.method == CREATION:
        given = inside.report.game.get("parameters") or {}
        return [("calldata", _value(values[0])), *(("", f"{name}: {whole(value)}") for name, value in given.items())]
    if call.method == PACKED:
        return list(_blocks(inside, call))
    if call.method in ("skip", "skipAfterDeadline"):
        said = [("next committee", listed(seats(values[0])))] if inside.parameters.has_committees else []
        return said + (_signatures(*values[1:]) if values[1:] else [])
    if call.method == "reportEquivocation":
        return _proof(inside, values[0])
    if call.method == "reportFalse":
        return _refutation(inside, values[0])
    if call.method == "acquit":
        return _acquittal(inside, values[0])
    if call.method == "join":
        return _keys(values[0])
    if call.method == "settleRewards" and inside.parameters.sealed:
        return [("through", whole(values[0])), ("receipt tags", _value(values[1]))]
    if call.method == "settleRewards":
        return [("through", whole(values[0])), ("pulls", "by seat, an arm each"), *_pulls(inside, *values)]
    if call.method == "settleCosts":
        return [("records", whole(len(values[0]))), *(_cost(entry) for entry in values[0])]
    return [(name, _value(value)) for name, value in zip(_NAMES.get(call.method, ()), values, strict=True)]


_NAMES = {
    "open": ("salt",), "reveal": ("secret", "roles", "model"), "settleSums": ("sums",),
    "revealSeal": ("sealing key",),
}  # fmt: skip


def _keys(data: bytes) -> list[tuple[str, str]]:
    """What a seat brings when it joins, as the contract packs it."""
    if len(data) != KEYS_BYTES:
        return [("keys", _value(data))]
    return [
        ("VRF key", "0x" + data[:-34].hex()), ("seal hash", _value(data[-34:-2])),
        ("weight", whole(int.from_bytes(data[-2:], "big"))),
    ]  # fmt: skip


def _blocks(inside: DecodedHistory, call: ContractCall) -> Iterator[tuple[str, str]]:
    """Every block of a submission."""
    entries = [entry for entry in inside.entries() if entry.call.digest == call.digest and entry.header is not None]
    if not entries:
        yield "blocks", f"{_value((call.arguments or (b'',))[0])}, not recorded"
    for at, entry in enumerate(entries, 1):
        assert entry.header is not None
        assert entry.block is not None
        yield "block", f"{at} of {len(entries)}"
        yield from _header(inside, entry.header)
        if entry.block.signers:
            yield from _signatures(entry.block.signers, entry.block.signatures)
        else:
            yield "signers", _signed(entry.row)


def _proof(inside: DecodedHistory, proof: Accusation) -> list[tuple[str, str]]:
    """A proof of equivocation in words."""
    role = {(1, 1): "reporter", (2, 1): "commander", (2, 3): "block signer"}.get((proof.phase, proof.role), "nobody")
    return [
        ("seat", str(proof.seat)), ("signed as", role), ("in round", whole(proof.round)),
        ("on parent", "0x" + proof.parent.hex()), ("one content", _value(proof.content)),
        ("signature", _value(proof.signature)), ("another", _value(proof.other_content)),
        ("signature", _value(proof.other_signature)),
    ]  # fmt: skip


def _refutation(inside: DecodedHistory, proof: Refutation) -> list[tuple[str, str]]:
    """A proof of a false report in words."""
    return [
        ("seat", str(proof.seat)), ("in round", whole(proof.round)), ("on parent", _value(proof.parent)),
        ("report", _value(proof.report)), ("signature", _value(proof.signature)), ("tally", _value(proof.tally)),
        ("settled through", whole(proof.through)), ("root", _value(proof.root)),
        ("signature", _value(proof.root_signature)), ("path", ", ".join(map(_value, proof.path)) or "none"),
        ("false", inside.arm(proof.arm) if proof.arm < inside.parameters.arms else "the commitment to counts"),
    ]  # fmt: skip


def _acquittal(inside: DecodedHistory, shown: Acquittal) -> list[tuple[str, str]]:
    """A receipt with another tally in words."""
    return [
        ("seat", str(shown.seat)), ("on parent", _value(shown.parent)),
        ("arm", inside.arm(shown.arm) if shown.arm < inside.parameters.arms else str(shown.arm)),
        *([("pulls", whole(shown.pulls))] if inside.parameters.has_phases else []),
        ("reward", _reward(shown.reward)), ("tally", _value(shown.tally)), ("signature", _value(shown.signature)),
    ]  # fmt: skip


def _header(inside: DecodedHistory, header: Header) -> list[tuple[str, str]]:
    rows = [
        ("round", whole(header.round)), ("parent", "0x" + header.parent.hex()),
        ("body", "0x" + header.body.hex()), ("block list", listed(seats(header.blocked))),
        ("reporters", listed(seats(header.reporters))), ("honest arm", inside.arm(header.arm)),
    ]  # fmt: skip
    if inside.parameters.has_phases:
        rows.append(("pulls", whole(header.length)))
    if inside.parameters.has_committees:
        rows.append(("next committee", listed(seats(header.committee))))
    if inside.parameters.draws_commanders:
        rows.append(("next commanders", listed(seats(header.commanders))))
    rows += [
        ("" if arm else "B", f"{inside.arm(arm)}: µ̂ {mean(value).strip()} from {listed(seats(members))}")
        for arm, (value, members) in enumerate(zip(header.means, header.selected, strict=True))
    ]
    return [*rows, ("accuracies", _shares(header.accuracies))]


def _signatures(signers: int, signatures: bytes) -> list[tuple[str, str]]:
    return [("signers", listed(seats(signers))), ("signatures", _value(signatures))]


def _pulls(inside: DecodedHistory, through: int, data: bytes) -> list[tuple[str, str]]:
    """The settled rounds, the last of which is the last approved one up to `through`; of a paid burn-in its rounds."""
    p = inside.parameters
    size = pull_bytes(p) * p.participants
    before = _settled_before(inside, through)
    due = list(range(1, before + 1)) if p.paid_burn_in and before == p.burn_in else []
    due += [row.round for row in inside.report.rounds if row.kind == "approved" and before < row.round <= through]
    if p.settles_tallies:
        return _with_tallies(inside, due, data)
    if len(data) != size * len(due):
        return [("pulls", _value(data))]
    return _paid(inside, due, data)


def _settled_before(inside: DecodedHistory, through: int) -> int:
    """Up to which round there is an earlier settlement than one; round L before the first."""
    made = [call.arguments[0] for call in calls(inside.history)
            if call.method == "settleRewards" and call.succeeded and call.arguments]  # fmt: skip
    return max((round_ for round_ in made if round_ < through), default=inside.parameters.burn_in)


def _with_tallies(inside: DecodedHistory, due: Sequence[int], data: bytes) -> list[tuple[str, str]]:
    """A settlement with a root of tallies."""
    try:
        said = Settled.decode(data, len(due), inside.parameters)
    except Malformed:
        return [("pulls", _value(data))]
    unpaid = len(said.unpaid) // (pull_bytes(inside.parameters) * inside.parameters.participants)
    return [
        *_paid(inside, due, said.paid), ("root of tallies", _value(said.root)), ("signature", _value(said.signature)),
        ("rounds not paid", whole(unpaid)),
    ]  # fmt: skip


def _paid(inside: DecodedHistory, rounds: Sequence[int], data: bytes) -> list[tuple[str, str]]:
    """The rows of paid rounds."""
    p, rows = inside.parameters, []
    size = pull_bytes(p) * p.participants
    for at, round_ in enumerate(rounds):
        pulls = decode_pulls(data[size * at : size * (at + 1)], p.participants, p.has_phases)
        said = (
            f"{inside.arm(arm)}: " + " ".join(_pull(pull) if pull.arm == arm else "none" for pull in pulls)
            for arm in sorted({pull.arm for pull in pulls} - {NO_PULL})
        )
        rows.append((f"round {round_:,}", "; ".join(said) or "none"))
    return rows


def _pull(pull: Pull) -> str:
    """What a seat is credited, and of how many pulls where these can be several."""
    return _reward(pull.reward) + (f" of {pull.count}" if pull.count > 1 else "")


def _reward(units: int) -> str:
    return f"{units // UNIT}" if units % UNIT == 0 else amount(units, 3)


def _cost(entry: Any) -> tuple[str, str]:
    kind = Kind(entry.kind).name.lower() if entry.kind in set(Kind) else f"kind {entry.kind}"
    round_ = f"round {int.from_bytes(entry.header[:4], 'big'):,}" if len(entry.header) >= 4 else "record"
    return round_, f"{kind}{', case 2' if entry.costly else ''}, parent {short('0x' + entry.parent.hex())}"


def _value(value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex() if len(value) <= 32 else f"0x{value[:16].hex()}… ({len(value):,} bytes)"
    return whole(value) if type(value) is int else str(value).lower() if isinstance(value, bool) else clean(value)
