"""Start of a node from its folder: identity, game, and role from the first call to the last."""

import os
import random
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from ssl import SSLError
from time import sleep
from typing import TYPE_CHECKING

from chain_bandit.actors.comparer import Comparer
from chain_bandit.actors.environment import Environment
from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER
from chain_bandit.actors.participant import Participant
from chain_bandit.actors.relayer import Relayer
from chain_bandit.actors.rules import Rules
from chain_bandit.actors.seat import Seat
from chain_bandit.actors.validator import Validator
from chain_bandit.attacks.attack import View
from chain_bandit.attacks.malicious import MaliciousParticipant, MaliciousSeat
from chain_bandit.chain.errors import ForeignChain, TransactionReverted
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.identity import require_same
from chain_bandit.chain.node import account
from chain_bandit.chain.notice import Notice
from chain_bandit.comparison.ideal import IdealComparison
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.foreign.registry import named
from chain_bandit.game.attach import attach
from chain_bandit.game.books import Books
from chain_bandit.network.links import Links
from chain_bandit.nodes import keystore
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.comparer import ComparerRole
from chain_bandit.nodes.crash import arm, at
from chain_bandit.nodes.environment import EnvironmentRole, require_receipts
from chain_bandit.nodes.follower import Follower
from chain_bandit.nodes.head import Head, HeadWatch, read_head
from chain_bandit.nodes.live import kept_rewards
from chain_bandit.nodes.message_recorder import tapped
from chain_bandit.nodes.node import UNHURRIED, Node
from chain_bandit.nodes.observed import Observed
from chain_bandit.nodes.processes import alone
from chain_bandit.nodes.prover import Prover
from chain_bandit.nodes.receipts import KeptReceipts
from chain_bandit.nodes.relayer import RelayerRole
from chain_bandit.nodes.role import NodeRole
from chain_bandit.nodes.round_rules import BanditRounds
from chain_bandit.nodes.seat import SeatRole
from chain_bandit.nodes.sign_once import OnceSigner, SignedJournal
from chain_bandit.protocol.blocks import genesis_digest
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ledger import Ledger, opening
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.rewards import LIVE
from chain_bandit.protocol.ruleset import RuleKind, RulesUnknown

if TYPE_CHECKING:
    from chain_bandit.scenario import Scenario


PATIENCE = 20
"""Δ for which the relayer may hand in a proof of a false report before the first seat does; each next one waits so much
longer."""


class EndpointRefused(ChainBanditError):
    """A place where this node cannot listen."""

    exit_code = 2

    def __init__(self, endpoint: str, reason: object) -> None:
        hint = f"end whoever does, or name another in {files.GAME}"
        super().__init__(f"{endpoint}: cannot listen there ({reason}); {hint}")
        self.endpoint, self.reason = endpoint, reason


def said(line: str) -> None:
    """A line of the log as it is."""
    print(line, file=sys.stderr, flush=True)


