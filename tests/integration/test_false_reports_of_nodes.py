"""False reports in games of processes: nodes find them on the chain and prove them there, despite crashes."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.attacks.attack import View
from chain_bandit.attacks.worse_half import WorseHalf
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain_history import files
from chain_bandit.chain_history.evm import decode_receipt
from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.nodes import node_files
from chain_bandit.nodes.crash import VARIABLE
from chain_bandit.protocol.messages import Role
from chain_bandit.protocol.tallies import FalseReport
from chain_bandit.runs import audit_folder
from chain_bandit.scenario import Scenario, load
from tests.few import deep
from tests.integration.live import anvil
from tests.integration.nodes_up import digests_of, game

ROOT = Path(__file__).parents[2]
LIAR = {"name": "worse-half"}
EQUIVOCATOR = {"name": "equivocating-commander", "options": {"first": 12}}


def lying(*attacks: Mapping[str, Any], bound_ms: int = 20000, **changes: Any) -> Scenario:
    chain = {"settle_every": 3, "settlement_window": 400}
    said = {"rounds": 20, "burn_in": 6, "slash": 0.25, "malicious": [{"seat": 3, "attacks": list(attacks)}]}
    overrides = {"expect": {}, "bound_ms": bound_ms, "chain": chain} | said | changes
    return load(ROOT / "tests" / "scenarios" / "small.toml", overrides)


class NeverPulls(WorseHalf):
    """Lies, and comes for no receipt once reports count."""

    name = "never-pulls"

    def arm(self, view: View, honest: int) -> int | None:
        return None if view.round >= view.rules.parameters.burn_in else honest


class SilentAtLast(WorseHalf):
    """Lies, and comes for no receipt of the last round."""

    name = "silent-at-last"

    def arm(self, view: View, honest: int) -> int | None:
        return None if view.round == view.rules.parameters.horizon else honest


class Told(NoChain):
    """The game in one process, told who is listed from when on."""

    def __init__(self, accused: Mapping[int, int]) -> None:
        self._told = accused

    def accusations(self, through: int) -> Mapping[int, int]:
        return {seat: since for seat, since in self._told.items() if since <= through}

    def liars(self) -> int:
        return sum(1 << seat for seat in self._told)


def alone(scenario: Scenario, recorder: NoChain) -> Game:
    played = Game(scenario, recorder)
    for _ in played.play():
        pass
    return played


def events(out: Path, name: str) -> list[tuple[Any, ...]]:
    """All of one kind in a history, in order."""
    event = chain_bandit_artifact().members("event")[name]
    history = files.read(out / "history.jsonl.gz")
    logs = [log for block in history.blocks for raw in block.receipts for log in decode_receipt(raw).logs]
    found = [log for log in logs if log.address == history.origin.contract and log.topics[0] == event.topic]
    return [event.decode_inputs(log.data) for log in found]


def proven(proofs: list[FalseReport]) -> list[tuple[int, int, int]]:
    """What the contract says of them."""
    return [(proof.seat, proof.slot.round, proof.tally.credited) for proof in proofs]


def require_as_alone(out: Path, manifest: Mapping[str, Any], scenario: Scenario) -> dict[int, int]:
    """The same proofs as in one process, and with the block list of the nodes' game the same digest of all rounds.

    A proof may come in a round later, where a settlement was in no block when the relayer recorded the round after it;
    so the block list may begin later. Gives it.
    """
    accused = dict(events(out, "Accused"))
    smooth = alone(scenario, smooth_chain := NoChain())
    assert events(out, "Voided") == proven(smooth.progress.false_reports) != []
    earliest = smooth_chain.accusations(scenario.rounds + 99)
    assert accused.keys() == earliest.keys()
    assert all(accused[seat] >= since for seat, since in earliest.items())
    same = alone(scenario, Told(accused))
    assert manifest["run_digest"] == "0x" + same.run_digest.hex()
    report = audit_folder(out, paranoid=True)
    assert (report.exit_code, report.violations) == (0, [])
    return accused


@pytest.mark.parametrize("attacks", [(LIAR,), (LIAR, EQUIVOCATOR)], ids=["liar", "liar and equivocator, paid"])
def test_a_liar_among_processes_is_proven_one_as_in_one_process(tmp_path, attacks):
    scenario = lying(*attacks, paid_burn_in=len(attacks) > 1)
    with game(scenario, tmp_path / "game") as played:
        manifest, _ = played.end(120)
    accused = require_as_alone(tmp_path / "game", manifest, scenario)
    assert accused.keys() == {3}
    roots = [each for each in digests_of(tmp_path / "game" / "environment") if each[2] == Role.TALLIES]
    assert [each[0] for each in roots] == [through for through, _ in events(tmp_path / "game", "RewardsSettled")]


def test_a_liar_of_a_sealed_game_is_proven_by_nodes_once_it_is_opened(tmp_path):
    """They see sums, secret and keys on the chain; the root is signed once, with the sums."""
    scenario = lying(LIAR, sealed=True, unrevealed_penalty=0.1, chain={"settle_every": 3, "settlement_window": 400})
    with game(scenario, tmp_path / "game") as played:
        manifest, _ = played.end(200)
    accused = require_as_alone(tmp_path / "game", manifest, scenario)
    assert accused.keys() == {3}
    roots = [each for each in digests_of(tmp_path / "game" / "environment") if each[2] == Role.TALLIES]
    assert [each[0] for each in roots] == [scenario.rounds]
    assert {seat for seat, _ in events(tmp_path / "game", "SealRevealed")} == set(range(scenario.participants))


@pytest.mark.parametrize(("growth", "settle_every"), [(0, 3), *deep([(0, 1)]), (0.25, 1)])
def test_a_liar_that_never_pulls_is_listed_in_time(tmp_path, monkeypatch, growth, settle_every):
    """The environment waits for its receipts, a minute each, but for no more blocks than proofs can bear."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    attack = {"name": f"{__name__}:{NeverPulls.__name__}"}
    chain = {"settle_every": settle_every, "settlement_window": 400}
    scenario = lying(attack, bound_ms=1000, rounds=200 if growth else 40, growth=growth, chain=chain)
    with game(scenario, tmp_path / "game") as played:
        played.end(120)
    report, w = audit_folder(tmp_path / "game", paranoid=True), scenario.parameters.unrecorded
    assert (report.exit_code, report.violations) == (0, [])
    ((seat, lied, _),), ((accused, since),) = events(tmp_path / "game", "Voided"), events(tmp_path / "game", "Accused")
    assert (seat, accused) == (3, 3)
    assert since <= lied + settle_every + 2 * w + 5


