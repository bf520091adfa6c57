"""The command line. Results on stdout, progress and errors on stderr, `--json` one object, true exit codes."""

import json
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from difflib import get_close_matches
from pathlib import Path
from time import sleep
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chain_bandit import __version__, cli_mediate_chain
from chain_bandit.cli_warnings import warn_of_public_keys, warn_of_unproven_lies
from chain_bandit.exit_codes import EXIT_CODES
from chain_bandit.history.blocks import LAST_BLOCK
from chain_bandit.output import UNWRITABLE, UNWRITTEN, forgiving
from chain_bandit.presets import RECOMMENDED
from chain_bandit.protocol.errors import ChainBanditError, Stopped
from chain_bandit.simulation.engine import Engine

if TYPE_CHECKING:
    from chain_bandit.audit.report import AuditReport
    from chain_bandit.scenario import Scenario
    from chain_bandit.studies.presets import Part
    from chain_bandit.studies.results import Results

# Pydantic would look for plug-ins of its own, and raise on any installed package whose entry points cannot be read.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

new = typer.Typer(no_args_is_help=True)
app.add_typer(new, name="new")
mediate = typer.Typer(no_args_is_help=True)
app.add_typer(mediate, name="mediate")
mediate.command("chain")(cli_mediate_chain.chain)
mediate.command("audit")(cli_mediate_chain.audit)

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="A new run folder; by default runs/NAME-SEED, numbered from the second on.")
]
Rounds = Annotated[int | None, typer.Option("--rounds", help="T, in place of the scenario's.")]
Seed = Annotated[int | None, typer.Option("--seed", help="In place of the scenario's.")]
Override = Annotated[
    list[str] | None, typer.Option("-o", "--override", metavar="KEY=VALUE", help="Set a key; the value as in TOML.")
]


STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SOON = 0.01
"""Seconds until a stop that could not be raised, or was swallowed, is raised once more."""


class Usage(ChainBanditError):
    """A command line that makes no sense."""

    exit_code = 2


