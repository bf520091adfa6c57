"""Before the game: deployment, seats, opening (protocol.md: Bytes, Records)."""

from chain_bandit.auditor.artifact import creation_code, release_of
from chain_bandit.auditor.books import CONTRACT, POOL, account
from chain_bandit.auditor.exhibits import Field, Slice
from chain_bandit.auditor.game import Deployment, ReplayedGame, disclose
from chain_bandit.auditor.report import Checks
from chain_bandit.auditor.rewards import burn_in
from chain_bandit.chain_history.records import ContractCall, Event
from chain_bandit.protocol import assumptions
from chain_bandit.protocol.blocks import KEYS_BYTES, Seated, genesis_digest
from chain_bandit.protocol.creation import Created, decode
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import AssumptionBroken, Malformed, require
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rewards import live_commitment, secret_commitment, self_declared_commitment
from chain_bandit.protocol.ruleset import FORMAT, RulesUnknown
from chain_bandit.protocol.run_digest import START

LONGEST_BURN_IN = 10**7
"""Pulls of the burn-in, over all seats, that an audit recomputes."""


def created(game: ReplayedGame, call: ContractCall) -> None:
    """Take in the deployment: its code, parameters and pool."""
    if game.deployment is not None:
        game.checks.that(False, "game.code", None, "creation", "the contract is created {} times, not {}", 2, 1)
        return
    checks, data = game.checks, call.arguments[0] if call.arguments else b""
    release = release_of(data)
    if release:
        game.blind = f"the game is in an older format: chain_bandit {release} audits it, this version format {FORMAT}"
        checks.unknown("game.code", game.blind)
        return
    code = creation_code()
    is_shipped = code is not None and data.startswith(code)
    try:
        found, problem = decode(data, code if is_shipped else None), ""
    except Malformed as error:
        found, problem = Created(code if is_shipped and code else data, (), b"", b"", b""), str(error)
    given = data[len(found.code) :]
    if code is None:
        checks.unknown("game.code", "the contract's code is not installed with this version")
    else:
        checks.that(found.code == code, "game.code", None, "creation code", "its hash is {}, the shipped one's is {}",
                    keccak(found.code), keccak(code), part=found.code)
    checks.same(call.block, game.origin.first_block, "game.code", None, "block of the creation",
                shown=Field.NUMBER)
    try:
        if not problem:
            parameters = _parameters(found, call.value, checks)
    except RulesUnknown as error:
        game.blind = str(error)
        checks.unknown("game.parameters", game.blind)
        return
    except (Malformed, AssumptionBroken) as error:
        problem = str(error)
    if not checks.that(not problem, "game.parameters", None, "parameters", "{2}", given,
                       "parameters that keep every assumption", problem, part=given):
        game.blind = "the parameters are not those of a game"
        return
    game.deployment = Deployment(
        parameters, call.sender, call.value, found.salt_commitment, found.secret_commitment, call.block
    )
    game.paid_in += call.value
    game.books.move("pool", CONTRACT, POOL, call.value)
    checks.same(call.events, (), "record.events", None, "events of the creation")


def _parameters(found: Created, pool: int, checks: Checks) -> Parameters:
    """The parameters of a creation. Raises `Malformed`, `RulesUnknown` for kinds of rules that are not known at all, or
    `AssumptionBroken`."""
    p = Parameters.without_rules(found.fields)
    assumptions.check_contract(p)
    least = assumptions.minimum_pool(p.participants, p.horizon, p.wei_per_unit)
    require(pool >= least, "pool", "pool >= 2 M T * 10^9 * wei_per_unit", pool=pool, least=least)
    p = Parameters.of(found.fields, found.declaration)
    try:
        assumptions.check(p)
    except RulesUnknown as error:  # all but what depends on these rules was checked above
        checks.unknown("game.parameters", str(error))
    return p


