"""A game with open places: deployed by its organiser, joined by participants with own keys, which deposit the stake."""

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER
from chain_bandit.append_log import write_private
from chain_bandit.chain import accounts
from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.development import DEVELOPMENT_IDS
from chain_bandit.chain.errors import AccountRefused, TransactionReverted
from chain_bandit.chain.funds import TRANSFER_GAS, Need, fund, price_of, require_balance
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.identity import identify, require_same
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import account
from chain_bandit.chain.notice import on_stderr
from chain_bandit.chain.sender import Sender
from chain_bandit.chain.transaction_policy import PIPELINED
from chain_bandit.crypto.certificates import self_signed
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.game import folder
from chain_bandit.game.attach import attach
from chain_bandit.game.chains import environment_need, participant_need, relayer_need
from chain_bandit.game.deployment import kept_journal
from chain_bandit.game.plan import Plan, Secrets
from chain_bandit.game.unfinished import lock
from chain_bandit.loopback import AddressRefused
from chain_bandit.network.address import host_and_port, is_private, is_unspecified
from chain_bandit.nodes.keystore import of_organiser, of_participant
from chain_bandit.nodes.node_files import (
    GAME,
    JOINED,
    KEYSTORE,
    LINK,
    NODE,
    GameFile,
    JoinFile,
    NodeFile,
    NodeRecord,
    PlaceRefused,
    Registration,
    announced,
    certificate_in,
    name_of,
    read_game,
    read_join,
    read_node,
    require_environment,
    require_same_game,
    write_public,
)
from chain_bandit.nodes.up import require_of_nodes
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError, require
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.transaction import gas_of_call
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch

ROLES: dict[int, Literal["environment", "relayer", "comparison"]] = {
    ENVIRONMENT: "environment", RELAYER: "relayer", COMPARISON: "comparison",
}  # fmt: skip
"""Of the nodes that the organiser runs, in the order of their ports."""


SELECTOR = 4
"""Bytes of a call without arguments, such as a withdrawal."""


class PlacesMissing(ChainBanditError):
    """A game that not enough participants have joined, or not all of whose files are at hand."""

    exit_code = 2

    def __init__(self, missing: Sequence[int], places: int) -> None:
        super().__init__(
            f"places {', '.join(map(str, missing))} of {places} are missing; add the join.json of each of them"
        )
        self.missing, self.places = missing, places


class Unreachable(ChainBanditError):
    """An address that no other node can be sent to."""

    exit_code = 2

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address}: {reason}")
        self.address, self.reason = address, reason


class NotJoinable(ChainBanditError):
    """A game that cannot be joined or left any more, or not yet."""

    exit_code = 2


def deploy_open(
    scenario: Scenario, node: HttpNode, organiser: Path, secret: bytes, listen: str, out: Path,
    announce: str | None = None, payer: str | None = None, private: bool = False, invited: Sequence[bytes] = (),
) -> GameFile:  # fmt: skip
    """Put a game without participants on a chain; the organiser's folders of environment, relayer and comparison.

    The command takes up what was stopped, whatever `out` is: what is signed is in a journal in the folder.

    Args:
        organiser: a folder with a keystore, whose key (`secret`) is the environment's.
        listen: HOST:PORT of the environment; relayer and comparison have the next two ports.
        announce: HOST by which others reach all three; by default that of `listen`.
        payer: the name of an account that pays what the environment's lacks; on a development chain the node gives it.
        private: allows nodes at private addresses, which a development chain does too.
        invited: the accounts that may have a place; nobody named: anybody.

    Raises:
        FolderRefused: a file is there already, or cannot be written; the folder is of another game.
        LogLocked: another process deploys from the folder.
        AddressRefused: nobody can listen there.
        Unreachable: others cannot be sent there.
        AccountRefused: the environment holds too little, and nobody pays.
        ChainBanditError: the scenario is none for nodes or has attacks, the chain does not answer.
    """
    require_of_nodes(scenario)
    require(not scenario.attacks(), "malicious", "participants that the game itself makes: here each brings a key")
    if 0 < len(set(invited)) < scenario.participants:
        raise NotJoinable(f"--invite: name at least {scenario.participants} accounts, as many as there are places")
    private = private or node.chain_id in DEVELOPMENT_IDS
    endpoints = _endpoints(listen, announce, private)
    if out.exists():
        raise folder.FolderRefused(out, "is there already; name another with --out")
    with kept_journal(organiser / GAME) as journal:
        if (organiser / GAME).exists() and not journal.entries:
            reason = "is of a game already, whose secrets a second one would share; make another folder with keygen"
            raise folder.FolderRefused(organiser, reason)
        nonce = _folders(organiser, [listens for listens, _ in endpoints])
        certificates = [certificate_in(organiser / name_of(address) / LINK) for address in ROLES]
        plan = Plan(scenario, secrets=Secrets(environment=secret, **of_organiser(secret, nonce)))
        relayer = relayer_need(plan)
        environment = account(plan.environment.secret)
        need = environment_need(plan, node, plan.environment.address)
        _funded(node, Need(need.account, need.wei + relayer.at(price_of(node)), need.gas), payer)
        contract = Coordinator.deploy(
            node.line, environment, plan.parameters, plan.salt_commitment, plan.secret_commitment, plan.pool,
            Stopwatch(), node.delivery, journal,
        )  # fmt: skip
        fund(node, [relayer], environment, journal)
        records = tuple(
            announced(plan.relayer if address == RELAYER else plan.environment, plan.game, address, endpoint, made, 0)
            for address, (_, endpoint), made in zip(ROLES, endpoints, certificates, strict=True)
        )
        game = _game_file(scenario, plan, node, contract, records, private, invited)
        with folder.writing(organiser):
            lock(scenario, organiser / name_of(ENVIRONMENT), with_seed=False, observers=())
            write_public(organiser / GAME, game)
        with folder.writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            write_public(out, game)
    return game


