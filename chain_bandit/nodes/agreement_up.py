"""An agreement on tokens with every participant, validator and the relayer as a process of its own on this machine."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

from chain_bandit.actors.messages import RELAYER
from chain_bandit.append_log import write_private
from chain_bandit.auditor.agreement import AgreementReport
from chain_bandit.chain import accounts
from chain_bandit.chain.funds import Need, fund
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.identity import chain_of, require_chain
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import account
from chain_bandit.chain.remote import at_url
from chain_bandit.chain.tokens import Tokens
from chain_bandit.chain_history.creation import creation_block
from chain_bandit.crypto.keys import Signer
from chain_bandit.game import folder
from chain_bandit.game.chains import connected, is_url
from chain_bandit.game.mediated import (
    GAS_OF_A_DEPLOYMENT,
    GAS_OF_AN_EPOCH,
    AgreementGame,
    Result,
    export,
    play_world,
    signers,
)
from chain_bandit.game.unfinished import kept_if
from chain_bandit.network.wire import MOST_BYTES
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.agreement_start import WAITS
from chain_bandit.nodes.game_folders import write_folder
from chain_bandit.nodes.processes import LOOK, states
from chain_bandit.nodes.round_rules import longest_frame
from chain_bandit.nodes.up import MOST_SEATS, empty, fresh, looks, processes
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.errors import require
from chain_bandit.protocol.rlp import created_address
from chain_bandit.stopwatch import Stopwatch


def up_agreement(
    game: AgreementGame, out: Path, chain: str, bound_ms: int = 1000, payer: str | None = None,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    revives: Callable[[str], bool] = lambda name: False,
    pause: Callable[[float], object] = sleep,
    on_connected: Callable[[int], None] = lambda chain_id: None,
) -> Result:  # fmt: skip
    """Play it; see `nodes.up.up`. The run folder has history and audit, as `game.mediated.play_on` leaves them.

    Args:
        bound_ms: Δ.
    """
    require_of_agreement(game.terms)
    with fresh(out) as out, connected(chain, say) as node:
        on_connected(node.chain_id)
        relayer = Signer(os.urandom(32))  # its own, so that no two games have one contract
        shared = _set_up(game, node, out, payer, relayer, bound_ms, is_url(chain))
        address = bytes.fromhex(shared.contract[2:])
        with processes(out) as fork_server:
            looked = looks(out, fork_server, say, revives, node.url)
            while not _all_wait(out, next(looked)):
                pause(LOOK)
            made = Tokens.deploy(
                node.line, account(relayer.secret), game.terms, shared.accounts, Stopwatch(), node.delivery
            )
            assert made.address == address
            made.bury_creation(node)
            say(f"{len(states(out))} processes; chain-bandit ps {out} says how they are")
            for _ in looked:
                pause(LOOK)
        report = export(node.rpc.ask, address, creation_block(node.rpc.ask, address), out)
    tokens = [row.token for row in report.epochs]
    left = iter(tokens)
    regret = play_world(game, lambda own, sent: next(left))
    gas = {"agree": [row.gas for row in report.epochs if row.kind != "deadline"]}
    return Result("0x" + address.hex(), tuple(tokens), gas, regret, report)


def audit_on_chain(out: Path, url: str, head: bytes | None = None) -> AgreementReport:
    """Export and audit what the chain has of the agreement in a folder, as `up_agreement` does at the end.

    Args:
        head: the hash of the last block; by default the node's last one.

    Raises:
        PlaceRefused: the folder is of no agreement.
        ForeignChain: the node is of another chain.
        NodeDisagrees: its contract is not there.
    """
    shared, rpc = files.read_agreement(out / files.GAME), at_url(url)
    require_chain((shared.chain_id, shared.genesis_hash), chain_of(rpc))
    contract = bytes.fromhex(shared.contract[2:])
    return export(rpc, contract, creation_block(rpc, contract), out, head)


def require_of_agreement(terms: AgreementTerms) -> None:
    """Raise `AssumptionBroken` for an agreement that nodes do not play."""
    terms.check()
    require(terms.places <= MOST_SEATS, "seats", f"N + V <= {MOST_SEATS} (among processes)")
    require(longest_frame(terms) < MOST_BYTES, "steps", f"messages shorter than {MOST_BYTES} bytes (among processes)",
            steps=terms.steps)  # fmt: skip


def _set_up(
    game: AgreementGame, node: HttpNode, out: Path, payer: str | None, relayer: Signer, bound_ms: int, keeps: bool
) -> files.AgreementFile:
    """The nodes' folders, and gas for the relayer, which deploys too; what all know, the contract's address in it."""
    payments = Journal()
    keys = {RELAYER: relayer, **dict(enumerate(signers(game)))}
    seats = tuple(keys[seat].address for seat in range(game.terms.places))
    is_whole = False
    note = f"what was sent belongs to the accounts whose keys are in {out}"
    with kept_if(lambda: is_whole or (keeps and bool(payments.entries)), note, lambda: empty(out)):
        digest = game.terms.digest(seats)
        with folder.writing(out):
            records = tuple(_folder(game, out, address, key, digest) for address, key in keys.items())
        need = Need(relayer.address, 0, GAS_OF_A_DEPLOYMENT + GAS_OF_AN_EPOCH * game.epochs)
        fund(node, [need], accounts.named(payer, node.chain_id) if payer else None, payments)
        chain_id, genesis_hash = chain_of(node.rpc.ask)
        contract = created_address(relayer.address, nonce=0)
        shared = files.AgreementFile(
            chain_id=chain_id, genesis_hash=genesis_hash, contract="0x" + contract.hex(), game="0x" + digest.hex(),
            first_block=node.height(), url=node.url, confirmations=1, bound_ms=bound_ms, relayer=relayer.address,
            node_records=records, terms=game.terms, epochs=game.epochs, accounts=seats,
        )  # fmt: skip
        with folder.writing(out):
            files.write_public(out / files.GAME, shared)
        is_whole = True
    return shared


def _folder(game: AgreementGame, out: Path, address: int, key: Signer, digest: bytes) -> files.NodeRecord:
    """One node's: its key, its certificate, and what a participant learns in. Raises `OSError`."""
    record = write_folder(out, files.KeyFile(address=address, secret=key.source), key, digest)
    if 0 <= address < game.terms.participants:
        world = files.WorldFile(means=game.means, seed=game.seed)
        write_private(out / files.name_of(address) / files.WORLD, world.model_dump_json().encode())
    return record


def _all_wait(out: Path, names: set[str]) -> bool:
    """Whether they all wait for the contract, which begins the first epoch."""
    logs = [out / name / files.LOG for name in names]
    return all(log.exists() and WAITS in log.read_text() for log in logs)