def joined(game: ReplayedGame, call: ContractCall) -> None:
    """A seat is taken for exactly as many stakes as it weighs."""
    p, seat = game.parameters, len(game.addresses)
    keys = call.arguments[0] if call.arguments else b""
    game.checks.same(len(keys), KEYS_BYTES, "game.deposits", None, f"bytes of the keys of seat {seat}",
                     shown=Field.INPUT)
    seated = Seated(call.sender, keys[:-34], keys[-34:-2], int.from_bytes(keys[-2:], "big"))
    if not game.checks.that(
        1 <= seated.weight <= p.heaviest, "game.weights", None, f"weight of seat {seat}",
        "it is {}, the game allows 1 to {}", seated.weight, p.heaviest, part=Slice(keys, len(keys) - 2, 2),
    ):  # fmt: skip
        game.blind = f"seat {seat} has a weight that the game does not allow"
    game.checks.same(call.value, seated.weight * p.stake, "game.deposits", None, f"deposit of seat {seat}")
    _in_opening(game, call, f"joining of seat {seat}")
    game.paid_in += call.value
    game.books.move("stake", CONTRACT, account(seat, "stake"), seated.weight * p.stake)
    ahead = any(event.name == "Joined" and event.values[0] > seat for event in call.events)  # a seat is missing
    game.checks.same(call.events, (Event("Joined", (seat, call.sender)),), "record.events", None, "events of joining",
                     since=game.called if ahead else None)
    shared = [other for other, each in enumerate(game.seated) if p.draws and each.vrf_key == seated.vrf_key]
    game.checks.that(not shared, "game.keys", None, f"VRF key of seat {seat}", "{0} is that of seats {2} too",
                     seated.vrf_key, "a key that no other seat has", shared, part=seated.vrf_key)
    _seat(game, seated)


def _seat(game: ReplayedGame, seated: Seated) -> None:
    address = seated.address
    free = game.ledger is None and len(game.addresses) < game.parameters.participants
    environment = game.deployment and game.deployment.environment
    if game.checks.that(
        free and address not in (environment, *game.addresses), "game.deposits", None, "seats",
        "{} cannot take a seat: {}", address,
        "they are free before the opening, one an account, none the environment's", shown=Field.SENDER,
    ):
        game.seated.append(seated)
        game.addresses.append(address)


def _in_opening(game: ReplayedGame, call: ContractCall, what: str) -> None:
    deployment = game.deployment
    if deployment is not None:
        until = deployment.block + deployment.parameters.opening_deadline
        game.checks.that(
            game.ledger is None and call.block <= until, "record.deadline", None, what,
            "it is in block {}, the opening ended with block {} at the latest", call.block, until,
        )  # fmt: skip


def opened(game: ReplayedGame, call: ContractCall) -> None:
    """The salt is opened: genesis, domain, burn-in."""
    deployment, checks, p = game.deployment, game.checks, game.parameters
    if game.blind:
        checks.unknown("game.opening", game.blind)
        return
    if deployment is None or call.arguments is None or game.ledger is not None:
        checks.that(False, "game.opening", None, "opening", "the game is opened {} times, not {}", 2, 1)
        return
    salt = call.arguments[0]
    _in_opening(game, call, "opening")
    checks.same(call.sender, deployment.environment, "game.opening", None, "sender of the opening",
                shown=Field.SENDER)
    checks.same(keccak(salt), deployment.salt_commitment, "game.opening", None, "salt commitment")
    if not checks.same(
        len(game.addresses), p.participants, "game.opening", None, "seats filled", since=game.called
    ):
        game.blind = "the game was opened with empty seats"
        return
    if p.burn_in * p.participants > LONGEST_BURN_IN:
        game.blind = f"a burn-in of {p.burn_in} rounds is longer than an audit replays"
        checks.unknown("record.links", game.blind)
        return
    digest = p.digest(deployment.salt_commitment, deployment.secret_commitment)
    game.digest = digest
    game.seed_0, genesis = genesis_digest(digest, game.seated, salt)
    game.genesis = genesis
    checks.same(call.events, (Event("Opened", (genesis,)),), "game.genesis", None, "event of the opening")
    game.separator = Domain(game.origin.chain_id, game.origin.contract, digest).separator()
    game.last_record_block, game.end_block = call.block, call.block + p.game_blocks
    game.settled_through, game.run_digest = p.burn_in, START
    commitment, size = deployment.secret_commitment, (p.participants, p.arms)
    game.self_declared = not (p.sealed or p.provable) and commitment == self_declared_commitment(*size)
    game.live = game.self_declared or (not p.sealed and commitment == live_commitment(*size))
    if not game.live:
        _disclose(game, deployment.secret_commitment)
    burn_in(game, genesis)


def _disclose(game: ReplayedGame, commitment: bytes) -> None:
    """Open, ahead of its time, what the environment reveals at the end of the history."""
    if game.survey.reveal is None:
        return
    secret, roles, model = game.survey.reveal
    found = None
    if len(roles) == game.parameters.participants and secret_commitment(secret, roles, model) == commitment:
        found = disclose(secret, roles, model, game.seed_0, game.parameters)
    game.disclosed = found
