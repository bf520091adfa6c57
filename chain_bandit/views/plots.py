"""Plots of a run as SVG text. Matplotlib is imported when the first one is drawn."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING

from chain_bandit.auditor.rows import RoundRow
from chain_bandit.game_names import clean
from chain_bandit.protocol.reputation import FULL
from chain_bandit.protocol.units import INFINITY, UNIT
from chain_bandit.views.canvas import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    PURPLE,
    RED,
    RULE,
    drawing,
    end_labels,
    figure,
    frame,
    place,
    rectangles,
    runs,
    svg,
    thinned,
)
from chain_bandit.views.view_model import ParticipantRow, ViewModel, amount

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = 32
"""Arms that get a panel of their own."""

MARKS = 1_400
"""Marks of an arm beside each other: about one a pixel."""

CELLS = 4_000
"""Cells of the consensus lanes; more rounds share one."""

_LEVELS = 6
_PER_SIGN = 6.8
"""Pixels that a sign of a plot's text takes at most, on average."""

_COLOURS = {False: BLUE, True: RED, None: MUTED}
"""Of the honest, of the malicious, and while roles are not revealed."""

_BARS = 120
"""Rounds that still get a bar each; gaps between more of them would flicker."""

_NAMED = 10
"""Ends of the reputation plot's lines that are named."""

_RIVALS = {"ucb1": RED, "alone": PURPLE, "oracle": GREEN}


def regret_from_start(facts: ViewModel) -> str:
    """Cumulative regret from round 1 on: chain_bandit in its parts, one on the other, beside its rivals."""
    columns, burn_in = facts.columns, facts.manifest.burn_in
    at = thinned(columns["round"])
    x = [facts.pulls[i] for i in at]
    parts = {
        name: [columns[f"regret_{name}_units"][i] / UNIT for i in at] for name in ("burn_in", "arms", "failed", "cost")
    }
    with drawing():
        made, axes = figure(520, 330)
        place(made, 40, 134, 26, 38)
        below, labels, bands = [0.0] * len(at), [], list[tuple[list[float], list[float], str]]()
        shades = {"burn_in": (MUTED, 0.28), "arms": (BLUE, 0.22), "failed": (PURPLE, 0.4), "cost": (RED, 0.35)}
        words = {"burn_in": "burn-in", "arms": "arms", "failed": "failed rounds", "cost": "cost of lies"}
        for name, values in parts.items():
            if not any(values):
                continue
            above = [low + value for low, value in zip(below, values, strict=True)]
            axes.fill_between(x, below, above, color=shades[name][0], alpha=shades[name][1], linewidth=0)
            bands.append((below, above, words[name]))
            below = above
        axes.plot(x, below, color=BLUE, linewidth=2.2)
        labels.append((below[-1], f"chain_bandit {below[-1]:,.1f}", BLUE))
        curves = [below]
        for key, name in facts.rivals.items():
            colour, curve = _RIVALS[key], [columns[f"regret_{key}_units"][i] / UNIT for i in at]
            curves.append(curve)
            axes.plot(x, curve, color=colour, linewidth=1.6)
            labels.append((curve[-1], f"{name} {curve[-1]:,.1f}", colour))
        for low, high, name in bands:
            _inside(axes, x, low, high, name, curves)
        _frame(axes, facts.pulls[-1], 1, f"regret from {facts.at} 1, per honest participant", facts.at)
        if burn_in:
            axes.axvspan(1, burn_in, color=MUTED, alpha=0.09, linewidth=0)
        end_labels(axes, x[-1], labels)
        return svg(made, "regret-start", "Cumulative regret from round 1 of chain_bandit in its parts and of others")


