"""A finished game's own record in its run folder: manifest, table of rounds, proofs, locked scenario."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import chain_bandit
from chain_bandit.chain.identity import Identity
from chain_bandit.chain.node import DevelopmentNode
from chain_bandit.chain.process import OwnNode
from chain_bandit.chain_history.records import Accusation
from chain_bandit.game import folder
from chain_bandit.game.plan import Plan
from chain_bandit.game.rounds import Rounds
from chain_bandit.game.unfinished import keep_seed, lock
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.messages import Phase, Role
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.sortition import chances
from chain_bandit.protocol.units import UNIT


@dataclass(frozen=True, slots=True)
class Made:
    """What the chain had of a game when it was over.

    Attributes:
        first_block: of the contract.
        head: the hash of the last block, hexadecimal with 0x.
        run_digest: as computed while the game was played, 32 bytes.
        gas: by method, `transactions` and `gas` of all calls.
        blocked_from: by seat, the first round on the block list; 0 for never.
        is_simulation: the chain ended with the game, so that the seed gives nobody anything.
    """

    identity: Identity
    first_block: int
    head: str
    run_digest: bytes
    gas: Mapping[str, Mapping[str, int]]
    blocked_from: Sequence[int]
    is_simulation: bool


def is_simulation(node: DevelopmentNode) -> bool:
    """Whether a chain ends with the game: in this process, or a node of our own."""
    return not isinstance(node.line, str) or isinstance(node, OwnNode)


def record(plan: Plan, rounds: Rounds, evidence: Sequence[Accusation], made: Made, out: Path) -> dict[str, Any]:
    """Write the files of a run folder but history, audit and page; gives the manifest.

    The seed gives every key: off simulations it goes into a file of its own, for its owner alone (decision 60).
    """
    rounds.write(out / folder.ROUNDS)
    folder.write_json(out / folder.EVIDENCE, list(map(_proof, evidence)))
    lock(plan.scenario, out, with_seed=made.is_simulation)
    if not made.is_simulation:
        keep_seed(plan.scenario, out / folder.SEED)
    manifest = _manifest(plan, rounds, made)
    folder.write_json(out / folder.MANIFEST, manifest)
    return manifest


def _manifest(plan: Plan, rounds: Rounds, made: Made) -> dict[str, Any]:
    scenario, parameters, regret = plan.scenario, plan.parameters, rounds.regret
    return {
        "format": folder.FORMAT,
        "version": chain_bandit.__version__,
        "scenario": scenario.name,
        "seed": scenario.seed if made.is_simulation else None,
        "run_digest": "0x" + made.run_digest.hex(),
        "rounds": parameters.horizon,
        "burn_in": parameters.burn_in,
        "paid_burn_in": bool(parameters.paid_burn_in),
        **{kind.name.lower(): rounds.kinds.get(kind.name.lower(), 0) for kind in Kind},
        **asdict(made.identity),
        "first_block": made.first_block,
        "head": made.head,
        "arm_names": list(scenario.arm_names),
        "arm_means": None if scenario.is_live else list(scenario.model.means),
        **({"live": True} if scenario.is_live else {}),
        **({"self_declared": True} if scenario.is_self_declared else {}),
        "roles": None if scenario.is_live else [_role(role) for role in scenario.roles],
        "accused": sorted(rounds.accused),
        "aborted": rounds.aborted,
        "blocked_from": {str(seat): since for seat, since in enumerate(made.blocked_from) if since},
        "policy": parameters.policy.name,
        "body": scenario.chain.body,
        "batch": scenario.chain.batch,
        "certificates": "each" if scenario.certifies_each else "head",
        "validators": parameters.validators,
        "sortition": chances(parameters, scenario.all_weights),
        "gas": sum(entry["gas"] for entry in made.gas.values()),
        "gas_by_method": dict(made.gas),
        "regret": None if regret is None else regret.total / UNIT,
        "regret_units": None if regret is None else {
            **{part: getattr(regret, part) for part in ("total", "burn_in", "arms", "failed", "cost", "costly")},
            **{name: rival.total for name, rival in rounds.rivals.items()},
        },
    }


def _role(role: Conduct) -> str:
    return {0: "honest", 1: "liar", 2: "attacker", 3: "liar and attacker"}[int(role)]


def _proof(proof: Accusation) -> dict[str, Any]:
    return {
        "round": proof.round,
        "parent": proof.parent.hex(),
        "phase": Phase(proof.phase).name,
        "role": Role(proof.role).name,
        "seat": proof.seat,
        "contents": [proof.content.hex(), proof.other_content.hex()],
        "signatures": [proof.signature.hex(), proof.other_signature.hex()],
    }
