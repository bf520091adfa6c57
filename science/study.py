"""State of a study of MEDIATE, run by run, also where it was stopped.

    chain-bandit mediate run reduced
    python -m science.study runs/mediate-reduced-0 --commit COMMIT [--json docs/figures/mediate.jsonl]

A row has a game, a method, and for some epochs the mean of the 50 up to each and the token, of every run. COMMIT is the
one that played. Where a part was stopped, epochs are those that all runs of the game and method have. The presets of
Figure 1, `tokens` and `token-pairs`, have files of their own: mediate_tokens.jsonl and mediate_token_pairs.jsonl.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chain_bandit.studies.folder import study
from chain_bandit.studies.presets import PUBLISHED, Part, parts_of
from chain_bandit.studies.results import Results, ResultsUnreadable, interval, joined, read
from chain_bandit.views.fixed_tokens import TokenSweep, sweep
from chain_bandit.views.study import PAIRS
from science import provenance

AT = (100, 250, 500, 1000, 2500)
"""Epochs that are told, and the last one that there is."""

MINUS = "\u2212"

Row = dict[str, Any]


def found(folder: Path) -> tuple[Results, ...]:
    """All that is in the folder, of each game and method as many epochs as all its runs have."""
    there = study(folder)
    every = [each for part in parts_of(there["preset"]) if (each := _of(part, folder, there["seed"])).part.epochs]
    least = {(each.part.game, each.part.methods): each.part.epochs for each in every}
    for each in every:
        key = each.part.game, each.part.methods
        least[key] = min(least[key], each.part.epochs)
    return joined(each.first(least[each.part.game, each.part.methods]) for each in every)


def _of(part: Part, folder: Path, seed: int) -> Results:
    try:
        return read(folder / f"{part.name}.parquet", part)
    except ResultsUnreadable:
        from chain_bandit.studies.run import unfinished

        return unfinished(part, folder, seed)


def rows(results: Results, command: str, commit: str) -> Iterator[Row]:
    """A row a method."""
    epochs = results.part.epochs
    told = sorted({at for at in AT if at < epochs} | {epochs})
    for at, method in enumerate(results.part.methods):
        yield {
            "game": results.part.game, "method": method, "measure": results.measure, "epochs": epochs,
            "seeds": [results.part.runs[0], results.part.runs[-1]],
            "means": {epoch: _short(results.until(epoch)[at]) for epoch in told},
            "tokens": {epoch: _short(results.tokens[epoch - 1, at]) for epoch in told},
            "command": f"{command} --game {results.part.game}", "commit": commit,
        }  # fmt: skip


def _short(values: Iterable[float]) -> list[float]:
    return [round(float(value), 6) for value in values]


def shown(kept: Sequence[Row]) -> Iterator[str]:
    """Of each game the means and standard deviations over runs at some epochs, the tokens at the end, and the pair."""
    methods = list(dict.fromkeys(row["method"] for row in kept))
    yield "| | " + " | ".join(methods) + " |"
    yield "|" + "---|" * (len(methods) + 1)
    for game in dict.fromkeys(row["game"] for row in kept):
        of_game = {row["method"]: row for row in kept if row["game"] == game}
        digits = 3 if next(iter(of_game.values()))["measure"] == "own coins" else 0
        epochs = sorted({int(epoch) for row in of_game.values() for epoch in row["means"]})
        for epoch in epochs:
            cells = [_spread(of_game[m]["means"].get(str(epoch)), digits) if m in of_game else "" for m in methods]
            yield f"| `{game}`, epoch {epoch:,} | " + " | ".join(cells) + " |"
        cells = [_spread(list(of_game[m]["tokens"].values())[-1], 2) if m in of_game else "" for m in methods]
        yield "| token at the end | " + " | ".join(cells) + " |"
        if game in PUBLISHED:
            said = (PUBLISHED[game].get(method) for method in methods)
            yield "| Table 1, epoch 5,000 | " + " | ".join("" if s is None else f"{s[0]} ± {s[1]}" for s in said) + " |"


def _runs(row: Row) -> int:
    first, last = row["seeds"]
    return int(last - first + 1)


def _spread(values: Sequence[float] | None, digits: int) -> str:
    if values is None:
        return ""
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}".replace("-", MINUS)


def pairs(kept: Sequence[Row]) -> Iterator[str]:
    """By how much a method is more than another of the same runs, in the mean, with the 95 % interval."""
    yield "| game | epoch | runs | pair | difference | of the tokens |"
    yield "|---|---|---|---|---|---|"
    by = {(row["game"], row["method"]): row for row in kept}
    for (game, one), row in by.items():
        for other in [less for more, less in PAIRS if more == one and (game, less) in by]:
            digits = 3 if row["measure"] == "own coins" else 1
            for epoch in row["means"]:
                cells = [
                    _half(np.subtract(row[what][epoch], by[game, other][what][epoch]), places)
                    for what, places in (("means", digits), ("tokens", 3))
                ]
                runs = _runs(row)
                yield f"| `{game}` | {int(epoch):,} | {runs} | {one} less {other} | {cells[0]} | {cells[1]} |"


def sweeps(kept: Sequence[Row]) -> list[TokenSweep]:
    """Each game's runs by the tokens of MATE."""
    made = []
    for game in dict.fromkeys(row["game"] for row in kept):
        of_game = [row for row in kept if row["game"] == game]
        finals = {row["method"]: np.array(row["means"][str(row["epochs"])]) for row in of_game}
        made.append(sweep(game, of_game[0]["measure"], of_game[0]["epochs"], finals))
    return made


