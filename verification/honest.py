"""Test of the audit for false alarms: random games, each played on a chain, exported, and audited twice over.

    python verification/honest.py [--chain fast] [--seeds 0 1000] [--json FILE]
    python verification/honest.py --show 17

A seed names a scenario: every rule, cost, quorum, committee, draw, way of recording and sealing that the contract
takes, with a slash or without, in phases, with a paid burn-in, and attacks of as many seats as the theorem of the game
allows. What the malicious do is theirs to do and no violation: the history is as the contract made it, so the audit
must find none, and neither must the second computation; nothing is proven against an honest seat, which loses
nothing, and the contract refuses no call. Exit code 13 is told apart: where a seat of a sealed game keeps its key, its
records cannot be checked. Exit 14 at any alarm.

Chains: `fast` (revm in this process), `embedded`, `anvil`, `hardhat`; of the latter two one node serves all games. A
committee drawn by lot may hold too many malicious seats and stop a game: counted, and there is no history to audit.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from rich.console import Console
from rich.table import Table

from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.report import Weight
from chain_bandit.auditor.second_implementation import with_second_opinion
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.chain.funds import fund
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import DevelopmentNode
from chain_bandit.chain_history import files
from chain_bandit.chain_history.bodies import Bodies, with_bodies
from chain_bandit.chain_history.collect import collect
from chain_bandit.game.chains import OWN, needs
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node, opening_balances
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.assumptions import broken_by_roles
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.runner.rows import resumed_rows
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from verification.fast_node import FastNode

PASSED, ALARM, NOT_CHECKABLE, STOPPED = "passed", "false alarm", "not checkable", "stopped"

AGGREGATIONS = ("option-1", "option-2", "option-3", "delta-safe", "confidence")

OPTIONS: dict[str, Callable[[random.Random, int, int], dict[str, Any]]] = {
    "constant-lie": lambda dice, arms, rounds: {"value": dice.random(), "favour": dice.choice((None, 0, arms - 1))},
    "offset": lambda dice, arms, rounds: {"distance": dice.random()},
    "on-off": lambda dice, arms, rounds: {"period": dice.randint(1, 5)},
    "sleeper": lambda dice, arms, rounds: {"wakes": dice.randrange(rounds)},
    "inner-product": lambda dice, arms, rounds: {"epsilon": dice.random()},
    "inflated-counts": lambda dice, arms, rounds: {"favour": dice.randrange(arms), "times": dice.randint(1, 4)},
    "false-record": lambda dice, arms, rounds: {"reward": dice.random() < 0.5},
    "late-chain": lambda dice, arms, rounds: {"padded": dice.random() < 0.5},
    "replay": lambda dice, arms, rounds: {"rounds": dice.randint(1, 3)},
    "two-faced-counts": lambda dice, arms, rounds: {"withholds": dice.random() < 0.5},
    "equivocating-commander": lambda dice, arms, rounds: {"first": dice.randrange(rounds)},
    "silent-validator": lambda dice, arms, rounds: {
        "first": dice.randrange(rounds), "last": rounds, "reports": dice.random() < 0.5
    },
}  # fmt: skip
"""Of attacks that have some; of others, and sometimes of these, none."""

FORGING = ("captured-committee",)
"""Attacks by which a quorum records what is false: found, and no false alarm."""


@dataclass(frozen=True)
class HonestGame:
    """One game.

    Attributes:
        kind: how it ended, one of four.
        about: violations in words, what could not be checked, or why it stopped.
    """

    chain: str
    seed: int
    kind: str
    about: list[str]
    attacks: list[str]
    records: int
    seconds: float


def scenario(seed: int) -> Scenario:
    """The random scenario of a seed, inside the assumptions of its theorem."""
    dice = random.Random(f"honest {seed}")
    while True:
        try:
            made = Scenario.model_validate(_fields(dice, seed))
            made.check()
            made.check_contract()
        except ChainBanditError:
            continue
        roles = made.roles
        liars, attackers = (sum(bool(role & kind) for role in roles) for kind in (Conduct.LIAR, Conduct.ATTACKER))
        if not broken_by_roles(made.parameters, liars, attackers, sum(map(bool, roles))):
            return made


def _fields(dice: random.Random, seed: int) -> dict[str, Any]:
    n, arms = dice.randint(3, 8), dice.randint(1, 4)
    burn_in = arms * dice.randint(2, 3)
    rounds = burn_in + dice.randint(1, 14)
    liars, attackers = dice.randint(0, (n - 1) // 2), dice.randint(0, (n - 1) // 2)
    aggregation = dice.choice(AGGREGATIONS)
    batch, sealed = dice.choice((1, 1, 2, 3, 5)), dice.random() < 0.3
    fields: dict[str, Any] = {
        "name": f"honest-{seed}", "seed": seed, "participants": n, "rounds": rounds, "burn_in": burn_in,
        "liars": liars, "attackers": attackers, "aggregation": aggregation,
        "rewards": {"kind": "bernoulli", "means": [dice.choice((0.0, 0.5, 1.0, dice.random())) for _ in range(arms)]},
        "cost": dice.choice(("constant", "distance")), "quorum": dice.choice(("majority", "two-thirds")),
        "threshold": dice.choice((2, 2, 3)), "failure_limit": dice.choice((1, 2, 3)),
        "tolerance": dice.choice((0.01, 0.1, 1.0)), "exploration": dice.choice(("2/b", "1/b", "2", "0.5")),
        "commanders": dice.choice(("all", "all", "trust")), "sealed": sealed,
        "skip_penalty": dice.choice((1, 4_096, 65_535)), "evidence_penalty": dice.choice((0, 65_535)),
        "chain": {
            "batch": batch, "unrecorded": batch + dice.choice((0, 0, 3)), "body": dice.choice(("full", "compact")),
            "certificates": dice.choice(("head", "each")), "wei_per_unit": dice.choice((1, 3, 10**9)),
            "settle_every": dice.randint(1, 9), "costs_every": dice.randint(1, 9),
            "skip_deadline": dice.randint(3, 20), "settlement_window": dice.randint(60, 90),
        },
        "malicious": _malicious(dice, n, arms, rounds, liars, attackers, sealed),
    }  # fmt: skip
    if aggregation in ("delta-safe", "confidence"):
        fields["aggregation"] = {"name": aggregation, "options": {"delta": dice.choice((0.1, 0.5, 2.5))}}
    if sealed:
        fields["unrevealed_penalty"] = dice.choice((0.0, 0.5, 1.0))
    fields["slash"] = dice.choice((0.0, 0.0, 0.01, 0.25, 1.0))
    fields["paid_burn_in"] = not sealed and dice.random() < 0.3
    for entry in fields["malicious"]:
        if fields["slash"] and dice.random() < 0.2:
            entry["attacks"].append({"name": "free-rider"})
    match dice.randrange(6):
        case 0 | 1 if not sealed:
            fields |= {"growth": dice.choice((0.1, 0.5, 2.0)), "rounds": rounds + dice.randint(0, 200)}
            fields["commanders"], fields["chain"]["settlement_window"] = "all", 500
        case 2:
            fields["validators"] = dice.randint(1, n)
            fields["chain"]["certificates"] = None
        case 3:
            fields["chain"]["certificates"] = None
            fields |= {"sortition": dice.choice((0.6, 0.8, 1.0)), "quorum": "majority"}
            if dice.random() < 0.5:
                fields["weights"] = [dice.choice((1, 1, 2, 7)) for _ in range(n)]
    return fields


def _malicious(
    dice: random.Random, n: int, arms: int, rounds: int, liars: int, attackers: int, sealed: bool
) -> list[dict[str, Any]]:
    """Some seats of either kind, some of both, no more than are assumed."""
    lying, attacking = (
        set(dice.sample(range(n), max(dice.randint(0, most), dice.randint(0, most)))) for most in (liars, attackers)
    )
    chosen = []
    for seat in sorted(lying | attacking):
        wanted = (Conduct.LIAR if seat in lying else 0) | (Conduct.ATTACKER if seat in attacking else 0)
        fitting = [
            name for name, attack in ATTACKS.items()
            if attack.conduct and not attack.conduct & ~wanted and name not in FORGING
            and (sealed or name not in ("false-record", "withheld-key"))
        ]  # fmt: skip
        names = dice.sample(fitting, min(len(fitting), dice.choice((1, 1, 2))))
        given = {name: OPTIONS[name] for name in names if name in OPTIONS and dice.random() < 0.8}
        attacks = [
            {"name": name, "options": given[name](dice, arms, rounds) if name in given else {}} for name in names
        ]
        chosen.append({"seat": seat, "attacks": attacks})
    return chosen


NodeMaker = Callable[[Plan], DevelopmentNode]


@contextmanager
def chain(name: str) -> Iterator[NodeMaker]:
    """Gives a node for a plan, with everybody on it funded."""
    if name == "fast":
        yield lambda plan: FastNode(opening_balances(plan))
    elif name == "embedded":
        yield embedded_node
    else:
        with OWN[name]() as node:

            def funded(plan: Plan) -> DevelopmentNode:
                fund(node, needs(plan, node), None, Journal())
                return node

            yield funded


def play(case: Scenario, node: NodeMaker, path: Path, recorder_of: type[OnChain] = OnChain) -> bytes:
    """Play a game and write its history. Gives the head's hash."""
    plan = Plan(case)
    recorder = recorder_of(node(plan), Stopwatch())
    with Bodies() as bodies:
        for played in Game(case, recorder, plan).play():
            if played.body and plan.parameters.body_mode == BodyMode.COMPACT:
                bodies.add(played.body)
        contract, rpc = recorder.contract, recorder.contract.rpc
        assert contract.created_in is not None
        until = rpc.head[0] if rpc.head else None
        history = with_bodies(collect(rpc.ask, contract.address, contract.created_in, until), bodies)
        files.write(history, path)
    *_, last = files.read(path).blocks
    return keccak(last.header)


