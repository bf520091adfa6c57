"""The files of nodes: what all may know in `game.json`, what one alone has in a folder of its own."""

import fcntl
import json
import os
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE, S_IRWXG, S_IRWXO
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER
from chain_bandit.append_log import regular_file, whole_file
from chain_bandit.chain.identity import GAME_FORMAT, Identity
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import signer
from chain_bandit.crypto.vouching import announcement, vouching
from chain_bandit.game_names import clean
from chain_bandit.network.address import host_and_port, is_private
from chain_bandit.network.links import Peer
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.blocks import Seated
from chain_bandit.protocol.errors import PathRefused
from chain_bandit.protocol.ruleset import RuleKind

GAME, KEY, LINK, SIGNED, RECEIPTS, HEAD, LOG, PID, ENDED = (
    "game.json", "key.json", "link.pem", "signed.jsonl", "receipts.jsonl", "head.json", "log", "pid", "ended.json",
)  # fmt: skip
NODE, KEYSTORE, JOINED = "node.json", "keystore.json", "join.json"
"""Of a node with a keystore of its own: its settings, its key, and what it hands on when it joins."""
WORLD = "world.json"
"""Of a participant of an agreement."""
MOST_BYTES = 1 << 20
OTHERS = S_IRWXG | S_IRWXO
"""Permissions of a file that others than its owner have."""

DEPLOYMENT = "deployment.json"
"""The deployment file of a game, which has the contract's address before `game.json` is written."""

AGREEMENT_FORMAT: Literal["chain-bandit-agreement/1"] = "chain-bandit-agreement/1"

NAMES = {ENVIRONMENT: "environment", RELAYER: "relayer", COMPARISON: "comparison"}


class PlaceRefused(PathRefused):
    """A folder that holds no node, or files that are none of it."""

    exit_code = 3


class _File(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, ser_json_bytes="hex", val_json_bytes="hex", hide_input_in_errors=True
    )


File = TypeVar("File", bound=_File)

Word = Annotated[bytes, Field(min_length=32, max_length=32)]
Address = Annotated[bytes, Field(min_length=20, max_length=20)]
HexWord = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$")]
OneLine = Annotated[str, AfterValidator(clean)]
HexAddress = Annotated[str, Field(pattern="^0x[0-9a-f]{40}$")]


def _named(endpoint: str) -> str:
    """Raises `ValueError` for what is no endpoint."""
    if (host_and_port(endpoint) is None and endpoint.rpartition(":")[0] != "unix") or "\0" in endpoint:
        raise ValueError("an endpoint is unix:PATH, or HOST:PORT with a port from 1 to 65535")
    return endpoint


def _kind(name: str) -> str:
    """Raises `ValueError` for what is no kind of rules."""
    if name.upper() not in RuleKind.__members__:
        raise ValueError(f"rules are of the kinds {', '.join(kind.name.lower() for kind in RuleKind)}")
    return name


class Registration(_File):
    """What a seat registers."""

    address: Address
    vrf_key: Annotated[bytes, Field(min_length=33, max_length=33)]
    seal_hash: Word
    weight: int = Field(ge=1)

    @property
    def seated(self) -> Seated:
        """As the rules have it."""
        return Seated(self.address, self.vrf_key, self.seal_hash, self.weight)


class NodeRecord(_File):
    """Listen address and identity of a node.

    Attributes:
        address: as in `actors.messages`.
        counter: how often listen address or certificate have changed; the highest holds. None where the address is not
            signed: of a game whose nodes are all on one machine, it may be edited.
        voucher: the signature of `crypto.vouching` by the node's key of the game; of the comparison, which has none, by
            the environment's.
    """

    address: int = Field(ge=COMPARISON - 1)
    endpoint: Annotated[str, Field(max_length=4096), AfterValidator(_named)]
    certificate: Annotated[bytes, Field(max_length=4096)]
    counter: int | None = Field(default=None, ge=0, lt=1 << 64)
    voucher: bytes

    def signer(self, game: bytes) -> bytes | None:
        """Whose signature the voucher is, 20 bytes; None where it is nobody's."""
        if self.counter is None:
            return signer(vouching(game, self.certificate), self.voucher)
        return signer(announcement(game, self.endpoint, self.certificate, self.counter), self.voucher)

    @property
    def changes(self) -> int:
        """The counter."""
        return self.counter or 0

    @property
    def is_private(self) -> bool:
        """Whether the address is loopback, link-local, private or unspecified; of a host's name its own word counts."""
        listens = host_and_port(self.endpoint)
        return listens is None or listens[0] == "unix" or is_private(listens[0])


