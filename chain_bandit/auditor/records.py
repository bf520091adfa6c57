"""Records: blocks, skip, exploration; each extends the last in time, and their event says so (protocol.md: Records)."""

from dataclasses import replace

from chain_bandit.auditor.aggregation import check_computed
from chain_bandit.auditor.blocks import CheckedBlock, check_block, honest
from chain_bandit.auditor.catalogue import VOUCHED_FOR
from chain_bandit.auditor.certificates import check_certificate
from chain_bandit.auditor.game import Past, ReplayedGame
from chain_bandit.auditor.rewards import after_round
from chain_bandit.auditor.rows import RoundRow
from chain_bandit.auditor.timing import in_time
from chain_bandit.chain_history.records import ContractCall, record_event
from chain_bandit.protocol import run_digest
from chain_bandit.protocol.blocks import Kind, Record, SignedReport, approves, seats
from chain_bandit.protocol.digests import uint
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import after_record, blocked, is_over, pulled_arm, records_made, validators
from chain_bandit.protocol.messages import NO_BLOCK
from chain_bandit.protocol.submission import Submitted, decode

SELECTOR_BYTES = 4


def submitted(game: ReplayedGame, call: ContractCall) -> None:
    """Blocks in a row, the last of them certified by a quorum; where there are committees, all of them."""
    if call.arguments is None:
        return
    p, checks, first = game.parameters, game.checks, game.running.round
    try:
        blocks = decode(p, call.arguments[0])
    except Malformed as error:
        _lose(game, first, error)
        return
    checks.that(
        len(blocks) <= p.unrecorded + 1, "record.waiting", first, "blocks of the transaction",
        "{} of them waited, the last one was signed when at most {} might", len(blocks), p.unrecorded + 1,
    )  # fmt: skip
    start = SELECTOR_BYTES
    made: list[Record] = []
    waiting: dict[int, bool] = {}
    for block in blocks:
        if is_over(p, game.running):
            in_time(game, call)
            break
        checks.at_block(start, block.decided)
        start += len(block.encode(p))
        record = _submitted_block(game, call, block, waiting, len(blocks))
        if record is None:
            return
        made += record
    checks.at_block()
    said = _check_event(game, call, made)
    if not p.is_attested:
        check_computed(game, [each.round for each in made if each.header], said)