def judged(case: Scenario, name: str, node: NodeMaker) -> HonestGame:
    """Play and audit one game."""
    start = process_time()
    names = sorted({choice.name for entry in case.all_malicious for choice in entry.attacks})

    def row(kind: str, about: list[str], records: int = 0) -> HonestGame:
        return HonestGame(name, case.seed, kind, about, names, records, round(process_time() - start, 3))

    with TemporaryDirectory() as place:
        path = Path(place) / "history.jsonl"
        try:
            head = play(case, node, path)
        except ChainBanditError as error:
            kind = ALARM if isinstance(error, TransactionReverted) else STOPPED
            return row(kind, [f"{type(error).__name__}: {error}"])
        report = with_second_opinion(audit(files.read(path), head), path)
    honest = {seat for seat, role in enumerate(case.roles) if not role} | {None}
    wronged = [each.sentence for each in report.findings if each.weight is Weight.PROOF and each.seat in honest]
    wronged += [
        f"seat {each.seat} loses {each.penalty + each.void} wei" for each in report.accounts
        if each.seat in honest - {None} and each.penalty + each.void
    ]  # fmt: skip
    open_checks = [f"{check}: {tally.evidence}" for check, tally in report.checks.items() if tally.not_checkable]
    records = int(report.game["records"])
    if wronged:
        return row(ALARM, wronged, records)
    if report.exit_code == 0:
        return row(PASSED, [], records)
    if report.exit_code == 13 and "withheld-key" in names:
        return row(NOT_CHECKABLE, open_checks, records)
    return row(ALARM, [violation.sentence for violation in report.violations] or open_checks, records)


