"""The comparison as a multi-party computation: some of the validators hold shares, and open the bits alone."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from chain_bandit.comparison.ideal import MOST_OPENINGS
from chain_bandit.comparison.interface import ComparisonAborted, ComparisonRound, Opening, is_sound
from chain_bandit.comparison.processes import PARTY, PartyFailed, PartyProcesses
from chain_bandit.comparison.session import MpcSession
from chain_bandit.comparison.session_log import SessionLog
from chain_bandit.comparison.wire import Check, Compare, Compared, Opened
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.committee import comparison_parties
from chain_bandit.protocol.errors import require
from chain_bandit.protocol.proposal import Bits
from chain_bandit.protocol.sharing import (
    ATTEMPTS,
    FEWEST_PARTIES,
    MOST_PARTIES,
    Dealing,
    deal,
    share_bytes,
    shares_commitment,
)
from chain_bandit.protocol.units import Counts


class MpcComparison:
    """`Comparison` by Shamir shares among `parties` validators, each a process of its own.

    Close it: the processes are kept from round to round. In one process it stands for everybody around the parties:
    participants, whose openings it shares; the network, which hands each party its own shares; validators, which
    accept a matrix that all parties signed alike.
    Secure against `protocol.sharing.degree` parties that follow the protocol and pool what they see.

    Args:
        signers: the key of each seat.
        largest: no count is above it; the fewer bits it has, the faster. Openings above it are ignored.
        parties: 3 to 5.
        attempts: s, how many sets of parties try before the round is given up.
        timeout: seconds that a set has for each step.
        command: what starts a party.
        session_log: what sessions come to, and came to when the game was played before.

    Raises:
        AssumptionBroken: a number outside its range.
    """

    def __init__(
        self,
        signers: Sequence[Signer],
        largest: int,
        parties: int = 3,
        attempts: int = ATTEMPTS,
        timeout: float = 60.0,
        command: Sequence[str] = PARTY,
        session_log: SessionLog | None = None,
    ) -> None:
        require(FEWEST_PARTIES <= parties <= MOST_PARTIES, "parties", "3 <= parties <= 5", parties=parties)
        require(1 <= attempts <= 255, "attempts", "1 <= attempts <= 255", attempts=attempts)
        require(1 <= largest < 2**32, "largest", "1 <= largest < 2^32", largest=largest)
        self._signers, self._largest = signers, largest
        self._count, self._attempts, self._timeout, self._command = parties, attempts, timeout, command
        self.session_log = session_log or SessionLog()
        self._processes: PartyProcesses | None = None
        self._verifier = Verifier()
        self.sent = 0
        """Bytes that the parties of the last session have sent each other since they were started."""

    def begin(self, reference: Counts, threshold: int, setting: ComparisonRound) -> None:
        """Forget the last round: its dealings and its sessions."""
        self._setting, self._arms = setting, len(reference)
        self._floors = tuple(min(count // threshold, self._largest) for count in reference)
        self._dealings: dict[int, dict[bytes, Dealing]] = {}
        self.session_log.begin(setting.slot)
        self._verifier.forget()

    def on_opening(self, seat: int, opening: Opening) -> None:
        """Share what a participant opens, as its own machine would; a malformed opening is ignored."""
        if is_sound(opening, self._arms, self._largest):
            self.on_dealing(seat, deal(opening.counts, opening.salt, self._count, self._attempts))

    def on_dealing(self, seat: int, dealing: Dealing) -> None:
        """Keep what a participant sent to the parties, which may be anything; the fifth of a seat is ignored."""
        mine = self._dealings.setdefault(seat, {})
        leaves, shares = dealing.leaves, dealing.shares
        if len(mine) < MOST_OPENINGS and isinstance(leaves, bytes) and isinstance(shares, tuple):
            mine[shares_commitment(leaves)] = dealing

    def bits(self, commitments: Mapping[int, bytes]) -> Mapping[int, Bits]:
        """The bits of every seat whose shares open its commitment; each is computed once a round, for all callers.

        Raises:
            ComparisonAborted: every set of parties failed; at once when asked again.
        """
        asked = {
            seat: committed
            for seat, committed in commitments.items()
            if committed in self._dealings.get(seat, {})
        }
        known = self.session_log.known
        unknown = {seat: committed for seat, committed in asked.items() if (seat, committed) not in known}
        if unknown:
            self._compute(unknown)
        answer = {seat: known[seat, committed] for seat, committed in asked.items()}
        return MappingProxyType({seat: row for seat, row in answer.items() if row is not None})

    def pids(self) -> tuple[int, ...]:
        """The processes of the parties that are running."""
        return tuple(party.process.pid for party in self._processes.members) if self._processes else ()

    def close(self) -> None:
        """End the parties. The next question starts new ones."""
        if self._processes is not None:
            self._processes.close()
            self._processes = None

    def _compute(self, asked: Mapping[int, bytes]) -> None:
        """Know the bits, from the first set of parties that comes to an end."""
        setting, session_log = self._setting, self.session_log
        while len(session_log.failures) < self._attempts:
            attempt = len(session_log.failures)
            parties = comparison_parties(setting.validators, self._count, setting.seed, attempt)
            try:
                return session_log.agreed(asked, self._sit(MpcSession(setting.slot, attempt, parties, asked)))
            except PartyFailed as failure:
                self.close()
                session_log.failed(str(failure))
        raise ComparisonAborted(setting.slot.round, session_log.failures)

    def _sit(self, session: MpcSession) -> Mapping[int, Bits]:
        """One attempt. Raises `PartyFailed`."""
        if len(session.parties) < self._count:
            raise PartyFailed(None, f"are {len(session.parties)} validators, fewer than {self._count}")
        if self._processes is None:
            width = self._largest.bit_length() + 1
            self._processes = PartyProcesses(self._count, width, self._timeout, self._command)
        addresses = tuple(self._signers[seat].address for seat in session.parties)

        opened = self._processes.ask([self._check(session, index) for index in range(self._count)], Opened)
        for index, said in enumerate(opened):
            self._signed(index, addresses[index], session.opened_digest(index, said.probes), said.signature)
        question = Compare(floors=self._floors, addresses=addresses, opened=tuple(opened))

        answers = self._processes.ask([question] * self._count, Compared)
        for index, answer in enumerate(answers):
            self._signed(index, addresses[index], session.bits_digest(index, answer.bits), answer.signature)
        bits = answers[0].bits
        if any(answer.bits != bits for answer in answers):
            raise PartyFailed(None, "signed different matrices")
        if not bits.keys() <= {*session.admitted([said.probes for said in opened])}:
            raise PartyFailed(None, "signed a seat whose shares do not open")
        if any(len(row) != self._arms for row in bits.values()):
            raise PartyFailed(None, "signed a row of another length")
        self.sent = sum(answer.sent for answer in answers)
        return bits

    def _check(self, session: MpcSession, index: int) -> Check:
        """What one party gets: its own shares."""
        slot, place = session.slot, session.place(index)
        dealt = {}
        for seat, committed in session.asked.items():
            dealing = self._dealings[seat][committed]
            share = dealing.shares[place] if place < len(dealing.shares) else None
            if isinstance(share, bytes) and len(share) == share_bytes(self._arms):
                dealt[seat] = (dealing.leaves, share)
        return Check(
            secret=self._signers[session.parties[index]].source,
            separator=slot.separator, round=slot.round, parent=slot.parent,
            attempt=session.attempt, parties=session.parties, asked=dict(session.asked),
            arms=self._arms, places=self._count * self._attempts, dealt=dealt,
        )  # fmt: skip

    def _signed(self, index: int, address: bytes, digest: bytes, signature: bytes) -> None:
        if not self._verifier.is_signed_by(address, digest, signature):
            raise PartyFailed(index, "did not sign its answer")
