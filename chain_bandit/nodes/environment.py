"""The environment as a node: receipts on disk before they leave, settlements, and the end of the game."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from chain_bandit.actors.environment import Environment
from chain_bandit.actors.messages import ENVIRONMENT, RELAYER, PullRequest, Receipt, Send
from chain_bandit.actors.rules import Rules
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.node import Wallet
from chain_bandit.game.books import Books
from chain_bandit.network.wire import NodeMessage, Owed
from chain_bandit.nodes.crash import at
from chain_bandit.nodes.follower import Follower, Recorded
from chain_bandit.nodes.prover import Prover
from chain_bandit.nodes.receipts import KeptReceipts
from chain_bandit.nodes.role import NodeRole, Post, posts
from chain_bandit.nodes.sign_once import AlreadySigned, JournalRolledBack, SignedJournal
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ledger import Ledger, exploration_arm, honest_arm
from chain_bandit.protocol.messages import Phase
from chain_bandit.protocol.messages import Role as Signing
from chain_bandit.protocol.parameters import Parameters

if TYPE_CHECKING:
    from chain_bandit.scenario import Scenario

AT_ONCE = 256
"""Receipts in one answer."""


_RECEIPT = (int(Phase.REWARD), int(Signing.ENVIRONMENT))
"""Phase and role of a receipt in the journal."""

_TALLIES = (int(Phase.REWARD), int(Signing.TALLIES))
"""Phase and role of a settlement's root."""


class ReceiptsLost(ChainBanditError):
    """The environment's receipts are fewer than it has given."""

    exit_code = 3

    def __init__(self, path: Path, count: int, round_: int, seat: int) -> None:
        super().__init__(
            f"{path}: lacks {count} receipts that this environment has given, the first to seat {seat} in round "
            f"{round_}; restore the original file: without it rewards that were given would be settled as none"
        )
        self.path, self.count, self.round, self.seat = path, count, round_, seat


def require_receipts(kept: KeptReceipts, journal: SignedJournal, burn_in: int, reported: bool) -> None:
    """Raise `ReceiptsLost` unless all that an environment has given, by its journal and the chain, is there.

    Args:
        burn_in: L; nobody honest reports without receipts of the rounds before it.
        reported: whether the chain has reports of somebody honest, which tells where the journal was emptied too.
    """
    signed = {(place[0], place[3]) for place in journal.places if place[1:3] == _RECEIPT}
    lost = sorted(place for place in signed if not kept.has(place[1], place[0]))
    if lost:
        raise ReceiptsLost(kept.path, len(lost), *lost[0])
    if reported and burn_in > 1 and not kept.has(0, 1):
        raise ReceiptsLost(kept.path, burn_in - 1, 1, 0)


def signed_through(journal: SignedJournal, settled: int, parameters: Parameters) -> int:
    """The last round whose receipts are all given: a root of tallies that is signed, sent or not, has no others.

    Raises `JournalRolledBack` where the chain has a settlement whose root the journal does not know.
    """
    if not parameters.settles_tallies:
        return settled
    signed = {place[0] for place in journal.places if place[1:3] == _TALLIES}
    if settled > parameters.burn_in and settled not in signed:
        raise JournalRolledBack(journal.path, (settled, *_TALLIES, 0))
    return max(signed | {settled})


@dataclass(frozen=True, slots=True)
class _Unwritten:
    """A recorded round, and until when its receipts are waited for."""

    ledger: Ledger
    found: Recorded
    until: float

    def due(self, rules: Rules, kept: KeptReceipts) -> frozenset[int]:
        """Seats that have yet to request a receipt of it: none that was given a later one, for receipts go in order."""
        ledger, kind, header, able = self.ledger, self.found.record.kind, self.found.record.header, tuple[int, ...]()
        if kind is Kind.EXPLORATION or ledger.round == rules.parameters.burn_in:
            able = rules.everybody
        elif kind is Kind.APPROVED and header is not None:
            able = rules.rewarded(ledger, header)
        return frozenset(seat for seat in able if kept.last(seat) < ledger.round)


