"""Balances at the end of a game, in wei (protocol.md: Settlement)."""

from collections import Counter
from dataclasses import replace

from chain_bandit.paranoid.calls import Call, entries, tail
from chain_bandit.paranoid.records import APPROVED, Past
from chain_bandit.paranoid.settlement import Settlement, settled
from chain_bandit.paranoid.setup import Setup
from chain_bandit.paranoid.times import window_end
from chain_bandit.paranoid.verdict import Account, Verdict
from chain_bandit.paranoid.words import Broken, keccak, number

ROLES = ("honest", "liar", "attacker", "liar and attacker")


class Money:
    """What the last transactions of a game did.

    Attributes:
        charged: by round what the environment charged as case 2.
        void: whether the game was closed without costs; None while it is not closed.
        spent, shares, penalties, voided: by seat, what costs took from it, its share of a pool, what it lost by its key
            or by a proof, and the rewards that a false report voided.
        left: what the closing leaves of the pool for the environment.
    """

    def __init__(self, settlement: Settlement, verdict: Verdict) -> None:
        self.settlement, self.verdict = settlement, verdict
        self.charged: dict[int, bool] = {}
        self.cursor: list[Past] = list(settlement.records.past)
        self.sums: list[int] | None = None
        self.void: bool | None = None
        seats = settlement.records.setup.p.participants
        self.spent, self.shares, self.penalties, self.voided = ([0] * seats for _ in range(4))
        self.left = self.burned = 0

    def costs(self, call: Call) -> None:
        """Records handed back, newest first, each with whether it cost."""
        for parent, kind, costly, header in entries(call.data):
            if not self.cursor:
                raise Broken("more records are handed back for the costs than there are")
            past = self.cursor.pop()
            digest = keccak(header) if header else bytes(32)
            told = (past.parent, past.kind, past.digest)
            self.verdict.same("record", past.round, "record handed back", told, (parent, kind, digest))
            expected = self.settlement.costly.get(past.round, False)
            if expected is None and "cost" not in self.verdict.single:
                self.verdict.cannot("cost", "whether a liar's false report was in force is not known")
            elif expected is not None:
                self.verdict.same("cost", past.round, "costly", expected, costly)
            self.charged[past.round] = costly
        left = self.cursor[-1].round + 1 if self.cursor else self.settlement.records.setup.p.burn_in
        said = [("CostsSettled", [left, sum(self.charged.values())])]
        self.verdict.same("cost", None, "event of the costs", said, call.events)

    def summed(self, call: Call) -> None:
        """A sealed game's sums."""
        data, seats = tail(call.data, 0), self.settlement.records.setup.p.seats
        self.sums = [number(data[8 * seat : 8 * seat + 8]) for seat in seats]
        said = [settled(self.settlement.records.round - 1, self.sums)]
        self.verdict.same("reward", None, "event of the sums", said, call.events)
        for seat in seats:
            if seat in self.settlement.unread:
                self.verdict.cannot("reward", "some pulls of a seat are not known")
            else:
                self.verdict.same("reward", None, f"sum of seat {seat}", self.settlement.earned[seat], self.sums[seat])

    def close(self, call: Call) -> None:
        """The accounts become final: with costs when all is settled, else void."""
        records = self.settlement.records
        p = records.setup.p
        complete = self.settlement.opened is not None and not self.cursor
        complete = complete and self.settlement.through >= records.round - 1 and (self.sums is not None or not p.sealed)
        missing = bool(p.sealed) and len(self.settlement.keys) < p.participants
        waited = (complete and not missing and not p.slash) or call.block > window_end(records)
        self.verdict.same("time", None, "whether the closing waited for what was missing, or the window", True, waited)
        self.void = not complete
        self._balance()
        self.verdict.burned = self.burned
        self.verdict.same("balance", None, "closing", [("Closed", [int(self.void), self.burned])], call.events)

    def _balance(self) -> None:
        """Wei that every seat gains or loses beside its rewards, and what is left of the pool for the environment."""
        records, opened = self.settlement.records, self.settlement.opened
        p = records.setup.p
        left = records.setup.pool - sum(self.rewards) * p.wei_per_unit
        if self.void or opened is None:
            sharing = [seat for seat in p.seats if seat not in self.slashed]
            share = left // len(sharing) if sharing else 0
            for seat in sharing:
                self.shares[seat] = share
            self.burned, left = left - share * len(sharing), 0
        else:
            brought = given = 0
            for past in records.past:
                for seat in p.seats:
                    if self.charged.get(past.round) and past.kind == APPROVED and seat not in past.blocked:
                        wei = self.settlement.cost(past) * p.wei_per_unit
                        self.spent[seat] += -wei if opened.roles[seat] else wei
                        brought, given = (brought, given + wei) if opened.roles[seat] else (brought + wei, given)
            self.burned = max(0, brought - given)
            left += brought - given - self.burned
        for seat in p.seats:
            hidden, guilty = p.sealed and seat not in self.settlement.keys, seat in self.slashed
            kept = records.lies.keeps(seat, self.rewards[seat])
            self.voided[seat] = (self.rewards[seat] - kept) * p.wei_per_unit
            self.penalties[seat] = (p.unrevealed_penalty if hidden else 0) + (p.slash if guilty else 0)
        self.burned += sum(self.penalties) + sum(self.voided)
        self.left = left

    @property
    def slashed(self) -> frozenset[int]:
        """Seats that lose the slash, and have no share in a pool."""
        records = self.settlement.records
        return records.lies.slashed(records.blocked_from)

    @property
    def rewards(self) -> list[int]:
        """Units that were credited to every seat."""
        p = self.settlement.records.setup.p
        return (self.sums or [0 for _ in p.seats]) if p.sealed else self.settlement.earned

    def accounts(self) -> list[Account]:
        """Every seat's, the environment's last, before anything is withdrawn."""
        setup, opened, closed = self.settlement.records.setup, self.settlement.opened, self.void is not None
        made = []
        told = opened is not None and not opened.unlabelled
        for seat, account in enumerate(seated(setup)[:-1]):
            paid = self.rewards[seat] * setup.p.wei_per_unit
            net = paid - self.spent[seat] + self.shares[seat] - self.penalties[seat] - self.voided[seat]
            made.append(replace(
                account, role=ROLES[opened.roles[seat]] if opened and told else None, rewards=self.rewards[seat],
                cost=self.spent[seat] if self.void is False else None, penalty=self.penalties[seat],
                void=self.voided[seat],
                share=self.shares[seat], net=net if closed else None, owed=account.stake + net,
            ))  # fmt: skip
        environment = Account(setup.environment, "environment", setup.pool, 0)
        return [*made, replace(environment, net=self.left - setup.pool, owed=self.left) if closed else environment]


