"""Every check has been seen to fail: a game played wrong where the contract lets it pass, else a forged history."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_abi import encode

from chain_bandit.audit.audit import audit
from chain_bandit.audit.catalogue import CHECKS
from chain_bandit.audit.report import AuditReport
from chain_bandit.history.blocks import History, RawBlock
from chain_bandit.history.records import METHODS, decode_arguments
from chain_bandit.protocol.blocks import Header, mask
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import BodyMode, Parameters
from chain_bandit.protocol.settlement import PULL_BYTES
from chain_bandit.protocol.submission import Submitted, decode
from chain_bandit.protocol.submission import encode as submission
from chain_bandit.protocol.units import UNIT
from tests.unit.audit.forging import Forgery
from tests.unit.audit.played_game import (
    COMMITTEES,
    COMPACT,
    DRAWS,
    LATE,
    LIAR,
    PARAMETERS,
    SEALED,
    SKIPPED,
    WEIGHTS,
    K,
    L,
    M,
    Played,
    Script,
    T,
    lie,
    with_header,
)

ROUND = 10
COSTLY = 7
"""A round in which the liar's report is in force."""
RECORD = ROUND - L
"""Which record, and which `Recorded` event, is that of `ROUND`."""
SUBMITTED = RECORD
"""Which `submitBlocks` it is: every round before it was a block."""


def failing(report: AuditReport) -> set[str]:
    assert report.exit_code == 12
    assert report.verdict == "violated"
    return {violation.check for violation in report.violations}


def at(seat: int, changed: Callable[..., object], otherwise: Callable[..., object] = lambda v, *_: v):
    return lambda value, seat_, t, *_: changed(value) if (seat_, t) == (seat, ROUND) else otherwise(value, seat_, t)


def wider_b(header: object, t: int, means: dict[int, tuple[int, ...]]) -> object:
    if t != ROUND:
        return header
    return replace(header, selected=(mask(range(M)),) * K)


PLAYED = {
    "header.arm": Script(header=with_header(ROUND, arm=lambda arm: 1 - arm)),
    "header.form": Script(
        header=with_header(ROUND, candidates=lambda rows: (rows[0] | 1, rows[1] | 1), ),
        reporters=lambda t: (1, 2, 3) if t == ROUND else (0, 1, 2, 3),
    ),
    "report.signature": Script(report_signature=at(1, lambda made: made[:5] + bytes([made[5] ^ 1]) + made[6:])),
    "report.range": Script(parameters=COMPACT, means=at(LIAR, lambda means: (UNIT + 1, means[1]), lie)),
    "aggregate.selected": Script(header=wider_b),
    "aggregate.means": Script(
        parameters=COMPACT, header=with_header(ROUND, means=lambda means: (means[0], means[1] + 1))
    ),
    "aggregate.accuracy": Script(
        parameters=COMPACT, header=with_header(ROUND, accuracies=lambda lanes: (lanes[0] - 1, *lanes[1:]))
    ),
    "header.body": Script(
        parameters=COMPACT, header=with_header(ROUND, body=keccak(b"no body")),
        body=lambda body, t: b"no body" if t == ROUND else body,
    ),
    "header.radii": Script(radii=lambda radii, t: (radii[0], radii[1] + 1) if t == ROUND else radii),
    "record.waiting": Script(batch=3, kind=lambda t: "block", reporters=lambda t: (0, 1, 2, 3), last=ROUND + 2,
                             finish="running"),
    "settlement.rewards": Script(draw=lambda paid, t, seat, arm: UNIT - paid if (seat, t) == (1, ROUND) else paid),
    "honest.arm": Script(pull=at(1, lambda arm: 1 - arm)),
    "honest.report": Script(means=at(1, lambda means: (means[0] ^ 1, means[1]), lie)),
    "counts.commitment": Script(counts=at(1, lambda counts: (counts[0] + 1, counts[1]))),
    "counts.bits": Script(bits=lambda bits, t: {**bits, 1: (bits[1][0], False)} if t == ROUND else bits),
    "settlement.tags": Script(parameters=SEALED, tags=lambda tags, t: bytes(8) + tags[8:] if t == ROUND else tags),
    "seal.records": Script(parameters=SEALED, record=at(1, lambda pull: replace(pull, reward=pull.reward ^ 1))),
    "costs.case": Script(costly=lambda costly, t: costly and t != COSTLY),
}
"""Games that the contract accepts although this very check, and no other, fails in one round."""