def announced(key: Signer, game: bytes, address: int, endpoint: str, certificate: bytes, counter: int) -> NodeRecord:
    """A node's entry, signed with its key of the game, or the environment's."""
    voucher = key.sign(announcement(game, endpoint, certificate, counter))
    return NodeRecord(address=address, endpoint=endpoint, certificate=certificate, counter=counter, voucher=voucher)


class SharedFile(_File):
    """What everybody knows of any system before it opens.

    Attributes:
        game: digest of the game, or of the agreement.
        first_block: from which on its contract's events are.
        url: of a chain's node.
        bound_ms: Δ.
        private_addresses: whether nodes may be at loopback, link-local and private addresses.
    """

    chain_id: int = Field(ge=0, lt=1 << 256)
    genesis_hash: HexWord
    contract: HexAddress
    game: HexWord
    first_block: int = Field(ge=0)
    url: str
    confirmations: int = Field(ge=1)
    bound_ms: int = Field(ge=1, le=600_000)
    relayer: Address
    node_records: tuple[NodeRecord, ...]
    private_addresses: bool = True

    @property
    def keys(self) -> Mapping[int, bytes]:
        """Whose key vouches for each node, 20 bytes by address."""
        return {RELAYER: self.relayer}

    def peers(self, own: int) -> Mapping[int, Peer]:
        """Endpoint and certificate of every other node.

        Raises `ValueError` where a record is not vouched for, two nodes say the same address, or one may not be there.
        """
        keys, taken = self.keys, dict[str, str]()
        for each in self.node_records:
            name = name_of(each.address)
            if each.signer(bytes.fromhex(self.game[2:])) != keys.get(each.address):
                raise ValueError(f"address and certificate of {name} are not vouched for by its key")
            if each.endpoint in taken:
                both = f"{taken[each.endpoint]} and {name}"
                raise ValueError(f"{each.endpoint} is the address of two nodes, {both}: one of them needs another")
            if each.is_private and not self.private_addresses:
                raise ValueError(f"{each.endpoint} of {name} is a private address, which this game does not allow")
            taken[each.endpoint] = name
        others = (each for each in self.node_records if each.address != own)
        return {each.address: Peer(each.endpoint, each.certificate) for each in others}

    def with_newer(self, records: Iterable[NodeRecord]) -> Self:
        """This file with each of these records that has a higher counter than its own of that node."""
        newest = {each.address: each for each in self.node_records}
        for each in records:
            if each.address in newest and each.changes > newest[each.address].changes:
                newest[each.address] = each
        return self.model_copy(update={"node_records": tuple(newest[each.address] for each in self.node_records)})

    def own(self, address: int) -> NodeRecord:
        """A node's entry. Raises `ValueError` where there is none."""
        found = [each for each in self.node_records if each.address == address]
        if len(found) != 1:
            raise ValueError(f"{address} has {len(found)} node records")
        return found[0]


class GameFile(SharedFile):
    """What everybody knows before the game opens.

    Attributes:
        participants: by their place in the game; none before these have joined.
        vectors: of reports, as the scenario has them; all nodes of a game must have the same.
        rules: by kind what foreign rules of the game are called; the game itself says which files they are.
        invited: accounts that may have a place; empty: anybody. A node that has the file takes none with another list.
        name, arm_names: the organiser's words for game and arms, which nothing vouches for; empty in older files.
    """

    format: Literal["chain-bandit-game/1"] = GAME_FORMAT
    code_hash: HexWord
    environment: Address
    participants: tuple[Registration, ...]
    vectors: Literal["plain", "certified"] = "plain"
    rules: dict[Annotated[str, AfterValidator(_kind)], str] = {}
    invited: tuple[Address, ...] = ()
    name: OneLine = ""
    arm_names: tuple[OneLine, ...] = ()

    @property
    def identity(self) -> Identity:
        """Chain, contract and game."""
        return Identity.of(self.model_dump())

    @property
    def keys(self) -> Mapping[int, bytes]:
        """The environment's also for the comparison, which has none."""
        seated = {seat: each.address for seat, each in enumerate(self.participants)}
        return {**super().keys, ENVIRONMENT: self.environment, COMPARISON: self.environment, **seated}

    def invites(self, address: bytes) -> bool:
        """Whether an account may have a place."""
        return not self.invited or address in self.invited

    def peers(self, own: int) -> Mapping[int, Peer]:
        """As of any system; raises `ValueError` too where a participant is not invited."""
        for seat in self.participants:
            if not self.invites(seat.address):
                raise ValueError(f"0x{seat.address.hex()} has a place and is not on the game's list of participants")
        return super().peers(own)


