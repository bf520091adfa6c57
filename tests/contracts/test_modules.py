"""Code that games share: each game is bound to it, nobody can put other code there, and none of it is a game."""

import random
from dataclasses import replace

import pytest
from eth_account import Account

from chain_bandit.chain.answers import as_int
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.clone import Deployed, read
from chain_bandit.chain.create2 import PROXY, PROXY_CODE
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain.errors import ForeignContract, ForeignCreation, ForeignModule
from chain_bandit.chain.modules import deploy_modules, installed, modules_need
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.transaction_policy import AT_ONCE
from chain_bandit.game.attach import attach
from chain_bandit.protocol.digests import word
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.ruleset import RulesUnknown
from chain_bandit.stopwatch import Stopwatch
from tests.contracts.fast_evm import FastGame
from tests.contracts.harness import ARTIFACT, BASE, CHAIN_ID, FUNCTIONS, Game, creation_of, parameters, tuple_of
from tests.unit.audit.planted import declare

BOOKKEEPER, IMPLEMENTATION = ARTIFACT.modules
START = ARTIFACT.deployed.immutables[0][0]
"""Where the terms begin in the code of a game."""
SETTINGS = [
    BASE, parameters(participants=9, validators=5, body_mode=1), parameters(sealed=1, unrevealed_penalty=7, cost=1),
    parameters(participants=20, sortition=2**63, attackers=2), parameters(probing=2**63, commanders=2**62),
    parameters(participants=256, arms=3, burn_in=6, liars=5, attackers=9, quorum_choice=1),
]  # fmt: skip


READ_TERMS = {"parameters", "environment", "pool", "game", "quorum", "isOver", "owed", "reputations"}


def code_of(game: Game) -> bytes:
    return game.machine.state.get_code(game.address)


@pytest.mark.parametrize("p", SETTINGS, ids=range(len(SETTINGS)))
def test_terms_of_a_game_are_what_python_computes_of_its_creation(p):
    game = Game(p)
    found = read(code_of(game), game.address)
    fields = p.fields()
    assert found == Deployed(fields, *game.commitments, game.environment, game.pool, 1 + p.opening_deadline, CHAIN_ID)
    assert FUNCTIONS["parameters"].decode_outputs(game.call(game.anybody, "parameters").output)[0] == tuple_of(fields)


