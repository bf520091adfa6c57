"""Schedule: acts of the adversary and faults of the network, each of which can be left out.

A seed draws a list of acts; nothing else distinguishes one schedule of a size from another, but in which order messages
arrive within their time. So a schedule that goes wrong is made smaller by dropping acts (`schedules.shrink`).
"""

from dataclasses import dataclass
from enum import StrEnum

from chain_bandit.actors.messages import Schedule as Steps
from chain_bandit.protocol.assumptions import header_relays, relay_rounds
from chain_bandit.protocol.messages import Phase
from verification.virtual_network import STEP

SKEW = 3 * STEP // 10
"""Moments by which clocks may differ while all is in time: a message then takes less than STEP - SKEW."""


class SignatureChain(StrEnum):
    """How a claim is dressed: with which signatures, and in whose name."""

    BARE = "no relay"
    COLLUDERS = "every corrupt seat"
    POOLED = "every corrupt seat and every relay that was overheard"
    BORROWED = "relays that were overheard of the same content in other instances, or under another signature"
    REPEATED_SIGNER = "one corrupt seat over and over"
    REPEATED_COMMANDER = "the commander relays too"
    HEADLESS = "the commander's signature is somebody else's"
    FOREIGN = "honest seats, in a corrupt seat's hand"
    UNKNOWN_SEAT = "seats that are none"
    ELSEWHERE = "what the seats signed in another round, after another parent, in another game"
    OTHER_INSTANCE = "in another seat's name"
    OTHER_PHASE = "a report as a header, a header as a report"
    VOTED = "a block signature as a commander's"
    JUNK_RELAY = "signatures that are none"
    WRONG_SIZE = "a byte too long"


@dataclass(frozen=True, slots=True)
class Release:
    """A corrupt commander's value goes to some.

    Attributes:
        content: 0 is what an honest seat would send; in phase BLOCK the digest that the honest sent.
        choice: which of its possible signatures the commander makes.
    """

    round: int
    step: int
    phase: Phase
    seat: int
    victims: tuple[int, ...]
    content: int
    choice: int
    chain: SignatureChain


@dataclass(frozen=True, slots=True)
class Reuse:
    """A value that was overheard goes to some, in new clothes.

    Attributes:
        pick: which, of all that were overheard in the phase.
    """

    round: int
    step: int
    phase: Phase
    victims: tuple[int, ...]
    pick: int
    chain: SignatureChain


class Face(StrEnum):
    """Content of a corrupt seat's echo."""

    HONEST = "what an honest seat that has heard everything would"
    NOTHING = "that it holds nothing"
    EVERYTHING = "that it holds one value of everybody, under tags that are none"
    SEVERAL = "that it holds two contents of everybody"
    COPIED = "what an honest seat said, word for word"
    SWAPPED = "an honest seat's masks and another's tags"
    UNTAGGED = "masks without tags"
    HIGH = "a bit that is no seat's"
    TWOFOLD = "one value and two of the same commander"
    ELSEWHERE = "an echo of another round"


@dataclass(frozen=True, slots=True)
class Echoing:
    """A corrupt seat's echo goes to some."""

    round: int
    step: int
    seat: int
    victims: tuple[int, ...]
    face: Face


class Seal(StrEnum):
    """How a certified vector is dressed."""

    BARE = "a vector that no one relayed"
    COLLUDERS = "a vector, relayed by every corrupt seat"
    POOLED = "a vector with every relay that was overheard"
    SHORT = "a vector that a signature is missing of"
    REPEATED_SIGNER = "a vector that one corrupt seat signed for all"
    REPEATED_RELAY = "a vector that one corrupt seat relayed over and over"
    FOREIGN = "a vector that honest seats relayed, in a corrupt seat's hand"
    VALUELESS = "a vector without values"
    OTHER_VALUE = "a vector with another value of a corrupt commander"
    UNSIGNED_VALUE = "a vector with a value that its commander never signed"
    ELSEWHERE = "a vector signed in another round, after another parent, in another game"
    HIGH = "a vector of a seat that is none"
    FLAG = "the word that one holds a vector"


@dataclass(frozen=True, slots=True)
class Vectoring:
    """A certified vector goes to some.

    Attributes:
        pick: of which honest seat's echo.
    """

    round: int
    step: int
    seat: int
    victims: tuple[int, ...]
    pick: int
    seal: Seal


class Hand(StrEnum):
    """Whose signature a vote bears."""

    OWN = "its seat's"
    FOREIGN = "another's"
    ELSEWHERE = "of another round, parent or game"
    UNKNOWN_SEAT = "of no seat"


@dataclass(frozen=True, slots=True)
class Ballot:
    """A vote of a seat, corrupt unless it is forged, goes to some.

    Attributes:
        content: 0 the honest block, 1 "no block", 2 and more anything else.
    """

    round: int
    step: int
    seat: int
    victims: tuple[int, ...]
    content: int
    hand: Hand


class Forgery(StrEnum):
    """What is wrong with a certificate that the adversary hands in."""

    ALL_KNOWN = "nothing, if the votes that were overheard and the corrupt make a quorum"
    SHORT = "a signature is missing"
    REPEATED = "one signature stands for all"
    OUTSIDER = "it names a seat that is none"
    ELSEWHERE = "it was signed in another round, after another parent, in another game"
    OTHER_BODY = "its body is another"


