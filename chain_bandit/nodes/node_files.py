"""The files of nodes: what all may know in `game.json`, what one alone has in a folder of its own."""

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER
from chain_bandit.append_log import whole_file
from chain_bandit.chain.identity import Identity
from chain_bandit.crypto.verify import signer
from chain_bandit.crypto.vouching import vouching
from chain_bandit.network.links import Peer
from chain_bandit.protocol.blocks import Seated
from chain_bandit.protocol.errors import ChainBanditError

GAME, KEY, LINK, SIGNED, RECEIPTS, HEAD, LOG, PID, ENDED = (
    "game.json", "key.json", "link.pem", "signed.jsonl", "receipts.jsonl", "head.json", "log", "pid", "ended.json",
)  # fmt: skip
MOST_BYTES = 1 << 20

NAMES = {ENVIRONMENT: "environment", RELAYER: "relayer", COMPARISON: "comparison"}


class PlaceRefused(ChainBanditError):
    """A folder that holds no node, or files that are none of it."""

    exit_code = 3

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; chain-bandit up makes such folders")
        self.path, self.reason = path, reason


class _File(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, ser_json_bytes="hex", val_json_bytes="hex", hide_input_in_errors=True
    )


File = TypeVar("File", bound=_File)

Word = Annotated[bytes, Field(min_length=32, max_length=32)]
Address = Annotated[bytes, Field(min_length=20, max_length=20)]


def _named(door: str) -> str:
    """Raises `ValueError` for the name of no door."""
    host, colon, port = door.rpartition(":")
    is_port = bool(host and colon) and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 1 << 16
    if not (is_port or host == "unix") or "\0" in door:
        raise ValueError("a door is unix:PATH, or HOST:PORT with a port from 1 to 65535")
    return door


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


class Door(_File):
    """Where a node listens, and who it is.

    Attributes:
        address: as in `actors.messages`.
        voucher: the node's key of the game, over its certificate; of the comparison, which has none, the environment's.
    """

    address: int = Field(ge=COMPARISON - 1)
    door: Annotated[str, AfterValidator(_named)]
    certificate: bytes
    voucher: bytes


class GameFile(_File):
    """What everybody knows before the game opens.

    Attributes:
        url: of a chain's node.
        bound_ms: Δ.
        rules: by kind what foreign rules of the game are called; the game itself says which files they are.
    """

    chain_id: int = Field(ge=0)
    genesis_hash: str
    contract: str
    code_hash: str
    game: str
    first_block: int = Field(ge=0)
    url: str
    confirmations: int = Field(ge=1)
    bound_ms: int = Field(ge=1)
    environment: Address
    relayer: Address
    participants: tuple[Registration, ...]
    doors: tuple[Door, ...]
    rules: dict[str, str] = {}

    @property
    def identity(self) -> Identity:
        """Chain, contract and game. Raises `TypeError`."""
        return Identity.of(self.model_dump())

    def peers(self, own: int) -> Mapping[int, Peer]:
        """Everybody's doors but one's own. Raises `ValueError` where a certificate is not vouched for."""
        keys = {ENVIRONMENT: self.environment, COMPARISON: self.environment, RELAYER: self.relayer}
        keys |= {seat: each.address for seat, each in enumerate(self.participants)}
        for each in self.doors:
            digest = vouching(bytes.fromhex(self.game[2:]), each.certificate)
            if signer(digest, each.voucher) != keys.get(each.address):
                raise ValueError(f"the certificate of {each.address} is not vouched for by its key")
        return {each.address: Peer(each.door, each.certificate) for each in self.doors if each.address != own}

    def own(self, address: int) -> Door:
        """A node's entry. Raises `ValueError` where there is none."""
        found = [each for each in self.doors if each.address == address]
        if len(found) != 1:
            raise ValueError(f"{address} has {len(found)} doors")
        return found[0]


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


def read_game(path: Path) -> GameFile:
    """Raises `PlaceRefused`."""
    return _read(path, GameFile)


def read_key(path: Path) -> KeyFile:
    """Raises `PlaceRefused`."""
    return _read(path, KeyFile)


def require_link(path: Path, certificate: bytes) -> None:
    """Raise `PlaceRefused` unless a file has the certificate that others know its node by."""
    try:
        pem = path.read_text(encoding="ascii")
        found = ssl.PEM_cert_to_DER_cert(pem[pem.index(ssl.PEM_HEADER) :])
    except OSError as error:
        raise PlaceRefused(path, f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise PlaceRefused(path, "holds no certificate") from error
    if found != certificate:
        raise PlaceRefused(path, f"is not the certificate that {GAME} has for this node: nobody would listen to it")


def _read(path: Path, kind: type[File]) -> File:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES)
        return kind.model_validate_json(data)
    except OSError as error:
        raise PlaceRefused(path, f"cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise PlaceRefused(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def write_ended(place: Path, said: Mapping[str, Any]) -> None:
    """The node has done all that it had to do."""
    with whole_file(place / ENDED) as file:
        file.write(json.dumps(said, sort_keys=True).encode())