@app.command()
def run(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (TOML).")],
    chain: Annotated[str, typer.Option("--chain", help="embedded, anvil, hardhat, or a node's URL.")] = "embedded",
    account: Annotated[str | None, typer.Option("--account", help="Who pays for everybody on a URL.")] = None,
    rounds: Rounds = None,
    seed: Seed = None,
    override: Override = None,
    out: Out = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up a run that was stopped, on the chain at the same URL.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Play a scenario, audit it, and leave a run folder."""
    if account is not None and chain == "embedded":
        raise Usage("--account: on the embedded chain nobody pays; name another --chain, or leave it out")
    _play(scenario, _overrides(override, rounds, seed), out, as_json, chain, account, resume)


@app.command()
def deploy(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (TOML).")],
    chain: Annotated[str, typer.Option("--chain", envvar="ETH_RPC_URL", help="A node's URL, or anvil or hardhat.")],
    account: Annotated[str, typer.Option("--account", help="File in ETH_KEYSTORE; dev0 … dev9 for development.")],
    rounds: Rounds = None,
    seed: Seed = None,
    override: Override = None,
    out: Annotated[Path | None, typer.Option("--out", help="By default deployments/NAME-GAME.json.")] = None,
    as_json: Json = False,
) -> None:
    """Put a game's contract on a chain, fund its participants, and leave a deployment file.

    Participants' keys derive from the scenario's seed. A node of its own (anvil, hardhat) stays until Ctrl-C.
    """
    from chain_bandit.game.plan import Plan
    from chain_bandit.scenario import load

    plan = Plan(load(scenario, _overrides(override, rounds, seed)))
    from chain_bandit.chain import accounts
    from chain_bandit.chain.journal import Journal
    from chain_bandit.chain.process import OwnNode
    from chain_bandit.game import deployment
    from chain_bandit.game.chains import connected, is_url
    from chain_bandit.game.folder import SEED
    from chain_bandit.views import terminal

    _say_beforehand(plan.scenario)
    place = out or Path("deployments") / f"{plan.label}.json"
    with connected(chain) as node:
        warn_of_public_keys(node.chain_id)
        with deployment.kept_journal(place) if is_url(chain) else nullcontext(Journal()) as journal:
            made = deployment.deploy(plan, node, accounts.named(account, node.chain_id), place, journal)
        said = {**made, "out": str(place)} | ({"url": node.url} if isinstance(node, OwnNode) else {})
        if as_json:
            print(json.dumps(said, sort_keys=True), flush=True)
        else:
            named = {"scenario": plan.scenario.name, "participants": plan.scenario.participants}
            terminal.console().print(terminal.header({**said, **named}))
        if isinstance(node, OwnNode):
            print(f"{chain} answers at {node.url} until Ctrl-C", file=sys.stderr, flush=True)
            try:
                node.wait()
            finally:
                for file in (place, place.with_suffix(f".{SEED}")):
                    file.unlink(missing_ok=True)  # its chain is gone


@app.command()
def demo(rounds: Rounds = None, seed: Seed = None, out: Out = None, as_json: Json = False) -> None:
    """Ten participants, three of them malicious, learn which airline is most often on time."""
    from chain_bandit.examples import example

    if not as_json:
        print(_FLIGHTS, flush=True)
    _play(example("flights.toml"), _overrides(None, rounds, seed), out, as_json, named="demo")


_FLIGHTS = """\
Which of 16 airlines is most often on time? Ten participants choose an airline
(an arm) each round; one of its recorded flights is drawn, and an arrival on
time is a reward of 1. Three of the ten are malicious. This takes a minute.
"""


@app.command()
def simulate(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (TOML).")],
    replicates: Annotated[
        int, typer.Option("--replicates", min=1, max=10**6, help="Games, each of a seed of its own.")
    ] = 20,
    rounds: Rounds = None,
    seed: Seed = None,
    override: Override = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=1024, help="Threads; the results do not depend on it.")] = 1,
    engine: Annotated[
        Engine | None,
        typer.Option("--engine", help="By default the one that ends soonest; the results do not depend on it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Play a scenario many times without messages, and measure the regret of an honest participant."""
    from chain_bandit.scenario import load

    given = load(scenario, _overrides(override, rounds, seed), on_chain=False)
    from chain_bandit.game.simulated import compiles, engines
    from chain_bandit.game.simulated import replicates as played
    from chain_bandit.views.simulated import COMPILING, regret_by_round
    from chain_bandit.views.terminal import Line, console

    _say_beforehand(given)
    chosen = engine or engines([(given, replicates)])[0]
    with Line("game", replicates) as line:
        if compiles([chosen]):
            line.say(COMPILING)
        measured = played(given, replicates, (), jobs, chosen, lambda done: line.show(done, str))
    if as_json:
        print(json.dumps({"scenario": given.name, "seed": given.seed} | measured.as_dict(), sort_keys=True))
    else:
        console().print(regret_by_round(measured))


@app.command()
def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP", help="Sweep file (TOML).")],
    replicates: Annotated[
        int | None, typer.Option("--replicates", min=1, max=10**5, help="Games a cell, in place of the file's.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the cells that are there, play the others.")] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, max=1024, help="Processes; the results do not depend on it.")
    ] = 1,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Play on this Ray cluster; local starts one here.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The sweep's folder; by default runs/NAME.")] = None,
    as_json: Json = False,
) -> None:
    """Simulate a scenario at every combination of some settings. Exit 15: cells failed, the others are done."""
    from chain_bandit.lines import whole_file
    from chain_bandit.sweep import grid, workers
    from chain_bandit.sweep.run import run as swept_by
    from chain_bandit.sweep.run import written
    from chain_bandit.views import sweep as view
    from chain_bandit.views.simulated import COMPILING
    from chain_bandit.views.terminal import Line, console, to_open

    if ray is not None and jobs != 1:
        raise Usage("--jobs is for this machine; the cluster of --ray has as many workers as it has")
    given = grid.load(file, replicates)
    place = out or Path("runs") / given.name
    whose = workers.cluster(ray) if ray is not None else workers.processes(jobs) if jobs > 1 else workers.here
    with Line("cell", given.size) as line:
        swept = swept_by(
            given, place, whose, resume,
            lambda done, failed: line.show(done, lambda: f"{failed} failed"), lambda: line.say(COMPILING),
        )  # fmt: skip
    with written(place), whole_file(place / "heatmap.svg") as picture:
        picture.write(view.heat_map(swept).encode())
    failed = swept.failure()
    if as_json:
        said = swept.as_dict() | {"out": str(place)} | ({"error": _as_json(failed)} if failed else {})
        print(json.dumps(said, sort_keys=True))
    else:
        console().print(view.table(swept), to_open(place / "heatmap.svg"), sep="\n")
    if failed:
        _say_error(failed)
        raise typer.Exit(failed.exit_code)


