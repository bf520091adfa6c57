"""A game over nodes that fail in every way known: one record a round, no money lost, or a stop that can be resumed."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.errors import ForeignChain, NodeUnreachable, NonceTaken
from chain_bandit.chain.journal import Journal, JournalForeign, journal_in
from chain_bandit.chain.node import account
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, opening_balances
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.few import few
from tests.games import build_scenario, malicious
from tests.integration.faults import FAULTS, Sometimes, error
from tests.integration.live import Anvil, Batch, Handler, Proxied, anvil, proxy, sends

QUICK = TransactionPolicy(patience=30.0, timeout=0.2, resend_after=0.2)
IMPATIENT = TransactionPolicy(patience=0.5, timeout=0.3)
SILENT = [malicious(seat, ("silent-validator", {"first": 8, "last": 9})) for seat in (1, 2)]


def short_game(seed: int = 0, rounds: int = 24, **changes: Any) -> Scenario:
    return build_scenario(4, 2, rounds, seed=seed, chain={"settle_every": 6, "skip_deadline": 12}, **changes)


def with_skips(seed: int = 0) -> Scenario:
    return short_game(seed, malicious=SILENT)


class Reference:
    """What a game comes to without a chain."""

    def __init__(self, scenario: Scenario) -> None:
        self.heads: list[tuple[int, int, bytes]] = []
        reference = self

        class Noting(NoChain):
            def open(self, plan: Plan) -> Any:
                super().open(plan)
                return domain

            def expect(self, made: Any) -> None:
                super().expect(made)
                reference.heads.append(made)

        plan = Plan(scenario)
        domain = NoChain().open(plan)
        self.game = Game(scenario, Noting(), plan)
        self.rounds = list(self.game.play())


def require_whole(node: Anvil, recorder: OnChain, game: Game, scenario: Scenario) -> None:
    """One record a round, the decisions of the rules, everything paid out, by what the node itself says."""
    topic = chain_bandit_artifact().members("event")["Recorded"]
    address = "0x" + recorder.contract.address.hex()
    logs = node.ask("eth_getLogs", {"address": address, "fromBlock": "0x0", "topics": ["0x" + topic.topic.hex()]})
    events = [topic.decode_inputs(bytes.fromhex(log["data"][2:])) for log in logs]
    reference = Reference(scenario)
    recorded = [event[:2] for event in events]
    assert recorded == sorted(set(recorded))
    assert {made[:2] for made in reference.heads} <= set(recorded)  # more, where somebody else recorded a part
    assert events[-1][2] == game.progress.ledger.head == recorder.contract.head()
    assert game.run_digest == reference.game.run_digest
    assert recorder.contract.closed()
    assert int(node.ask("eth_getBalance", address, "latest"), 16) == 0


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


def play(
    node: Any, scenario: Scenario, delivery: TransactionPolicy = QUICK, journal: Journal | None = None,
    disturb: Any = lambda round_: None,
) -> tuple[OnChain, Game]:  # fmt: skip
    plan = Plan(scenario)
    recorder = OnChain(node, Stopwatch(), delivery, journal)
    game = Game(scenario, recorder, plan)
    for played in game.play():
        disturb(played.round)
    return recorder, game


SEEDS = iter(range(1, 10**6))
"""Another game for every test on the shared node: keys and nonces are then its own."""


@pytest.mark.parametrize("fault", few(FAULTS, 2))
def test_each_fault_leaves_one_record_a_round(node, fault):
    scenario = with_skips(next(SEEDS))
    node.fund(opening_balances(Plan(scenario)))
    sometimes = Sometimes([fault], fault, period=9 if "times_out" in fault else 3)
    with proxy(node.url, sometimes) as url:
        recorder, game = play(Proxied(node, url), scenario)
        sometimes.stop()
        require_whole(node, recorder, game, scenario)
    assert sometimes.happened > 5


def mixed(node: Anvil, seed: int) -> None:
    scenario = with_skips(next(SEEDS))
    node.fund(opening_balances(Plan(scenario)))
    sometimes = Sometimes(list(FAULTS), seed, period=2)
    with proxy(node.url, sometimes) as url:
        recorder, game = play(Proxied(node, url), scenario)
        sometimes.stop()
        require_whole(node, recorder, game, scenario)
    assert sometimes.happened > 5


@pytest.mark.parametrize("seed", few(range(4), 2))
def test_any_mixture_of_faults_leaves_one_record_a_round(node, seed):
    mixed(node, seed)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(4, 104))
def test_many_mixtures_of_faults(node, seed):
    mixed(node, seed)


def undo(node: Anvil, depth: int) -> None:
    """Undo blocks, if possible while none is being mined: else Anvil's state may be of neither branch."""
    patience = RetryBudget(1.0)
    with suppress(TimeoutError):  # what fell out before may lie in the pool until the next transaction comes
        while int(node.ask("txpool_status")["pending"], 16):
            patience.wait(TimeoutError())  # type: ignore[arg-type]
    node.ask("anvil_reorg", depth, [])