@pytest.mark.parametrize("check", PLAYED)
def test_audit_names_check_and_round_when_a_quorum_or_the_environment_cheats(check: str) -> None:
    report = audit(Played(PLAYED[check]).history)
    assert failing(report) == {check}
    rounds = {"costs.case": {COSTLY}, "record.waiting": {L, L + 3, ROUND}}.get(check, {ROUND})
    assert {violation.round for violation in report.violations} == rounds
    assert all(f"round {violation.round}: " in violation.sentence for violation in report.violations)


def named(change: Callable[[Header, int], Header]) -> Callable[[Header, int], Header]:
    """The quorum signs another header in one round; whoever commands validates, else the contract refuses it."""

    def changed(header: Header, t: int) -> Header:
        other = change(header, t)
        return replace(other, commanders=other.commanders & other.committee) if t == ROUND else header

    return changed


def others_proof(proof: bytes, seat: int, t: int, played: Played) -> bytes:
    return played.prove(1, t) if (seat, t) == (0, ROUND) else proof


def old_proof(proof: bytes, seat: int, t: int, played: Played) -> bytes:
    return played.prove(0, t - 1) if (seat, t) == (0, ROUND) else proof


def no_proof(proof: bytes, seat: int, t: int, played: Played) -> bytes:
    return bytes(len(proof)) if (seat, t) == (0, ROUND) else proof


WITH_0 = named(lambda header, t: replace(header, committee=header.committee | 1))
DRAWN = {
    "draw.committee": Script(
        parameters=DRAWS, successors=named(lambda header, t: replace(header, committee=header.committee ^ 8))
    ),
    "draw.commanders": Script(
        parameters=DRAWS,
        successors=named(lambda header, t: replace(header, commanders=header.commanders ^ header.committee)),
    ),
    "draw.proof": Script(parameters=DRAWS, proof=old_proof, successors=WITH_0),
}
"""The same with sortition and drawn commanders."""


@pytest.mark.parametrize("check", DRAWN)
def test_audit_names_check_and_round_when_a_quorum_names_others_than_were_drawn(check: str) -> None:
    report = audit(Played(DRAWN[check]).history)
    assert check in failing(report) <= set(DRAWN)
    assert {violation.round for violation in report.violations} == {ROUND}


@pytest.mark.parametrize("proof", [others_proof, old_proof, no_proof])
@pytest.mark.parametrize("mode", list(BodyMode))
def test_a_false_proof_draws_nobody(proof: Callable[..., bytes], mode: BodyMode) -> None:
    drawn = replace(DRAWS, body_mode=mode)
    honest = audit(Played(Script(parameters=drawn, proof=proof)).history)
    assert honest.exit_code == 0, honest.violations
    false = {(finding.seat, finding.rounds) for finding in honest.findings if finding.kind == "false proof"}
    assert false == (set() if proof is no_proof else {(0, (ROUND,))})
    report = audit(Played(Script(parameters=drawn, proof=proof, successors=WITH_0)).history)
    assert "draw.proof" in failing(report) <= set(DRAWN)


def rewrite(method: str, **changes: Callable[[bytes], object]) -> Callable[[bytes], bytes]:
    """A change of calldata: arguments by position, as `_0`, `_1` ..."""

    def change(data: bytes) -> bytes:
        arguments = list(decode_arguments(METHODS[method], data[4:]))
        for name, changed in changes.items():
            arguments[int(name[1:])] = changed(arguments[int(name[1:])])
        if method == "settleCosts":
            arguments = [[(e.parent, e.kind, e.costly, e.header) for e in arguments[0]]]
        return data[:4] + encode(METHODS[method], arguments)

    return change