@app.command()
def audit(
    folder: Annotated[Path | None, typer.Argument(help="A run folder.")] = None,
    history: Annotated[Path | None, typer.Option("--history", help="An exported history.")] = None,
    rpc: Annotated[str | None, typer.Option("--rpc", envvar="ETH_RPC_URL", help="A node's URL.")] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", help="With --rpc: the address, a deployment file or a run folder.")
    ] = None,
    from_block: Annotated[
        int | None, typer.Option("--from-block", min=0, max=LAST_BLOCK, help="Its creation, if known.")
    ] = None,
    to_block: Annotated[
        int | None, typer.Option("--to-block", min=0, max=LAST_BLOCK, help="The last block to read.")
    ] = None,
    bodies: Annotated[Path | None, typer.Option("--bodies", help="A compact game's export, with --rpc.")] = None,
    export: Annotated[
        Path | None, typer.Option("--export", help="With --rpc: keep the history here; a stopped audit goes on.")
    ] = None,
    head: Annotated[str | None, typer.Option("--head", help="The hash of the last block, as you kept it.")] = None,
    trail: Annotated[
        Path | None, typer.Option("--trail", help="An audit.json you kept: where did the history become another?")
    ] = None,
    statement: Annotated[
        Path | None, typer.Option("--statement", metavar="FILE", help="Every movement of money: a .csv or .parquet.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Draw what was found: one HTML file.")
    ] = None,
    paranoid: Annotated[
        bool, typer.Option("--paranoid", help="Compute everything a second time, plainly, and compare.")
    ] = False,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="NAME", help="Runs this foreign rule of the game.")
    ] = None,
    every: Annotated[bool, typer.Option("--checks", help="List every check, also those that passed.")] = False,
    as_json: Json = False,
) -> None:
    """Re-derive a whole game from its history alone. Exit 12: a violation; 13: not everything could be checked."""
    from chain_bandit.audits import audit_file, audit_folder, page_of, trail_of
    from chain_bandit.foreign.registry import run_rules
    from chain_bandit.game.folder import REPORT
    from chain_bandit.lines import whole_file
    from chain_bandit.views.statement import written
    from chain_bandit.views.terminal import Blocks, checks_table, console, statements_table, to_open

    if (folder is not None) + (history is not None) + (contract is not None) != 1:
        raise Usage("name one thing to audit: a run folder, --history FILE, or --rpc URL --contract ADDRESS")
    if contract is None and any(each is not None for each in (from_block, to_block, bodies, export)):
        raise Usage("--from-block, --to-block, --bodies and --export go with --rpc and --contract")
    if export is not None and export.is_dir():
        raise Usage(f"--export {export}: is a folder; name a file")
    if page is not None and (page.is_dir() or not page.parent.is_dir()):
        raise Usage(f"--page {page}: there is no folder for it, or a folder in its place")
    if contract is not None and rpc is None:
        raise Usage("--contract needs --rpc URL (or ETH_RPC_URL)")
    kept, way = _hexadecimal(head, 32, "--head") if head else None, trail_of(trail) if trail else b""
    for each in run_rules(rule or ()):
        print(f"runs foreign code: {each}", file=sys.stderr)
    with ExitStack() as stack:
        told = stack.enter_context(written(statement)) if statement else None
        observe = stack.enter_context(Blocks(hidden=as_json))
        if contract is not None and rpc is not None:
            from chain_bandit.chain.remote import at_url  # late: web3 takes seconds to load, and only this asks a node
            from chain_bandit.runs import history_of_node, recorded_game

            node, name = at_url(rpc), str(contract)
            if os.path.exists(name):
                address, first = recorded_game(node, Path(name))
            else:
                address, first = _hexadecimal(name, 20, "--contract"), None
            first = from_block if from_block is not None else first
            history = stack.enter_context(history_of_node(node, address, first, to_block, bodies, export, observe))
        if history is not None:
            report = audit_file(history, kept, on_movement=told, paranoid=paranoid, observe=observe, trail=way)
        else:
            assert folder is not None
            report = audit_folder(folder, kept, on_movement=told, paranoid=paranoid, observe=observe, trail=way)
        if page is not None:
            drawn = page_of(history or folder or Path(), report)
            with whole_file(page) as file:
                file.write(drawn.encode())
    if as_json:
        print(json.dumps(report.as_dict(with_rounds=False), sort_keys=True))
    else:
        drawn_at = page or (folder / REPORT if folder and (folder / REPORT).is_file() else None)
        console().print(
            checks_table(report, every), statements_table(report), *([to_open(drawn_at)] if drawn_at else []), sep="\n"
        )
    raise typer.Exit(report.exit_code)


