"""Plots of MATE by its tokens (the paper's Figure 1): curves over one for all agents, a map of those of two."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from chain_bandit.mediate.token_rule import Mate, Method
from chain_bandit.studies.results import Amounts, Results, bounds_of, interval
from chain_bandit.views.canvas import BLUE, GREEN, INK, MUTED, PURPLE, RED, drawing, end_labels, figure, place, svg
from chain_bandit.views.heat_map import HEIGHT, WIDTH, block

COLOURS = (BLUE, GREEN, PURPLE, RED)

BESIDE = 0.06
"""By how much of the way to the next token the marks of two games stand apart."""

NAMED: Mapping[str, Mate] = {method.value: Mate((method.first,)) for method in Method if not method.moves}
"""Methods whose token is fixed, too: the same to the bit."""


@dataclass(frozen=True, slots=True)
class TokenSweep:
    """A game under MATE with some tokens.

    Attributes:
        measure: what is told.
        epochs: that were played.
        finals: what each run came to at their end, (R,), by the tokens: of all agents, or one an agent.
    """

    game: str
    measure: str
    epochs: int
    finals: Mapping[tuple[float, ...], Amounts]

    def means(self, agents: int) -> dict[tuple[float, ...], float]:
        """The mean over runs where so many tokens are named, the least first."""
        return {tokens: float(self.finals[tokens].mean()) for tokens in sorted(self.finals) if len(tokens) == agents}


def sweep(game: str, measure: str, epochs: int, finals: Mapping[str, Amounts]) -> TokenSweep:
    """Of what runs came to by method, those whose tokens are fixed."""
    fixed = {method: NAMED.get(method) or Mate.named(method) for method in finals}
    return TokenSweep(game, measure, epochs, {mate.tokens: finals[method] for method, mate in fixed.items() if mate})


def sweep_of(results: Results) -> TokenSweep:
    """Of a study's results."""
    part = results.part
    return sweep(part.game, results.measure, part.epochs, dict(zip(part.methods, results.final(), strict=True)))


def pictures(sweeps: Iterable[TokenSweep]) -> dict[str, str]:
    """By name SVGs: `tokens` of all games where all agents have one, and of each game where two have two a map."""
    every = list(sweeps)
    central = [each for each in every if len(each.means(1)) > 1]
    made = {"tokens": curves(central)} if central else {}
    return made | {f"{each.game}-token-pairs": heat_map(each) for each in every if each.means(2)}


def curves(sweeps: Sequence[TokenSweep]) -> str:
    """What each game came to by the token of all agents, with 95 % intervals over runs."""
    tokens = sorted({token for sweep in sweeps for (token,) in sweep.means(1)})
    with drawing():
        made, axes = figure(640, 360)
        place(made, 48, 220, 26, 38)
        labels = []
        for at, (sweep, colour) in enumerate(zip(sweeps, cycle(COLOURS), strict=False)):
            shown = list(sweep.means(1))
            mean, half = interval(np.array([sweep.finals[token] for token in shown]))
            low, high = np.clip([mean - half, mean + half], *bounds_of(sweep.game))  # Student's knows of none
            x = [tokens.index(token) + BESIDE * (at - (len(sweeps) - 1) / 2) for (token,) in shown]
            axes.errorbar(
                x, mean, np.nan_to_num([mean - low, high - mean]), color=colour, marker="o", markersize=3.5,
                linewidth=1.4, elinewidth=1.0,
            )  # fmt: skip
            labels.append((float(mean[-1]), f"{sweep.game}, {sweep.epochs:,} epochs", colour))
        axes.set_title(f"{sweeps[0].measure} by token, mean and 95 % interval over runs", loc="left", color=INK, x=0,
                       pad=8)  # fmt: skip
        axes.set_xlim(-0.3, len(tokens) - 0.7)
        axes.set_xticks(range(len(tokens)), [f"{token:g}" for token in tokens])
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("token of all agents", loc="right", labelpad=2)
        end_labels(axes, len(tokens) - 0.9, labels)
        return svg(made, "tokens", f"{sweeps[0].measure} by token in {', '.join(each.game for each in sweeps)}")


def heat_map(sweep: TokenSweep) -> str:
    """What a game of two came to by the token of the first (downwards) and of the second (to the right)."""
    means = sweep.means(2)
    tokens = sorted({token for pair in means for token in pair})
    names = [f"{token:g}" for token in tokens]
    cells = {(f"{one:g}", f"{other:g}"): mean for (one, other), mean in means.items()}
    naive = sweep.means(1).get((0.0,))
    with drawing():
        made, axes = figure(len(tokens) * WIDTH + 110, len(tokens) * HEIGHT + 96)
        place(made, 94, 16, 52, 24)
        axes.set_xlim(0, len(tokens) * WIDTH)
        axes.set_ylim(len(tokens) * HEIGHT + 20, 0)
        axes.axis("off")
        title = f"{sweep.game}: {sweep.measure} by the tokens of its two agents, {sweep.epochs:,} epochs"
        axes.set_title(title, loc="left", color=INK, x=-88 / (len(tokens) * WIDTH), pad=34)
        block(axes, 20, names, names, cells, (min(means.values()), max(means.values())), 3)
        axes.text(0, -12, "token of the second", color=MUTED, va="center", fontsize=9)
        axes.text(-88, 9, "of the first", color=MUTED, va="center", fontsize=9)
        if naive is not None:
            axes.text(0, len(tokens) * HEIGHT + 34, f"without tokens {naive:.3f}", color=MUTED, va="center", fontsize=9)
        return svg(made, f"{sweep.game}-token-pairs", title)
