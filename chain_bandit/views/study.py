"""Views of MEDIATE's experiments: a table beside the paper's, curves over epochs with their 95 % intervals."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from chain_bandit.studies.presets import PUBLISHED, TOKENS
from chain_bandit.studies.results import Amounts, Results, interval
from chain_bandit.views import fixed_tokens
from chain_bandit.views.canvas import (
    BLUE,
    GREEN,
    MUTED,
    PURPLE,
    RED,
    drawing,
    end_labels,
    figure,
    frame,
    place,
    svg,
    thinned,
)
from chain_bandit.views.terminal import plain_table, titled

COLOURS = {
    "naive": (MUTED, "-"), "mate": (RED, "-"), "auto-mate": (PURPLE, "-"), "mediate-i": (BLUE, "-"),
    "mediate-s": (GREEN, "-"), "zero-sum-gifting": (MUTED, "--"), "budget-gifting": (PURPLE, "--"), "lio": (RED, "--"),
}  # fmt: skip

PAIRS = (("mediate-i", "mediate-s"),)
"""Methods that are told apart by run."""

SMOOTHED = 25
"""Epochs of which a point of a curve is the mean, or a tenth of all if these are fewer."""


def rows(results: Sequence[Results]) -> list[dict[str, Any]]:
    """A line of the table for each game and method, and for each of `PAIRS`: numbers only, None where there is none."""
    return [row for each in results for row in (*_rows(each), *_pairs(each))]


def _rows(results: Results) -> Iterator[dict[str, Any]]:
    published = PUBLISHED.get(results.part.game, {})
    final, tokens = results.final(), results.tokens[-1]
    for at, method in enumerate(results.part.methods):
        yield _row(results, method, final[at], tokens[at], published.get(method))


def _pairs(results: Results) -> Iterator[dict[str, Any]]:
    """Of methods whose runs are alike but for the method: by how much the one is more than the other, run by run."""
    final, tokens, methods = results.final(), results.tokens[-1], results.part.methods
    for one, other in PAIRS:
        if {one, other} <= set(methods):
            at, less = methods.index(one), methods.index(other)
            yield _row(results, f"{one} less {other}", final[at] - final[less], tokens[at] - tokens[less], None)


def _row(
    results: Results, method: str, final: Amounts, tokens: Amounts, published: tuple[float, float] | None
) -> dict[str, Any]:
    mean, half = interval(final)
    return {
        "game": results.part.game, "method": method, "epochs": results.part.epochs, "runs": len(results.part.runs),
        "measure": results.measure, "over": results.last, "mean": _known(mean), "half": _known(half),
        "sd": _known(np.std(final, ddof=1) if len(final) > 1 else np.nan), "token": _known(tokens.mean()),
        "published": published[0] if published else None, "published_spread": published[1] if published else None,
    }  # fmt: skip


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def table(results: Sequence[Results], switches: Mapping[str, Any]) -> RenderableType:
    """Each game's methods: the mean of the last epochs, its interval, its spread over runs, beside Table 1.

    Where it was played in another way than the paper's, the `switches` of that are named.
    """
    every = rows(results)
    parts = []
    for game in dict.fromkeys(row["game"] for row in every):
        of_game = [row for row in every if row["game"] == game]
        made = plain_table(
            ("method", "left"), ("epochs", "right"), ("runs", "right"), ("mean", "right"), ("SD", "right"),
            ("token", "right"), ("Table 1", "right"),
        )  # fmt: skip
        for row in sorted(of_game, key=lambda row: " " in row["method"]):
            digits = 3 if row["measure"] == "own coins" else 1
            made.add_row(
                row["method"], f"{row['epochs']:,}", str(row["runs"]), _number(row["mean"], row["half"], digits),
                _number(row["sd"], None, digits), _number(row["token"], None, 2),
                _number(row["published"], row["published_spread"], 2 if digits == 3 else 0),
            )  # fmt: skip
        over = of_game[0]["over"]
        parts.append(titled(f"{game}: {of_game[0]['measure']}, mean of the last {over} epochs and 95 % interval", made))
    notes = []
    if switches:
        said = " ".join(f"-o {_plain(name)}={_plain(value)}" for name, value in sorted(switches.items()))
        notes.append(f"Played in another way than the paper's: {said}.")
    if any(row["published"] for row in every):
        notes.append("Table 1 is the paper's, of 5,000 epochs and 8 runs; it does not say what its ± is.")
    if any(" " in row["method"] for row in every):
        notes.append("One less another: by run, of the same first networks, games and coins.")
    return Group(*parts, *(Text(note, "dim") for note in notes))


def _plain(value: Any) -> str:
    """As one writes it on the command line; whatever a file holds, nothing that a terminal obeys."""
    return json.dumps(value).strip('"')


def _number(value: float | None, half: float | None, digits: int) -> str:
    if value is None:
        return ""
    return f"{value:,.{digits}f}" + ("" if half is None else f" ±{half:,.{digits}f}")


def pictures(results: Sequence[Results]) -> dict[str, str]:
    """By name SVGs: curves of each game, and what came of MATE's tokens where these were swept."""
    over_epochs = curves([each for each in results if not each.part.swept])
    return over_epochs | fixed_tokens.pictures(fixed_tokens.sweep_of(each) for each in results if each.part.swept)


def curves(results: Sequence[Results]) -> dict[str, str]:
    """By name SVGs of each game: what it is measured by over epochs, and the tokens that were exchanged."""
    made = {}
    for game in dict.fromkeys(each.part.game for each in results):
        of_game = [each for each in results if each.part.game == game]
        first, tokens = of_game[0], [each for each in of_game if each.part.methods[0] in TOKENS]
        made[game] = _curves(game, first.measure, first.bounds, [(each, each.measured) for each in of_game])
        made[f"{game}-tokens"] = _curves(game, "token", (0.0, np.inf), [(each, each.tokens) for each in tokens])
    return made


def _curves(game: str, measure: str, bounds: tuple[float, float], shown: Sequence[tuple[Results, Amounts]]) -> str:
    with drawing():
        made, axes = figure(560, 340)
        place(made, 48, 150, 26, 38)
        labels, last = [], 1
        for results, values in shown:
            for method, of_runs in zip(results.part.methods, np.moveaxis(values, 1, 0), strict=True):
                x, mean, half = smooth(of_runs)
                colour, dashes = COLOURS[method]
                axes.plot(x, mean, color=colour, linestyle=dashes, linewidth=1.8)
                low, high = np.clip([mean - half, mean + half], *bounds)  # Student's knows of none
                axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
                labels.append((float(mean[-1]), f"{method} {mean[-1]:,.2f}", colour))
                last = max(last, x[-1])
        frame(axes, last, 1, f"{game}: {measure}, mean and 95 % interval over runs", "epoch")
        end_labels(axes, last, labels)
        return svg(made, f"{game}-{measure.split()[0]}", f"{measure} over epochs in {game} by method")


def smooth(values: Amounts) -> tuple[list[int], Amounts, Amounts]:
    """Epochs, and of the means over some up to each (`SMOOTHED`) the mean over runs (K, R) and half its interval."""
    window = max(min(SMOOTHED, len(values) // 10), 1)
    filled = np.where(np.isfinite(values), values, 0.0).cumsum(axis=0)
    known = np.isfinite(values).cumsum(axis=0)
    total, count = filled.copy(), known.copy()
    total[window:] -= filled[:-window]
    count[window:] -= known[:-window]
    at = thinned(range(len(values)))
    mean, half = interval((total / np.maximum(count, 1))[at])
    return [epoch + 1 for epoch in at], mean, np.nan_to_num(half)
