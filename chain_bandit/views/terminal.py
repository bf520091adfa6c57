"""Terminal view of a run: header, progress, tables. Everything fits 80 columns and is readable without colour."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from chain_bandit.auditor.catalogue import PROVES
from chain_bandit.auditor.exhibits import NEEDED
from chain_bandit.auditor.report import AuditReport, Checked, Violation, of_trusted_head
from chain_bandit.game_names import clean, in_brackets
from chain_bandit.views.phrases import (
    CONDUCT,
    SECTIONS,
    aborted,
    attacking_pays,
    attacks_in_words,
    beyond_bounds,
    headline,
    honest_average,
    misbehaved,
    no_regret,
    others_in_words,
    seconds,
    verdict,
    what_it_cost,
)
from chain_bandit.views.view_model import ViewModel, amount, by_weight, check_status, signed, span, whole

if TYPE_CHECKING:
    from chain_bandit.game.run import RunStatus

MARKS = {"ok": ("ok", "green"), "bad": ("FAILED", "bold red"), "open": ("open", "yellow"), "none": ("none", "dim")}

STYLES = {"passed": "bold green", "violated": "bold red"}
"""Of a verdict."""

_HEADER = (
    ("scenario", "game"), ("participants", "participants"), ("arm_names", "arms"), ("rounds", "horizon"),
    ("burn_in", "burn-in"), ("seed", "seed"), ("chain", "chain"), ("chain_id", "chain id"), ("contract", "contract"),
    ("certificate", "certificate"), ("sortition", "sortition"),
    ("game_digest", "game digest"), ("separator", "separator"),
    ("head", "last block"), ("run_digest", "run digest"), ("out", "folder"), ("history", "history"),
)  # fmt: skip


def console(stderr: bool = False) -> Console:
    """A console that leaves text as it is: no markup, no emoji, no guesses about what to colour.

    What is printed takes 80 columns: a narrower terminal breaks its lines, where tables that fit it would lack cells.
    """
    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not stderr:
        made.width = max(made.width, 80)
    return made


def pairs_grid(pairs: Sequence[tuple[str, object]]) -> Table:
    """Grid of names, dim, and their values."""
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    for name, value in pairs:
        lines.add_row(Text(name), Text(str(value)))
    return lines


def plain_table(*columns: tuple[str, str], tight: bool = False) -> Table:
    """A table with one line, under its head; each column is its title and `left`, `right` or `wrap`."""
    made = Table(
        box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False, padding=(0, 0 if tight else 1, 0, 0), show_edge=False
    )
    for name, justify in columns:
        made.add_column(
            Text(name), justify="right" if justify == "right" else "left", no_wrap=justify != "wrap",
            overflow="fold" if justify == "wrap" else "ellipsis",
        )  # fmt: skip
    return made


def titled(title: str, *parts: RenderableType) -> Group:
    """Parts under a title, with a line of air before it."""
    return Group(Text(""), Text(title, "bold"), *parts)


def header(facts: Mapping[str, Any], report: AuditReport | None = None) -> RenderableType:
    """Names and values of a game, before or after it: whatever of a manifest's fields (and chain, out) is known, and of
    an audited one the digest of its terms and the EIP-712 domain separator, which all signatures are bound to."""
    facts = {**facts, **{name: report.game.get(name) for name in ("game_digest", "separator") if report}}
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    for key, name in _HEADER:
        if key in facts and facts[key] is not None:
            value = facts[key]
            shown = whole(value) if type(value) is int and key not in ("chain_id", "seed") else clean(value, 200)
            lines.add_row(name, Text(str(len(value)) if key == "arm_names" else shown))
    return lines


def to_open(path: Path) -> RenderableType:
    """The last line of a command: the file that shows what it made."""
    return Text(f"\nopen {path}", overflow="fold", no_wrap=False)


class ProgressLine:
    """A line on stderr that follows something long, inside a `with`.

    Silent unless stderr is a terminal that can move its cursor, or where it is hidden.
    """

    def __init__(self, what: str, total: int, to: Console | None = None, hidden: bool = False) -> None:
        shown = to or console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(8), TimeElapsedColumn(),
            TextColumn("{task.fields[standing]}"), console=shown,
            transient=True, refresh_per_second=5,
            disable=hidden or not shown.is_terminal or shown.is_dumb_terminal,
        )  # fmt: skip
        self._what, self._total, self._hidden = what, total, hidden
        self._task = self._bar.add_task(self._where(0), total=total, standing="")

    def __enter__(self) -> Self:
        """Begin to show."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no line behind."""
        self._bar.stop()

    def show(self, done: int, standing: Callable[[], str]) -> None:
        """How many are done, and what else there is to say."""
        if not self._bar.disable:
            self._bar.update(
                self._task, completed=done, total=self._total or None, description=self._where(done),
                standing=standing(),
            )  # fmt: skip

    def say(self, text: str) -> None:
        """What is waited for now, and about how long: in the line, or as one of its own where there is none."""
        if self._bar.disable and not self._hidden:
            print(text, file=sys.stderr, flush=True)
        self.show(0, lambda: text)

    def _where(self, done: int) -> str:
        return f"{self._what} {done:,}" + (f" of {self._total:,}" if self._total else "")