def reorganised(depth: int, every: int) -> None:
    # Anvil leaves what fell out in its pool until the next transaction comes: no round may wait for it.
    chain = {"settle_every": 6, "skip_deadline": 12, "unrecorded": 16}
    scenario = build_scenario(4, 2, 24, seed=depth, chain=chain, malicious=SILENT)
    with anvil() as node:
        node.fund(opening_balances(Plan(scenario)))
        happened = []

        def disturb(round_: int) -> None:
            if round_ >= scenario.parameters.burn_in and round_ % every == 0:
                height = int(node.ask("eth_blockNumber"), 16)
                if height > depth + 8:
                    undo(node, depth)
                    happened.append(round_)

        recorder, game = play(node, scenario, disturb=disturb)
        assert len(happened) >= 2
        require_whole(node, recorder, game, scenario)


@pytest.mark.parametrize("depth", few(range(1, 7), 2))
def test_a_reorganisation_is_followed(depth):
    reorganised(depth, 7)


@pytest.mark.deep
@pytest.mark.parametrize("every", range(2, 7))
@pytest.mark.parametrize("depth", range(1, 7))
def test_many_reorganisations_are_followed(depth, every):
    reorganised(depth, every)


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_reorganisation_while_the_node_answers_is_followed(cut):
    """What comes after `cut` of a batch's questions is told of another branch."""
    scenario = build_scenario(4, 2, 24, seed=cut, chain={"settle_every": 6, "skip_deadline": 12, "unrecorded": 16})
    happened: list[int] = []
    asked = count()

    def torn(handler: Handler, batch: Batch) -> bool:
        receipts = [request for request in batch if request["method"] == "eth_getTransactionReceipt"]
        if not receipts or next(asked) % 4 or len(happened) == 8 or len(batch) <= cut:
            return False
        first = handler.forward(batch[:cut])
        height = int(node.ask("eth_blockNumber"), 16)
        if height > 12:
            undo(node, 4)
            happened.append(height)
        handler.reply(first + handler.forward(batch[cut:]))
        return True

    with anvil() as node:
        node.fund(opening_balances(Plan(scenario)))
        with proxy(node.url, torn) as url:
            recorder, game = play(Proxied(node, url), scenario)
            assert len(happened) >= 2
            require_whole(node, recorder, game, scenario)


@pytest.mark.parametrize(("sent", "depth"), [(3, 2), (3, 3), (5, 3), (6, 6)])
def test_a_reorganisation_that_takes_modules_or_contract_is_followed(sent, depth):
    """After the deployment, and after two joins; what fell out the node has lost."""
    scenario = short_game(sent)
    left, happened = [sent], list[int]()

    def undone(handler: Handler, batch: Batch) -> bool:
        answers = handler.forward(batch)
        left[0] -= len(sends(batch))
        if left[0] <= 0 and not happened:
            undo(node, depth)
            node.ask("anvil_dropAllTransactions")
            happened.append(depth)
        handler.reply(answers)
        return True

    with anvil(bare=True) as node:
        node.fund(opening_balances(Plan(scenario)))
        node.mine(8)  # a reorganisation that takes the blocks before takes what was granted too
        with proxy(node.url, undone) as url:
            recorder, game = play(Proxied(node, url), scenario)
            assert happened
            require_whole(node, recorder, game, scenario)


