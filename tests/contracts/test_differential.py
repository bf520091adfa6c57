"""Python against Solidity: ten thousand random submissions, most of them wrong somehow, and one verdict on each."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from coincurve import PublicKey

from chain_bandit.protocol.blocks import Header, Kind, Record, approves, decode_body, seats
from chain_bandit.protocol.digests import ZERO, keccak, word
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.messages import Phase, Role, Slot
from chain_bandit.protocol.units import BOUND, INFINITY
from tests.contracts.harness import FUNCTIONS, ORDER, Game, high_s, parameters

Submission = tuple[bytes, bytes, int, bytes]
SELECTOR = FUNCTIONS["submitBlock"].topic[:4]

# The verdict in Python: nothing but the protocol's own code, and the one encoding that an ABI call can have.


def verdict(game: Game, data: bytes) -> tuple[Kind, bytes] | None:
    """(kind, new head) of the record that this calldata makes, None when it must be refused."""
    submission = decoded(data)
    if submission is None:
        return None
    encoded, body, signers, signatures = submission
    try:
        header = Header.decode(encoded, game.p)
        decode_body(body, header.reporters.bit_count(), game.p.arms)
    except Malformed:
        return None
    extends = (header.round, header.parent, header.body) == (game.ledger.round, game.ledger.head, keccak(body))
    known = (header.reporters | signers) >> game.p.participants == 0 and header.arm < game.p.arms
    if not (extends and known and is_certificate(game, header, keccak(encoded), seats(signers), signatures)):
        return None
    kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
    return kind, Record(header.round, kind, header, keccak(encoded)).head(header.parent)


def decoded(data: bytes) -> Submission | None:
    """The arguments, if this is their only ABI encoding."""
    at, fields = 4 + 4 * 32, []
    heads = [data[4 + 32 * i : 36 + 32 * i] for i in range(4)]
    for head in (heads[0], heads[1], heads[3]):
        if data[:4] != SELECTOR or head != word(at - 4):
            return None
        length = int.from_bytes(data[at : at + 32], "big")
        field = data[at + 32 : at + 32 + length]
        end = at + 32 + -(-length // 32) * 32
        if len(field) != length or len(data) < end or any(data[at + 32 + length : end]):
            return None
        fields.append(field)
        at = end
    return (fields[0], fields[1], int.from_bytes(heads[2], "big"), fields[2]) if at == len(data) else None


def is_certificate(game: Game, header: Header, content: bytes, signers: tuple[int, ...], signatures: bytes) -> bool:
    digest = Slot(game.separator, header.round, header.parent).digest(Phase.BLOCK, Role.SIGNER, 0, content)
    return (
        len(signers) >= game.p.quorum
        and len(signatures) == 64 * len(signers)
        and all(
            signer_of(signatures[64 * i : 64 * i + 64], digest) == game.seats[seat] for i, seat in enumerate(signers)
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
    if not data:
        return data
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def resized(data: bytes, chance: random.Random) -> bytes:
    return chance.choice((data[:-1], data[1:], data + b"\0", data + chance.randbytes(1), data[:-32], b"", data * 2))


def some_block(game: Game, chance: random.Random, **changes: object) -> tuple[Header, bytes]:
    p = game.p
    limits = ((BOUND,), (BOUND,), (BOUND, BOUND + 1), (BOUND, INFINITY), (2**32 - 1, 0))
    highest = chance.choice(limits)
    header, body = game.block(
        means=[chance.choice((chance.randrange(BOUND + 1), *highest)) for _ in range(p.arms)],
        reporters=[seat for seat in range(p.participants) if chance.random() < 0.8],
        selected=[chance.randrange(2**p.participants) for _ in range(p.arms)],
    )
    return replace(header, **changes), body


def some_signers(game: Game, chance: random.Random) -> list[int]:
    return chance.sample(range(game.p.participants), chance.randint(game.p.quorum, game.p.participants))


def correct(game: Game, chance: random.Random) -> Submission:
    return game.submission(*some_block(game, chance), some_signers(game, chance))


def header_changed(game: Game, chance: random.Random) -> Submission:
    """Signed by a quorum, though the header says something wrong."""
    p, ledger = game.p, game.ledger
    top = 2 ** (8 * p.mask_bytes)
    change = chance.choice((
        {"round": chance.choice((ledger.round - 1, ledger.round + 1, 0, chance.randrange(2**32)))},
        {"parent": chance.choice((ZERO, game.genesis, chance.randbytes(32)))},
        {"body": chance.randbytes(32)},
        {"arm": chance.randrange(256)},
        {"reporters": chance.randrange(top)},
        {"candidates": tuple(chance.randrange(top) for _ in range(p.arms))},
        {"selected": tuple(chance.randrange(top) for _ in range(p.arms))},
    ))  # fmt: skip
    return game.submission(*some_block(game, chance, **change), some_signers(game, chance))


def signers_changed(game: Game, chance: random.Random) -> Submission:
    """One signature too few, one seat too many, a quorum of the wrong seats."""
    header, body = some_block(game, chance)
    match chance.randrange(3):
        case 0:
            return game.submission(header, body, some_signers(game, chance)[: game.p.quorum - 1])
        case 1:
            encoded, body, signers, signatures = game.submission(header, body, some_signers(game, chance))
            return encoded, body, signers ^ 1 << chance.randrange(256), signatures
        case _:
            encoded, body, _, signatures = game.submission(header, body, some_signers(game, chance))
            return encoded, body, chance.randrange(2**game.p.participants), signatures


def signature_changed(game: Game, chance: random.Random) -> Submission:
    encoded, body, signers, signatures = correct(game, chance)
    parts = [signatures[i : i + 64] for i in range(0, len(signatures), 64)]
    i = chance.randrange(len(parts))
    parts[i] = chance.choice((
        flipped(parts[i], chance), high_s(parts[i]), bytes(64), chance.randbytes(64), parts[i - 1],
        parts[i][:32] + bytes(32), bytes(32) + parts[i][32:], ORDER.to_bytes(32, "big") + parts[i][32:],
    ))  # fmt: skip
    if chance.random() < 0.2:
        chance.shuffle(parts)
    return encoded, body, signers, b"".join(parts)


def content_flipped(game: Game, chance: random.Random) -> Submission:
    fields = list(correct(game, chance))
    which = chance.choice((0, 1, 3))
    fields[which] = flipped(fields[which], chance)
    return tuple(fields)


def content_resized(game: Game, chance: random.Random) -> Submission:
    fields = list(correct(game, chance))
    which = chance.choice((0, 1, 3))
    fields[which] = resized(fields[which], chance)
    return tuple(fields)


def signed_elsewhere(game: Game, chance: random.Random) -> Submission:
    """Signatures of "no block", or of another block of the round."""
    encoded, body, *_ = correct(game, chance)
    other = ZERO if chance.random() < 0.5 else keccak(chance.randbytes(8))
    return (encoded, body, *game.certificate(other, some_signers(game, chance)))


ARGUMENTS: list[Callable[[Game, random.Random], Submission]] = [
    correct, correct, correct, header_changed, header_changed, signers_changed, signature_changed, signature_changed,
    content_flipped, content_resized, signed_elsewhere,
]  # fmt: skip


def calldata(game: Game, chance: random.Random) -> bytes:
    data = SELECTOR + FUNCTIONS["submitBlock"].encode(*chance.choice(ARGUMENTS)(game, chance))[4:]
    match chance.randrange(20):
        case 0:
            return flipped(data, chance)
        case 1:
            return resized(data, chance)
        case 2:  # another offset, the same arguments: the signatures come twice
            tail = data[4 + int.from_bytes(data[100:132], "big") :]
            return data[:100] + word(len(data) - 4) + data[132:] + tail
        case _:
            return data


GAMES = [
    # participants, arms, quorum choice, cases
    (2, 1, 0, 1000), (3, 2, 1, 1000), (4, 2, 0, 2000), (4, 9, 1, 1000), (5, 16, 0, 1000), (7, 3, 1, 1500),
    (10, 16, 0, 1500), (16, 8, 1, 700), (31, 10, 0, 300),
]  # fmt: skip


def test_contract_and_python_agree_on_ten_thousand_submissions():
    counts: Counter[str] = Counter()
    for participants, arms, choice, cases in GAMES:
        bound = (participants - 1) // 3
        p = parameters(
            participants=participants, arms=arms, quorum_choice=choice, liars=bound,
            attackers=min(bound, participants - 2), burn_in=2 * arms, horizon=4000, failure_limit=3,
        )  # fmt: skip
        game = Game(p, name=f"differential {participants} {arms}").open()
        for _ in range(cases):
            counts[compared(game, calldata(game, game.chance))] += 1
            counts["cases"] += 1
    assert counts == {"cases": 10_000, "approved": 1485, "rejected": 1264, "refused": 7251}


def compared(game: Game, data: bytes) -> str:
    """Ask both; what the contract accepts stays on its chain one time in three."""
    expected = verdict(game, data)
    snapshot = game.machine.state.snapshot()
    outcome = game.machine.call(game.anybody, game.address, data)
    assert outcome.accepted is (expected is not None), (data.hex(), expected, outcome)
    if expected is None:
        return "refused"
    kind, head = expected
    assert outcome.events[0] == ("Recorded", (game.ledger.round, kind, head))
    if game.chance.random() < 2 / 3:
        game.machine.state.revert(snapshot)
    else:
        encoded = decoded(data)[0]
        assert list(outcome.events) == game.record(kind, Header.decode(encoded, game.p))
    return kind.name.lower()


def test_every_flipped_bit_of_a_submission_is_refused():
    game = Game(name="flips").open()
    data = FUNCTIONS["submitBlock"].encode(*game.submission(*game.block()))
    refused = 0
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert not game.machine.call(game.anybody, game.address, bytes(changed)).accepted, bit
        refused += 1
    assert refused == 8 * (4 + 4 * 32 + 32 + 96 + 32 + 416 + 32 + 192) == 7456
    assert game.machine.call(game.anybody, game.address, data).accepted


def test_verdict_sees_a_planted_difference(monkeypatch):
    """The comparison is not blind: a contract with another quorum would be caught."""
    game = Game(name="planted").open()
    monkeypatch.setattr(type(game.p), "quorum", property(lambda p: 4))
    data = FUNCTIONS["submitBlock"].encode(*game.submission(*game.block(), signers=(0, 1, 2)))
    assert verdict(game, data) is None
    assert game.machine.call(game.anybody, game.address, data).accepted
