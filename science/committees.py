"""Simulation study of Theorem 7: malicious seats among the N best by reputation, and their share of the committee.

    python science/committees.py [--seeds 100] [--after 150] [--jobs 2] [--only NAME ...] [--json]

Short games, real actors, no chain. M = 7, f = m = 1, so 2m + 1 = 3 and |H| = 5: N is 3 or 5, at both ends of what the
theorem allows. An offence is a lie outside the honest range (by more than one pull can move a mean), or a proof of
equivocation. "Clean": runs in which, from 100 rounds after the burn-in on, nobody with an offence is among the N best.
"Stay": the most rounds that anybody was among them after its first offence. "Of the N best": the malicious among them,
from then on. "Over half": rounds after the burn-in whose committee has more malicious than other members, or more
attackers of the consensus. "Left out": rounds whose block has no honest report: a captured committee.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.attacks.malicious import MaliciousSeat
from chain_bandit.game.books import RoundPlayed
from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.pool import pool
from chain_bandit.protocol.blocks import Body, mask, round_seed, seats
from chain_bandit.protocol.committee import best
from chain_bandit.protocol.ledger import eligible, validators
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Counts, Means
from chain_bandit.scenario import Scenario, load

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "theorems"
PARTICIPANTS, BURN_IN = 7, 60
SETTLED = 100
"""Rounds after the burn-in from which on the N best are asked for."""


Choice = tuple[str, dict[str, Any]]
"""An attack by name, and its options."""


@dataclass(frozen=True, slots=True)
class Company:
    """What the malicious do: the liars, the attackers of the consensus; and with how many validators it is played."""

    lie: Choice | None
    attack: Choice | None
    sizes: tuple[int, ...] = (3, 5)


EQUIVOCATE: Choice = ("equivocating-commander", {})
SILENT: Choice = ("silent-validator", {"reports": True})
WAKES = BURN_IN + 100
COMPANIES = {
    "lies by delta": Company(("offset", {"distance": 0.3}), EQUIVOCATE),
    "lies by delta / 2": Company(("offset", {"distance": 0.15}), EQUIVOCATE),
    "lies by delta / 6": Company(("offset", {"distance": 0.05}), EQUIVOCATE),
    "two reports": Company(None, ("two-faced-report", {})),
    "in-range liar": Company(("within-range", {}), SILENT),
    "copycat": Company(("copycat", {}), SILENT),
    "withholder": Company(None, ("two-faced-counts", {"withholds": True})),
    "silent member": Company(None, SILENT),
    "sleepers": Company(("sleeper", {"wakes": WAKES}), ("equivocating-commander", {"first": WAKES})),
    "two that capture": Company(None, None, (3, 5)),
}
"""By name: a liar, an attacker, or one of each. Of the two that capture, the game with N = 3 assumes one."""


@dataclass(frozen=True, slots=True)
class _Played:
    """One game, see the top of the file.

    Attributes:
        clean: nobody with an offence among the N best from `SETTLED` on.
        outside: share of the lies that lie outside the honest range.
        stay: rounds.
        among: mean share of the N best, from `SETTLED` on, that are malicious in any way.
        malicious, attacking: share of rounds after the burn-in in which they hold over half of the committee.
        left_out, failed: share of rounds.
    """

    clean: bool
    outside: float
    stay: int
    among: float
    malicious: float
    attacking: float
    left_out: float
    failed: float


def scenario(name: str, size: int, seed: int, after: int) -> Scenario:
    """One row's game, `after` rounds longer than its burn-in."""
    company = COMPANIES[name]
    rounds = {"seed": seed, "rounds": BURN_IN + after}
    if name == "two that capture":
        return load(FOLDER / "theorem7-captured.toml", rounds | {"validators": size, "attackers": size // 2})
    todo = [company.lie, company.attack]
    named = [
        {"seat": PARTICIPANTS - len(todo) + index, "attacks": [{"name": choice[0], "options": choice[1]}]}
        for index, choice in enumerate(todo)
        if choice
    ]
    return load(FOLDER / "theorem7.toml", rounds | {
        "participants": PARTICIPANTS, "burn_in": BURN_IN, "liars": 1, "attackers": 1, "validators": size,
        "adversary.liars": 0, "adversary.both": 0, "adversary.attackers": 0, "malicious": named,
    })  # fmt: skip


def reported(each: RoundPlayed, parameters: Parameters) -> dict[int, Means]:
    """The reports in a round's block."""
    header = each.record.header if each.record else None
    if header is None:
        return {}
    members = seats(header.reporters)
    signed = Body.decode(each.body, len(members), parameters).reports
    return {seat: one.report.means for seat, one in zip(members, signed, strict=True)}


def outside(means: Means, honest: list[Means], pulls: Counts) -> bool:
    """Whether a report leaves the range of the honest ones in any arm by more than one pull can move a mean."""
    return any(
        not min(column) - UNIT // count <= mean <= max(column) + UNIT // count
        for mean, column, count in zip(means, zip(*honest, strict=True), pulls, strict=True)
    )


def watch_lies(game: Game) -> dict[int, bool]:
    """Of each malicious seat whether the estimators that it last reported are not its own; kept while it plays."""
    lied = dict[int, bool]()

    def watched(seat: int, attack: Attack) -> None:
        told = attack.means

        def means(view: View, honest: Means) -> Means:
            made = told(view, honest)
            lied[seat] = made != honest
            return made

        attack.means = means  # type: ignore[method-assign]

    for seat in game.cast.seats:
        if isinstance(seat, MaliciousSeat):
            watched(seat.number, seat.attack)
    return lied


def play(name: str, size: int, after: int, seed: int) -> _Played:
    """One game."""
    game = Game(scenario(name, size, seed, after), NoChain())
    p, roles = game.parameters, game.scenario.roles
    honest, malicious, attacking = (
        mask(seat for seat, role in enumerate(roles) if wanted(role))
        for wanted in (lambda role: role == Conduct.HONEST, bool, lambda role: role & Conduct.ATTACKER)
    )
    offences, stays = 0, [0] * p.participants
    lies, dirty, among, over, over_attacking, left_out, failed = [list[float]() for _ in range(7)]
    top, committee, pulls = 0, 0, game.parameters.arms * (0,)
    lied: dict[int, bool] = {}
    for each in game.play():
        lied = watch_lies(game) if each.round == 1 else lied
        rows = reported(each, p)
        true = [means for seat, means in rows.items() if honest >> seat & 1]
        if each.round > p.burn_in:
            over.append(2 * (committee & malicious).bit_count() > committee.bit_count())
            over_attacking.append(2 * (committee & attacking).bit_count() > committee.bit_count())
            left_out.append(bool(rows) and not true)
            failed.append(not rows)
        if each.round >= p.burn_in:
            for seat in seats(offences & top):
                stays[seat] += 1
        if each.round >= p.burn_in + SETTLED:
            dirty.append(bool(offences & top))
            among.append((top & malicious).bit_count() / top.bit_count())
        for seat in (seat for seat in rows if true and lied.get(seat)):
            is_outside = outside(rows[seat], true, pulls)
            lies.append(is_outside)
            offences |= is_outside << seat
        offences |= mask(each.accused)
        ledger = game.progress.ledger
        pulls = ledger.pulls
        able = eligible(p, ledger, ledger.round)
        top = best(ledger.reputations, able, p.validators, round_seed(ledger.seed, ledger.round))
        committee = validators(ledger)
    shares = map(share, (among, over, over_attacking, left_out, failed))
    return _Played(not any(dirty), share(lies), max(stays), *shares)


def share(values: list[float]) -> float:
    """The mean; 0 of nothing."""
    return fmean(values) if values else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--after", type=int, default=150)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=list(COMPANIES), choices=COMPANIES)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table = Table(title=f"{arguments.seeds} runs a row, L = {BURN_IN}, T = L + {arguments.after}")
    for name in ("who", "N", "clean runs", "lies outside", "stay", "of the N best", "over half: malicious",
                 "attackers", "left out", "failed"):  # fmt: skip
        table.add_column(name, justify="right")
    with pool(arguments.jobs) as workers:
        for name in arguments.only:
            for size in COMPANIES[name].sizes:
                games = list(workers.map(partial(play, name, size, arguments.after), range(1, arguments.seeds + 1)))
                if arguments.json:
                    print(json.dumps({"malicious": name, "validators": size, "games": [asdict(g) for g in games]}))
                shares = ("among", "malicious", "attacking", "left_out", "failed")
                table.add_row(
                    name, str(size), f"{fmean(game.clean for game in games):.3f}",
                    f"{fmean(game.outside for game in games):.2f}", str(max(game.stay for game in games)),
                    *(f"{fmean(getattr(game, part) for game in games):.3f}" for part in shares),
                )  # fmt: skip
    if not arguments.json:
        Console(width=150).print(table)


if __name__ == "__main__":
    main()
