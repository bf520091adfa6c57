"""Detection of inserted calls: calls put in, repeated and spliced, with all that needs no key of the game repaired.

    python verification/splicing.py [--edits 2000] [--first 0] [--jobs 2] [--json FILE] [--show SEED]

The attacker holds no key of the game, but may send from accounts of its own: most calls of the contract accept any
sender. Numbers of blocks and of its own transactions, gas, roots, blooms and parents are made to fit, and receipts
are forged at will: those of other places, a refusal of the call, another round's record, or, of all calls,
the contract's true answers. Games are those of `verification/honest.py`; what is spliced is of a game with the same
keys at the same address, whose malicious did something else, or of which all rules are other ones.

The contract is asked on revm, with the transactions of the edited history in its blocks. Where it gives every receipt
as the history has it, and holds in the end what the audit says that it owes, the history is lawful: a chain could be
so, and only the kept head tells it from the other one. Exit 14 where an audit

- raises (a bug, exit code 1, whatever the history);
- passes what is not lawful, or finds a violation in what is;
- says something else than the second computation, or passes where the kept head is another.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_tester.exceptions import TransactionFailed
from rich.console import Console
from rich.progress import track
from rich.table import Table

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.second_implementation import with_second_opinion
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.bodies import Bodies, with_bodies
from chain_bandit.chain_history.evm import Log, decode_receipt, decode_transaction, logs_bloom
from chain_bandit.chain_history.records import METHODS, SELECTORS, TOPICS
from chain_bandit.game.on_chain import opening_balances
from chain_bandit.game.plan import Plan
from chain_bandit.protocol import rlp
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.runner.rows import kept_rows, missing, played_rows
from chain_bandit.runner.workers import processes
from chain_bandit.scenario import Scenario
from verification import honest
from verification.fast_node import CHAIN_ID, GAS, FastNode
from verification.tampering import rehashed, told_by

GAMES = 40
"""Games that are edited; the seed of an edit names one."""

OWNED = 10**24
"""Wei of each account of the attacker."""

STRANGERS: tuple[LocalAccount, ...] = tuple(Account.from_key(keccak(b"stranger", bytes([at]))) for at in range(4))

NUMBER, GAS_LIMIT, GAS_USED, TIME = 8, 9, 10, 11
"""Where a header has them."""


@dataclass(frozen=True)
class _Sent:
    """A transaction and what is said of it.

    Attributes:
        by: whose of `STRANGERS` it is made anew; None for one that is left as it was signed.
        new: whether the edit put it where it is.
    """

    raw: bytes
    succeeded: bool
    logs: tuple[Log, ...]
    by: int | None = None
    new: bool = False


@dataclass
class SplicedBlock:
    """A block taken apart."""

    header: list[bytes]
    sent: list[_Sent]


@dataclass(frozen=True)
class _Played:
    """A game, and what an honest audit of it kept."""

    plan: Plan
    history: History
    head: bytes
    trail: bytes

    def blocks(self) -> list[SplicedBlock]:
        """Its blocks, taken apart."""
        return [
            SplicedBlock(list(rlp.decode(block.header)), [
                _Sent(raw, receipt.succeeded, receipt.logs)
                for raw, receipt in zip(block.transactions, map(decode_receipt, block.receipts), strict=True)
            ]) for block in self.history.blocks
        ]  # fmt: skip


def played(case: Scenario) -> _Played:
    """Play a game on revm. Raises `ChainBanditError` where it stops."""
    with TemporaryDirectory() as place:
        path = Path(place) / "history.jsonl"
        head = honest.play(case, lambda plan: FastNode(opening_balances(plan)), path)
        read = files.read(path)
        history = History(read.origin, tuple(read.blocks))
    return _Played(Plan(case), history, head, bytes.fromhex(audit(history, head).trail))


def otherwise(case: Scenario) -> Scenario:
    """The same game, roles, keys and seed and all, with other deeds of the malicious."""
    deeds = {Conduct.LIAR: [{"name": "constant-lie"}], Conduct.ATTACKER: [{"name": "silent-validator"}]}
    seats = [
        {"seat": seat, "attacks": [each for kind, given in deeds.items() if role & kind for each in given]}
        for seat, role in enumerate(case.roles) if role
    ]  # fmt: skip
    return Scenario.model_validate(case.model_dump(exclude={"adversary"}, exclude_unset=True) | {"malicious": seats})


@lru_cache(maxsize=4)
def games(which: int) -> tuple[_Played, tuple[_Played, ...]]:
    """A game by its number, and others at the address of its contract."""
    seed = which
    while True:
        case = honest.scenario(seed)
        try:
            game, others = played(case), []
        except ChainBanditError:  # a drawn committee may stop a game
            seed += GAMES
            continue
        stranger = honest.scenario(seed + 1).model_copy(update={"seed": case.seed})
        for each in (otherwise(case), stranger):
            try:
                others.append(played(each))
            except ChainBanditError:
                continue
        return game, tuple(others or [game])


# What may be edited: each changes the blocks of a game, with those of another one at hand.

Edit = Callable[[random.Random, list[SplicedBlock], list[SplicedBlock]], None]


def _put(dice: random.Random, blocks: list[SplicedBlock], given: Sequence[_Sent], after: int = 1) -> None:
    """Put transactions into one of the blocks from an index on, or between two of them."""
    given = [replace(each, new=True) for each in given]
    at = dice.randrange(after, len(blocks) + 1)
    if at == len(blocks) or dice.random() < 0.5:
        blocks.insert(at, SplicedBlock(list(blocks[at - 1].header), list(given)))
    else:
        place = dice.randint(0, len(blocks[at].sent))
        blocks[at].sent[place:place] = given


def _any(dice: random.Random, blocks: list[SplicedBlock]) -> tuple[int, _Sent]:
    """The index of some block but the first, and a transaction of it."""
    return dice.choice([(at, sent) for at, block in enumerate(blocks[1:], 1) for sent in block.sent])


def _resent(dice: random.Random, sent: _Sent) -> _Sent:
    """The same as it is, or from an account of one's own."""
    return sent if dice.random() < 0.3 else replace(sent, by=dice.randrange(len(STRANGERS)))


