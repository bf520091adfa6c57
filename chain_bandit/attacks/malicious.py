"""A seat under an attack: the honest machine, with the attack at its verbs."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from chain_bandit.actors.messages import Message, Send, is_sound
from chain_bandit.actors.participant import Participant
from chain_bandit.actors.seat import Seat
from chain_bandit.actors.validator import Validator
from chain_bandit.attacks.attack import Attack, View
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.blocks import seats
from chain_bandit.protocol.digests import uints
from chain_bandit.protocol.errors import ChainBanditError, Stopped
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.settlement import Conduct, Pull
from chain_bandit.protocol.units import Counts, Means


class AttackFailed(ChainBanditError):
    """An attack plug-in raised: the scenario cannot be played."""

    exit_code = 3

    def __init__(self, attack: str, seat: int, round_: int, error: BaseException) -> None:
        super().__init__(f"attack {attack} of seat {seat} raised {type(error).__name__} in round {round_}: {error}")
        self.attack, self.seat, self.round, self.error = attack, seat, round_, error


@contextmanager
def named(attack: Attack, seat: int, round_: int) -> Iterator[None]:
    """A plug-in may raise anything; the user is told which one did. Raises `AttackFailed`."""
    try:
        yield
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:
        raise AttackFailed(attack.name, seat, round_, error) from error


def carried(given: Iterable[int], size: int) -> tuple[int, ...]:
    """The integers that a message carries, whatever type they had; raises for what none does."""
    values = tuple(given)
    uints(values, size)
    return tuple(map(int, values))


class Combined(Attack):
    """Several attacks at one seat, each applied to what the one before it left."""

    def __init__(self, attacks: Sequence[Attack]) -> None:
        self.attacks = tuple(attacks)
        self.name = " + ".join(attack.name for attack in self.attacks)
        self.conduct = Conduct.HONEST
        self.rushes = any(attack.rushes for attack in self.attacks)
        for attack in self.attacks:
            self.conduct |= attack.conduct

    def arm(self, view: View, honest: int) -> int | None:
        """One change after the other, until somebody refuses to pull."""
        arm: int | None = honest
        for attack in self.attacks:
            arm = None if arm is None else attack.arm(view, arm)
        return arm

    def means(self, view: View, honest: Means) -> Means:
        """One lie on top of the other."""
        for attack in self.attacks:
            honest = attack.means(view, honest)
        return honest

    def counts(self, view: View, honest: Counts) -> Counts:
        """One lie on top of the other."""
        for attack in self.attacks:
            honest = attack.counts(view, honest)
        return honest

    def record(self, view: View, honest: Pull) -> Pull:
        """One lie on top of the other."""
        for attack in self.attacks:
            honest = attack.record(view, honest)
        return honest

    def reveals(self, view: View) -> bool:
        """Unless one of them keeps the key."""
        return all(attack.reveals(view) for attack in self.attacks)

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """One change after the other."""
        for attack in self.attacks:
            sends = attack.outbox(view, sends)
        return sends


class MaliciousParticipant(Participant):
    """A participant whose estimators, counts, arms, sealed records and sealing key pass through an attack."""

    attack: Attack
    view: View

    def arm(self, ledger: Ledger) -> int | None:
        """The attack's arm."""
        honest = super().arm(ledger)
        arm = None if honest is None else self.attack.arm(self.view, honest)
        return None if arm is None else carried((arm,), 1)[0]

    def means(self, ledger: Ledger) -> Means:
        """The attack's estimators."""
        return carried(self.attack.means(self.view, super().means(ledger)), 4)

    def committed_counts(self, ledger: Ledger) -> Counts:
        """The attack's counts."""
        return carried(self.attack.counts(self.view, super().committed_counts(ledger)), 4)

    def record(self, ledger: Ledger) -> Pull:
        """The attack's record."""
        return self.attack.record(self.view, super().record(ledger))

    def reveals(self) -> bool:
        """As the attack has it."""
        return self.attack.reveals(self.view)


class MaliciousSeat(Seat):
    """A seat whose every outgoing message passes through an attack."""

    def __init__(
        self, participant: MaliciousParticipant, validator: Validator, verifier: Verifier, attack: Attack, view: View
    ) -> None:
        super().__init__(participant, validator, verifier)
        self.attack, self.view = attack, view
        participant.attack, participant.view, view.validator = attack, view, validator

    def begin(self, ledger: Ledger) -> None:
        """Open the next round; the last block's reports are public by now."""
        view = self.view
        if ledger.round == view.round + 1 and self.validator.block is not None:
            header, _, _ = self.validator.block
            view.reported = {p: self.validator.agreed[p].report.means for p in seats(header.reporters)}
            view.reported_pulls = view.ledger.pulls
        view.ledger, view.step = ledger, 0
        super().begin(ledger)

    def on_tick(self, step: int) -> list[Send]:
        """What the attack makes of the honest messages of the step."""
        self.view.step = step
        with self._named():
            sends = self.attack.outbox(self.view, super().on_tick(step))
            return [send for send in sends if is_sound(send)]  # no wire carries anything else

    def on_message(self, sender: int, message: Message) -> list[Send]:
        """The honest answer: a pull, whose arm the attack decides."""
        with self._named():
            return super().on_message(sender, message)

    def revealed(self) -> bytes | None:
        """The key, if the attack publishes it."""
        with self._named():
            return super().revealed()

    def _named(self) -> AbstractContextManager[None]:
        return named(self.attack, self.number, self.ledger.round)
