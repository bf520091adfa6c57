"""Milliseconds of CPU an epoch of a run of MEDIATE's games takes, on one thread, beside the authors' code.

The authors' code was timed once, on two idle cores of another day (`docs/mediate.md`); what other work the machine has
moves either. So the least of a few epochs is told, and CPU seconds, which other processes lengthen but do not contain.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import Any

from chain_bandit.mediate.games.names import game_of
from chain_bandit.mediate.token_rule import Method
from science import provenance

Row = dict[str, Any]

THEIRS = {"ipd": 1.8, "coin-game-2": 1.6, "coin-game-4": 4.4, "coin-game-6": 8.3, "harvest-6": 7.3}
"""Seconds of an epoch of one run under MATE."""

GOALS = {"coin-game-2": 100, "coin-game-4": 100, "coin-game-6": 100, "harvest-6": 60}


def least(game: str, methods: tuple[Method, ...], runs: int, epochs: int) -> float:
    """Seconds of CPU of the quickest epoch after the first, by run."""
    from chain_bandit.mediate.learners.experiment import Experiment, LearningSetting  # pages are filled without PyTorch

    trial, taken = Experiment(LearningSetting(game_of(game), methods, tuple(range(runs)))), []
    for _ in range(epochs + 1):
        begun = process_time()
        trial.epoch()
        taken.append(process_time() - begun)
    return min(taken[1:]) / (runs * len(methods))


def shown(kept: Sequence[Row]) -> Iterator[str]:
    """The table of rows, and what has made them."""
    yield "| game | methods x runs | ms of CPU a run and epoch | the authors' | times as fast | goal |"
    yield "|---|---|---|---|---|---|"
    for row in kept:
        theirs, times = THEIRS[row["game"]], THEIRS[row["game"]] / row["seconds"]
        goal = GOALS.get(row["game"])
        missed = ", missed" if goal and times < goal else ""
        said = f"{1e3 * row['seconds']:.1f} | {1e3 * theirs:,.0f} | {times:.0f}{missed} | {goal or ''}"
        yield f"| `{row['game']}` | {row['methods']} x {row['runs']} | {said} |"
    yield ""
    for command, commit in dict.fromkeys((row["command"], row["commit"]) for row in kept):
        yield f"`{command}` by `{commit}`."


def main() -> None:
    """Measure, and write or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", nargs="+", choices=THEIRS, default=list(THEIRS))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    provenance.require_clean(arguments.json)
    command = f"python -m benchmarks.mediate --epochs {arguments.epochs}"
    made: list[Row] = []
    for game in arguments.games:
        for methods, runs in (((Method.SYNCHRONISED,), 8), (tuple(Method), 4)):
            seconds = round(least(game, methods, runs, arguments.epochs), 6)
            named = {"game": game, "methods": len(methods), "runs": runs, "seconds": seconds}
            made.append(named | {"command": command} | provenance.made(0, runs))
    print(*shown(made), sep="\n")
    if arguments.json:
        arguments.json.write_text("".join(f"{json.dumps(row)}\n" for row in made), encoding="utf-8")


if __name__ == "__main__":
    main()
