"""Terms of an agreement, fixed at its creation, and their digests: the twin of `contracts/Tokens.sol`."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from chain_bandit.protocol.agreement.tokens import LARGEST
from chain_bandit.protocol.digests import keccak, word
from chain_bandit.protocol.errors import require
from chain_bandit.protocol.quorum import QuorumChoice, quorum
from chain_bandit.protocol.units import MAX_PARTICIPANTS

MOST_STEPS = 2**16 - 1


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """Every number that decides an agreement. Participants are seats 0 to N - 1, validators N to N + V - 1.

    Attributes:
        faulty: f, the most validators that may do anything.
        groups: of participants at most, whose means' median is agreed; 1 for the mean of all.
        first: the token before the first epoch; most: what it is clamped to; step: the most that it changes in an
            epoch; all in units.
        steps: of an epoch, in each of which tokens may be sent; 0 where nobody keeps credits.
        deadline: chain blocks without a record after which anybody may end the epoch.
    """

    participants: int
    validators: int
    faulty: int
    groups: int
    first: int
    most: int
    step: int
    steps: int
    deadline: int

    def check(self) -> None:
        """What the contract refuses. Raises `AssumptionBroken`."""
        n, v, f, g = self.participants, self.validators, self.faulty, self.groups
        room = n >= 2 and v >= 1 and n + v <= MAX_PARTICIPANTS
        require(room, "seats", f"N >= 2, V >= 1, N + V <= {MAX_PARTICIPANTS}", N=n, V=v)
        require(0 <= 3 * f < v, "faulty", "V > 3f >= 0", V=v, f=f)
        require(1 <= g <= n // 2, "groups", "1 <= groups <= N / 2", groups=g, N=n)
        require(0 <= self.first <= self.most <= LARGEST, "token", f"0 <= first <= most <= {LARGEST}",
                first=self.first, most=self.most)  # fmt: skip
        require(1 <= self.step <= LARGEST, "step", f"1 <= step <= {LARGEST}", step=self.step)
        require(0 <= self.steps <= MOST_STEPS, "steps", f"0 <= steps <= {MOST_STEPS}", steps=self.steps)
        require(0 <= self.deadline < 2**32, "deadline", "0 <= deadline < 2^32", deadline=self.deadline)

    @property
    def places(self) -> int:
        """Seats in all."""
        return self.participants + self.validators

    @property
    def everybody(self) -> int:
        """The mask of all participants."""
        return (1 << self.participants) - 1

    @property
    def holders(self) -> int:
        """The mask of all validators."""
        return ((1 << self.validators) - 1) << self.participants

    @property
    def relay_rounds(self) -> int:
        """m of every broadcast: a participant that lies, and f validators with it, make f + 1 liars of one."""
        return self.faulty + 1

    def quorum(self, validators: int) -> int:
        """Signatures that end an epoch, of so many validators that are not blocked."""
        return quorum(validators, self.faulty, QuorumChoice.TWO_THIRDS)

    def digest(self, accounts: Sequence[bytes]) -> bytes:
        """Identity of an agreement among these accounts, of 20 bytes each by seat."""
        numbers = astuple(self)
        words = (*map(word, numbers), word(32 * (len(numbers) + 1)), word(len(accounts)))
        return keccak(*words, *(bytes(12) + account for account in accounts))