def summary(rows: list[HonestGame]) -> Table:
    """A line for each chain."""
    table = Table("chain", "games", PASSED, NOT_CHECKABLE, STOPPED, ALARM, "records", "CPU s", "attacks seen")
    for name in dict.fromkeys(row.chain for row in rows):
        own = [row for row in rows if row.chain == name]
        kinds = Counter(row.kind for row in own)
        table.add_row(
            name, str(len(own)), *(str(kinds[kind]) for kind in (PASSED, NOT_CHECKABLE, STOPPED, ALARM)),
            str(sum(row.records for row in own)), f"{sum(row.seconds for row in own):.0f}",
            str(len({attack for row in own for attack in row.attacks})),
        )  # fmt: skip
    return table


def main() -> int:
    """Play what the file does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chain", choices=("fast", "embedded", *OWN), default="fast")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 1_000), metavar=("FIRST", "END"))
    parser.add_argument("--json", type=Path, help="a line for each game; what it holds is not played again")
    parser.add_argument("--show", type=int, metavar="SEED", help="print the scenario of a seed")
    given = parser.parse_args()
    if given.show is not None:
        print(scenario(given.show).model_dump_json(indent=2, exclude_defaults=True))
        return 0
    with chain(given.chain) as node:
        lines = resumed_rows(
            range(*given.seeds), lambda seed: {"chain": given.chain, "seed": seed},
            lambda seed: judged(scenario(seed), given.chain, node), lambda _, row: asdict(row), given.json,
        )  # fmt: skip
        rows = [HonestGame(**line) for line in lines]
    Console().print(summary(rows))
    alarms = [row for row in rows if row.kind == ALARM]
    for row in alarms:
        print(f"{row.chain} {row.seed}: {'; '.join(row.about[:3])}")
    return 14 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
