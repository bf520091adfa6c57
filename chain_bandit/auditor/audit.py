"""The audit: two passes over a history, and a report."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from chain_bandit.auditor import costs, evidence, live, money, records, rewards, seals, setup, tallies
from chain_bandit.auditor.books import Movement
from chain_bandit.auditor.catalogue import CHECKS
from chain_bandit.auditor.chain import survey
from chain_bandit.auditor.exhibits import Field, Place
from chain_bandit.auditor.findings import findings
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.nonce_order import check_order
from chain_bandit.auditor.nonces import Nonces, Signed
from chain_bandit.auditor.refused import refused
from chain_bandit.auditor.report import AuditReport, Checks
from chain_bandit.auditor.timing import in_time
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.bodies import body_digests
from chain_bandit.chain_history.errors import HistoryError
from chain_bandit.chain_history.evm import decode_transaction
from chain_bandit.chain_history.records import CREATION, METHODS, ContractCall, calls_in
from chain_bandit.chain_history.resumable_download import BlocksObserver
from chain_bandit.protocol import rules
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.digests import keccak

_BEFORE: dict[str, Callable[[ReplayedGame, ContractCall], None]] = {"join": setup.joined, "open": setup.opened}
_RECORDS: dict[str, Callable[[ReplayedGame, ContractCall], None]] = {
    "submitBlocks": records.submitted,
    "skip": records.skipped,
    "skipAfterDeadline": records.skipped_after_deadline,
    "reportEquivocation": evidence.evidence_taken,
    "reportFalse": evidence.refutation_taken,
}
_AFTER: dict[str, Callable[[ReplayedGame, ContractCall], None]] = {
    "acquit": evidence.acquitted,
    "settleRewards": rewards.settled,
    "settleSums": seals.summed,
    "revealSeal": seals.key_revealed,
    "reveal": rewards.revealed,
    "settleCosts": costs.costs_settled,
    "close": money.closed,
}
_PAYABLE = (CREATION, "join")
_AFTER_REVEAL = ("reveal.commitment", "reveal.cost", "settlement.rewards", "honest.arm", "honest.report")
_AT_THE_END = ("costs.records", "costs.case", "money.close", "money.balances")

SEEN_EVERY = 100
"""Blocks from one word to an observer to the next."""


def audit(
    history: History, head: bytes | None = None, on_verified: Callable[[float], None] = lambda seconds: None,
    on_movement: Callable[[Movement], None] | None = None, observe: BlocksObserver = lambda done, total: None,
    trail: bytes = b"",
) -> AuditReport:
    """Replay a game from its history alone.

    Args:
        history: what `chain_history.files.read` or `chain_history.collect.collect` gives; it is gone through twice.
        head: the hash of the last block, kept by the auditor or told by its own node; without it the history's own
            is trusted, and the report says so.
        on_verified: told the seconds of every signature check.
        on_movement: told every movement of money, in order.
        observe: told now and then how many blocks of how many a walk has behind it; of how many the first one has to
            find out, and says 0.
        trail: that of an earlier audit's report: it tells where a history became another, the head only that it did.

    Raises:
        HistoryError: when the history cannot be read; everything else that is wrong with it is in the report.
    """  # fmt: skip
    game = _replayed(history, head, trail, on_verified, observe, Nonces(), on_movement)
    if again := game.nonces.repeated():
        game = _replayed(history, head, trail, on_verified, observe, Nonces(again))
    return reported(game, {name for name, kept in (("chain.head", head), ("chain.trail", trail)) if not kept})


def _replayed(
    history: History, head: bytes | None, trail: bytes, on_verified: Callable[[float], None], observe: BlocksObserver,
    nonces: Nonces, on_movement: Callable[[Movement], None] | None = None,
) -> ReplayedGame:
    """Both walks."""  # fmt: skip
    checks = Checks()
    found = survey(History(history.origin, observed(history.blocks, observe)), head, checks, trail)
    game = ReplayedGame(history.origin, found, checks, on_verified, nonces=nonces)
    game.books.told = on_movement
    if found.sound and replay(game, history, observe) != found.head:
        raise HistoryError(1, "it changed while it was read")
    if found.whole:
        finish(game)
        return game
    game.blind = found.unread or "the blocks are no chain that can be followed: nothing was replayed"
    untold = {"chain.order"} if found.sound else {"chain.order", "chain.trail"}
    for name in CHECKS:
        if not name.startswith("chain.") or name in untold:
            checks.unknown(name, game.blind)
    return game


Item = TypeVar("Item")


def observed(items: Iterable[Item], observe: BlocksObserver, total: int = 0) -> Iterator[Item]:
    """The blocks for one walk."""
    for done, item in enumerate(items, 1):
        yield item
        if done % SEEN_EVERY == 0:
            observe(done, total)


def replay(game: ReplayedGame, history: History, observe: BlocksObserver) -> bytes:
    """The second pass, over a chain that is sound, as far as it can be read; gives the last block's hash."""
    head, first = b"", history.origin.first_block
    count = game.survey.number + 1 - first
    for number, block in enumerate(observed(history.blocks, observe, count), first):
        head = block.header
        if not game.survey.readable(number):
            continue
        game.bodies = {keccak(body): body for body in block.bodies}
        named: set[bytes] = set()
        made = calls_in(block, history.origin.contract)
        left = deque(made)
        for sent in map(decode_transaction, block.transactions):
            call = left.popleft() if left and left[0].transaction.raw == sent.raw else None
            check_order(game, block, number, sent, call)
            if game.nonces.add(sent.signed, sent.signature):
                round_ = game.ledger.round if game.ledger else 0
                game.nonces.keep(Signed(sent.sender, sent.signed, sent.signature, round_))
            if call is None:
                continue
            if game.deployment is not None:
                named.update(body_digests(call, game.deployment.parameters))
            game.checks.place = Place(block, call.block, call)
            if game.books.told is not None:
                game.books.at = call.block, call.digest
            _replay(game, call)
            game.called = call.block
        if made and game.deployment is not None:
            money.check_conservation(game)
        if block.bodies and not game.blind:
            strangers = sum(digest not in named for digest in game.bodies) + len(block.bodies) - len(game.bodies)
            game.checks.place = Place(block, number)
            game.checks.that(not strangers, "header.body", None, f"bodies beside block {number}",
                             "{} of them, not {}, are of no header that is recorded there", strangers, 0)
    return keccak(head)


