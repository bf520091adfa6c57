"""A game's contract as Python calls: transactions signed here, errors and events decoded, time and gas counted."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, cast

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from web3 import Web3

from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.errors import ForeignContract
from chain_bandit.chain.rpc import Rpc, as_bytes, as_int
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import CostEntry
from chain_bandit.stopwatch import Stopwatch

RecordEvent = tuple[int, int, bytes]
"""(round, kind, head) of one record."""

GAS_BASE, GAS_PER_BYTE, GAS_MOST, GAS_DEPLOYMENT = 1_000_000, 150, 30_000_000, 8_000_000
"""The stated gas limit of a call is base + bytes of calldata * per byte, at most a block."""


class Coordinator:
    """One deployed game. Methods that change the chain wait for the transaction, and raise if it was refused.

    One client must send all transactions of an account, since it counts its nonces.

    Raises (every method):
        NodeUnreachable: the node does not answer.
        TransactionReverted: the contract, or the node, refused.

    Attributes:
        address: 20 bytes.
        gas: gas used by each transaction, by method ("deploy" for the deployment).
        transactions: how many were sent.
        created_in: the block of the deployment; None for a contract found by `at`.
    """

    created_in: int | None = None

    def __init__(self, web3: Web3, address: bytes, stopwatch: Stopwatch) -> None:
        """Use `deploy` or `at`, which make sure that the address holds our contract."""
        artifact = chain_bandit_artifact()
        self.address = address
        self._rpc = Rpc(web3, stopwatch)
        self._functions = artifact.members("function")
        self._recorded = artifact.members("event")["Recorded"]

    @property
    def gas(self) -> dict[str, list[int]]:
        """Gas used by each transaction, by method."""
        return self._rpc.gas

    @property
    def transactions(self) -> int:
        """How many transactions were sent."""
        return self._rpc.transactions

    @staticmethod
    def deploy(
        web3: Web3,
        sender: LocalAccount,
        parameters: Parameters,
        salt_commitment: bytes,
        secret_commitment: bytes,
        pool: int,
        stopwatch: Stopwatch,
    ) -> "Coordinator":
        """Put a new game on the chain, with the sender as its environment and `pool` wei in it."""
        data = chain_bandit_artifact().constructor(astuple(parameters), salt_commitment, secret_commitment)
        rpc = Rpc(web3, stopwatch)
        receipt = rpc.transact("deploy", sender, None, data, pool, GAS_DEPLOYMENT)
        coordinator = Coordinator(web3, bytes.fromhex(receipt["contractAddress"][2:]), stopwatch)
        coordinator._rpc = rpc
        coordinator.created_in = as_int(receipt["blockNumber"])
        return coordinator

    @staticmethod
    def at(web3: Web3, address: bytes, stopwatch: Stopwatch) -> "Coordinator":
        """The game at an address. Raises `ForeignContract` where the code there is not this version's."""
        coordinator = Coordinator(web3, address, stopwatch)
        code = coordinator._rpc.code(address)
        if not chain_bandit_artifact().is_code(code):
            raise ForeignContract(to_checksum_address(address), len(code))
        return coordinator

    def join(self, sender: LocalAccount) -> None:
        """Take the next seat for the stake."""
        self._transact(sender, "join", value=self.parameters().stake)

    def open(self, sender: LocalAccount, salt: bytes) -> None:
        """Start the game."""
        self._transact(sender, "open", salt)

    def submit_blocks(self, sender: LocalAccount, blocks: bytes) -> list[RecordEvent]:
        """Record blocks in a row, as `protocol.submission` encodes them. Gives the records made."""
        return self._record(sender, "submitBlocks", packed=blocks)

    def skip(self, sender: LocalAccount, committee: int, signers: int, signatures: bytes) -> list[RecordEvent]:
        """Record a quorum's "no block". Gives the records made."""
        return self._record(sender, "skip", committee, signers, signatures)

    def skip_after_deadline(self, sender: LocalAccount, committee: int) -> list[RecordEvent]:
        """Record that the deadline passed without a block. Gives the records made."""
        return self._record(sender, "skipAfterDeadline", committee)

    def report_equivocation(self, sender: LocalAccount, proof: tuple[object, ...]) -> None:
        """Put a seat on the block list."""
        self._transact(sender, "reportEquivocation", proof)

    def settle_rewards(self, sender: LocalAccount, through: int, pulls: bytes) -> None:
        """Credit the rewards of all unsettled rounds up to `through`."""
        self._transact(sender, "settleRewards", through, pulls)

    def reveal(self, sender: LocalAccount, secret: bytes, roles: bytes, model: bytes) -> None:
        """Open the environment's commitment."""
        self._transact(sender, "reveal", secret, roles, model)

    def settle_costs(self, sender: LocalAccount, entries: Sequence[CostEntry]) -> None:
        """Hand back records, newest first."""
        self._transact(sender, "settleCosts", [astuple(entry) for entry in entries])

    def close(self, sender: LocalAccount) -> None:
        """Fix what everybody is owed."""
        self._transact(sender, "close")

    def withdraw(self, sender: LocalAccount) -> None:
        """Take all that the sender is owed."""
        self._transact(sender, "withdraw")

    def reveal_counts(self, sender: LocalAccount, salt_key: bytes) -> None:
        """Publish the key of one's commitments to pull counts."""
        self._transact(sender, "revealCounts", salt_key)

    def parameters(self) -> Parameters:
        """The game's parameters."""
        return Parameters(*self._view("parameters"))

    def environment(self) -> bytes:
        """The environment's address, 20 bytes."""
        return _address(self._view("environment"))

    def pool(self) -> int:
        """Wei that the environment put in."""
        return int(self._view("pool"))

    def game(self) -> bytes:
        """The game's digest."""
        return bytes(self._view("game"))

    def genesis(self) -> bytes:
        """The parent of the first record; zero before the opening."""
        return bytes(self._view("genesis"))

    def head(self) -> bytes:
        """The digest of the history."""
        return bytes(self._view("head"))

    def next_round(self) -> int:
        """The open round."""
        return int(self._view("nextRound"))

    def progress(self) -> tuple[int, int, int, int, int, int, bool, int]:
        """(open round, failures in a row, skips in a row, explorations, block of the last record, last block that may
        record, whether anybody was accused, approvals around the open round).
        """
        return cast(tuple[int, int, int, int, int, int, bool, int], self._view("progress"))

    def quorum(self) -> int:
        """Signatures that certify the open round's block."""
        return int(self._view("quorum"))

    def validators(self, round_: int) -> list[bytes]:
        """Who validates the open round, by ascending address."""
        return list(map(_address, self._view("validators", round_)))

    def committee(self, count: int) -> tuple[int, ...]:
        """The best seats by reputation that are not on the block list, the best first."""
        return tuple(self._view("committee", count))

    def reputations(self) -> tuple[int, ...]:
        """The reputation of every seat."""
        return tuple(self._view("reputations"))

    def blocked(self) -> int:
        """The block list of the open round, as a mask."""
        return int(self._view("blocked"))

    def blocked_from(self, seat: int) -> int:
        """The first round in which a seat is on the block list; 0 for never."""
        return int(self._view("blockedFrom", seat))

    def seat_of(self, participant: bytes) -> int:
        """The seat of a participant; reverts for anybody else."""
        return int(self._view("seatOf", participant))

    def participant_at(self, seat: int) -> bytes:
        """The participant in a seat, 20 bytes."""
        return _address(self._view("participantAt", seat))

    def settled_through(self) -> int:
        """The last round whose rewards are credited."""
        return int(self._view("settledThrough"))

    def is_approved(self, round_: int) -> bool:
        """Whether a round ended in an approved block."""
        return bool(self._view("isApproved", round_))

    def owed(self, account: bytes) -> int:
        """Wei that an account can withdraw."""
        return int(self._view("owed", account))

    def is_over(self) -> bool:
        """Whether the game has ended."""
        return bool(self._view("isOver"))

    def opened(self) -> bool:
        """Whether the game was opened."""
        return bool(self._view("opened"))

    def closed(self) -> bool:
        """Whether the accounts are final."""
        return bool(self._view("closed"))

    def _view(self, name: str, *arguments: object) -> Any:
        function = self._functions[name]
        (value,) = function.decode_outputs(self._rpc.call(name, self.address, function.encode(*arguments)))
        return value

    def _transact(
        self, sender: LocalAccount, name: str, *arguments: object, value: int = 0, packed: bytes = b""
    ) -> Any:
        data = self._functions[name].encode(*arguments) + packed
        limit = min(GAS_BASE + GAS_PER_BYTE * len(data), GAS_MOST)
        return self._rpc.transact(name, sender, self.address, data, value, limit)

    def _record(self, sender: LocalAccount, name: str, *arguments: object, packed: bytes = b"") -> list[RecordEvent]:
        logs = self._transact(sender, name, *arguments, packed=packed)["logs"]
        events = [self._recorded.decode_inputs(as_bytes(log["data"])) for log in logs]
        return [(round_, kind, bytes(head)) for round_, kind, head in events]



def _address(value: str) -> bytes:
    return bytes.fromhex(value[2:])
