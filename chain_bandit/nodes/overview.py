"""Status of a game's accounts across hosts, from the chain alone: last reports and balances."""

from dataclasses import dataclass
from pathlib import Path

from chain_bandit.audits import audit_file
from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.answers import as_int
from chain_bandit.chain.identity import require_same
from chain_bandit.chain.remote import at_url
from chain_bandit.nodes.node_files import NAMES, read_game
from chain_bandit.runs import history_of_node


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account of a game as the chain shows it.

    Attributes:
        name: `seat-N`, environment or relayer.
        balance: in wei.
        reported: the last round whose block has a report of it; 0 for none, None for accounts that do not report.
        missed: blocks since then that have none.
        excluded: the first round without it; 0 for never.
    """

    name: str
    address: str
    balance: int
    reported: int | None = None
    missed: int | None = None
    excluded: int = 0


@dataclass(frozen=True, slots=True)
class GameStatus:
    """A game as the chain shows it: its last round, and every account."""

    round: int
    kind: str
    accounts: tuple[AccountStatus, ...]


def overview(path: Path, url: str) -> GameStatus:
    """The status of the game that a `game.json` is of.

    Raises:
        PlaceRefused: the file is none.
        ForeignChain: the node is of another chain, or holds another contract or game there.
        ChainBanditError: the node does not answer, or its answers do not add up.
    """
    game, rpc = read_game(path), at_url(url)
    require_same(rpc, game.identity)
    with history_of_node(rpc, bytes.fromhex(game.contract[2:]), game.first_block, None) as history:
        report = audit_file(history)
    blocks = [row for row in report.rounds if row.means is not None]
    listed = report.game.get("blocked_from") or []

    def balance(address: bytes) -> int:
        return int(rpc("eth_getBalance", [checksummed(address), "latest"], as_int))

    found = [
        AccountStatus(NAMES[role], checksummed(address), balance(address))
        for role, address in zip(NAMES, (game.environment, game.relayer), strict=False)
    ]
    for seat, each in enumerate(game.participants):
        last = max((row.round for row in blocks if seat in row.reporters), default=0)
        found.append(AccountStatus(
            f"seat-{seat}", checksummed(each.address), balance(each.address), last,
            sum(row.round > last for row in blocks), listed[seat] if seat < len(listed) else 0,
        ))  # fmt: skip
    end = report.rounds[-1] if report.rounds else None
    return GameStatus(end.round if end else 0, end.kind if end else "not begun", tuple(found))
