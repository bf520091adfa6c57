"""Records: block, skip, exploration; each extends the last one, in time, and says so in its event (PROTOCOL 1.7)."""

from dataclasses import replace

from chain_bandit.audit.aggregation import check_aggregation
from chain_bandit.audit.certificates import check_certificate
from chain_bandit.audit.commitments import check_counts
from chain_bandit.audit.game import Game, Past
from chain_bandit.audit.report import RoundRow
from chain_bandit.audit.reports import check_against_receipts, check_reports, receipts_means
from chain_bandit.audit.rewards import after_round
from chain_bandit.history.records import Call, Event
from chain_bandit.protocol import run_digest
from chain_bandit.protocol.blocks import (
    Header,
    Kind,
    Record,
    Report,
    SignedReport,
    approves,
    decode_body,
    seats,
)
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import after_record, honest_arm, pulled_arm, records_made
from chain_bandit.protocol.messages import NO_BLOCK
from chain_bandit.protocol.settlement import case_2


def submitted(game: Game, call: Call) -> None:
    """A block that a quorum signed."""
    if call.arguments is None:
        return
    raw, body, signers, signatures = call.arguments
    p, checks, ledger = game.parameters, game.checks, game.running
    t = ledger.round
    _in_time(game, call)
    check_certificate(game, keccak(raw), signers, signatures)
    try:
        header = Header.decode(raw, p)
    except Malformed as error:
        checks.that(False, "header.form", t, "header", "{}", error)
        game.blind = f"the header of round {t} is malformed"
        return
    checks.same(header.round, t, "record.links", t, "round of the header")
    checks.same(header.parent, ledger.head, "record.links", t, "parent of the header")
    _check_form(game, header)
    signed = _check_body(game, header, body)
    truth = receipts_means(game)
    reports: dict[int, Report] = {}
    if signed is not None:
        reports = check_reports(game, signed)
        check_against_receipts(game, reports, truth)
        check_aggregation(game, header, reports)
        check_counts(game, header, reports)
    kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
    said = call.events[0].values[1] if call.events and call.events[0].name == "Recorded" else None
    checks.same(said, kind, "aggregate.approval", t, "kind of the record")
    past = Past(kind, ledger.head, keccak(raw), failed=ledger.failed)
    if kind is Kind.APPROVED and t > p.burn_in:
        held = [frozenset(seats(row)) & reports.keys() for row in header.selected]
        liars = game.disclosed.liars if game.disclosed else frozenset()
        reported = {seat: report.means for seat, report in reports.items()}
        past.expected = None if truth is None or signed is None else case_2(held, liars, reported, truth)
    _record(game, call, Record(t, kind, header, past.header), past, tuple((signed or {}).values()))


def skipped(game: Game, call: Call) -> None:
    """A quorum's word that the round has no block."""
    if call.arguments is not None:
        _in_time(game, call)
        check_certificate(game, NO_BLOCK, *call.arguments)
        _skip(game, call)


def skipped_after_deadline(game: Game, call: Call) -> None:
    """A skip that the passing of blocks allows."""
    p, t = game.parameters, game.running.round
    _in_time(game, call)
    deadline = game.last_record_block + p.skip_deadline + (p.burn_in_blocks if t == p.burn_in else 0)
    game.checks.that(call.block > deadline, "record.deadline", t, "skip",
                     "it is in block {}, the deadline is block {}", call.block, deadline)
    _skip(game, call)


def _skip(game: Game, call: Call) -> None:
    ledger = game.running
    past = Past(Kind.SKIP, ledger.head, failed=ledger.failed)
    _record(game, call, Record(ledger.round, Kind.SKIP), past, ())


def _in_time(game: Game, call: Call) -> None:
    p, t = game.parameters, game.running.round
    game.checks.that(
        t <= p.horizon and call.block <= game.end_block, "record.deadline", t, "record",
        "it is in block {}, the game ended with round {} or block {}", call.block, p.horizon, game.end_block,
    )  # fmt: skip


def _check_form(game: Game, header: Header) -> None:
    p, t = game.parameters, game.running.round
    outside = header.reporters >> p.participants
    nobody = [row for row in header.selected if row >> p.participants]
    strangers = any(row & ~header.reporters for row in header.candidates)
    game.checks.that(not outside, "header.form", t, "reporters", "{} names no seat", hex(header.reporters))
    game.checks.that(not strangers, "header.form", t, "comparison bits", "they name seats without a report")
    game.checks.that(not nobody, "header.form", t, "B", "{} names no seat", [hex(row) for row in nobody])
    game.checks.same(header.arm, honest_arm(p, game.running), "header.arm", t, "honest arm")


def _check_body(game: Game, header: Header, body: bytes) -> dict[int, SignedReport] | None:
    t, p = game.running.round, game.parameters
    if not game.checks.same(header.body, keccak(body), "header.body", t, "body digest"):
        return None
    reporters = seats(header.reporters)
    try:
        signed = decode_body(body, len(reporters), p.arms)
    except Malformed as error:
        game.checks.that(False, "header.body", t, "body", "{}", error)
        return None
    return {seat: report for seat, report in zip(reporters, signed, strict=True) if seat < p.participants}


def _record(game: Game, call: Call, record: Record, past: Past, reports: tuple[SignedReport, ...]) -> None:
    """Advance by one record, and by the exploration round that it may call for; compare the events."""
    t, expected, made = record.round, [], records_made(game.parameters, game.running, record)
    for index, each in enumerate(made):
        ledger = game.running
        _advance(game, call, each, Past(each.kind, ledger.head, failed=ledger.failed) if index else past,
                 () if index else reports)
        expected.append(Event("Recorded", (each.round, each.kind, game.running.head)))
    explored = [event.values[0] for event in call.events[1:] if event.name == "Recorded"]
    due = [each.round for each in made[1:]]
    game.checks.same(explored, due, "record.exploration", t, "exploration rounds after it")
    game.checks.same(call.events, tuple(expected), "record.events", t, "events")
    game.last_record_block = call.block


def _advance(game: Game, call: Call, record: Record, past: Past, reports: tuple[SignedReport, ...]) -> None:
    p, ledger = game.parameters, game.running
    arm = pulled_arm(p, ledger, record.kind)
    past.arm = honest_arm(p, ledger) if arm is None else arm
    pulls = after_round(game, record.kind, arm)
    game.run_digest = run_digest.extend(
        game.run_digest, p, record.round, record.kind, record.header, reports, pulls or ()
    )
    header = record.header
    game.rows.append(
        RoundRow(
            round=record.round,
            kind=record.kind.name.lower(),
            arm=arm,
            means=header.means if header else None,
            reporters=seats(header.reporters) if header else (),
            selected=tuple(map(seats, header.selected)) if header else (),
            costly=past.expected,
            rewards=tuple(pull.reward if pull.arm < p.arms else None for pull in pulls) if pulls else None,
            gas=0 if record.kind is Kind.EXPLORATION else call.gas,
            block=call.block,
        )
    )
    game.past[record.round] = past
    game.ledger = after_record(p, ledger, record)


def charged_rows(game: Game) -> list[RoundRow]:
    """The rows of all rounds, each with what the environment charged rather than what it should have."""
    return [
        row if game.past[row.round].charged is None else replace(row, costly=game.past[row.round].charged)
        for row in game.rows
    ]
