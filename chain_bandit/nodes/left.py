"""Run folder of a game of nodes: what `run` leaves, made from the history, its audit and the environment's output."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from chain_bandit.actors.messages import ENVIRONMENT
from chain_bandit.auditor.report import AuditReport
from chain_bandit.auditor.rows import RoundRow
from chain_bandit.audits import audit_file, require_true
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.identity import Identity
from chain_bandit.chain_history import files
from chain_bandit.chain_history.bodies import KEPT, Bodies, with_bodies
from chain_bandit.chain_history.collect import collect
from chain_bandit.chain_history.records import Accusation, calls
from chain_bandit.game import folder
from chain_bandit.game.books import RoundPlayed
from chain_bandit.game.plan import Plan
from chain_bandit.game.record import Made, is_simulation, record
from chain_bandit.game.rounds import Rounds
from chain_bandit.nodes.bodies import KeptBodies
from chain_bandit.nodes.node_files import name_of
from chain_bandit.protocol.arms import round_robin
from chain_bandit.protocol.blocks import Kind, Record, genesis_digest
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.rewards import hidden_cost
from chain_bandit.protocol.settlement import NOTHING, Cost, Pull, cost_of_round
from chain_bandit.runs import write_report
from chain_bandit.views.view_model import gas_by_method


def leave(
    node: HttpNode, plan: Plan, deployment: Mapping[str, Any], run_digest: bytes, out: Path
) -> tuple[dict[str, Any], AuditReport]:
    """Export the history and audit it, and fill the folder; what the environment says must be what the audit finds.

    Args:
        deployment: what is in the deployment file.
        run_digest: as the environment computed it, 32 bytes.

    Returns: the manifest and the audit.

    Raises:
        ManifestFalse: the environment says something else than the history gives.
        ChainBanditError: the node does not answer.
    """
    identity, path = Identity.of(deployment), out / folder.HISTORY
    history = collect(node.rpc.ask, bytes.fromhex(identity.contract[2:]), deployment["first_block"])
    with ExitStack() as stack:
        if plan.parameters.body_mode == BodyMode.COMPACT:
            kept = stack.enter_context(closing(KeptBodies(out / name_of(ENVIRONMENT) / KEPT)))
            history = with_bodies(history, stack.enter_context(Bodies(kept.get)))
        stack.enter_context(folder.writing(path))
        files.write(history, path)
    *_, last = files.read(path).blocks
    head = keccak(last.header)
    report = audit_file(path, head)
    proofs = [call.arguments[0] for call in calls(files.read(path))
              if call.method == "reportEquivocation" and call.succeeded and call.arguments]  # fmt: skip
    rounds = Rounds(plan)
    for played in _played(plan, report.rounds, proofs):
        rounds.add(played)
    made = Made(
        identity, deployment["first_block"], "0x" + head.hex(), run_digest, gas_by_method(files.read(path)),
        report.game.get("blocked_from") or (), is_simulation(node),
    )  # fmt: skip
    with folder.writing(out), folder.beside(out / folder.MANIFEST) as fresh:  # all of it, or nothing
        manifest = record(plan, rounds, proofs, made, fresh)
        write_report(fresh, report)
        for each in fresh.iterdir():
            each.replace(out / each.name)
    require_true(out, manifest, report)
    return manifest, report


def _played(plan: Plan, rows: Iterable[RoundRow], proofs: Iterable[Accusation]) -> Iterator[RoundPlayed]:
    """Every round of a game, by its records and its secrets."""
    parameters, accused = plan.parameters, dict[int, frozenset[int]]()
    for proof in proofs:
        accused[proof.round] = accused.get(proof.round, frozenset()) | {proof.seat}
    for round_ in range(1, parameters.burn_in):
        yield RoundPlayed(round_, None, round_robin(round_, parameters.arms), accused=accused.get(round_, frozenset()))
    hidden = hidden_cost(plan.secret, genesis_digest(plan.game, plan.seated, plan.salt)[0], parameters.provable)
    for row in rows:
        yield RoundPlayed(
            row.round, Record(row.round, Kind[row.kind.upper()]), row.arm, _pulls(row), _cost(plan, row, hidden),
            accused.get(row.round, frozenset()), blocked=frozenset(row.blocked), length=row.length,
        )  # fmt: skip


def _pulls(row: RoundRow) -> tuple[Pull, ...]:
    if row.rewards is None or row.arm is None:
        return ()
    return tuple(NOTHING if reward is None else Pull(row.arm, reward, row.length) for reward in row.rewards)


def _cost(plan: Plan, row: RoundRow, hidden: int) -> int | None:
    if not row.costly or row.means is None or row.arm is None:
        return None
    cost, mean = Cost(plan.parameters.cost), plan.scenario.model.means[row.arm]
    return cost_of_round(cost, hidden, row.means[row.arm], mean) * row.length
