"""Final output of `run` and `up`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from chain_bandit.cli.errors import as_json_of, say_error
from chain_bandit.output import answer

if TYPE_CHECKING:
    from chain_bandit.auditor.report import AuditReport
    from chain_bandit.scenario import Scenario


def say_finished(
    scenario: "Scenario", manifest: dict[str, Any], report: "AuditReport", out: Path, chain_name: str, as_json: bool,
    measured: dict[str, Any] | None = None, kept: str | None = None, briefly: bool = False,
) -> None:  # fmt: skip
    """Print what a run folder holds, and end with the exit code of its rules, expectations, liveness and audit."""
    from chain_bandit.game.folder import REPORT, read_rounds
    from chain_bandit.runs import failed_expectation, lost_liveness, unanswered_rule
    from chain_bandit.views import terminal

    found = unanswered_rule(report), failed_expectation(scenario, manifest), lost_liveness(scenario, manifest)
    failures = list(filter(None, found))
    failed = failures[0] if failures else None
    if as_json:
        said = {**manifest, "audit": report.verdict, "out": str(out)} | ({"measured": measured} if measured else {})
        answer(said | ({"error": as_json_of(failed)} if failed else {}), sort_keys=True)
    else:
        rounds = read_rounds(out)
        terminal.console().print(
            terminal.verdict_lines(manifest, report, rounds),
            terminal.conduct_table(manifest, report, rounds),
            terminal.regret_table(manifest, report, rounds),
            *([] if briefly else [
                terminal.titled("Game", terminal.header({**manifest, "chain": chain_name, "out": str(out)}, report)),
                terminal.participants_table(manifest, report, rounds),
                *([terminal.time_table(measured)] if measured else []),
                terminal.checks_table(report),
            ]),
            terminal.to_open(out / REPORT),
            sep="\n",
        )  # fmt: skip
    for each in failures:
        say_error(each)
    if kept:
        print(f"error: the audit is {report.verdict}; {kept}", file=sys.stderr)
    if failed and not report.violations:
        raise typer.Exit(failed.exit_code)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def label_of(scenario: "Scenario", chain_name: str) -> str:
    """A folder's name: by the seed, but not where the chain goes on and the seed gives every key."""
    from chain_bandit.game.chains import is_url
    from chain_bandit.game.plan import Plan

    return Plan(scenario).label if is_url(chain_name) else f"{scenario.name}-{scenario.seed}"
