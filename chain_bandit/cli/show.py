"""`chain-bandit show`: a run from inside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chain_bandit.cli.options import ForeignRules, Json, run_foreign
from chain_bandit.output import answer
from chain_bandit.usage import Usage

if TYPE_CHECKING:
    from chain_bandit.systems import Shown

EXAMPLES = ("show runs/demo", "show runs/demo round 20", "show runs/demo participant 3")


def show(
    run: Annotated[Path, typer.Argument(metavar="RUN_OR_EXPORT", help="A run folder, or an exported history.")],
    what: Annotated[str | None, typer.Argument(help="round, participant or tx.")] = None,
    which: Annotated[str | None, typer.Argument(help="Round number, seat or address, or transaction hash.")] = None,
    rule: ForeignRules = None,
    as_json: Json = False,
) -> None:
    """Show a run or an exported history: overview, one round, one participant or one transaction.

    Of an agreement on tokens: overview, one epoch or one seat.
    """
    from chain_bandit.audits import audit_file, audit_folder, described
    from chain_bandit.chain_history import files
    from chain_bandit.game.folder import HISTORY, REPORT
    from chain_bandit.systems import export_in, system_of
    from chain_bandit.views import terminal
    from chain_bandit.views.decoded_history import DecodedHistory
    from chain_bandit.views.show import round_as_dict, show_participant, show_round, show_transaction

    other = export_in(run) or run
    if other.is_file() and (system := system_of(files.read(other))) is not None:
        _print(system.show(files.read(other), what, which), as_json)
        return
    run_foreign(rule)
    history = run if run.is_file() else run / HISTORY
    report = audit_file(run) if run.is_file() else audit_folder(run)
    manifest, rounds = described(run, report)
    place = {"history" if rounds is None else "out": str(run)}
    inside = DecodedHistory.of(manifest, report, files.read(history))
    match what, which:
        case None, None:
            found: Any = {"manifest": manifest, "audit": report.as_dict(with_rounds=False)}
            tables = [
                terminal.verdict_lines(manifest, report, rounds),
                terminal.conduct_table(manifest, report, rounds),
                terminal.titled("Game", terminal.header(manifest | place, report)),
                terminal.participants_table(manifest, report, rounds),
                *([] if rounds is None else [terminal.regret_table(manifest, report, rounds)]),
                terminal.checks_table(report),
                *([terminal.to_open(run / REPORT)] if (run / REPORT).is_file() else []),
            ]
        case "round", str(number) if number.isdecimal() and len(number) <= 10:
            found, tables = round_as_dict(inside, int(number)), [show_round(inside, int(number))]
        case "participant", str(who):
            found, tables = inside.account(who), [show_participant(inside, who)]
        case "tx", str(digest):
            found, tables = inside.transaction(digest), [show_transaction(inside, digest)]
        case _:
            raise Usage("show RUN_OR_EXPORT [round N | participant SEAT-OR-ADDRESS | tx HASH]")
    _print((found, tables), as_json)


def _print(shown: "Shown", as_json: bool) -> None:
    from chain_bandit.views.decoded_history import plain
    from chain_bandit.views.terminal import console

    found, tables = shown
    if as_json:
        answer(plain(found), sort_keys=True)
    else:
        console().print(*tables, sep="\n")
