"""Every theorem's scenario inside, at and outside its assumption: regret by its parts, over seeds.

    python science/theorems.py [--seeds 20] [--rounds 1000] [--jobs 2] [--theorem 5 ...] [--json]

At: as `examples/theorems` has it. Inside: one malicious seat fewer. Outside: one more, still under the bounds that the
game assumes; of Theorem 7 `theorem7-captured`, whose committee is one too small for its attackers. Silent: those of
the theorem that attack the consensus fall silent instead, whatever else they do. Nothing is on a chain, and but for the
captured committee nothing is sent; regret a participant, in whole rewards. "Wait" is the most rounds in a row without a
reward.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from rich.console import Console
from rich.table import Table

from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.game.simulated import plain
from chain_bandit.pool import pool
from chain_bandit.protocol.regret import Regret
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario, load

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "theorems"
PLACES = ("inside", "at", "outside", "silent")
CAPTURED = 7, "outside"
"""Its attackers certify blocks of their own, so it is played with real actors (`simulation/outcomes.py` refuses it)."""
SILENT = [{"name": "silent-validator", "options": {"reports": False}}]


@dataclass(frozen=True, slots=True)
class _Played:
    """One game: regret a participant by its parts, in whole rewards; rounds by kind; seats blocked; longest wait."""

    burn_in: float
    arms: float
    failed: float
    cost: float
    approved: int
    lost: int
    blocked: int
    wait: int


def scenario(theorem: int, place: str, seed: int, rounds: int) -> Scenario:
    """The theorem's scenario, moved to a place."""
    path = FOLDER / f"theorem{theorem}.toml"
    if (theorem, place) == CAPTURED:
        return load(FOLDER / "theorem7-captured.toml", {"seed": seed, "rounds": rounds})
    adversary = load(path).adversary
    most = "attackers" if adversary.attackers else "both" if adversary.both else "liars"
    count = getattr(adversary, most) + {"inside": -1, "outside": 1}.get(place, 0)
    overrides: dict[str, Any] = {"seed": seed, "rounds": rounds, f"adversary.{most}": count}
    if place == "silent" and adversary.attackers + adversary.both:
        overrides["adversary.consensus"] = SILENT
    return load(path, overrides)


@dataclass(frozen=True, slots=True)
class _Ended:
    """One round: how it ended, the honest arm, whether it was paid, its cost in units, seats on the block list."""

    round: int
    kind: str
    arm: int | None
    paid: bool
    cost: int | None
    blocked: int


def without_messages(scenario: Scenario) -> Iterator[_Ended]:
    """A game by what its messages come to."""
    for each in plain(scenario):
        kind = each.kind.name if each.kind else "BURN_IN"
        blocked = sum(map(bool, each.ledger.blocked_from))
        yield _Ended(each.round, kind, each.arm, each.paid, each.cost, blocked)


def with_messages(scenario: Scenario) -> Iterator[_Ended]:
    """A game of real actors."""
    game = Game(scenario, NoChain())
    for each in game.play():
        kind = each.record.kind.name if each.record else "BURN_IN"
        blocked = sum(map(bool, game.progress.ledger.blocked_from))
        yield _Ended(each.round, kind, each.arm, bool(each.pulls), each.cost, blocked)


def play(theorem: int, place: str, seed: int, rounds: int) -> _Played:
    """One game."""
    case = scenario(theorem, place, seed, rounds)
    kinds, wait, longest, listed = Counter[str](), 0, 0, 0
    regret = Regret(case.model.means, case.parameters.burn_in)
    for each in (with_messages if (theorem, place) == CAPTURED else without_messages)(case):
        kinds[each.kind] += 1
        regret.add(each.round, each.arm, each.paid, each.cost)
        wait = 0 if each.arm is not None else wait + 1
        longest = max(longest, wait)
        listed = each.blocked
    return _Played(
        regret.burn_in / UNIT, regret.arms / UNIT, regret.failed / UNIT, regret.cost / UNIT,
        kinds["APPROVED"], kinds["SKIP"] + kinds["REJECTED"], listed, longest,
    )  # fmt: skip


def rows(theorems: list[int], seeds: int, rounds: int, jobs: int) -> Iterator[tuple[int, str, list[_Played]]]:
    with pool(jobs) as workers:
        for theorem in theorems:
            for place in PLACES:
                games = workers.map(play, repeat(theorem), repeat(place), range(1, seeds + 1), repeat(rounds))
                yield theorem, place, list(games)


def cell(values: list[float]) -> str:
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{fmean(values):.1f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--theorem", type=int, nargs="*", default=list(range(1, 8)))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    names = ("burn_in", "arms", "failed", "cost", "approved", "lost", "blocked", "wait")
    table = Table(title=f"T = {given.rounds}, {given.seeds} seeds, mean ± standard deviation")
    for name in ("theorem", "place", *(name.replace("_", "-") for name in names)):
        table.add_column(name, justify="right")
    for theorem, place, games in rows(given.theorem, given.seeds, given.rounds, given.jobs):
        if given.json:
            print(json.dumps({"theorem": theorem, "place": place, "games": [asdict(game) for game in games]}))
        table.add_row(str(theorem), place, *(cell([getattr(game, name) for game in games]) for name in names))
    if not given.json:
        Console(width=140).print(table)


if __name__ == "__main__":
    main()
