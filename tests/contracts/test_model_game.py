"""The model of the contract that schedules of chains play on does what the contract does, by the same drawn calls."""

import ast
from dataclasses import astuple
from random import Random

from eth_tester.exceptions import TransactionFailed

from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.rpc import refusal
from chain_bandit.chain.wire import Refused
from chain_bandit.protocol.blocks import Header, Kind, Record
from chain_bandit.protocol.creation import encode
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import after_record, is_over, records_made
from chain_bandit.protocol.rlp import created_address
from chain_bandit.protocol.settlement import CostEntry, Pull, encode_pulls
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.units import NO_PULL, UNIT
from verification.fast_node import CHAIN_ID, FastNode, _log
from verification.schedules.model_game import FUNCTIONS, Cast, ModelGame, Reverted

RICH = 10**24
SEQUENCES, CALLS = 14, 60
VIEWS = (
    "genesis", "head", "nextRound", "progress", "settledThrough", "isOver", "opened", "closed", "liars", "parameters",
    "game", "environment", "pool",
)  # fmt: skip


class _Both:
    """A game on revm and its model, and calls drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        sizes = {
            "skip_deadline": 2, "window": rng.choice((6, 30)), "opening_deadline": rng.choice((8, 40)),
            "game_blocks": rng.choice((20, 80)),
        }  # fmt: skip
        seats, rounds = rng.choice((2, 3)), rng.choice((3, 4))
        owner = Cast(seats, rounds, CHAIN_ID).plan.environment.address
        self.cast = cast = Cast(seats, rounds, CHAIN_ID, address=created_address(owner, 0), **sizes)
        self.node = FastNode(dict.fromkeys((*cast.everybody, cast.plan.relayer.address), RICH))
        plan = cast.plan
        data = chain_bandit_artifact().bytecode + encode(cast.p, plan.salt_commitment, plan.secret_commitment)
        self.address = self.node._run("0x" + owner.hex(), None, data, plan.pool)
        assert self.address == cast.domain.contract
        self.game = ModelGame(cast, len(self.node._blocks))
        self.node._append((), ())
        self.state, self.records = self.game.first(), []

    def real(self, sender, value, data):
        """Events of a call of the contract, or its refusal."""
        try:
            self.node._run("0x" + sender.hex(), "0x" + self.address.hex(), data, value)
        except TransactionFailed as error:
            output = ast.literal_eval(str(error).removeprefix("execution reverted: "))
            return refusal("", Refused("", output)).error
        logs = map(_log, self.node._evm.result.logs)
        return tuple((log.topics[0], log.data) for log in logs)

    def model(self, sender, value, data):
        """The same of the model."""
        try:
            self.state, logs = self.game.run(self.state, sender, value, data, len(self.node._blocks))
        except Reverted as error:
            return error.name
        return logs

    def view(self, name, *arguments):
        """What both say to a view."""
        data = FUNCTIONS[name].encode(*arguments)
        request = {"from": "0x" + "00" * 20, "to": "0x" + self.address.hex(), "data": "0x" + data.hex()}
        try:
            real = self.node._call(request)  # in the next block
        except TransactionFailed as error:
            real = str(error).removeprefix("execution reverted: ")
        try:
            model = "0x" + self.game.view(self.state, data, len(self.node._blocks)).hex()
        except Reverted as error:
            model = repr(error.data)
        return real, model

    def step(self):
        """One drawn call on both, and all views."""
        if self.rng.random() < 0.15:
            for _ in range(self.rng.choice((1, 3, 10))):
                self.node._append((), ())
        before = self.state
        name, sender, value, data = self.draw()
        made = self.real(sender, value, data), self.model(sender, value, data)
        assert made[0] == made[1], name
        if before.ledger is not None and self.state.ledger is not before.ledger:
            self.note(before, name, data)
        self.node._append((), ())
        for each in VIEWS:
            real, model = self.view(each)
            assert real == model, each
        for account in (*self.cast.everybody, self.cast.plan.relayer.address):
            for each in ("owed", "seatOf"):
                real, model = self.view(each, account)
                assert real == model, each
        for seat in range(self.cast.p.participants):
            real, model = self.view("participantAt", seat)
            assert real == model
        return name, made[0]

    def note(self, before, name, data):
        """Records as their costs are settled."""
        header = self.cast.block(before.ledger).header if name == "submitBlocks" else b""
        kind = Kind.APPROVED if header else Kind.SKIP
        p, ledger = self.game.cast.p, before.ledger
        decoded = Header.decode(header, p) if header else None
        first = Record(ledger.round, kind, decoded, keccak(header) if header else bytes(32))
        for record in records_made(p, ledger, first):
            entry = CostEntry(ledger.head, int(record.kind), False, header if record.header is not None else b"")
            self.records.insert(0, entry)
            ledger = after_record(p, ledger, record)

    def draw(self):
        """Name, sender, wei and calldata of a call that mostly makes sense."""
        rng, cast, plan, state = self.rng, self.cast, self.cast.plan, self.state
        owner, relayer = plan.environment.address, plan.relayer.address
        anybody = rng.choice((*cast.everybody, relayer))
        ledger = state.ledger
        seats = cast.p.participants
        seat = min(len(state.roster), seats - 1) if rng.random() < 0.7 else rng.randrange(seats)
        value = cast.p.stake if rng.random() < 0.9 else rng.choice((0, cast.p.stake + 1))
        joins = "join", cast.signers[seat].address, value, FUNCTIONS["join"].encode(cast.seated[seat].keys)
        salt = plan.salt if rng.random() < 0.9 else bytes(32)
        by_owner = owner if rng.random() < 0.9 else anybody
        opens = "open", by_owner, 0, FUNCTIONS["open"].encode(salt)
        withdraws = "withdraw", anybody, 0, FUNCTIONS["withdraw"].encode()
        closes = "close", anybody, 0, FUNCTIONS["close"].encode()
        if ledger is None:
            return rng.choices((joins, opens, withdraws, closes), (8, len(state.roster), 1, 0.3))[0]
        open_round = ledger if not is_over(cast.p, ledger) else cast.first
        of = open_round if rng.random() < 0.9 else cast.first
        block, skip = cast.block(of), cast.skip(of)
        header = Header.decode(block.header, cast.p)
        certificate = block.certificate
        part = Submitted.of(cast.p, header, block.body, certificate.signers, certificate.signatures)
        submits = "submitBlocks", relayer, 0, FUNCTIONS["submitBlocks"].topic[:4] + part.encode(cast.p)
        skips = "skip", relayer, 0, FUNCTIONS["skip"].encode(0, skip.signers, skip.signatures)
        late = "skipAfterDeadline", anybody, 0, FUNCTIONS["skipAfterDeadline"].encode(0)
        through = rng.choice((ledger.round - 1, ledger.round - 1, ledger.round, state.settled))
        rounds = sum(round_ in state.approved for round_ in range(state.settled + 1, through + 1))
        pulls = encode_pulls([
            Pull(0, rng.choice((0, UNIT))) if rng.random() < 0.9 else Pull(NO_PULL, rng.choice((0, 0, 1)))
            for _ in range(cast.p.participants * max(0, rounds - (rng.random() < 0.05)))
        ])  # fmt: skip
        settles = "settleRewards", by_owner, 0, FUNCTIONS["settleRewards"].encode(through, pulls)
        secret = plan.secret if rng.random() < 0.9 else bytes(32)
        reveals = "reveal", by_owner, 0, FUNCTIONS["reveal"].encode(secret, plan.roles, plan.model)
        done = 0 if state.revealed is None else len(self.records) - (state.cursor_round - cast.p.burn_in + 1)
        at = done if rng.random() < 0.9 else 0
        chunk = [astuple(each) for each in self.records[at : at + rng.choice((1, 2, 9))]]
        costs = "settleCosts", by_owner, 0, FUNCTIONS["settleCosts"].encode(chunk)
        every = (joins, opens, submits, skips, late, settles, reveals, costs, closes, withdraws)
        return rng.choices(every, (0.2, 0.3, 6, 2, 2, 3, 2, 3, 1, 1))[0]


def test_the_model_does_what_the_contract_does():
    """By sequences that reach the end of games, and are refused on the way."""
    ends = set()
    for seed in range(SEQUENCES):
        both = _Both(seed)
        for _ in range(CALLS):
            name, said = both.step()
            ends.add((name, said if isinstance(said, str) else "done"))
    assert {("close", "done"), ("withdraw", "done"), ("settleCosts", "done"), ("skipAfterDeadline", "done")} <= ends
    assert {("submitBlocks", "InvalidSignature"), ("open", "SeatsMissing"), ("close", "Unfinished")} <= ends