@app.command()
def show(
    run: Annotated[Path, typer.Argument(metavar="RUN_OR_EXPORT", help="A run folder, or an exported history.")],
    what: Annotated[str | None, typer.Argument(help="round, participant or tx.")] = None,
    which: Annotated[str | None, typer.Argument(help="A number, a seat or address, a hash.")] = None,
    as_json: Json = False,
) -> None:
    """Look inside a run, or an exported history: all of it, one round, one participant, one transaction."""
    from chain_bandit.audits import audit_file, audit_folder, described
    from chain_bandit.game.folder import HISTORY, REPORT
    from chain_bandit.history import files
    from chain_bandit.views import terminal
    from chain_bandit.views.inside import Inside, plain
    from chain_bandit.views.show import show_participant, show_round, show_transaction

    history = run if run.is_file() else run / HISTORY
    report = audit_file(run) if run.is_file() else audit_folder(run)
    manifest, rounds = described(run, report)
    inside = Inside.of(manifest, report, files.read(history))
    match what, which:
        case None, None:
            found: Any = {"manifest": manifest, "audit": report.as_dict(with_rounds=False)}
            tables = [
                terminal.verdict_lines(manifest, report, rounds),
                terminal.conduct_table(manifest, report, rounds),
                terminal.titled("Game", terminal.header(manifest | {"history" if rounds is None else "out": str(run)})),
                terminal.participants_table(manifest, report, rounds),
                *([] if rounds is None else [terminal.regret_table(manifest, report, rounds)]),
                terminal.checks_table(report),
                *([terminal.to_open(run / REPORT)] if (run / REPORT).is_file() else []),
            ]
        case "round", str(number) if number.isdecimal() and len(number) <= 10:
            found, tables = inside.record(int(number)), [show_round(inside, int(number))]
        case "participant", str(who):
            found, tables = inside.account(who), [show_participant(inside, who)]
        case "tx", str(digest):
            found, tables = inside.transaction(digest), [show_transaction(inside, digest)]
        case _:
            raise Usage("show RUN_OR_EXPORT [round N | participant SEAT-OR-ADDRESS | tx HASH]")
    if as_json:
        print(json.dumps(plain(found), sort_keys=True))
    else:
        terminal.console().print(*tables, sep="\n")


@new.callback()
def _new() -> None:
    """Begin something of your own."""


@new.command("plugin")
def new_plugin(
    kind: Annotated[str, typer.Argument(help="Such as attack or aggregation; another word lists all.")],
    name: Annotated[str, typer.Argument(help="As scenarios are to call it.")],
    out: Annotated[Path | None, typer.Option("--out", help="By default chain-bandit-NAME.")] = None,
    as_json: Json = False,
) -> None:
    """Write a package with one plug-in, an example that works, its test and a README."""
    from chain_bandit.scaffold import new

    files = new(kind, name, out)
    if as_json:
        print(json.dumps({"kind": kind, "name": name, "files": [str(file) for file in files]}, sort_keys=True))
    else:
        print(*files, sep="\n")


@new.command("scenario")
def new_scenario(
    name: Annotated[str, typer.Argument(help="Of the game.")],
    preset: Annotated[
        str, typer.Option("--preset", help="recommended or paper: what holds of keys that are not given.")
    ] = RECOMMENDED,
    out: Annotated[Path | None, typer.Option("--out", help="A new file, by default NAME.toml.")] = None,
    as_json: Json = False,
) -> None:
    """Write a scenario that runs: seven participants, two of whom lie."""
    from chain_bandit.scaffold import new_scenario as written

    file = written(name, preset, out)
    command = f"chain-bandit run {shlex.quote(str(file))}"
    if as_json:
        print(json.dumps({"name": name, "preset": preset, "file": str(file), "next": command}, sort_keys=True))
    else:
        print(file, command, sep="\n")


