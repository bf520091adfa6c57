"""`chain-bandit mediate`: MEDIATE's experiments, and its tokens on a chain."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chain_bandit.cli import tokens
from chain_bandit.cli.options import Json, overrides
from chain_bandit.cli.verbs import epilog
from chain_bandit.output import answer

if TYPE_CHECKING:
    from chain_bandit.studies.presets import Part
    from chain_bandit.studies.results import Results

mediate = typer.Typer(no_args_is_help=True)
mediate.command("chain", epilog=epilog(
    "mediate chain --epochs 10",
    "mediate chain --chain anvil --participants 9 --groups 3",
))(tokens.chain)
mediate.command("up", epilog=epilog("mediate up --epochs 6"))(tokens.up)
mediate.command("audit", epilog=epilog(
    "mediate audit runs/tokens-1",
    "mediate audit runs/tokens-1/tokens.jsonl.gz --page tokens.html",
))(tokens.audit)


@mediate.callback()
def _mediate() -> None:
    """MEDIATE: acknowledgement tokens (peer incentives) and agreement on their size. `run` needs PyTorch."""


@mediate.command("run", epilog=epilog("mediate run smoke", "mediate run reduced --game ipd --jobs 2 --resume"))
def mediate_run(
    preset: Annotated[
        str, typer.Argument(help="smoke (seconds), reduced or tokens (an hour or two), token-pairs, paper (a night).")
    ],
    game: Annotated[list[str] | None, typer.Option("--game", help="Only this game of the preset; repeatable.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all randomness.")] = 0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=1024, help="Processes, by default one a core; same results.")
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("-o", "--override", metavar="KEY=VALUE", help="Variant of the paper's method (docs/mediate.md)."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume a stopped run.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Output folder; by default runs/mediate-PRESET-SEED.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a preset; write a Parquet file for each game and group of methods, and the plots."""
    from time import monotonic

    from chain_bandit.pool import cores
    from chain_bandit.studies.presets import parts_of, worthwhile
    from chain_bandit.studies.progress import RemainingTime
    from chain_bandit.studies.switches import switched
    from chain_bandit.views import study as view
    from chain_bandit.views.terminal import ProgressLine, console

    parts, values = parts_of(preset, tuple(game or ())), overrides(override, None, None)
    switched(values)
    from chain_bandit.studies.run import run as played

    place = out or Path("runs") / f"mediate-{preset}-{seed}"
    left = RemainingTime(parts, monotonic())
    with ProgressLine("epoch", sum(part.epochs for part in parts), hidden=as_json) as line:

        def observe(part: "Part", epoch: int, found: int) -> None:
            line.show(left.epochs(part, epoch, found), lambda: left.words(monotonic()))

        count = jobs or min(cores(), worthwhile(parts))
        results = played(preset, place, seed, resume, tuple(game or ()), observe, count, values)
    if not as_json:
        console().print(view.table(results, values))
    pictures = list(map(str, _drawn(results, place)))
    if as_json:
        answer({**_of_study(place), "rows": view.rows(results), "pictures": pictures}, sort_keys=True)
    else:
        print("", *pictures, sep="\n")


@mediate.command("table", epilog=epilog("mediate table runs/mediate-smoke-0"))
def mediate_table(
    folder: Annotated[Path, typer.Argument(help="Folder of `mediate run`.")],
    as_json: Json = False,
) -> None:
    """Print the results of a folder's finished parts beside the paper's Table 1."""
    from chain_bandit.studies.folder import finished
    from chain_bandit.views import study as view
    from chain_bandit.views.terminal import console

    results = finished(folder)
    if as_json:
        answer({**_of_study(folder), "rows": view.rows(results)}, sort_keys=True)
    else:
        console().print(view.table(results, _of_study(folder)["switches"]))


@mediate.command("plot", epilog=epilog("mediate plot runs/mediate-smoke-0 --out pictures"))
def mediate_plot(
    folder: Annotated[Path, typer.Argument(help="Folder of `mediate run`.")],
    out: Annotated[Path | None, typer.Option("--out", help="A folder for the pictures; by default the same.")] = None,
    as_json: Json = False,
) -> None:
    """Plot each finished game's rewards and tokens over epochs with 95 % intervals, as SVG; of tokens Figure 1."""
    from chain_bandit.studies.folder import finished, folder_for

    paths = _drawn(finished(folder), folder_for(out or folder))
    if as_json:
        answer({"pictures": list(map(str, paths))})
    else:
        print(*paths, sep="\n")


def _of_study(folder: Path) -> dict[str, Any]:
    from chain_bandit.studies.folder import study

    found = study(folder)
    return {"out": str(folder), **{name: found[name] for name in ("preset", "seed", "switches")}}


def _drawn(results: "Sequence[Results]", place: Path) -> list[Path]:
    from chain_bandit.append_log import whole_file
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