def _replay(game: ReplayedGame, call: ContractCall) -> None:
    """One transaction."""
    if not call.succeeded:
        game.other["reverted"] += 1
        refused(game, call, _replay)
        return
    if call.direct and call.others and (call.method != "withdraw" or game.is_bare(call.sender)):
        # The contract calls only the accounts that it pays, where only code can emit events.
        game.checks.that(False, "record.events", None, f"transaction 0x{call.digest.hex()}",
                         "there are events of {} in it, not of {} alone", call.others, game.origin.contract)
    if call.direct and call.method == CREATION:
        setup.created(game, call)
        return
    if game.deployment is None:
        if game.survey.environment and not game.blind:  # at an address without code every call succeeds, in silence
            game.checks.same(call.events, (), "record.events", None, "events before the creation")
        return
    for event in call.events:
        if event.name == "Withdrawn":
            money.withdrew(game, call, *event.values)
    if not call.direct:
        _replay_foreign(game, call)
        return
    if not (call.method or call.events or call.value):
        game.other["without effect"] += 1  # a view, called in a transaction
        return
    if not game.checks.that(call.method != "", "record.events", None, f"transaction 0x{call.digest.hex()}",
                            "{} is no call that the contract has: {}", call.method, sorted(METHODS),
                            shown=Field.INPUT):
        return
    if call.arguments is None:
        game.checks.that(False, "record.events", None, f"transaction 0x{call.digest.hex()}",
                         "the calldata of {} is not the canonical encoding of {}, and the contract takes no other",
                         call.method, f"({', '.join(METHODS.get(call.method, ()))})", shown=Field.INPUT)
        return
    if call.value and call.method not in _PAYABLE:
        game.checks.that(False, "game.deposits", None, call.method, "it came with {} wei, not {}", call.value, 0)
        game.paid_in += call.value
    _replay_direct(game, call)


