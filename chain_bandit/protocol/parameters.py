"""The canonical parameters of a game: what the contract is deployed with and the genesis digest binds."""

from dataclasses import astuple, dataclass

from chain_bandit.protocol.digests import keccak, word
from chain_bandit.protocol.quorum import QuorumChoice, quorum


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every number that decides a game, in the order of the contract's struct.

    Args:
        participants: M, seats of the game, all of them validators and commanders (Theorem 1).
        arms: K.
        horizon: T, the last round.
        burn_in: L, a multiple of K; rewards of rounds 1..L are observed, never paid.
        liars: f, assumed bound on participants that may report falsely.
        attackers: m, assumed bound on participants that may attack the consensus.
        threshold: k of k * n > n_ref, at least 2.
        quorum_choice: a `QuorumChoice`.
        failure_limit: failed rounds in a row after which one exploration round is recorded.
        c1_numerator, c1_denominator: C1 of the confidence width as a fraction.
        c1_per_report: 1 when C1 is further divided by |B_i| of the block in force, else 0.
        wei_per_unit: wei paid for one unit (1e-9) of reward.
        stake: wei that every participant deposits.
        opening_deadline, skip_deadline, burn_in_blocks, game_blocks, settlement_window: in chain blocks.
    """

    participants: int
    arms: int
    horizon: int
    burn_in: int
    liars: int
    attackers: int
    threshold: int
    quorum_choice: int
    failure_limit: int
    c1_numerator: int
    c1_denominator: int
    c1_per_report: int
    wei_per_unit: int
    stake: int
    opening_deadline: int
    skip_deadline: int
    burn_in_blocks: int
    game_blocks: int
    settlement_window: int

    @property
    def quorum(self) -> int:
        """Signatures that certify a block when all participants validate."""
        return quorum(self.participants, self.attackers, QuorumChoice(self.quorum_choice))

    @property
    def mask_bytes(self) -> int:
        """Bytes of a set of seats: an unsigned big-endian integer whose bit p stands for seat p."""
        return (self.participants + 7) // 8

    def words(self) -> bytes:
        """ABI encoding of the contract's `Parameters` struct: one word a field."""
        return b"".join(map(word, astuple(self)))

    def digest(self, salt_commitment: bytes, secret_commitment: bytes) -> bytes:
        """The game's identity, known at deployment: keccak(parameters, the environment's two commitments)."""
        return keccak(self.words(), salt_commitment, secret_commitment)