def resubmit(parameters: Parameters, **changes: Callable[[object], object]) -> Callable[[bytes], bytes]:
    """A change of the last block of a submission, field by field."""

    def change(data: bytes) -> bytes:
        *others, last = decode(parameters, data[4:])
        changed: Submitted = replace(last, **{name: new(getattr(last, name)) for name, new in changes.items()})
        return data[:4] + submission(parameters, [*others, changed])

    return change


def flip(where: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:where] + bytes([data[where] ^ 1]) + data[where + 1 :]


def word(where: int, value: int) -> Callable[[bytes], bytes]:
    """A change of the word at an index, counted from the end when negative."""

    def change(data: bytes) -> bytes:
        start = 32 * where if where >= 0 else len(data) + 32 * where
        return data[:start] + value.to_bytes(32, "big") + data[start + 32 :]

    return change


FORGED: dict[str, tuple[int | None, Callable[[Forgery], None]]] = {
    "game.code": (None, lambda f: f.creation(flip(100))),
    "game.parameters": (None, lambda f: f.creation(word(-28, 1))),
    "game.deposits": (None, lambda f: f.value(2, 5)),
    "game.opening": (None, lambda f: f.call("open", 0, rewrite("open", _0=flip(3)))),
    "game.genesis": (None, lambda f: f.event("Opened", 0, flip(3))),
    "record.events": (ROUND, lambda f: f.event("Recorded", RECORD, word(0, 99))),
    "record.links": (ROUND, lambda f: f.event("Recorded", RECORD, flip(95))),
    "record.deadline": (
        SKIPPED, lambda f: f.call("skip", 0, lambda data: keccak(b"skipAfterDeadline(uint256)")[:4] + bytes(32)),
    ),
    "record.exploration": (LATE, lambda f: f.event("Recorded", LATE - L, lambda data: None)),
    "certificate.quorum": (
        ROUND,
        lambda f: f.call("submitBlocks", SUBMITTED, resubmit(
            PARAMETERS, signers=lambda signers: 3, signatures=lambda made: made[:128]
        )),
    ),
    "certificate.signatures": (
        ROUND, lambda f: f.call("submitBlocks", SUBMITTED, resubmit(PARAMETERS, signatures=flip(70))),
    ),
    "header.form": (ROUND, lambda f: f.call("submitBlocks", SUBMITTED, resubmit(PARAMETERS, signers=lambda m: 0))),
    "aggregate.means": (ROUND, lambda f: f.call("submitBlocks", SUBMITTED, resubmit(PARAMETERS, body=flip(60)))),
    "aggregate.accuracy": (ROUND, lambda f: f.event("Recorded", RECORD, flip(95))),
    "aggregate.approval": (ROUND, lambda f: f.event("Recorded", RECORD, word(1, 2))),
    "reveal.commitment": (None, lambda f: f.call("reveal", 0, rewrite("reveal", _0=flip(0)))),
    "reveal.cost": (None, lambda f: f.event("Revealed", 0, word(0, 5))),
    "settlement.form": (
        None, lambda f: f.call("settleRewards", 0, rewrite("settleRewards", _1=lambda pulls: pulls[:-5])),
    ),
    "costs.records": (
        ROUND,
        lambda f: f.call("settleCosts", 1, rewrite("settleCosts", _0=lambda entries: [
            replace(entry, kind=2) if index == 27 - 10 - 1 - RECORD else entry for index, entry in enumerate(entries)
        ])),
    ),
    "money.close": (None, lambda f: f.event("Closed", 0, word(1, 1))),
    "money.balances": (None, lambda f: f.event("Withdrawn", 0, word(1, 1))),
    "money.conservation": (None, lambda f: f.event("Withdrawn", 0, word(1, 10**12))),
}  # fmt: skip
"""What the contract would never let pass: a history made up, with every hash and transaction signature in order."""

LISTED_FROM = 24
"""Evidence in round 20, of a game in which three blocks may wait."""


def paid(data: bytes) -> bytes:
    """The last settlement, in whose last round the liar is paid."""
    through, pulls = decode_arguments(METHODS["settleRewards"], data[4:])
    at = len(pulls) - PULL_BYTES * (M - LIAR)
    return data[:4] + encode(METHODS["settleRewards"], [through, pulls[:at] + b"\0" + pulls[at + 1 :]])


