"""A run: one game on a chain, measured, its records and its history written into a folder."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

import chain_bandit
from chain_bandit.chain.delivery import AT_ONCE, PIPELINED, Delivery
from chain_bandit.chain.identity import identify
from chain_bandit.chain.node import Node
from chain_bandit.chain.process import OwnNode
from chain_bandit.chain.wire import address
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game import folder
from chain_bandit.game.books import RoundPlayed
from chain_bandit.game.chains import Chain, embedded
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.game.unfinished import Journals, lock
from chain_bandit.history import files
from chain_bandit.history.blocks import History, RawBlock
from chain_bandit.history.bodies import Bodies, with_bodies
from chain_bandit.history.collect import collect
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.regret import Regret
from chain_bandit.protocol.rewards import Draws
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.sortition import chances
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.rivals.on_draws import pooled_ucb, ucb1
from chain_bandit.stopwatch import Stopwatch

Observer = Callable[["Moment"], None]
"""Told after every round; for progress displays."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a run stands after a round."""

    played: RoundPlayed
    rounds: int
    approved: int
    regret: int
    accused: frozenset[int]


def run(
    scenario: Scenario,
    out: Path,
    observe: Observer,
    watch: Stopwatch,
    chain: Chain = embedded,
    journals: Journals | None = None,
) -> dict[str, Any]:
    """Play the scenario on a chain and fill the folder `out`.

    What the journals already hold is not signed anew: that resumes a run.

    Gives the manifest, on the embedded chain a function of scenario and seed alone; the time goes to `watch`.

    Raises:
        ChainBanditError: what stopped the game.
    """
    plan = Plan(scenario, lambda seconds: watch.add("sign", seconds))
    journals = journals or Journals()
    with ExitStack() as stack:
        with watch("evm"):
            node = stack.enter_context(chain(plan, journals.unpaid))
        return _run(plan, node, out, observe, watch, journals)


def _run(
    plan: Plan, node: Node, out: Path, observe: Observer, watch: Stopwatch, journals: Journals
) -> dict[str, Any]:
    scenario = plan.scenario
    recorder = OnChain(node, watch, _delivery(node, scenario), journals.game)
    verifier = Verifier(lambda seconds: watch.add("verify", seconds))
    game = Game(scenario, recorder, plan, verifier, minutes=journals.minutes)
    rows = _Rows(game, observe)
    with Bodies() as bodies:
        for played in game.play():
            rows.add(played)
            if played.body and plan.parameters.body_mode == BodyMode.COMPACT:
                bodies.add(played.body)
        rows.write(out / folder.ROUNDS)
        first_block, head = _export(recorder, bodies, out / folder.HISTORY)
    manifest = _manifest(scenario, game, recorder, rows, first_block, head)
    folder.write_json(out / folder.MANIFEST, manifest)
    folder.write_json(out / folder.EVIDENCE, [_proof(proof) for proof in game.progress.evidence])
    lock(scenario, out)
    return manifest


def _delivery(node: Node, scenario: Scenario) -> Delivery:
    """How transactions are brought to this node; one of our own never takes a block back, nor mines by itself."""
    if address(node.web3) is None:
        return AT_ONCE
    return PIPELINED if isinstance(node, OwnNode) else replace(PIPELINED, confirmations=scenario.chain.confirmations)


