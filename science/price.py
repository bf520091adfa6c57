"""Price of security in regret: games with everything switched on, beside the same pulls if each were paid.

    python science/price.py [--replicates 200] [--jobs 1] [--json FILE]
    python science/price.py --table FILE

The set-up, the games and the seeds are those of `science/figures.py`, but nothing is left out: the burn-in is not
paid, rounds fail, and case 2 is paid for, by Theorem 1's constant cost or by distance. f = 0, 1 and 3. `confidence`
meets every attack with every commander in turn; beside it stand Options 1 and 2 with the costs of their theorems, and
`confidence` under commanders drawn by trust, where rounds can fail: no attacker, the attacks that are the three
worst for the rule in the heat maps, and `within-range`, whose lies are in force whatever the rule. Under `confidence`,
last, as many liars as there are bounds for and beside them as many attackers of the consensus. Regret of an honest
participant, in whole rewards. What FILE holds is not played again.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.replicates import PARTS, estimate
from science import figures, provenance
from science.bars import PICTURES
from science.growth import Line, arguments, ends, number, played, print_tables, resumed, with_interval


@dataclass(frozen=True, slots=True)
class _Setting:
    """A rule with everything on.

    Attributes:
        changes: of the scenario of the figures.
        every: whether it meets every attack, or the worst three.
    """

    rule: str
    changes: dict[str, Any]
    every: bool = False


SETTINGS = {
    "confidence, distance": _Setting("confidence", {"cost": "distance"}, every=True),
    "confidence, constant": _Setting("confidence", {"cost": "constant"}, every=True),
    "confidence, distance, drawn": _Setting("confidence", {"cost": "distance", "commanders": "trust"}),
    "option 1, constant": _Setting("option-1", {"cost": "constant"}),
    "option 2, distance": _Setting("option-2", {"cost": "distance"}),
}
"""By name; costs as in Theorems 1 and 2."""
LIARS = (0, 1, 3)
WORST, SHOWN, IN_FORCE = 3, 2, "within-range"
BOTH = ("optimiser", "equivocating-commander")
"""Liars first, others behind them: M = 2f + m + 1 seats are just enough at f = m = 3."""


@dataclass(frozen=True, slots=True)
class PriceAsked:
    """One row.

    Attributes:
        attacks: each by so many seats of its own as there may be liars, the last seats by the last.
    """

    setting: str
    liars: int
    attacks: tuple[str, ...]

    @property
    def honest(self) -> int:
        """How many seats neither lie nor attack: of the row without an attack, those that would be left by one."""
        return figures.SEATS - self.liars * max(1, len(self.attacks))

    def scenario(self) -> Scenario:
        """With the assumed bounds of the heat maps: m = 0 where nobody attacks the consensus."""
        setting, first = SETTINGS[self.setting], figures.SEATS - self.liars * len(self.attacks)
        seats = [
            {"seat": first + self.liars * at + seat, "attacks": [{"name": name}]}
            for at, name in enumerate(self.attacks) for seat in range(self.liars)
        ]  # fmt: skip
        breaks_consensus = any(ATTACKS[name].conduct & Conduct.ATTACKER for name in self.attacks)
        return figures.scenario(
            setting.rule, None, liars=self.liars, attackers=self.liars if breaks_consensus else 0, malicious=seats,
            **setting.changes,
        )  # fmt: skip


def asked() -> Iterator[PriceAsked]:
    """All rows."""
    for name, setting in SETTINGS.items():
        for liars in LIARS:
            yield PriceAsked(name, liars, ())
            if liars:
                table = heat(liars)["regret"]
                by_regret = sorted(table, key=lambda attack: table[attack][setting.rule]["mean"], reverse=True)
                for attack in by_regret if setting.every else (*by_regret[:WORST], IN_FORCE):
                    yield PriceAsked(name, liars, (attack,))
                if setting.rule == "confidence":
                    yield PriceAsked(name, liars, BOTH)


@cache
def heat(liars: int) -> dict[str, Any]:
    """The numbers of a heat map, whose games these are."""
    file = provenance.FIGURES / f"{PICTURES[liars]}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["figures"]
    return found


def line(each: PriceAsked, count: int, jobs: int) -> Line:
    """A row, for machines."""
    return {
        "setting": each.setting, "liars": each.liars, "attacks": each.attacks,
        "oracle": oracle(each.honest, count),
    } | ends(played(each.scenario(), count, jobs)) | provenance.made(0, count)  # fmt: skip


def lines(given: argparse.Namespace) -> Iterator[Line]:
    """What the file holds, then what is played."""

    def play(each: PriceAsked) -> Line:
        return line(each, given.replicates, given.jobs)

    def told(row: Line) -> str:
        return f"{row['setting']}, f = {row['liars']}, {named(row)}: {whole(row):,.1f}"

    return resumed(asked(), asdict, play, told, given.json)


@cache
def oracle(honest: int, count: int) -> dict[str, float]:
    """UCB on the rewards of the honest alone, from round 1 on."""
    pooled = figures.FigureBench(count, 1).pooled(range(honest), (figures.ROUNDS,))
    return asdict(estimate(pooled[:, -1]))


# --- the tables


def named(row: Line) -> str:
    """The attackers of a row."""
    return " beside ".join(f"`{name}`" for name in row["attacks"]) or "nobody"


def cells(row: Line) -> list[str]:
    """The whole beside the bare, each over the oracle, and its price."""
    price, pooled = row["price"], row["oracle"]["mean"]
    ratios = [f"{row[part]['mean'] / pooled:.2f}" for part in ("bare", "regret")]
    return [with_interval(price, ".2f" if price["mean"] < 10 else ""), " → ".join(ratios)]


def shown(found: list[Line]) -> Iterator[str]:
    """By setting and f: nobody, the two that are worst by the whole regret, and both kinds of attack at once."""
    columns = [part.replace("_", "-") for part in PARTS]
    yield f"| setting | f | attack | bare | {' | '.join(columns)} | whole | price of security | over the oracle |"
    yield "|---" * (len(PARTS) + 7) + "|"
    for name in SETTINGS:
        for liars in LIARS:
            rows = [row for row in found if (row["setting"], row["liars"]) == (name, liars)]
            alone = sorted((row for row in rows if len(row["attacks"]) == 1), key=whole, reverse=True)[:SHOWN]
            others = {len(row["attacks"]): [row] for row in rows if len(row["attacks"]) != 1}
            for row in (*others.get(0, []), *alone, *others.get(2, [])):
                values = [with_interval(row[part]) for part in ("bare", *PARTS, "regret")]
                yield f"| {' | '.join([name, str(liars), named(row), *values, *cells(row)])} |"


def whole(row: Line) -> float:
    """All parts."""
    return float(row["regret"]["mean"])


def every(found: list[Line]) -> Iterator[str]:
    """Every attack under `confidence`: the bare regret, the whole one by each cost, and the price by distance."""
    settings = [name for name, setting in SETTINGS.items() if setting.every]
    heads = ["bare", *(f"whole, {name.split(', ')[1]}" for name in settings), "price, distance"]
    yield f"| attack | {' | '.join(f'f = {liars}: {head}' for liars in LIARS if liars for head in heads)} |"
    yield "|---" * (len(heads) * 2 + 1) + "|"
    rows = {(row["setting"], row["liars"], tuple(row["attacks"])): row for row in found}
    for attacks in dict.fromkeys(attacks for name, liars, attacks in rows if liars == LIARS[-1] and name in settings):
        told: list[str] = []
        for liars in filter(None, LIARS):
            distance, constant = (rows[name, liars, attacks] for name in settings)
            told += [number(distance["bare"]["mean"]), with_interval(distance["regret"])]
            told += [number(constant["regret"]["mean"]), f"{distance['price']['mean']:.2f}"]
        yield f"| {named({'attacks': attacks})} | {' | '.join(told)} |"


def main() -> None:
    print_tables(arguments(__doc__, 200).parse_args(), lines, lambda _: (shown, every))


if __name__ == "__main__":
    main()
