"""Start of a node of a bandit game: its contract and seat, and its role from the first call to the last."""

import logging
import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chain_bandit.actors.comparer import Comparer
from chain_bandit.actors.environment import Environment
from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER
from chain_bandit.actors.own_rewards import OwnRewards
from chain_bandit.actors.participant import Participant
from chain_bandit.actors.relayer import Relayer
from chain_bandit.actors.rules import Rules
from chain_bandit.actors.seat import Seat
from chain_bandit.actors.validator import Validator
from chain_bandit.attacks.attack import View
from chain_bandit.attacks.malicious import MaliciousParticipant, MaliciousSeat
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import ForeignChain, NodeUnreachable, NonceTaken, TransactionReverted
from chain_bandit.chain.http_node import BURIED
from chain_bandit.chain.identity import require_same
from chain_bandit.chain.node import account
from chain_bandit.chain_history.bodies import KEPT
from chain_bandit.comparison.ideal import IdealComparison
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.foreign.registry import named
from chain_bandit.game.attach import attach
from chain_bandit.game.books import Books
from chain_bandit.game.errors import RecordMismatch
from chain_bandit.network.links import Links
from chain_bandit.nodes import keystore
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.agreement_start import AgreementStart
from chain_bandit.nodes.bodies import BodyExchange, KeptBodies
from chain_bandit.nodes.comparer import ComparerRole
from chain_bandit.nodes.crash import arm, at
from chain_bandit.nodes.ended import UNOPENED, ended_with, is_undone
from chain_bandit.nodes.environment import EnvironmentRole, require_receipts
from chain_bandit.nodes.follower import PASSING, Follower
from chain_bandit.nodes.head import LOOK, REPLACED, ChainWentBack, Reorganised
from chain_bandit.nodes.live import kept_own, kept_rewards
from chain_bandit.nodes.node import GROWTH, UNHURRIED
from chain_bandit.nodes.node_start import NodeStart, said, to_audit
from chain_bandit.nodes.prover import Prover
from chain_bandit.nodes.receipts import KeptReceipts
from chain_bandit.nodes.relayer import RelayerRole
from chain_bandit.nodes.role import NodeRole
from chain_bandit.nodes.round_rules import BanditRounds, RoundRules
from chain_bandit.nodes.seat import SeatRole
from chain_bandit.nodes.sign_once import OnceSigner, SignedJournal
from chain_bandit.protocol.blocks import genesis_digest
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ledger import Ledger, opening
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.rewards import self_declared_commitment
from chain_bandit.protocol.ruleset import RuleKind, RulesUnknown
from chain_bandit.protocol.units import UNIT

if TYPE_CHECKING:
    from chain_bandit.scenario import Scenario


PATIENCE = 20
"""Δ for which the relayer may hand in a proof of a false report before the first seat does; each next one waits so much
longer."""


AWAITED = 60.0
"""Seconds for which the environment waits for nodes that have not called it yet, before it opens the game."""


class NeverOpened(ChainBanditError):
    """A game that was not opened in time."""

    exit_code = 2

    def __init__(self, deadline: int, height: int, returned: int = 0) -> None:
        leave = "chain-bandit leave takes back stake and pool"
        told = f"{returned} wei were returned to its account" if returned else leave
        super().__init__(f"{UNOPENED} {deadline:,}, now is {height:,}: it never will be; {told}")
        self.deadline, self.height, self.returned = deadline, height, returned


