"""A game's contract as Python calls: transactions handed to the sender, errors and events decoded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import cast

from chain_bandit.chain.answers import as_hex
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.call import Call, Events, Order
from chain_bandit.chain.contract import Contract, as_address
from chain_bandit.chain.errors import NodeGarbled, TransactionReverted
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.modules import deploy_modules, is_shown, require_game
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.rpc import StateAt, as_decoded
from chain_bandit.chain.sender import Watch
from chain_bandit.chain.transaction_policy import AT_ONCE, TransactionPolicy
from chain_bandit.chain.wire import Line
from chain_bandit.protocol.blocks import Seated
from chain_bandit.protocol.creation import encode
from chain_bandit.protocol.parameters import FIELDS, Parameters
from chain_bandit.protocol.settlement import CostEntry
from chain_bandit.protocol.transaction import MOST_GAS, gas_of_pulls
from chain_bandit.protocol.units import MAX_PARTICIPANTS
from chain_bandit.stopwatch import Stopwatch

RecordEvent = tuple[int, int, bytes]
"""(round, kind, head) of one record."""

RECORDED = ("Recorded", "RecordedWithCommittee")
"""The events of a transaction that records; round, kind and head come first."""

GAS_DEPLOYMENT = 1_000_000
_STAKE = list(FIELDS).index("stake")


class Coordinator(Contract):
    """One deployed game. A method that changes the chain hands a call to the sender and returns it; see `Contract`."""

    def __init__(
        self,
        line: Line,
        address: bytes,
        stopwatch: Stopwatch,
        delivery: TransactionPolicy = AT_ONCE,
        journal: Journal | None = None,
    ) -> None:
        """Use `deploy` or `at`, which make sure that the address holds our contract."""
        artifact = chain_bandit_artifact()
        super().__init__(line, address, artifact, stopwatch, delivery, journal)
        events = artifact.members("event")
        self._recorded, self._accused = {events[name].topic: events[name] for name in RECORDED}, events["Accused"]
        self._accusations: dict[int, int] = {}

    @staticmethod
    def deploy(
        line: Line,
        sender: Wallet,
        parameters: Parameters,
        salt_commitment: bytes,
        secret_commitment: bytes,
        pool: int,
        stopwatch: Stopwatch,
        delivery: TransactionPolicy = AT_ONCE,
        journal: Journal | None = None,
    ) -> "Coordinator":
        """Put a new game on the chain, with the sender as its environment and `pool` wei in it, and wait for it.

        Raises `ForeignContract`; `ForeignModule`, before anything is sent, where other code is in a module's place.
        """
        data = chain_bandit_artifact().bytecode + encode(parameters, salt_commitment, secret_commitment)
        coordinator = Coordinator(line, b"", stopwatch, delivery, journal)
        modules = deploy_modules(coordinator.rpc, sender, delivery)
        if modules is not None:
            coordinator._sender.take_over(modules)
        coordinator._create(sender, pool, GAS_DEPLOYMENT, data)
        coordinator._watch(coordinator.created_in or 0)
        code = coordinator.rpc.code
        coordinator.wait_until(lambda: is_shown(lambda: require_game(code, coordinator.address)))
        return coordinator

    @staticmethod
    def at(
        line: Line,
        address: bytes,
        stopwatch: Stopwatch,
        delivery: TransactionPolicy = AT_ONCE,
        journal: Journal | None = None,
        first_block: int | None = None,
    ) -> "Coordinator":
        """The game at an address. Raises `ForeignContract`, `ForeignModule` where code is not this version's.

        Args:
            first_block: of the contract; without it, no accusation before this call is seen.
        """
        coordinator = Coordinator(line, address, stopwatch, delivery, journal)
        require_game(coordinator.rpc.code, address)
        coordinator._bind()
        if first_block is None:  # a node in this process is asked for no events
            first_block = 0 if coordinator.rpc.wire.certain else coordinator.rpc.height()
        coordinator._watch(first_block)
        return coordinator

    def join(self, sender: Wallet, seated: Seated) -> Call:
        """Take the next seat for as many stakes as it weighs; seats go by order, so all earlier calls come first."""
        deposit = seated.weight * self.fields()[_STAKE]
        own = as_address(sender.address)
        return self._submit(sender, "join", seated.keys, value=deposit, order=Order.ALONE,
                            done=lambda block: self.has_seat(own, block))  # fmt: skip

    def open(self, sender: Wallet, salt: bytes) -> Call:
        """Start the game."""
        return self._submit(
            sender, "open", salt, order=Order.ALONE, seats=MAX_PARTICIPANTS,
            done=lambda block: bool(self._view("opened", block=block)),
        )  # fmt: skip

    def submit_blocks(
        self, sender: Wallet, blocks: Sequence[bytes], done: Callable[[str], int] | None = None, gas: int = 0
    ) -> Call:
        """Record blocks in a row, each as `protocol.submission` encodes it.

        Args:
            done: as for all records, see `recorded_since`. What others recorded meanwhile is left out.
            gas: the limit to state, see `protocol.transaction`; that of any call by default.
        """
        return self._submit(sender, "submitBlocks", parts=blocks, done=done, gas=gas, read=self._records)

    def skip(
        self,
        sender: Wallet,
        committee: int,
        signers: int,
        signatures: bytes,
        done: Callable[[str], int] | None = None,
    ) -> Call:
        """Record a quorum's "no block"."""
        return self._submit(sender, "skip", committee, signers, signatures, done=done, read=self._records)

    def skip_after_deadline(
        self, sender: Wallet, committee: int, done: Callable[[str], int] | None = None
    ) -> Call:
        """Record that the deadline passed without a block."""
        return self._submit(sender, "skipAfterDeadline", committee, done=done, read=self._records)

    def report_equivocation(
        self, sender: Wallet, seat: int, proof: tuple[object, ...]
    ) -> Call:
        """Put a seat on the block list; which round is open decides from when on, so all earlier calls come first.

        Somebody else may have done so, or have recorded the last round, after which it makes no difference.
        """
        return self._submit(
            sender, "reportEquivocation", proof, order=Order.ALONE, read=self._take_accusations,
            done=lambda block: bool(self._view("blockedFrom", seat, block=block) or self._view("isOver", block=block)),
        )  # fmt: skip

    def report_false(self, sender: Wallet, seat: int, round_: int, proof: tuple[object, ...]) -> Call:
        """Prove that a report is false; somebody else may have proven that one, or an earlier one."""
        return self._submit(
            sender, "reportFalse", proof, order=Order.ALONE, read=self._take_accusations,
            done=lambda block: 0 < self._view("provenFrom", seat, block=block) <= round_,
        )  # fmt: skip

    def acquit(self, sender: Wallet, shown: tuple[object, ...]) -> Call:
        """Show that the environment signed a seat's tally twice, see `Acquittal` in `contracts/types/Game.sol`."""
        return self._submit(sender, "acquit", shown, order=Order.ALONE)

    def accusations(self) -> Mapping[int, int]:
        """Seats that are on the block list or will be, with the first round of each, as far as the chain has shown."""
        return self._accusations

    def recorded_since(self, round_: int) -> Callable[[str], int]:
        """How many rounds from this one on are recorded, by any relayer, in the state after a block."""
        return lambda block: max(0, int(self._view("nextRound", block=block)) - round_)

    def settle_rewards(self, sender: Wallet, through: int, pulls: bytes, of_all: bool = False) -> Call:
        """Credit the rewards of all unsettled rounds up to `through`, once they are recorded; sealed: note tags.

        Args:
            of_all: the contract takes no settlement but of all that is recorded, as in a game with phases.
        """
        order = Order.ALONE if of_all else Order.AFTER
        return self._submit(sender, "settleRewards", through, pulls, order=order, gas=gas_of_pulls(len(pulls)))

    def settle_sums(self, sender: Wallet, sums: bytes) -> Call:
        """Credit what each seat of a sealed game earned, once all tags are settled; the work grows with the rounds."""
        return self._submit(sender, "settleSums", sums, order=Order.AFTER, gas=MOST_GAS)

    def reveal(self, sender: Wallet, secret: bytes, roles: bytes, model: bytes) -> Call:
        """Open the environment's commitment, once all is recorded."""
        return self._submit(sender, "reveal", secret, roles, model, order=Order.AFTER)

    def settle_costs(self, sender: Wallet, entries: Sequence[CostEntry]) -> Call:
        """Hand back records, newest first; to note a seat of the block list at first takes as much as two elsewhere."""
        given = [astuple(entry) for entry in entries]
        return self._submit(sender, "settleCosts", given, seats=2 * MAX_PARTICIPANTS)

    def close(self, sender: Wallet) -> Call:
        """Fix what everybody is owed, once all is settled."""
        return self._submit(
            sender, "close", order=Order.ALONE, seats=MAX_PARTICIPANTS,
            done=lambda block: bool(self._view("closed", block=block)),
        )  # fmt: skip

    def withdraw(self, sender: Wallet) -> Call:
        """Take all that the sender is owed."""
        return self._submit(sender, "withdraw")

    def reveal_seal(self, sender: Wallet, seal_key: bytes) -> Call:
        """Publish the key of one's sealed records, once all is recorded."""
        return self._submit(sender, "revealSeal", seal_key, order=Order.AFTER)

    def fields(self) -> tuple[int, ...]:
        """The game's parameters as the contract has them, see `Parameters.fields`."""
        *named, reserved = self._view("parameters")
        return tuple(int.from_bytes(each) if isinstance(each, bytes) else each for each in (*named, *reserved))

    def environment(self) -> bytes:
        """The environment's address, 20 bytes."""
        return as_address(self._view("environment"))

    def pool(self) -> int:
        """Wei that the environment put in."""
        return int(self._view("pool"))

    def game(self) -> bytes:
        """The game's digest."""
        return bytes(self._view("game"))

    def genesis(self) -> bytes:
        """The parent of the first record; zero before the opening."""
        return bytes(self._view("genesis"))

    def next_round(self, block: StateAt = "latest") -> int:
        """The open round."""
        return int(self._view("nextRound", block=block))

    def progress(self) -> tuple[int, int, int, int, int, int, int, int, int]:
        """(open round, failures in a row, skips in a row, explorations, block of the last record, last block that may
        record, whether anybody was accused, approvals around the open round, pulls beyond one a round).
        """
        return cast(tuple[int, int, int, int, int, int, int, int, int], self._view("progress"))

    def liars(self) -> int:
        """The seats that a false report put on the block list, as a mask: these validate on."""
        return int(self._view("liars"))

    def proven_from(self, seat: int) -> int:
        """The first round of which a seat's report is proven false; 0 for none."""
        return int(self._view("provenFrom", seat))

    def proven_by(self, seat: int) -> int:
        """The round whose tally the last proof against a seat rests on."""
        return int(self._view("provenBy", seat))

    def over_block(self, parameters: Parameters) -> int:
        """The chain block with which a game that is over was so, from which on its window for settlement counts."""
        open_round, *_, last_record, last_block, _, _, extra = self.progress()
        return last_record if open_round + extra > parameters.horizon else last_block

    def blocks_left(self, parameters: Parameters, blocks: int) -> int:
        """How many of the first so many blocks of the window for settlement are to come; none if 0 or less."""
        return self.over_block(parameters) + blocks - self.rpc.height()

    def seat_of(self, participant: bytes) -> int:
        """The seat of a participant; reverts for anybody else."""
        return int(self._view("seatOf", participant))

    def has_seat(self, account: bytes, block: str = "latest") -> bool:
        """Whether an account has joined, by the state after a block."""
        try:
            self._view("seatOf", account, block=block)
        except TransactionReverted as error:
            if error.error != "NotParticipant":
                raise
            return False
        return True

    def holder(self, seat: int, block: StateAt = "latest") -> bytes | None:
        """The account that has joined as this seat, 20 bytes, by the state after a block; None while it is empty."""
        try:
            return self.participant_at(seat, block)
        except TransactionReverted as error:
            if error.error != "SeatEmpty":
                raise
            return None

    def participant_at(self, seat: int, block: StateAt = "latest") -> bytes:
        """The participant in a seat, 20 bytes."""
        return as_address(self._view("participantAt", seat, block=block))

    def settled_through(self) -> int:
        """The last round whose rewards are credited."""
        return int(self._view("settledThrough"))

    def owed(self, account: bytes) -> int:
        """Wei that an account can withdraw."""
        return int(self._view("owed", account))

    def is_over(self, block: StateAt = "latest") -> bool:
        """Whether the game has ended, by the state after a block."""
        return bool(self._view("isOver", block=block))

    def opened(self, block: StateAt = "latest") -> bool:
        """Whether the game was opened."""
        return bool(self._view("opened", block=block))

    def closed(self) -> bool:
        """Whether the accounts are final."""
        return bool(self._view("closed"))

    def _watch(self, since: int) -> None:
        """Know of all accusations from a block on."""
        about = {"address": as_hex(self.address), "topics": [as_hex(self._accused.topic)]}
        self._sender.watch(Watch(about, self._take_accusations, since))

    def _take_accusations(self, events: Events) -> None:
        """Keep those that a call made, or that are watched."""
        accused = [data for topic, data in events if topic == self._accused.topic]
        self._accusations |= dict(as_decoded(self._accused.decode_inputs, data) for data in accused)

    def _records(self, events: Events) -> list[RecordEvent]:
        found = list[RecordEvent]()
        for topic, data in events:
            if topic not in self._recorded:
                raise NodeGarbled("the event of a record", as_hex(topic))
            round_, kind, head, *_ = as_decoded(self._recorded[topic].decode_inputs, data)
            found.append((round_, kind, bytes(head)))
        return found
