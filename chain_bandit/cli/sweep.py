"""`chain-bandit sweep`: a scenario at every combination of some settings."""

from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.cli.errors import as_json_of, say_error
from chain_bandit.cli.options import Json
from chain_bandit.cli.warnings import say_left_out, warn_of_no_contract
from chain_bandit.output import answer
from chain_bandit.usage import Usage

EXAMPLES = ("sweep sweep --out runs/sweep", "sweep sweep --out runs/sweep --resume --jobs 2")


def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP", help="Sweep file (TOML), or an example by name.")],
    replicates: Annotated[
        int | None, typer.Option("--replicates", min=1, max=10**5, help="Games per cell; overrides the file's.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep existing cells, play the others.")] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, max=1024, help="Processes; the results do not depend on it.")
    ] = 1,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Ray cluster to run on; local starts one.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The sweep's folder; by default runs/NAME.")] = None,
    as_json: Json = False,
) -> None:
    """Simulate a scenario at every combination of some settings. Exit 15: some cells failed."""
    from chain_bandit.append_log import whole_file
    from chain_bandit.runner import workers
    from chain_bandit.sweeps import grid
    from chain_bandit.sweeps.run import FOLDERS
    from chain_bandit.sweeps.run import run as swept_by
    from chain_bandit.views import sweep as view
    from chain_bandit.views.terminal import ProgressLine, console, to_open

    if ray is not None and jobs != 1:
        raise Usage("--jobs is for this machine; the cluster of --ray has as many workers as it has")
    given = grid.load(file, replicates)
    place = out or Path("runs") / given.name
    games = [point.cell.scenario for point in given.points() if point.cell is not None]
    say_left_out(games)
    warn_of_no_contract(games)
    whose = workers.cluster(ray) if ray is not None else workers.processes(jobs)
    with ProgressLine("cell", given.size) as line:
        swept = swept_by(
            given, place, whose, resume,
            lambda done, failed: line.show(done, lambda: f"{failed} failed"), line.say,
        )  # fmt: skip
    pictures = {"heatmap.svg": view.heat_map(swept)}
    if (over_an_axis := view.lines(swept)) is not None:
        pictures["lines.svg"] = over_an_axis
    for name, text in pictures.items():
        with FOLDERS.written(place), whole_file(place / name) as picture:
            picture.write(text.encode())
    failed = swept.failure()
    if as_json:
        said = swept.as_dict() | {"out": str(place)} | ({"error": as_json_of(failed)} if failed else {})
        answer(said, sort_keys=True)
    else:
        drawn = [to_open(place / [*pictures][-1])] if len(swept.failed) < swept.points else []
        console().print(view.table(swept), *drawn, sep="\n")
    if failed:
        say_error(failed)
        raise typer.Exit(failed.exit_code)
