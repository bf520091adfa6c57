"""Small builders that tests share, and fixtures of them: scenarios and games without a chain."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from coincurve import PublicKey

from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.secp256k1 import ORDER
from chain_bandit.crypto.verify import HALF_ORDER
from chain_bandit.game.books import RoundPlayed
from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.scenario import Scenario

MEANS = (0.7, 0.4, 0.5, 0.2, 0.6)


def build_scenario(participants: int = 4, arms: int = 2, rounds: int = 12, **changes: Any) -> Scenario:
    """A Bernoulli game; f = m = (M - 1) // 3 and L = 2K unless told otherwise."""
    bound = (participants - 1) // 3
    fields: dict[str, Any] = {
        "name": "test",
        "participants": participants,
        "rounds": rounds,
        "liars": bound,
        "attackers": bound,
        "burn_in": 2 * arms,
        "rewards": {"kind": "bernoulli", "means": list(MEANS[:arms])},
    }
    scenario = Scenario.model_validate(fields | changes)
    scenario.check()
    scenario.check_contract()
    return scenario


def malicious(seat: int, *attacks: str | tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """One entry of a scenario's `malicious`."""
    named = [(attack, {}) if isinstance(attack, str) else attack for attack in attacks]
    return {"seat": seat, "attacks": [{"name": name, "options": options} for name, options in named]}


def second_signature(signer: Signer, digest: bytes, nonce: int) -> bytes:
    """A canonical signature with a nonce of one's own choice: a key can make many of one digest."""
    x, y = PublicKey.from_secret(nonce.to_bytes(32, "big")).point()
    secret = int.from_bytes(signer.secret, "big")
    s = pow(nonce, -1, ORDER) * (int.from_bytes(digest, "big") + x % ORDER * secret) % ORDER
    parity = y & 1
    if s > HALF_ORDER:
        s, parity = ORDER - s, 1 - parity
    return (x % ORDER).to_bytes(32, "big") + (parity << 255 | s).to_bytes(32, "big")


@pytest.fixture(scope="session")
def twice_signed() -> Callable[[Signer, bytes], tuple[bytes, bytes]]:
    """Two different signatures of one digest by one key, the second with a nonce of its own."""
    return lambda signer, digest: (signer.sign(digest), second_signature(signer, digest, 12345))


@pytest.fixture(scope="session")
def scenario() -> Callable[..., Scenario]:
    """`build_scenario`."""
    return build_scenario


@pytest.fixture(scope="session")
def cheat() -> Callable[..., dict[str, Any]]:
    """`malicious`."""
    return malicious


@pytest.fixture(scope="session")
def play() -> Callable[[Scenario], tuple[Game, list[RoundPlayed]]]:
    """Plays a scenario to its end without a chain."""

    def played(scenario: Scenario) -> tuple[Game, list[RoundPlayed]]:
        game = Game(scenario, NoChain())
        return game, list(game.play())

    return played


@pytest.fixture(scope="session")
def parameters() -> Callable[..., Parameters]:
    """Valid parameters of a game of M = 4 (or as told), with the fields named changed."""

    def build(participants: int = 4, arms: int = 2, rounds: int = 12, **changes: Any) -> Parameters:
        return replace(build_scenario(participants, arms, rounds).parameters, **changes)

    return build
