"""Python against Solidity: thousands of random submissions, most of them wrong somehow, and one verdict on each."""

import random
from collections import Counter
from dataclasses import astuple, replace

import pytest
from coincurve import PublicKey

from chain_bandit.chain_history.records import record_event
from chain_bandit.protocol import submission
from chain_bandit.protocol.aggregation import global_means
from chain_bandit.protocol.blocks import Body, Header, Record, seats
from chain_bandit.protocol.digests import ZERO, keccak, uint
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import Ledger, after_record, blocked, eligible, records_made, validators
from chain_bandit.protocol.messages import Phase, Role, Slot
from chain_bandit.protocol.parameters import ODDS, BodyMode, Parameters
from chain_bandit.protocol.reputation import accuracies
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.units import is_estimate
from tests.contracts.harness import FUNCTIONS, ORDER, Game, high_s, kind_of, parameters
from tests.contracts.test_reports import some_block
from tests.foreign_rules import DISTANCE, MIDRANGE, RECALL, TURNS, vouched

SELECTOR = FUNCTIONS["submitBlocks"].encode()

# The verdict in Python: nothing but the protocol's own code.


def verdict(game: Game, data: bytes) -> Ledger | None:
    """The ledger after this calldata, None when it must be refused."""
    p, ledger = game.p, game.ledger
    try:
        blocks = submission.decode(p, data[4:]) if data[:4] == SELECTOR else ()
        for block in blocks:
            header = rebuilt(p, ledger, block)
            if header is None or ledger.round > p.horizon:
                return None
            encoded = keccak(header.encode(p))
            if (block.signers or p.has_committees) and not is_certificate(game, ledger, encoded, block):
                return None
            for record in records_made(p, ledger, Record(ledger.round, kind_of(header), header, encoded)):
                ledger = after_record(p, ledger, record)
            if p.has_committees and header.committee != ledger.committee:
                return None
            if not is_sensible(p, ledger, header):
                return None
    except Malformed:
        return None
    return ledger if blocks else None


def is_sensible(p: Parameters, ledger: Ledger, header: Header) -> bool:
    """Whether those named, of whom nothing is proven to the contract, may do what they are named for."""
    able = eligible(p, ledger, ledger.round)
    least = 1 if p.sortition else min(p.validators, able.bit_count())
    named = header.committee != 0 and header.committee.bit_count() >= least and not header.committee & ~able
    return (named or not p.names_committee) and not header.commanders & ~validators(ledger)


def rebuilt(p: Parameters, ledger: Ledger, block: Submitted) -> Header | None:
    """The header that the contract puts together; None for what it refuses to read."""
    listed, full = blocked(ledger, ledger.round), p.body_mode == BodyMode.FULL
    known = uint(ledger.round, 4) + ledger.head + uint(listed, 32)
    body = keccak(block.body) if full else block.body
    derived = block.derived if p.is_attested else bytes(4 * p.arms + 2 * p.participants)
    header = Header.decode(known + body + block.decided + derived, p)
    if header.reporters & listed or header.reporters & ~p.everybody or header.arm >= p.arms:
        return None
    if p.is_attested:
        return header
    present = seats(header.reporters)
    found = Body.decode(block.body, len(present), p)
    reports = {s: r.report.means for s, r in zip(present, found.reports, strict=True)}
    sound = all(is_estimate(mean) for means in reports.values() for mean in means) and max(found.radii) < 2**31
    if not sound or any(row & ~header.reporters for row in header.selected):
        return None
    means = global_means(reports, [frozenset(seats(row)) for row in header.selected])
    return replace(header, means=means, accuracies=accuracies(p.participants, reports, means, found.radii, p.tolerance))


def is_certificate(game: Game, ledger: Ledger, content: bytes, block: Submitted) -> bool:
    members, signers = validators(ledger), seats(block.signers)
    digest = Slot(game.separator, ledger.round, ledger.head).digest(Phase.BLOCK, Role.SIGNER, 0, content)
    return (
        not block.signers & ~members
        and len(signers) >= game.p.quorum(members.bit_count())
        and all(
            signer_of(block.signatures[64 * i : 64 * i + 64], digest) == game.seats[s] for i, s in enumerate(signers)
        )
    )


