"""Creation of a game: its parameters, its seats, its first digest."""

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from chain_bandit.paranoid.calls import Call, tail, word
from chain_bandit.paranoid.parameters import Parameters, created
from chain_bandit.paranoid.statements import separator
from chain_bandit.paranoid.verdict import Verdict
from chain_bandit.paranoid.words import Broken, keccak, number, uint

KEYS = 33 + 32 + 2
"""Bytes that a seat registers: VRF key, hash of its sealing key, weight."""


@dataclass
class Setup:
    """What does not change any more once the game runs. `seed` is seed_0, empty before the opening."""

    p: Parameters
    environment: bytes
    pool: int
    deadline: int
    game: bytes
    salt_commitment: bytes
    secret_commitment: bytes
    addresses: list[bytes] = field(default_factory=list)
    vrf_keys: list[bytes] = field(default_factory=list)
    seal_hashes: list[bytes] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    seed: bytes = b""
    genesis: bytes = b""
    domain: bytes = b""
    opened_in: int = 0


@cache
def creation_code() -> bytes | None:
    """What every game's creation begins with, read as data; None where it is not installed."""
    path = files("chain_bandit").joinpath("chain", "artifacts", "ChainBandit.json")
    return bytes.fromhex(json.loads(path.read_text())["bytecode"].removeprefix("0x")) if path.is_file() else None


def begin(call: Call, verdict: Verdict) -> Setup:
    """What the creation says. Other code than the published one may have put anything into the game's storage."""
    code = creation_code()
    p, before, words, salt, secret = created(call.data, code)
    if code is None:
        verdict.blind("the creation code is not installed with this version")
    else:
        verdict.same("setup", None, "creation code", keccak(code), keccak(before))
    game = keccak(words, salt, secret)
    return Setup(p, call.sender, call.value, call.block + p.opening_deadline, game, salt, secret)


def join(setup: Setup, call: Call, verdict: Verdict) -> None:
    """A participant takes the next seat."""
    keys = tail(call.data, 0)
    if len(keys) != KEYS:
        raise Broken("a seat registers other keys than the specification has")
    seat, weight = len(setup.addresses), number(keys[65:])
    verdict.same("setup", None, f"seat {seat}", [("Joined", [seat, number(call.sender)])], call.events)
    verdict.same("setup", None, f"deposit of seat {seat}", weight * setup.p.stake, call.value)
    taken = [setup.environment, *setup.addresses].count(call.sender)
    heaviest = 1024 if setup.p.sortition else 1
    verdict.same("setup", None, f"whether seat {seat} may weigh {weight}", True, 1 <= weight <= heaviest)
    verdict.same("setup", None, f"whether there is a seat {seat}", True, seat < setup.p.participants)
    if setup.p.draws:
        verdict.same("setup", None, f"earlier places of the VRF key of seat {seat}", 0, setup.vrf_keys.count(keys[:33]))
    verdict.same("setup", None, f"earlier places of the account of seat {seat}", 0, taken)
    setup.addresses.append(call.sender)
    setup.vrf_keys.append(keys[:33])
    setup.seal_hashes.append(keys[33:65])
    setup.weights.append(weight)


def opening(setup: Setup, call: Call, chain_id: int, contract: bytes, verdict: Verdict) -> None:
    """The environment opens its salt: seed_0 and the first parent."""
    salt, registered = word(call.data, 0), bytes(32)
    for vrf, seal, weight in zip(setup.vrf_keys, setup.seal_hashes, setup.weights, strict=True):
        registered = keccak(registered, vrf, seal, uint(weight, 2))
    setup.seed = keccak(*setup.addresses, registered, salt)
    setup.genesis = keccak(setup.game, setup.seed)
    setup.domain = separator(chain_id, contract, setup.game)
    setup.opened_in = call.block
    verdict.same("setup", None, "salt", setup.salt_commitment, keccak(salt))
    verdict.same("setup", None, "seats", setup.p.participants, len(setup.addresses))
    verdict.same("setup", None, "genesis", [("Opened", [number(setup.genesis)])], call.events)
    if len(setup.addresses) != setup.p.participants:
        raise Broken("the game opened with empty seats")
