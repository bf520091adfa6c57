"""Simulation study of Theorem 5: rounds without an honest commander, detection of equivocators, cost of commanders.

    python science/commanders.py [--seeds 20] [--rounds 1000] [--probed 200] [--sizes 7 13] [--jobs 2] [--json]

Real actors, no chain. Of `examples/theorems/theorem5.toml` and of the same game with more honest participants; the
attackers equivocate whenever they command, or sleep: they do so only after the burn-in. What is predicted is derived in
docs/protocol.md. "Statements": signed ones delivered a round after L, those of the broadcasts by commanders alone ("of
commanders") and all. With --probed, games that end with the burn-in: how many attackers are found in the first t probe
rounds.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from math import log
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table

from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.network.memory import MemoryNetwork
from chain_bandit.pool import pool
from chain_bandit.protocol.blocks import mask
from chain_bandit.protocol.ledger import commanders
from chain_bandit.protocol.parameters import ODDS, Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Scenario, load
from science.theorems import cell

FILE = Path(__file__).resolve().parents[1] / "examples" / "theorems" / "theorem5.toml"
SIZES = (7, 13)
MODES = ("equivocates", "sleeper", "all command")


@dataclass(frozen=True, slots=True)
class _Played:
    """One game after its burn-in.

    Attributes:
        lonely: rounds without an honest commander.
        failed: rounds skipped or rejected.
        found: of each attacker the round in which an honest seat first held proof; 0 for never.
        listed: of each attacker the first round on the block list; 0 for never.
        statements: delivered a round, by commanders' broadcasts alone and in all.
    """

    lonely: int
    failed: int
    found: list[int]
    listed: list[int]
    statements: tuple[float, float]


def scenario(participants: int, mode: str, seed: int, rounds: int) -> Scenario:
    """The theorem's scenario with so many participants, the additional ones honest."""
    plain: dict[str, Any] = {"participants": participants, "seed": seed, "rounds": rounds}
    game = load(FILE, plain)
    if mode == "sleeper":
        wakes = {"first": game.parameters.burn_in + 1}
        plain["adversary.consensus"] = [{"name": "equivocating-commander", "options": wakes}]
    if mode == "all command":
        plain["commanders"] = "all"
    return load(FILE, plain)


def attackers(scenario: Scenario) -> list[int]:
    return [seat for seat, role in enumerate(scenario.roles) if role & Conduct.ATTACKER]


@contextmanager
def statements_by_step() -> Iterator[Counter[int]]:
    """How many statements each step of a round delivered so far."""
    seen, uncounted = Counter[int](), MemoryNetwork.step

    def counted(self: MemoryNetwork, step: int) -> None:
        before = self.statements
        uncounted(self, step)
        seen[step] += self.statements - before

    MemoryNetwork.step = counted  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        MemoryNetwork.step = uncounted  # type: ignore[method-assign]


def play(participants: int, mode: str, rounds: int, seed: int) -> _Played:
    """One game."""
    game = Game(scenario(participants, mode, seed, rounds), NoChain())
    honest = mask(seat for seat, role in enumerate(game.scenario.roles) if role == Conduct.HONEST)
    found, lonely, failed, everything, last = dict[int, int](), 0, 0, 0, game.parameters.burn_in
    with statements_by_step() as seen:
        commanding = 0
        for each in game.play():
            for seat in each.accused:
                found.setdefault(seat, each.round)
            if each.round > last and each.record is not None and each.record.kind.name != "EXPLORATION":
                lonely += not commanding & honest
                failed += each.record.kind.name in ("SKIP", "REJECTED")
                everything += each.statements
            elif each.round <= last:
                seen.clear()
            commanding = commanders(game.progress.ledger)
    schedule, bad = game.cast.rules.schedule, attackers(game.scenario)
    spoken = sum(seen[step] for step in range(schedule.propose, schedule.vote))
    after = rounds - last
    return _Played(
        lonely, failed, [found.get(seat, 0) for seat in bad],
        [game.progress.ledger.blocked_from[seat] for seat in bad], (spoken / after, everything / after),
    )  # fmt: skip