def swept(kept: Sequence[Row]) -> Iterator[str]:
    """What each game came to by the token of all agents, with the 95 % interval."""
    games = sweeps(kept)
    yield "| token | " + " | ".join(f"`{each.game}`, epoch {each.epochs:,}" for each in games) + " |"
    yield "|" + "---|" * (len(games) + 1)
    for tokens in sorted({tokens for each in games for tokens in each.means(1)}):
        cells = [_half(each.finals[tokens], 3) if tokens in each.finals else "" for each in games]
        yield f"| {tokens[0]:g} | " + " | ".join(cells) + " |"


def squared(kept: Sequence[Row]) -> Iterator[str]:
    """What a game of two came to by the first agent's token, downwards, and the second's, with the 95 % interval."""
    (game,) = sweeps(kept)
    tokens = sorted({token for pair in game.means(2) for token in pair})
    yield f"| `{game.game}`, epoch {game.epochs:,} | " + " | ".join(f"{token:g}" for token in tokens) + " |"
    yield "|" + "---|" * (len(tokens) + 1)
    for one in tokens:
        yield f"| {one:g} | " + " | ".join(_half(game.finals[one, other], 3) for other in tokens) + " |"
    yield ""
    yield f"Without tokens {_half(game.finals[0.0,], 3)}."


def _half(values: Any, digits: int) -> str:
    mean, half = interval(values)
    return f"{mean:.{digits}f} ± {half:.{digits}f}".replace("-", MINUS)


def made(kept: Sequence[Row]) -> Iterator[str]:
    """Which command of which commit has made the rows, and how far it was played."""
    for command, commit in dict.fromkeys((row["command"], row["commit"]) for row in kept):
        some = [row for row in kept if (row["command"], row["commit"]) == (command, commit)]
        far = sorted({row["epochs"] for row in some})
        runs = sorted({_runs(row) for row in some})
        epochs = " and ".join(f"{each:,}" for each in far)
        yield f"- `{command}` by `{commit}`: {epochs} epochs, {' and '.join(map(str, runs))} runs."


def main() -> None:
    """Write or print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    known = provenance.history()
    if known and not known(arguments.commit):
        parser.error(f"--commit: {arguments.commit!r} has not led to this tree")
    there = study(arguments.folder)
    switches = "".join(f" -o {name}={value}" for name, value in there["switches"].items())
    seed = f" --seed {there['seed']}" if there["seed"] else ""
    command = f"chain-bandit mediate run {there['preset']}{switches}{seed}"
    every = [json.dumps(r) for each in found(arguments.folder) for r in rows(each, command, arguments.commit)]
    text = "".join(f"{line}\n" for line in every)
    if arguments.json:
        arguments.json.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
