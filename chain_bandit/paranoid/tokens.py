"""A whole agreement on tokens, from the lines of its export to what every epoch comes to (docs/mediate.md)."""

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from chain_bandit.paranoid.calls import AGREEMENT, Call, calls, canonical, tail, word
from chain_bandit.paranoid.curve import signer
from chain_bandit.paranoid.export import Export, read
from chain_bandit.paranoid.interpolation import PRIME, at, decoded
from chain_bandit.paranoid.statements import BLOCK, SIGNED_ONCE, SIGNER, separator, statement
from chain_bandit.paranoid.verdict import Verdict
from chain_bandit.paranoid.words import Broken, Reader, keccak, number, uint

LARGEST = 2**53 - 1
NOTHING = 2**96 - 1
NUMBERS = ("participants", "validators", "faulty", "groups", "first", "most", "step", "steps", "deadline")
WIDTHS = (2, 2, 2, 2, 8, 8, 8, 2, 4)

STRANGE = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError)
"""What a chain ends in whose calls hold whatever they like."""


@dataclass(frozen=True)
class TokenEpoch:
    """One epoch as the rules have it.

    Attributes:
        kind: agreed, nothing or deadline.
        agreed: before it was clamped; None where nothing is. means: of each group.
    """

    epoch: int
    kind: str
    token: int
    agreed: int | None
    means: tuple[int | None, ...]
    counted: tuple[int, ...]
    signers: tuple[int, ...]


@dataclass
class TokenHistory:
    """All of it, and where the export has something else."""

    verdict: Verdict = field(default_factory=Verdict)
    epochs: list[TokenEpoch] = field(default_factory=list)
    terms: dict[str, int] = field(default_factory=dict)
    accounts: list[bytes] = field(default_factory=list)
    domain: bytes = b""
    head: bytes = b""
    token: int = 0
    credits: list[int] = field(default_factory=list)
    blocked_from: list[int] = field(default_factory=list)
    recorded_in: int = 0

    @property
    def blocked(self) -> set[int]:
        """Seats left out of the open epoch."""
        return {seat for seat, since in enumerate(self.blocked_from) if 0 < since <= len(self.epochs)}


def recompute_tokens(path: Path) -> TokenHistory:
    """What an exported agreement comes to by the written rules.

    Whatever cannot be read, or followed further, ends the computation: a difference says where.
    """
    history = TokenHistory()
    verdict = history.verdict
    try:
        export = read(path)
    except ValueError as error:
        verdict.same("chain", None, "blocks", "a chain", str(error))
        return history
    verdict.passed["chain"] += len(export.blocks)
    try:
        _follow(export, history)
        verdict.complete = True
    except STRANGE as error:
        verdict.same(*verdict.place, "history", "one that can be followed", str(error))
    return history


@cache
def creation_code() -> bytes | None:
    """What every agreement's creation begins with, read as data; None where it is not installed."""
    path = files("chain_bandit").joinpath("chain", "artifacts", "Tokens.json")
    return bytes.fromhex(json.loads(path.read_text())["bytecode"].removeprefix("0x")) if path.is_file() else None


def _follow(export: Export, history: TokenHistory) -> None:
    for call in calls(export, history.verdict, AGREEMENT):
        if not call.succeeded:
            continue
        if not history.terms and call.name != "create":
            history.verdict.same("setup", None, "events before the creation", [], call.events)
            continue
        if not call.direct:
            history.verdict.same("record", None, "events in calls through other contracts", [], call.events)
            continue
        history.verdict.place = "record", len(history.epochs)
        if call.name == "create":
            _begin(export, history, call)
            continue
        if call.name not in ("agree", "keepAfterDeadline", "reportEquivocation") or call.value:
            raise Broken("there is a call that no contract takes")
        if call.data != canonical(call):
            raise Broken(f"the contract takes {call.name} in no encoding but the canonical one")
        {"agree": _agree, "keepAfterDeadline": _keep, "reportEquivocation": _accuse}[call.name](history, call)
    if not history.terms:
        raise Broken("no transaction creates the contract")


def _seats(bits: int) -> tuple[int, ...]:
    """Seats of a mask, in order."""
    return tuple(seat for seat in range(bits.bit_length()) if bits >> seat & 1)


