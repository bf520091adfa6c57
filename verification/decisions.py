"""Golden test of decisions: what each round of a fixed set of games decides and pays, whatever format it is stored in.

    python verification/decisions.py [--chain fast] [--only NAME ...]   compare with the committed digests
    python verification/decisions.py --show NAME                        a line of JSON for each round, for diff
    python verification/decisions.py --write                            write the file anew

A decision digest is SHA-256 over one line of JSON a round, and one for the money paid out at the end. It holds numbers
only: kind, arm, agreed reports, comparison bits, B, estimates, accuracies, reputations, committee, commanders, block
list, settled pulls and costs; no encoding, hash, signature, address or transaction. So it stays when a format changes,
and a scenario that is in the file keeps its digest for good: a rule whose numbers change gets a new name. Exit 14 where
one differs.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from chain_bandit.chain_history.collect import collect
from chain_bandit.chain_history.records import calls
from chain_bandit.game.books import RoundPlayed
from chain_bandit.game.chains import OWN
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.presets import PAPER
from chain_bandit.protocol.blocks import Body, seats
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.scenario import Scenario, load
from chain_bandit.stopwatch import Stopwatch
from verification import honest

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "vectors" / "decisions.jsonl"
RANDOM = 210
LONGEST = 1_000
"""Rounds that a shipped scenario is played for."""


def lines(case: Scenario, node: honest.NodeMaker) -> Iterator[str]:
    """One line of JSON a round, and one for what is paid out at the end."""
    plan = Plan(case)
    recorder = OnChain(node(plan), Stopwatch())
    game = Game(case, recorder, plan)
    for played in game.play():
        yield json.dumps(_decided(game, played), separators=(",", ":"))
    contract, rpc = recorder.contract, recorder.contract.rpc
    assert contract.created_in is not None
    history = collect(rpc.ask, contract.address, contract.created_in, rpc.head[0] if rpc.head else None)
    paid = {
        event.values[0]: event.values[1]
        for call in calls(history)
        for event in call.events
        if event.name == "Withdrawn"
    }
    accounts = (*(signer.address for signer in plan.participants), plan.environment.address)
    yield json.dumps({"paid": [paid.get(account, 0) for account in accounts]}, separators=(",", ":"))


def _decided(game: Game, played: RoundPlayed) -> dict[str, Any]:
    parameters, ledger = game.parameters, game.progress.ledger
    decided: dict[str, Any] = {
        "round": played.round, "kind": played.record.kind.name if played.record else "BURN_IN", "arm": played.arm,
        "pulls": [(pull.arm, pull.reward) for pull in played.pulls], "cost": played.cost,
        "accused": sorted(played.accused), "blocked": sorted(played.blocked), "reputations": ledger.reputations,
        "next": (seats(ledger.committee), seats(ledger.commanders)),
    }  # fmt: skip
    header = played.record.header if played.record else None
    if header is not None:
        members = seats(header.reporters)
        body = Body.decode(played.body, len(members), parameters)
        decided |= {
            "reports": {seat: signed.report.means for seat, signed in zip(members, body.reports, strict=True)},
            "candidates": list(map(seats, header.candidates)), "selected": list(map(seats, header.selected)),
            "means": header.means, "accuracies": header.accuracies,
        }  # fmt: skip
    return decided


def digest(case: Scenario, node: honest.NodeMaker) -> str:
    """The decision digest of a scenario, in hexadecimal."""
    taken = sha256()
    for line in lines(case, node):
        taken.update(line.encode() + b"\n")
    return taken.hexdigest()


def golden() -> dict[str, tuple[Scenario, str]]:
    """The committed scenarios and their digests, by name."""
    rows = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    return {
        row["name"]: (Scenario.model_validate({**row["scenario"], "folder": ROOT / "examples"}), row["digest"])
        for row in rows
    }


def shipped() -> Iterator[tuple[str, Scenario]]:
    """Every scenario of `examples` by the paper's preset, no longer than `LONGEST` rounds.

    The flights also by their own preset, and a small one also with validators that compare.
    """
    examples = ROOT / "examples"
    for path in sorted((*examples.glob("*.toml"), *(examples / "theorems").glob("*.toml"))):
        if "[axes]" in path.read_text(encoding="utf-8"):
            continue  # a sweep
        made = load(path)
        if made.is_live:
            continue  # its rewards follow from no seed
        name = path.relative_to(examples).with_suffix("").as_posix()
        yield name, load(path, {"rounds": min(made.rounds, LONGEST), "expect": {}, "preset": PAPER})
    yield "flights-recommended", load(examples / "flights.toml", {"rounds": 1_000, "growth": 0, "policy": "ucb1"})
    yield "flights-kl-ucb", load(examples / "flights.toml")
    yield "small-mpc", load(examples / "small.toml", {"preset": PAPER, "comparison": "mpc", "expect": {}})


def write() -> None:
    """Begin the file anew; games that a lot of malicious committee members stops are left out."""
    rows = []
    with honest.chain("fast") as node:
        drawn = ((f"random-{seed}", honest.scenario(seed)) for seed in range(RANDOM))
        for name, case in track([*shipped(), *drawn], "playing"):
            fields = case.model_dump(mode="json", exclude_defaults=True)
            try:
                found = digest(case, node)
            except ChainBanditError as error:
                print(f"{name} left out: {error}", file=sys.stderr)
                continue
            rows.append(json.dumps({"name": name, "digest": found, "scenario": fields}))
    GOLDEN.write_text("\n".join(rows) + "\n", encoding="utf-8")


def main() -> int:
    """Compare, show or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chain", choices=("fast", "embedded", *OWN), default="fast")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--show", metavar="NAME")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.write:
        write()
        return 0
    known = golden()
    with honest.chain(given.chain) as node:
        if given.show:
            for line in lines(known[given.show][0], node):
                print(line)
            return 0
        names = given.only or list(known)
        differ = [name for name in track(names, "playing") if digest(known[name][0], node) != known[name][1]]
    Console().print(f"{len(names) - len(differ)} of {len(names)} decision digests as committed")
    if differ:
        print(f"differ: {', '.join(differ)}; see --show")
    return 14 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
