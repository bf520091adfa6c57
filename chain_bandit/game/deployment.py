"""A game's contract alone, put on a running chain by a keystore account, and the file that says where it is."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import chain_bandit
from chain_bandit.append_log import regular_file, whole_file
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import ForeignChain
from chain_bandit.chain.funds import Need, fund, price_of, require_balance
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.identity import GAME_FORMAT, Identity, identify, require_same
from chain_bandit.chain.journal import Journal, journal_in
from chain_bandit.chain.node import Wallet
from chain_bandit.game import folder
from chain_bandit.game.attach import attach
from chain_bandit.game.chains import environment_need, others_needs
from chain_bandit.game.plan import Plan
from chain_bandit.game.unfinished import keep_seed, kept_if
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.quorum import QuorumChoice
from chain_bandit.protocol.sortition import chances
from chain_bandit.stopwatch import Stopwatch

FORMAT = "chain-bandit-deployment/1"


class NotADeployment(ChainBanditError):
    """A file that says nothing of a deployed game."""

    exit_code = 3

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; expected a deployment file, game.json or a run folder")
        self.path, self.reason = path, reason


@contextmanager
def kept_journal(path: Path) -> Iterator[Journal]:
    """What is signed for a deployment file, beside it until all of it has come through: `deploy` again resumes it.

    Raises:
        FolderRefused, LogUnwritable: nothing can be written there.
        LogLocked: another process is at it.
    """
    place = path.with_name(f".{path.name}.journal")
    with folder.writing(path):
        place.parent.mkdir(parents=True, exist_ok=True)
    with journal_in(place) as journal:
        through = False
        note = f"what was sent is kept in {place}: run the same command to resume"
        with kept_if(lambda: bool(journal.entries) and not through, note, place.unlink):
            yield journal
            through = True


def deploy(plan: Plan, node: HttpNode, account: Wallet, path: Path, journal: Journal) -> dict[str, Any]:
    """Deploy with `account` as the game's environment, write the file, fund the participants and the relayer.

    The file is for everybody: the seed, which gives the participants' keys, goes into one beside it for its owner.
    Where the file is there already, it is held against the chain, only missing funds are sent. What the journal
    already holds is not signed anew.

    Raises:
        ForeignChain: the file is of another chain, or of another game.
        ForeignContract, ForeignCreation: the contract is not this version's, or was created by other code.
        AccountRefused: the account holds too little.
        ChainBanditError: the file is unreadable, the node does not answer, or it refused.
    """
    plan.scenario.check_contract()
    if path.exists():
        deployment = _read(path)
        require_same(node.rpc.ask, _identity(path, deployment))
        if deployment["game"] != "0x" + plan.game.hex():
            raise ForeignChain("game", deployment["game"], "0x" + plan.game.hex())
    else:
        deployment = _deploy(plan, node, account, path, journal)
    fund(node, _needs(plan, node, path, deployment), account, journal)
    return deployment


def certificate(parameters: Parameters) -> str:
    """How many signatures certify a block at the opening, and what that promises."""
    count, choice = parameters.participants, QuorumChoice(parameters.quorum_choice)
    return f"{parameters.quorum(count)} of {count} signatures; {choice.promise}"


def recorded(path: Path) -> tuple[Identity, int | None]:
    """The game that a deployment file, or a run folder, is of, and its first block. Raises `ChainBanditError`."""
    record = folder.read_manifest(path) if path.is_dir() else _read(path)
    return _identity(path, record), _first_block(record)


def _first_block(record: dict[str, Any]) -> int | None:
    first = record.get("first_block")
    return first if type(first) is int and 0 <= first < 2**64 else None


def _identity(path: Path, record: dict[str, Any]) -> Identity:
    try:
        return Identity.of(record)
    except (KeyError, TypeError) as error:
        raise NotADeployment(path, f"{error} is not recorded") from error


def _needs(plan: Plan, node: HttpNode, path: Path, deployment: dict[str, Any]) -> list[Need]:
    """Funds needed to open the game: no stake for an account that has its seat, nothing once it is open."""
    first = _first_block(deployment)
    if first is None:
        raise NotADeployment(path, "'first_block' is not recorded")
    contract, _ = attach(node.line, bytes.fromhex(deployment["contract"][2:]), first)
    if contract.opened():
        return []
    return [replace(need, wei=0) if contract.has_seat(need.account) else need for need in others_needs(plan)]


def _deploy(plan: Plan, node: HttpNode, account: Wallet, path: Path, journal: Journal) -> dict[str, Any]:
    if not journal.entries:
        own = environment_need(plan, node, bytes.fromhex(account.address[2:]))
        price = price_of(node)
        require_balance(node, account.address, own.at(price) + sum(need.at(price) for need in others_needs(plan)))
    contract = Coordinator.deploy(
        node.line, account, plan.parameters, plan.salt_commitment, plan.secret_commitment, plan.pool, Stopwatch(),
        node.delivery, journal,
    )  # fmt: skip
    contract.bury_creation(node)
    deployment = {
        "format": FORMAT,
        "version": chain_bandit.__version__,
        **asdict(identify(node.rpc.ask, contract.address)),
        "first_block": contract.created_in,
        "gas": sum(contract.gas["deploy"]),
        "certificate": certificate(plan.parameters),
        "sortition": chances(plan.parameters, plan.scenario.all_weights),
        "environment": account.address,
        "relayer": "0x" + plan.relayer.address.hex(),
        "participants": ["0x" + address.hex() for address in plan.addresses],
        "scenario": plan.scenario.model_dump(mode="json", exclude_none=True, exclude={"seed"}),
    }
    with folder.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(folder.as_json(deployment))
            file.flush()  # where there is no room for it, no seed stays either
            keep_seed(plan.scenario, path.with_suffix(f".{folder.SEED}"))
    return deployment


def _read(path: Path) -> dict[str, Any]:
    try:
        with regular_file(path) as file:
            deployment = json.loads(file.read())
    except (OSError, ValueError, RecursionError) as error:
        raise NotADeployment(path, f"cannot be read ({type(error).__name__})") from error
    if not isinstance(deployment, dict) or deployment.get("format") not in (FORMAT, GAME_FORMAT):
        raise NotADeployment(path, f"is not of format {FORMAT}")
    return deployment