def _game_file(
    scenario: Scenario, plan: Plan, node: HttpNode, contract: Coordinator, node_records: tuple[NodeRecord, ...],
    private: bool, invited: Sequence[bytes],
) -> GameFile:  # fmt: skip
    """What everybody may know of a game that was deployed, before anybody has joined."""
    contract.bury_creation(node)
    assert contract.created_in is not None
    return GameFile(
        **asdict(identify(node.rpc.ask, contract.address)), first_block=contract.created_in, url=node.shown,
        bound_ms=scenario.bound_ms, confirmations=scenario.chain.confirmations, environment=plan.environment.address,
        relayer=plan.relayer.address, participants=(), node_records=node_records, vectors=scenario.vectors,
        rules=scenario.foreign_rules, private_addresses=private, invited=tuple(invited),
        name=scenario.name, arm_names=scenario.arm_names,
    )  # fmt: skip


def join(
    path: Path, place: Path, secret: bytes, listen: str, announce: str | None = None, url: str | None = None,
    payer: str | None = None,
) -> JoinFile:  # fmt: skip
    """Take the next place of a game with the key in a folder, and write what the organiser needs of it.

    Where the key has its place already nothing is sent: the listen address is announced anew.

    Args:
        path: `game.json`, as the organiser hands it out.
        listen, announce: HOST:PORT where the node listens, and by which others reach it where that is another.

    Raises:
        NotJoinable: it is open already, its places are taken, or its opening deadline has passed.
        AddressRefused: nobody can listen there.
        Unreachable: others cannot be sent there.
        PlaceRefused: the folder has no certificate, or is of another game.
        AccountRefused: the account has code, or holds too little.
        ForeignChain, ForeignContract, ForeignCreation: the chain or the contract is not what the file says.
    """
    game = read_game(path)
    node, contract, parameters = _attached(path, game, url)
    key, digest = Signer(secret), bytes.fromhex(game.game[2:])
    made = of_participant(secret, game.game)
    mine = Registration(
        address=key.address, vrf_key=VrfKey(made["vrf"]).public_key, seal_hash=keccak(made["seal"]), weight=1
    )
    endpoint = announce or listen
    _host_and_port(listen)
    _check_address(endpoint, game.private_addresses)
    certificate = certificate_in(place / LINK)
    if (place / GAME).exists():
        require_same_game(path, game, place / GAME)
    if not game.invites(key.address):
        raise NotJoinable(f"{checksummed(key.address)} is not on the game's list of participants")
    if not contract.has_seat(key.address):
        _require_joinable(node, contract, game, parameters)
        _take_seat(node, contract, key, mine, parameters.stake, payer)
    seat = contract.seat_of(key.address)
    said = [*game.node_records, *(read_game(place / GAME).node_records if (place / GAME).exists() else ())]
    if (place / JOINED).exists():
        said.append(read_join(place / JOINED).node_record)
    own = (each.changes + 1 for each in said if each.address == seat and each.signer(digest) == key.address)
    counter = max(own, default=0)
    joined = JoinFile(
        game=game.game, registration=mine, node_record=announced(key, digest, seat, endpoint, certificate, counter)
    )
    settings = NodeFile(
        role="participant", keystore=KEYSTORE, game=GAME, listen=listen, folder=str(place.resolve()), nonce=bytes(32)
    )
    try:
        with folder.writing(place):
            write_public(place / NODE, settings)
            write_public(place / JOINED, joined)
            if not (place / GAME).exists():
                write_public(place / GAME, game)
    except folder.FolderRefused as error:
        error.add_note("the stake is deposited: the same command goes on from it")
        raise
    return joined