def probed(participants: int, rounds: int, seed: int) -> list[int]:
    """Of each attacker the round up to L in which it is found, 0 for none, in a game that is left after round L."""
    game = Game(scenario(participants, "equivocates", seed, rounds), NoChain())
    found = dict[int, int]()
    steps = game.play()
    for each in steps:
        for seat in each.accused:
            found.setdefault(seat, each.round)
        if each.round == game.parameters.burn_in:
            break
    steps.close()  # type: ignore[attr-defined]
    return [found.get(seat, 0) for seat in attackers(game.scenario)]


def found_by(probability: float, probes: int) -> float:
    """The predicted chance that a seat that equivocates whenever it commands is found in so many probe rounds."""
    return 1 - (1 - probability) ** probes


def lonely_rounds(parameters: Parameters, honest: int) -> float:
    """The predicted mean of rounds without an honest commander: less than ln T where `honest` is |H|."""
    return (parameters.horizon - parameters.burn_in) * (1 - parameters.commanders / ODDS) ** honest


def games_table(arguments: argparse.Namespace, workers: ProcessPoolExecutor) -> Table:
    """Whole games, by size and mode."""
    table = Table(title=f"T = {arguments.rounds}, {arguments.seeds} seeds, mean ± standard deviation; ln T = "
                        f"{log(arguments.rounds):.1f}")  # fmt: skip
    for name in ("M", "|H|", "attackers", "p_h", "no honest commander", "predicted", "failed rounds", "found by L",
                 "found after L: rounds", "1 / p_h", "statements of commanders", "all statements"):  # fmt: skip
        table.add_column(name, justify="right")
    for participants in arguments.sizes:
        for mode in arguments.modes:
            p = scenario(participants, mode, 1, arguments.rounds).parameters
            one = partial(play, participants, mode, arguments.rounds)
            games = list(workers.map(one, range(1, arguments.seeds + 1)))
            if arguments.json:
                print(json.dumps({"participants": participants, "mode": mode, "games": [asdict(g) for g in games]}))
            honest, chance = p.participants - p.liars - p.attackers, p.commanders / ODDS
            rounds = [found for game in games for found in game.found]
            early = [0 < found <= p.burn_in for found in rounds]
            late = [float(found - p.burn_in) for found in rounds if found > p.burn_in]
            table.add_row(
                str(participants), str(honest), mode, f"{chance:.3f}", cell([game.lonely for game in games]),
                f"{lonely_rounds(p, honest):.1f}", cell([game.failed for game in games]), f"{fmean(early):.3f}",
                cell(late) if late else "", f"{1 / chance:.1f}",
                *(f"{fmean(game.statements[which] for game in games):.0f}" for which in (0, 1)),
            )  # fmt: skip
    return table


def probes_table(arguments: argparse.Namespace, workers: ProcessPoolExecutor) -> Table:
    """Burn-ins alone, by size and probe rounds: found, and predicted."""
    table = Table(title=f"Attackers found in the first t rounds, share (predicted); {arguments.probed} games")
    for name in ("M", "p", "L", "t = 1", "2", "3", "5", "10", "L - 1", "L"):
        table.add_column(name, justify="right")
    for participants in arguments.sizes:
        p = scenario(participants, "equivocates", 1, arguments.rounds).parameters
        games = list(workers.map(partial(probed, participants, arguments.rounds), range(1, arguments.probed + 1)))
        if arguments.json:
            print(json.dumps({"participants": participants, "probed": games}))
        found, chance, cells = [each for game in games for each in game], p.probing / ODDS, []
        for probes in (1, 2, 3, 5, 10, p.burn_in - 1, p.burn_in):
            share = fmean(0 < each <= probes for each in found)
            predicted = found_by(chance, probes) if probes < p.burn_in else 1.0
            cells.append(f"{share:.4f} ({predicted:.4f})")
        table.add_row(str(participants), f"{chance:.3f}", str(p.burn_in), *cells)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--probed", type=int, default=200)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--modes", nargs="*", default=MODES, choices=MODES)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with pool(arguments.jobs) as workers:
        tables = [games_table(arguments, workers)] if arguments.seeds else []
        tables += [probes_table(arguments, workers)] if arguments.probed else []
    if not arguments.json:
        for table in tables:
            Console(width=160).print(table)


if __name__ == "__main__":
    main()
