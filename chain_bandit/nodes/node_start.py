"""Start of a node from its folder, whatever system it is of: identity, lock, journal, links, and its loop."""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from ssl import SSLError
from typing import Any

from chain_bandit.actors.messages import RELAYER
from chain_bandit.chain.contract import Contract
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.http_node import BURIED, CALM, HttpNode
from chain_bandit.chain.notice import Notice
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.transaction_policy import PIPELINED, TransactionPolicy
from chain_bandit.chain_history.bodies import PATH
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.network.links import Links
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.addresses import AddressBook
from chain_bandit.nodes.bodies import BodyExchange
from chain_bandit.nodes.crash import at
from chain_bandit.nodes.follower import EventFollower
from chain_bandit.nodes.head import PATIENCE, ChainWentBack, Head, HeadWatch, Reorganised, read_head
from chain_bandit.nodes.message_recorder import tapped
from chain_bandit.nodes.node import UNHURRIED, Node, calm
from chain_bandit.nodes.observed import Observed
from chain_bandit.nodes.processes import alone
from chain_bandit.nodes.role import NodeRole
from chain_bandit.nodes.round_rules import RoundRules
from chain_bandit.nodes.sign_once import SignedJournal
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.messages import Domain


def to_audit(game: Path) -> str:
    """The command that audits a game, or an agreement in a folder, by the file that all its nodes share."""
    if isinstance(files.read_shared(game), files.AgreementFile):
        return f"chain-bandit mediate audit {os.path.relpath(game.parent)} --rpc URL audits it"
    return files.to_audit(game)


class EndpointRefused(ChainBanditError):
    """A place where this node cannot listen."""

    exit_code = 2

    def __init__(self, endpoint: str, reason: object) -> None:
        hint = f"name another in {files.GAME}, or by chain-bandit join --listen for a key of its own"
        super().__init__(f"{endpoint}: cannot listen there ({reason}); end the program that does, or {hint}")
        self.endpoint, self.reason = endpoint, reason


def require_own_socket(endpoint: str, place: Path) -> None:
    """Raise `EndpointRefused` for a socket outside a node's folder: one that is there is replaced at each start."""
    path = endpoint.removeprefix("unix:")
    if path != endpoint and not Path(path).resolve().is_relative_to(place):
        raise EndpointRefused(endpoint, f"a node's socket is below its own folder, {place}")


def said(line: str) -> None:
    """A line of the log as it is."""
    print(line, file=sys.stderr, flush=True)


