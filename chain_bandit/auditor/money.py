"""Balances at the end: amounts owed, withdrawals, and that nothing is missing (protocol.md: Settlement)."""

from chain_bandit.auditor.books import (
    BURNED,
    CONTRACT,
    COSTS,
    ENVIRONMENT,
    HEADINGS,
    POOL,
    account,
)
from chain_bandit.auditor.exhibits import Field
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.report import Account
from chain_bandit.chain_history.records import ContractCall, Event
from chain_bandit.protocol.settlement import final_balance, void_balance


def closed(game: ReplayedGame, call: ContractCall) -> None:
    """The accounts become final."""
    p, checks, ledger = game.parameters, game.checks, game.running
    if game.closed or game.deployment is None:
        checks.that(False, "money.close", None, "closing", "the game is closed {} times, not {}", 2, 1)
        return
    records = ledger.round - p.burn_in
    complete = game.revealed and game.handed_back == records and game.settled_through >= ledger.round - 1
    complete = complete and (game.summed or not p.sealed)
    unrevealed = frozenset(range(p.participants)) - game.unsealed if p.sealed else frozenset()
    deadline = game.over_block + p.settlement_window
    checks.that(
        game.is_over(call.block) and ((complete and not unrevealed and not p.slash) or call.block > deadline),
        "money.close", None, "closing",
        "in block {} the game is not over, or not settled before its window ends with block {}", call.block, deadline,
        shown=Field.NUMBER,
    )  # fmt: skip
    game.closed, game.void = True, not complete
    for seat, units in enumerate(game.waiting):
        if units:  # silence is never guilt: it pulled nothing after the burn-in
            game.note("burn-in not credited", seat, p.burn_in)
    said = sum(event.values[1] for event in call.events if event.name == "Closed")
    game.paid_out += said
    roles = game.roles
    if complete and roles is None:
        game.burned = said
        checks.unknown("money.balances", "roles and cost cannot be decoded")
        return
    if complete and roles is not None:
        game.balance = final_balance(
            p, game.deployment.pool, game.rewards, roles, game.costs, game.slashed, unrevealed,
            ledger.weights, game.kept,
        )  # fmt: skip
    else:
        game.balance = void_balance(
            p, game.deployment.pool, game.rewards, game.slashed, unrevealed, ledger.weights, game.kept
        )
    _book_closing(game, unrevealed)
    game.burned = game.balance.burned
    checks.same(
        call.events, (Event("Closed", (not complete, game.burned)),), "money.close", None,
        "event of the closing (costs void, burned)",
    )  # fmt: skip


def _book_closing(game: ReplayedGame, unrevealed: frozenset[int]) -> None:
    """Costs or shares, penalties, and what is left of the pool; and that the books then say what the formula does."""
    p, books, balance = game.parameters, game.books, game.balance
    slashed, kept = game.slashed, game.kept
    for seat in range(p.participants):
        own = account(seat, "costs")
        if not game.void:
            debit, credit = (own, COSTS) if game.is_honest(seat) else (COSTS, own)
            books.move("costs", debit, credit, game.costs[seat] * p.wei_per_unit)
        books.move("penalty", account(seat, "penalty"), BURNED, p.unrevealed_penalty * (seat in unrevealed))
        books.move("slash", account(seat, "penalty"), BURNED, p.slash * (seat in slashed))
        books.move("void rewards", account(seat, "void"), BURNED, (game.rewards[seat] - kept[seat]) * p.wei_per_unit)
    if game.void:
        sharing = [seat for seat in range(p.participants) if seat not in slashed]
        share = books.owed[POOL] // len(sharing) if sharing else 0
        for seat in sharing:
            books.move("share of the pool", POOL, account(seat, "share"), share)
    else:
        books.move("surplus of costs", COSTS, BURNED, max(0, books.owed[COSTS]))
        books.move("deficit of costs", POOL, COSTS, -books.owed[COSTS])
    books.move("rest of the pool", POOL, BURNED if game.void else ENVIRONMENT, books.owed[POOL])
    if balance is not None:
        booked = [*map(books.of, range(p.participants)), books.owed[ENVIRONMENT], books.owed[BURNED]]
        game.checks.same(
            booked, [*balance.participants, balance.environment, balance.burned], "money.conservation", None,
            "what the books owe every seat and the environment, and what they burned",
        )  # fmt: skip


def withdrew(game: ReplayedGame, call: ContractCall, address: bytes, amount: int) -> None:
    """An account takes what it is owed."""
    refund(game, call.block)
    owed = _owed(game, call.block).get(address, 0)
    who = _name(game, address)
    known = address in game.addresses
    own = account(game.addresses.index(address), "withdrawn") if known else _environment(game, address)
    game.books.move("withdrawal", own, CONTRACT, amount)
    game.paid_out += amount
    if game.blind or (game.closed and game.balance is None):
        game.checks.unknown("money.balances", f"what {who} is owed is not known")
    else:
        game.checks.that(
            amount == owed != 0 and address not in game.withdrawn, "money.balances", None, f"withdrawal of {who}",
            "{} wei, settlement owes it {}{}", amount, owed, _taken(address in game.withdrawn, owed),
            since=game.called if game.ledger is not None and not game.closed else None,
        )  # fmt: skip
    game.withdrawn[address] = game.withdrawn.get(address, 0) + amount


