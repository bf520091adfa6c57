"""Money: who is owed what at the end, who took it, and that nothing is missing (PROTOCOL 1.8)."""

from chain_bandit.audit.game import Game
from chain_bandit.audit.report import Account
from chain_bandit.history.records import Call, Event
from chain_bandit.protocol.settlement import final_balance, void_balance


def closed(game: Game, call: Call) -> None:
    """The accounts become final."""
    p, checks, ledger = game.parameters, game.checks, game.running
    if game.closed or game.deployment is None:
        checks.that(False, "money.close", None, "closing", "the game is closed twice")
        return
    records = ledger.round - p.burn_in
    complete = game.revealed and game.handed_back == records and game.settled_through == ledger.round - 1
    complete = complete and (game.summed or not p.sealed)
    unrevealed = frozenset(range(p.participants)) - game.unsealed if p.sealed else frozenset()
    deadline = game.over_block + p.settlement_window
    checks.that(
        game.is_over(call.block) and ((complete and not unrevealed) or call.block > deadline),
        "money.close", None, "closing",
        "in block {} the game is not over, or not settled before its window ends with block {}", call.block, deadline,
    )  # fmt: skip
    game.closed, game.void = True, not complete
    if complete and game.disclosed is None:
        game.burned = sum(event.values[1] for event in call.events if event.name == "Closed")
        checks.unknown("money.balances", "roles and cost cannot be decoded")
        return
    if complete and game.disclosed is not None:
        game.balance = final_balance(
            p, game.deployment.pool, game.rewards, game.disclosed.roles, game.costs, unrevealed, ledger.weights
        )
    else:
        listed = frozenset(seat for seat, since in enumerate(ledger.blocked_from) if since)
        game.balance = void_balance(
            p, game.deployment.pool, game.rewards, listed, unrevealed, ledger.weights
        )
    game.burned = game.balance.burned
    checks.same(
        call.events, (Event("Closed", (not complete, game.burned)),), "money.close", None,
        "event of the closing (costs void, burned)",
    )  # fmt: skip


def withdrew(game: Game, call: Call, address: bytes, amount: int) -> None:
    """An account takes what it is owed."""
    owed = _owed(game, call.block).get(address, 0)
    who = _name(game, address)
    if game.blind or (game.closed and game.balance is None):
        game.checks.unknown("money.balances", f"what {who} is owed is not known")
    else:
        game.checks.that(
            amount == owed and address not in game.withdrawn, "money.balances", None, f"withdrawal of {who}",
            "{} wei in block {}, settlement owes it {}{}",
            amount, call.block, owed, ", which it already took" if address in game.withdrawn else "",
        )  # fmt: skip
    game.withdrawn[address] = game.withdrawn.get(address, 0) + amount


def _owed(game: Game, block: int) -> dict[bytes, int]:
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


def called_off(game: Game, block: int) -> bool:
    """Whether the opening was missed by `block`, so that everybody is refunded."""
    deployment = game.deployment
    missed = deployment is not None and block > deployment.block + deployment.parameters.opening_deadline
    return missed and game.ledger is None and not game.blind


def check_conservation(game: Game, block: int) -> None:
    """Deposits equal withdrawals, burned wei, and what is still owed."""
    if not game.deposits_known:
        game.checks.unknown("game.deposits", "a stake came through another contract")
    owed = _owed(game, block)
    if not owed:
        game.checks.unknown("money.conservation", "the game is not closed")
        return
    left = {address: amount - game.withdrawn.get(address, 0) for address, amount in owed.items()}
    taken = sum(game.withdrawn.values())
    game.checks.that(
        game.deposits == taken + game.burned + sum(left.values()) and min(left.values()) >= 0
        and game.withdrawn.keys() <= owed.keys(),
        "money.conservation", None, "money", "{} wei came in; {} withdrawn, {} burned, {} still owed",
        game.deposits, taken, game.burned, sum(left.values()),
    )  # fmt: skip


def accounts(game: Game) -> list[Account]:
    """The money table: one line a seat, then the environment."""
    deployment, balance = game.deployment, game.balance
    if deployment is None:
        return []
    wei, lines = deployment.parameters.wei_per_unit, []
    for seat, seated in enumerate(game.seated):
        address, stake = seated.address, seated.weight * deployment.parameters.stake
        reward = game.rewards[seat] if game.rewards else 0
        role = game.disclosed.roles[seat] if game.disclosed else None
        net = balance.participants[seat] - stake if balance else None
        cost = reward * wei - net if net is not None and not game.void else None
        lines.append(
            Account(seat, _hex(address), _ROLES[int(role)] if role is not None else None, stake, reward, cost, net,
                    game.withdrawn.get(address, 0))
        )
    owner = deployment.environment
    net = balance.environment - deployment.pool if balance else None
    lines.append(Account(None, _hex(owner), "environment", deployment.pool, 0, None, net, game.withdrawn.get(owner, 0)))
    return lines


_ROLES = ("honest", "liar", "attacker", "liar and attacker")


def _name(game: Game, address: bytes) -> str:
    return f"seat {game.addresses.index(address)}" if address in game.addresses else _hex(address)


def _hex(address: bytes) -> str:
    return "0x" + address.hex()