def test_code_with_any_other_byte_is_no_game():
    game = Game()
    code = code_of(game)
    assert len(code) == START + 56 * 32
    independent = set()  # words that nothing else follows from, and nothing can be held against
    for at in range(len(code)):
        changed = code[:at] + bytes([code[at] ^ 1]) + code[at + 1 :]
        try:
            read(changed, game.address)
        except ForeignContract:
            continue
        independent.add((at - START) // 32)
    assert independent == {25, 26, 32}  # environment, pool, last block of the opening: what the creation's sender says
    with pytest.raises(ForeignContract):
        read(code, bytes(20))


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@pytest.mark.parametrize("module", ARTIFACT.modules, ids=lambda module: module.name)
def test_a_module_is_no_game(module, function):
    """It refuses whatever changes a game, and what reads terms that it does not have."""
    machine = FastGame().machine
    sender = bytes(19) + b"\7"
    machine.fund(sender)
    inputs = FUNCTIONS[function].inputs
    nothing = {"bytes": b"", "bytes32": bytes(32), "address": bytes(20), "(bytes32,uint8,bool,bytes)[]": []}
    empty = {
        "reportEquivocation": (0, 0, bytes(32), 0, 0, *[bytes(32)] * 6),
        "reportFalse": (0, 0, bytes(32), b"", bytes(32), bytes(32), b"", 0, *[bytes(32)] * 3, [], 0),
        "acquit": (0, bytes(32), 0, 0, 0, *[bytes(32)] * 3),
    }
    arguments = [empty[function]] if function in empty else [nothing.get(kind, 0) for kind in inputs]
    outcome = machine.call(sender, module.address, FUNCTIONS[function].encode(*arguments))
    changes = next(e for e in ARTIFACT.abi if e.get("name") == function)["stateMutability"] != "view"
    if module is IMPLEMENTATION and (changes or function in READ_TERMS):
        assert outcome.error == ("NotAGame", "0x" + module.address.hex())
    assert outcome.accepted is False or not changes


def test_a_module_keeps_no_money():
    machine = FastGame().machine
    sender = bytes(19) + b"\7"
    machine.fund(sender)
    for module in ARTIFACT.modules:
        for data in (b"", FUNCTIONS["join"].encode(bytes(67)), b"\1\2\3\4"):
            assert not machine.call(sender, module.address, data, 1).accepted
        assert machine.get_balance(module.address) == 0


def opcodes(code: bytes) -> list[int]:
    found, at = [], 0
    while at < len(code):
        found.append(code[at])
        at += 1 + max(0, code[at] - 0x5F if 0x60 <= code[at] <= 0x7F else 0)
    return found


DELEGATECALL, CALLCODE, SELFDESTRUCT, CREATE, CREATE2 = 0xF4, 0xF2, 0xFF, 0xF0, 0xF5


def test_no_code_can_be_replaced_or_destroyed():
    """One delegatecall from a game to the implementation, one from that to the bookkeeper, whose address it holds."""
    counts = {name: opcodes(code) for name, code in (
        ("game", ARTIFACT.deployed.code[:START]), *((module.name, module.code) for module in ARTIFACT.modules)
    )}  # fmt: skip
    assert {name: code.count(DELEGATECALL) for name, code in counts.items()} == {
        "game": 1, "Bookkeeper": 0, "ChainBandit": 1,
    }  # fmt: skip
    for name, code in counts.items():
        assert not {CALLCODE, SELFDESTRUCT, CREATE2} & set(code), name
        assert code.count(CREATE) == (name == "ChainBandit")  # the keys' blob
    assert IMPLEMENTATION.code.count(BOOKKEEPER.address) >= 1


def test_a_game_is_not_created_before_what_it_rests_on():
    game = FastGame()
    game.machine.set_code(IMPLEMENTATION.address, b"")
    _, outcome = game.machine.deploy(
        game.environment, creation_of(BASE, *game.commitments), game.pool
    )
    assert outcome.error == ("ModuleMissing", "0x" + IMPLEMENTATION.address.hex())


def deployed_by(creation: bytes) -> tuple[EmbeddedNode, Coordinator]:
    account = Account.from_key(bytes(31) + b"\1")
    node = EmbeddedNode({bytes.fromhex(account.address[2:]): 10**24})
    coordinator = Coordinator(node.line, b"", Stopwatch())
    coordinator._create(account, 10**21, 6_000_000, creation)
    return node, coordinator


def test_a_game_on_a_foreign_implementation_is_refused():
    creation = creation_of(BASE, bytes(32), bytes(32))
    node, made = deployed_by(creation)
    assert Coordinator.at(node.line, made.address, Stopwatch()).address == made.address
    foreign = creation.replace(IMPLEMENTATION.address, BOOKKEEPER.address)
    assert foreign != creation
    node, made = deployed_by(foreign)
    with pytest.raises(ForeignContract):
        Coordinator.at(node.line, made.address, Stopwatch())


OTHER_RULES = {
    "unknown": (declare("option-1", "no-such"), RulesUnknown),
    "a later version": (declare('{},"version":1},{"kind":"sel', '{},"version":2},{"kind":"sel'), RulesUnknown),
    "no delta": (declare('option-1","options":{}', 'delta-safe","options":{"delta":0}'), AssumptionBroken),
    "not canonical": (declare(":{},", ": {},"), ForeignCreation),
}


@pytest.mark.parametrize(("change", "refusal"), OTHER_RULES.values(), ids=OTHER_RULES)
def test_the_contract_takes_any_rules_and_a_node_its_own_alone(change, refusal):
    """No contract reads what rules a game declares: who attaches does."""
    creation = creation_of(BASE, bytes(32), bytes(32))
    node, made = deployed_by(creation)
    assert attach(node.line, made.address, made.created_in)[1] == BASE
    node, made = deployed_by(change(creation))
    assert made.pool() > 0
    with pytest.raises(refusal):
        attach(node.line, made.address, made.created_in)


def test_a_clone_with_other_terms_is_refused():
    """A clone of the true implementation, made without the creation code, whose quorum is one signature."""
    node, made = deployed_by(creation_of(BASE, bytes(32), bytes(32)))
    code = made.rpc.code(made.address)
    terms = bytearray(code)
    terms[START + 7 * 32 : START + 8 * 32] = word(0)
    prefix = bytes.fromhex("61") + len(code).to_bytes(2) + bytes.fromhex("80600a3d393df3")
    node, clone = deployed_by(prefix + bytes(terms))
    assert len(clone.rpc.code(clone.address)) == len(code)
    with pytest.raises(ForeignContract):
        Coordinator.at(node.line, clone.address, Stopwatch())


BOTH = [BOOKKEEPER.address, IMPLEMENTATION.address]


@pytest.mark.parametrize("missing", [BOTH[:1], BOTH[1:], BOTH, [PROXY, *BOTH]], ids=len)
def test_half_a_deployment_is_taken_up(missing, monkeypatch):
    there = {address: code for address, code in installed().items() if address not in missing}
    monkeypatch.setattr("chain_bandit.chain.embedded.installed", lambda: there)
    account = Account.from_key(bytes(31) + b"\1")
    node = EmbeddedNode({bytes.fromhex(account.address[2:]): 10**24})
    rpc = Rpc(node.line, Stopwatch(), AT_ONCE)
    deploy_modules(rpc, account, AT_ONCE)
    for module in ARTIFACT.modules:
        assert rpc.code(module.address) == module.code
    deploy_modules(rpc, account, AT_ONCE)  # nothing is missing
    made = Coordinator.deploy(
        node.line, account, replace(BASE), bytes(32), bytes(32), random.Random(1).randrange(10**21, 10**22), Stopwatch()
    )
    assert Coordinator.at(node.line, made.address, Stopwatch()).game() == made.game()
    assert rpc.code(PROXY)


FOREIGN = {  # what else than the shipped code is there
    "a bookkeeper": {BOOKKEEPER.address: BOOKKEEPER.code[:-1] + b"\1"},
    "an implementation": {IMPLEMENTATION.address: b"\0"},
    "a bookkeeper beside nothing": {BOOKKEEPER.address: b"\0", IMPLEMENTATION.address: b""},
    "a proxy that is needed": {IMPLEMENTATION.address: b"", PROXY: PROXY_CODE + b"\0"},
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_where_foreign_code_is_in_the_place_of_a_module_nothing_is_paid(foreign, monkeypatch):
    """No transaction puts it there: a development node does, or a chain's first block."""
    there = {address: code for address, code in (installed() | foreign).items() if code}
    monkeypatch.setattr("chain_bandit.chain.embedded.installed", lambda: there)
    account = Account.from_key(bytes(31) + b"\1")
    address = bytes.fromhex(account.address[2:])
    node = EmbeddedNode({address: 10**24})
    rpc = Rpc(node.line, Stopwatch(), AT_ONCE)
    for pays in (
        lambda: modules_need(rpc, address), lambda: deploy_modules(rpc, account, AT_ONCE),
        lambda: Coordinator.deploy(node.line, account, BASE, bytes(32), bytes(32), 10**21, Stopwatch()),
    ):  # fmt: skip
        with pytest.raises(ForeignModule) as caught:
            pays()
        assert (caught.value.exit_code, caught.value.address.lower()) == (6, "0x" + next(
            place.hex() for place, code in foreign.items() if code
        ))  # fmt: skip
    assert rpc.ask("eth_getTransactionCount", [account.address, "latest"], as_int) == 0


def test_a_game_whose_code_the_chain_changed_is_joined_by_nobody(monkeypatch):
    account = Account.from_key(bytes(31) + b"\1")
    node = EmbeddedNode({bytes.fromhex(account.address[2:]): 10**24})
    told = Rpc.code
    places = {module.address for module in ARTIFACT.modules}
    monkeypatch.setattr(Rpc, "code", lambda rpc, place: told(rpc, place) if place in places else b"\0")
    with pytest.raises(ForeignContract):
        Coordinator.deploy(node.line, account, BASE, bytes(32), bytes(32), 10**21, Stopwatch())
