"""Tallies of settlements: cumulative receipts of each seat, under the environment's signature (decision 102)."""

from collections.abc import Iterator, Sequence

from chain_bandit.auditor import live
from chain_bandit.auditor.certificates import signer_of
from chain_bandit.auditor.exhibits import Slice
from chain_bandit.auditor.game import Past, ReplayedGame, draw, recovered
from chain_bandit.auditor.tags import pull_of_seat
from chain_bandit.protocol.arms import round_robin
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import NOTHING, Credits, Pull, decode_pulls, pull_bytes, settled_bytes
from chain_bandit.protocol.tallies import (
    SIGNED_BYTES,
    Settled,
    SettledSums,
    Tallies,
    Tally,
    take_in,
    tallies_digest,
)
from chain_bandit.protocol.units import UNIT

UNREADABLE = "a settlement that does not have the rows of its rounds says no tallies"
OTHER_TALLIES = "the tallies that follow are not those that the environment signed: what it gave a seat is not known"
FALSE_TALLIES = "false tallies, of the environment"
TWO_ROOTS = "two roots of one settlement, of the environment"


def parts(p: Parameters, data: bytes, paid: int) -> Settled | None:
    """The parts of a settlement of so many paid rounds; None where it does not have them."""
    try:
        return Settled.decode(data, paid, p)
    except Malformed:
        return None


def check_tallies(game: ReplayedGame, through: int, said: Settled) -> None:
    """The root of a settlement is that of the tallies that follow from its rows, and signed by the environment."""
    if game.tallies is None:
        game.rooted = False
        game.checks.unknown("settlement.tallies", UNREADABLE)
        return
    p, checks, kinds = game.parameters, game.checks, _kinds(game, game.settled_through, through)
    try:
        take_in(game.tallies, p, kinds, said)
    except Malformed as error:
        game.tallies, game.rooted = None, False
        checks.that(False, "settlement.form", None, f"settlement through round {through}", "{2}", error.got,
                    error.expected, error, part=said.unpaid)  # fmt: skip
        return
    expected, _, _ = game.tallies.settle()
    true = checks.same(said.root, expected, "settlement.tallies", None, _about(through), part=said.root)
    game.rooted = true and game.rooted is not False
    if _is_bound(game, through, said) and not true:
        game.note(FALSE_TALLIES, None, through)
    _check_unpaid(game, kinds, said)
    if game.live:
        seats = range(p.participants)
        live.take_in(game, ((t, [_pull(p, row, s) for s in seats if row]) for t, row, _ in _rows(p, kinds, said)))


def check_opened(game: ReplayedGame, through: int, said: SettledSums) -> None:
    """The same of the root that the sums of a sealed game bring, by what its tags open to."""
    checks, about, signed = game.checks, _about(through), _is_bound(game, through, said)
    tallies, everybody = Tallies(game.parameters), range(game.parameters.participants)
    for t, pulls, is_paid in _opened(game, everybody):
        if None in pulls:
            checks.unknown("settlement.tallies", "what receipt tags stand for is not known")
            return
        tallies.add(t, [pull for pull in pulls if pull is not None], is_paid)
    expected, _, _ = tallies.unsettled()
    game.rooted = checks.same(said.root, expected, "settlement.tallies", None, about, part=said.root)
    if not game.rooted and signed:
        game.note(FALSE_TALLIES, None, through)


def doubt(game: ReplayedGame) -> None:
    """Reports and arms are held against the receipts that follow from settlements and draws: where a root is not that
    of their tallies, or there is none, the environment may have given others, and nobody is to blame."""
    if not game.parameters.provable or game.rooted:
        return
    for name in ("honest.arm", "honest.report", "counts.commitment", "seal.records"):
        game.checks.reopen(name, OTHER_TALLIES)
    for seat in range(len(game.addresses) if game.live else 0):  # where nobody is labelled, findings say as much
        for kind, name in ((live.FALSE, "honest.report"), ("false count commitment", "counts.commitment")):
            if rounds := game.findings.pop((kind, seat), []):
                game.checks.unknown(name, OTHER_TALLIES, len(rounds))


def check_shown(game: ReplayedGame) -> None:
    """Under no proof is another root of a settlement than it brought; of what was never settled there is no other. Nor
    does a receipt say another tally than the one under a proof."""
    checks = game.checks
    for checks.place, receipt in game.acquitted.values():
        proven = game.proven[receipt.seat]
        checks.that(False, "settlement.tallies", proven.named, f"tally of seat {receipt.seat}",
                    "the environment signed {} in a receipt, and {} under a proof", receipt.tally, proven.tally,
                    part=receipt.tally)  # fmt: skip
    for place, proof in game.shown:
        if (bound := game.bound.get(proof.through)) is None:
            continue
        checks.place = place
        if not checks.that(proof.root == bound, "settlement.tallies", None,
                           f"{_about(proof.through)}, under a proof",
                           "the environment signed {} there, and {} with the settlement", proof.root, bound,
                           part=proof.root):
            game.note(TWO_ROOTS, None, proof.through)
    checks.place = None


