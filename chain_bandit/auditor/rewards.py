"""Rewards: what every seat received, recomputed from the committed secret (protocol.md: Bytes, Settlement)."""

from collections.abc import Sequence

from chain_bandit.auditor.books import POOL, account
from chain_bandit.auditor.chain import TWO_TALLIES
from chain_bandit.auditor.exhibits import Field, Slice
from chain_bandit.auditor.game import Past, ReplayedGame, draw
from chain_bandit.auditor.live import check_reward
from chain_bandit.auditor.tags import check_tags, pulls_of_tags
from chain_bandit.auditor.tallies import check_given, check_tallies, parts, settlement_of, unasked_row
from chain_bandit.auditor.timing import settled_until
from chain_bandit.chain_history.records import ContractCall, Event
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import Ledger, after_burn_in_round, blocked, honest_arm, opening
from chain_bandit.protocol.rewards import hidden_cost, secret_commitment
from chain_bandit.protocol.settlement import (
    NOTHING,
    TAG_BYTES,
    Credits,
    Pull,
    decode_pulls,
    encode_sums,
    settled_bytes,
)
from chain_bandit.protocol.tallies import SIGNED_BYTES, Tallies
from chain_bandit.protocol.units import NO_PULL, UNIT


def burn_in(game: ReplayedGame, genesis: bytes) -> None:
    """Rounds 1 to L - 1: no record, one receipt a seat and round."""
    p = game.parameters
    game.counts = [[0] * p.arms for _ in range(p.participants)]
    game.totals = [[0] * p.arms for _ in range(p.participants)]
    game.rewards, game.waiting, game.costs, game.earned = ([0] * p.participants for _ in range(4))
    game.last = [None] * p.participants
    game.tallies = Tallies(p) if p.settles_tallies else None
    ledger = opening(p, genesis, game.seed_0, tuple(each.weight for each in game.seated))
    for _ in range(1, p.burn_in):
        _receive(game, ledger, honest_arm(p, ledger))
        ledger = after_burn_in_round(p, ledger)
    game.ledger = ledger


def _receive(game: ReplayedGame, ledger: Ledger, arm: int) -> None:
    """Everybody gets a receipt for the round's arm: what is settled of it, else its draw."""
    disclosed, given = game.disclosed, _pulls(game, unasked_row(game, ledger.round))
    if None in given:
        given = tuple(
            Pull(arm, draw(disclosed, ledger.time, seat, arm, ledger.failed) if disclosed else 0)
            for seat in range(game.parameters.participants)
        )
    if game.parameters.provable:
        game.keep_recent(ledger.round, given)
    for seat, pull in enumerate(given):
        _pulled(game, seat, pull)


def after_round(game: ReplayedGame, past: Past, arm: int | None) -> tuple[Pull, ...] | None:
    """Take in the receipts of the open round; gives the settled pulls of an approved round after the burn-in."""
    p, ledger = game.parameters, game.running
    if past.paid and ledger.round > p.burn_in:
        row = _next_row(game)
        pulls = pulls_of_tags(game, ledger.round, past, row) if p.sealed else _pulls(game, row)
        if p.sealed:
            past.pulls = pulls
        if p.provable:
            game.keep_recent(ledger.round, pulls)
        for seat, pull in enumerate(pulls):
            _pulled(game, seat, pull)
        known = tuple(pull for pull in pulls if pull is not None)
        return known if len(known) == p.participants else None
    if arm is not None:
        _receive(game, ledger, arm)
    return None


def _pulled(game: ReplayedGame, seat: int, pull: Pull | None) -> None:
    """A seat's receipt of a round."""
    if pull is None:
        game.unread.add(seat)
        game.last[seat] = None
    elif pull.arm < game.parameters.arms:
        game.counts[seat][pull.arm] += pull.count
        game.totals[seat][pull.arm] += pull.reward
        game.last[seat] = pull


def _next_row(game: ReplayedGame) -> bytes:
    """What is settled of the open round; fewer bytes where it is not."""
    size = settled_bytes(game.parameters)
    if game.parameters.settles_tallies:
        return _next_paid(game, size)
    p = game.parameters
    at = size * (game.approved + p.burn_in * p.paid_burn_in)
    game.approved += 1
    return bytes(game.survey.pulls[at : at + size])