def _replay_direct(game: ReplayedGame, call: ContractCall) -> None:
    if call.method in _BEFORE:
        _BEFORE[call.method](game, call)
    elif call.method == "withdraw":
        # Where the money goes, code may run that makes other accounts withdraw too; each is checked as it comes.
        first, names = call.events[:1], {event.name for event in call.events}
        game.checks.that(
            names == {"Withdrawn"} and first[0].values[0] == call.sender, "record.events", None,
            "event of a withdrawal", "the history says {}, the account that withdrew is {}", call.events, call.sender,
        )  # fmt: skip
    elif game.blind:
        game.checks.unknown("record.links", game.blind)
    elif game.ledger is None:
        game.checks.that(False, "record.events", None, call.method, "it is called {} the opening, not {}", "before",
                         "after it", shown=Field.INPUT)
    elif call.method in _RECORDS:
        if in_time(game, call):
            _RECORDS[call.method](game, call)
    else:
        _AFTER[call.method](game, call)


def _replay_foreign(game: ReplayedGame, call: ContractCall) -> None:
    """A call through another contract: the shipped one takes none but the withdrawal of an account with code."""
    game.other["through another contract"] += 1
    untrue = [event for event in call.events if event.name != "Withdrawn" or game.is_bare(event.values[0])]
    game.checks.that(not untrue, "record.events", None, f"transaction 0x{call.digest.hex()}",
                     "the contract says {} in a call through another one, where only code may withdraw", untrue, [])


def finish(game: ReplayedGame) -> None:
    """Checks that are only possible at the end."""
    checks, block = game.checks, game.survey.number
    checks.place = None
    if game.deployment is None:
        if not game.blind:
            checks.place = game.survey.first
            checks.that(False, "game.code", None, "history", "{} transactions, not {}, create the contract {}", 0, 1,
                        game.origin.contract, shown=Field.TRANSACTIONS)
            checks.place = None
        checks.unknown("record.links", game.blind or "there is no deployment to start from")
        return
    tallies.check_shown(game)
    tallies.doubt(game)
    money.refund(game, block)
    money.conserved(game)
    if money.called_off(game, block):
        return
    if game.ledger is None:
        checks.unknown("game.opening", game.blind or "the game has not opened yet")
    if game.blind:
        checks.unknown("record.links", game.blind)
    if game.disclosed is None and not game.live:
        for name in _AFTER_REVEAL:
            checks.unknown(name, "the environment's secret is not revealed")
    live.left(game)
    if not game.closed:
        for name in _AT_THE_END:
            checks.unknown(name, "the game is not closed")
    elif game.void:
        checks.unknown("costs.case", "the game was closed without costs")


def reported(game: ReplayedGame, unasked: set[str]) -> AuditReport:
    """The report of a game that was gone through; `unasked`: checks for which nothing was given."""
    deployment, disclosed = game.deployment, game.disclosed
    records.charge_rows(game)
    facts: dict[str, object] = {
        "chain_id": game.origin.chain_id,
        "contract": "0x" + game.origin.contract.hex(),
        "first_block": game.origin.first_block,
        "last_block": game.survey.number,
        "records": len(game.past),
        "approved": sum(past.kind is Kind.APPROVED for past in game.past.values()),
        "cost": disclosed.cost if disclosed else None,
        "true_means": list(disclosed.means) if disclosed else None,
        **({"live": True} if game.live else {}),
        **({"self_declared": True} if game.self_declared else {}),
        **({"game_digest": f"0x{game.digest.hex()}", "separator": f"0x{game.separator.hex()}"} if game.ledger else {}),
        "gas": sum(row.gas for row in game.rows),
        "costs_void": game.void if game.closed else None,
        "costly_rounds": game.costly,
        "blocked_from": list(game.ledger.blocked_from) if game.ledger else [],
    }
    if deployment is not None:
        facts["parameters"] = deployment.parameters.numbers()
        facts["declaration"] = deployment.parameters.declaration.decode()
        facts["rules"] = list(map(str, deployment.parameters.rules))
        facts["foreign_code_run"] = [str(each) for each in deployment.parameters.rules if rules.runs_foreign(each)]
    checks = {name: tally for name, tally in game.checks.tallies.items() if name not in unasked}
    return AuditReport(
        checks=checks,
        violations=game.checks.violations,
        findings=findings(game),
        run_digest="0x" + game.run_digest.hex() if game.bodies_known and not game.unread else None,
        head="0x" + game.survey.head.hex(),
        head_trusted="chain.head" in unasked,
        complete=game.closed or money.called_off(game, game.survey.number),
        game=facts,
        accounts=money.accounts(game),
        burned=game.burned,
        rounds=game.rows,
        other_transactions=dict(game.other),
        trail=game.survey.trail.hex(),
    )