class RunProgress(ProgressLine):
    """Follows a run: give it to `run` as its observer."""

    def __init__(self, rounds: int, to: Console | None = None, what: str = "round") -> None:
        super().__init__(what, rounds, to)

    def __call__(self, moment: "RunStatus") -> None:
        """Show where the run stands."""
        self.show(moment.pulls, lambda: standing(moment))

    def stage(self, text: str) -> None:
        """Show what is done after the last round."""
        self.show(self._total, lambda: text)


class Blocks(ProgressLine):
    """Follows the blocks of a history, as they come in from a node or are audited."""

    def __init__(self, to: Console | None = None, hidden: bool = False) -> None:
        super().__init__("block", 0, to, hidden)

    def __call__(self, done: int, total: int) -> None:
        """Show how many of how many are done; 0 where nobody knows of how many."""
        self._total = total
        self.show(done, str)


def standing(moment: "RunStatus") -> str:
    """Approved, regret, accused, in words."""
    accused = ", ".join(map(str, sorted(moment.accused)))
    lost = "" if moment.regret is None else f", regret {amount(moment.regret, 1)}"
    return f"{moment.approved:,} approved{lost}" + (
        f", accused {accused}" if accused else ""
    )


def participants_table(manifest: Mapping[str, Any], report: AuditReport, rounds: Any) -> RenderableType:
    """Every seat: role as revealed, reward, cost, net, and its observed conduct. Raises `RunUnreadable`."""
    facts = ViewModel.of(manifest, report, rounds)
    burned = any(p.slash or p.void for p in facts.participants)
    made = plain_table(
        ("seat", "right"), ("role", "left"), ("reward", "right"), ("cost", "right"),
        *[("burned", "right")] * burned, ("net", "right"), ("observed", "wrap"), ("address", "left"),
    )  # fmt: skip
    for p in facts.participants:
        lost = [amount(p.slash + p.void)] * burned
        made.add_row(
            str(p.seat), Text(p.role or facts.no_role, "red" if p.malicious else ""), amount(p.reward),
            amount(p.cost), *lost, signed(p.net), Text(p.conduct or "\N{EN DASH}"), Text(f"{p.address[:8]}…", "dim"),
        )  # fmt: skip
    notes = [attacking_pays(facts), *filter(None, [beyond_bounds(facts), aborted(facts)])]
    wei = (report.game.get("parameters") or {}).get("wei_per_unit")
    if wei:
        notes.append(f"One reward is {wei * 10**9:,} wei.")
    return titled("Participants", made, *(Text(note, "dim") for note in notes))