def reported(data: bytes) -> bytes:
    """The last submission, whose last block has the blocked liar among its reporters."""
    *others, last = decode(COMMITTEES, data[4:])
    size = (len(last.body) - 4 * K) // 3
    changed = replace(
        last, decided=bytes([last.decided[0] | 1 << LIAR]) + last.decided[1:], body=last.body + last.body[-size:]
    )
    return data[:4] + submission(COMMITTEES, [*others, changed])


FORGED_RICH: dict[str, tuple[int | None, Callable[[Forgery], None]]] = {
    "certificate.members": (
        6, lambda f: f.call("submitBlocks", 0, resubmit(COMMITTEES, signers=lambda mask: mask | 1 << M,
                                                        signatures=lambda made: made + bytes(64))),
    ),
    "certificate.batch": (5, lambda f: f.call("submitBlocks", 0, resubmit(COMMITTEES, signatures=flip(70)))),
    "committee.best": (
        SKIPPED, lambda f: f.call("skip", 0, rewrite("skip", _0=lambda seats: seats >> 1)),
    ),
    "evidence.proof": (20, lambda f: f.call("reportEquivocation", 0, flip(4 + 32 * 7))),
    "evidence.listing": (20, lambda f: f.event("Accused", 0, word(1, LISTED_FROM + 1))),
    "blocklist.silence": (T, lambda f: f.call("settleRewards", -1, paid)),
}  # fmt: skip
"""The same of a game with committees, batches and evidence."""

def weighing(weight: int) -> Callable[[bytes], bytes]:
    """A joining that registers another weight."""
    return rewrite("join", _0=lambda keys: keys[:-2] + weight.to_bytes(2, "big"))


FORGED_DRAWN: dict[str, tuple[int | None, Callable[[Forgery], None]]] = {
    "game.keys": (None, lambda f: f.call("join", 2, rewrite("join", _0=lambda keys: f.arguments("join", 0)[0]))),
    "game.weights": (None, lambda f: f.call("join", 2, weighing(0))),
    "draw.committee": (SKIPPED, lambda f: f.call("skip", 0, rewrite("skip", _0=lambda seats: seats ^ 8))),
}
"""The same of a game with draws."""


def forgery(honest: Played) -> Forgery:
    return Forgery(honest.history, {signer.address: signer for signer in (*honest.signers, honest.owner)})


