"""The files of nodes: what all may know in `game.json`, what one alone has in a folder of its own."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER
from chain_bandit.chain.identity import Identity
from chain_bandit.crypto.certificates import public_part, self_signed, vouching
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.verify import signer
from chain_bandit.game.folder import whole_file
from chain_bandit.game.plan import Plan
from chain_bandit.game.unfinished import lock
from chain_bandit.network.links import Peer
from chain_bandit.protocol.blocks import Seated
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.settlement import Conduct

GAME, KEY, LINK, SIGNED, RECEIPTS, LOG, PID, ENDED = (
    "game.json", "key.json", "link.pem", "signed.jsonl", "receipts.jsonl", "log", "pid", "ended.json",
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


class Participant(_File):
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
    door: str
    certificate: bytes
    voucher: bytes


class GameFile(_File):
    """What everybody knows before the game opens.

    Attributes:
        url: of a chain's node.
        bound_ms: Δ.
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
    participants: tuple[Participant, ...]
    doors: tuple[Door, ...]

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

    def door_of(self, address: int) -> str:
        """Where a node listens. Raises `ValueError` where there is none."""
        found = [each.door for each in self.doors if each.address == address]
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


def write_folders(plan: Plan, deployment: Mapping[str, Any], url: str, out: Path) -> None:
    """A folder for each node, with its keys, and the file that all share; doors are sockets in the folders."""
    scenario = plan.scenario
    doors = []
    signers: dict[int, Signer] = dict(enumerate(plan.participants))
    signers |= {ENVIRONMENT: plan.environment, RELAYER: plan.relayer}
    for address in (*signers, COMPARISON):
        place = out / name_of(address)
        place.mkdir(mode=0o700)
        pem = self_signed(place.name)
        _write_secret(place / LINK, pem)
        certificate = public_part(pem)
        voucher = signers.get(address, plan.environment).sign(vouching(plan.game, certificate))
        doors.append(
            Door(address=address, door=f"unix:{place.name}/door", certificate=certificate, voucher=voucher)
        )
        _write_secret(place / KEY, _key(plan, address).model_dump_json(exclude_none=True).encode())
        if address == ENVIRONMENT or address in scenario.attacks():
            lock(scenario.model_copy(update={"seed": 0}), place)
    identity = Identity.of(deployment)
    game = GameFile(
        **asdict(identity), first_block=deployment["first_block"], url=url,
        confirmations=scenario.chain.confirmations, bound_ms=scenario.bound_ms,
        environment=plan.environment.address, relayer=plan.relayer.address,
        participants=tuple(Participant(**asdict(each)) for each in plan.seated), doors=tuple(doors),
    )  # fmt: skip
    with whole_file(out / GAME) as file:
        file.write(game.model_dump_json(indent=1).encode())


def _key(plan: Plan, address: int) -> KeyFile:
    seed, attacks = plan.scenario.seed, plan.scenario.attacks()
    if address == COMPARISON:
        return KeyFile(address=address)
    if address == RELAYER:
        return KeyFile(address=address, secret=plan.relayer.source)
    if address == ENVIRONMENT:
        return KeyFile(address=address, secret=plan.environment.source, draws=plan.secret, salt=plan.salt)
    keys = KeyFile(
        address=address, secret=plan.participants[address].source, vrf=derive(seed, "vrf", address),
        seal=plan.seal_keys[address],
    )  # fmt: skip
    if address not in attacks:
        return keys
    attackers = sorted(seat for seat, attack in attacks.items() if attack.conduct & Conduct.ATTACKER)
    colluders = {seat: plan.participants[seat].source for seat in attackers}
    return keys.model_copy(update={"chance": derive(seed, "chance/attack", address), "colluders": colluders})


def _write_secret(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


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
