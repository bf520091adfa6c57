"""The recommended preset beside UCB1 alone and the others of the demo's picture, from the numbers beside that.

    python -m science.recommended
"""

import json
from collections.abc import Iterator
from typing import Any

from science.bars import Span
from science.figures import ALONE
from science.provenance import FIGURES


def _found() -> Any:
    return json.loads((FIGURES / "demo.json").read_text(encoding="utf-8"))["figures"]


def table() -> Iterator[str]:
    """A row a learner and horizon, as docs/results.md has them, and from which round on ours is below UCB1 alone."""
    found, below = _found()["regret"], _found()["below alone from"]
    yield "| T | | regret of all rounds | burn-in | cost of lies | over UCB1 alone | interval |"
    yield "|---:|---|---:|---:|---:|---:|---:|"
    for rounds in sorted(found, key=int):
        alone = Span(**found[rounds][ALONE]["all"])
        for name, parts in sorted(found[rounds].items(), key=lambda line: line[1]["all"]["mean"]):
            lost = Span(**parts["all"])
            burn_in, cost = (f"{parts[each]['mean']:.1f}" if each in parts else "none" for each in ("burn_in", "cost"))
            ratio = lost.over(alone)
            share = "| 1 | |" if name == ALONE else f"| {ratio.mean:.3f} | {ratio.low:.3f} … {ratio.high:.3f} |"
            yield f"| {int(rounds):,} | {name} | {lost.said} | {burn_in} | {cost} {share}"
    yield ""
    first = " and ".join(f"pull {below[rounds]} on at T = {int(rounds):,}" for rounds in sorted(found, key=int))
    yield f"The mean of `chain_bandit` stays below that of UCB1 alone from {first}."


def lengths() -> Iterator[str]:
    """The share of UCB1 alone by the length of the burn-in."""
    found = _found()
    horizons = sorted(found["regret"], key=int)
    yield f"| pulls of each arm in the burn-in | {' | '.join(f'T = {int(rounds):,}' for rounds in horizons)} |"
    yield "|---:|" + "---:|" * len(horizons)
    for pulls, lost in found["pulls of each arm"].items():
        shares = (Span(**lost[rounds]).over(Span(**found["regret"][rounds][ALONE]["all"])) for rounds in horizons)
        yield f"| {pulls} | " + " | ".join(f"{each.mean:.3f} ± {each.high - each.mean:.3f}" for each in shares) + " |"


if __name__ == "__main__":
    print(*table(), "", *lengths(), sep="\n")