class EnvironmentRole(NodeRole):
    """`NodeRole` of the environment.

    Args:
        scenario: its rewards, roles and settings of settlement; its seed is not used.
        window: seconds for which a round's receipts are waited for, and after the game the keys of sealed reports.
        clock: seconds, which all waiting is counted in.
    """

    address, speaks, rushing = ENVIRONMENT, False, frozenset[int]()

    def __init__(
        self, environment: Environment, books: Books, scenario: "Scenario", receipts: KeptReceipts,
        journal: SignedJournal, contract: Coordinator, wallet: Wallet, node: HttpNode, follower: Follower,
        prover: Prover, window: float, clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self._environment, self._rules, self.books = environment, environment.rules, books
        self._scenario, self._kept, self._journal = scenario, receipts, journal
        self._contract, self._wallet, self._node, self._follower = contract, wallet, node, follower
        self._unwritten: deque[_Unwritten] = deque()
        self._early: dict[int, tuple[int, PullRequest]] = {}
        self._settled = contract.settled_through()
        self._given_through = signed_through(journal, self._settled, self._rules.parameters)
        self._prover = prover
        self._window, self._waiting_since, self._now = window, 0.0, clock
        self._is_too_late = self._in_vain = self._all_speak = False

    def begin(self, ledger: Ledger) -> None:
        """Open the next round; what was given of it before this process began is given again."""
        self._ledger, self._is_open, self._unrecorded, self._all_speak = ledger, True, ledger.round, False
        self._environment.begin(ledger)
        if ledger.round < self._rules.parameters.burn_in:
            self._give_again()
            self._give(honest_arm(self._rules.parameters, ledger))

    def tick(self, step: int) -> list[Post]:
        """Nothing of its own accord; it settles where proofs depend on it: once all send again, all have pulled."""
        if self._rules.parameters.provable:
            self._write_down(self._all_speak)
            self._all_speak = True  # before what comes next: the first step, which all are waited for in, is over then
        return posts(self._environment.on_tick(step))

    def take(self, sender: int, round_: int, message: NodeMessage) -> list[Post]:
        """Pulls of every round that is recorded and not settled; those that come before the record wait for it.

        No certificate opens a round here: the chain may still get another record than its block, a skip by anybody.
        """
        match message:
            case Owed():
                return self._owed(sender, message.since)
            case PullRequest() if round_ >= self._unrecorded:
                self._early[sender] = round_, message
            case PullRequest():
                return self._pulled(sender, round_, message)
        return []

    def act(self, heard: bool, late: bool) -> bool:
        """Write down and settle, once receipts have left: on a slow chain it waits a block for a settlement."""
        self._write_down(self._all_speak)
        return False

    def overdue(self) -> list[Post]:
        """Receipts of live rewards that have come, or were waited for long enough."""
        return self._signed(self._environment.answered)

    def expects(self) -> bool:
        """Whether live rewards are on their way."""
        return self._environment.is_asking()

    def recorded(self, found: Recorded) -> list[Post]:
        """Open the round for pulls, give what is given unasked, and answer the pulls that came before."""
        at("record seen")
        ledger = self._ledger
        self._unrecorded, self._is_open = ledger.round + 1, False
        if found.block is not None:
            self._environment.on_message(RELAYER, found.block)
        self._give_again()
        arm = self._unasked(ledger, found)
        said = [] if arm is None else self._give(arm)
        self._unwritten.append(_Unwritten(ledger, found, self._now() + self._window))
        for seat, (round_, pull) in self._early.items():
            if round_ == ledger.round > self._given_through:
                said += self._pulled(seat, round_, pull)
        return said

    def close(self, found: Recorded | None) -> None:
        """Wait for the round's receipts, and write it down after those before it."""
        at("round closed")
        self._is_open = False
        if found is None:  # later requests are answered from the file
            self._environment.close(self._ledger.round)
        else:
            self._prover.on_record(self._ledger, found)
        self._write_down()
        waiting = self._unwritten[0].ledger.round if self._unwritten else self._ledger.round + 1
        self._journal.forget(waiting - 2)  # the last one before may be settled yet, when the game ends

    def finish(self) -> bool:
        """Settle, reveal, settle the costs, close, withdraw: one step at a call."""
        contract, wallet, follower = self._contract, self._wallet, self._follower
        follower.rest()
        self._write_down(is_over=True)
        if self._unwritten:
            return False
        last = self.books.ledger.round - 1  # a reorganisation may have left the secret there, and taken settlements out
        is_settled = last <= max(self._settled, self._rules.parameters.burn_in)
        if not follower.closed and not (follower.revealed and is_settled) and not self._is_too_late:
            self._settle(0)
            if self._rules.parameters.sealed:
                sums = self.books.sums()
                self.sync()
                at("settlement signed")
                self._in_time(lambda: contract.settle_sums(wallet, sums), "AlreadySummed")
            at("about to reveal")
            secret, roles = self._environment.secret, bytes(self._environment.roles)
            model = self._environment.model.encode()
            self._in_time(lambda: contract.reveal(wallet, secret, roles, model), "AlreadyRevealed")
            at("revealed")
            return False
        if not follower.closed:
            return (self._is_too_late or self._settle_costs()) and self._close()
        if contract.owed(bytes.fromhex(wallet.address[2:])):
            self.once(contract, lambda: contract.withdraw(wallet), "NothingOwed")
        at("withdrawn")
        return True

    def sync(self) -> None:
        """Receipts, then the journal: whatever that has signed is in a file of receipts that is whole."""
        self._kept.sync()
        self._journal.sync()

    def _unasked(self, ledger: Ledger, found: Recorded) -> int | None:
        """The arm of a recorded round whose receipts need no pull."""
        parameters = self._rules.parameters
        if ledger.round == parameters.burn_in:
            return honest_arm(parameters, ledger)
        return exploration_arm(parameters, ledger) if found.record.kind is Kind.EXPLORATION else None

    def _give_again(self) -> None:
        """Receipts of a round given before a restart, once its block tells how often an arm is pulled in it."""
        for seat in self._rules.everybody:
            kept = self._kept.get(seat, self._ledger.round)
            if kept is not None:
                self._give_to(seat, kept.round, kept.arm)

    def _give(self, arm: int) -> list[Post]:
        """Receipts for all seats except those with earlier ones due: receipts go in order."""
        here = self._ledger.round
        self._environment.leave_open(here)
        due = frozenset[int]().union(*map(self._due, self._unwritten))
        able = [seat for seat in self._rules.everybody if self._kept.last(seat) < here and seat not in due]
        self._environment.ask_ahead(able, arm)
        for seat in able:
            self._give_to(seat, here, arm)
        return list(self._environment.given(here).items())

    def _due(self, each: _Unwritten) -> frozenset[int]:
        return each.due(self._rules, self._kept)

    def _give_to(self, seat: int, round_: int, arm: int) -> None:
        self._signed(lambda: [Send((seat,), self._environment.give_to(seat, round_, arm))])

    def _signed(self, give: Callable[[], list[Send]]) -> list[Post]:
        """Receipts, which are kept; none where the round had another record before a reorganisation.

        That round's receipt is signed: its seat goes without the reward, which is settled as none.
        """
        try:
            said = posts(give())
        except AlreadySigned:
            return []
        self._keep(said)
        return said

    def _pulled(self, seat: int, round_: int, request: PullRequest) -> list[Post]:
        """The receipt; after a restart those given by the previous process may not all be given again yet.

        A requesting seat gives up the pulls before it, but not what is given unasked: that follows from a sealed game's
        secret, for its tallies.
        """
        if self._kept.last(seat) >= round_:
            return self._owed(seat, round_)
        for each in self._unwritten:
            arm = self._unasked(each.ledger, each.found) if each.ledger.round < round_ else None
            if arm is not None and seat in self._due(each):
                self._give_to(seat, each.ledger.round, arm)
        said = self._signed(lambda: self._environment.late_pull(seat, round_, request))
        return said or self._owed(seat, round_)

    def _keep(self, said: list[Post]) -> None:
        for seat, receipt in said:
            if isinstance(receipt, Receipt):
                self._kept.add(seat, receipt)

    def _owed(self, seat: int, since: int) -> list[Post]:
        """What a seat was given from a round on, and that there is no more of it, once that is so."""
        if seat not in self._rules.everybody:
            return []
        for each in self._unwritten:  # an unasked receipt whose turn has come
            if seat not in self._due(each):
                continue
            arm = self._unasked(each.ledger, each.found)
            if arm is None:
                break
            self._give_to(seat, each.ledger.round, arm)
        said: list[Post] = [(seat, receipt) for receipt in self._kept.since(seat, since, AT_ONCE)]
        waited = (each.ledger.round for each in self._unwritten if seat in self._due(each))
        first = next(waited, self._ledger.round + (not self._is_open))
        return [*said, (seat, Owed(since))] if since < first else said

    def _write_down(self, all_speak: bool = False, is_over: bool = False) -> None:
        """Every round whose receipts are all there, or were waited for long enough; and settle when it is time.

        Phases are settled all or none: liars that come late in turns would put that off for ever. So after one that was
        waited for in vain no other is.

        Args:
            all_speak: whether all that are there send in the open round, so that they lack no receipt.
            is_over: whether the game is, so that the window for settlement counts.
        """
        while self._unwritten:
            first = self._unwritten[0]
            ledger, found, due = first.ledger, first.found, self._due(first)
            if self._environment.is_asking(ledger.round):
                if is_over and self._is_window_half_gone():
                    self._environment.expire(ledger.round)
                return
            if due and ledger.round > self._given_through:
                if not (all_speak and self._in_vain) and not self._is_waited_for_long_enough(is_over):
                    return
                self._in_vain = bool(self._rules.parameters.has_phases)
            arm = self._unasked(ledger, found)
            if arm is not None:
                for seat in sorted(due):
                    self._give_to(seat, ledger.round, arm)
                self._environment.close(ledger.round)
            self._unwritten.popleft()
            self.books.ledger = ledger
            self.books.add(found.record, found.block.body if found.block is not None else b"")
            self._settle(self._scenario.chain.settle_every)
        self._in_vain = False

    def _is_waited_for_long_enough(self, is_over: bool) -> bool:
        """The first unwritten round; where proofs hang on its settlement, w + 1 blocks after it are long enough, and
        after the last round half of the blocks that the contract takes settlements in.

        Rounds without a block do not count: they pass while everybody waits for an environment that is away.
        """
        parameters, blocks = self._rules.parameters, (each.found.block is not None for each in self._unwritten)
        next(blocks)
        is_pressing = parameters.provable and sum(blocks) >= parameters.unrecorded + 1
        if is_pressing or self._now() >= self._unwritten[0].until:
            return True
        return is_over and self._is_window_half_gone()

    def _is_window_half_gone(self) -> bool:
        """Of the blocks after the game in which all that anybody was given has to be on the chain."""
        parameters = self._rules.parameters
        return self._contract.blocks_left(parameters, parameters.shown_within // 2) <= 0

    def _settle(self, least: int) -> None:
        """Tell the contract, unless an earlier process has; of phases it takes all that are recorded, or nothing."""
        last = self.books.ledger.round - 1
        if last == self._settled > self._rules.parameters.burn_in:
            self.books.settled()
        settlement = self.books.settlement(least) if last > self._settled and self._is_last(last) else None
        if settlement is None:
            return
        at("about to settle")
        self.sync()
        at("settlement signed")
        done = "AlreadySettled", "NotLastRound"
        if self._in_time(lambda: self._contract.settle_rewards(self._wallet, *settlement), *done) != "NotLastRound":
            self.books.settled()
            self._settled = last
        at("settled")

    def _is_last(self, round_: int) -> bool:
        return not self._rules.parameters.has_phases or self._contract.next_round() - 1 == round_

    def _settle_costs(self) -> bool:
        """Hand back the next chunk of records; True once all are."""
        entries, first = self.books.entries[::-1], self.books.ledger.round - 1
        done = 0 if self._follower.costs_from is None else first - self._follower.costs_from + 1
        if done >= len(entries):
            return True
        parameters = self._rules.parameters
        self._prover.prove(self._wallet)
        if parameters.slash and not self._has_passed(parameters.settlement_window // 2, self._prover.is_over()):
            return False
        chunk = entries[done : done + self._scenario.costs_every]
        contract, wallet = self._contract, self._wallet
        self._in_time(lambda: contract.settle_costs(wallet, chunk), "WrongRecord", "NoRecordLeft")
        at("costs settled")
        return False

    def _in_time(self, call: Callable[[], object], *done: str) -> str | None:
        """As `once`; after the window for settlement nothing is left to do but to close, which voids the costs."""
        said = self.once(self._contract, call, *done, "WindowPassed")
        self._is_too_late |= said == "WindowPassed"
        return said

    def _close(self) -> bool:
        """Close, once nobody is waited for; never True: the event tells."""
        parameters = self._rules.parameters
        nobody_left = not parameters.sealed or self._prover.knows_all()
        if parameters.slash and not self._has_passed(parameters.settlement_window, nobody_left):
            return False
        self._waiting_since = self._waiting_since or self._now()
        try:
            self._contract.close(self._wallet)
            self._contract.settle()
            at("closed")
        except TransactionReverted as error:
            if error.error != "Unfinished":
                raise
            if self._now() - self._waiting_since > self._window and self._follower.is_whole():
                self._node.mine(self._rules.parameters.settlement_window)
        return False

    def _has_passed(self, blocks: int, at_once: bool) -> bool:
        """Whether so many blocks have passed since the game was over; a development node that lacks nothing is hurried.

        Args:
            at_once: whether nobody has anything left to do before; else all are given the window for it.
        """
        left = self._contract.blocks_left(self._rules.parameters, blocks)
        if left <= 0:
            self._waiting_since = 0.0
            return True
        self._waiting_since = self._waiting_since or self._now()
        if (at_once or self._now() - self._waiting_since > self._window) and self._follower.is_whole():
            self._node.hurry(left)
        return False