def test_a_reorganisation_after_the_last_record_is_followed(node):
    scenario = short_game(next(SEEDS))
    node.fund(opening_balances(Plan(scenario)))
    plan = Plan(scenario)

    class Late(OnChain):
        def show(self, sums: Any, keys: Any) -> None:
            self._confirm()
            node.ask("anvil_reorg", 5, [])
            super().show(sums, keys)

    recorder = Late(node, Stopwatch(), QUICK)
    game = Game(scenario, recorder, plan)
    list(game.play())
    require_whole(node, recorder, game, scenario)


def test_dropped_transactions_are_sent_again():
    scenario = build_scenario(4, 2, 24, chain={"settle_every": 6, "skip_deadline": 12, "unrecorded": 16})
    with anvil() as node:
        node.fund(opening_balances(Plan(scenario)))
        dropped = []

        def disturb(round_: int) -> None:
            if round_ in (8, 14):
                node.ask("evm_setAutomine", False)
            elif round_ in (10, 20):
                for by_nonce in node.ask("txpool_content")["pending"].values():
                    first = min(by_nonce, key=int)
                    dropped.append(node.ask("anvil_dropTransaction", by_nonce[first]["hash"]))
                node.ask("evm_setAutomine", True)
                node.ask("anvil_mine", "0x1")

        recorder, game = play(node, scenario, disturb=disturb)
        assert dropped
        require_whole(node, recorder, game, scenario)


def test_a_fee_that_is_too_low_is_raised():
    scenario = short_game()
    delivery = TransactionPolicy(patience=20.0, timeout=0.5, resend_after=0.2, stuck_blocks=2)
    journal = Journal()
    with anvil("--block-time", "0.1") as node:
        node.fund({who: 10 * wei for who, wei in opening_balances(Plan(scenario)).items()})

        def disturb(round_: int) -> None:
            if round_ == 10:
                node.ask("anvil_setNextBlockBaseFeePerGas", hex(10**12))

        recorder, game = play(node, scenario, delivery, journal, disturb)
        require_whole(node, recorder, game, scenario)
    fees = {entry.call: set() for entry in journal.entries}
    nonces = {entry.call: set() for entry in journal.entries}
    for entry in journal.entries:
        fees[entry.call].add(entry.max_fee)
        nonces[entry.call].add(entry.nonce)
    assert any(len(each) > 1 for each in fees.values())
    assert all(len(each) == 1 for each in nonces.values())


def test_a_transaction_that_a_node_puts_aside_comes_through_with_a_higher_fee(node):
    """Anvil does so, rarely, with what arrives while it mines: it knows the transaction and never mines it."""
    scenario = short_game(next(SEEDS))
    node.fund(opening_balances(Plan(scenario)))
    journal, seen = Journal(), list[str]()

    def fault(handler: Handler, batch: Any) -> bool:
        seen.extend(raw for raw in (request["params"][0] for request in sends(batch)) if raw not in seen)
        aside = [request for request in sends(batch) if len(seen) > 12 and request["params"][0] == seen[12]]
        if not aside:
            return False
        rest = [request for request in batch if request not in aside]
        handler.reply([error(request, "already known") for request in aside] + (handler.forward(rest) if rest else []))
        return True

    start = monotonic()
    with proxy(node.url, fault) as url:
        recorder, game = play(Proxied(node, url), scenario, TransactionPolicy(timeout=0.5, resend_after=0.2), journal)
        require_whole(node, recorder, game, scenario)
    assert monotonic() - start < TransactionPolicy().patience / 4
    assert len({(entry.nonce, entry.account) for entry in journal.entries}) < len(journal.entries)


