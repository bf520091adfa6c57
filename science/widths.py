"""Widths of confidence bounds by which aggregation rules fail equally often, or their bias under liars.

    python -m science.widths [--tries 1000000] [--json FILE]
    python -m science.widths --bias [--tries 1000000] [--json FILE]

Widths: all participants are honest, one arm, Bernoulli(1/2). A try fails at a constant C where the upper confidence
bound, the estimator plus sqrt(C ln t / (w n)) of a rule that counts for w reports, is below the mean at some n from 10
to 120 pulls, in round t = 4 n. Each try has a least C at which it does not fail: the quantile at 1 - p of these is the
C of failure probability p. C1 is what gives the rule the failure probability of `confidence` with its default of 2.

Bias: one arm of which everybody has 400 pulls; the liars report 0, or 1, whichever moves it farther. The mean
estimator less the mean of the arm, in standard deviations 1/2 over the root of the pulls, beside Huber's minimax bias:
no estimator of a location has a lower worst case where a share of the sample is not from the normal law (Huber 1964).
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from chain_bandit.array_types import Floats, Ints, Words
from chain_bandit.protocol import rules
from chain_bandit.protocol.rule import Aggregation, Terms
from chain_bandit.protocol.ruleset import RuleChoice, RuleKind
from chain_bandit.protocol.units import UNIT
from chain_bandit.runner.rows import recorded
from chain_bandit.simulation import arrays
from science import provenance
from science.exclusion import named

PARTICIPANTS, LEVELS = 10, (1e-2, 1e-3, 1e-4)
PULLS, ROUNDS_A_PULL, C1 = range(10, 121), 4, 2.0
INCUMBENT = ("confidence", 0, {"delta": 5 * UNIT // 2})
RULES: tuple[tuple[str, int, dict[str, int]], ...] = (
    INCUMBENT, ("option-2", 0, {}), ("option-2", 1, {}), ("option-2", 3, {}), ("median", 0, {}),
    ("huber", 0, {"clip": 2 * UNIT}),
    *(("huber-one-step", 0, {"clip": clip * UNIT // 4}) for clip in (2, 4, 5, 6)),
)  # fmt: skip
"""Name, f, options in units; Option 2 with f = 0 is the mean."""
CHUNK = 20_000


BIASED: tuple[tuple[str, dict[str, int]], ...] = (
    ("huber-one-step", {"clip": 5 * UNIT // 4}), ("huber", {"clip": 2 * UNIT}), ("median", {}), ("option-2", {}),
)  # fmt: skip
FAR, AT = (1, 2, 3, 4), 400
"""Liars of ten, and pulls, of which biases are told."""


def _no_chance(numbers: int) -> Words:
    """No rule of these tables draws anything."""
    raise LookupError(numbers)


class Column:
    """A rule over one arm, of which everybody passes."""

    def __init__(self, name: str, liars: int, options: dict[str, int]) -> None:
        rule = rules.shipped()[RuleKind.AGGREGATION, name, b""]
        assert isinstance(rule, Aggregation)
        form = arrays.find(RuleChoice(RuleKind.AGGREGATION, name, options=tuple(sorted(options.items()))))
        assert form is not None
        self._form = form
        self._terms = Terms(PARTICIPANTS, 1, liars, 0, 0, 10**6, UNIT // 10, options)
        worth = [max(rule.worth(self._terms, size, PARTICIPANTS), 1) for size in range(PARTICIPANTS + 1)]
        self._worth = np.array(worth)

    def ask(self, reports: Ints, pulls: int) -> tuple[Floats, Ints]:
        """The estimators of (participants, tries) reports, as shares of 1, and what they count for."""
        tries = reports.shape[1]
        order = np.broadcast_to(np.arange(PARTICIPANTS)[:, np.newaxis], reports.shape)
        found = self._form.estimate(self._terms, arrays.Told(
            reports, np.zeros(0, np.int64), np.full(tries, pulls), None, _no_chance, order,
        ))  # fmt: skip
        return found.means / UNIT, np.broadcast_to(self._worth[found.size], tries)


def least(name: str, liars: int, options: dict[str, int], tries: int) -> Floats:
    """The least C of every try at which the bound does not fail; 0 where the estimator is never below the mean."""
    column, found = Column(name, liars, options), []
    for start in range(0, tries, CHUNK):
        chance = np.random.default_rng([1, start])
        totals: Ints = np.zeros((PARTICIPANTS, min(CHUNK, tries - start)), np.int64)
        needed = np.zeros(totals.shape[1])
        for n in range(1, PULLS.stop):
            totals += chance.integers(0, 2, totals.shape)
            if n in PULLS:
                means, worth = column.ask(totals * UNIT // n, n)
                needed = np.maximum(needed, np.maximum(0.5 - means, 0) ** 2 * n * worth / np.log(ROUNDS_A_PULL * n))
        found.append(needed)
    return np.concatenate(found)


def biases(tries: int) -> Iterator[dict[str, Any]]:
    """A row a rule and number of liars."""
    for (name, options), f in ((each, f) for each in BIASED for f in FAR):
        column, totals = Column(name, f, options), [0.0, 0.0]
        for start in range(0, tries, CHUNK):
            count = min(CHUNK, tries - start)
            told = np.random.default_rng([2, start]).binomial(AT, 0.5, (PARTICIPANTS, count)) * UNIT // AT
            for side, lie in enumerate((0, UNIT)):
                told[:f] = lie
                totals[side] += float((column.ask(told, AT)[0] - 0.5).sum())
        yield {
            "rule": name, "liars": f, "options": {key: value / UNIT for key, value in options.items()},
            "bias": max(map(abs, totals)) / tries * 2 * AT**0.5,
            "least": float(norm.ppf(1 / (2 * (1 - f / PARTICIPANTS)))), **provenance.made(0, tries),
        }  # fmt: skip


def rows(tries: int) -> Iterator[dict[str, Any]]:
    """A row a rule and level."""
    beside = np.quantile(least(*INCUMBENT, tries), [1 - level for level in LEVELS])
    for name, liars, options in RULES:
        needed = least(name, liars, options, tries)
        for level, incumbent in zip(LEVELS, beside, strict=True):
            c = float(np.quantile(needed, 1 - level))
            yield {
                "rule": name, "liars": liars, "options": {key: value / UNIT for key, value in options.items()},
                "level": level, "c": c, "c1": C1 * c / float(incumbent), "fails_at_2": float((needed > C1).mean()),
                "tries": tries, **provenance.made(0, tries),
            }  # fmt: skip


def biased(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """By rule and number of liars."""
    kept = list(found)
    least = {row["liars"]: row["least"] for row in kept}
    yield "| rule | " + " | ".join(f"f / M = {f / PARTICIPANTS:g}" for f in least) + " |"
    yield "|---" * (len(least) + 1) + "|"
    lines: dict[str, list[str]] = {}
    for row in kept:
        lines.setdefault(named(row["rule"], row["options"]), []).append(f"{row['bias']:.3f}")
    for name, cells in lines.items():
        yield f"| `{name}` | {' | '.join(cells)} |"
    yield "| no estimator has less | " + " | ".join(f"{bias:.3f}" for bias in least.values()) + " |"


def table(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """By rule: the C1 that is matched to `confidence` at each level."""
    lines: dict[str, dict[float, Any]] = {}
    for row in found:
        told = named(row["rule"], row["options"]) + (f" f={row['liars']}" if row["rule"].startswith("option") else "")
        lines.setdefault(told, {})[row["level"]] = row
    yield "| rule | fails at C₁ = 2 | " + " | ".join(f"C₁ at {level:g}" for level in LEVELS) + " |"
    yield "|---" * (len(LEVELS) + 2) + "|"
    for name, by_level in lines.items():
        fails = by_level[LEVELS[0]]["fails_at_2"]
        yield f"| `{name}` | {fails:.1g} | " + " | ".join(f"{by_level[level]['c1']:.2f}" for level in LEVELS) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=1_000_000)
    parser.add_argument("--bias", action="store_true")
    parser.add_argument("--json", type=Path, help="a line for each row, as it comes")
    given = parser.parse_args()
    provenance.require_clean(given.json)
    found = list(recorded((biases if given.bias else rows)(given.tries), given.json, "w"))
    print(*(biased if given.bias else table)(found), sep="\n")


if __name__ == "__main__":
    main()
