"""The code of a game: a clone of the shared implementation (EIP-1167 with arguments) that ends with the game's terms.

The terms are words: what a record of a round needs, what opening, settlement and withdrawals need, and what only those
outside the contract act by, what later versions will use (`contracts/types/Game.sol`: `Terms`, `Money`, `Assumed`,
`Reserved`).
"""

from dataclasses import dataclass

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.errors import ForeignContract
from chain_bandit.protocol.assumptions import check_contract
from chain_bandit.protocol.digests import word
from chain_bandit.protocol.errors import AssumptionBroken, Malformed
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.parameters import FIELDS, Parameters, game_digest

_RECORDS = (
    "participants", "arms", "horizon", "burn_in", "validators", "attackers", "quorum_choice", None, "failure_limit",
    "unrecorded", "tolerance", "skip_penalty", "evidence_penalty", "sortition", "skip_deadline", "burn_in_blocks",
    "body_mode", *[None] * 8,
)  # fmt: skip
_MONEY = (
    None, None, "wei_per_unit", "stake", "cost", "sealed", "unrevealed_penalty", None, "game_blocks",
    "settlement_window", None, None,
)  # fmt: skip
_PARAMETERS = (*_RECORDS, *_MONEY, *(name for name in FIELDS if name not in _RECORDS + _MONEY))
"""Which parameter each word is; None for one that is none."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the code of a game says.

    Attributes:
        fields: of the contract's struct, see `Parameters.fields`.
        salt_commitment, secret_commitment: the environment's, 32 bytes each.
        environment: 20 bytes.
        pool: wei.
        open_until: the last chain block of the opening.
        chain_id: of the chain that it was created on.
    """

    fields: tuple[int, ...]
    salt_commitment: bytes
    secret_commitment: bytes
    environment: bytes
    pool: int
    open_until: int
    chain_id: int

    def terms(self, address: bytes) -> bytes:
        """The terms of the game at an address (20 bytes)."""
        given = dict(zip(FIELDS, self.fields, strict=True))
        p = Parameters.without_rules(self.fields)
        game = game_digest(self.fields, self.salt_commitment, self.secret_commitment)
        attested = (4 * p.arms + 2 * p.participants) * p.is_attested
        # flags, in the order of those of `contracts/libraries/Blocks.sol`
        successors = (
            p.has_committees, p.draws_commanders, p.names_committee, p.sets_reputations, p.keeps_state, p.has_phases,
        )  # fmt: skip
        derived = (
            max(p.half_expected, p.attackers), p.mask_bytes, p.report_bytes, attested, 2**256 - 1 - p.everybody,
            sum(said << bit for bit, said in enumerate(successors)), self.chain_id,
            Domain(self.chain_id, address, game).separator(), game, self.environment.rjust(32, b"\0"), self.pool,
            self.open_until, self.salt_commitment, self.secret_commitment,
        )  # fmt: skip
        others = iter(derived)
        words = (next(others) if name is None else given[name] for name in _PARAMETERS)
        return b"".join(value if isinstance(value, bytes) else word(value) for value in words)


def read(code: bytes, address: bytes) -> Deployed:
    """What the code at an address (20 bytes) says. Raises `ForeignContract` where it is no game of this version."""
    artifact = chain_bandit_artifact()
    ((start, _),) = artifact.deployed.immutables
    foreign = ForeignContract(checksummed(address), len(code))
    if not artifact.deployed.is_same(code):
        raise foreign
    words = [code[at : at + 32] for at in range(start, len(code), 32)]
    given = {
        name: int.from_bytes(value) for name, value in zip(_PARAMETERS, words, strict=True) if name is not None
    }  # fmt: skip
    numbers = {place: int.from_bytes(words[place]) for place in (22, 26, 32)}
    fields = tuple(given[name] for name in FIELDS)
    found = Deployed(fields, words[35], words[36], words[25][12:], numbers[26], numbers[32], numbers[22])
    try:
        check_contract(Parameters.without_rules(fields))
    except (AssumptionBroken, Malformed):
        raise foreign from None
    if found.terms(address) != code[start:]:
        raise foreign
    return found