def repeat(dice: random.Random, blocks: list[SplicedBlock], other: list[SplicedBlock]) -> None:
    """A transaction, or all of one method, once more, behind where it was or anywhere."""
    at, sent = _any(dice, blocks)
    _put(dice, blocks, [_resent(dice, sent)] * dice.choice((1, 1, 1, 2)), dice.choice((1, at, at)))


def insert(dice: random.Random, blocks: list[SplicedBlock], other: list[SplicedBlock]) -> None:
    """Transactions of another game, or made up, anywhere."""
    given = [_resent(dice, _any(dice, other)[1]) for _ in range(dice.choice((1, 1, 2)))]
    if dice.random() < 0.5:
        given = [_made_up(dice, each) for each in given]
    _put(dice, blocks, given)


def _made_up(dice: random.Random, sent: _Sent) -> _Sent:
    """A call of one's own: any method, with calldata of another, cut, or changed in a byte."""
    data = decode_transaction(sent.raw).data
    if dice.random() < 0.5:
        data = SELECTORS[dice.choice(sorted(METHODS))] + data[4:]
    match dice.randrange(4):
        case 0:
            data = data[: dice.randint(0, len(data))]
        case 1 if data:
            at = dice.randrange(len(data))
            data = data[:at] + dice.randbytes(1) + data[at + 1 :]
        case 2:
            data += bytes(dice.choice((1, 31, 32)))
    by = dice.randrange(len(STRANGERS))
    return replace(sent, raw=call(by, decode_transaction(sent.raw).to, data), by=by)


def splice(dice: random.Random, blocks: list[SplicedBlock], other: list[SplicedBlock]) -> None:
    """Blocks of another game in the place of some, or between them; often all from one on, or from one of its own."""
    start = dice.randrange(1, min(len(blocks), len(other)))
    for block in other:
        block.sent = [replace(each, new=True) for each in block.sent]
    match dice.randrange(4):
        case 0:
            blocks[start:] = other[start:]
        case 1:
            blocks[start:] = other[dice.randrange(1, len(other)) :]
        case 2:
            size = dice.randint(1, 5)
            blocks[start : start + size] = other[start : start + size]
        case _:
            blocks[start:start] = other[start : start + dice.randint(1, 5)]


EDITS: tuple[Edit, ...] = (insert, repeat, splice)

# What receipts say of calls that were edited: each gives it for one of them, whose index among the new ones is known.

OUTCOMES = ("as it was", "refused", "another record", "as the contract")


def _said(dice: random.Random, outcome: str, sent: _Sent, known: Sequence[Log]) -> _Sent:
    """A transaction with another receipt."""
    if outcome == "refused":
        return replace(sent, succeeded=False, logs=())
    if outcome == "another record" and known:
        return replace(sent, succeeded=True, logs=(dice.choice(known),))
    return sent