class AgreementFile(SharedFile):
    """What everybody knows of an agreement on tokens, before its contract is there.

    Attributes:
        epochs: how many are played.
        accounts: by seat, the participants' and then the validators'.
    """

    format: Literal["chain-bandit-agreement/1"] = AGREEMENT_FORMAT
    terms: AgreementTerms
    epochs: int = Field(ge=1)
    accounts: tuple[Address, ...]

    @property
    def keys(self) -> Mapping[int, bytes]:
        """Of every seat its own."""
        return {**super().keys, **dict(enumerate(self.accounts))}


class WorldFile(_File):
    """What a participant of an agreement learns in, of a development game.

    Attributes:
        means: of the arms.
        seed: of rewards and salts.
    """

    means: tuple[float, ...]
    seed: int


class JoinFile(_File):
    """What a participant hands to the organiser once it has joined; no secret is in it.

    Attributes:
        game: the game's digest, as in `GameFile`.
        node_record: its address is the participant's place in the game.
    """

    game: str
    registration: Registration
    node_record: NodeRecord


class NodeFile(_File):
    """Settings of a node with a keystore; no secret is in it.

    Attributes:
        role: of the organiser's nodes; a participant's place follows from its key.
        keystore, game: paths from the node's folder.
        listen: where it listens; others are told what `game.json` has, which may be another name of the same host.
        folder: where the folder stands: a copy of it would have a sign-once journal of its own.
        nonce: what secrets of one game derive from beside the key.
    """

    role: Literal["participant", "environment", "relayer", "comparison"]
    keystore: str
    game: str
    listen: Annotated[str, AfterValidator(_named)]
    folder: str
    nonce: Word


class KeyFile(_File):
    """What one node alone has.

    Attributes:
        secret: of its key; none of the comparison.
        vrf, seal: a seat's.
        draws, salt: the environment's, of the rewards and of the opening.
        chance, colluders: of a seat under an attack: what its choices are drawn from, its colluders' keys by seat.
    """

    address: int
    secret: Word | None = Field(default=None, repr=False)
    vrf: Word | None = Field(default=None, repr=False)
    seal: Word | None = Field(default=None, repr=False)
    draws: Word | None = Field(default=None, repr=False)
    salt: Word | None = Field(default=None, repr=False)
    chance: Word | None = Field(default=None, repr=False)
    colluders: dict[int, Word] = Field(default={}, repr=False)


def name_of(address: int) -> str:
    """A node's folder."""
    return NAMES.get(address, f"seat-{address}")


def game_of(place: Path) -> Path:
    """The file that all nodes share, of a node's folder. Raises `PlaceRefused`."""
    settings = place / NODE
    return place / read_node(settings).game if settings.exists() else place.resolve().parent / GAME


def to_audit(game: Path) -> str:
    """The command that anybody audits a game with, by the file that all its nodes share."""
    return f"chain-bandit audit --rpc URL --contract {os.path.relpath(game)} audits it"


def read_shared(path: Path) -> GameFile | AgreementFile:
    """What everybody knows, of whichever system. Raises `PlaceRefused`."""
    if not path.exists() and (deployed := path.with_name(DEPLOYMENT)).exists():
        keys = f"{deployed.name} names its contract, and the keys of its accounts are beside it"
        raise PlaceRefused(path, f"is not there: the game was stopped while it was set up. {keys}; use a new folder")
    try:
        said = json.loads(_bytes_of(path))
    except (ValueError, RecursionError):
        said = None  # which `read_game` has a sentence for
    is_agreement = isinstance(said, dict) and said.get("format") == AGREEMENT_FORMAT
    return read_agreement(path) if is_agreement else read_game(path)


def read_game(path: Path) -> GameFile:
    """Raises `PlaceRefused`."""
    return _read(path, GameFile)


def read_agreement(path: Path) -> AgreementFile:
    """Raises `PlaceRefused`."""
    return _read(path, AgreementFile)


def read_world(path: Path) -> WorldFile:
    """Raises `PlaceRefused`."""
    return _read(path, WorldFile)