def _begin(export: Export, history: TokenHistory, call: Call) -> None:
    code, verdict = creation_code(), history.verdict
    verdict.place = "setup", None
    if code is None:
        raise Broken("the creation code is not installed with this version")
    verdict.same("setup", None, "creation code", keccak(code), keccak(call.data[: len(code)]))
    words = call.data[len(code) :]
    reader = Reader(words)
    terms = {name: reader.uint(32) for name in NUMBERS}
    places = terms["participants"] + terms["validators"]
    verdict.same("setup", None, "place of the accounts", 32 * (len(NUMBERS) + 1), reader.uint(32))
    verdict.same("setup", None, "number of accounts", places, reader.uint(32))
    accounts = [reader.take(32) for _ in range(min(places, 256))]
    verdict.same("setup", None, "bytes behind the accounts", 0, reader.left)
    v, f, n = terms["validators"], terms["faulty"], terms["participants"]
    fits = all(terms[name] < 256**width for name, width in zip(NUMBERS, WIDTHS, strict=True))
    allowed = n >= 2 and v > 3 * f and places <= 256 and 1 <= terms["groups"] <= n // 2
    ranged = terms["first"] <= terms["most"] <= LARGEST and 1 <= terms["step"] <= LARGEST
    verdict.same("setup", None, "whether the terms are in their bounds", True, fits and allowed and ranged)
    rows = accounts[:n], accounts[n:]
    ascend = all(row == sorted(set(row)) and number(row[0]) and not any(each[:12] != bytes(12) for each in row)
                 for row in rows)  # fmt: skip
    verdict.same("setup", None, "whether accounts ascend by role", True, ascend)
    verdict.same("record", None, "events of the creation", [], call.events)
    game = keccak(words)
    history.terms, history.accounts = terms, [account[12:] for account in accounts]
    history.domain, history.head = separator(export.chain_id, export.contract, game), keccak(game)
    history.token, history.recorded_in = terms["first"], call.block
    history.credits, history.blocked_from = [0] * n, [0] * places


def _agree(history: TokenHistory, call: Call) -> None:
    body, signers, signatures = tail(call.data, 0), _seats(number(word(call.data, 1))), tail(call.data, 2)
    content = keccak(body) if body else bytes(32)
    _certified(history, content, signers, signatures)
    if not body:
        _end(history, call, TokenEpoch(len(history.epochs), "nothing", history.token, None, (), (), signers), content)
        return
    agreed, means, counted, nets = _read_body(history, body)
    terms, last = history.terms, history.token
    lowest, highest = max(last - terms["step"], 0), min(last + terms["step"], terms["most"])
    token = sorted((lowest, agreed, highest))[1]
    for seat, net in enumerate(nets):
        history.credits[seat] += net * last
    _end(history, call, TokenEpoch(len(history.epochs), "agreed", token, agreed, means, counted, signers), content)