def _take_seat(
    node: HttpNode, contract: Coordinator, key: Signer, mine: Registration, stake: int, payer: str | None
) -> None:
    """Deposit the stake (wei). Raises as `join` does."""
    if node.rpc.code(key.address):
        raise AccountRefused(checksummed(key.address), "has code (a contract, or EIP-7702): use an account without any")
    _funded(node, participant_need(key.address, stake), payer)
    try:
        call = contract.join(account(key.secret), mine.seated)
        contract.settle()
        node.bury(max(call.blocks, default=node.height()))  # a reorganisation may give the place to another
        contract.settle()
    except TransactionReverted:
        if not contract.has_seat(key.address):  # what a stopped call sent may have come first
            raise


def assemble(path: Path, joins: Sequence[Path], out: Path, url: str | None = None) -> GameFile:
    """The game file with all participants: places by the chain, and listen addresses as each participant signed them.

    Args:
        path: `game.json`, with or without participants.
        joins: their `join.json`; of one participant the highest counter holds.

    Raises:
        PlacesMissing: not all places are taken, or the file of one is missing.
        PlaceRefused: a file is not of this game, or says what its key did not sign.
    """
    game = read_game(path)
    _, contract, parameters = _attached(path, game, url)
    digest = bytes.fromhex(game.game[2:])
    seated = dict(enumerate(game.participants))
    node_records = {each.address: each for each in game.node_records}
    for source in joins:
        given = read_join(source)
        seat = given.node_record.address
        if given.game != game.game:
            raise PlaceRefused(source, f"is of another game ({given.game[:18]}…)")
        if given.node_record.signer(digest) != given.registration.address:
            raise PlaceRefused(source, "is not signed by the key that it registers")
        if not 0 <= seat < parameters.participants or not contract.has_seat(given.registration.address):
            who = f"0x{given.registration.address.hex()}, which has not joined the game"
            raise PlaceRefused(source, f"is of {who}: chain-bandit join with its key takes a place")
        if contract.seat_of(given.registration.address) != seat:
            raise PlaceRefused(source, f"says place {seat}, which is another's: chain-bandit join writes it anew")
        known = node_records.get(seat)
        if known is not None and known.changes > given.node_record.changes:
            raise PlaceRefused(source, f"is older (counter {given.node_record.changes}) than the address that is known")
        if known is not None and known.changes == given.node_record.changes and known != given.node_record:
            raise PlaceRefused(source, f"and another file give two addresses of place {seat} the same counter")
        seated[seat], node_records[seat] = given.registration, given.node_record
    missing = [seat for seat in range(parameters.participants) if seat not in seated]
    if missing:
        raise PlacesMissing(missing, parameters.participants)
    whole = game.model_copy(
        update={
            "participants": tuple(seated[seat] for seat in range(parameters.participants)),
            "node_records": tuple(node_records[address] for address in sorted(node_records)),
        }
    )
    try:
        whole.peers(COMPARISON)
    except ValueError as error:
        raise PlaceRefused(path, str(error)) from error
    with folder.writing(out):
        write_public(out, whole)
    return whole


def leave(path: Path, place: Path, secret: bytes, url: str | None = None) -> int:
    """Take back the stake of a game that was not opened in time, or with the environment's key the pool; wei.

    With the environment's key the relayer's money for gas comes back too, to the environment's account; so it does
    after a game that was played.

    Args:
        place: the folder of the key.

    Raises:
        NotJoinable: that is not possible, or not yet.
        AccountRefused: the account cannot pay for the gas.
    """
    game = read_game(path)
    node, contract, parameters = _attached(path, game, url)
    key = Signer(secret)
    own = key.address
    if own != game.environment and not contract.has_seat(own):
        raise NotJoinable(f"0x{own.hex()} has no place in this game: there is nothing to take back")
    if contract.opened() and not contract.closed():
        raise NotJoinable("the game is open: the stake comes back with the withdrawal after its end")
    deadline, now = game.first_block + parameters.opening_deadline, node.height()
    if not contract.opened() and now <= deadline:
        raise NotJoinable(
            f"only the opening deadline gives a stake back: block {deadline}, {deadline - now + 1} blocks from now"
        )
    owed = contract.owed(own)
    if owed:
        _funded(node, Need(own, 0, gas_of_call(SELECTOR)), None)
        contract.withdraw(account(key.secret))
        contract.settle()
    relays = place / name_of(RELAYER) / NODE
    return owed + (_left_over(node, own, secret, read_node(relays).nonce) if relays.exists() else 0)