def seated(setup: Setup, called_off: bool = False) -> list[Account]:
    """Accounts of a game that has not opened: of one that was called off, the environment's pool is its own again."""
    seats = zip(setup.addresses, setup.weights, strict=True)
    made = [Account(address, None, weight * setup.p.stake, 0, owed=weight * setup.p.stake) for address, weight in seats]
    return [*made, Account(setup.environment, "environment", setup.pool, 0, owed=setup.pool if called_off else 0)]


def withdrawn(setup: Setup, accounts: list[Account], calls: list[Call], verdict: Verdict) -> None:
    """Every withdrawal against what is owed, once, all of it; and the accounts less what was taken from them."""
    owed = {account.address: account.owed for account in accounts}
    refunds = {account.address: account.owed for account in seated(setup, called_off=True)}
    taken: Counter[bytes] = Counter()
    closed = False
    for call in calls:
        called_off = not setup.seed and call.block > setup.deadline
        closed = closed or (call.name == "close" and call.succeeded)
        dues = refunds if called_off else owed if closed else {}
        if call.name == "withdraw" and call.succeeded:
            names, first = {name for name, _ in call.events}, [values[:1] for _, values in call.events[:1]]
            who = f"events of the withdrawal by 0x{call.sender.hex()} in block {call.block}"
            verdict.same("balance", None, who, ({"Withdrawn"}, [[number(call.sender)]]), (names, first))
        elif call.name == "withdraw" and call.bare and not (call.spent or call.value):
            who = f"what 0x{call.sender.hex()} is owed that was refused it in block {call.block}"
            verdict.same("balance", None, who, 0, dues.get(call.sender, 0))
        for name, values in call.events:
            if name == "Withdrawn" and len(values) != 2:
                verdict.same("balance", None, f"words of an event of block {call.block}", 2, len(values))
            elif name == "Withdrawn":
                account = values[0].to_bytes(32, "big")[12:]
                due = dues.pop(account, 0)
                verdict.same("balance", None, f"withdrawal of 0x{account.hex()}", due or "none", values[1])
                taken[account] += values[1]
    verdict.accounts = [
        replace(each, withdrawn=taken[each.address], owed=each.owed - taken[each.address]) for each in accounts
    ]