def call(by: int, to: bytes | None, data: bytes, value: int = 0, nonce: int = 0) -> bytes:
    """A transaction of a stranger."""
    fields: dict[str, Any] = {
        "type": 2, "chainId": CHAIN_ID, "nonce": nonce, "to": to or b"", "data": data, "value": value,
        "gas": 10**7, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 1,
    }  # fmt: skip
    return bytes(STRANGERS[by].sign_transaction(fields).raw_transaction)


def repaired(game: _Played, others: Sequence[_Played], blocks: list[SplicedBlock]) -> History:
    """A history of these blocks, in which all fits that needs no key of the game."""
    nonces, first = Counter[int](), game.history.origin.first_block
    time, made = 0, []
    for number, block in enumerate(blocks, first):
        for at, sent in enumerate(block.sent):
            if sent.by is not None:
                old = decode_transaction(sent.raw)
                raw = call(sent.by, old.to, old.data, old.value, nonces[sent.by])
                block.sent[at] = replace(sent, raw=raw)
                nonces[sent.by] += 1
        time = max(time, int.from_bytes(block.header[TIME], "big"))
        used = GAS * len(block.sent)
        for field, value in ((NUMBER, number), (TIME, time), (GAS_USED, used)):
            block.header[field] = rlp.encode_number(value)
        receipts = [
            each.raw[:1] + rlp.encode([
                b"\1" if each.succeeded else b"", rlp.encode_number(GAS * place), logs_bloom(each.logs),
                [[log.address, list(log.topics), log.data] for log in each.logs],
            ]) for place, each in enumerate(block.sent, 1)
        ]  # fmt: skip
        made.append((block.header, [each.raw for each in block.sent], receipts))
    bodies = Bodies()
    for each in (game, *others):
        bodies.add_all(each.history)
    history = with_bodies(History(game.history.origin, rehashed(made)), bodies)
    return History(history.origin, tuple(history.blocks))


def asked(game: _Played, history: History, refuses: Collection[bytes] = ()) -> History | None:
    """The same transactions in the same blocks with the receipts that the contract gives; None where some can be in no
    block of this chain: their account has another number, or has not the wei. Accounts that are not the game's
    are rich, and a sender may have sent before, to others. Transactions of the hashes in `refuses` fail."""
    sent = [decode_transaction(raw) for block in history.blocks for raw in block.transactions]
    balances = {each.sender: OWNED for each in sent} | opening_balances(game.plan)
    node = FastNode(balances, {each.sender: each.nonce for each in reversed(sent)}, refuses)
    node.mine(history.origin.first_block - 1)
    try:
        receipts = [node.mine_with(block.transactions) for block in history.blocks]
    except TransactionFailed:
        return None
    made = [
        (list(rlp.decode(block.header)), block.transactions, said)
        for block, said in zip(history.blocks, receipts, strict=True)
    ]
    bodies = Bodies()
    bodies.add_all(history)
    held = with_bodies(History(history.origin, rehashed(made)), bodies)
    return History(history.origin, tuple(held.blocks))


