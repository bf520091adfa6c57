"""The history of an honest game without a chain: true signatures, roots and links, and the events that the rules give.

No EVM has run it: the audit tells whether the contract would have given the same. So a long history
takes no longer than its actors.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple

from chain_bandit.chain.artifacts import Member, chain_bandit_artifact
from chain_bandit.chain.node import Wallet, account
from chain_bandit.chain.transactions import Fee, TransactionSigner
from chain_bandit.chain_history.blocks import ContractOrigin, History, RawBlock
from chain_bandit.chain_history.evm import Log, logs_bloom, ordered_root
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.game.game import Game
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import ExpectedRecord
from chain_bandit.protocol import creation, rlp
from chain_bandit.protocol.blocks import genesis_digest
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.rewards import hidden_cost
from chain_bandit.protocol.rlp import created_address
from chain_bandit.protocol.settlement import CostEntry, decode_pulls, encode_sums, final_balance
from chain_bandit.protocol.submission import Submitted, encode
from chain_bandit.protocol.tallies import FalseReport

CHAIN_ID, GAS = 31337, 1_000_000
FEE = Fee(10**9, 1)


class PaperChain:
    """`Recorder` of a game in which nobody is malicious: one call a block, none refused."""

    def __init__(self) -> None:
        self.blocks: deque[RawBlock] = deque()
        self._number, self._head = 0, bytes(32)
        artifact = chain_bandit_artifact()
        self._functions, self._events = artifact.members("function"), artifact.members("event")
        self._nonces: dict[str, int] = {}
        self._signers: dict[str, TransactionSigner] = {}
        self._waiting = b""

    def open(self, plan: Plan) -> Domain:
        """Deploy, let everybody join, open."""
        p = self._parameters = plan.parameters
        self._plan, self._rewards = plan, [0] * p.participants
        self._environment, self._relayer = account(plan.environment.secret), account(plan.relayer.secret)
        self._participants = [account(signer.secret) for signer in plan.participants]
        self.contract = created_address(plan.environment.address, 0)
        arguments = creation.encode(p, plan.salt_commitment, plan.secret_commitment)
        self._mine(self._environment, chain_bandit_artifact().bytecode + arguments, plan.pool, create=True)
        for seat, (who, seated) in enumerate(zip(self._participants, plan.seated, strict=True)):
            log = self._log("Joined", uint(seat, 32), bytes(12) + seated.address)
            self._mine(who, self._functions["join"].encode(seated.keys), seated.weight * p.stake, log)
        genesis = genesis_digest(plan.game, plan.seated, plan.salt)[1]
        self._mine(self._environment, self._functions["open"].encode(plan.salt), 0, self._log("Opened", genesis))
        return Domain(CHAIN_ID, self.contract, plan.game)

    def submit(self, blocks: Sequence[Submitted]) -> None:
        """Held back until it is known what it comes to."""
        self._waiting = self._functions["submitBlocks"].topic[:4] + encode(self._parameters, blocks)

    def expect(self, made: ExpectedRecord) -> None:
        """Record what waits."""
        round_, kind, head = made
        self._mine(self._relayer, self._waiting, 0, self._log("Recorded", uint(round_, 32), uint(kind, 32), head))

    def skip(self, committee: int, certificate: Certificate) -> None:
        """No round of an honest game is skipped."""
        raise AssertionError("an honest round was skipped")

    def skip_after_deadline(self, committee: int) -> None:
        """No round of an honest game is skipped."""
        raise AssertionError("an honest round was skipped")

    def report(self, proof: Equivocation) -> None:
        """Nobody equivocates."""
        raise AssertionError("an honest seat was accused")

    def prove(self, proof: FalseReport) -> None:
        """Nobody lies."""
        raise AssertionError("an honest report was called false")

    def accusations(self, through: int) -> Mapping[int, int]:
        """Nobody."""
        return {}

    def liars(self) -> int:
        """Nobody."""
        return 0

    def settle_rewards(self, through: int, pulls: bytes) -> None:
        """Credit rewards."""
        size = 5 * self._parameters.participants
        for at in range(0, len(pulls), size):
            for seat, pull in enumerate(decode_pulls(pulls[at : at + size], self._parameters.participants)):
                self._rewards[seat] += pull.reward
        call = self._functions["settleRewards"].encode(through, pulls)
        sums = encode_sums(self._rewards)
        words = uint(through, 32), uint(64, 32), uint(len(sums), 32), sums + bytes(-len(sums) % 32)
        self._mine(self._environment, call, 0, self._log("RewardsSettled", *words))

    def show(self, sums: bytes, keys: Sequence[bytes | None]) -> None:
        """Reveal."""
        plan = self._plan
        seed_0 = genesis_digest(plan.game, plan.seated, plan.salt)[0]
        call = self._functions["reveal"].encode(plan.secret, plan.roles, plan.model)
        cost = hidden_cost(plan.secret, seed_0, self._parameters.provable)
        self._mine(self._environment, call, 0, self._log("Revealed", uint(cost, 32)))

    def finish(self, entries: Sequence[CostEntry]) -> None:
        """Settle costs, of which there are none, close, and let everybody withdraw."""
        plan, p = self._plan, self._parameters
        left, size = p.horizon + 1, plan.scenario.costs_every
        for at in range(0, len(entries), size):
            part = entries[at : at + size]
            left -= len(part)
            call = self._functions["settleCosts"].encode([astuple(entry) for entry in part])
            self._mine(self._environment, call, 0, self._log("CostsSettled", uint(left, 32), bytes(32)))
        nothing = [0] * p.participants
        balance = final_balance(p, plan.pool, self._rewards, plan.roles, nothing)
        self._mine(self._relayer, self._functions["close"].encode(), 0, self._log("Closed", bytes(32), bytes(32)))
        owed = zip([*self._participants, self._environment], [*balance.participants, balance.environment], strict=True)
        for who, wei in owed:
            log = self._log("Withdrawn", bytes(12) + bytes.fromhex(who.address[2:]), uint(wei, 32))
            self._mine(who, self._functions["withdraw"].encode(), 0, log)

    def _log(self, event: str, *words: bytes) -> Log:
        member: Member = self._events[event]
        return Log(self.contract, (member.topic,), b"".join(words))

    def _mine(self, who: Wallet, data: bytes, value: int, *logs: Log, create: bool = False) -> None:
        """A block with one transaction."""
        name = who.address
        if name not in self._signers:
            self._signers[name] = TransactionSigner(account(bytes(who.key)), CHAIN_ID)
        nonce = self._nonces.get(name, 0)
        self._nonces[name], self._number = nonce + 1, self._number + 1
        to = None if create else self.contract
        raw = self._signers[name].sign(nonce, FEE, GAS, to, value, data)
        bloom = logs_bloom(logs)
        said = [[log.address, list(log.topics), log.data] for log in logs]
        receipt = b"\2" + rlp.encode([b"\1", rlp.encode_number(GAS), bloom, said])
        header = rlp.encode([
            self._head, bytes(32), bytes(20), bytes(32), ordered_root((raw,)), ordered_root((receipt,)), bloom, b"",
            rlp.encode_number(self._number), rlp.encode_number(30 * GAS), rlp.encode_number(GAS),
            rlp.encode_number(self._number), b"", bytes(32), bytes(8), b"\7",
        ])  # fmt: skip
        self._head = keccak(header)
        self.blocks.append(RawBlock(header, (raw,), (receipt,)))


def by_actors(plan: Plan, chain: PaperChain) -> Iterator[object]:
    """Play a game with every actor in it, round by round."""
    return Game(plan.scenario, chain, plan).play()


def history_of(plan: Plan, play: Callable[[Plan, PaperChain], Iterator[object]] = by_actors) -> History:
    """The game's history, played while one goes through it: once."""
    chain = PaperChain()
    address = created_address(plan.environment.address, 0)

    def blocks() -> Iterator[RawBlock]:
        for _ in play(plan, chain):
            while chain.blocks:
                yield chain.blocks.popleft()
        yield from chain.blocks

    return History(ContractOrigin(CHAIN_ID, address, 1), blocks())