def verdict_lines(manifest: Mapping[str, Any], report: AuditReport, rounds: Any) -> RenderableType:
    """The verdict of the audit, and what was learned. Raises `RunUnreadable`."""
    facts = ViewModel.of(manifest, report, rounds)
    said = [Text(verdict(facts), STYLES.get(report.verdict, "bold yellow"))]
    said += map(Text, headline(facts))
    said += [Text(f"{each.name}: {each.word}; {each.sentence}.", MARKS[each.status][1])
             for each in facts.verdicts if each.status in ("bad", "open") and each.name != "Audit"]  # fmt: skip
    return Group(*said)


def conduct_table(manifest: Mapping[str, Any], report: AuditReport, rounds: Any) -> RenderableType:
    """Seats that sent false reports or equivocated, since when, and what it cost them, beside an honest participant."""
    facts = ViewModel.of(manifest, report, rounds)
    made = plain_table(
        ("seat", "right"), ("observed", "wrap"), ("since", "right"), ("excluded", "right"), ("earned", "right"),
        ("slash", "right"), ("voided", "right"), ("took home", "right"), tight=True,
    )  # fmt: skip
    for p in facts.suspects:
        made.add_row(
            str(p.seat), p.conduct or "\N{EN DASH}", whole(p.first or None), whole(p.blocked_from or None),
            amount(p.reward), amount(p.slash), amount(p.void), signed(p.net),
        )  # fmt: skip
    earned, net = honest_average(facts)
    if net is not None:
        made.add_row("", "honest, on average", *["\N{EN DASH}"] * 2, amount(earned), amount(0), amount(0), signed(net))
    said: list[RenderableType] = [Text(misbehaved(facts)), Text(what_it_cost(facts))]
    if facts.suspects:
        said += [made, *(Text(each, "dim") for each in (*attacks_in_words(facts), CONDUCT))]
    return titled(SECTIONS["conduct"], *said)


def checks_table(
    report: Checked, every: bool = False, proves: Mapping[str, str] = PROVES, head: str = ""
) -> RenderableType:
    """How the checks of the audit went: in one line where all passed; what failed first, in full, then what is open.

    Args:
        every: with a row for each check.
        proves: of each check what it proves.
        head: the last block's hash where the audit trusts the history's own.
    """
    tallies = report.checks.values()
    passed, made = sum(tally.passed for tally in tallies), sum(check_status(tally) != "none" for tally in tallies)
    first = {item.check: item for item in reversed(report.violations)}
    lines = [
        Text(f"audit {report.verdict}: {passed:,} checks of {made} kinds passed, {report.failed:,} failed, "
             f"{report.not_checkable:,} open", STYLES.get(report.verdict, "bold yellow")),
        *([Text(f"{of_trusted_head(head)}.", "yellow")] if head else []),
        *(line for item in report.violations for line in _violation(item, first[item.check] is item)),
        *([Text(NEEDED, "dim")] if any(item.exhibit for item in report.violations) else []),
        *(Text(f"open {', '.join(names)}: {clean(evidence, 300)}", "yellow") for evidence, names in _open(report)),
        *(Text(clean(evidence, 300)) for evidence in _unmade(report)),
        *(Text(f"{item.weight}: {clean(item.sentence, 400)}") for item in by_weight(report.findings)),
    ]  # fmt: skip
    table: list[RenderableType] = [Text(""), _Checks(report, proves)] if every else []
    return titled("Checks", *lines, *table)


def _open(report: Checked) -> list[tuple[str, list[str]]]:
    """Checks that could not be made, by why."""
    found: dict[str, list[str]] = {}
    for name, tally in report.checks.items():
        if tally.not_checkable and not tally.failed:
            found.setdefault(tally.evidence, []).append(name)
    return list(found.items())


def _unmade(report: Checked) -> list[str]:
    """Why checks that could fail nowhere were not made: what has one implementation is not compared."""
    return list(dict.fromkeys(
        tally.evidence for tally in report.checks.values() if tally.evidence and check_status(tally) == "none"
    ))  # fmt: skip