@mediate.callback()
def _mediate() -> None:
    """MEDIATE: tokens of thanks, and agreeing on their size. `run` plays its experiments, and takes PyTorch."""


@mediate.command("run")
def mediate_run(
    preset: Annotated[
        str, typer.Argument(help="smoke (seconds), reduced or tokens (an hour or two), token-pairs, paper (a night).")
    ],
    game: Annotated[list[str] | None, typer.Option("--game", help="Of the preset this game only; or more.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Whence all chance comes.")] = 0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=1024, help="Processes, by default one a core; same results.")
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("-o", "--override", metavar="KEY=VALUE", help="Another way than the paper's (docs/mediate.md)."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run was stopped.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="By default runs/mediate-PRESET-SEED.")] = None,
    as_json: Json = False,
) -> None:
    """Play a preset and leave a folder with a Parquet file for each game and group of methods, and the pictures."""
    from time import monotonic

    from chain_bandit.pool import cores
    from chain_bandit.studies.presets import parts_of, worthwhile
    from chain_bandit.studies.progress import Left
    from chain_bandit.studies.switches import switched
    from chain_bandit.views import study as view
    from chain_bandit.views.terminal import Line, console

    parts, values = parts_of(preset, tuple(game or ())), _overrides(override, None, None)
    switched(values)
    from chain_bandit.studies.run import run as played

    place = out or Path("runs") / f"mediate-{preset}-{seed}"
    left = Left(parts, monotonic())
    with Line("epoch", sum(part.epochs for part in parts), hidden=as_json) as line:

        def observe(part: "Part", epoch: int, found: int) -> None:
            line.show(left.epochs(part, epoch, found), lambda: left.words(monotonic()))

        count = jobs or min(cores(), worthwhile(parts))
        results = played(preset, place, seed, resume, tuple(game or ()), observe, count, values)
    if not as_json:
        console().print(view.table(results, values))
    pictures = list(map(str, _drawn(results, place)))
    if as_json:
        print(json.dumps({**_of_study(place), "rows": view.rows(results), "pictures": pictures}, sort_keys=True))
    else:
        print("", *pictures, sep="\n")


@mediate.command("table")
def mediate_table(
    folder: Annotated[Path, typer.Argument(help="Of `mediate run`.")],
    as_json: Json = False,
) -> None:
    """Print what a folder's finished parts come to, beside the paper's Table 1."""
    from chain_bandit.studies.folder import finished
    from chain_bandit.views import study as view
    from chain_bandit.views.terminal import console

    results = finished(folder)
    if as_json:
        print(json.dumps({**_of_study(folder), "rows": view.rows(results)}, sort_keys=True))
    else:
        console().print(view.table(results, _of_study(folder)["switches"]))


@mediate.command("plot")
def mediate_plot(
    folder: Annotated[Path, typer.Argument(help="Of `mediate run`.")],
    out: Annotated[Path | None, typer.Option("--out", help="A folder for the pictures; by default the same.")] = None,
    as_json: Json = False,
) -> None:
    """Draw each finished game's curves over epochs with 95 % intervals, and its tokens', as SVG; of tokens Figure 1."""
    from chain_bandit.studies.folder import finished, folder_for

    paths = _drawn(finished(folder), folder_for(out or folder))
    if as_json:
        print(json.dumps({"pictures": list(map(str, paths))}))
    else:
        print(*paths, sep="\n")


def _of_study(folder: Path) -> dict[str, Any]:
    from chain_bandit.studies.folder import study

    found = study(folder)
    return {"out": str(folder), **{name: found[name] for name in ("preset", "seed", "switches")}}


def _drawn(results: "Sequence[Results]", place: Path) -> list[Path]:
    from chain_bandit.lines import whole_file
    from chain_bandit.studies.folder import StudyRefused
    from chain_bandit.views import study as view

    paths = []
    for name, drawn in view.pictures(results).items():
        paths.append(place / f"{name}.svg")
        try:
            with whole_file(paths[-1]) as picture:
                picture.write(drawn.encode())
        except OSError as error:
            raise StudyRefused(paths[-1], f"cannot be written: {error.strerror}") from error
    return paths


