"""A run: one game on a chain, measured, its records and its history written into a folder."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chain_bandit.chain.identity import identify
from chain_bandit.chain.node import DevelopmentNode
from chain_bandit.chain.process import OwnNode
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History, RawBlock
from chain_bandit.chain_history.bodies import Bodies, with_bodies
from chain_bandit.chain_history.collect import collect
from chain_bandit.chain_history.records import Accusation
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game import folder
from chain_bandit.game.books import RoundPlayed
from chain_bandit.game.chains import ChainFactory, embedded
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.game.record import Made, is_simulation, record
from chain_bandit.game.rounds import Rounds
from chain_bandit.game.unfinished import Journals
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch

RunObserver = Callable[["RunStatus"], None]
"""Told after every round; for progress displays."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Where a run stands after a round: so many pulls of everybody were due, as many as rounds without phases.

    The regret is None where rewards are live.
    """

    played: RoundPlayed
    pulls: int
    approved: int
    regret: int | None
    accused: frozenset[int]


def run(
    scenario: Scenario,
    out: Path,
    observe: RunObserver,
    watch: Stopwatch,
    chain: ChainFactory = embedded,
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
            node = stack.enter_context(chain(plan, journals.payments, bool(journals.game.entries)))
        return _run(plan, node, out, observe, watch, journals)


def _run(
    plan: Plan, node: DevelopmentNode, out: Path, observe: RunObserver, watch: Stopwatch, journals: Journals
) -> dict[str, Any]:
    scenario = plan.scenario
    recorder = OnChain(node, watch, _delivery(node, scenario), journals.game)
    verifier = Verifier(lambda seconds: watch.add("verify", seconds))
    game = Game(scenario, recorder, plan, verifier, session_log=journals.session_log, pulls=journals.pulls)
    rounds = Rounds(plan)
    with Bodies() as bodies:
        for played in game.play():
            rounds.add(played)
            approved = rounds.kinds.get("approved", 0)
            observe(RunStatus(played, rounds.pulls, approved, rounds.lost, rounds.accused))
            if played.body and plan.parameters.body_mode == BodyMode.COMPACT:
                bodies.add(played.body)
        first_block, head = _export(recorder, bodies, out / folder.HISTORY)
    contract = recorder.contract
    gas = {method: {"transactions": len(used), "gas": sum(used)} for method, used in sorted(contract.gas.items())}
    made = Made(
        identify(contract.rpc.ask, contract.address), first_block, head, game.run_digest, gas,
        [contract.blocked_from(seat) for seat in range(scenario.participants)], is_simulation(node),
    )
    return record(plan, rounds, [_proof(proof) for proof in game.progress.evidence], made, out)


def _delivery(node: DevelopmentNode, scenario: Scenario) -> TransactionPolicy:
    """How transactions are brought to this node; one of our own never takes a block back, nor mines by itself."""
    own = isinstance(node, OwnNode) or not isinstance(node.line, str)
    return node.delivery if own else replace(node.delivery, confirmations=scenario.chain.confirmations)


def _export(recorder: OnChain, bodies: Bodies, path: Path) -> tuple[int, str]:
    """Write the history, bodies of a compact game with it; the creation block's number and the head's hash."""
    first, rpc = recorder.contract.created_in, recorder.contract.rpc
    assert first is not None
    history = with_bodies(collect(rpc.ask, recorder.contract.address, first, rpc.head[0] if rpc.head else None), bodies)
    headers: deque[bytes] = deque(maxlen=1)  # of the blocks gone by: the last one is the head

    def blocks() -> Iterator[RawBlock]:
        for block in history.blocks:
            headers.append(block.header)
            yield block

    files.write(History(history.origin, blocks()), path)
    return first, "0x" + keccak(headers[0]).hex()


def _proof(proof: Equivocation) -> Accusation:
    return Accusation(
        proof.instance, proof.slot.round, proof.slot.parent, int(proof.phase), int(proof.role), proof.content,
        proof.signature, proof.other_content, proof.other_signature,
    )  # fmt: skip