def signer_of(signature: bytes, digest: bytes) -> bytes | None:
    parity, s = signature[32] >> 7, int.from_bytes(signature[32:], "big") & (2**255 - 1)
    if s > ORDER // 2:
        return None
    try:
        key = PublicKey.from_signature_and_message(
            signature[:32] + s.to_bytes(32, "big") + bytes([parity]), digest, hasher=None
        )
    except ValueError:
        return None
    return keccak(key.format(compressed=False)[1:])[12:]


# Ways to go wrong. Each gives calldata; some of them are harmless, which the verdict must see too.


def flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def resized(data: bytes, chance: random.Random) -> bytes:
    return chance.choice((data[:-1], data[1:], data + b"\0", data + chance.randbytes(1), data[:-32], b"", data * 2))


def some_signers(game: Game, chance: random.Random) -> list[int]:
    members = seats(validators(game.ledger) & game.p.everybody)
    return chance.sample(members, chance.randint(min(game.quorum, len(members)), len(members)))


def some_blocks(game: Game, chance: random.Random) -> list[Submitted]:
    """One to three blocks in a row; the game's own ledger stays where it was."""
    here, records, blocks = game.ledger, list(game.records), []
    for left in reversed(range(chance.choice((1, 1, 2, 3)))):
        header, body = some_block(game, chance)
        if chance.random() < 0.15:
            header = replace(header, **header_change(game, chance))
        unsigned = 0.1 if game.p.has_committees else 0.6
        signers = () if left and chance.random() < unsigned else some_signers(game, chance)
        if chance.random() < 0.05:
            signers = chance.sample(range(game.p.participants), chance.randint(1, game.p.participants))
        blocks.append(game.submitted(header, body, signers))
        game.record(kind_of(header), header)
    game.ledger, game.records = here, records
    return blocks


def header_change(game: Game, chance: random.Random) -> dict[str, object]:
    """Signed by a quorum, though the header says something wrong."""
    p, ledger = game.p, game.ledger
    top = 2 ** (8 * p.mask_bytes)
    rows = tuple(chance.randrange(top) for _ in range(p.arms))
    return chance.choice((
        {"round": chance.choice((ledger.round - 1, ledger.round + 1))}, {"parent": ZERO}, {"blocked": 1},
        {"body": chance.randbytes(32)}, {"arm": chance.randrange(256)}, {"reporters": chance.randrange(top)},
        {"candidates": rows}, {"selected": rows}, {"committee": chance.randrange(top)},
        {"commanders": chance.randrange(top)},
        {"means": (0,) * p.arms}, {"accuracies": (7,) * p.participants}, {"states": ((1, 2),) * 3},
    ))  # fmt: skip


def calldata(game: Game, chance: random.Random) -> bytes:
    blocks = some_blocks(game, chance)
    i = chance.randrange(len(blocks))
    block = blocks[i]
    match chance.randrange(14):
        case 0 if block.signatures:
            parts = [block.signatures[at : at + 64] for at in range(0, len(block.signatures), 64)]
            at = chance.randrange(len(parts))
            parts[at] = chance.choice((
                flipped(parts[at], chance), high_s(parts[at]), bytes(64), chance.randbytes(64), parts[at - 1],
                parts[at][:32] + bytes(32), bytes(32) + parts[at][32:], ORDER.to_bytes(32, "big") + parts[at][32:],
            ))  # fmt: skip
            blocks[i] = replace(block, signatures=b"".join(parts))
        case 1:
            blocks[i] = replace(block, signers=block.signers ^ 1 << chance.randrange(8 * game.p.mask_bytes))
        case 2:
            chance.shuffle(blocks)
        case 3:
            blocks.insert(i, block)
        case 4:
            del blocks[i]
        case 5:
            blocks[i] = replace(block, decided=flipped(block.decided, chance))
        case 6:
            blocks[i] = replace(block, body=flipped(block.body, chance))
        case 7 if block.derived:
            blocks[i] = replace(block, derived=flipped(block.derived, chance))
        case _:
            pass
    data = SELECTOR + submission.encode(game.p, blocks)
    match chance.randrange(16):
        case 0:
            return flipped(data, chance)
        case 1:
            return resized(data, chance)
        case _:
            return data