@app.command()
def node(
    place: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of one node, as `up` makes them.")],
    rpc: Annotated[
        str | None, typer.Option("--rpc", envvar="ETH_RPC_URL", help="Its own connection to the chain.")
    ] = None,
) -> None:
    """Run one node of a game: a participant, the environment, the relayer or the comparison, until the game's end."""
    from chain_bandit.nodes.load import load

    load()
    from chain_bandit.nodes.start import main

    main(place, rpc)


@app.command()
def up(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (TOML).")],
    processes: Annotated[bool, typer.Option("--processes", help="Everybody as a process of its own.")] = False,
    chain: Annotated[str, typer.Option("--chain", help="anvil, hardhat, or a node's URL.")] = "anvil",
    account: Annotated[str | None, typer.Option("--account", help="Who pays for everybody on a URL.")] = None,
    rounds: Rounds = None,
    seed: Seed = None,
    override: Override = None,
    out: Annotated[Path | None, typer.Option("--out", help="A new folder; by default nodes/NAME-SEED.")] = None,
    revive: Annotated[bool, typer.Option("--revive", help="Start a node that was killed again.")] = False,
    as_json: Json = False,
) -> None:
    """Start a whole game of nodes on this machine, wait for its end, and audit it."""
    if not processes:
        raise Usage("up starts processes: say --processes, or play in one process with chain-bandit run")
    from chain_bandit.scenario import load

    given = load(scenario, _overrides(override, rounds, seed))
    from chain_bandit.nodes.up import last_round
    from chain_bandit.nodes.up import up as started
    from chain_bandit.views.terminal import Line

    place = out or Path("nodes") / _label(given, chain)
    _say_beforehand(given)
    with Line("round", given.rounds) as line:

        def pause(seconds: float) -> None:
            line.show(last_round(place), str)
            sleep(seconds)

        manifest, report = started(given, place, chain, account, revives=lambda name: revive, pause=pause)
    _say_finished(given, manifest, report, place, chain, as_json)


@app.command()
def ps(
    place: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of a game of nodes.")], as_json: Json = False
) -> None:
    """Say how each node of a game is, as far as this machine knows: one without a folder here is `not here`."""
    from chain_bandit.nodes.processes import states

    found = states(place)
    if as_json:
        print(json.dumps([{"name": each.name, "pid": each.pid, "state": each.word} for each in found]))
    else:
        for each in found:
            print(f"{each.name:<12} {each.word:<9} {each.pid or ''}".rstrip())


@app.command()
def logs(
    place: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of a game of nodes.")],
    name: Annotated[str | None, typer.Argument(help="Of one node; by default all.")] = None,
    lines: Annotated[int, typer.Option("--lines", min=1, help="The last so many of each.")] = 20,
) -> None:
    """Print what nodes wrote."""
    from chain_bandit.nodes.processes import log

    for line in log(place, name, lines):
        print(line)


