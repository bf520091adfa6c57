"""Others act on the same contract while a game runs: they record its blocks and hand in evidence, and it goes on."""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any

import pytest

from chain_bandit.actors.messages import CertifiedBlock
from chain_bandit.chain.call import Call
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.node import account
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import GAS_MONEY, OnChain, opening_balances
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.blocks import Header
from chain_bandit.protocol.messages import Phase, Role, Slot
from chain_bandit.protocol.submission import Submitted
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.games import build_scenario, malicious
from tests.integration.live import Anvil, anvil
from tests.integration.test_bad_node import QUICK, require_whole

SEEDS = iter(range(10**6, 2 * 10**6))
SKIPPED = [malicious(seat, ("silent-validator", {"first": 8, "last": 9})) for seat in (1, 2)]


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


def scenario(batch: int = 1, certificates: str = "head", **changes: Any) -> Scenario:
    chain = {"settle_every": 6, "skip_deadline": 12, "batch": batch, "certificates": certificates}
    return build_scenario(4, 2, 24, seed=next(SEEDS), chain=chain, **changes)


class Watched(Game):
    """Lets a rival see every certificate."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: dict[int, Submitted] = {}

    def _certified(self, header: Header, block: CertifiedBlock) -> None:
        certificate = block.certificate
        self.seen[header.round] = Submitted.of(
            self.parameters, header, block.body, certificate.signers, certificate.signatures
        )
        super()._certified(header, block)


class Rivalled(OnChain):
    """Before each submission a rival acts, `act(rival, its account, first open round)`; or beside it, in a thread."""

    act: Callable[[Coordinator, Any, int], None]
    beside: Callable[[int], bool] = staticmethod(lambda round_: False)

    def open(self, plan: Plan) -> Any:
        opened = super().open(plan)
        self.second = account(bytes(31) + bytes([next(SEEDS) % 250 + 1]))
        self.node.fund({bytes.fromhex(self.second.address[2:]): GAS_MONEY})
        self.rival = Coordinator.at(self.node.line, self.contract.address, Stopwatch(), QUICK)
        self.failed: list[BaseException] = []
        self.calls: list[Call] = []
        submit = self.contract.submit_blocks

        def kept(*given: Any) -> Call:
            self.calls.append(submit(*given))
            return self.calls[-1]

        self.contract.submit_blocks = kept  # type: ignore[method-assign]
        return opened

    def submit(self, blocks: Sequence[Submitted]) -> None:
        first = self._open_round
        thread = threading.Thread(target=self._race, args=(first,))
        thread.start()
        if not self.beside(first):
            thread.join()
        super().submit(blocks)
        thread.join()

    def _race(self, first: int) -> None:
        try:
            self.act(self.rival, self.second, first)
            self.rival.settle()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.failed.append(error)


def play(node: Anvil, scenario: Scenario, act: Any, beside: Any = lambda round_: False) -> tuple[Rivalled, Watched]:
    """`act` gets the game too."""
    plan = Plan(scenario)
    node.fund(opening_balances(plan))
    recorder = Rivalled(node, Stopwatch(), QUICK)
    game = Watched(scenario, recorder, plan)
    recorder.act, recorder.beside = lambda *arguments: act(game, *arguments), beside
    list(game.play())
    assert recorder.failed == []
    return recorder, game


@pytest.mark.parametrize(
    ("batch", "certificates", "ahead"), [(1, "head", 1), (6, "head", 6), (6, "head", 2), (6, "each", 4), (6, "head", 1)]
)
def test_what_a_rival_has_recorded_is_left_out(node, batch, certificates, ahead):
    """The first `ahead` blocks of each batch come from elsewhere, sometimes at the same time as ours."""
    chosen = scenario(batch, certificates, malicious=SKIPPED)

    def record(game: Watched, rival: Coordinator, second: Any, first: int) -> None:
        known = [game.seen[round_] for round_ in range(first, first + ahead) if round_ in game.seen]
        if known:
            data = [block.encode(game.parameters) for block in known]
            rival.submit_blocks(second, data, rival.recorded_since(first))

    at_the_same_time = cycle((False, True))
    recorder, game = play(node, chosen, record, lambda first: next(at_the_same_time))
    require_whole(node, recorder, game, chosen)
    calls = recorder.calls
    assert any(call.outdone for call in calls) or any(call.first for call in calls)
    if ahead < batch:
        assert {ahead} <= {call.first for call in calls} <= {0, ahead}


def test_a_rival_takes_one_block_after_another_out_of_a_batch(node):
    """As often as it likes: each time less is left."""
    chosen = scenario(12)

    def record(game: Watched, rival: Coordinator, second: Any, first: int) -> None:
        for round_ in range(first, first + 11):
            if round_ in game.seen:
                rival.submit_blocks(second, [game.seen[round_].encode(game.parameters)], rival.recorded_since(round_))

    recorder, game = play(node, chosen, record, lambda first: True)
    require_whole(node, recorder, game, chosen)


def framed(game: Game, seat: int, round_: int) -> Equivocation:
    """What a seat signed twice where no honest validator of this process saw it."""
    slot = Slot(game.cast.rules.separator, round_, b"\1" * 32)
    contents = (b"\2" * 32, b"\3" * 32)
    signer = game.plan.participants[seat]
    signatures = [signer.sign(slot.digest(Phase.BLOCK, Role.SIGNER, 0, content)) for content in contents]
    return Equivocation(slot, Phase.BLOCK, Role.SIGNER, seat, contents[0], signatures[0], contents[1], signatures[1])


@pytest.mark.parametrize("batch", [1, 6])
def test_evidence_that_somebody_else_hands_in_counts_in_the_game(node, batch):
    chosen = scenario(batch, malicious=[malicious(3, ("silent-validator", {"first": 24, "last": 24}))])

    def accuse(game: Watched, rival: Coordinator, second: Any, first: int) -> None:
        if first >= 9 and not rival.blocked_from(3):
            rival.report_equivocation(second, 3, framed(game, 3, 5).calldata())

    recorder, game = play(node, chosen, accuse)
    ledger = game.progress.ledger
    assert recorder.contract.head() == ledger.head
    assert ledger.blocked_from == tuple(recorder.contract.blocked_from(seat) for seat in range(4))
    assert 9 < ledger.blocked_from[3] < chosen.rounds
    assert recorder.contract.closed()
    assert recorder.contract._view("reputations") == ledger.reputations


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("batch", [1, 6])
def test_evidence_that_a_rival_has_too_counts_once(node, batch, beside):
    """The game's own proof and a rival's meet at the contract in either order."""
    chosen = scenario(batch, malicious=[malicious(2, ("two-faced-report", {}))])

    def accuse(game: Watched, rival: Coordinator, second: Any, first: int) -> None:
        if not rival.blocked_from(2):
            rival.report_equivocation(second, 2, framed(game, 2, 5).calldata())

    recorder, game = play(node, chosen, accuse, lambda first: beside)
    ledger = game.progress.ledger
    assert recorder.contract.head() == ledger.head
    assert ledger.blocked_from == tuple(recorder.contract.blocked_from(seat) for seat in range(4))
    assert recorder.contract._view("reputations") == ledger.reputations
