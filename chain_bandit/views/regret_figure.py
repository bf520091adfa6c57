"""The regret of simulated scenarios as one figure of matplotlib."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chain_bandit.simulation.replicates import Measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def regret_figure(measured: Sequence[tuple[str, Measured]]) -> "Figure":
    """Rewards that an honest participant loses, by rounds or pulls, each scenario with its 95 % interval."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for label, each in measured:
        regret, at = each.regret(), each.checkpoints
        (line,) = axes.plot(at, [point.mean for point in regret], label=label)
        if all(point.low is not None for point in regret):
            low, high = ([float(getattr(point, end)) for point in regret] for end in ("low", "high"))
            axes.fill_between(at, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xlabel=measured[0][1].parameters.counted, ylabel="regret (rewards)", xlim=(0, None), ylim=(0, None))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