@app.command()
def down(place: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of a game of nodes.")]) -> None:
    """End every process of a game."""
    from chain_bandit.nodes.processes import down as ended

    for each in ended(place):
        print(f"{each.name} ended")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is installed, what is missing, and how to get it. Exit 4: not even the embedded chain can run."""
    from chain_bandit.doctor import examine

    findings = examine()
    missing = [finding.name for finding in findings if finding.required and not finding.present]
    if as_json:
        print(json.dumps({"ok": not missing, "findings": [finding.as_dict() for finding in findings]}, sort_keys=True))
    else:
        for finding in findings:
            print(finding.line())
    if missing:
        print(f"error: missing: {', '.join(missing)}; see above how to get it", file=sys.stderr)
        raise typer.Exit(4)


@app.command()
def explain(
    what: Annotated[str, typer.Argument(metavar="CODE|CHECK", help="An exit code, or a check of the audit.")],
    as_json: Json = False,
) -> None:
    """Say what an exit code means and what to do, or what a check of the audit proves and where to look by hand."""
    from chain_bandit.audit.catalogue import CHECKS
    from chain_bandit.audit.exhibits import NEEDED, by_hand

    known = {str(code): code for code in EXIT_CODES}
    if what in CHECKS:
        said: dict[str, Any] = {"check": what, "proves": CHECKS[what], "by_hand": by_hand(what), "needs": NEEDED}
        text = f"{CHECKS[what]}\nBy hand: {said['by_hand']}\n{NEEDED}"
    elif what in known:
        meaning, remedy = EXIT_CODES[known[what]]
        said = {"code": known[what], "meaning": meaning, "what_to_do": remedy}
        text = f"{meaning[0].upper()}{meaning[1:]}. {remedy}"
    else:
        near = get_close_matches(what[:80], CHECKS, 1)
        listed = f"did you mean {near[0]}?" if near else f"codes: {', '.join(known)}; checks: {', '.join(CHECKS)}"
        raise Usage(f"no exit code and no check {what[:80]!r}; {listed}")
    print(json.dumps(said) if as_json else text)


def _play(
    scenario_file: Path, overrides: dict[str, Any], out: Path | None, as_json: bool,
    chain_name: str = "embedded", account: str | None = None, resume: bool = False, named: str = "",
) -> None:  # fmt: skip
    from chain_bandit.stopwatch import Stopwatch

    watch = Stopwatch()  # before the imports: they are part of the time that one waits
    from chain_bandit.game.folder import free_place, fresh, is_free
    from chain_bandit.scenario import load

    scenario = load(scenario_file, overrides)
    base = Path("runs") / (named or _label(scenario, chain_name))
    place = out or fresh(base, is_free)
    if not resume:
        free_place(place)
    # These take two seconds to load, and nobody waits so long to be refused.
    from chain_bandit.game.chains import chain, is_url
    from chain_bandit.game.unfinished import kept_in, stopped_run
    from chain_bandit.runs import play

    if resume and out is None:
        place = stopped_run(base)
    from chain_bandit.views import terminal

    on = chain(chain_name, account, warn_of_public_keys)
    _say_beforehand(scenario)
    what = "pull" if scenario.parameters.has_phases else "round"
    with terminal.Progress(scenario.parameters.horizon, what=what) as observe:
        finished = play(scenario, place, observe, watch, on, is_url(chain_name), resume, observe.stage)
    note = kept_in(finished.kept) if finished.kept else None
    measured, report = finished.measured, finished.report
    _say_finished(scenario, finished.manifest, report, finished.out, chain_name, as_json, measured, note, bool(named))


def _say_finished(
    scenario: "Scenario", manifest: dict[str, Any], report: "AuditReport", out: Path, chain_name: str, as_json: bool,
    measured: dict[str, Any] | None = None, kept: str | None = None, briefly: bool = False,
) -> None:  # fmt: skip
    """Print what a run folder holds, and end with the exit code of its expectations and its audit."""
    from chain_bandit.game.folder import REPORT, read_rounds
    from chain_bandit.runs import failed_expectation
    from chain_bandit.views import terminal

    failed = failed_expectation(scenario, manifest)
    if as_json:
        said = {**manifest, "audit": report.verdict, "out": str(out)} | ({"measured": measured} if measured else {})
        print(json.dumps(said | ({"error": _as_json(failed)} if failed else {}), sort_keys=True))
    else:
        rounds = read_rounds(out)
        terminal.console().print(
            terminal.verdict_lines(manifest, report, rounds),
            terminal.conduct_table(manifest, report, rounds),
            terminal.regret_table(manifest, report, rounds),
            *([] if briefly else [
                terminal.titled("Game", terminal.header({**manifest, "chain": chain_name, "out": str(out)})),
                terminal.participants_table(manifest, report, rounds),
                *([terminal.time_table(measured)] if measured else []),
                terminal.checks_table(report),
            ]),
            terminal.to_open(out / REPORT),
            sep="\n",
        )  # fmt: skip
    if failed:
        _say_error(failed)
    if kept:
        print(f"error: the audit is {report.verdict}; {kept}", file=sys.stderr)
    if failed and not report.violations:
        raise typer.Exit(failed.exit_code)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _label(scenario: "Scenario", chain_name: str) -> str:
    """A folder's name: by the seed, but not where the chain goes on and the seed gives every key."""
    from chain_bandit.game.chains import is_url
    from chain_bandit.game.plan import Plan

    return Plan(scenario).label if is_url(chain_name) else f"{scenario.name}-{scenario.seed}"


def _say_beforehand(scenario: "Scenario") -> None:
    """Which lies cost nothing and how likely a bad committee is, before anything is played or paid."""
    from chain_bandit.protocol.sortition import chances

    warn_of_unproven_lies(scenario)
    said = chances(scenario.parameters, scenario.all_weights)
    if said is not None:
        print(f"sortition: {said}", file=sys.stderr, flush=True)


def _overrides(pairs: list[str] | None, rounds: int | None, seed: int | None) -> dict[str, Any]:
    from chain_bandit.scenario import parsed

    values: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise Usage(f"-o {pair}: expected KEY=VALUE")
        try:
            values[key] = parsed(f"value = {value}")["value"]
        except (ValueError, RecursionError):
            values[key] = value  # a bare word is a string
    if rounds is not None:
        values["rounds"] = rounds
    if seed is not None:
        values["seed"] = seed
    return values


def _hexadecimal(text: str, size: int, option: str) -> bytes:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != size:
        raise Usage(f"{option} {text[:80]}: expected 0x and {2 * size} hexadecimal digits")
    return value


def _unwinding() -> bool:
    """Whether a stop is being cleaned up after."""
    error = sys.exc_info()[1]
    while error and not isinstance(error, Stopped):
        error = error.__context__
    return error is not None


@contextmanager
def _terminable() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP unwind, so that what is half-written is cleaned up.

    It waits while a thread begins: a pool never ends one that it had no time to note. And it is raised again and again
    until something unwinds: a finaliser, or a library that catches everything, swallows what is raised in it.
    """
    code = 0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal code
        code = code if number == signal.SIGALRM else 128 + number
        signal.setitimer(signal.ITIMER_REAL, SOON)
        while frame and frame.f_code is not ThreadPoolExecutor.submit.__code__:
            frame = frame.f_back
        if frame is None and not _unwinding():
            raise Stopped(code)

    def swallowed(ignored: "sys.UnraisableHookArgs") -> None:
        if not isinstance(ignored.exc_value, Stopped):
            hook(ignored)

    heard = [each for each in STOPPING if signal.getsignal(each) is not signal.SIG_IGN]  # nohup ignores one
    previous = {number: signal.signal(number, stop) for number in (*heard, signal.SIGALRM)}
    hook, sys.unraisablehook = sys.unraisablehook, swallowed
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # or one that is under way sets the timer again
        sys.unraisablehook = hook
        for number in heard:
            signal.signal(number, previous[number])
        if code:
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous[signal.SIGALRM])


def _version(value: bool) -> None:
    if value:
        print(f"chain-bandit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Robust multi-agent bandits on a blockchain."""


def main() -> None:
    """Entry point: one clear sentence for whatever goes wrong, and the exit code that says what it was."""
    with forgiving(), _terminable():
        try:
            app(standalone_mode=True)
        except Stopped as stopped:
            if not hasattr(stopped, "__notes__"):
                stopped.add_note("nothing was left half-written")
            _fail(stopped, stopped.exit_code, EXIT_CODES[stopped.exit_code][0])
        except ChainBanditError as error:
            _fail(error, error.exit_code, str(error))
        except Exception as error:  # noqa: BLE001 - a bug: say so, and how to get more
            if isinstance(error, OSError) and error.errno in UNWRITABLE:
                where = f"{error.filename or 'what it made'}: cannot be written"
                _fail(error, UNWRITTEN, f"{where} ({os.strerror(error.errno)}); make room, or name another place")
            if os.environ.get("CHAIN_BANDIT_DEBUG"):
                traceback.print_exc()
            _fail(error, 1, f"a bug in chain-bandit: {error}; CHAIN_BANDIT_DEBUG=1 shows where")


def _as_json(error: ChainBanditError) -> dict[str, Any]:
    return {"type": type(error).__name__, "message": str(error), "exit_code": error.exit_code}


def _fail(error: BaseException, code: int, said: str) -> None:
    message = "; ".join([said, *getattr(error, "__notes__", [])])
    if "--json" in sys.argv:
        print(json.dumps({"error": {"type": type(error).__name__, "message": message, "exit_code": code}}))
    _say_error(message)
    sys.exit(code)


def _say_error(message: object) -> None:
    """On one line, whatever a file had in it that a terminal would obey."""
    said = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(message))
    print(f"error: {said}", file=sys.stderr)