@pytest.mark.parametrize(("check", "forged_in"), [
    *((check, FORGED) for check in FORGED), *((check, FORGED_RICH) for check in FORGED_RICH),
    *((check, FORGED_DRAWN) for check in FORGED_DRAWN),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_audit_names_check_and_round_when_a_history_is_made_up(
    honest: Played, full: Played, drawn: Played, check: str,
    forged_in: dict[str, tuple[int | None, Callable[[Forgery], None]]],
) -> None:  # fmt: skip
    round_, forge = forged_in[check]
    forged = forgery(full if forged_in is FORGED_RICH else drawn if forged_in is FORGED_DRAWN else honest)
    forge(forged)
    report = audit(forged.made())
    assert check in failing(report)
    assert (check, round_) in {(violation.check, violation.round) for violation in report.violations}
    assert not any(name.startswith("chain.") for name in failing(report))


@pytest.mark.parametrize(("draws", "weight"), [(True, 0), (True, 1025), (True, 2**16 - 1), (False, 0), (False, 2)])
def test_audit_follows_no_game_with_a_weight_that_it_does_not_allow(
    honest: Played, drawn: Played, draws: bool, weight: int
) -> None:
    played = drawn if draws else honest
    forged = forgery(played)
    forged.call("join", 1, weighing(weight))
    forged.value(forged.block_of("join", 1), weight * played.parameters.stake)
    report = audit(forged.made())
    assert failing(report) == {"game.weights"}
    most = 1024 if draws else 1
    assert f"weight of seat 1: it is {weight}, the game allows 1 to {most}" in report.violations[0].sentence
    assert report.checks["record.links"].not_checkable


@pytest.mark.parametrize("stakes", [0, 1, 2, 4, 40])
def test_audit_names_a_deposit_that_is_not_as_many_stakes_as_the_seat_weighs(weighed: Played, stakes: int) -> None:
    forged = forgery(weighed)
    forged.value(forged.block_of("join", 3), stakes * DRAWS.stake)
    report = audit(forged.made())
    assert failing(report) == {"game.deposits", "money.conservation"}


def test_audit_names_a_weight_that_was_registered_otherwise(weighed: Played) -> None:
    """It enters the seed: all that follows is another game's."""
    forged = forgery(weighed)
    forged.call("join", 3, weighing(4))
    assert {"game.deposits", "game.genesis"} <= failing(audit(forged.made()))


def test_audit_names_a_withdrawal_that_leaves_a_stake_behind(weighed: Played) -> None:
    for seat, weight in enumerate(WEIGHTS):
        forged = forgery(weighed)
        forged.event("Withdrawn", seat, lambda data: word(1, int.from_bytes(data[32:64], "big") - DRAWS.stake)(data))
        sentences = [v.sentence for v in audit(forged.made()).violations if v.check == "money.balances"]
        assert len(sentences) == 1, (seat, weight)


class Forgetful(Played):
    """The quorum draws everybody with weight 1, whatever was registered."""

    def _open(self) -> None:
        super()._open()
        self.ledger = replace(self.ledger, weights=(1,) * M)


def test_audit_draws_with_the_registered_weights() -> None:
    report = audit(Forgetful(Script(parameters=DRAWS, weights=WEIGHTS)).history)
    assert "draw.committee" in failing(report) <= set(DRAWN)


def test_audit_names_whom_a_skip_by_deadline_leaves_out_where_validators_are_drawn(drawn: Played) -> None:
    forged = forgery(drawn)
    forged.call("skipAfterDeadline", 0, rewrite("skipAfterDeadline", _0=lambda seats: seats ^ 8))
    report = audit(forged.made())
    assert ("draw.committee", LATE) in {(violation.check, violation.round) for violation in report.violations}


def change_chain(history: History, at_block: int, change: Callable[[RawBlock], list[RawBlock]]) -> History:
    blocks = [[block] if index != at_block else change(block) for index, block in enumerate(history.blocks)]
    return History(history.origin, tuple(block for part in blocks for block in part))


CHAINED: dict[str, Callable[[RawBlock], list[RawBlock]]] = {
    "chain.links": lambda block: [],
    "chain.transactions": lambda block: [replace(block, transactions=(flip(9)(block.transactions[0]),))],
    "chain.receipts": lambda block: [replace(block, receipts=(flip(400)(block.receipts[0]),))],
}


@pytest.mark.parametrize("check", CHAINED)
def test_audit_stops_when_the_blocks_are_no_chain(honest: Played, check: str) -> None:
    report = audit(change_chain(honest.history, 20, CHAINED[check]))
    assert failing(report) == {check}
    assert "block 21" in report.violations[0].sentence
    assert report.checks["aggregate.selected"].not_checkable == 1
    assert report.checks["aggregate.selected"].passed == 0


@pytest.mark.parametrize("chain_id", [b"\1", b"\5\x38"])
def test_audit_stops_when_a_transaction_is_signed_for_another_chain(honest: Played, chain_id: bytes) -> None:
    forged = forgery(honest)
    forged.chain(1, chain_id)
    report = audit(forged.made())
    assert failing(report) == {"chain.transactions"}
    assert "not signed for chain" in report.violations[0].sentence


def test_audit_fails_when_the_head_is_not_the_kept_one(honest: Played) -> None:
    assert failing(audit(honest.history, bytes(32))) == {"chain.head"}


def test_every_check_has_a_planted_violation() -> None:
    elsewhere = {"chain.head", "settlement.sums", "seal.keys"}  # the last two: test_sealed_games.py
    assert {*PLAYED, *DRAWN, *FORGED, *FORGED_RICH, *FORGED_DRAWN, *CHAINED, *elsewhere} == set(CHECKS)


def test_report_of_a_blocked_seat_is_a_violation(full: Played) -> None:
    forged = forgery(full)
    forged.call("submitBlocks", -1, reported)
    report = audit(forged.made())
    assert ("blocklist.silence", T) in {(violation.check, violation.round) for violation in report.violations}