def _submitted_block(
    game: ReplayedGame, call: ContractCall, block: Submitted, waiting: dict[int, bool], sharing: int
) -> tuple[Record, ...] | None:
    """Check and record one block; the records made, None when it cannot be followed.

    Args:
        waiting: the rounds before it without signatures of their own, and whether their blocks hold.
        sharing: how many blocks share the transaction's gas.
    """
    p, checks, ledger = game.parameters, game.checks, game.running
    t = ledger.round
    try:
        header, body = block.opened(p, t, ledger.head, blocked(ledger, t))
    except Malformed as error:
        _lose(game, t, error)
        return None
    checks.latest.clear()
    if not 1 <= header.length <= p.horizon - ledger.time + 1:
        checks.that(False, "header.length", t, "pulls of the arm", "there are {}, the contract takes 1 to {}",
                    header.length, p.horizon - ledger.time + 1)
        game.blind = f"the block of round {t} is of pulls that no game has"
        return None
    checked = check_block(game, header, body)
    waiting[t] = not checks.latest & VOUCHED_FOR
    if block.signers or p.has_committees:
        certified = check_certificate(game, checked.digest, block.signers, block.signatures)
        for earlier, holds in waiting.items():
            for seat in seats(block.signers) if certified and not holds else ():
                game.note("certified a false block", seat, earlier)
            if earlier == t:
                continue
            checks.that(certified, "certificate.batch", earlier, "block without signatures of its own",
                        "the block of round {2}, which vouches for it, is not certified", False, True, t)
        waiting.clear()
    kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
    past = Past(kind, ledger.head, checked.digest, failed=ledger.failed)
    if header.arm < p.arms:
        past.priced = header.arm, header.means[header.arm]
    if kind is Kind.APPROVED and t > p.burn_in:
        past.expected = checked.costly
    record = Record(t, kind, header, checked.digest)
    return _record(game, call, record, past, checked, block.signers, header.committee, call.gas // sharing)


def _lose(game: ReplayedGame, t: int, error: Malformed) -> None:
    game.checks.that(False, "header.form", t, "block", "{2}", error.got, error.expected, error)
    game.blind = f"the block of round {t} is malformed"


def skipped(game: ReplayedGame, call: ContractCall) -> None:
    """A quorum's word that the round has no block."""
    if call.arguments is not None:
        committee, signers, signatures = call.arguments
        check_certificate(game, NO_BLOCK, signers, signatures)
        _skip(game, call, committee, signers)


def skipped_after_deadline(game: ReplayedGame, call: ContractCall) -> None:
    """A skip that the passing of blocks allows."""
    if call.arguments is None:
        return
    p, t = game.parameters, game.running.round
    deadline = game.last_record_block + p.skip_deadline + (p.burn_in_blocks if t == p.burn_in else 0)
    game.checks.that(call.block > deadline, "record.deadline", t, "skip",
                     "it is in block {}, the deadline is block {}", call.block, deadline)
    game.note("ended by the deadline", None, t)
    _skip(game, call, call.arguments[0], 0)


def _skip(game: ReplayedGame, call: ContractCall, committee: int, signers: int) -> None:
    ledger = game.running
    past = Past(Kind.SKIP, ledger.head, failed=ledger.failed)
    made = _record(game, call, Record(ledger.round, Kind.SKIP), past, None, signers, committee, call.gas)
    _check_event(game, call, list(made))


def _record(
    game: ReplayedGame,
    call: ContractCall,
    record: Record,
    past: Past,
    checked: CheckedBlock | None,
    signers: int,
    committee: int,
    gas: int,
) -> tuple[Record, ...]:
    """Advance by one record, and by the exploration round that it may call for; check the validators afterwards."""
    p, made = game.parameters, records_made(game.parameters, game.running, record)
    _advance(game, call, record, past, checked, signers, gas)
    for each in made[1:]:
        ledger = game.running
        _advance(game, call, each, Past(each.kind, ledger.head, failed=ledger.failed), None, 0, 0)
    if p.names_committee and made[-1].header is None:
        everybody, check = game.running.committee, "draw.committee" if p.sortition else "committee.chosen"
        game.checks.that(
            committee == everybody, check, record.round, "next committee",
            "seats {} were named, without a block all of {} validate", seats(committee), seats(everybody),
            part=uint(committee, 32),
        )  # fmt: skip
    elif p.has_committees and not p.names_committee:
        best = game.running.committee
        game.checks.that(
            committee == best, "committee.best", record.round, "next committee",
            "seats {} were named, the best by reputation are {}", seats(committee), seats(best),
        )  # fmt: skip
    elif committee and not p.has_committees:
        game.checks.that(False, "committee.best", record.round, "next committee",
                         "seats {} were named, and {}", seats(committee), "everybody validates: nobody is named")
    game.last_record_block = call.block
    return made


def _check_event(game: ReplayedGame, call: ContractCall, made: list[Record]) -> object:
    """One event a transaction, of its last record; the head that it says."""
    checks, last, head = game.checks, made[-1], game.running.head
    expected = record_event(game.parameters, last, head, game.running.committee)
    said = call.events[0].values if call.events and call.events[0].name == expected.name else (None, None, None)
    explored = last.kind is Kind.EXPLORATION
    checks.that(
        (said[1] == Kind.EXPLORATION) == explored and (not explored or said[0] == last.round),
        "record.exploration", made[-2].round if explored else last.round, "exploration round after it",
        "the history ends with (round, kind) {}, the rules with {}", said[:2], (last.round, int(last.kind)),
    )  # fmt: skip
    if last.header is not None:
        checks.same(said[1], last.kind, "aggregate.approval", last.round, "kind of the record")
    event = record_event(game.parameters, last, said[2], game.running.committee)
    checks.same(call.events, (event,), "record.events", last.round, "events")
    checks.same(said[2], head, "record.links", last.round, "digest of the history")
    return said[2]


def _advance(
    game: ReplayedGame,
    call: ContractCall,
    record: Record,
    past: Past,
    checked: CheckedBlock | None,
    signers: int,
    gas: int,
) -> None:
    p, ledger = game.parameters, game.running
    arm = pulled_arm(p, ledger, record)
    past.arm = arm if record.kind is Kind.EXPLORATION else honest(game)
    past.time = ledger.time
    if record.header and past.paid:
        past.length = record.header.length
    pulls = after_round(game, past, arm)
    reports: tuple[SignedReport, ...] = ()
    if checked is not None:
        if checked.signed is None:
            game.bodies_known = False
        reports = tuple((checked.signed or {}).values())
    game.run_digest = run_digest.extend(
        game.run_digest, p, record.round, record.kind, record.header, reports, pulls or ()
    )
    header = record.header
    members, listed = validators(ledger), blocked(ledger, ledger.round)
    past.reporters = header.reporters if header else 0
    game.past[record.round] = past
    game.ledger = after_record(p, ledger, record)
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
            gas=gas,
            block=call.block,
            signers=seats(signers),
            validators=() if record.kind is Kind.EXPLORATION else seats(members),
            blocked=seats(listed),
            reputations=game.ledger.reputations,
            length=past.length,
        )
    )


def charge_rows(game: ReplayedGame) -> None:
    """Put into every round's row what the environment charged, where that is not what it should have."""
    for index, past in enumerate(game.past.values()):
        if past.charged is not None and past.charged != past.expected:
            game.rows[index] = replace(game.rows[index], costly=past.charged)