def regret_after_burn_in(facts: ViewModel) -> str:
    """Cumulative regret over L + 1 … T only, where the honest and their rivals can be compared."""
    columns, start = facts.columns, facts.after_burn_in
    indices = [start + i for i in thinned(columns["round"][start:])]
    if not indices:
        return ""
    x = [facts.pulls[i] for i in indices]

    def curve(*names: str) -> list[float]:
        base = sum(columns[f"regret_{name}_units"][start - 1] for name in names) if start else 0
        return [(sum(columns[f"regret_{name}_units"][i] for name in names) - base) / UNIT for i in indices]

    with drawing():
        made, axes = figure(520, 330)
        place(made, 40, 134, 26, 38)
        honest, whole = curve("arms"), curve("arms", "failed", "cost")
        labels = [(honest[-1], f"chain_bandit {honest[-1]:,.1f}", BLUE)]
        if whole[-1] > honest[-1]:
            axes.plot(x, whole, color=BLUE, linewidth=1.4, linestyle=(0, (4, 2)))
            labels[0] = (honest[-1], f"its arms {honest[-1]:,.1f}", BLUE)
            labels.append((whole[-1], f"chain_bandit {whole[-1]:,.1f}", BLUE))
        for key, name in facts.rivals.items():
            colour, values = _RIVALS[key], curve(key)
            axes.plot(x, values, color=colour, linewidth=1.6)
            labels.append((values[-1], f"{name} {values[-1]:,.1f}", colour))
        axes.plot(x, honest, color=BLUE, linewidth=2.2)
        _frame(axes, x[-1], x[0], f"regret of {facts.at}s {x[0]:,} to {facts.pulls[-1]:,} only", facts.at)
        end_labels(axes, x[-1], labels)
        return svg(made, "regret-after", "Cumulative regret after the burn-in of chain_bandit and of others")


def _frame(axes: "Axes", last: int, first: int, title: str, at: str = "round") -> None:
    frame(axes, last, first, title, at)
    axes.set_ylim(bottom=0)
    axes.margins(y=0.05)
    axes.locator_params(axis="x", nbins=6)