def test_a_node_killed_and_started_from_its_state_is_followed(tmp_path):
    scenario, state = short_game(), tmp_path / "state.json"
    plan = Plan(scenario)
    with anvil(state=state) as node:
        node.fund(opening_balances(plan))
        funded_in_file(state, plan)

        def disturb(round_: int) -> None:
            if round_ in (10, 18):
                node.kill()
                node.start()

        recorder, game = play(node, scenario, disturb=disturb)
        require_whole(node, recorder, game, scenario)


def funded_in_file(state: Path, plan: Plan) -> None:
    """Return when the node has written that everybody has money."""
    from chain_bandit.chain.retry_budget import RetryBudget

    patience, name = RetryBudget(10.0), plan.relayer.address.hex()
    while not state.exists() or name not in state.read_text():
        patience.wait(TimeoutError("no state file"))  # type: ignore[arg-type]


def test_a_node_that_is_gone_stops_the_game_and_the_journal_resumes_it(tmp_path):
    scenario, state = short_game(), tmp_path / "state.json"
    with anvil(state=state) as node:
        node.fund(opening_balances(Plan(scenario)))
        funded_in_file(state, Plan(scenario))
        for stop in (9, 15, 22):
            with journal_in(tmp_path / "journal") as journal, pytest.raises(NodeUnreachable) as stopped:
                play(node, scenario, IMPATIENT, journal, lambda round_, at=stop: round_ == at and node.kill())
            assert stopped.value.exit_code == 5
            node.start()
        with journal_in(tmp_path / "journal") as journal:
            before = len(journal.entries)
            recorder, game = play(node, scenario, QUICK, journal)
        require_whole(node, recorder, game, scenario)
        assert len(journal.entries) > before
        calls = {(entry.account, entry.nonce, entry.call) for entry in journal.entries}
        assert len({key[:2] for key in calls}) == len(calls)


def test_a_journal_of_another_game_or_chain_is_refused(tmp_path, node):
    one, other = short_game(next(SEEDS)), short_game(next(SEEDS))
    for scenario in (one, other):
        node.fund(opening_balances(Plan(scenario)))
    journal = Journal()
    play(node, one, QUICK, journal)
    with pytest.raises(JournalForeign) as foreign:
        play(node, other, QUICK, journal)
    assert foreign.value.exit_code == 6
    with anvil("--timestamp", "5") as elsewhere:
        elsewhere.fund(opening_balances(Plan(one)))
        with pytest.raises(JournalForeign, match="genesis"):
            play(elsewhere, one, QUICK, journal)


def test_a_node_that_has_become_another_chain_stops_the_game(node):
    scenario = short_game(next(SEEDS))
    node.fund(opening_balances(Plan(scenario)))
    count = [0]

    def fault(handler: Handler, batch: Any) -> bool:
        count[0] += 1
        meant = sends(batch) or any(request["method"] == "eth_chainId" for request in batch)
        return count[0] > 25 and bool(meant) and FAULTS["wrong_chain_id"](handler, batch)

    with proxy(node.url, fault) as url, pytest.raises(ForeignChain, match="chain id is 1, recorded was") as stopped:
        play(Proxied(node, url), scenario, IMPATIENT)
    assert stopped.value.exit_code == 6


def test_a_nonce_that_somebody_else_used_is_named(node):
    scenario = short_game(next(SEEDS))
    plan = Plan(scenario)
    node.fund(opening_balances(plan))
    environment = account(plan.environment.secret)

    def disturb(round_: int) -> None:
        if round_ == 5:
            node.ask("anvil_setNonce", environment.address, "0x9")

    with pytest.raises(NonceTaken, match=environment.address) as taken:
        play(node, scenario, TransactionPolicy(patience=4.0, timeout=0.5, resend_after=0.1), disturb=disturb)
    assert taken.value.exit_code == 8