def withheld(game: ReplayedGame, call: ContractCall) -> None:
    """An account that nothing else kept from it did not get what it is owed."""
    refund(game, call.block)
    owed = _owed(game, call.block).get(call.sender, 0)
    if owed and not game.blind and call.sender not in game.withdrawn:
        game.checks.that(
            False, "money.balances", None, f"withdrawal of {_name(game, call.sender)}",
            "the contract refused it, {} wei, and it has no code that could; settlement owes it {}", 0, owed,
            shown=Field.INPUT,
        )  # fmt: skip


def _taken(before: bool, owed: int) -> str:
    """What a withdrawal is told beside what is owed."""
    if before:
        return ", which it already took"
    return "" if owed else ", and the contract refuses whom it owes nothing"


def _owed(game: ReplayedGame, block: int) -> dict[bytes, int]:
    """Wei by address: of a closed game, or of one that was called off; nothing before."""
    deployment = game.deployment
    if deployment is None:
        return {}
    if game.balance is not None:
        owed = dict(zip(game.addresses, game.balance.participants, strict=False))
        owed[deployment.environment] = game.balance.environment
        return owed
    if called_off(game, block):
        stake = deployment.parameters.stake
        refunds = {seated.address: seated.weight * stake for seated in game.seated}
        return {**refunds, deployment.environment: deployment.pool}
    return {}


def called_off(game: ReplayedGame, block: int) -> bool:
    """Whether the opening was missed by `block`, so that everybody is refunded."""
    deployment = game.deployment
    missed = deployment is not None and block > deployment.block + deployment.parameters.opening_deadline
    return missed and game.ledger is None and not game.blind


def refund(game: ReplayedGame, block: int) -> None:
    """What is left of the pool of a game that was called off is the environment's."""
    if called_off(game, block):
        game.books.move("refund", POOL, ENVIRONMENT, game.books.owed[POOL])


def check_conservation(game: ReplayedGame) -> None:
    """After a chain block: what came in less what went out is all that is owed, and nobody took more than that.

    What was wrong already after an earlier block is not found again; where nothing moved since, nothing is new.
    """
    books = game.books
    if game.blind or (game.closed and game.balance is None):
        return
    weighed = books.rows, game.paid_in, game.paid_out
    if weighed == game.weighed:
        game.checks.passed("money.conservation")
        return
    game.weighed = weighed
    least = min([books.owed[POOL], books.owed[ENVIRONMENT], *map(books.of, range(len(game.addresses)))])
    there = game.paid_in - game.paid_out
    game.checks.that(
        there - books.held == game.gap and least >= game.least, "money.conservation", None, "money",
        "the contract has {} wei, it owes {}, and {} or more to everybody", there, books.held, least,
    )  # fmt: skip
    game.gap, game.least = there - books.held, min(least, 0)


def conserved(game: ReplayedGame) -> None:
    """At the end: say why the books were not held against the history, where they were not."""
    if game.blind:
        game.checks.unknown("money.conservation", game.blind)
    elif game.closed and game.balance is None:
        game.checks.unknown("money.conservation", "roles and cost cannot be decoded")


def accounts(game: ReplayedGame) -> list[Account]:
    """The money table: one line a seat, then the environment."""
    deployment, balance, owed = game.deployment, game.balance, game.books.owed
    if deployment is None:
        return []
    lines = []
    for seat, seated in enumerate(game.seated):
        own = {heading: owed[account(seat, heading)] for heading in HEADINGS}
        role = game.disclosed.roles[seat] if game.disclosed else None
        lines.append(
            Account(
                seat, _hex(seated.address), _ROLES[int(role)] if role is not None else None,
                stake=own["stake"],
                rewards=game.rewards[seat] if game.rewards else 0,
                cost=-own["costs"] if balance and not game.void else None,
                net=balance.participants[seat] - own["stake"] if balance else None,
                withdrawn=game.withdrawn.get(seated.address, 0),
                penalty=-own["penalty"],
                void=-own["void"],
                share=own["share"],
                owed=sum(own.values()),
            )
        )  # fmt: skip
    owner, pool = deployment.environment, deployment.pool
    lines.append(Account(
        None, _hex(owner), "environment", pool, 0, None, balance.environment - pool if balance else None,
        game.withdrawn.get(owner, 0), owed=owed[ENVIRONMENT],
    ))  # fmt: skip
    return lines


_ROLES = ("honest", "liar", "attacker", "liar and attacker")


def _environment(game: ReplayedGame, address: bytes) -> str:
    """Its account, or that of a stranger: to whom nothing is owed."""
    is_it = game.deployment is not None and address == game.deployment.environment
    return ENVIRONMENT if is_it else _hex(address)


def _name(game: ReplayedGame, address: bytes) -> str:
    return f"seat {game.addresses.index(address)}" if address in game.addresses else _hex(address)


def _hex(address: bytes) -> str:
    return "0x" + address.hex()