def settlement_of(game: ReplayedGame, round_: int) -> tuple[int, int, int] | None:
    """The settlement that has a round, as the survey has it; rounds are asked for in order."""
    while (settled := game.survey.settlement(game.settlement)) is not None and settled[0] < round_:
        game.settlement, game.row, game.unasked = game.settlement + 1, 0, None
    return settled


def unasked_row(game: ReplayedGame, round_: int) -> bytes:
    """What is settled of a round without a choice, of which each is asked for once; empty where that is not known."""
    p, size = game.parameters, settled_bytes(game.parameters)
    settled = settlement_of(game, round_) if p.settles_tallies else None
    if settled is None:
        return b""
    if p.paid_burn_in and round_ <= p.burn_in:
        at = settled[1] + size * (round_ - 1)
    else:
        at = _unpaid_from(game, *settled) if game.unasked is None else game.unasked
        game.unasked = at + size
    return bytes(game.survey.pulls[at : min(at + size, settled[2])])


def _unpaid_from(game: ReplayedGame, through: int, start: int, end: int) -> int:
    """Where the unpaid rows of a settlement begin: behind the signed root. How many are paid is not known yet."""
    p, size, pulls = game.parameters, settled_bytes(game.parameters), game.survey.pulls
    rows = (end - start - SIGNED_BYTES) // size - p.burn_in * (not p.paid_burn_in) * (game.settlement == 0)
    for paid in range(rows, -1, -1):
        at = start + size * paid
        said, behind = bytes(pulls[at : at + SIGNED_BYTES]), at + SIGNED_BYTES
        digest = tallies_digest(game.separator, game.genesis, through, said[: len(ZERO)])
        if recovered(digest, said[len(ZERO) :], game.environment) == game.environment:
            return behind
    return end


def _opened(game: ReplayedGame, seats: Sequence[int]) -> Iterator[tuple[int, list[Pull | None], bool]]:
    """The rounds of a sealed game so far: each with what some seats were given, and whether it is paid."""
    p, size, at = game.parameters, settled_bytes(game.parameters), 0
    for t in range(1, game.running.round):
        past = game.past[t] if t >= p.burn_in else Past(Kind.SKIP, ZERO)
        if t > p.burn_in and past.kind is Kind.APPROVED:
            tags = bytes(game.survey.pulls[at : at + size])
            at += size
            yield t, [pull_of_seat(game, t, past, tags, seat) for seat in seats], True
        elif t <= p.burn_in or past.kind is Kind.EXPLORATION:
            arm = round_robin(t, p.arms) if t <= p.burn_in else past.arm
            yield t, [_drawn(game, t, seat, arm, past.failed) for seat in seats], False
        else:
            yield t, [], False


def _drawn(game: ReplayedGame, t: int, seat: int, arm: int | None, failed: int) -> Pull | None:
    if game.disclosed is None or arm is None:
        return None
    return Pull(arm, draw(game.disclosed, t, seat, arm, failed))


def _about(through: int) -> str:
    return f"root of the tallies through round {through}"


def _is_bound(game: ReplayedGame, through: int, said: Settled | SettledSums) -> bool:
    """Whether the environment signed the root of a settlement, which is checked."""
    signed = is_signed(game, through, said.root, said.signature)
    game.checks.that(
        signed, "settlement.tallies", None, _about(through), "{} is not the environment's signature, {}, of it",
        said.signature, game.environment, part=said.signature,
    )  # fmt: skip
    if signed:
        game.bound[through] = said.root
    return signed


def is_signed(game: ReplayedGame, through: int, root: bytes, signature: bytes) -> bool:
    """Whether the environment signed a root of tallies."""
    digest = tallies_digest(game.separator, game.genesis, through, root)
    return signer_of(game, game.environment, digest, signature) == game.environment


def tally_of(game: ReplayedGame, seat: int, named: int) -> Tally | None:
    """A seat's tally after a round, from what is settled of it in the whole history; None where nothing is."""
    p, credits = game.parameters, Credits.none(game.parameters)
    counts, totals = [0] * p.arms, [0] * p.arms
    for t, pulls, is_paid in _opened(game, [seat]) if p.sealed else _settled(game, seat):
        for pull in pulls:
            if pull is None:
                return None
            if pull.arm < p.arms:
                counts[pull.arm] += pull.count
                totals[pull.arm] += pull.reward
                credits.add(t, seat, pull, is_paid)
        if t == named:
            return Tally(named, seat, credits.units[seat], tuple(counts), tuple(totals))
    return None