def read_key(path: Path) -> KeyFile:
    """Raises `PlaceRefused`, also where another user may read or change the file, which is not encrypted."""
    key = _read(path, KeyFile)
    _require_private(path)
    return key


def read_node(path: Path) -> NodeFile:
    """Raises `PlaceRefused`."""
    return _read(path, NodeFile)


def take_game(path: Path, place: Path) -> None:
    """Copy a game's file to where a node of it with a keystore reads it; newer addresses that are known there stay.

    Raises `PlaceRefused`, `OSError`.
    """
    given, target = read_game(path), (place / read_node(place / NODE).game).resolve()
    with _alone_at(target):
        known = read_game(target) if target.exists() else given
        _require_same(path, given, target, known)
        if known.invited != given.invited:
            raise PlaceRefused(path, f"has another list of participants than {target}")
        merged = given.with_newer(known.node_records)
        if path.resolve() != target and not (target.exists() and known == merged):
            write_public(target, merged)


def require_same_game(path: Path, given: GameFile, target: Path) -> None:
    """Raise `PlaceRefused` where a folder's copy of the game's file is of another game."""
    _require_same(path, given, target, read_game(target))


def _require_same(path: Path, given: GameFile, target: Path, known: GameFile) -> None:
    if any(getattr(known, name) != getattr(given, name) for name in ("genesis_hash", "contract", "game")):
        raise PlaceRefused(path, f"is of another game than {target}: each game needs a folder of its own")


def keep_records(target: Path, records: Sequence[NodeRecord]) -> None:
    """Put newer addresses into a node's own copy of the game's file. Raises `PlaceRefused`, `OSError`."""
    with _alone_at(target):
        known = read_game(target)
        merged = known.with_newer(records)
        if merged != known:
            write_public(target, merged)


@contextmanager
def _alone_at(target: Path) -> Iterator[None]:
    """The organiser's nodes share one file, and write it at once."""
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def read_join(path: Path) -> JoinFile:
    """Raises `PlaceRefused`."""
    return _read(path, JoinFile)


def write_public(path: Path, file: BaseModel) -> None:
    """A file that is handed on. Raises `OSError`."""
    with whole_file(path) as opened:
        opened.write(file.model_dump_json(indent=1).encode() + b"\n")


def require_environment(path: Path, game: GameFile, environment: bytes) -> None:
    """Raise `PlaceRefused` unless a game's file names the contract's environment, whose receipts its nodes take."""
    if game.environment != environment:
        raise PlaceRefused(path, f"names another environment than the contract's, 0x{environment.hex()}")


def require_link(path: Path, certificate: bytes) -> None:
    """Raise `PlaceRefused` unless a file, which its owner alone may read, has the certificate that others know."""
    if certificate_in(path) != certificate:
        raise PlaceRefused(path, f"is not the certificate that {GAME} has for this node: other nodes would reject it")
    _require_private(path)


def _require_private(path: Path) -> None:
    """Raise `PlaceRefused` where another user may read or change a file with a secret that is not encrypted."""
    mode = S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        raise PlaceRefused(path, f"is open to other users (mode {mode:o}): run chmod 600 {path}")


def certificate_in(path: Path) -> bytes:
    """The certificate in a node's link file, DER. Raises `PlaceRefused`."""
    try:
        pem = _bytes_of(path).decode("ascii")
        return ssl.PEM_cert_to_DER_cert(pem[pem.index(ssl.PEM_HEADER) :])
    except ValueError as error:
        raise PlaceRefused(path, "holds no certificate") from error


def _bytes_of(path: Path) -> bytes:
    try:
        with regular_file(path) as file:
            found = file.read(MOST_BYTES + 1)
    except OSError as error:
        reason = f"cannot be read ({error.strerror}); chain-bandit up, deploy, join and keygen make such files"
        raise PlaceRefused(path, reason) from error
    if len(found) > MOST_BYTES:
        raise PlaceRefused(path, f"has more than {MOST_BYTES} bytes")
    return found


def _read(path: Path, kind: type[File]) -> File:
    try:
        return kind.model_validate_json(_bytes_of(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise PlaceRefused(path, ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))) from error


def write_ended(place: Path, said: Mapping[str, Any]) -> None:
    """The node has done all that it had to do."""
    with whole_file(place / ENDED) as file:
        file.write(json.dumps(said, sort_keys=True).encode())