class _Rows:
    """The table of rounds, with the regret of the honest and of two learners that need no agreement."""

    def __init__(self, game: Game, observe: Observer) -> None:
        self._game, self._observe = game, observe
        self._columns: dict[str, list[Any]] = {}
        self.kinds: dict[str, int] = {}
        self.accused: frozenset[int] = frozenset()
        self.aborted: dict[str, list[str]] = {}
        self.regret: Regret | None = None
        self.rivals: dict[str, Regret] = {}

    def add(self, played: RoundPlayed) -> None:
        """Take in one round."""
        if self.regret is None:
            self._begin()
        assert self.regret is not None
        kind = played.record.kind.name.lower() if played.record else "burn-in"
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.accused |= played.accused
        if played.aborted:
            self.aborted[str(played.round)] = list(played.aborted)
        self.regret.add(played.round, played.arm, bool(played.pulls), played.cost)
        row: dict[str, Any] = {
            "round": played.round,
            "kind": kind,
            "arm": -1 if played.arm is None else played.arm,
            "costly": played.costly,
            "accused": ",".join(map(str, sorted(played.accused))),
            "blocked": ",".join(map(str, sorted(played.blocked))),
            "regret_burn_in": self.regret.burn_in,
            "regret_arms": self.regret.arms,
            "regret_failed": self.regret.failed,
            "regret_cost": self.regret.cost,
        }
        for name, arms in self._rivals.items():
            self.rivals[name].add(played.round, next(arms), True)
            row[f"regret_{name}"] = self.rivals[name].total
        for name, value in row.items():
            self._columns.setdefault(name, []).append(value)
        approved = self.kinds.get("approved", 0)
        self._observe(Moment(played, played.round, approved, self.regret.total, self.accused))

    def write(self, path: Path) -> None:
        """One row a round, cumulative regret in units."""
        pyarrow.parquet.write_table(pyarrow.table(self._columns), path)

    def _begin(self) -> None:
        game = self._game
        parameters, model, plan = game.parameters, game.scenario.model, game.plan
        draws = Draws(model, plan.secret, game.cast.rules.seed_0)
        self.regret = Regret(model.means, parameters.burn_in)
        honest = tuple(seat.number for seat in game.cast.honest)
        horizon = parameters.horizon
        self._rivals: dict[str, Iterator[int]] = {
            "ucb1": ucb1(draws, honest[0], parameters.arms, horizon),
            "oracle": pooled_ucb(draws, honest, parameters.arms, horizon),
        }
        self.rivals = {name: Regret(model.means, 0) for name in self._rivals}


def _export(recorder: OnChain, bodies: Bodies, path: Path) -> tuple[int, str]:
    """Write the history, bodies of a compact game with it; the creation block's number and the head's hash."""
    first, rpc = recorder.contract.created_in, recorder.contract.rpc
    assert first is not None
    history = with_bodies(collect(rpc.ask, recorder.contract.address, first, rpc.known or None), bodies)
    headers: deque[bytes] = deque(maxlen=1)  # of the blocks gone by: the last one is the head

    def blocks() -> Iterator[RawBlock]:
        for block in history.blocks:
            headers.append(block.header)
            yield block

    files.write(History(history.origin, blocks()), path)
    return first, "0x" + keccak(headers[0]).hex()


def _manifest(
    scenario: Scenario, game: Game, recorder: OnChain, rows: _Rows, first_block: int, head: str
) -> dict[str, Any]:
    regret, contract = rows.regret, recorder.contract
    assert regret is not None
    gas = {method: {"transactions": len(used), "gas": sum(used)} for method, used in sorted(contract.gas.items())}
    return {
        "format": folder.FORMAT,
        "version": chain_bandit.__version__,
        "scenario": scenario.name,
        "seed": scenario.seed,
        "run_digest": "0x" + game.run_digest.hex(),
        "rounds": game.parameters.horizon,
        "burn_in": game.parameters.burn_in,
        **{kind.name.lower(): rows.kinds.get(kind.name.lower(), 0) for kind in Kind},
        **asdict(identify(contract.rpc.ask, contract.address)),
        "first_block": first_block,
        "head": head,
        "arm_names": list(scenario.arm_names),
        "arm_means": list(scenario.model.means),
        "roles": [_role(role) for role in scenario.roles],
        "accused": sorted(rows.accused),
        "aborted": rows.aborted,
        "blocked_from": {str(seat): since for seat, since in enumerate(game.progress.ledger.blocked_from) if since},
        "body": scenario.chain.body,
        "batch": scenario.chain.batch,
        "certificates": scenario.chain.certificates,
        "validators": game.parameters.validators,
        "sortition": chances(game.parameters, scenario.all_weights),
        "gas": sum(entry["gas"] for entry in gas.values()),
        "gas_by_method": gas,
        "regret": regret.total / UNIT,
        "regret_units": {
            **{part: getattr(regret, part) for part in ("total", "burn_in", "arms", "failed", "cost", "costly")},
            **{name: rival.total for name, rival in rows.rivals.items()},
        },
    }


def _role(role: Conduct) -> str:
    return {0: "honest", 1: "liar", 2: "attacker", 3: "liar and attacker"}[int(role)]


def _proof(proof: Any) -> dict[str, Any]:
    slot = proof.slot
    return {
        "round": slot.round,
        "parent": slot.parent.hex(),
        "phase": proof.phase.name,
        "role": proof.role.name,
        "seat": proof.instance,
        "contents": [proof.content.hex(), proof.other_content.hex()],
        "signatures": [proof.signature.hex(), proof.other_signature.hex()],
    }