class NodeStart(ABC):
    """One node on its way up: what it is made of, in the order in which it can be made.

    Args:
        place: its folder, beside which `game.json` is; or one with `node.json`, which says where that is.
        url: of its own connection to the chain; by default that of the game.
        password: of its keystore, asked for where the folder has `node.json`.
        metrics: HOST:PORT where metrics and health are served.
        say: writes a line of the log.
        rewards: the source of this participant's own rewards, in a game where these are self-declared.
        delivery: how its transactions come to the chain; its clock is the one that the node waits by.

    Raises:
        PlaceRefused: the files are none of a node, or the folder is not the one that the game has for it.
        EndpointRefused: nobody can listen where it should.
        LogLocked: it runs already.
        ForeignChain: the chain at the URL is another one.
        ForeignContract, ForeignCreation: the contract is not this version's, or was created by other code.
    """

    _opened: Callable[[], None] = staticmethod(lambda: None)
    """Told when the first round can begin."""

    _moved_at = -1, 0.0
    game: files.SharedFile
    contract: Contract
    domain: Domain
    follower: EventFollower

    def __init__(
        self, place: Path, url: str | None = None, password: Callable[[Path], str] | None = None,
        metrics: str | None = None, say: Callable[[str], None] = said, rewards: str | None = None,
        delivery: TransactionPolicy = PIPELINED,
    ) -> None:  # fmt: skip
        self._delivery, self.clock = delivery, delivery.clock
        self._place, self._metrics, self._say, self._source = place.resolve(), metrics, say, rewards
        os.chdir(self._place.parent)  # sockets are named from there: the path of a socket must be short
        settings = files.read_node(self._place / files.NODE) if (self._place / files.NODE).exists() else None
        path = self._place / settings.game if settings else Path(files.GAME)
        self._read_game(path)
        if (self._place / files.JOINED).exists():
            joined = files.read_join(self._place / files.JOINED)
            if joined.game == self.game.game:
                self.game = self.game.with_newer((joined.node_record,))  # this node has moved
        self._file = path if settings is not None else None
        if settings is None:
            self.key = files.read_key(self._place / files.KEY)
            self._require_name(files.name_of(self.key.address))
        else:
            self._require_folder(settings.folder)
            self.key = self._unlocked(settings, password)
        try:
            self.peers, own = self.game.peers(self.key.address), self.game.own(self.key.address)
        except ValueError as error:
            raise files.PlaceRefused(path, str(error)) from error
        self.endpoint = settings.listen if settings else own.endpoint
        files.require_link(self._place / files.LINK, own.certificate)
        self.node, self.verifier = self._connected(url or self.game.url), Verifier()
        if self.key.address == RELAYER or self.node.rpc.mines_at_once:  # the others go on meanwhile
            self.node.delivery = replace(self.node.delivery, confirmations=self.game.confirmations)
        self._attach(path)
        self.contract.rpc.notice = Notice(self.node.rpc.notice.what, say)
        kept, confirmations = self._place / files.HEAD, self.game.confirmations
        lacks = self.follower.lacks
        head = Head(self.node.shown, self.game.genesis_hash, confirmations, read_head(kept), lacks)
        self.watch = HeadWatch(
            self.contract.rpc, kept, head, self._bring_back, lambda: 0.9 * self._calm(), self.follower.unchecked
        )

    def _connected(self, url: str) -> HttpNode:
        """The node of the chain at a URL."""
        return HttpNode(url, self._delivery, self._say)

    @abstractmethod
    def _read_game(self, path: Path) -> None:
        """What all nodes know. Raises `PlaceRefused`."""
        ...

    @abstractmethod
    def _attach(self, path: Path) -> None:
        """Contract and follower, for the file at that path. Raises as the class does."""
        ...

    @abstractmethod
    def _await_opening(self, links: Links) -> bool:
        """Return when the first round can begin; whether it could not before."""
        ...

    @abstractmethod
    def _seated(self, journal: SignedJournal | None, stack: ExitStack) -> tuple[RoundRules, Any, NodeRole]:
        """The rules of rounds, the ledger before the first one, and this node's identity."""
        ...

    def _unlocked(self, settings: files.NodeFile, password: Callable[[Path], str] | None) -> files.KeyFile:
        """The node's secrets, of its keystore."""
        raise files.PlaceRefused(self._place / files.NODE, "is for nodes of bandit games")

    def _bodies(self, stack: ExitStack) -> BodyExchange | None:
        """Of a game whose blocks' bodies lie beside the chain."""
        return None

    def _is_past(self, role: NodeRole) -> bool:
        """Whether the game went to its end without this node, which has nothing to learn of its rounds."""
        return False

    def _outlast(self) -> None:
        """Wait until no reorganisation takes out what the node ends with. Raises `Reorganised` where one has."""
        return

    def _said_at_end(self, role: NodeRole, ledger: Any) -> Mapping[str, Any]:
        """Data that the node leaves in a file for its starter; the gas of what this process sent.

        Args:
            ledger: after the last round; None where the game was over at this start.
        """
        return {"gas": sum(map(sum, self.contract.gas.values()))}

    def _require_name(self, name: str) -> None:
        """A copy would have a lock and a sign-once journal of its own."""
        if self._place.name != name:
            raise files.PlaceRefused(self._place, f"has the key of {name}, which runs in the folder of that name alone")

    def _require_folder(self, folder: str) -> None:
        """The same of a node with a keystore, which may have any name."""
        if Path(folder) != self._place:
            reason = f'was made as {folder}: end the node there first, then say the new "folder" in {files.NODE}'
            raise files.PlaceRefused(self._place, reason)

    def _calm(self) -> float:
        """Seconds from one question to the chain to the next while nothing happens."""
        return calm(self.game.bound_ms / 1000, self.contract.rpc.block_time)

    def _stands_still(self, height: int) -> bool:
        """Whether no block has come for `CALM` seconds, as far as this was asked."""
        now = self.clock.now()
        if height != self._moved_at[0]:
            self._moved_at = height, now
        return now > self._moved_at[1] + CALM

    def _bring_back(self) -> None:
        """Send again what this node had in blocks that were replaced. Raises `Reorganised` where that is refused."""
        refused = self.contract.bring_back()
        if refused is not None:
            raise Reorganised(f"what was sent before is refused now ({refused})")

    def _bury_end(self) -> None:
        """Wait for the blocks on top of what the node ends with, and send again what a reorganisation removed."""
        self.node.bury(self.node.height(), max(BURIED, self.game.confirmations - 1))
        self._bring_back()

    def _await_height(self, block: int) -> None:
        """Wait until the chain has a block: the node may lag. Raises `ChainWentBack`."""
        patience = RetryBudget(PATIENCE, clock=self.clock)
        while (height := self.node.height()) < block:
            why = f"it is at block {height}, and the contract was created in block {block}"
            self.node.rpc.notice.waiting(why)
            patience.wait(ChainWentBack(self.node.shown, why, PATIENCE))
        self.node.rpc.notice.over()

    def was_disturbed(self) -> bool:
        """Whether the chain was reorganised since this start, or lacks what was read from it, as it is now."""
        with suppress(Reorganised, NodeUnreachable):
            self.watch.look(at_once=True)
            if self.follower.lacks(self.node.rpc.latest()) is not None:  # blocks came and fell out between two looks
                return True
        return self.watch.reorganisations > 0 or self.watch.trouble is not None

    def run(self) -> Mapping[str, Any]:
        """Play, to the end of the game; what the role says of it. Raises `ChainBanditError`."""
        with ExitStack() as stack:
            stack.enter_context(alone(self._place))
            at("started")
            journal = self._journal(stack)
            links = self._links()
            stack.callback(links.close)
            bodies = self._bodies(stack)
            observe = self._observer(stack, bodies)
            self.watch.wait()
            live = self._await_opening(links)
            self._opened()
            rounds, first, role = self._seated(journal, stack)
            last = journal.last if journal is not None and role.speaks else -1
            bound, heard = self.game.bound_ms / 1000, stack.enter_context(tapped(self._place, self.key.address))
            node = Node(
                role, rounds, first, links, self.follower, live, last, bound, self.verifier, self._say, heard,
                observe=observe, bodies=bodies,
                clock=self.clock.now,
                addresses=AddressBook(self.game, self._file, self.key.address, links.move) if self._file else None,
            )  # fmt: skip
            is_past = self._is_past(role)
            if is_past:
                self._finish(role)
            else:
                node.run(links.receive)
            self._outlast()
            said = self._said_at_end(role, None if is_past else node.ledger)
            own = {} if self.key.secret is None else {"account": "0x" + Signer(self.key.secret).address.hex()}
            files.write_ended(self._place, {**said, **own})
        return said

    def _observer(self, stack: ExitStack, bodies: BodyExchange | None) -> Callable[[Observed], None]:
        """What counts the rounds, where metrics are asked for."""
        if self._metrics is None:
            return lambda seen: None
        from chain_bandit.loopback import Response, served  # late: most nodes have no metrics
        from chain_bandit.nodes.metrics import Metrics

        journal = self._place / files.SIGNED
        metrics = Metrics(
            self._place.name, lambda: self.contract.gas, lambda: journal.stat().st_size if journal.exists() else 0
        )

        def answer(path: str) -> Response:
            return bodies.kept.answer(path) if bodies and path.startswith(PATH) else metrics.answer(path)

        self._opened = metrics.opened
        port = stack.enter_context(served(self._metrics, answer))
        self._say(f"metrics at {self._metrics.rpartition(':')[0]}:{port}")
        return metrics.take

    def _links(self) -> Links:
        link = self._place / files.LINK
        require_own_socket(self.endpoint, self._place)
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
            self.clock.sleep(UNHURRIED)

    def _journal(self, stack: ExitStack) -> SignedJournal | None:
        if self.key.secret is None or self.key.address == RELAYER or self.key.chance is not None:
            return None
        own = Signer(self.key.secret).address
        journal = SignedJournal(self._place / files.SIGNED, self.domain.separator(), own)
        stack.callback(journal.close)
        return journal

    @property
    def _signer(self) -> Signer:
        if self.key.secret is None:
            raise files.PlaceRefused(self._place / files.KEY, "has no secret")
        return Signer(self.key.secret)
