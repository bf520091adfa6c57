"""The numbers that every view shows, taken once from manifest, audit and rounds, so that views cannot drift apart."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chain_bandit.auditor.report import AuditReport, CheckTally, Finding, Weight
from chain_bandit.auditor.rows import RoundRow
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.records import CREATION, calls
from chain_bandit.game_names import UNNAMED, GameNames, clean, in_brackets
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.errors import BadEncoding, ChainBanditError
from chain_bandit.protocol.parameters import UCB1, Parameters
from chain_bandit.protocol.units import UNIT

FALSE_REPORTS = ("false report", "false report of a seat not labelled a liar", "false report of live rewards")
PROVEN_FALSE = ("proven false report", "proven false report of a seat not labelled a liar")
EQUIVOCATIONS = ("equivocated", "equivocation of a seat not labelled an attacker")
FAILED_KINDS = ("rejected", "skip")


class RunUnreadable(ChainBanditError):
    """A run folder whose files do not say what a run's files say."""

    exit_code = 3

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what, self.reason = what, reason


_Number = Annotated[int, Field(ge=0, lt=2**64)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class MethodGas(_Strict):
    """Gas of all calls of one method."""

    transactions: _Number
    gas: _Number


class Manifest(_Strict):
    """The fields of a manifest that views show, checked; None for what `manifest_of` does not find in a history."""

    version: str | None
    scenario: str
    seed: int | None = Field(ge=0, lt=2**256)
    run_digest: str | None
    rounds: int | None = Field(ge=1, lt=2**32)
    burn_in: _Number
    paid_burn_in: bool = False
    approved: _Number
    rejected: _Number
    skip: _Number
    exploration: _Number
    chain_id: int = Field(ge=0, lt=2**256)
    contract: str
    head: str
    arm_names: list[str] = Field(min_length=1)
    seat_names: dict[int, str] = Field(default_factory=dict)
    arm_means: list[_Number] | None
    accused: list[_Number]
    aborted: dict[str, list[str]] = Field(default_factory=dict)
    attacks: dict[str, dict[str, str]] = Field(default_factory=dict)
    live: bool = False
    self_declared: bool = False
    policy: str = UCB1.name
    undefended: _Number | None = None
    gas: _Number
    gas_by_method: dict[str, MethodGas]


@dataclass(frozen=True, slots=True)
class ParticipantRow:
    """A line of the money table. Rewards, cost and net in units of 1e-9; None where it is not known.

    Attributes:
        role: as the environment revealed it.
        net_wei: what the contract paid beyond the stake.
        accused: rounds in which the honest held proof that it equivocated.
        blocked_from: the first round in which it is on the block list; 0 for never.
        false_reports: blocks in which it reported other means than its receipts.
        silent: blocks without an agreed report of it.
        forfeited: approved rounds without a pull of it, which pay it nothing.
        slash: what proofs, or a key that it did not reveal, took from its stake.
        void: rewards that a proof of a false report took.
        first: the first round in which it sent a false report or equivocated; 0 for never.
    """

    seat: int
    address: str
    role: str | None
    reward: int
    cost: float | None
    net: float | None
    net_wei: int | None
    accused: int
    false_reports: int
    silent: int
    forfeited: int = 0
    blocked_from: int = 0
    slash: float = 0.0
    void: float = 0.0
    first: int = 0

    @property
    def malicious(self) -> bool | None:
        """None while roles are not revealed."""
        return None if self.role is None else self.role != "honest"

    @property
    def conduct(self) -> str:
        """Its observed misbehaviour, in a few words."""
        seen = (
            ("equivocated", self.accused), ("false", self.false_reports), ("no report", self.silent),
            ("forfeited", self.forfeited),
        )  # fmt: skip
        return ", ".join(f"{what} {count}\N{MULTIPLICATION SIGN}" for what, count in seen if count)


@dataclass(frozen=True, slots=True)
class RegretLine:
    """One learner's regret per honest participant, in units: over all rounds, and over L + 1 … T.

    `after` is None for what cannot fall after the burn-in, or is not known.
    """

    key: str
    name: str
    total: int
    after: int | None

    @property
    def is_part(self) -> bool:
        """Whether it is a part of the first line's."""
        return self.key in _PARTS


@dataclass(frozen=True, slots=True)
class StatusItem:
    """One word of the verdict strip: `status` is ok, bad or open; `anchor` is where its evidence is."""

    name: str
    status: str
    word: str
    sentence: str
    anchor: str


_PARTS = ("burn_in", "arms", "failed", "cost")
_RIVALS = {"ucb1": "UCB1 alone", "oracle": "oracle, pooled"}
_ALONE = "regret_alone_units"
_INTEGERS = ("round", "arm", *(f"regret_{name}_units" for name in (*_PARTS, *_RIVALS)))


Picture = TypeVar("Picture")


@dataclass(frozen=True)
class ViewModel:
    """One run, as views read it.

    Attributes:
        columns: the table of rounds by column, cumulative regret in units; empty where there is only a history.
        pictures: what is drawn of it, by plot; those that are there already are taken as they are.
    """

    manifest: Manifest
    report: AuditReport
    columns: Mapping[str, Sequence[Any]]
    pictures: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(
        manifest: Mapping[str, Any], report: AuditReport, rounds: Any, pictures: dict[str, Any] | None = None
    ) -> "ViewModel":
        """Take in a run. `rounds` is the table of a run folder, by column, or None. Raises `RunUnreadable`."""
        checked = read_manifest(manifest)
        columns = {} if rounds is None else _columns(rounds, len(checked.arm_names))
        return ViewModel(checked, report, columns, {} if pictures is None else pictures)

    def drawn(self, plot: Callable[["ViewModel"], Picture]) -> Picture:
        """What a plot of `views.plots` gives."""
        name = plot.__name__
        if name not in self.pictures:
            self.pictures[name] = plot(self)
        found: Picture = self.pictures[name]
        return found

    @cached_property
    def names(self) -> list[str]:
        """The arms' names, safe to show."""
        return [clean(name) for name in self.manifest.arm_names]

    def seat_name(self, seat: int | None) -> str:
        """A seat's name, as `in_brackets` gives it."""
        return in_brackets(self.manifest.seat_names, seat)

    @cached_property
    def by_mean(self) -> list[int]:
        """The arms, best first; as they are numbered while their true means are not revealed."""
        means = self.manifest.arm_means
        return sorted(range(len(self.names)), key=lambda arm: (-means[arm] if means else 0, arm))

    @cached_property
    def parameters(self) -> Parameters | None:
        """Of the game; None where the history does not begin with its creation."""
        given = self.report.game.get("parameters")
        return Parameters.from_numbers(given, self.report.game["declaration"]) if given else None

    @cached_property
    def rows(self) -> Sequence[RoundRow]:
        """The records, from the audit."""
        return self.report.rounds

    @property
    def is_live(self) -> bool:
        """Whether rewards came from outside: neither true means nor intended liars are known, and so no regret."""
        return self.manifest.live or bool(self.report.game.get("live"))

    @property
    def is_self_declared(self) -> bool:
        """Whether they came to each participant alone, which was paid alike for every pull."""
        return self.manifest.self_declared or bool(self.report.game.get("self_declared"))

    @property
    def come(self) -> str:
        """What rewards from outside are called."""
        return "self-declared" if self.is_self_declared else "live"

    @property
    def no_role(self) -> str:
        """What stands for a role that is not known."""
        return "not known" if self.is_live else no_role(self.report)

    @property
    def at(self) -> str:
        """What `pulls` counts."""
        return self.parameters.counted if self.parameters else "round"

    @cached_property
    def pulls(self) -> Sequence[int]:
        """How often everybody has pulled by the end of each round; without phases that is its number."""
        length = {row.round: row.length for row in self.rows}
        return list(accumulate(length.get(round_, 1) for round_ in self.columns["round"]))

    @cached_property
    def participants(self) -> list[ParticipantRow]:
        """Every seat."""
        accused = self.accused_by_round
        parameters = self.report.game.get("parameters") or {}
        wei = parameters.get("wei_per_unit", 1)
        since = excluded_from(self.report)
        return [
            ParticipantRow(
                seat=account.seat,
                address=clean(account.address),
                role=None if account.role is None else clean(account.role, 18),
                reward=account.rewards,
                cost=None if account.cost is None else account.cost / wei,
                net=None if account.net is None else account.net / wei,
                net_wei=account.net,
                accused=sum(account.seat in seats for seats in accused.values()),
                false_reports=sum(self._count(kind, account.seat) for kind in FALSE_REPORTS),
                silent=self._count("no report", account.seat),
                forfeited=self._count("forfeited", account.seat),
                blocked_from=since[account.seat] if account.seat < len(since) else 0,
                slash=account.penalty / wei,
                void=account.void / wei,
                first=self._first_offence(account.seat),
            )
            for account in self.report.accounts
            if account.seat is not None
        ]

    def _count(self, kind: str, seat: int) -> int:
        return sum(item.count for item in self.report.findings if item.kind == kind and item.seat == seat)

    def _first_offence(self, seat: int) -> int:
        offences = (*FALSE_REPORTS, *PROVEN_FALSE, *EQUIVOCATIONS)
        rounds = [item.rounds for item in self.report.findings if item.kind in offences and item.seat == seat]
        return min(map(min, filter(None, rounds)), default=0)

    @property
    def suspects(self) -> list[ParticipantRow]:
        """Seats that are malicious by their revealed role, sent a false report or equivocated."""
        return [p for p in self.participants if p.malicious or p.first]

    @cached_property
    def accused_by_round(self) -> dict[int, frozenset[int]]:
        """Seats accused in each round; only rounds with an accusation. Raises `RunUnreadable`."""
        found = {}
        if not self.columns:
            return self._accused_on_chain()
        for round_, text in zip(self.columns["round"], self.columns["accused"], strict=True):
            if text:
                try:
                    found[round_] = frozenset(map(int, text.split(",")))
                except ValueError as error:
                    raise RunUnreadable("rounds", f"round {round_}: its accused are not seats") from error
        return found

    def _accused_on_chain(self) -> dict[int, frozenset[int]]:
        """The same of the proofs that the contract was given."""
        found: dict[int, frozenset[int]] = {}
        for item in self.report.findings:
            if item.kind in EQUIVOCATIONS and item.seat is not None:
                for round_ in item.rounds:
                    found[round_] = found.get(round_, frozenset()) | {item.seat}
        return found

    @cached_property
    def regret(self) -> list[RegretLine]:
        """The honest participants' regret in all and in its parts, then that of others on the same draws."""
        columns, start = self.columns, self.after_burn_in
        last = {name: values[-1] for name, values in columns.items() if name.startswith("regret_")}
        at = {name: values[start - 1] if start else 0 for name, values in columns.items() if name in last}
        words = {"burn_in": "burn-in", "arms": "arms", "failed": "failed rounds", "cost": "cost of lies"}
        lines = [
            RegretLine(part, words[part], last[f"regret_{part}_units"],
                       None if part == "burn_in" else last[f"regret_{part}_units"] - at[f"regret_{part}_units"])
            for part in _PARTS
        ]  # fmt: skip
        total = sum(line.total for line in lines)
        lines.insert(0, RegretLine("total", "chain_bandit, in all", total, sum(line.after or 0 for line in lines)))
        for rival, name in self.rivals.items():
            key = f"regret_{rival}_units"
            lines.append(RegretLine(rival, name, last[key], last[key] - at[key]))
        if self.manifest.undefended is not None:
            lines.append(RegretLine("undefended", "undefended mean", self.manifest.undefended, None))
        return lines

    @property
    def rivals(self) -> Mapping[str, str]:
        """What the learners are called whose regret stands in a column: where the game has another index policy than
        UCB1, one that plays it alone too."""
        alone = {"alone": f"{clean(self.manifest.policy)} alone"} if _ALONE in self.columns else {}
        return {"ucb1": _RIVALS["ucb1"], **alone, "oracle": _RIVALS["oracle"]}

    @property
    def last(self) -> int:
        """The last round that was played."""
        return int(self.columns["round"][-1])

    @cached_property
    def after_burn_in(self) -> int:
        """Index of the first row after the burn-in."""
        return sum(round_ <= self.manifest.burn_in for round_ in self.columns["round"])

    @cached_property
    def failures(self) -> list[RoundRow]:
        """Rounds whose consensus failed."""
        return [row for row in self.rows if row.kind in FAILED_KINDS]

    @cached_property
    def unpaid(self) -> list[RoundRow]:
        """Rounds without an approved block, which pay nothing."""
        return [row for row in self.rows if row.kind != "approved"]

    @cached_property
    def case_2(self) -> int | None:
        """How many rounds were in case 2; None where that is not known of each."""
        known = [row.costly for row in self.rows]
        return None if None in known else known.count(True)

    @cached_property
    def passed(self) -> int:
        """Checks that passed."""
        return sum(tally.passed for tally in self.report.checks.values())

    @cached_property
    def verdicts(self) -> list[StatusItem]:
        """The verdict strip."""
        return [self._safety(), self._liveness(), self._audit(), self._money(), *self._digest()]

    def _safety(self) -> StatusItem:
        names = [n for n in self.report.checks if n.split(".")[0] in _SAFETY]
        status, count = _together(self.report.checks[name] for name in names)
        sentence = {
            "ok": f"one certified record a round; {count:,} checks of links, quorums and aggregates",
            "bad": "a record, a certificate or an aggregate contradicts the rules",
            "open": "not all records, certificates and aggregates could be checked",
        }[status]
        return StatusItem(
            "Safety", status, {"ok": "held", "bad": "violated", "open": "open"}[status], sentence, "audit"
        )

    def _liveness(self) -> StatusItem:
        manifest, made = self.manifest, len(self.rows)
        failed, explored = len(self.failures), sum(row.kind == "exploration" for row in self.rows)
        if manifest.rounds is None:
            return StatusItem("Liveness", "open", "open", "how many rounds are due is not in this history", "consensus")
        due = manifest.rounds - manifest.burn_in + 1 - sum(row.length - 1 for row in self.rows)
        whole, nothing = made == due and self.report.complete, failed and failed + explored == made
        # in phases it is not known how many rounds the pulls that are left take
        phases = self.parameters is not None and self.parameters.has_phases
        pulled = f", of {manifest.rounds - due + made:,} of {manifest.rounds:,} pulls" if phases else ""
        sentence = f"{due - failed - explored:,} of {due:,} recorded rounds approved" if whole else (
            (f"{made:,} rounds have a record{pulled}" if pulled else f"{made:,} of {due:,} rounds have a record")
            + ("" if self.report.complete else "; the game is not closed")
        )
        if whole and failed:
            sentence += f", {failed} failed, {explored} explored; the game went on"
        held = whole and not nothing
        return StatusItem("Liveness", "ok" if held else "bad", "held" if held else "lost", sentence, "consensus")

    def _audit(self) -> StatusItem:
        report = self.report
        status = {"passed": "ok", "violated": "bad", "incomplete": "open"}[report.verdict]
        sentence = f"{self.passed:,} checks passed, {report.failed:,} failed, {report.not_checkable:,} not checkable"
        return StatusItem("Audit", status, report.verdict, sentence, "audit")

    def _money(self) -> StatusItem:
        checks = self.report.checks
        names = [name for name in checks if name.startswith(("money.", "settlement.")) or name == "game.deposits"]
        status, _ = _together(checks[name] for name in names)
        paid = sum(account.withdrawn for account in self.report.accounts)
        sentence = {
            "ok": f"{paid:,} wei withdrawn, {self.report.burned:,} burned; nothing missing",
            "bad": "a payment contradicts settlement",
            "open": "not every payment could be checked",
        }[status]
        word = {"ok": "conserved", "bad": "violated", "open": "open"}[status]
        return StatusItem("Money", status, word, sentence, "money")

    def _digest(self) -> Sequence[StatusItem]:
        """Nothing is to be reproduced where nobody claims a digest."""
        given, found = self.manifest.run_digest, self.report.run_digest
        if given is None:
            return ()
        status = "open" if found is None else "ok" if given == found else "bad"
        sentence = f"digest {short(clean(given, 80))} " + {
            "ok": "recomputed from the chain" + (
                "" if self.is_live else "; the same scenario and seed give it again"),
            "bad": f"but the chain gives {short(found or '')}",
            "open": "not recomputed: bodies or receipts are missing",
        }[status]
        word = {"ok": "digest matches", "bad": "digest differs", "open": "open"}[status]
        return (StatusItem("Reproducible", status, word, sentence, "method"),)


_SAFETY = ("record", "certificate", "committee", "evidence", "blocklist", "header", "aggregate")
"""Checks, by the first part of their name, that safety rests on."""


def read_manifest(manifest: Mapping[str, Any]) -> Manifest:
    """The checked fields of a manifest. Raises `RunUnreadable`."""
    try:
        found = Manifest.model_validate(manifest)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunUnreadable("manifest", f"{clean(where)}: {first['msg']}") from error
    if found.arm_means is not None and len(found.arm_names) != len(found.arm_means):
        raise RunUnreadable("manifest", "arm_names and arm_means differ in length")
    return found


_MOST_GAS = 1 << 40
"""Of a call: no block has as much, whatever a forged receipt says."""


def excluded_from(report: AuditReport) -> Sequence[int]:
    """By seat the first round without it; 0 for never, also where the game was over before."""
    given = report.game.get("blocked_from") or []
    over = report.rounds[-1].round if report.complete and report.rounds else None
    return [0 if over is not None and since > over else since for since in given]


def no_role(report: AuditReport) -> str:
    """What stands for a role that is not known: of live rewards it never is."""
    return "not known" if report.game.get("live") else "not revealed"


def manifest_of(report: AuditReport, history: History, names: GameNames = UNNAMED) -> dict[str, Any]:
    """Fields of a manifest by a history and its audit; None for those that only the manifest has.

    Args:
        names: what a file that says where the game is calls it; those of another number of arms are left out.
    """
    said, gas = report.claims, gas_by_method(history)
    equivocators = {item.seat for item in report.findings if item.kind in EQUIVOCATIONS and item.seat is not None}
    contract = "0x" + history.origin.contract.hex()
    arms = tuple(f"arm {arm}" for arm in range((report.game.get("parameters") or {"arms": 1})["arms"]))
    return {
        "version": None,
        "scenario": f"{clean(names.game, 35) or 'The game'} at {short(contract)}",
        "seed": None,
        "run_digest": None,
        "rounds": said["rounds"],
        "burn_in": said["burn_in"] or 0,
        "paid_burn_in": bool(said["paid_burn_in"]),
        **{kind.name.lower(): said[kind.name.lower()] for kind in Kind},
        "chain_id": history.origin.chain_id,
        "contract": contract,
        "head": report.head,
        "arm_names": list(names.arms if len(names.arms) == len(arms) else arms),
        "seat_names": dict(names.seats),
        "arm_means": report.game.get("true_means"),
        "accused": sorted(equivocators),
        "gas": sum(used["gas"] for used in gas.values()),
        "gas_by_method": gas,
    }


def gas_by_method(history: History) -> dict[str, dict[str, int]]:
    """How many calls of each method a history has, and the gas that they used."""
    gas: dict[str, dict[str, int]] = {}
    with suppress(BadEncoding):  # the audit says so
        for call in calls(history):
            method = "deploy" if call.method == CREATION else call.method or "unknown"
            used = gas.setdefault(method, {"transactions": 0, "gas": 0})
            used["transactions"] += 1
            used["gas"] += min(max(0, call.gas), _MOST_GAS)
    return dict(sorted(gas.items()))


def _columns(rounds: Any, arms: int) -> Mapping[str, Sequence[Any]]:
    columns: Mapping[str, Sequence[Any]] = rounds
    integers = {*_INTEGERS, _ALONE} if _ALONE in columns else {*_INTEGERS}
    if not any(name.startswith("regret_") for name in columns):  # of live rewards
        integers = {"round", "arm"}
    for name in sorted(integers | {"kind", "accused"}):
        kind = int if name in integers else str
        if name not in columns or not all(type(value) is kind for value in columns[name]):
            raise RunUnreadable("rounds", f"the column {name} is missing or holds something else")
    if not columns["round"]:
        raise RunUnreadable("rounds", "there is no round")
    if not all(-1 <= arm < arms for arm in columns["arm"]):
        raise RunUnreadable("rounds", "the column arm names an arm that does not exist")
    return columns


def _together(tallies: Any) -> tuple[str, int]:
    """Status and passed checks of several tallies."""
    listed: list[CheckTally] = list(tallies)
    failed, unknown = any(tally.failed for tally in listed), any(tally.not_checkable for tally in listed)
    return "bad" if failed else "open" if unknown else "ok", sum(tally.passed for tally in listed)


def check_status(tally: CheckTally) -> str:
    """ok, bad, open, or none for a check that met nothing to check."""
    return "bad" if tally.failed else "open" if tally.not_checkable else "ok" if tally.passed else "none"


def by_weight(findings: Sequence[Finding]) -> list[Finding]:
    """Proofs, then observations, then hints; within a weight as the report has them."""
    return sorted(findings, key=lambda item: list(Weight).index(item.weight))


def rounds_in_words(finding: Finding) -> str:
    """The first rounds of a finding, consecutive ones joined."""
    runs: list[list[int]] = []
    for round_ in finding.rounds:
        if runs and round_ == runs[-1][1] + 1:
            runs[-1][1] = round_
        else:
            runs.append([round_, round_])
    text = ", ".join(str(a) if a == b else span(a, b) for a, b in runs)
    return text + (" …" if finding.count > len(finding.rounds) else "")


def amount(units: float | None, places: int = 2) -> str:
    """Units of 1e-9 as rewards: 1,234.56; a dash where it is not known."""
    return "\N{EN DASH}" if units is None else f"{units / UNIT:,.{places}f}".replace("-", "\N{MINUS SIGN}")


def signed(units: float | None, places: int = 2) -> str:
    """Like `amount`, with a plus for a gain."""
    return ("+" if units and units > 0 else "") + amount(units, places)


def mean(units: int) -> str:
    """An estimator: three places without the leading zero; ∞ for the sentinel."""
    if units > UNIT:
        return " ∞  " if units > 2 * UNIT else f"{units / UNIT:.2f}"
    return f"{units / UNIT:.3f}"[1:] if units < UNIT - 500_000 else "1.00"


def listed(numbers: Sequence[int]) -> str:
    """Numbers with commas between them, or that there are none."""
    return ", ".join(map(str, numbers)) or "none"


def whole(value: int | None) -> str:
    """An integer with thousands separated; a dash where it is not known."""
    return "\N{EN DASH}" if value is None else f"{value:,}".replace("-", "\N{MINUS SIGN}")


def span(first: int, last: int) -> str:
    """A stretch of rounds."""
    return f"{first:,}\N{EN DASH}{last:,}"


def short(digest: str) -> str:
    """A hash or an address, abbreviated."""
    return digest if len(digest) <= 15 else f"{digest[:8]}…{digest[-6:]}"