def test_a_liar_that_does_not_pull_in_the_last_round_is_proven_all_the_same(tmp_path, monkeypatch):
    """The contract takes the one settlement for 100 blocks of 50 ms; a pull is waited for by the clock for 30 s."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    chain = {"settle_every": 99, "settlement_window": 400}
    attack = {"name": f"{__name__}:{SilentAtLast.__name__}"}
    with (
        anvil("--block-time", "0.05") as node,
        game(lying(attack, bound_ms=500, chain=chain), tmp_path / "game", chain=node.url) as played,
    ):
        played.end(200)
    report = audit_folder(tmp_path / "game", paranoid=True)
    assert (report.exit_code, report.violations, report.game["costs_void"]) == (0, [], False)
    assert [seat for seat, *_ in events(tmp_path / "game", "Voided")] == [3]


def test_who_dies_with_a_settlement_signed_or_a_proof_handed_in_comes_back_to_it(tmp_path, monkeypatch):
    """The second settlement is signed and not sent, the last one too; a proof is in a block and its sender gone."""
    scenario = lying(LIAR, bound_ms=2000)
    crashes = "environment/settlement signed:2,relayer/false report proven:1"
    monkeypatch.setenv(VARIABLE, crashes)
    with game(scenario, tmp_path / "game", revive=True) as played:
        manifest, _ = played.end(120)
        assert sorted(played.killed) == ["environment", "relayer"]
    require_as_alone(tmp_path / "game", manifest, scenario)
    digests_of(tmp_path / "game" / "environment")


def test_the_proof_of_the_last_rounds_is_taken_though_environment_and_relayer_die_at_the_end(tmp_path, monkeypatch):
    """One settlement at the end, of the burn-in too: nothing is proven before. Costs follow, and the game is closed."""
    scenario = lying(LIAR, bound_ms=2000, chain={"settle_every": 99, "settlement_window": 400}, paid_burn_in=True)
    crashes = "environment/settlement signed:1,relayer/false report proven:1"
    monkeypatch.setenv(VARIABLE, crashes)
    with game(scenario, tmp_path / "game", revive=True) as played:
        manifest, _ = played.end(120)
        assert sorted(played.killed) == ["environment", "relayer"]
    accused = require_as_alone(tmp_path / "game", manifest, scenario)
    assert accused[3] > scenario.rounds
    assert len(events(tmp_path / "game", "Closed")) == len(events(tmp_path / "game", "RewardsSettled")) == 1


@pytest.mark.parametrize("chain", ["anvil", "blocks of 50 ms"])
def test_a_seat_proves_what_the_relayer_does_not(tmp_path, monkeypatch, chain):
    """It is gone with the last record, before the one settlement; a node that restarts later has nothing to prove.

    Where blocks are fast the contract takes proofs for a shorter time than seats leave them to the relayer.
    """
    scenario = lying(LIAR, bound_ms=500, chain={"settle_every": 99, "settlement_window": 400})
    monkeypatch.setenv(VARIABLE, "relayer/recorded:15")
    with ExitStack() as stack:
        url = chain if chain == "anvil" else stack.enter_context(anvil("--block-time", "0.05")).url
        played = stack.enter_context(game(scenario, tmp_path / "game", chain=url))
        played.wait(lambda: (played.out / "environment" / node_files.ENDED).exists(), 120)
        assert played.killed == ["relayer"]
        played.start("relayer")
        manifest, _ = played.end(120)
    require_as_alone(tmp_path / "game", manifest, scenario)
