"""Audit report: checks counted one by one, violations apart from findings, money, and one row a round."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from enum import Enum, StrEnum
from typing import Any

from chain_bandit.auditor.catalogue import CHECKS, PROVES
from chain_bandit.auditor.exhibits import LONGEST, Exhibit, Field, Place, Slice, exhibit
from chain_bandit.auditor.rows import RoundRow
from chain_bandit.protocol.blocks import Kind

KEPT = 20
"""Violations and findings of one sort that are kept in words; all are counted."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What contradicts the rules.

    Attributes:
        round: None outside rounds.
        field: what it is about, in words.
        found, expected: what the history says and what follows from the rest of it, ready for JSON.
        exhibit: where on the chain it shows; None where no block is to blame.
        since: the first block that may be to blame, where that can be an earlier one than the exhibit's.
    """

    check: str
    round: int | None
    field: str
    sentence: str
    found: Any = None
    expected: Any = None
    exhibit: Exhibit | None = None
    since: int | None = None


class Weight(StrEnum):
    """Evidential weight of a finding about the seats that it names."""

    PROOF = "proof"
    """It follows from what was signed and opened: a seat that follows the rules is never named, unless its key leaked,
    or the environment gave it other receipts than it committed to, which those then show."""
    OBSERVATION = "observation"
    """It is in the history, and may have an innocent reason: a lost message, another's statement."""
    HINT = "hint"
    """It would be unlikely by chance, by a stated bound; no more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An observation about participants, beside the checks.

    Attributes:
        seat: None for the environment, and for the game as a whole.
        count: of what the kind names: blocks, rounds or calls.
        rounds: the first of them.
        weight: its evidential weight.
        others: further seats that it is about.
        evidence: what somebody else needs to find the same, ready for JSON.
    """

    kind: str
    seat: int | None
    count: int
    rounds: tuple[int, ...]
    sentence: str
    weight: Weight
    others: tuple[int, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class CheckTally:
    """How one check went; `trusted` counts what was not checked: it stands on the word of a quorum, or of live rewards
    on the environment's signature."""

    passed: int = 0
    failed: int = 0
    not_checkable: int = 0
    trusted: int = 0
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Money of one party. Rewards in units of 1e-9, the rest in wei; None where it is not known.

    Attributes:
        stake: what it deposited; of the environment the pool.
        cost: what case-2 rounds took from it; negative where they gave.
        net: what it gets beyond its stake.
        penalty: for not revealing its sealing key, and for a proof against it.
        void: rewards that it earned after the tally of a report that was proven false.
        share: of the pool of a game that was closed without costs.
        owed: what it is still owed.
    """

    seat: int | None
    address: str
    role: str | None
    stake: int
    rewards: int
    cost: int | None
    net: int | None
    withdrawn: int
    penalty: int = 0
    void: int = 0
    share: int = 0
    owed: int = 0


def of_trusted_head(head: str) -> str:
    """The sentence on a verdict for which the audit was given no hash of the last block."""
    return (
        f"no head was given: the audit trusts the history's own last block, {head}. No signature covers blocks and "
        "receipts; compare it with a node of the chain, or with a head that you kept"
    )


QUORUM, ENVIRONMENT, ITSELF = "the quorum's word", "the environment's signature", "their participants' own word"
"""On what something rests that cannot be checked."""

LIVE = ("settlement.rewards", "honest.report", "paranoid.reward", "paranoid.report")
"""Checks of which a live game leaves open what is on the environment's signature, or on participants' own word."""


class Checks:
    """The running count of every check, and the first violations with what shows them.

    Attributes:
        place: where on the chain the audit is.
        latest: names of checks that failed since somebody cleared it.
    """

    def __init__(self, names: Iterable[str] = CHECKS) -> None:
        """`names`: of all checks, by default those of a game."""
        self.tallies = {name: CheckTally() for name in names}
        self.violations: list[Violation] = []
        self.place: Place | None = None
        self.latest: set[str] = set()

    def at_block(self, start: int = 0, part: bytes = b"") -> None:
        """What is checked next is the block that begins there in the calldata; without arguments, the transaction."""
        if self.place is not None:
            self.place.start, self.place.part = start, part

    def that(
        self, holds: bool, check: str, where: int | None, about: str, problem: str, found: object, expected: object,
        *more: object, part: bytes | Slice = b"", shown: Field | None = None, since: int | None = None,
    ) -> bool:
        """Count one check.

        Args:
            where: the round, if it is of one.
            problem: of a failure, a sentence that `found`, `expected` and `more` are put into.
            part: the bytes of calldata or body that it is about; without them, and without `shown`, the field that
                `exhibits.SHOWN_BY` names.
            since: the first block that may be to blame, if that is not the one where it shows.
        """  # fmt: skip
        tally = self.tallies[check]
        if holds:
            tally.passed += 1
            return True
        tally.failed += 1
        self.latest.add(check)
        time = "" if where is None else f"round {where}: "
        sentence = f"{time}{about}: {problem.format(*map(worded, (found, expected, *more)))}"
        if tally.failed == 1:
            tally.evidence = sentence
        if tally.failed <= KEPT:
            seen = exhibit(self.place, check, part, shown) if self.place else None
            self.violations.append(Violation(check, where, about, sentence, plain(found), plain(expected), seen, since))
        return False

    def passed(self, check: str, count: int = 1) -> None:
        """Count what holds, of which no sentence is needed."""
        self.tallies[check].passed += count

    def same(
        self, got: object, expected: object, check: str, where: int | None, about: str,
        part: bytes | Slice = b"", shown: Field | None = None, since: int | None = None,
    ) -> bool:
        """Count one comparison of what the history says with what follows from the rest of it."""  # fmt: skip
        return self.that(
            got == expected, check, where, about, "the history says {}, the rules give {}", got, expected,
            part=part, shown=shown, since=since,
        )  # fmt: skip

    def each_same(
        self, got: Sequence[object], expected: Sequence[object], check: str, where: int | None, about: str,
        part: bytes | Slice = b"",
    ) -> None:
        """Count a comparison for every entry; `about` is followed by the entry's index."""
        if list(got) == list(expected):
            self.passed(check, len(expected))
            return
        for index, (one, other) in enumerate(zip(got, expected, strict=True)):
            self.same(one, other, check, where, f"{about} {index}", part)

    def unknown(self, check: str, reason: str, count: int = 1) -> None:
        """Count what could not be checked, and why."""
        tally = self.tallies[check]
        if not tally.failed and not tally.not_checkable:
            tally.evidence = reason
        tally.not_checkable += count

    def reopen(self, check: str, reason: str) -> None:
        """What failed of a check could not be checked after all, and why."""
        tally = self.tallies[check]
        if tally.failed:
            tally.failed, tally.not_checkable, tally.evidence = 0, tally.not_checkable + tally.failed, reason
            self.violations[:] = [each for each in self.violations if each.check != check]

    def trust(self, check: str, what: str, count: int, whose: str = QUORUM) -> None:
        """Count what nothing in the history can prove or disprove, and which rests on somebody's word alone."""
        tally = self.tallies[check]
        tally.trusted += count
        if not tally.failed and not tally.not_checkable:
            tally.evidence = f"{tally.trusted} {what} rest on {whose} alone"


def plain(value: object) -> Any:
    """A value for JSON: bytes in hexadecimal, no longer than an exhibit's; dataclasses as objects; sets sorted."""
    if isinstance(value, bytes):
        return "0x" + value[:LONGEST].hex()
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return [plain(each) for each in sorted(value)]
    if isinstance(value, Enum):
        return value.value
    return value if isinstance(value, int | str | None) else str(value)


def counted(count: int, what: str) -> str:
    """So many of something, in words."""
    return f"{count:,} {what}" + ("s" if count != 1 else "")


def worded(value: Any) -> object:
    """A value as a sentence has it: bytes in hexadecimal, rows of values in brackets, nothing at length."""
    if isinstance(value, bytes):
        return "0x" + value.hex() if len(value) <= 32 else f"0x{value[:8].hex()}… ({len(value)} bytes)"
    if isinstance(value, set | frozenset):
        value = sorted(value)
    text = f"[{', '.join(str(worded(each)) for each in value)}]" if type(value) in (tuple, list) else str(value)
    return text if len(text) <= 200 else text[:200] + "…"


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks of an audit came to, whatever was audited."""

    checks: dict[str, CheckTally]
    violations: list[Violation]
    findings: list[Finding]

    @property
    def failed(self) -> int:
        """Checks that failed."""
        return sum(tally.failed for tally in self.checks.values())

    @property
    def not_checkable(self) -> int:
        """Checks that could not be made."""
        return sum(tally.not_checkable for tally in self.checks.values())

    @property
    def exit_code(self) -> int:
        """0 all passed, 12 a violation, 13 something not checkable."""
        return 12 if self.failed else 13 if self.not_checkable else 0

    @property
    def verdict(self) -> str:
        """One word for the exit code."""
        return {0: "passed", 12: "violated", 13: "incomplete"}[self.exit_code]

    def summary(self) -> str:
        """The verdict and the counts, in a line."""
        passed = sum(tally.passed for tally in self.checks.values())
        return f"audit {self.verdict}: {passed} passed, {self.failed} failed, {self.not_checkable} not checkable"

    def details(self, proves: Mapping[str, str], trusted_head: str) -> Iterator[str]:
        """A line for each check, by what it proves, one for a head that nobody gave, one for each finding."""
        for name, tally in self.checks.items():
            mark = "FAILED" if tally.failed else "?" if tally.not_checkable else "ok" if tally.passed else "-"
            counts = f"{tally.passed}/{tally.failed}/{tally.not_checkable}"
            yield f"  {mark:<6} {name:<24} {counts:>12}  {proves[name]}"
            if tally.evidence:
                yield f"         {tally.evidence}"
        if trusted_head:
            yield f"  {of_trusted_head(trusted_head)}"
        yield from (f"  {finding.weight}: {finding.sentence}" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class AuditReport(Checked):
    """Everything that an audit found. `json` is its stable form, `lines` its short text.

    Attributes:
        complete: whether the game was closed, or called off before its opening.
        run_digest: None when bodies or pulls are not known that it is over.
        head: the hash of the last block.
        head_trusted: True when no head was given, so that the file's own is believed.
        game: facts of the game by name: parameters, records, approved, cost, true means, gas.
        accounts: the money table, the environment last.
        rounds: one row a record.
        other_transactions: how many were reverted, were without effect, or came through another contract: listed,
            not judged.
        trail: the first bytes of every block's hash, in hexadecimal, for a later audit of the same history.
    """

    run_digest: str | None
    head: str
    head_trusted: bool
    complete: bool
    game: dict[str, Any]
    accounts: list[Account]
    burned: int
    rounds: Sequence[RoundRow]
    other_transactions: dict[str, int] = field(default_factory=dict)
    trail: str = ""

    @property
    def trusted(self) -> int:
        """What was taken on a word: no failure, but not checked either."""
        return sum(tally.trusted for tally in self.checks.values())

    @property
    def live(self) -> int:
        """How much of that is on the environment's signature: live rewards, and reports that rest on them alone. Of
        self-declared rewards it is the reports, on participants' own word."""
        return sum(self.checks[name].trusted for name in LIVE if name in self.checks)

    @property
    def claims(self) -> dict[str, Any]:
        """By the names of a run folder's manifest what the history says of the same; None for what is not known."""
        kinds, given = Counter(row.kind for row in self.rounds), self.game.get("parameters")
        roles = [account.role for account in self.accounts if account.seat is not None]
        listed = {str(seat): since for seat, since in enumerate(self.game.get("blocked_from") or ()) if since}
        return {
            **{kind.name.lower(): kinds[kind.name.lower()] for kind in Kind},
            "run_digest": self.run_digest,
            "game": self.game.get("game_digest"),
            "rounds": given and given["horizon"],
            "burn_in": given and given["burn_in"],
            "paid_burn_in": given and bool(given["paid_burn_in"]),
            "validators": given and given["validators"],
            "arm_means": self.game.get("true_means"),
            "roles": None if None in roles else roles,
            "blocked_from": listed if "game_digest" in self.game else None,
        }

    def as_dict(self, with_rounds: bool = True) -> dict[str, Any]:
        """JSON-ready: integers of wei as they are, bytes in hexadecimal."""
        value = {
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "trusted": self.trusted,
            "checks": {
                name: {"proves": PROVES[name], **asdict(tally)} for name, tally in self.checks.items()
            },
            "violations": [asdict(item) for item in self.violations],
            "findings": [asdict(item) for item in self.findings],
            "run_digest": self.run_digest,
            "head": self.head,
            "head_trusted": self.head_trusted,
            "complete": self.complete,
            "game": self.game,
            "accounts": [asdict(item) for item in self.accounts],
            "burned": self.burned,
            "other_transactions": self.other_transactions,
        }
        if with_rounds:
            value["rounds"] = [asdict(item) for item in self.rounds]
            value["trail"] = self.trail
        return value

    def json(self, with_rounds: bool = True) -> str:
        """Deterministic JSON text."""
        return "".join(self.pieces(with_rounds))

    def pieces(self, with_rounds: bool = True) -> Iterator[str]:
        """That text piece by piece, no more than a row of the rounds at once."""
        value = self.as_dict(with_rounds=False) | ({"rounds": None, "trail": self.trail} if with_rounds else {})
        for index, name in enumerate(sorted(value)):
            yield f"{', ' if index else '{'}{json.dumps(name)}: "
            if name != "rounds":
                yield json.dumps(value[name], sort_keys=True)
                continue
            for at, row in enumerate(self.rounds):
                yield f"{', ' if at else '['}{json.dumps(asdict(row), sort_keys=True)}"
            yield "]" if self.rounds else "[]"
        yield "}"

    def lines(self) -> list[str]:
        """The report in plain lines for a terminal."""
        head = self.summary()
        voted, live = self.trusted - self.live, self.live
        if voted:
            head += f", {voted} on the quorum's word"
        if live and self.game.get("self_declared"):
            head += f", {live} on participants' own word: their rewards are self-declared, and paid alike"
        elif live:
            head += f", {live} on the environment's signature: live rewards are not recomputed"
        return [head, *self.details(PROVES, self.head if self.head_trusted else "")]
