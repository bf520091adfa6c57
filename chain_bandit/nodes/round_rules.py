"""Round rules of a node's loop: what it asks of the system whose rounds it plays, a bandit game or an agreement."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence, Sized
from typing import Any

from chain_bandit.actors.epochs.dealing import SHARE_BYTES
from chain_bandit.actors.epochs.epoch import Epoch
from chain_bandit.actors.epochs.transcript import row_bytes
from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER
from chain_bandit.actors.rules import Rules
from chain_bandit.network.wire import MOST_SAID, most_bytes
from chain_bandit.protocol.agreement import ledger as epochs
from chain_bandit.protocol.agreement.ledger import AgreementLedger
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.blocks import seats
from chain_bandit.protocol.ledger import Ledger, accused, after_burn_in_round, after_record, is_over
from chain_bandit.protocol.parameters import ACCUSED_AHEAD, Parameters
from chain_bandit.protocol.sharing import ELEMENT_BYTES


class RoundRules(ABC):
    """Senders in rounds, length of rounds, and the ledger after a record, which has at least a `round`.

    Attributes:
        parameters: what the chain's records are read by.
        everybody: the seats, of whom each has an envelope for all others in every step.
        others: addresses beside the seats, and the steps in which they get one too.
        steps: of a round that is recorded, the longest.
        most_said: messages and claims of a seat in an envelope, and `steps` more in those of a round's steps.
        most_bytes: of a seat's frame.
        first_recorded: the first round that has a record.
    """

    parameters: Any
    everybody: tuple[int, ...]
    others: Mapping[int, Sequence[int]]
    steps: int
    most_said: int
    most_bytes: int
    first_recorded = 0

    @abstractmethod
    def is_over(self, ledger: Any) -> bool:
        """Whether all rounds are played."""
        ...

    @abstractmethod
    def listed(self, ledger: Any, records: Any) -> Any:
        """The ledger with the block list that counts in the open round, as far as the records (`Follower`) show it."""
        ...

    @abstractmethod
    def after(self, ledger: Any, found: Any) -> Any:
        """What a round leaves: its record, None of one without."""
        ...

    @abstractmethod
    def validators(self, ledger: Any) -> tuple[int, ...]:
        """Voters in the open round."""
        ...

    @abstractmethod
    def quorum(self, ledger: Any) -> int:
        """How many of them have to."""
        ...

    @abstractmethod
    def is_one_honest(self, among: frozenset[int] | set[int]) -> bool:
        """Whether one of these seats must be honest."""
        ...

    def unrecorded_steps(self, ledger: Any) -> int:
        """Of the open round, which has no record; 0 where nothing is sent in it."""
        return 0


class BanditRounds(RoundRules):
    """Rounds of a bandit game."""

    parameters: Parameters

    def __init__(self, rules: Rules) -> None:
        self._rules, parameters = rules, rules.parameters
        self.parameters, self.everybody, self.steps = parameters, rules.everybody, rules.schedule.steps
        schedule = rules.schedule
        first_and_last = (0, schedule.certify)
        asked = (0, schedule.compare) if schedule.certified else range(schedule.compare + 1)
        self.others = {COMPARISON: asked, ENVIRONMENT: first_and_last, RELAYER: first_and_last}
        self.most_said = MOST_SAID * parameters.participants
        self.most_bytes = most_bytes(parameters.participants, parameters.report_bytes, rules.schedule.relay_rounds)
        self.first_recorded = parameters.burn_in

    def is_over(self, ledger: Ledger) -> bool:
        """By the rules."""
        return is_over(self.parameters, ledger)

    def listed(self, ledger: Ledger, records: Any) -> Ledger:
        """Apply block-list entries of the next rounds: the list is signed ahead."""
        for seat, since in sorted(records.accusations.items()):
            if since <= ledger.round + ACCUSED_AHEAD and not ledger.blocked_from[seat]:
                ledger = accused(ledger, seat, since, records.is_liar(seat))
        return ledger

    def after(self, ledger: Ledger, found: Any) -> Ledger:
        """By the rules."""
        if found is None:
            return after_burn_in_round(self.parameters, ledger)
        return after_record(self.parameters, ledger, found.record)

    def validators(self, ledger: Ledger) -> tuple[int, ...]:
        """The committee."""
        return self._rules.validators(ledger)

    def quorum(self, ledger: Ledger) -> int:
        """Signatures of a certificate."""
        return self._rules.quorum(ledger)

    def is_one_honest(self, among: Sized) -> bool:
        """More than can be malicious."""
        return len(among) > self.parameters.attackers

    def unrecorded_steps(self, ledger: Ledger) -> int:
        """Of a round of the burn-in those of its probes."""
        return self._rules.schedule.probe_steps if self._rules.probes(ledger) else 0


class AgreementRounds(RoundRules):
    """Epochs of an agreement on tokens.

    Args:
        opening: the ledger before the first epoch.
        epochs: how many are played.
        separator: of the agreement's domain.
    """

    parameters: AgreementTerms

    def __init__(
        self, terms: AgreementTerms, opening: AgreementLedger, epochs: int, accounts: tuple[bytes, ...],
        separator: bytes,
    ) -> None:  # fmt: skip
        self.parameters, self.accounts, self._epochs, self._separator = terms, accounts, epochs, separator
        self.everybody, self.steps = tuple(range(terms.places)), self.epoch(opening).steps
        self.others = {RELAYER: (0, self.steps - 1)}
        self.most_said, self.most_bytes = MOST_SAID * terms.places, longest_frame(terms)

    def epoch(self, ledger: AgreementLedger) -> Epoch:
        """The open epoch as its actors see it."""
        return Epoch(self.parameters, ledger, self.accounts, self._separator)

    def is_over(self, ledger: AgreementLedger) -> bool:
        """After so many."""
        return ledger.epoch >= self._epochs

    def listed(self, ledger: AgreementLedger, records: Any) -> AgreementLedger:
        """Apply block-list entries by equivocations of earlier epochs."""
        for seat, since in sorted(records.accusations.items()):
            if since <= ledger.epoch:
                ledger = epochs.listed(ledger, seat, since)
        return ledger

    def after(self, ledger: AgreementLedger, found: Any) -> AgreementLedger:
        """What the record has already."""
        after: AgreementLedger = found.after
        return after

    def validators(self, ledger: AgreementLedger) -> tuple[int, ...]:
        """Holders of shares."""
        return seats(epochs.validators(self.parameters, ledger))

    def quorum(self, ledger: AgreementLedger) -> int:
        """Signatures that end an epoch."""
        return self.parameters.quorum(len(self.validators(ledger)))

    def is_one_honest(self, among: frozenset[int] | set[int]) -> bool:
        """More than f validators: of participants nobody knows how many lie."""
        return sum(seat >= self.parameters.participants for seat in among) > self.parameters.faulty


def longest_frame(terms: AgreementTerms) -> int:
    """The most bytes of a seat's frame in an agreement; as long as frames can be where honest ones might be longer."""
    dealt = 32 * terms.validators + row_bytes(terms.participants, terms.steps)
    content = max(dealt, SHARE_BYTES * terms.validators, ELEMENT_BYTES * max(terms.participants, terms.groups))
    return most_bytes(terms.places, content, terms.relay_rounds)