def edited(seed: int) -> tuple[_Played, str, str, History]:
    """A game, the name of the edit and of what receipts say of it, and the history with it."""
    dice = random.Random(f"splicing {seed}")
    game, others = games(seed % GAMES)
    edit = EDITS[seed // GAMES % len(EDITS)]
    while True:
        outcome, other = dice.choice(OUTCOMES), dice.choice([*others, game])
        blocks = game.blocks()
        edit(dice, blocks, other.blocks())
        topics = {TOPICS[name] for name in ("Recorded", "RecordedWithCommittee", "RewardsSettled", "Withdrawn")}
        known = [log for block in (*blocks, *other.blocks()) for sent in block.sent for log in sent.logs
                 if set(log.topics) & topics]  # fmt: skip
        for block in blocks:
            block.sent = [_said(dice, outcome, each, known) if each.new else each for each in block.sent]
        history = repaired(game, others, blocks)
        if outcome == "as the contract":
            history = asked(game, history) or history
        if history != game.history:
            return game, edit.__name__, outcome, history


@dataclass(frozen=True)
class _Row:
    """One edit.

    Attributes:
        code: exit code of an audit without a kept head.
        second: 12 where the second computation finds a difference, else 0.
        lawful: whether a chain could be so: the contract gives these receipts.
        same_end: whether the game ends as it does with the receipts that the contract gives.
        theirs: whether every account of the game sent what it did in the game, and nothing that it sent in another.
        kept: exit code with the head kept.
        trailed: whether the trail names a block, or ends where the history goes on.
        how: checks that failed, or what was raised.
    """

    seed: int
    edit: str
    outcome: str
    code: int
    second: int = 0
    lawful: bool = False
    same_end: bool = False
    theirs: bool = False
    kept: int = 0
    trailed: bool = False
    how: tuple[str, ...] = ()

    @property
    def wrong(self) -> str:
        """What is wrong with the verdict; empty when nothing is."""
        if self.code == 1:
            return "raised"
        if self.lawful and self.theirs and self.code == 12:
            return "lawful, and said to be violated"
        if self.code == 0 and not self.same_end:
            return "passed, and not lawful"
        if (self.code == 12) != (self.second == 12):
            return "the two implementations differ"
        return "" if self.kept == 12 and self.trailed else "not found with the kept head"


def judged(seed: int) -> _Row:
    """One edit, audited by both implementations and with the kept head, and asked of the contract."""
    game, edit, outcome, history = edited(seed)
    try:
        report = audit(history)
        kept = audit(history, game.head, trail=game.trail)
        with TemporaryDirectory() as place:
            path = Path(place) / "history.jsonl"
            files.write(history, path)
            second = with_second_opinion(report, path)
    except Exception as error:  # noqa: BLE001 - what is counted here is that something is raised
        return _Row(seed, edit, outcome, 1, how=(f"{type(error).__name__}: {error}",))
    failed = sorted({each.check for each in second.violations})
    found = any(name.startswith("paranoid.") for name in failed)
    truth = asked(game, history)
    own = {raw for block in game.history.blocks for raw in block.transactions}
    sent = {raw for block in history.blocks for raw in block.transactions}
    strangers = {bytes.fromhex(each.address[2:]) for each in STRANGERS}
    before, after = list(game.history.blocks), list(history.blocks)
    return _Row(
        seed, edit, outcome, report.exit_code, 12 if found else 0,
        lawful=truth == history,
        same_end=truth is not None and told_by(audit(truth)) == told_by(report),
        theirs=all(decode_transaction(raw).sender in strangers for raw in sent - own),
        kept=kept.exit_code,
        trailed=after[: len(before)] == before or any(each.check == "chain.trail" for each in kept.violations),
        how=tuple(failed),
    )


def summary(rows: Sequence[_Row]) -> Table:
    """A line for each kind of edit."""
    table = Table("edit", "receipts", "edits", "exit 12", "exit 13", "exit 0", "of these lawful", "same end", "wrong")
    for edit, outcome in sorted({(row.edit, row.outcome) for row in rows}):
        own = [row for row in rows if (row.edit, row.outcome) == (edit, outcome)]
        passed = [row for row in own if row.code == 0]
        counts = [len(own), *(sum(row.code == code for row in own) for code in (12, 13)), len(passed),
                  sum(row.lawful for row in passed), sum(row.same_end and not row.lawful for row in passed),
                  sum(bool(row.wrong) for row in own)]  # fmt: skip
        table.add_row(edit, outcome, *map(str, counts))
    return table


def main() -> int:
    """Edit what the file does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first edit")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--json", type=Path, help="a row for each edit; what it holds is not done again")
    parser.add_argument("--show", type=int, metavar="SEED", help="write the history of an edit to standard output")
    given = parser.parse_args()
    if given.show is not None:
        *_, history = edited(given.show)
        sys.stdout.buffer.write(b"".join([files.origin_line(history.origin), *map(files.block_line, history.blocks)]))
        return 0
    seeds = sorted(range(given.first, given.first + given.edits), key=lambda seed: (seed % GAMES, seed))
    there = kept_rows(given.json)
    left = missing(there, seeds, lambda seed: {"seed": seed})
    fresh = played_rows(left, judged, lambda _, row: asdict(row), given.json, processes(given.jobs))
    every = (_Row(**row) for row in (*there, *track(fresh, "edited and audited", len(left))))
    rows = sorted(every, key=lambda row: row.seed)
    Console(width=max(Console().width, 100)).print(summary(rows))
    wrong = [row for row in rows if row.wrong]
    for row in wrong[:20]:
        print(f"{row.seed}: {row.edit}, receipts {row.outcome}: {row.wrong}: {', '.join(row.how)}")
    return 14 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
