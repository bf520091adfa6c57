"""Everything about a game that is known before it opens, derived from the scenario and its seed."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.protocol.assumptions import minimum_pool
from chain_bandit.protocol.blocks import Seated
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.rewards import secret_commitment
from chain_bandit.scenario import Scenario


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What the organiser of a game alone knows, 32 bytes each: two keys, the seed of the draws, the opening's salt."""

    environment: bytes
    relayer: bytes
    draws: bytes
    salt: bytes

    @staticmethod
    def of(seed: int) -> "Secrets":
        """Those that follow from a scenario's seed."""
        return Secrets(*(derive(seed, purpose) for purpose in ("environment", "relayer", "secret", "salt")))


class Plan:
    """Keys, secrets and commitments of one game. A scenario's seed is public: development chains only.

    Args:
        secrets: the organiser's; by default the seed gives them too, and with them the contract's address.
    """

    def __init__(
        self, scenario: Scenario, on_signed: Callable[[float], None] = lambda seconds: None,
        secrets: Secrets | None = None,
    ) -> None:  # fmt: skip
        self.scenario, self.parameters = scenario, scenario.parameters
        seed, secrets = scenario.seed, secrets or Secrets.of(scenario.seed)
        self.secret, self.salt = scenario.public_secret or secrets.draws, secrets.salt
        self.environment = Signer(secrets.environment, on_signed)
        self.relayer = Signer(secrets.relayer, on_signed)
        self.participants = tuple(
            Signer(derive(seed, "participant", seat), on_signed) for seat in range(scenario.participants)
        )
        self.vrf_keys = tuple(VrfKey(derive(seed, "vrf", seat)) for seat in range(scenario.participants))
        self.seal_keys = tuple(derive(seed, "seal", seat) for seat in range(scenario.participants))

    @property
    def addresses(self) -> tuple[bytes, ...]:
        """The key of each seat."""
        return tuple(signer.address for signer in self.participants)

    @cached_property
    def seated(self) -> tuple[Seated, ...]:
        """What each participant registers."""
        return tuple(
            Seated(signer.address, vrf_key.public_key, keccak(seal_key), weight)
            for signer, vrf_key, seal_key, weight in zip(
                self.participants, self.vrf_keys, self.seal_keys, self.scenario.all_weights, strict=True
            )
        )

    @property
    def deposits(self) -> dict[bytes, int]:
        """Wei that each participant deposits, by its key."""
        return {seated.address: seated.weight * self.parameters.stake for seated in self.seated}

    @property
    def pool(self) -> int:
        """Wei that the environment puts in."""
        p = self.parameters
        return minimum_pool(p.participants, p.horizon, p.wei_per_unit)

    @cached_property
    def roles(self) -> bytes:
        """One byte a seat."""
        return bytes(self.scenario.roles)

    @cached_property
    def model(self) -> bytes:
        """The encoded reward model."""
        return self.scenario.model.encode()

    @property
    def salt_commitment(self) -> bytes:
        """What the environment opens the game with."""
        return keccak(self.salt)

    @property
    def secret_commitment(self) -> bytes:
        """What the environment reveals at the end."""
        return secret_commitment(self.secret, self.roles, self.model)

    @property
    def game(self) -> bytes:
        """The game's digest."""
        return self.parameters.digest(self.salt_commitment, self.secret_commitment)

    @property
    def label(self) -> str:
        """A name for what is handed on: it tells games of one scenario apart, and does not tell the seed."""
        return f"{self.scenario.name}-{self.game.hex()[:8]}"

    def rng(self, purpose: str, index: int = 0) -> random.Random:
        """A stream of chance of its own for each purpose and index."""
        return random.Random(derive(self.scenario.seed, f"chance/{purpose}", index))