def _settled(game: ReplayedGame, seat: int) -> Iterator[tuple[int, list[Pull | None], bool]]:
    """The rounds that settlements have rows of, up to the first unreadable one: see `_opened`."""
    p, index, since = game.parameters, 0, game.parameters.burn_in
    while (settled := game.survey.settlement(index)) is not None:
        through, start, end = settled
        if not since < through < game.running.round:  # how its rounds ended is not known yet
            return
        kinds = _kinds(game, since, through)
        said = parts(p, bytes(game.survey.pulls[start:end]), _paid(p, kinds))
        if said is None:
            return
        for t, row, is_paid in _rows(p, kinds, said):
            yield t, [_pull(p, row, seat)], is_paid and t > p.burn_in
        index, since = index + 1, through


def _kinds(game: ReplayedGame, since: int, through: int) -> list[tuple[int, Kind]]:
    """How the rounds of a settlement ended; round L is in the first one."""
    first = since + (since != game.parameters.burn_in)
    return [(t, game.past[t].kind) for t in range(first, through + 1)]


def _paid(p: Parameters, kinds: Sequence[tuple[int, Kind]]) -> int:
    observed = p.burn_in * p.paid_burn_in * any(t == p.burn_in for t, _ in kinds)
    return observed + sum(kind is Kind.APPROVED and t > p.burn_in for t, kind in kinds)


def _rows(p: Parameters, kinds: Sequence[tuple[int, Kind]], said: Settled) -> Iterator[tuple[int, bytes, bool]]:
    """The rounds of a settlement in order, those before the first record too: each with its row, and whether it is
    among the paid ones. The row is empty where nobody was given anything."""
    size, paid, unpaid = pull_bytes(p) * p.participants, 0, 0
    for recorded, kind in kinds:
        for t in range(1, recorded + 1) if recorded == p.burn_in else (recorded,):
            if p.paid_burn_in if t <= p.burn_in else kind is Kind.APPROVED:
                yield t, said.paid[paid : paid + size], True
                paid += size
            elif t <= p.burn_in or kind is Kind.EXPLORATION:
                yield t, said.unpaid[unpaid : unpaid + size], False
                unpaid += size
            else:
                yield t, b"", False


def _pull(p: Parameters, row: bytes, seat: int) -> Pull:
    size = pull_bytes(p)
    one = row[size * seat : size * (seat + 1)]
    return decode_pulls(one, 1, p.has_phases)[0] if len(one) == size else NOTHING


def _check_unpaid(game: ReplayedGame, kinds: Sequence[tuple[int, Kind]], said: Settled) -> None:
    at = 0
    for t, row, is_paid in _rows(game.parameters, kinds, said):
        if not is_paid:
            check_given(game, t, row, Slice(said.unpaid, at, pull_bytes(game.parameters)))
            at += len(row)


def check_given(game: ReplayedGame, t: int, row: bytes, first: Slice) -> None:
    """In rounds up to L, and in explorations, everybody is given the draw of the round's arm, unasked.

    Args:
        row: what is settled of the round; empty where nobody was given anything.
        first: where the calldata has the pull of seat 0.
    """
    p, checks, disclosed = game.parameters, game.checks, game.disclosed
    arm = round_robin(t, p.arms) if t <= p.burn_in else game.past[t].arm
    time, failed = (game.past[t].time, game.past[t].failed) if t >= p.burn_in else (t, 0)
    for seat in range(p.participants if row else 0):
        pull = _pull(p, row, seat)
        if game.live and arm is not None:
            checks.that(pull.arm == arm and pull.count == 1 and pull.reward <= UNIT, "settlement.form", t,
                        f"receipt of seat {seat} in a round without a choice", "{}, not {}", pull,
                        f"one pull of arm {arm} and at most one reward", part=first.next(seat))  # fmt: skip
            live.check_reward(game, t, seat, pull.reward, 1, first.next(seat))
            continue
        if disclosed is None or arm is None:
            checks.unknown("settlement.rewards", "the environment's secret is not revealed" if arm is not None
                           else "the honest arm rests on a rule that is not here")  # fmt: skip
            continue
        checks.same(pull, Pull(arm, draw(disclosed, time, seat, arm, failed)), "settlement.rewards", t,
                    f"receipt of seat {seat} in a round without a choice", first.next(seat))  # fmt: skip