def _next_paid(game: ReplayedGame, size: int) -> bytes:
    """The same where settlements say more than paid rounds: the next row of the one that is through the open round."""
    settled = settlement_of(game, game.running.round)
    if settled is None:
        return b""
    _, start, end = settled
    p = game.parameters
    observed = p.burn_in * p.paid_burn_in * (game.settlement == 0)
    at = start + size * (observed + game.row)
    game.row += 1
    return bytes(game.survey.pulls[at : min(at + size, end)])


def _pulls(game: ReplayedGame, row: bytes) -> tuple[Pull | None, ...]:
    """The pulls in a round's row of an open game."""
    try:
        return decode_pulls(row, game.parameters.participants, game.parameters.has_phases)
    except Malformed:
        return (None,) * game.parameters.participants


def settled(game: ReplayedGame, call: ContractCall) -> None:
    """The environment says what everybody earned in the approved rounds up to one."""
    if call.arguments is None:
        return
    through, data = call.arguments
    p, checks, last = game.parameters, game.checks, game.running.round - 1
    first = last if p.has_phases else game.settled_through + 1
    observed = range(1, 1 + p.burn_in * p.paid_burn_in * (game.settled_through == p.burn_in))
    due = [*observed, *(t for t in range(game.settled_through + 1, min(through, last) + 1)
                        if game.past[t].kind is Kind.APPROVED)]
    size = settled_bytes(p)
    said = parts(p, data, len(due)) if p.settles_tallies else None
    is_long = said is not None if p.settles_tallies else len(data) == size * len(due)
    formed = checks.that(
        game.settled_through < through <= last and through >= first and is_long,
        "settlement.form", None, f"settlement through round {through}",
        "{} bytes, not {} for the approved rounds after round {} and up to round {} at most",
        len(data), size * len(due) + SIGNED_BYTES * p.settles_tallies, game.settled_through, last, part=data,
    )  # fmt: skip
    checks.same(call.sender, game.environment, "settlement.form", None, "sender of a settlement", shown=Field.SENDER)
    if game.is_over(call.block):
        in_window(game, call, "settlement")
    if formed:
        for index, t in enumerate(due):
            if p.sealed:
                check_tags(game, t, Slice(data, size * index, TAG_BYTES))
            row = data[size * index : size * (index + 1)]
            if t <= p.burn_in:
                _check_observed(game, t, row, Slice(data, size * index, size // p.participants))
                continue
            pulls = game.past[t].pulls if p.sealed else _pulls(game, row)
            _check_round(game, t, pulls, Slice(data, size * index, size // p.participants))
            game.past[t].pulls = ()
        if said is not None:
            check_tallies(game, through, said)
        game.settled_through = through
    event = Event("RewardsSettled", (through, b"" if p.sealed else encode_sums(game.rewards)))
    checks.same(call.events, (event,), "record.events", None, "event of a settlement")


def _check_observed(game: ReplayedGame, t: int, row: bytes, first: Slice) -> None:
    """Check what is settled of a round of a paid burn-in, which is credited with each seat's next settled pull."""
    credits = Credits(game.parameters, game.rewards, game.waiting)
    for seat, pull in enumerate(decode_pulls(row, game.parameters.participants, game.parameters.has_phases)):
        _is_valid(game, t, seat, pull, first.next(seat))
        credits.add(t, seat, pull, False)
    check_given(game, t, row, first)


def _is_valid(game: ReplayedGame, t: int, seat: int, pull: Pull, part: Slice) -> bool:
    length = game.past[t].length if t >= game.parameters.burn_in else 1
    given = pull.count == length and pull.reward <= length * UNIT
    expected = f"an arm, {length} pulls and at most as many rewards" if length > 1 else "an arm and at most one reward"
    return game.checks.that(given if pull.arm < game.parameters.arms else pull == NOTHING, "settlement.form", t,
                            f"pull of seat {seat}", "{}, not {}", pull, f"{expected}, or none", part=part)  # fmt: skip


def _check_round(game: ReplayedGame, t: int, pulls: Sequence[Pull | None], first: Slice) -> None:
    """Check what is settled of a round, by seat; `first` is where the calldata has the pull of seat 0."""
    p, checks, past, disclosed = game.parameters, game.checks, game.past[t], game.disclosed
    listed, credits = blocked(game.running, t), Credits(p, game.rewards, game.waiting)
    for seat, pull in enumerate(pulls):
        if pull is None:
            continue
        part = first.next(seat)
        valid = _is_valid(game, t, seat, pull, part)
        if p.sealed:
            game.earned[seat] += pull.reward
        else:
            due = credits.add(t, seat, pull, True)
            game.books.move("reward", POOL, account(seat, "rewards"), due * p.wei_per_unit, t)
        if listed >> seat & 1:
            checks.that(pull == NOTHING, "blocklist.silence", t, f"pull of seat {seat}",
                        "it is on the block list, but {} is settled, not {}", pull, NOTHING, part=part)
            if pull == NOTHING:
                continue
        elif p.provable and not past.reporters >> seat & 1:
            checks.that(pull == NOTHING, "settlement.rewards", t, f"pull of seat {seat}",
                        "its report is not in the block, but {} is settled, not {}", pull, NOTHING, part=part)
        elif p.provable and pull.arm not in (past.priced[0], NO_PULL):
            checks.that(False, "settlement.rewards", t, f"pull of seat {seat}",
                        "it is not of the block's arm, but {} is settled, not {}", pull, NOTHING, part=part)
        if pull.arm == NO_PULL:  # absence is no offence: a seat that was away too long forfeits the reward
            game.note("forfeited", seat, t)
        if game.live:
            if valid and pull.arm != NO_PULL:
                check_reward(game, t, seat, pull.reward, past.length, part)
                if past.arm is not None and pull.arm != past.arm:
                    game.note("other arm than the honest", seat, t)
        elif disclosed is None:
            checks.unknown("settlement.rewards", "the environment's secret is not revealed")
            checks.unknown("honest.arm", "roles are not revealed")
        elif valid and pull.arm != NO_PULL:
            drawn = draw(disclosed, past.time, seat, pull.arm, past.failed, past.length)
            checks.same(pull.reward, drawn, "settlement.rewards", t, f"reward of seat {seat} on arm {pull.arm}", part)
            if past.arm is None:
                checks.unknown("honest.arm", "the honest arm rests on a rule that is not here")
            elif seat in game.survey.acquitted:
                checks.unknown("honest.arm", TWO_TALLIES)
            elif game.is_honest(seat):
                checks.same(pull.arm, past.arm, "honest.arm", t, f"arm of seat {seat}", part)
            elif pull.arm != past.arm:
                game.note("other arm than the honest", seat, t)


def revealed(game: ReplayedGame, call: ContractCall) -> None:
    """The environment opens its commitment."""
    if call.arguments is None or game.deployment is None:
        return
    checks, p = game.checks, game.parameters
    secret, roles, model = call.arguments
    commitment = secret_commitment(secret, roles, model)
    same = checks.same(commitment, game.deployment.secret_commitment, "reveal.commitment", None, "secret commitment")
    checks.that(not game.revealed and len(roles) == p.participants, "reveal.commitment", None, "roles",
                "{} roles for {} seats, or opened twice", len(roles), p.participants, part=roles)
    checks.same(call.sender, game.environment, "reveal.commitment", None, "sender of the reveal", shown=Field.SENDER)
    in_window(game, call, "reveal")
    game.revealed = True
    if game.live:
        cost = hidden_cost(secret, game.seed_0, p.provable)
        checks.same(call.events, (Event("Revealed", (cost,)),), "reveal.cost", None, "hidden cost")
        return
    if game.disclosed is None:
        if same:
            checks.that(False, "reveal.commitment", None, "roles and reward model", "{} are malformed, not {}",
                        roles + model, "roles from 0 to 3 and a canonical model")
        return
    checks.same(call.events, (Event("Revealed", (game.disclosed.cost,)),), "reveal.cost", None, "hidden cost")


def in_window(game: ReplayedGame, call: ContractCall, what: str) -> None:
    """The environment settles after the game's end, within its window, and before the closing."""
    over, until = game.over_block, settled_until(game, call.method)
    game.checks.that(
        game.is_over(call.block) and call.block <= until and not game.closed, "record.deadline", None, what,
        "it is in block {}, not in {}", call.block,
        f"blocks {over + 1} to {until}, after the game's end and within its window"
        + (" and before its closing" if game.closed else ""),
    )  # fmt: skip