def _inside(
    axes: "Axes", x: Sequence[float], below: Sequence[float], above: Sequence[float], text: str,
    curves: Sequence[Sequence[float]],
) -> None:
    """Name a band in its middle, where it is thick enough, and of those places where the curves are farthest."""
    highest = max(max(curve) for curve in curves)

    def away(at: int) -> float:
        """From the nearest curve under the whole text, of which a sign takes a 54th of the width."""
        middle, wide = (above[at] + below[at]) / 2, max(1, len(x) * len(text) // 108)
        near = range(max(0, at - wide), min(len(x), at + wide + 1))
        return min(abs(curve[i] - middle) for curve in curves for i in near)

    places = [int(len(x) * part / 50) for part in range(10, 47)]
    thick = [at for at in places if above[at] - below[at] > 0.055 * max(highest, 1e-9)]
    if thick:
        at = max(thick, key=away)
        axes.text(x[at], (above[at] + below[at]) / 2, text, ha="center", va="center", color=INK)


def estimators(facts: ViewModel) -> list[tuple[str, str]]:
    """One small panel an arm, best arm first: (name, SVG) of its global estimator over rounds and its true mean."""
    truths = facts.manifest.arm_means
    rows = [row for row in facts.rows if row.means is not None]
    order = facts.by_mean[:PANELS]
    if not rows:
        return []
    at = thinned(rows, 240)
    x = [rows[i].round for i in at]
    shown = [mean for i in at for mean in rows[i].means or () if mean <= UNIT] or [0, UNIT]
    low, high = min(shown + (truths or [])) / UNIT, max(shown + (truths or [])) / UNIT
    panels = []
    with drawing():
        for arm in order:
            values = [
                (rows[i].means or ())[arm] / UNIT if (rows[i].means or ())[arm] <= UNIT else float("nan") for i in at
            ]
            made, axes = figure(210, 116)
            place(made, 26, 40, 22, 20)
            axes.set_xlim(x[0], max(x[-1], x[0] + 1))
            axes.set_ylim(low - 0.06 * (high - low) - 1e-6, high + 0.06 * (high - low) + 1e-6)
            axes.plot(x, values, color=BLUE, linewidth=1.8, drawstyle="steps-post")
            axes.set_title(clean(facts.names[arm], 22), loc="left", x=0, pad=5, color=INK, fontweight="bold")
            axes.set_xticks([x[0], x[-1]], [f"{x[0]:,}", f"{x[-1]:,}"])
            axes.set_yticks([low, high], [f"{low:.2f}", f"{high:.2f}"])
            axes.tick_params(length=0, labelsize=9)
            for side in axes.spines.values():
                side.set_visible(False)
            axes.axhline(low - 0.06 * (high - low), color=RULE, linewidth=1)
            labels, title = [], f"Global estimator of {facts.names[arm]} over rounds"
            if truths:
                truth = truths[arm] / UNIT
                axes.axhline(truth, color=INK, linewidth=1, linestyle=(0, (4, 2.5)), zorder=1)
                labels.append((truth, f"{truth:.3f}", INK))
                title += f"; its true mean is {truth:.3f}"
            if values[-1] == values[-1]:
                labels.append((values[-1], f"{values[-1]:.3f}", BLUE))
            end_labels(axes, x[-1], labels, 12)
            panels.append((facts.names[arm], svg(made, f"arm-{arm}", title)))
    return panels


def arms_pulled(facts: ViewModel) -> str:
    """Which arm the honest pulled in every round; the best arm on top. Rounds beyond `MARKS` share a mark."""
    manifest, pulled = facts.manifest, facts.columns["arm"]
    order = facts.by_mean[:PANELS]
    place_of = {arm: len(order) - 1 - rank for rank, arm in enumerate(order)}
    counts = {arm: sum(value == arm for value in pulled) for arm in order}
    first, total = facts.columns["round"][0], len(pulled)
    with drawing():
        made, axes = figure(920, 44 + 19 * len(order))
        truths = manifest.arm_means or []
        labels = [clean(facts.names[arm], 22) + (f"  {truths[arm] / UNIT:.3f}" if truths else "") for arm in order]
        place(made, 12 + 7 * max(map(len, labels)), 60, 22, 20)
        axes.set_xlim(first, first + total)
        axes.set_ylim(-0.5, len(order) - 0.5)
        marks = min(total, MARKS)
        wide = total / marks
        together = [set(pulled[round(a * wide) : round((a + 1) * wide)]) for a in range(marks)]
        for arm in order:
            boxes = [
                (first + at * wide, place_of[arm] - 0.32, length * wide, 0.64)
                for at, length in runs(together, lambda some, wanted=arm: some is not None and wanted in some)  # type: ignore[misc]
            ]
            rectangles(axes, boxes, facecolor=BLUE if arm == order[0] else MUTED)
            axes.text(
                first + total * 1.012, place_of[arm], f"{counts[arm]:,}", va="center", color=MUTED, clip_on=False
            )
        axes.set_yticks([place_of[arm] for arm in order], labels)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.text(first + total * 1.012, len(order) - 0.25, "pulls", va="bottom", color=MUTED)
        if manifest.burn_in:
            axes.axvspan(first, first + manifest.burn_in, color=MUTED, alpha=0.1, linewidth=0)
            axes.text(first, len(order) - 0.25, "burn-in", va="bottom", color=MUTED)
        axes.tick_params(length=0)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        return svg(made, "arms", "The arm that the honest pulled in every round, best arm on top")


def consensus_lanes(facts: ViewModel) -> str:
    """One lane a seat over the recorded rounds: for how many arms its report counted, when it was silent or accused."""
    rows, seats = facts.rows, len(facts.participants)
    if not rows or not seats:
        return ""
    bins = min(len(rows), max(40, CELLS // seats))
    edges = [round(i * len(rows) / bins) for i in range(bins + 1)]
    groups = [rows[a:b] for a, b in pairwise(edges)]
    shares = [[counted_share(group, seat) for group in groups] for seat in range(seats)]
    top = max((share for lane in shares for share in lane if share is not None), default=0) or 1
    accused = facts.accused_by_round
    height = max(5.0, min(22.0, 1_000 / seats))
    with drawing():
        made, axes = figure(920, 52 + height * seats)
        place(made, _margin(facts.participants), 60, 24, 26)
        axes.set_xlim(0, bins)
        axes.set_ylim(seats - 0.5, -0.5)
        rectangles(axes, [(0, seat - 0.4, bins, 0.8) for seat in range(seats)], facecolor=RULE, alpha=0.55)
        for level in range(1, _LEVELS + 1):
            boxes = [
                (at, seat - 0.4, length, 0.8)
                for seat, lane in enumerate(shares)
                for at, length in runs(lane, lambda s, at=level: s is not None and _level(s, top) == at)  # type: ignore[misc]
            ]
            rectangles(axes, boxes, facecolor=BLUE, alpha=level / _LEVELS)
        empty = runs(groups, lambda group: all(row.means is None for row in group))
        rectangles(axes, [(at, -0.5, length, seats) for at, length in empty], facecolor=MUTED, alpha=0.35)
        silent = [
            (at, seat - 0.09, length, 0.18)
            for seat in range(seats)
            for at, length in runs(
                groups, lambda g, p=seat: any(_silent(row, p) for row in g)  # type: ignore[misc]
            )
        ]
        listed = [
            (at, seat - 0.44, length, 0.88)
            for seat in range(seats)
            for at, length in runs(groups, lambda g, p=seat: any(p in row.blocked for row in g))  # type: ignore[misc]
        ]
        rectangles(axes, listed, facecolor=PURPLE, alpha=0.3)
        rectangles(axes, silent, facecolor=RED)
        marks = [
            (at, seat - 0.44, length, 0.26)
            for seat in range(seats)
            for at, length in runs(
                groups, lambda g, p=seat: any(p in accused.get(row.round, ()) for row in g)  # type: ignore[misc]
            )
        ]
        rectangles(axes, marks, facecolor=PURPLE)
        _lane_labels(facts, axes, rows[0].round, edges, height)
        said = "Per seat and round: whether its report counted, it was silent, accused, or on the block list"
        return svg(made, "lanes", said)


def _silent(row: RoundRow, seat: int) -> bool:
    """Whether a block has no report of a seat that might have reported."""
    return row.means is not None and seat not in row.reporters and seat not in row.blocked


def _lane_labels(facts: ViewModel, axes: "Axes", first: int, edges: Sequence[int], height: float) -> None:
    seats, bins = len(facts.participants), len(edges) - 1
    every = max(1, round(12 / height))
    kept = range(0, seats, every)
    axes.set_yticks(list(kept), [seat_name(facts.participants[seat]) for seat in kept])
    for seat in kept:
        share = counted_share(facts.rows, seat)
        axes.text(bins * 1.012, seat, "\N{EN DASH}" if share is None else f"{share:.0%}", va="center", color=MUTED)
    axes.text(bins * 1.012, -0.6, "counted", va="bottom", color=MUTED)
    ticks = [0, bins // 4, bins // 2, 3 * bins // 4, bins] if bins >= 8 else [0, bins]
    axes.set_xticks(ticks, [f"{first + min(edges[at], edges[-1] - 1):,}" for at in ticks])
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def counted_share(rows: Sequence[RoundRow], seat: int) -> float | None:
    """For which share of the arms the seat's report was in B, over the blocks among `rows`; None without a block."""
    blocks = [row.selected for row in rows if row.selected]
    if not blocks:
        return None
    return fmean(sum(seat in members for members in selected) / len(selected) for selected in blocks)


def _level(share: float, top: float) -> int:
    return 0 if share <= 0 else max(1, min(_LEVELS, round(_LEVELS * share / top)))


def reputations(facts: ViewModel) -> str:
    """A line a seat: its reputation after every record, and where its place on the block list begins."""
    rows, people = [row for row in facts.rows if row.reputations], facts.participants
    if not rows or not people:
        return ""
    at = thinned(rows)
    x = [rows[i].round for i in at]
    ends: dict[tuple[str, str], list[ParticipantRow]] = {}
    for p in people:
        end = f"{rows[-1].reputations[p.seat] / FULL:.2f}"
        ends.setdefault((end, _COLOURS[p.malicious]), []).append(p)
    labels = [
        (float(end), f"{seat_name(same[0])}{f' and {len(same) - 1} more' if len(same) > 1 else ''}  {end}", colour)
        for (end, colour), same in sorted(ends.items())
    ]
    with drawing():
        made, axes = figure(920, 250)
        place(made, 34, 24 + _PER_SIGN * max(len(text) for _, text, _ in labels), 24, 34)
        _frame(axes, max(x[-1], x[0] + 1), x[0], "reputation, of 1")
        axes.set_ylim(0, 1.2)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
        for p in people:
            values = [rows[i].reputations[p.seat] / FULL for i in at]
            axes.plot(x, values, color=_COLOURS[p.malicious], linewidth=1.4, alpha=0.75)
            after = next((i for i, row in enumerate(rows) if 0 < p.blocked_from <= row.round), None)
            if after is not None:
                row = rows[after]
                axes.plot([row.round], [row.reputations[p.seat] / FULL], "o", color=PURPLE, clip_on=False)
        end_labels(axes, x[-1], labels[:: len(labels) // _NAMED + 1], 13)
        return svg(made, "reputation", "The reputation of every seat after every record")


def seat_name(participant: ParticipantRow) -> str:
    """Its role, once it is revealed, and its number."""
    return f"{participant.role or 'seat'} {participant.seat}"


def _margin(people: Sequence[ParticipantRow]) -> int:
    """Room for the names of the seats, in pixels."""
    return 12 + round(_PER_SIGN * max((len(seat_name(p)) for p in people), default=0))


def money(facts: ViewModel) -> str:
    """What every participant took home: reward, and what the hidden cost took or gave."""
    people = facts.participants
    if not people:
        return ""
    height = max(6.0, min(22.0, 1_200 / len(people)))
    every = max(1, round(12 / height))
    with drawing():
        made, axes = figure(520, 30 + height * len(people))  # a telephone shows all of it
        place(made, _margin(people), 150 if any(p.cost for p in people) else 64, 22, 8)
        highest = max([p.reward for p in people] + [p.net or 0 for p in people] + [1]) / UNIT
        lowest = min([0.0] + [(p.net or 0) / UNIT for p in people])
        axes.set_xlim(lowest, highest)
        axes.set_ylim(len(people) - 0.5, -0.5)
        for malicious in (False, True, None):
            boxes = [
                (0, at - 0.36, (p.reward if p.net is None else p.net) / UNIT, 0.72)
                for at, p in enumerate(people) if p.malicious is malicious
            ]  # fmt: skip
            rectangles(axes, boxes, facecolor=_COLOURS[malicious], alpha=0.75)
        for at, p in enumerate(people):
            if p.net is not None and p.cost:
                axes.plot([p.reward / UNIT] * 2, [at - 0.36, at + 0.36], color=INK, linewidth=1.6)
            if at % every == 0:
                shown = p.reward if p.net is None else p.net
                text = amount(shown) + ("" if not p.cost else f"  (cost {amount(p.cost)})")
                axes.text(max(highest, 0) * 1.03, at, text, va="center", color=INK, clip_on=False)
        kept = range(0, len(people), every)
        axes.set_yticks(list(kept), [seat_name(people[at]) for at in kept])
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.text(0, -0.62, "net, in rewards" if people[0].net is not None else "rewards so far", color=MUTED,
                  va="bottom")  # fmt: skip
        return svg(made, "money", "What every participant took home")


def gas(facts: ViewModel) -> str:
    """Gas of the transaction that recorded each round."""
    rows = [row for row in facts.rows if row.gas]
    if not rows:
        return ""
    at = thinned(rows, 480)
    x, y = [rows[i].round for i in at], [rows[i].gas / 1_000 for i in at]
    middle = median(row.gas for row in rows) / 1_000
    with drawing():
        made, axes = figure(920, 170)
        place(made, 34, 84, 24, 34)
        _frame(axes, max(x[-1], x[0] + 1), x[0], "thousand gas per recorded round")
        axes.set_ylim(0, 1.12 * max(y))
        width = 0.7 * (x[-1] - x[0] + 1) / len(x)
        axes.set_xlim(x[0] - width, x[-1] + width)
        if len(x) <= _BARS:
            bars = [(a - width / 2, 0, width, b) for a, b in zip(x, y, strict=True)]
            rectangles(axes, bars, facecolor=BLUE, alpha=0.55)
        else:
            axes.fill_between(x, y, step="mid", color=BLUE, alpha=0.55, linewidth=0)
        axes.axhline(middle, color=INK, linewidth=1, linestyle=(0, (4, 2.5)))
        end_labels(axes, x[-1] + width, [(middle, f"median {middle:,.0f}", INK)])
        return svg(made, "gas", "Gas of the transaction that recorded each round")


def without_estimator(facts: ViewModel) -> dict[str, int]:
    """How often each arm had no global estimator in a rejected block."""
    found: dict[str, int] = {}
    for row in facts.rows:
        if row.kind == "rejected" and row.means is not None:
            for arm, value in enumerate(row.means):
                if value == INFINITY:
                    name = clean(facts.names[arm])
                    found[name] = found.get(name, 0) + 1
    return found
