"""Speed of the compiled kernel beside a throw-away loop that plays the recommended rule and can do nothing else.

    python benchmarks/prototype.py [--games 8] [--json]

The loop is plain numba over floats, with no code of the project in it: ten participants, ten arms, three liars, Huber's
one-step estimator and UCB1, `examples/speed.toml` by `huber-one-step` (clip 1.25, C1 = 1.85 / b). It has numba's own
generator, no comparison bits, ties, costs, exact widths or rewards of other laws. Both are single-threaded and take
turns; figures are agent-steps a CPU second, the best of five, compiling not counted, and the kernel's over the loop's.
Goals: 0.6 under `constant-lie`, 0.3 under `sign-flip`, by which every arm of every block is another one. Regrets are
printed beside: the games are the same in law, not in luck.
"""

import argparse
import json
import time
from math import ceil, log, sqrt
from typing import Any

import numpy as np
from numba import njit

from science.provenance import ROOT

SEATS, LIARS, ROUNDS = 10, 3, 100_000
MEANS = (0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25)
CLIP, C1 = 1.25, 1.85
LIES = {"constant-lie": {"value": 1.0}, "sign-flip": {}}
GOALS = {"constant-lie": 0.6, "sign-flip": 0.3}
TURNS = 5


@njit(nogil=True)
def prototype(truth: Any, flips: Any, rounds: Any, burn_in: Any, seed: Any) -> Any:
    """One game; its regret of the arms after the burn-in."""
    np.random.seed(seed)
    arms = len(truth)
    totals, means, told, row = np.zeros((arms, SEATS)), np.zeros((arms, SEATS)), np.ones((arms, SEATS)), np.empty(SEATS)
    pulls, estimate, regret = np.zeros(arms, np.int64), np.zeros(arms), 0.0
    best = truth.max()
    for t in range(1, rounds + 1):
        arm = (t - 1) % arms
        if t > burn_in:
            width, highest = sqrt(C1 * log(t) / SEATS), -1.0
            for each in range(arms):
                bound = estimate[each] + width / sqrt(pulls[each])
                if bound > highest:
                    arm, highest = each, bound
            regret += best - truth[arm]
        pulls[arm] += 1
        for seat in range(SEATS):
            totals[arm, seat] += np.random.random() < truth[arm]
            means[arm, seat] = totals[arm, seat] / pulls[arm]
        for seat in range(SEATS - LIARS):
            told[arm, seat] = means[arm, seat]
        if flips:
            for seat in range(SEATS - LIARS, SEATS):
                middle = 0.0
                for each in range(arms):
                    middle += means[each, seat] / arms
                for each in range(arms):
                    told[each, seat] = min(max(2 * middle - means[each, seat], 0.0), 1.0)
        for each in range(arms):
            if flips or each == arm:
                for seat in range(SEATS):  # sorted by insertion
                    at = seat
                    while at > 0 and row[at - 1] > told[each, seat]:
                        row[at] = row[at - 1]
                        at -= 1
                    row[at] = told[each, seat]
                median, moved = (row[(SEATS - 1) // 2] + row[SEATS // 2]) / 2, 0.0
                clip = CLIP / 2 / sqrt(max(pulls[each], 1))
                for seat in range(SEATS):
                    moved += min(max(row[seat] - median, -clip), clip)
                estimate[each] = median + moved / SEATS
    return regret


def kernel(lie: str, games: int) -> tuple[float, float]:
    """Agent-steps a CPU second, and the mean regret of the arms."""
    from chain_bandit.game.simulated import replicates
    from chain_bandit.scenario import load
    from chain_bandit.simulation.engine import Engine

    scenario = load(ROOT / "examples" / "speed.toml", {
        "aggregation": "huber-one-step", "exploration": f"{C1}/b",
        "adversary": {"liars": LIARS, "estimators": [{"name": lie, "options": LIES[lie]}]},
    }, on_chain=False)  # fmt: skip
    played = replicates(scenario, games, (ROUNDS,), engine=Engine.COMPILED)
    return played.agent_steps / played.cpu_seconds, played.regret("arms")[0].mean


def loop(lie: str, games: int) -> tuple[float, float]:
    """The same of the prototype."""
    truth, burn_in = np.array(MEANS), len(MEANS) * max(2, ceil(log(ROUNDS)))
    prototype(truth, lie == "sign-flip", 100, burn_in, 0)
    start = time.process_time()
    lost = [prototype(truth, lie == "sign-flip", ROUNDS, burn_in, seed) for seed in range(games)]
    return SEATS * ROUNDS * games / (time.process_time() - start), float(np.mean(lost))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=8, help="of either, a turn")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    for lie, goal in GOALS.items():
        turns = [(kernel(lie, given.games), loop(lie, given.games)) for _ in range(TURNS)]
        ours, theirs = (max(each[which][0] for each in turns) for which in range(2))
        (_, lost), (_, told) = turns[0]
        found[lie] = {"kernel": ours, "prototype": theirs, "ratio": ours / theirs, "goal": goal,
                      "regret": lost, "regret of the prototype": told}  # fmt: skip
        if not given.json:
            print(f"{lie}: kernel {ours:,.0f}, prototype {theirs:,.0f}, ratio {ours / theirs:.2f} (goal {goal}); "
                  f"regret {lost:.0f} and {told:.0f}")
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