def _violation(item: Violation, with_command: bool) -> list[Text]:
    """What is wrong, where it shows, and the command that shows it."""
    lines, seen = [Text(f"FAILED {item.check}: {clean(item.sentence, 600)}", "red")], item.exhibit
    if seen is not None:
        of = f" of transaction\n  {seen.transaction}" if seen.transaction else ""
        bytes_ = f", bytes {seen.first} to {seen.first + seen.size - 1}" if seen.size else ""
        lines.append(Text(f"  block {seen.block}: {seen.field}{bytes_}{of}", "dim"))
        if with_command:
            lines.append(Text("  " + re.sub(r" (\||0x\S{64}|--rpc-url)", r" \\\n  \1", seen.cast), "dim"))
    return lines


def statements_table(report: AuditReport, called: Mapping[int, str] = MappingProxyType({})) -> RenderableType:
    """Money of every account, in rewards: what it put in, got, paid, took, and is still owed.

    Args:
        called: names of seats.
    """
    wei = (report.game.get("parameters") or {}).get("wei_per_unit")
    if not wei:
        return titled("Statements", Text("The contract's parameters are not known."))
    headings = ("stake", "rewards", "costs", "penalty", "void", "share", "withdrawn", "owed")
    made = plain_table(("seat", "right"), *((name, "right") for name in headings))
    for line in report.accounts:
        moved = (line.cost, line.penalty, line.void, line.share, line.withdrawn, line.owed)
        made.add_row(
            "pool" if line.seat is None else str(line.seat), amount(line.stake / wei), amount(line.rewards),
            *(amount(None if each is None else each / wei) for each in moved),
        )  # fmt: skip
    names = ("environment" if line.seat is None else f"seat {line.seat}" for line in report.accounts)
    played = (
        f"{name}: {line.address}{in_brackets(called, line.seat)}"
        for name, line in zip(names, report.accounts, strict=True)
    )
    unit = Text(f"One reward is {wei * 10**9:,} wei; --json says wei.", "dim")
    return titled("Statements", made, unit, Text("\n".join(("Accounts:", *played)), "dim"))


class _Checks:
    """The table of checks, with what each proves where there is room."""

    def __init__(self, report: Checked, proves: Mapping[str, str]) -> None:
        self._report, self._proves = report, proves

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table for this width."""
        wide = options.max_width >= 150
        made = plain_table(
            ("", "left"), ("check", "left"), ("passed", "right"), ("failed", "right"), ("open", "right"),
            *([("proves", "left")] if wide else []),
        )  # fmt: skip
        for name, tally in self._report.checks.items():
            word, style = MARKS[check_status(tally)]
            proves = [Text(self._proves.get(name, ""), "dim")] if wide else []
            made.add_row(Text(word, style), Text(name), whole(tally.passed), whole(tally.failed),
                         whole(tally.not_checkable), *proves)  # fmt: skip
        yield made


def regret_table(manifest: Mapping[str, Any], report: AuditReport, rounds: Any) -> RenderableType:
    """Regret of the honest in its parts, beside that of others: over all rounds, and after the burn-in."""
    facts = ViewModel.of(manifest, report, rounds)
    if facts.is_live:
        return titled("Regret", Text(no_regret(facts), "dim"))
    burn_in, last = facts.manifest.burn_in, facts.pulls[-1]
    made = plain_table(
        ("rewards lost, per honest participant", "left"), (f"{facts.at}s {span(1, last)}", "right"),
        (span(burn_in + 1, last), "right"),
    )  # fmt: skip
    for line in facts.regret:
        name = Text(f"  {line.name}", "dim") if line.is_part else Text(line.name)
        made.add_row(name, amount(line.total), amount(line.after))
    return titled("Regret", made, *(Text(said, "dim") for said in others_in_words(facts)))


def time_table(measured: Mapping[str, Any]) -> RenderableType:
    """Where the time of a run went."""
    made = plain_table(("", "left"), ("seconds", "right"), ("share", "right"))
    for name, value, share in seconds(measured):
        made.add_row(name, f"{value:,.2f}", f"{share:.0%}")
    return titled("Time", made)
