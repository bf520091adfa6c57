"""Milliseconds of CPU an epoch of a run of MEDIATE's games takes, on one thread, beside the authors' code.

The authors' code was timed once, on two idle cores of another day (`docs/mediate.md`); what other work the machine has
moves either. So the least of a few epochs is told, and CPU seconds, which other processes lengthen but do not contain.
"""

import argparse
from time import process_time

from chain_bandit.mediate.games.names import game_of
from chain_bandit.mediate.learners.experiment import Experiment, Setting
from chain_bandit.mediate.token_rule import Method

THEIRS = {"ipd": 1.8, "coin-game-2": 1.6, "coin-game-4": 4.4, "coin-game-6": 8.3, "harvest-6": 7.3}
"""Seconds of an epoch of one run under MATE."""

GOALS = {"coin-game-2": 100, "coin-game-4": 100, "coin-game-6": 100, "harvest-6": 60}


def least(game: str, methods: tuple[Method, ...], runs: int, epochs: int) -> float:
    """Seconds of CPU of the quickest epoch after the first, by run."""
    trial, taken = Experiment(Setting(game_of(game), methods, tuple(range(runs)))), []
    for _ in range(epochs + 1):
        begun = process_time()
        trial.epoch()
        taken.append(process_time() - begun)
    return min(taken[1:]) / (runs * len(methods))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", nargs="+", choices=THEIRS, default=list(THEIRS))
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    print("| game | methods x runs | ms of CPU a run and epoch | the authors' | times as fast | goal |")
    print("|---|---|---|---|---|---|")
    for game in arguments.games:
        for methods, runs in (((Method.SYNCHRONISED,), 8), (tuple(Method), 4)):
            taken, theirs = least(game, methods, runs, arguments.epochs), THEIRS[game]
            goal = f"{GOALS[game]}" if game in GOALS else ""
            said = f"{1e3 * taken:.1f}", f"{1e3 * theirs:,.0f}", f"{theirs / taken:.0f}", goal
            print("|", " | ".join((game, f"{len(methods)} x {runs}", *said)), "|", flush=True)


if __name__ == "__main__":
    main()