class Start(NodeStart):
    """A node of a bandit game."""

    game: files.GameFile
    contract: Coordinator
    follower: Follower
    _opens_by: tuple[float, int] | None = None
    _full_at: int | None = None
    _is_moved = False

    def _read_game(self, path: Path) -> None:
        self.game = files.read_game(path)

    def _attach(self, path: Path) -> None:
        self._await_height(self.game.first_block)
        require_same(self.node.rpc.ask, self.game.identity)
        address = bytes.fromhex(self.game.contract[2:])
        for kind, rule in self.game.rules.items():
            named(RuleKind[kind.upper()], rule)
        try:
            self.contract, self.parameters = attach(
                self.node.line, address, self.game.first_block, self.node.delivery
            )
        except RulesUnknown as error:
            raise files.PlaceRefused(Path(files.GAME), str(error)) from error
        files.require_environment(path, self.game, self.contract.environment())
        self.domain = Domain(self.game.chain_id, address, bytes.fromhex(self.game.game[2:]))
        self.seated = tuple(each.seated for each in self.game.participants)
        self.follower = Follower(
            self.contract, self.game.first_block, self.game.confirmations, lambda: self.watch.look()
        )

    def _unlocked(self, settings: files.NodeFile, password: Callable[[Path], str] | None) -> files.KeyFile:
        """The node's secrets, of its keystore; the comparison has none."""
        if not self.game.participants:
            path = self._place / settings.game
            raise files.PlaceRefused(path, "has no participants yet; chain-bandit assemble adds them")
        if settings.role == "comparison":
            return keystore.keys_of(self._place, settings, self.game, b"")
        holder = (self._place / settings.keystore).resolve().parent
        assert password is not None
        return keystore.keys_of(self._place, settings, self.game, keystore.unlock(holder, password(holder)))

    def _seated(self, journal: SignedJournal | None, stack: ExitStack) -> tuple[RoundRules, Ledger, NodeRole]:
        rules, first = self._rules()
        return BanditRounds(rules), first, self._role(rules, first, journal, stack)

    def _bodies(self, stack: ExitStack) -> BodyExchange | None:
        if self.parameters.body_mode != BodyMode.COMPACT or self.key.address == COMPARISON:
            return None
        kept = KeptBodies(self._place / KEPT)
        stack.callback(kept.close)
        return BodyExchange(kept)

    def _is_past(self, role: NodeRole) -> bool:
        """But for the environment, which tells the digest of all rounds."""
        return self.contract.closed() and not isinstance(role, EnvironmentRole)

    def _outlast(self) -> None:
        if self.key.address == COMPARISON:
            return
        self._bury_end()
        if not self.contract.closed() or self.contract.owed(self._signer.address):
            raise Reorganised("the game, which was closed, is not, or its account has not withdrawn")

    def _said_at_end(self, role: NodeRole, ledger: Ledger | None) -> Mapping[str, Any]:
        said, told = dict(super()._said_at_end(role, ledger)), list[str]()
        if ledger is not None and ledger.means is not None:
            best = max(range(self.parameters.arms), key=ledger.means.__getitem__)
            said |= {"best_arm": best, "estimate": ledger.means[best]}
            names = self.game.arm_names
            name = names[best] if len(names) == self.parameters.arms else f"arm {best}"
            told.append(f"{name} is best, at {ledger.means[best] / UNIT:.3f} by the last block")
        if isinstance(role, EnvironmentRole):
            said["run_digest"] = "0x" + role.books.digest.hex()
        if isinstance(role, SeatRole) and role.withdrawn is not None:
            stake = self.parameters.stake * self.seated[role.address].weight
            said |= {"withdrawn_wei": role.withdrawn, "earned_wei": role.withdrawn - stake}
            reward = UNIT * self.parameters.wei_per_unit
            taken, earned = role.withdrawn / reward, (role.withdrawn - stake) / reward
            told.append(f"this seat earned {earned:,.2f} rewards, and withdrew {taken:,.2f} with its stake")
        if said["gas"]:
            told.append(f"{said['gas']:,} gas")
        if told:
            self._say("; ".join(told))
        return said

    # --- before the first round

    def _await_opening(self, links: Links) -> bool:
        """Take one's seat, or open the game when all are taken; whether the game was not open before.

        Raises `NeverOpened` once no block can open it any more; stake or pool have come back by then.
        """
        waited, deadline, height = False, self.game.first_block + self.parameters.opening_deadline, self.node.height()
        pause = UNHURRIED
        while self.follower.opening() is None:
            if height >= deadline + self.game.confirmations and not self.contract.opened():
                raise NeverOpened(deadline, height, self._take_back())
            if not waited:
                self._say(f"the game is not open yet: it has to be by block {deadline:,}, now is {height:,}")
            waited = True
            try:
                if height < deadline:
                    self._open(links, deadline - height)
            except TransactionReverted as error:  # done before a restart, or it is too late: the chain will show it
                if error.error not in ("AlreadyJoined", "AlreadyOpened", "OpeningMissed", "SeatsMissing"):
                    raise
            self.clock.sleep(pause)
            pause = max(UNHURRIED, min(GROWTH * pause, self._calm()))
            height = self.node.height()
        return waited

    def _open(self, links: Links, blocks: int) -> None:
        address, salt = self.key.address, self.key.salt
        if address == ENVIRONMENT and salt is not None:
            if self._is_full(blocks) and self._are_there(links, blocks):
                self.contract.open(account(self._signer.secret), salt)
                self.contract.settle()
                at("opened")
        elif address >= 0 and self._is_next(address):
            self.contract.join(account(self._signer.secret), self.seated[address])
            self.contract.settle()
            at("joined")

    def _is_full(self, blocks: int) -> bool:
        """Whether each account holds the place of the plan, under so many blocks that no reorganisation moves a seat.

        A game whose places differ is not opened: its stakes and pool come back once its deadline has passed.

        Args:
            blocks: left to open the game in, of which the wait takes no more than half.
        """
        planned, seats = [each.address for each in self.seated], range(len(self.seated))
        if self._full_at is None and self.contract.holder(seats[-1]) is None:
            return False
        head = self.contract.rpc.latest()
        try:
            held = [self.contract.holder(seat, head) or b"" for seat in seats]
        except NodeUnreachable as error:  # the node answers for another branch: places are those of one
            self.contract.rpc.notice.waiting(error)
            return False
        if held != planned:
            self._full_at = None
            if all(held) and not self._is_moved:
                moved = next(seat for seat in seats if held[seat] != planned[seat])
                self._say(f"the game is not opened: seat {moved} belongs to 0x{held[moved].hex()} on the chain, and to "
                          f"0x{planned[moved].hex()} in {files.GAME}; stakes and pool come back after the deadline")
                self._is_moved = True
                self.node.hurry(blocks + self.game.confirmations)
            return False
        if self._full_at is None:
            self._full_at = head[0]
            self.node.hurry(BURIED)
        return self._stands_still(head[0]) or head[0] - self._full_at >= min(BURIED, blocks // 2)

    def _take_back(self) -> int:
        """Withdraw stake or pool of a game that was never opened, in wei."""
        if self.key.secret is None:
            return 0
        wallet = account(self._signer.secret)
        owed = self.contract.owed(self._signer.address)
        if owed:
            try:
                self.contract.withdraw(wallet)
                self.contract.settle()
            except TransactionReverted as error:  # one of an earlier process has come through
                if error.error != "NothingOwed":
                    raise
        return owed

    def _are_there(self, links: Links, blocks: int) -> bool:
        """Whether the first round may begin: it is lost to whose node comes later, and to all if too many do.

        Args:
            blocks: left to open the game in, of which the wait takes no more than half.
        """
        now, missing = self.clock.now(), sorted(self.peers.keys() - links.present)
        if self._opens_by is None:
            self._opens_by = now + AWAITED, (blocks + 1) // 2
            if missing:
                names = ", ".join(map(files.name_of, missing))
                self._say(f"waits {AWAITED:.0f} s at most for the nodes of {names} before it opens the game")
        until, left = self._opens_by
        return not missing or now > until or blocks <= left

    def _is_next(self, seat: int) -> bool:
        """Whether it is this seat's turn: seats go by order, and the one before is confirmed."""
        *before, own = (each.address for each in self.seated[: seat + 1])
        if self.contract.has_seat(own):
            return False
        block = self.follower.last_counted() or "latest"
        if block != "latest" and int(block, 16) < self.game.first_block:
            return False
        try:
            return all(self.contract.has_seat(each, block) for each in before[-1:])
        except NodeUnreachable:
            if block == "latest":
                raise
            return False  # a reorganisation may have taken the block out

    def _rules(self) -> tuple[Rules, Ledger]:
        """The public facts, and the ledger before round 1. Raises `ForeignChain` where others have joined."""
        salt = self.follower.opening()
        assert salt is not None
        seed_0, genesis = genesis_digest(self.domain.game, self.seated, salt)
        found = self.contract.genesis()
        if found == bytes(32):
            raise Reorganised("the game, which was open, is not")
        if found != genesis:
            raise ForeignChain("genesis", "0x" + genesis.hex(), "0x" + found.hex())
        rules = Rules(
            self.parameters, self.domain, [each.address for each in self.seated], self.game.environment, seed_0,
            genesis, [each.vrf_key for each in self.seated], certified=self.game.vectors == "certified",
        )  # fmt: skip
        return rules, opening(self.parameters, genesis, seed_0, tuple(each.weight for each in self.seated))

    # --- identity

    def _role(self, rules: Rules, first: Ledger, journal: SignedJournal | None, stack: ExitStack) -> NodeRole:
        if self.key.address == COMPARISON:
            return ComparerRole(Comparer(rules, IdealComparison(self.parameters.horizon)))
        wallet = account(self._signer.secret)
        if self.key.address == RELAYER:
            relayer = Relayer(rules, self.verifier)
            return RelayerRole(relayer, self.contract, wallet, self.node, self.follower, self.verifier)
        receipts = KeptReceipts(self._place / files.RECEIPTS)
        stack.callback(receipts.close)
        if self.key.address == ENVIRONMENT:
            return self._environment(rules, first, journal, receipts, stack)
        seat, malicious = self._seat(rules, first, journal, stack)
        patience = PATIENCE * (1 + seat.number) * self.game.bound_ms / 1000
        prover = Prover(rules, self.verifier, self.contract, self.follower, patience)
        return SeatRole(seat, receipts, journal, self.contract, wallet, self.follower, prover, malicious)

    def _environment(
        self, rules: Rules, first: Ledger, journal: SignedJournal | None, receipts: KeptReceipts, stack: ExitStack
    ) -> EnvironmentRole:
        assert self.key.secret is not None
        assert journal is not None
        if self.key.draws is None:
            raise files.PlaceRefused(self._place / files.KEY, "has no secret of the draws")
        self.follower.passing = PASSING
        reported = self.follower.has_reports(self.parameters)
        require_receipts(receipts, journal, self.parameters.burn_in, reported)
        scenario, signer = self._scenario(), OnceSigner(self.key.secret, journal)
        rewards = kept_rewards(self._place, scenario, self.domain.separator(), receipts, stack, self._say)
        secret = scenario.public_secret or self.key.draws
        environment = Environment(rules, scenario.model, scenario.roles, secret, signer, self.verifier, rewards)
        books = Books(self.parameters, environment, first)
        window = scenario.pull_wait * self.game.bound_ms / 1000
        prover = Prover(rules, self.verifier, self.contract, self.follower, inf)
        return EnvironmentRole(
            environment, books, scenario, receipts, journal, self.contract, account(signer.secret), self.node,
            self.follower, prover, window, self.clock.now,
        )  # fmt: skip

    def _scenario(self) -> "Scenario":
        """Of the environment, and of seats under an attack; late: it takes half a second, and the others have none."""
        from chain_bandit.game.folder import SCENARIO
        from chain_bandit.scenario import load

        return load(self._place / SCENARIO)

    def _own(self, rules: Rules, stack: ExitStack) -> OwnRewards | None:
        """Where rewards are self-declared, which the environment's commitment says, this seat's source of them.

        Where false reports can be proven none are: reports of own rewards would be false ones there.

        Raises:
            NoSourceNamed: it has none, or one is given in another game.
        """
        from chain_bandit.game.folder import SCENARIO
        from chain_bandit.game.live import NoSourceNamed

        p, salt = self.parameters, self.follower.opening()
        assert salt is not None
        commitment = self_declared_commitment(p.participants, p.arms)
        if p.sealed or p.provable or p.digest(keccak(salt), commitment) != self.domain.game:
            if self._source is not None:
                raise NoSourceNamed("--rewards: the environment gives the rewards of this game, nobody else's count")
            return None
        scenario = self._scenario() if (self._place / SCENARIO).exists() else None
        return kept_own(self._place, scenario, self._source, rules, self.key.address, stack, self._say)

    def _seat(
        self, rules: Rules, first: Ledger, journal: SignedJournal | None, stack: ExitStack
    ) -> tuple[Seat, frozenset[int]]:
        key, number = self.key, self.key.address
        if key.secret is None or key.vrf is None or key.seal is None:
            raise files.PlaceRefused(self._place / files.KEY, "lacks a secret of its seat")
        signer = OnceSigner(key.secret, journal) if journal is not None else Signer(key.secret)
        validator = Validator(rules, number, signer, self.verifier)
        identity = (rules, number, signer, VrfKey(key.vrf), key.seal, self.verifier, self._own(rules, stack))
        if key.chance is None:
            return Seat(Participant(*identity), validator, self.verifier), frozenset()
        attacks = self._scenario().attacks()
        keys = {seat: Signer(secret) for seat, secret in key.colluders.items()} | {number: signer}
        view = View(number, rules, frozenset(attacks), keys, random.Random(key.chance), replace(first))
        player = MaliciousParticipant(*identity)
        return MaliciousSeat(player, validator, self.verifier, attacks[number], view), frozenset(attacks)


def start_of(place: Path) -> type[NodeStart]:
    """What starts the node of a folder, by the file that all its nodes share. Raises `PlaceRefused`."""
    return AgreementStart if isinstance(files.read_shared(files.game_of(place)), files.AgreementFile) else Start


class _Said(logging.Handler):
    """Has warnings of the package, such as that of a rule that failed, written to the node's log."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a log record on."""
        self._say(record.getMessage())


def main(
    place: Path, url: str | None = None, password: Callable[[Path], str] | None = None, metrics: str | None = None,
    say: Callable[[str], None] = said, rewards: str | None = None,
) -> Mapping[str, Any]:  # fmt: skip
    """Run one node to the end of its game; tells which it was, and what it ended with. Raises `ChainBanditError`.

    Where a reorganisation takes out what this node rests on, it starts anew from what the chain has; so it does where
    a nonce is taken soon after its start: by what an earlier process left in the mempool.
    """
    arm(place.resolve().name)
    place, known = place.resolve(), cache(password) if password is not None else None
    if (place / files.ENDED).exists():
        said, game = ended_with(place), files.game_of(place)
        said.pop("account", None)
        if not is_undone(place, url, say):
            say(f"this node has ended with its game; {to_audit(game)}")
            return {"node": place.name, "contract": files.read_shared(game).contract, **said}
        (place / files.ENDED).unlink()
    logging.getLogger("chain_bandit").addHandler(_Said(say))
    reorganised_at, begun_at, before = -inf, -inf, None
    while True:
        start = start_of(place)(place, url, known, metrics, say, rewards)
        begun_at = start.clock.now() if before is None else begun_at
        if before is not None:
            start.contract.take_over(before)
        before = start.contract
        say(f"{files.name_of(start.key.address)} of {start.game.contract}")
        try:
            return {"node": place.name, "contract": start.game.contract, **start.run()}
        except (Reorganised, RecordMismatch, TransactionReverted, NonceTaken, NodeUnreachable) as error:
            if isinstance(error, NodeUnreachable):
                if not start.was_disturbed() or start.watch.trouble is None:
                    raise
                if not start.watch.is_replaced:
                    raise ChainWentBack(start.node.shown, start.watch.trouble, start.node.delivery.patience) from error
            now = start.clock.now()
            if isinstance(error, Reorganised) or start.was_disturbed():
                reorganised_at = now
            if now > max(reorganised_at, begun_at if isinstance(error, NonceTaken) else -inf) + REPLACED:
                raise
            start.clock.sleep(LOOK)
            say(f"starts anew from what the chain has: {error}")