GAMES = [
    # participants, validators, arms, quorum choice
    (2, 2, 1, 0), (3, 3, 2, 1), (4, 4, 2, 0), (4, 4, 9, 1), (5, 5, 16, 0), (7, 4, 3, 1), (10, 7, 16, 0), (16, 16, 8, 1),
    (17, 5, 7, 0), (31, 31, 10, 0),
]
DRAWS = [
    # the same, then sortition and commanders over 100
    (4, 4, 2, 0, 75, 100), (10, 10, 9, 0, 80, 30), (17, 17, 3, 0, 0, 20), (7, 4, 2, 1, 0, 50),
]  # fmt: skip


VOUCHED = [
    # the same, then rules
    (4, 4, 2, 0, 0, 100, MIDRANGE), (4, 3, 9, 1, 0, 100, RECALL), (10, 7, 3, 0, 0, 100, TURNS, DISTANCE),
    (17, 5, 2, 0, 0, 20, MIDRANGE, RECALL, TURNS), (5, 5, 2, 0, 80, 100, RECALL, MIDRANGE),
]  # fmt: skip


def compare(cases: int, name: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for participants, size, arms, choice, sortition, commanders, *chosen in [
        *((*each, 0, 100) for each in GAMES), *DRAWS, *VOUCHED
    ]:  # fmt: skip
        for mode in BodyMode:
            p = vouched(parameters(
                participants=participants, validators=size, arms=arms, quorum_choice=choice, body_mode=mode,
                liars=min((participants - 1) // 3, 2), attackers=(size - 1) // 3 if participants > 3 else 0,
                burn_in=2 * arms, horizon=40_000, failure_limit=3,
                sortition=sortition * ODDS // 100, commanders=commanders * ODDS // 100,
            ), *chosen)  # fmt: skip
            game = Game(p, name=f"{name} {participants} {arms} {mode}").open()
            for _ in range(cases):
                counts[compared(game, calldata(game, game.chance))] += 1
                counts["cases"] += 1
            game.check()
    return counts


def compared(game: Game, data: bytes) -> str:
    """Ask both; what the contract accepts stays on its chain one time in three."""
    expected = verdict(game, data)
    snapshot = game.machine.state.snapshot()
    outcome = game.send(data)
    assert outcome.accepted is (expected is not None), (data.hex(), expected, outcome)
    if expected is None:
        return "refused"
    ((_, (_, kind, *_)),) = outcome.events
    event = record_event(game.p, Record(expected.round - 1, kind), expected.head, expected.committee)
    assert outcome.events == (astuple(event),)
    assert tuple(game.view("reputations")) == expected.reputations
    if game.chance.random() < 2 / 3:
        game.machine.state.revert(snapshot)
    else:
        game.ledger = expected
    return "accepted"


def test_contract_and_python_agree_on_a_thousand_submissions():
    counts = compare(30, "differential")
    assert counts["cases"] == 1140
    assert min(counts["accepted"], counts["refused"]) > 250


@pytest.mark.deep
def test_contract_and_python_agree_on_fifty_thousand_submissions():
    assert compare(2000, "deep")["cases"] == 76_000


@pytest.mark.parametrize("bits", [1, pytest.param(8, marks=pytest.mark.deep)])
def test_every_flipped_bit_of_a_submission_is_refused(bits):
    """In CI one bit of each byte, whichever."""
    game = Game(name="flips").open()
    data = game.calldata(game.submitted(*game.block()))
    for bit in range(0, 8 * len(data), 8 // bits):
        bit += game.chance.randrange(8 // bits)
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert not game.send(bytes(changed)).accepted, bit
    assert len(data) == 4 + 1 + (1 + 1 + 2 + 2 + 1) + 8 + 4 * 104 + 3 * 64
    assert game.send(data).accepted


def test_verdict_sees_a_planted_difference(monkeypatch):
    """The comparison is not blind: a contract with another quorum would be caught."""
    game = Game(name="planted").open()
    data = game.calldata(game.submitted(*game.block(), signers=(0, 1, 2)))
    assert verdict(game, data) is not None
    monkeypatch.setattr(type(game.p), "quorum", lambda p, count: 4)
    assert verdict(game, data) is None
    assert game.send(data).accepted
