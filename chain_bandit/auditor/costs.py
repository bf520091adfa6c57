"""Costs: the walk back over the records, and which rounds are in case 2 (protocol.md: Settlement)."""

from chain_bandit.auditor.exhibits import Field, Slice
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.rewards import in_window
from chain_bandit.auditor.timing import proofs_until
from chain_bandit.chain_history.records import ContractCall, Event
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.ledger import blocked
from chain_bandit.protocol.settlement import Cost, CostEntry, cost_of_round


def costs_settled(game: ReplayedGame, call: ContractCall) -> None:
    """Records handed back, newest first, each with its case-2 bit."""
    if call.arguments is None:
        return
    checks, first = game.checks, game.parameters.burn_in
    checks.same(call.sender, game.environment, "costs.records", None, "sender of a cost settlement", shown=Field.SENDER)
    in_window(game, call, "cost settlement")
    if game.parameters.slash:
        until = proofs_until(game)
        checks.that(call.block > until, "record.deadline", None, "cost settlement",
                    "it is in block {}, proofs that change the costs are taken until block {}", call.block, until)
    for entry in call.arguments[0]:
        t = game.running.round - 1 - game.handed_back
        if t < first:
            made = game.running.round - first
            checks.that(False, "costs.records", None, "records handed back", "{} or more, {} were made", made + 1, made,
                        part=entry.parent)
            return
        _check_entry(game, t, entry)
        game.handed_back += 1
        if entry.costly:
            _charge(game, t)
    left = game.running.round - game.handed_back
    checks.same(
        call.events, (Event("CostsSettled", (left, game.costly)),), "record.events", None, "event of a cost settlement"
    )


def _charge(game: ReplayedGame, t: int) -> None:
    """A case-2 round is charged to everybody but those on its block list."""
    game.costly += 1
    disclosed, listed = game.disclosed, blocked(game.running, t)
    if disclosed is None:  # then balances are not known either
        return
    arm, estimate = game.past[t].priced
    cost = cost_of_round(Cost(game.parameters.cost), disclosed.cost, estimate, disclosed.means[arm])
    cost *= game.past[t].length
    for seat in range(game.parameters.participants):
        game.costs[seat] += 0 if listed >> seat & 1 else cost


def _bit(entry: CostEntry) -> Slice:
    """Offset of an entry's case-2 flag: its third word, with the parent and the kind before it."""
    return Slice(entry.parent + entry.kind.to_bytes(32, "big") + entry.costly.to_bytes(32, "big"), 64, 32)


def _check_entry(game: ReplayedGame, t: int, entry: CostEntry) -> None:
    checks, past = game.checks, game.past[t]
    header = keccak(entry.header) if entry.header else ZERO
    checks.same(
        (entry.parent, entry.kind, header), (past.parent, int(past.kind), past.header), "costs.records", t,
        "record handed back", entry.parent,
    )  # fmt: skip
    past.charged = entry.costly
    if past.expected is None:
        checks.unknown("costs.case", "what every seat received is not known")
    else:
        checks.that(
            entry.costly == past.expected, "costs.case", t, "case-2 bit",
            "it is {}, reports, receipts and roles give {}", entry.costly, past.expected, part=_bit(entry),
        )  # fmt: skip
