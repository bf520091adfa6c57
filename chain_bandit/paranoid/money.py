"""Who is owed what at the end, in wei (PROTOCOL 1.8)."""

from chain_bandit.paranoid.calls import Call, entries, tail
from chain_bandit.paranoid.records import APPROVED, Past
from chain_bandit.paranoid.settlement import Settlement
from chain_bandit.paranoid.setup import Setup
from chain_bandit.paranoid.times import window_end
from chain_bandit.paranoid.verdict import Account, Verdict
from chain_bandit.paranoid.words import Broken, keccak, number


class Money:
    """What the last transactions of a game did. `charged` is by round what the environment called costly."""

    def __init__(self, settlement: Settlement, verdict: Verdict) -> None:
        self.settlement, self.verdict = settlement, verdict
        self.charged: dict[int, bool] = {}
        self.cursor: list[Past] = list(settlement.records.past)
        self.sums: list[int] | None = None
        self.void, self.burned = False, 0

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
            if expected is None:
                self.verdict.cannot("cost", "whether a liar's false report was in force is not known")
            else:
                self.verdict.same("cost", past.round, "costly", expected, costly)
            self.charged[past.round] = costly

    def summed(self, call: Call) -> None:
        """A sealed game's sums."""
        data, seats = tail(call.data, 0), self.settlement.records.setup.p.seats
        self.sums = [number(data[8 * seat : 8 * seat + 8]) for seat in seats]
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
        complete = complete and self.settlement.through == records.round - 1 and (self.sums is not None or not p.sealed)
        missing = bool(p.sealed) and len(self.settlement.keys) < p.participants
        waited = (complete and not missing) or call.block > window_end(records)
        self.verdict.same("time", None, "whether the closing waited for what was missing, or the window", True, waited)
        self.void = not complete
        balances, left = self._balances()
        self.verdict.burned = self.burned
        self.verdict.same("balance", None, "closing", [("Closed", [int(self.void), self.burned])], call.events)
        self._accounts(balances, left)

    def _balances(self) -> tuple[list[int], int]:
        """Wei that every seat gains or loses, and what is left of the pool for the environment."""
        records, opened = self.settlement.records, self.settlement.opened
        p, setup, rewards = records.setup.p, records.setup, self.rewards
        net = [reward * p.wei_per_unit for reward in rewards]
        left = setup.pool - sum(net)
        if self.void or opened is None:
            sharing = [seat for seat in p.seats if not records.blocked_from[seat]]
            share = left // len(sharing) if sharing else 0
            for seat in sharing:
                net[seat] += share
            self.burned, left = left - share * len(sharing), 0
        else:
            brought = given = 0
            for past in records.past:
                for seat in p.seats:
                    if self.charged.get(past.round) and past.kind == APPROVED and seat not in past.blocked:
                        wei = self.settlement.cost(past) * p.wei_per_unit
                        net[seat] += wei if opened.roles[seat] else -wei
                        brought, given = (brought, given + wei) if opened.roles[seat] else (brought + wei, given)
            self.burned = max(0, brought - given)
            left += brought - given - self.burned
        for seat in p.seats:
            if p.sealed and seat not in self.settlement.keys:
                net[seat] -= p.unrevealed_penalty
                self.burned += p.unrevealed_penalty
        return net, left

    @property
    def rewards(self) -> list[int]:
        """Units that were credited to every seat."""
        p = self.settlement.records.setup.p
        return (self.sums or [0 for _ in p.seats]) if p.sealed else self.settlement.earned

    def _accounts(self, net: list[int], left: int) -> None:
        setup = self.settlement.records.setup
        for seat in setup.p.seats:
            deposit = setup.weights[seat] * setup.p.stake
            self.verdict.accounts.append(Account(setup.addresses[seat], deposit, self.rewards[seat], net[seat]))
        self.verdict.accounts.append(Account(setup.environment, setup.pool, 0, left - setup.pool))


def withdrawn(setup: Setup, accounts: list[Account], calls: list[Call], verdict: Verdict) -> None:
    """Every withdrawal against what is owed: once, all of it."""
    owed = {account.address: account.deposit + (account.net or 0) for account in accounts}
    refunds = {address: weight * setup.p.stake for address, weight in zip(setup.addresses, setup.weights, strict=True)}
    refunds[setup.environment] = setup.pool
    closed = False
    for call in calls:
        called_off = not setup.seed and call.block > setup.deadline
        closed = closed or call.name == "close"
        for name, values in call.events:
            if name == "Withdrawn" and len(values) == 2:
                account = values[0].to_bytes(32, "big")[12:]
                due = (refunds if called_off else owed if closed else {}).pop(account, 0)
                verdict.same("balance", None, f"withdrawal of 0x{account.hex()}", due, values[1])