class Start:
    """One node on its way up: what it is made of, in the order in which it can be made.

    Args:
        place: its folder, beside which `game.json` is; or one with `node.json`, which says where that is.
        url: of its own connection to the chain; by default that of the game.
        password: of its keystore, asked for where the folder has `node.json`.
        metrics: HOST:PORT where metrics and health are served.
        say: writes a line of the log.

    Raises:
        PlaceRefused: the files are none of a node, or the folder is not the one that the game has for it.
        EndpointRefused: nobody can listen where it should.
        LogLocked: it runs already.
        ForeignChain: the chain at the URL is another one.
        ForeignContract, ForeignCreation: the contract is not this version's, or was created by other code.
    """

    def __init__(
        self, place: Path, url: str | None = None, password: Callable[[Path], str] | None = None,
        metrics: str | None = None, say: Callable[[str], None] = said,
    ) -> None:  # fmt: skip
        self._place, self._metrics, self._say = place.resolve(), metrics, say
        os.chdir(self._place.parent)  # sockets are named from there: the path of a socket must be short
        settings = files.read_node(self._place / files.NODE) if (self._place / files.NODE).exists() else None
        path = self._place / settings.game if settings else Path(files.GAME)
        self.game = files.read_game(path)
        if settings is None:
            self.key = files.read_key(self._place / files.KEY)
            self._require_name(files.name_of(self.key.address))
        else:
            self._require_folder(settings.folder)
            self.key = self._unlocked(settings, password)
        try:
            self.peers, own = self.game.peers(self.key.address), self.game.own(self.key.address)
            identity = self.game.identity
        except (ValueError, TypeError) as error:
            raise files.PlaceRefused(path, str(error)) from error
        self.endpoint = settings.listen if settings else own.endpoint
        files.require_link(self._place / files.LINK, own.certificate)
        self.node = HttpNode(url or self.game.url)
        require_same(self.node.rpc.ask, identity)
        address = bytes.fromhex(self.game.contract[2:])
        for kind, rule in self.game.rules.items():
            named(RuleKind[kind.upper()], rule)
        try:
            self.contract, self.parameters = attach(self.node.line, address, self.game.first_block)
        except RulesUnknown as error:
            raise files.PlaceRefused(Path(files.GAME), str(error)) from error
        files.require_environment(path, self.game, self.contract.environment())
        self.domain = Domain(self.game.chain_id, address, bytes.fromhex(self.game.game[2:]))
        self.seated = tuple(each.seated for each in self.game.participants)
        confirmations, path = self.game.confirmations, self._place / files.HEAD
        at = f"the chain at {self.node.url}"
        for rpc in (self.node.rpc, self.contract.rpc):
            rpc.notice = Notice(at, say)
        self.follower = Follower(self.contract, self.game.first_block, confirmations, lambda: self.watch.look())
        lacks = self.follower.lacks
        head = Head(self.node.url, identity.genesis_hash, confirmations, read_head(path), lacks)
        self.watch = HeadWatch(self.contract.rpc, path, head)
        self.verifier = Verifier()

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

    def _require_name(self, name: str) -> None:
        """A copy would have a lock and a sign-once journal of its own."""
        if self._place.name != name:
            raise files.PlaceRefused(self._place, f"has the key of {name}, which runs in the folder of that name alone")

    def _require_folder(self, folder: str) -> None:
        """The same of a node with a keystore, which may have any name."""
        if Path(folder) != self._place:
            reason = f'was made as {folder}: end the node there first, then say the new "folder" in {files.NODE}'
            raise files.PlaceRefused(self._place, reason)

    def run(self) -> None:
        """Play, to the end of the game. Raises `ChainBanditError`."""
        with ExitStack() as stack:
            stack.enter_context(alone(self._place))
            at("started")
            journal = self._journal(stack)
            links = self._links()
            stack.callback(links.close)
            self.watch.wait()
            live = self._await_opening()
            rules, first = self._rules()
            role = self._role(rules, first, journal, stack)
            last = journal.last if journal is not None and role.speaks else -1
            bound = self.game.bound_ms / 1000
            heard = stack.enter_context(tapped(self._place, self.key.address))
            node = Node(
                role, BanditRounds(rules), first, links, self.follower, live, last, bound, self.verifier, self._say,
                heard, observe=self._observer(stack),
            )  # fmt: skip
            if self.contract.closed() and not isinstance(role, EnvironmentRole):  # which tells the digest of all rounds
                self._finish(role)
            else:
                node.run(links.receive)
            said = {"run_digest": "0x" + role.books.digest.hex()} if isinstance(role, EnvironmentRole) else {}
            files.write_ended(self._place, said)

    def _observer(self, stack: ExitStack) -> Callable[[Observed], None]:
        """What counts the rounds, where metrics are asked for."""
        if self._metrics is None:
            return lambda seen: None
        from chain_bandit.loopback import served  # late: most nodes have no metrics
        from chain_bandit.nodes.metrics import Metrics

        journal = self._place / files.SIGNED
        metrics = Metrics(
            self._place.name, lambda: self.contract.gas, lambda: journal.stat().st_size if journal.exists() else 0
        )
        port = stack.enter_context(served(self._metrics, metrics.answer))
        self._say(f"metrics at {self._metrics.rpartition(':')[0]}:{port}")
        return metrics.take

    def _links(self) -> Links:
        link = self._place / files.LINK
        try:
            return Links(self.endpoint, link, self.peers, private=self.game.private_addresses)
        except SSLError as error:
            raise files.PlaceRefused(link, f"cannot be used with the certificates of {files.GAME} ({error})") from error
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
            raise EndpointRefused(self.endpoint, reason) from error

    def _finish(self, role: NodeRole) -> None:
        """The game went to its end without us: take what is owed."""
        while not role.finish():
            sleep(UNHURRIED)

    def _journal(self, stack: ExitStack) -> SignedJournal | None:
        if self.key.secret is None or self.key.address == RELAYER or self.key.chance is not None:
            return None
        own = Signer(self.key.secret).address
        journal = SignedJournal(self._place / files.SIGNED, self.domain.separator(), own)
        stack.callback(journal.close)
        return journal

    # --- before the first round

    def _await_opening(self) -> bool:
        """Take one's seat, or open the game when all are taken; whether the game was not open before."""
        waited = False
        while self.follower.opening() is None:
            waited = True
            try:
                self._open()
            except TransactionReverted as error:  # a life before has done it, and the chain had not shown it yet
                if error.error not in ("AlreadyJoined", "AlreadyOpened"):
                    raise
            sleep(UNHURRIED)
        return waited

    def _open(self) -> None:
        address, participants = self.key.address, self.seated
        if address == ENVIRONMENT:
            if self.key.salt is not None and self.contract.has_seat(participants[-1].address):
                self.contract.open(account(self._signer.secret), self.key.salt)
                self.contract.settle()
                at("opened")
        elif address >= 0 and self._is_next(address):
            self.contract.join(account(self._signer.secret), participants[address])
            self.contract.settle()
            at("joined")

    def _is_next(self, seat: int) -> bool:
        """Whether it is this seat's turn: seats go by order."""
        *before, own = (each.address for each in self.seated[: seat + 1])
        return not self.contract.has_seat(own) and all(map(self.contract.has_seat, before[-1:]))

    @property
    def _signer(self) -> Signer:
        if self.key.secret is None:
            raise files.PlaceRefused(self._place / files.KEY, "has no secret")
        return Signer(self.key.secret)

    def _rules(self) -> tuple[Rules, Ledger]:
        """The public facts, and the ledger before round 1. Raises `ForeignChain` where others have joined."""
        salt = self.follower.opening()
        assert salt is not None
        seed_0, genesis = genesis_digest(self.domain.game, self.seated, salt)
        found = self.contract.genesis()
        if found != genesis:
            raise ForeignChain("genesis", "0x" + genesis.hex(), "0x" + found.hex())
        rules = Rules(
            self.parameters, self.domain, [each.address for each in self.seated], self.game.environment, seed_0,
            genesis, [each.vrf_key for each in self.seated],
        )  # fmt: skip
        return rules, opening(self.parameters, genesis, seed_0, tuple(each.weight for each in self.seated))

    # --- who it is

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
        seat, malicious = self._seat(rules, first, journal)
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
        reported = self.follower.has_reports(self.parameters)
        require_receipts(receipts, journal, self.parameters.burn_in, reported)
        scenario, signer = self._scenario(), OnceSigner(self.key.secret, journal)
        rewards = kept_rewards(self._place, scenario, self.domain.separator(), receipts, stack)
        secret = LIVE if scenario.is_live else self.key.draws
        environment = Environment(rules, scenario.model, scenario.roles, secret, signer, self.verifier, rewards)
        books = Books(self.parameters, environment, first)
        window = scenario.pull_wait * self.game.bound_ms / 1000
        prover = Prover(rules, self.verifier, self.contract, self.follower)
        return EnvironmentRole(
            environment, books, scenario, receipts, journal, self.contract, account(signer.secret), self.node,
            self.follower, prover, window,
        )  # fmt: skip

    def _scenario(self) -> "Scenario":
        """Of the environment, and of seats under an attack; late: it takes half a second, and the others have none."""
        from chain_bandit.game.folder import SCENARIO
        from chain_bandit.scenario import load

        return load(self._place / SCENARIO)

    def _seat(self, rules: Rules, first: Ledger, journal: SignedJournal | None) -> tuple[Seat, frozenset[int]]:
        key, number = self.key, self.key.address
        if key.secret is None or key.vrf is None or key.seal is None:
            raise files.PlaceRefused(self._place / files.KEY, "lacks a secret of its seat")
        signer = OnceSigner(key.secret, journal) if journal is not None else Signer(key.secret)
        validator = Validator(rules, number, signer, self.verifier)
        identity = (rules, number, signer, VrfKey(key.vrf), key.seal, self.verifier)
        if key.chance is None:
            return Seat(Participant(*identity), validator, self.verifier), frozenset()
        attacks = self._scenario().attacks()
        keys = {seat: Signer(secret) for seat, secret in key.colluders.items()} | {number: signer}
        view = View(number, rules, frozenset(attacks), keys, random.Random(key.chance), replace(first))
        player = MaliciousParticipant(*identity)
        return MaliciousSeat(player, validator, self.verifier, attacks[number], view), frozenset(attacks)


def main(
    place: Path, url: str | None = None, password: Callable[[Path], str] | None = None, metrics: str | None = None,
    say: Callable[[str], None] = said,
) -> None:  # fmt: skip
    """Run one node to the end of its game. Raises `ChainBanditError`."""
    arm(place.resolve().name)
    start = Start(place, url, password, metrics, say)
    say(f"{files.name_of(start.key.address)} of {start.game.contract}")
    start.run()
