"""Terminal view of a simulation."""

from collections.abc import Mapping, Sequence

from rich.console import RenderableType

from chain_bandit.simulation.replicates import PARTS, IntervalEstimate, Measured
from chain_bandit.views.terminal import plain_table, titled


def regret_by_round(measured: Measured) -> RenderableType:
    """Regret of an honest participant at each checkpoint, whole and by its parts."""
    at = measured.parameters.counted
    table = plain_table((at, "right"), ("regret", "right"), *((part.replace("_", "-"), "right") for part in PARTS))
    columns = (measured.regret(), *(measured.regret(part) for part in PARTS))
    for round_, *row in zip(measured.checkpoints, *columns, strict=True):
        table.add_row(f"{round_:,}", *map(_with_interval, row))
    steps = measured.agent_steps / measured.cpu_seconds if measured.cpu_seconds else 0
    title = f"Regret of an honest participant, in rewards: mean of {len(measured.sums):,} games, 95 % interval"
    said = f"{measured.agent_steps:,} agent steps, {steps:.3g} in a second of CPU"
    return titled(title, table, f"{said}, {measured.engine}" if measured.engine else said)


def beside_baselines(measured: Measured, baselines: Mapping[str, Sequence[IntervalEstimate]]) -> RenderableType:
    """Regret at the end beside that of each baseline, and how many times ours each loses."""
    ours = measured.regret()[-1]
    table = plain_table(("learner", "left"), ("regret", "right"), ("times ours", "right"))
    table.add_row("chain_bandit", _with_interval(ours), "1.0")
    for name, values in baselines.items():
        ratio = f"{values[-1].mean / ours.mean:.1f}" if ours.mean else "-"
        table.add_row(name, _with_interval(values[-1]), ratio)
    counted, last = measured.parameters.counted, measured.checkpoints[-1]
    return titled(f"Beside baselines on the same draws, {counted} {last:,}", table)


def _with_interval(estimate: IntervalEstimate) -> str:
    half = 0.0 if estimate.high is None else estimate.high - estimate.mean
    return f"{estimate.mean:.1f} ±{half:.1f}" if half else f"{estimate.mean:.1f}"