def _left_over(node: HttpNode, own: bytes, secret: bytes, nonce: bytes) -> int:
    """Send the environment what its relayer has not used; wei."""
    relayer = account(Signer(of_organiser(secret, nonce)["relayer"]).secret)
    left = max(0, node.balance(relayer.address) - 2 * TRANSFER_GAS * price_of(node))  # the price may rise meanwhile
    if left:
        sender = Sender(node.rpc, Journal(), node.delivery)
        sender.submit("pay", relayer, own, left, TRANSFER_GAS, b"")
        sender.settle()
    return left


def _attached(path: Path, game: GameFile, url: str | None) -> tuple[HttpNode, Coordinator, Parameters]:
    node = HttpNode(url or game.url, replace(PIPELINED, say=on_stderr))
    require_same(node.rpc.ask, game.identity)
    if game.first_block > node.height():
        reason = f"says that block {game.first_block:,} created the contract, which the chain's node lacks: it lags"
        raise PlaceRefused(path, reason)
    contract, parameters = attach(node.line, bytes.fromhex(game.contract[2:]), game.first_block, node.delivery)
    require_environment(path, game, contract.environment())
    return node, contract, parameters


def _require_joinable(node: HttpNode, contract: Coordinator, game: GameFile, parameters: Parameters) -> None:
    if contract.opened():
        raise NotJoinable("the game is open already: nobody can join it any more")
    deadline, now = game.first_block + parameters.opening_deadline, node.height()
    if now > deadline:
        raise NotJoinable(f"the opening deadline was block {deadline}, now is {now}: nobody can join any more")
    if contract.holder(parameters.participants - 1) is not None:
        raise NotJoinable(f"all {parameters.participants} places are taken")


def _funded(node: HttpNode, need: Need, payer: str | None) -> None:
    """Let an account hold what it needs. Raises `AccountRefused`."""
    held, wanted = node.balance(checksummed(need.account)), need.at(price_of(node))
    if held >= wanted:
        return
    if payer is not None:
        fund(node, [need], accounts.named(payer, node.chain_id), Journal())
    elif node.chain_id in DEVELOPMENT_IDS and node.grant({need.account: wanted}):
        node.bury(node.height())
    else:
        require_balance(node, checksummed(need.account), wanted)


def _folders(organiser: Path, listens: Sequence[str]) -> bytes:
    """The three folders, made once; gives the nonce that their secrets derive from."""
    known = organiser / name_of(ENVIRONMENT) / NODE
    nonce = read_node(known).nonce if known.exists() else os.urandom(32)
    with folder.writing(organiser):
        for address, listen in zip(ROLES, listens, strict=True):
            name = name_of(address)
            place = organiser / name
            place.mkdir(mode=0o700, exist_ok=True)
            if not (place / LINK).exists():
                write_private(place / LINK, self_signed(name))
            settings = NodeFile(
                role=ROLES[address], keystore=f"../{KEYSTORE}", game=f"../{GAME}", listen=listen,
                folder=str(place.resolve()), nonce=nonce,
            )  # fmt: skip
            write_public(place / NODE, settings)
    return nonce


def _endpoints(listen: str, announce: str | None, private: bool) -> list[tuple[str, str]]:
    """Listen and announced address of each of the organiser's nodes."""
    _, first = _host_and_port(listen)
    host = listen.rpartition(":")[0]
    found = [(f"{host}:{port}", f"{announce or host}:{port}") for port in range(first, first + len(ROLES))]
    for listens, endpoint in found:
        _host_and_port(listens)
        _check_address(endpoint, private)
    return found


def _host_and_port(endpoint: str) -> tuple[str, int]:
    listens = host_and_port(endpoint)
    if listens is None or listens[0] == "unix":
        raise AddressRefused(endpoint[:80], "is not HOST:PORT with a port from 1 to 65535")
    return listens


def _check_address(endpoint: str, private: bool) -> None:
    """Raise `Unreachable` for where no other node can be sent."""
    host, _ = _host_and_port(endpoint)
    if is_unspecified(host):
        raise Unreachable(endpoint, "is where a node listens, not where others reach it; add --announce HOST:PORT")
    if is_private(host) and not private:
        others = "name a public one by --listen or --announce, or deploy with --private-addresses"
        raise Unreachable(endpoint, f"is a private address, which this game refuses; {others}")
