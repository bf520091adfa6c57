"""The folders of a game of nodes, made from a scenario, whose seed gives every key: from then on each has its own."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER
from chain_bandit.append_log import write_private
from chain_bandit.chain.identity import Identity
from chain_bandit.crypto.certificates import public_part, self_signed
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.vouching import vouching
from chain_bandit.game.plan import Plan
from chain_bandit.game.unfinished import lock
from chain_bandit.nodes.node_files import (
    GAME,
    KEY,
    LINK,
    GameFile,
    KeyFile,
    NodeRecord,
    Registration,
    name_of,
    write_public,
)
from chain_bandit.protocol.settlement import Conduct


def write_folders(plan: Plan, out: Path) -> list[NodeRecord]:
    """A folder for each node, with its keys and the socket it listens on; gives their records. Raises `OSError`."""
    scenario, node_records = plan.scenario, list[NodeRecord]()
    signers: dict[int, Signer] = dict(enumerate(plan.participants))
    signers |= {ENVIRONMENT: plan.environment, RELAYER: plan.relayer}
    for address in (*signers, COMPARISON):
        signer = signers.get(address, plan.environment)
        node_records.append(write_folder(out, _key(plan, address), signer, plan.game))
        observes = scenario.is_self_declared and address in range(scenario.participants)
        if observes or address == ENVIRONMENT or address in scenario.attacks():
            lock(scenario, out / name_of(address), with_seed=False, observers=[address] * observes)
    return node_records


def write_folder(out: Path, key: KeyFile, signer: Signer, game: bytes) -> NodeRecord:
    """The folder of one node, with its key and a certificate that `signer` vouches for. Raises `OSError`.

    Args:
        game: the game's digest.
    """
    place = out / name_of(key.address)
    place.mkdir(mode=0o700)
    pem = self_signed(place.name)
    write_private(place / LINK, pem)
    write_private(place / KEY, key.model_dump_json(exclude_none=True).encode())
    certificate = public_part(pem)
    return NodeRecord(
        address=key.address, endpoint=f"unix:{place.name}/socket", certificate=certificate,
        voucher=signer.sign(vouching(game, certificate)),
    )  # fmt: skip


def write_game(
    plan: Plan, deployment: Mapping[str, Any], url: str, node_records: Sequence[NodeRecord], out: Path
) -> None:  # fmt: skip
    """The file that all nodes share. Raises `OSError`."""
    scenario, identity = plan.scenario, Identity.of(deployment)
    game = GameFile(
        **asdict(identity), first_block=deployment["first_block"], url=url,
        confirmations=scenario.chain.confirmations, bound_ms=scenario.bound_ms,
        environment=plan.environment.address, relayer=plan.relayer.address,
        participants=tuple(Registration(**asdict(each)) for each in plan.seated), node_records=tuple(node_records),
        vectors=scenario.vectors, rules=scenario.foreign_rules, name=scenario.name, arm_names=scenario.arm_names,
    )  # fmt: skip
    write_public(out / GAME, game)


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