@dataclass(frozen=True, slots=True)
class Certify:
    """A certificate, of the honest block (0) or of "no block" (1), goes to the relayer that records it."""

    round: int
    step: int
    content: int
    forgery: Forgery


@dataclass(frozen=True, slots=True)
class Whisper:
    """An answer of the comparison that is none: other bits for some."""

    round: int
    step: int
    victims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Twins:
    """The seat's machine runs twice under one key, either for its own half of the others.

    Attributes:
        since: 0, or the step in which the first is killed and the second, which remembers nothing, begins.
    """

    round: int
    seat: int
    half: tuple[int, ...]
    since: int


@dataclass(frozen=True, slots=True)
class Corruption:
    """An honest seat falls to the adversary, after what it sends in the step."""

    round: int
    step: int
    seat: int


@dataclass(frozen=True, slots=True)
class Crash:
    """An honest seat dies while it sends, reaching some; it restarts in the next round, having forgotten this one."""

    round: int
    step: int
    seat: int
    reached: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Skewed:
    """A clock that goes after the others by so many moments, more than SKEW being no longer synchronous.

    The adversary's is that of the seat after the last, SKEW behind where no act says otherwise. The clock of nodes is
    the chain: their view of it is so far behind.
    """

    seat: int
    by: int


@dataclass(frozen=True, slots=True)
class LinkFault:
    """What happens on one link to what is sent in one step.

    Attributes:
        delays: in moments, one for each copy that arrives.
    """

    round: int
    step: int
    sender: int
    to: int
    delays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """A partition: for some steps nothing passes between the group and the rest."""

    round: int
    step: int
    steps: int
    group: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Flood:
    """So many claims that are worth nothing, in one frame."""

    round: int
    step: int
    phase: Phase
    victims: tuple[int, ...]
    amount: int


# What only nodes meet (`verification/schedules/nodes.py`).


@dataclass(frozen=True, slots=True)
class Timed:
    """When a corrupt seat's envelope of a step reaches some; by default at once, when all honest are in the step.

    Attributes:
        anchor, offset: so many moments from that honest seat's deadline of the step on; None: never.
    """

    round: int
    step: int
    seat: int
    victims: tuple[int, ...]
    anchor: int
    offset: int | None


@dataclass(frozen=True, slots=True)
class Informed:
    """A corrupt seat's envelope of a step goes to its victim once all others are a step further.

    It has what the seat sends there too, and so what follows from messages that the victim has not received.
    """

    round: int
    step: int
    seat: int
    victim: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """A corrupt seat declares to some that it is in the next round already."""

    round: int
    step: int
    seat: int
    victims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """The relayer is an ally: how long it keeps a certificate, and whether it would rather record "no block"."""

    round: int
    after: int
    skips: bool


@dataclass(frozen=True, slots=True)
class Carried:
    """Between honest seats messages take so many moments at most; to and from some the longest that is in time."""

    most: int
    slow: tuple[int, ...]


Act = (
    Release | Reuse | Echoing | Vectoring | Ballot | Certify | Whisper | Twins | Corruption | Crash | Skewed | LinkFault
    | Cut | Flood | Timed | Informed | Ahead | Recording | Carried
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GameSize:
    """How large a schedule is.

    Attributes:
        validators: n; all of them command.
        drawn: whether they do so because all of them were drawn, as they nearly always are here: then headers are
            relayed, which they are not where all command by the rules and m < n/2.
        attackers: m, and so many relay rounds.
        quorum: "majority" or "two-thirds".
        certified: whether certified vectors end the broadcast of reports.
    """

    validators: int
    attackers: int
    quorum: str = "two-thirds"
    drawn: bool = False
    certified: bool = False

    @property
    def steps(self) -> Steps:
        """Of a round."""
        relays = header_relays(self.validators, self.attackers, self.drawn)
        return Steps(relay_rounds(self.attackers), relays, self.certified)

    def last(self, phase: Phase) -> int:
        """The step of a phase, counted from its first, in which its last message arrives."""
        return self.steps.last_report if phase is Phase.REPORT else max(self.steps.header_relays, 1)


@dataclass(frozen=True, slots=True)
class FaultSchedule:
    """One to three rounds, wholly determined.

    Attributes:
        corrupt: from the beginning, colluding and rushing; more may fall.
        order: what the delays within the promised time are drawn from.
    """

    size: GameSize
    corrupt: tuple[int, ...]
    rounds: int
    order: int
    acts: tuple[Act, ...]

    def is_calm(self, round_: int) -> bool:
        """Whether every message of the round arrives within Delta, and every clock is within SKEW."""
        return not any(_breaks_synchrony(act, round_) for act in self.acts)


def _breaks_synchrony(act: Act, round_: int) -> bool:
    match act:
        case Skewed(by=by):
            return by > SKEW
        case LinkFault():
            return act.round == round_ and (not act.delays or min(act.delays) >= STEP - SKEW)
        case Cut():
            return act.round == round_
    return False