def _read_body(
    history: TokenHistory, body: bytes
) -> tuple[int, tuple[int | None, ...], tuple[int, ...], list[int]]:
    """What the shares came to: the agreed token, the groups' means, counted participants, and what each was sent."""
    terms, verdict, t = history.terms, history.verdict, len(history.epochs)
    v, reader = terms["validators"], Reader(body)
    reader.take(32)
    seed, count = reader.take(32), reader.uint(1)
    if not 1 <= count <= terms["groups"]:
        raise Broken(f"a body has {count} groups")
    groups = [(_seats(reader.uint(32)), reader.uint(12)) for _ in range(count)]
    sums = [[reader.uint(12) for _ in range(v)] for _ in groups]
    nets = [number(reader.take(4)) for _ in range(terms["participants"] if terms["steps"] else 0)]
    nets = [net - (net >> 31 << 32) for net in nets]
    if reader.left or any(len(members) < 2 for members, _ in groups):
        raise Broken("a body continues after its end, or has a group of fewer than two")
    counted = tuple(sorted(seat for members, _ in groups for seat in members))
    able = [seat for seat in range(terms["participants"]) if seat not in history.blocked]
    verdict.same("groups", t, "whether who counts may, and once", True, set(counted) <= set(able)
                 and len(set(counted)) == len(counted))  # fmt: skip
    verdict.same("groups", t, "groups", _drawn(terms["groups"], counted, seed), [members for members, _ in groups])
    means: list[int | None] = []
    for place, ((members, total), row) in enumerate(zip(groups, sums, strict=True)):
        due = _total(terms["faulty"], len(members), row)
        verdict.same("sums", t, f"total of group {place}", due, None if total == NOTHING else total)
        means.append(None if due is None else due // len(members))
    known = sorted(mean for mean in means if mean is not None)
    if not known:
        raise Broken("a body agrees on nothing")
    agreed = (known[(len(known) - 1) // 2] + known[len(known) // 2]) // 2
    within = all(-terms["steps"] <= net <= 2 * terms["steps"] for net in nets)
    verdict.same("credits", t, "whether steps allow what was sent", True, within)
    return agreed, tuple(means), counted, nets


def _drawn(most: int, counted: tuple[int, ...], seed: bytes) -> list[tuple[int, ...]]:
    """Counted participants, ordered by hashes and dealt out to as many groups as can be of two."""
    count = min(most, len(counted) // 2)
    order = [place for _, place in sorted((keccak(seed, uint(place, 4)), place) for place in range(len(counted)))]
    dealt = [sorted(place for turn, place in enumerate(order) if turn % count == group) for group in range(count)]
    return [tuple(counted[place] for place in group) for group in dealt]


def _total(faulty: int, members: int, row: list[int]) -> int | None:
    """Of the group's tokens: f + 1 honest sums must be on the polynomial, and the result what tokens can have."""
    given = {place: value for place, value in enumerate(row) if value < PRIME}
    polynomial = decoded(given, faulty)
    if polynomial is None:
        return None
    off = sum(at(polynomial, place) != value for place, value in given.items())
    total = polynomial[0] % PRIME
    return total if len(given) - off >= 2 * faulty + 1 and total <= members * LARGEST else None


def _certified(history: TokenHistory, content: bytes, signers: tuple[int, ...], signatures: bytes) -> None:
    terms, verdict, t = history.terms, history.verdict, len(history.epochs)
    n, f = terms["participants"], terms["faulty"]
    members = [seat for seat in range(n, n + terms["validators"]) if seat not in history.blocked]
    verdict.same("certificate", t, "whether signers validate", True, set(signers) <= set(members))
    enough = len(signers) >= (len(members) + f) // 2 + 1
    verdict.same("certificate", t, "whether signers are a quorum", True, enough)
    verdict.same("certificate", t, "bytes of signatures", 64 * len(signers), len(signatures))
    signed = statement(history.domain, t, history.head, BLOCK, SIGNER, 0, content)
    for place, seat in enumerate(signers):
        author = signer(signed, signatures[64 * place : 64 * place + 64])
        verdict.same("certificate", t, f"signature of seat {seat}", history.accounts[seat], author)


def _keep(history: TokenHistory, call: Call) -> None:
    t, due = len(history.epochs), history.recorded_in + history.terms["deadline"]
    history.verdict.same("time", t, "whether the deadline has passed", True, call.block > due)
    _end(history, call, TokenEpoch(t, "deadline", history.token, None, (), (), ()), bytes(32))


def _end(history: TokenHistory, call: Call, row: TokenEpoch, content: bytes) -> None:
    """Put the epoch behind the others, and hold the event against it."""
    t, verdict = row.epoch, history.verdict
    history.head = keccak(history.head, uint(t, 32), content, uint(row.token, 32))
    history.token, history.recorded_in = row.token, call.block
    said = call.events[0][1] if len(call.events) == 1 and call.events[0][0] == "TokenAgreed" else [None] * 4
    verdict.same("token", t, "token", row.token, said[1])
    due = [("TokenAgreed", [t, row.token, sum(1 << seat for seat in row.counted), number(history.head)])]
    verdict.same("record", t, "events", due, call.events)
    history.epochs.append(row)


def _accuse(history: TokenHistory, call: Call) -> None:
    """A proof of equivocation, and the epoch from which it counts."""
    verdict, t, data = history.verdict, len(history.epochs), call.data
    seat, epoch, parent = number(word(data, 0)), number(word(data, 1)), word(data, 2)
    phase, role, contents = number(word(data, 3)), number(word(data, 4)), (word(data, 5), word(data, 8))
    if seat >= len(history.accounts):
        raise Broken("an accusation names no seat")
    instance = 0 if role == SIGNER else seat
    authors = [
        signer(statement(history.domain, epoch, parent, phase, role, instance, content),
               word(data, place + 1) + word(data, place + 2))
        for content, place in zip(contents, (5, 8), strict=True)
    ]  # fmt: skip
    once = (phase, role) in SIGNED_ONCE and contents[0] != contents[1]
    verdict.same("evidence", t, f"whether two contents accuse seat {seat}", True, once)
    verdict.same("evidence", t, f"who signed against seat {seat}", [history.accounts[seat]] * 2, authors)
    verdict.same("blocklist", t, f"epoch that seat {seat} was left out from before", 0, history.blocked_from[seat])
    history.blocked_from[seat] = history.blocked_from[seat] or t + 1
    due = [("Accused", [seat, history.blocked_from[seat]])]
    verdict.same("blocklist", t, f"listing of seat {seat}", due, call.events)
