"""Lies of the engine, the contract, the environment, validators and participants, each in a history otherwise valid.

Who lies signs with its own key: a game is played wrong where the contract lets that pass. What the contract would
refuse is forged: every transaction is signed again by its sender, every root and parent made to fit.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from eth_abi import encode

from chain_bandit.chain_history.records import METHODS, decode_arguments
from chain_bandit.protocol.blocks import Header, SignedReport, mask
from chain_bandit.protocol.creation import decode as creation
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import Phase, Role, statement_content
from chain_bandit.protocol.parameters import FIELDS, Parameters
from chain_bandit.protocol.settlement import PULL_BYTES
from chain_bandit.protocol.submission import Submitted, decode
from chain_bandit.protocol.submission import encode as submission
from chain_bandit.protocol.units import UNIT
from tests.rules import rule
from tests.unit.audit.forging import Forgery, signed_with
from tests.unit.audit.played_game import (
    COMMITTEES,
    COMPACT,
    DRAWS,
    LATE,
    LIAR,
    PARAMETERS,
    PHASES,
    SEALED,
    SKIPPED,
    WEIGHTS,
    K,
    L,
    M,
    Played,
    Script,
    T,
    lie,
    with_header,
)

ROUND = 10
COSTLY = 7
"""A round in which the liar's report is in force."""
CHEAP = 5
"""One in which nobody lied yet."""
RECORD = ROUND - L
"""Which record, and which `Recorded` event, is that of `ROUND`."""
SUBMITTED = RECORD
"""Which `submitBlocks` it is: every round before it was a block."""
NONCE = 12345
LISTED_FROM = 24
"""Evidence in round 20, of a game in which three blocks may wait."""


class By(StrEnum):
    ENGINE = "engine"
    CONTRACT = "contract"
    ENVIRONMENT = "environment"
    VALIDATORS = "validators"
    PARTICIPANT = "participant"


@dataclass(frozen=True)
class Lie:
    """What is told, and what an audit must say to it.

    Attributes:
        fails: the checks that fail, and no other; the one that it is planted for first.
        finds: kinds of findings that the honest game does not have.
        rounds: of the violations of the first check, None outside rounds; of what is forged, one of them. Empty: any.
        of: the fixture of the game that is forged; empty where `script` is played.
    """

    by: By
    fails: tuple[str, ...]
    rounds: tuple[int | None, ...]
    script: Callable[[], Played] | None = None
    of: str = ""
    forge: Callable[[Forgery], None] = lambda forgery: None
    finds: frozenset[str] = frozenset()


def played(
    by: By, check: str, script: Script, *also: str, at: int | tuple[int, ...] | None = ROUND,
    finds: tuple[str, ...] = (),
) -> Lie:  # fmt: skip
    rounds = at if isinstance(at, tuple) else (at,)
    return Lie(by, (check, *also) if check else (), rounds, partial(Played, script), finds=frozenset(finds))


def forged(
    by: By, check: str, of: str, at: int | None, forge: Callable[[Forgery], None], *also: str,
    finds: tuple[str, ...] = (),
) -> Lie:  # fmt: skip
    return Lie(by, (check, *also), (at,), of=of, forge=forge, finds=frozenset(finds))


def at(seat: int, changed: Callable[..., object], otherwise: Callable[..., object] = lambda v, *_: v):
    return lambda value, seat_, t, *_: changed(value) if (seat_, t) == (seat, ROUND) else otherwise(value, seat_, t)


def in_round(changed: Callable[..., object]) -> Callable[..., object]:
    return lambda value, t, *_: changed(value) if t == ROUND else value


def wider_b(header: object, t: int, means: dict[int, tuple[int, ...]]) -> object:
    return replace(header, selected=(mask(range(M)),) * K) if t == ROUND else header  # type: ignore[type-var]


def named(change: Callable[[Header, int], Header]) -> Callable[[Header, int], Header]:
    """The quorum signs another header in one round; its commanders validate, else the contract refuses it."""

    def changed(header: Header, t: int) -> Header:
        other = change(header, t)
        return replace(other, commanders=other.commanders & other.committee) if t == ROUND else header

    return changed


def others_proof(proof: bytes, seat: int, t: int, game: Played) -> bytes:
    return game.prove(1, t) if (seat, t) == (0, ROUND) else proof


def old_proof(proof: bytes, seat: int, t: int, game: Played) -> bytes:
    return game.prove(0, t - 1) if (seat, t) == (0, ROUND) else proof


def no_proof(proof: bytes, seat: int, t: int, game: Played) -> bytes:
    return bytes(len(proof)) if (seat, t) == (0, ROUND) else proof


WITH_0 = named(lambda header, t: replace(header, committee=header.committee | 1))


class Forgetful(Played):
    """The quorum draws everybody with weight 1, whatever was registered."""

    def _open(self) -> None:
        super()._open()
        self.ledger = replace(self.ledger, weights=(1,) * M)


class Careless(Played):
    """A seat signs two reports with one nonce."""

    def _report(self, seat: int, t: int) -> SignedReport:
        made = super()._report(seat, t)
        if seat != 1 or t not in (ROUND, ROUND + 1):
            return made
        content = statement_content(Phase.REPORT, made.content)
        digest = self.slot.digest(Phase.REPORT, Role.COMMANDER, seat, content)
        return replace(made, signature=signed_with(NONCE, self.signers[seat], digest))


def rewrite(method: str, **changes: Callable[[bytes], object]) -> Callable[[bytes], bytes]:
    """A change of calldata: arguments by position, as `_0`, `_1` ..."""

    def change(data: bytes) -> bytes:
        arguments = list(decode_arguments(METHODS[method], data[4:]))
        for name, changed in changes.items():
            arguments[int(name[1:])] = changed(arguments[int(name[1:])])
        if method == "settleCosts":
            arguments = [[(e.parent, e.kind, e.costly, e.header) for e in arguments[0]]]
        return data[:4] + encode(METHODS[method], arguments)

    return change


def resubmit(
    parameters: Parameters, index: int = -1, **changes: Callable[[object], object]
) -> Callable[[bytes], bytes]:
    """A change of one block of a submission, by default the last, field by field."""

    def change(data: bytes) -> bytes:
        blocks = list(decode(parameters, data[4:]))
        old: Submitted = blocks[index]
        blocks[index] = replace(old, **{name: new(getattr(old, name)) for name, new in changes.items()})
        return data[:4] + submission(parameters, blocks)

    return change


def flip(where: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:where] + bytes([data[where] ^ 1]) + data[where + 1 :]


def parameter(**changed: int) -> Callable[[bytes], bytes]:
    """A change of parameters in a creation's data."""

    def change(data: bytes) -> bytes:
        start = len(creation(data).code)
        for name, value in changed.items():
            at = start + 32 * list(FIELDS).index(name)
            data = data[:at] + value.to_bytes(32, "big") + data[at + 32 :]
        return data

    return change


def declare(old: str, new: str) -> Callable[[bytes], bytes]:
    """A change of the declaration of rules in a creation's data, and of its digest."""

    def change(data: bytes) -> bytes:
        said = creation(data)
        text = said.declaration.replace(old.encode(), new.encode())
        at = len(said.code) + 32 * (len(FIELDS) + 3)
        end = len(text).to_bytes(32, "big") + text + bytes(-len(text) % 32)
        return parameter(rules=int.from_bytes(keccak(text)))(data)[:at] + end

    return change


def word(where: int, value: int) -> Callable[[bytes], bytes]:
    """A change of the word at an index, counted from the end when negative."""

    def change(data: bytes) -> bytes:
        start = 32 * where if where >= 0 else len(data) + 32 * where
        return data[:start] + value.to_bytes(32, "big") + data[start + 32 :]

    return change


def more(wei: int) -> Callable[[bytes], bytes]:
    """A change of the amount of a withdrawal."""
    return lambda data: word(1, int.from_bytes(data[32:64], "big") + wei)(data)


def paid(data: bytes) -> bytes:
    """The last settlement, in whose last round the liar is paid."""
    through, pulls = decode_arguments(METHODS["settleRewards"], data[4:])
    where = len(pulls) - PULL_BYTES * (M - LIAR)
    return data[:4] + encode(METHODS["settleRewards"], [through, pulls[:where] + b"\0" + pulls[where + 1 :]])


def reported(data: bytes) -> bytes:
    """The last submission, whose last block has the blocked liar among its reporters."""
    *others, last = decode(COMMITTEES, data[4:])
    size = (len(last.body) - 4 * K) // 3
    changed = replace(
        last, decided=bytes([last.decided[0] | 1 << LIAR]) + last.decided[1:], body=last.body + last.body[-size:]
    )
    return data[:4] + submission(COMMITTEES, [*others, changed])


def weighing(weight: int) -> Callable[[bytes], bytes]:
    """A joining that registers another weight."""
    return rewrite("join", _0=lambda keys: keys[:-2] + weight.to_bytes(2, "big"))


def weightless(forgery: Forgery) -> None:
    """Seat 2 weighs nothing, and deposits as much."""
    forgery.call("join", 2, weighing(0))
    forgery.value(forgery.block_of("join", 2), 0)


def second_proof(forgery: Forgery) -> None:
    """The same proof is taken once more."""
    where = forgery.block_of("reportEquivocation", 0)
    forgery.wait(where + 1, 1)
    forgery.copy(where, where + 1)


def after_the_window(forgery: Forgery) -> None:
    """Costs are settled when the time for it is over."""
    where = forgery.block_of("settleCosts", -1)
    forgery.wait(where, PARAMETERS.settlement_window - (where - forgery.block_of("submitBlocks", -1)) + 1)


def twice(forgery: Forgery) -> None:
    """Seat 0 withdraws, and again in the place of seat 1."""
    forgery.copy(forgery.block_of("withdraw", 0), forgery.block_of("withdraw", 1))


BLAMED = ("certified a false block",)
COMPUTED = ("aggregate.means", "aggregate.accuracy")
"""What the contract computes of a full game: its head is over it."""
UNPAID = ("money.close", "money.conservation", "money.balances")
"""What follows where a settlement counts for nothing."""
ANOTHER_BLOCK = ("certificate.signatures", "record.links", *COMPUTED, "costs.records")
"""What follows where a block is another than was signed and recorded."""
ANOTHER_GAME = (
    "game.genesis", "report.signature", "honest.report", "aggregate.selected", "counts.commitment",
    *ANOTHER_BLOCK, "settlement.rewards", "reveal.cost", "costs.case", *UNPAID,
)
"""What follows where all that was signed is of another game."""
LIES: dict[str, Lie] = {
    # What a quorum of validators signs, and the contract records.
    "another arm in a header": played(
        By.VALIDATORS, "header.arm", Script(header=with_header(ROUND, arm=lambda arm: 1 - arm)), finds=BLAMED
    ),
    "bits of a seat without a report": played(
        By.VALIDATORS, "header.form", Script(
            header=with_header(ROUND, candidates=lambda rows: (rows[0] | 1, rows[1] | 1)),
            reporters=lambda t: (1, 2, 3) if t == ROUND else (0, 1, 2, 3),
        ), finds=BLAMED,
    ),
    "seats that do not exist in B": played(
        By.VALIDATORS, "header.form", Script(
            parameters=COMPACT, header=with_header(ROUND, selected=lambda rows: (rows[0] | 1 << M, rows[1])),
        ), "aggregate.selected", "aggregate.means", finds=BLAMED,
    ),
    "another B": played(By.VALIDATORS, "aggregate.selected", Script(header=wider_b), finds=BLAMED),
    "B by another option": played(
        By.VALIDATORS, "aggregate.selected", Script(
            reporters=lambda t: (0, LIAR) if t == ROUND else (0, 1, 2, 3),
            option=in_round(lambda own: rule("option-2")),
        ), finds=BLAMED,
    ),
    "another global estimator": played(
        By.VALIDATORS, "aggregate.means", Script(
            parameters=COMPACT, header=with_header(ROUND, means=lambda means: (means[0], means[1] + 1))
        ), finds=BLAMED,
    ),
    "another accuracy": played(
        By.VALIDATORS, "aggregate.accuracy", Script(
            parameters=COMPACT, header=with_header(ROUND, accuracies=lambda lanes: (lanes[0] - 1, *lanes[1:]))
        ), finds=BLAMED,
    ),
    "a body that is none": played(
        By.VALIDATORS, "header.body", Script(
            parameters=COMPACT, header=with_header(ROUND, body=keccak(b"no body")),
            body=in_round(lambda body: b"no body"),
        ), finds=BLAMED,
    ),
    "another radius": played(
        By.VALIDATORS, "header.radii", Script(radii=in_round(lambda radii: (radii[0], radii[1] + 1))), finds=BLAMED
    ),
    "another comparison bit": played(
        By.VALIDATORS, "counts.bits", Script(bits=in_round(lambda bits: {**bits, 1: (bits[1][0], False)}))
    ),
    "more blocks waiting than may": played(
        By.VALIDATORS, "record.waiting", Script(
            batch=3, kind=lambda t: "block", reporters=lambda t: (0, 1, 2, 3), last=ROUND + 2, finish="running"
        ), at=(L, L + 3, ROUND),
    ),
    "a committee that was not drawn": played(
        By.VALIDATORS, "draw.committee", Script(
            parameters=DRAWS, successors=named(lambda header, t: replace(header, committee=header.committee ^ 8))
        ), finds=BLAMED,
    ),
    "commanders that were not drawn": played(
        By.VALIDATORS, "draw.commanders", Script(
            parameters=DRAWS,
            successors=named(lambda header, t: replace(header, commanders=header.commanders ^ header.committee)),
        ), finds=BLAMED,
    ),
    "a validator by an old proof": played(
        By.VALIDATORS, "draw.proof", Script(parameters=DRAWS, proof=old_proof, successors=WITH_0), "draw.committee",
        finds=(*BLAMED, "false proof"),
    ),
    "a validator by another's proof": played(
        By.VALIDATORS, "draw.proof", Script(parameters=DRAWS, proof=others_proof, successors=WITH_0), "draw.committee",
        finds=(*BLAMED, "false proof"),
    ),
    "a validator without a proof": played(
        By.VALIDATORS, "draw.proof", Script(parameters=DRAWS, proof=no_proof, successors=WITH_0), "draw.committee",
        finds=BLAMED,
    ),
    "draws by other weights": Lie(
        By.VALIDATORS, ("draw.committee", "draw.proof", "draw.commanders"), (),
        partial(Forgetful, Script(parameters=DRAWS, weights=WEIGHTS)), finds=frozenset(BLAMED),
    ),
    "another length of a phase": played(
        By.VALIDATORS, "header.length",
        Script(parameters=PHASES, header=with_header(ROUND, length=lambda length: length + 1)), finds=BLAMED,
    ),
    "another arm of a phase": played(
        By.VALIDATORS, "header.arm", Script(parameters=PHASES, header=with_header(ROUND, arm=lambda arm: 1 - arm)),
        finds=BLAMED,
    ),
    # What a participant signs.
    "a signature that is none": played(
        By.PARTICIPANT, "report.signature",
        Script(report_signature=at(1, lambda made: made[:5] + bytes([made[5] ^ 1]) + made[6:])), finds=BLAMED,
    ),
    "an estimator above 1": played(
        By.PARTICIPANT, "report.range",
        Script(parameters=COMPACT, means=at(LIAR, lambda means: (UNIT + 1, means[1]), lie)), finds=BLAMED,
    ),
    "another arm by an honest label": played(By.PARTICIPANT, "honest.arm", Script(pull=at(1, lambda arm: 1 - arm))),
    "other means by an honest label": played(
        By.PARTICIPANT, "honest.report", Script(means=at(1, lambda means: (means[0] ^ 1, means[1]), lie))
    ),
    "other counts by an honest label": played(
        By.PARTICIPANT, "counts.commitment", Script(counts=at(1, lambda counts: (counts[0] + 1, counts[1])))
    ),
    "another record by an honest label": played(
        By.PARTICIPANT, "seal.records",
        Script(parameters=SEALED, record=at(1, lambda pull: replace(pull, reward=pull.reward ^ 1))),
    ),
    "means that a liar did not see": played(By.PARTICIPANT, "", Script(means=lie)),
    "counts that a liar does not have": played(
        By.PARTICIPANT, "", Script(counts=at(LIAR, lambda counts: (counts[0] + 1, counts[1]))),
        finds=("false count commitment", "trusted bits"),
    ),
    "an arm that a liar did not pull": played(
        By.PARTICIPANT, "", Script(parameters=SEALED, record=at(LIAR, lambda pull: replace(pull, arm=1 - pull.arm))),
        finds=("false sealed arm",),
    ),
    "a reward that a liar did not get": played(
        By.PARTICIPANT, "", Script(parameters=SEALED, record=at(LIAR, lambda pull: replace(pull, reward=7))),
        finds=("false sealed reward",),
    ),
    "a record under another key": played(
        By.PARTICIPANT, "", Script(parameters=SEALED, seal_key=at(LIAR, keccak)),
        finds=("sealed record does not open",),
    ),
    "a proof of a draw that is none": played(
        By.PARTICIPANT, "", Script(parameters=DRAWS, proof=old_proof), finds=("false proof",)
    ),
    "two contents in one slot": played(
        By.PARTICIPANT, "", Script(accused={20: LIAR}, roles=bytes((0, 0, 0, 3))), finds=("equivocated",)
    ),
    "two reports with one nonce": Lie(
        By.PARTICIPANT, (), (), partial(Careless, Script()), finds=frozenset({"key given away"})
    ),
    "another arm in a phase by an honest label": played(
        By.PARTICIPANT, "honest.arm", Script(parameters=PHASES, pull=at(1, lambda arm: 1 - arm))
    ),
    # What the environment settles.
    "fewer pulls than a phase has": played(
        By.ENVIRONMENT, "settlement.form", Script(parameters=PHASES, often=at(1, lambda length: length - 1))
    ),
    "more pulls than a phase has": played(
        By.ENVIRONMENT, "settlement.form", Script(parameters=PHASES, often=at(1, lambda length: length + 1))
    ),
    "a reward too much in a phase": played(
        By.ENVIRONMENT, "settlement.rewards", Script(parameters=PHASES, draw=lambda paid, t, seat, arm: (
            paid + (1 if paid == 0 else -1) * ((seat, t) == (1, ROUND))
        )),
    ),
    "a reward that was not drawn": played(
        By.ENVIRONMENT, "settlement.rewards",
        Script(draw=lambda paid, t, seat, arm: UNIT - paid if (seat, t) == (1, ROUND) else paid),
    ),
    "a forfeited reward": played(By.ENVIRONMENT, "", Script(pull=at(1, lambda arm: None)), finds=("forfeited",)),
    "a tag of no pull": played(
        By.ENVIRONMENT, "settlement.tags",
        Script(parameters=SEALED, tags=in_round(lambda tags: bytes(8) + tags[8:])),
    ),
    "another sum": played(
        By.ENVIRONMENT, "settlement.sums",
        Script(parameters=SEALED, sums=lambda sums: [sums[0], sums[1] + 1, *sums[2:]]), at=None,
    ),
    "no cost where there was a lie": played(
        By.ENVIRONMENT, "costs.case", Script(costly=lambda costly, t: costly and t != COSTLY), at=COSTLY
    ),
    "a cost where there was none": played(
        By.ENVIRONMENT, "costs.case", Script(costly=lambda costly, t: costly or t == CHEAP), at=CHEAP
    ),
    "a liar labelled honest": played(
        By.ENVIRONMENT, "honest.report", Script(roles=bytes(M)), at=(*range(6, SKIPPED), *range(LATE + 2, LATE + 16)),
    ),
    "another secret": forged(
        By.ENVIRONMENT, "reveal.commitment", "honest", None,
        lambda f: f.call("reveal", 0, rewrite("reveal", _0=flip(0))),
    ),
    "another salt": forged(
        By.ENVIRONMENT, "game.opening", "honest", None, lambda f: f.call("open", 0, rewrite("open", _0=flip(3))),
        *ANOTHER_GAME, finds=("false count commitment", "trusted bits"),
    ),
    "a settlement too short": forged(
        By.ENVIRONMENT, "settlement.form", "honest", None,
        lambda f: f.call("settleRewards", 0, rewrite("settleRewards", _1=lambda pulls: pulls[:-5])),
        "record.events", "honest.report", *UNPAID, finds=("false count commitment", "trusted bits"),
    ),
    "a pull of who is blocked": forged(
        By.ENVIRONMENT, "blocklist.silence", "full", T, lambda f: f.call("settleRewards", -1, paid),
        "settlement.rewards",
    ),
    "sums too short": forged(
        By.ENVIRONMENT, "settlement.form", "sealed", None,
        lambda f: f.call("settleSums", 0, lambda data: data[:4] + encode(["bytes"], [bytes(8 * M - 1)])), *UNPAID,
    ),
    "another record handed back": forged(
        By.ENVIRONMENT, "costs.records", "honest", ROUND,
        lambda f: f.call("settleCosts", 1, rewrite("settleCosts", _0=lambda entries: [
            replace(entry, kind=2) if index == 27 - 10 - 1 - RECORD else entry for index, entry in enumerate(entries)
        ])),
    ),
    "costs after the window": forged(By.ENVIRONMENT, "record.deadline", "honest", None, after_the_window),
    # What the contract cannot have done, had it been ours.
    "another contract's code": forged(By.CONTRACT, "game.code", "honest", None, lambda f: f.creation(flip(100))),
    "another implementation": forged(
        By.CONTRACT, "game.code", "honest", None,
        lambda f: f.creation(lambda data: flip(len(creation(data).code) - 1)(data)),
    ),
    "parameters beyond the theorem": forged(
        By.CONTRACT, "game.parameters", "honest", None, lambda f: f.creation(parameter(threshold=1))
    ),
    "parameters of a later version": forged(
        By.CONTRACT, "game.parameters", "honest", None, lambda f: f.creation(parameter(finders_fee=1))
    ),
    "another trust class": forged(
        By.CONTRACT, "game.parameters", "honest", None, lambda f: f.creation(parameter(attested=1))
    ),
    "rules outside of what they are for": forged(
        By.ENVIRONMENT, "game.parameters", "honest", None,
        lambda f: f.creation(declare('"option-1","options":{}', '"delta-safe","options":{"delta":0}')),
    ),
    "other rules than the declared ones": forged(
        By.CONTRACT, "game.parameters", "honest", None,
        lambda f: f.creation(lambda data: data.replace(b"option-1", b"option-2")),
    ),
    "a seat for other than its stake": forged(
        By.CONTRACT, "game.deposits", "honest", None, lambda f: f.value(2, 5), "money.conservation"
    ),
    "a key that another seat has": forged(
        By.CONTRACT, "game.keys", "drawn", None,
        lambda f: f.call("join", 2, rewrite("join", _0=lambda keys: f.arguments("join", 0)[0])),
        *ANOTHER_GAME, "draw.committee", "draw.commanders",
        finds=("false count commitment", "trusted bits", "false proof"),
    ),
    "a weight of nothing": forged(By.CONTRACT, "game.weights", "drawn", None, weightless),
    "another genesis": forged(By.CONTRACT, "game.genesis", "honest", None, lambda f: f.event("Opened", 0, flip(3))),
    "another round in an event": forged(
        By.CONTRACT, "record.events", "honest", ROUND, lambda f: f.event("Recorded", RECORD, word(0, 99))
    ),
    "another head": forged(
        By.CONTRACT, "record.links", "honest", ROUND, lambda f: f.event("Recorded", RECORD, flip(95)), *COMPUTED
    ),
    "another committee in an event": forged(
        By.CONTRACT, "record.events", "full", T,
        lambda f: f.event("RecordedWithCommittee", -1, lambda data: data[:-1] + bytes([data[-1] ^ 7])),
    ),
    "another kind of record": forged(
        By.CONTRACT, "aggregate.approval", "honest", ROUND, lambda f: f.event("Recorded", RECORD, word(1, 2)),
        "record.events",
    ),
    "no exploration after two failures": forged(
        By.CONTRACT, "record.exploration", "honest", LATE, lambda f: f.event("Recorded", LATE - L, lambda data: None),
        "record.events", "record.links",
    ),
    "a phase beyond the last pull": forged(
        By.CONTRACT, "header.length", "phases", ROUND, lambda f: f.call("submitBlocks", SUBMITTED, resubmit(
            PHASES, decided=lambda decided: decided[:-4] + (161).to_bytes(4, "big")
        )),
    ),
    "a settlement that leaves a phase for later": forged(
        By.CONTRACT, "settlement.form", "phases", None,
        lambda f: f.call("settleRewards", 0, rewrite("settleRewards", _0=lambda through: through - 1)),
        "record.events", *UNPAID,
    ),
    "a certificate below a quorum": forged(
        By.CONTRACT, "certificate.quorum", "honest", ROUND,
        lambda f: f.call("submitBlocks", SUBMITTED, resubmit(
            PARAMETERS, signers=lambda signers: 3, signatures=lambda made: made[:128]
        )),
    ),
    "a certificate of strangers": forged(
        By.CONTRACT, "certificate.members", "full", 6,
        lambda f: f.call("submitBlocks", 0, resubmit(
            COMMITTEES, signers=lambda mask: mask | 1 << M, signatures=lambda made: made + bytes(64)
        )),
    ),
    "a block that only the committee which it names signed for": forged(
        By.CONTRACT, "certificate.quorum", "full", L,
        lambda f: f.call("submitBlocks", 0, resubmit(
            COMMITTEES, 0, signers=lambda mask: 0, signatures=lambda made: b""
        )),
    ),
    "a certificate with a false signature": forged(
        By.CONTRACT, "certificate.signatures", "honest", ROUND,
        lambda f: f.call("submitBlocks", SUBMITTED, resubmit(PARAMETERS, signatures=flip(70))),
    ),
    "a batch under a false signature": forged(
        By.CONTRACT, "certificate.batch", "batched", 5,
        lambda f: f.call("submitBlocks", 0, resubmit(PARAMETERS, signatures=flip(70))), "certificate.signatures",
    ),
    "a committee that is not the best": forged(
        By.CONTRACT, "committee.best", "full", SKIPPED,
        lambda f: f.call("skip", 0, rewrite("skip", _0=lambda seats: seats >> 1)),
    ),
    "a committee after a skip that leaves somebody out": forged(
        By.CONTRACT, "draw.committee", "drawn", SKIPPED,
        lambda f: f.call("skip", 0, rewrite("skip", _0=lambda seats: seats ^ 8)),
    ),
    "a proof that proves nothing": forged(
        By.CONTRACT, "evidence.proof", "full", 20, lambda f: f.call("reportEquivocation", 0, flip(4 + 32 * 7))
    ),
    "a listing from another round": forged(
        By.CONTRACT, "evidence.listing", "full", 20, lambda f: f.event("Accused", 0, word(1, LISTED_FROM + 1))
    ),
    "a second proof against a seat": forged(By.CONTRACT, "evidence.listing", "full", 20, second_proof),
    "a report of who is blocked": forged(
        By.CONTRACT, "blocklist.silence", "full", T, lambda f: f.call("submitBlocks", -1, reported),
        "report.signature", *ANOTHER_BLOCK, finds=("false count commitment", "trusted bits", "bits of other counts"),
    ),
    "another hidden cost": forged(
        By.CONTRACT, "reveal.cost", "honest", None, lambda f: f.event("Revealed", 0, word(0, 5))
    ),
    "a sealing key that was not registered": forged(
        By.CONTRACT, "seal.keys", "sealed", None,
        lambda f: f.call("revealSeal", 0, lambda data: data[:5] + bytes([data[5] ^ 1]) + data[6:]), "record.events",
    ),
    "sums in an event that were not credited": forged(
        By.CONTRACT, "record.events", "honest", None, lambda f: f.event("RewardsSettled", 2, flip(96 + 7))
    ),
    "sums in an event that were not paid": forged(
        By.CONTRACT, "record.events", "sealed", None, lambda f: f.event("RewardsSettled", -1, flip(96 + 7))
    ),
    "more burned than costs brought": forged(
        By.CONTRACT, "money.close", "honest", None, lambda f: f.event("Closed", 0, word(1, 1)), "money.conservation"
    ),
    "a wei less to an account": forged(
        By.CONTRACT, "money.balances", "honest", None, lambda f: f.event("Withdrawn", 0, more(-1))
    ),
    "a wei more to an account": forged(
        By.CONTRACT, "money.conservation", "honest", None, lambda f: f.event("Withdrawn", 0, more(1)),
        "money.balances",
    ),
    "an account paid twice": forged(
        By.CONTRACT, "money.balances", "honest", None, twice, "money.conservation"
    ),
    # What an engine brings that a contract must not take.
    "a report changed on its way": forged(
        By.ENGINE, "report.signature", "honest", ROUND,
        lambda f: f.call("submitBlocks", SUBMITTED, resubmit(PARAMETERS, body=flip(60))), *ANOTHER_BLOCK,
    ),
    "a block without a signature": forged(
        By.ENGINE, "header.form", "honest", ROUND,
        lambda f: f.call("submitBlocks", SUBMITTED, resubmit(PARAMETERS, signers=lambda signers: 0)),
    ),
    "a skip before its deadline": forged(
        By.ENGINE, "record.deadline", "honest", SKIPPED,
        lambda f: f.call("skip", 0, lambda data: keccak(b"skipAfterDeadline(uint256)")[:4] + bytes(32)),
    ),
    "a skip in the deadline's block": forged(
        By.ENGINE, "record.deadline", "honest", LATE, lambda f: f.wait(f.block_of("skipAfterDeadline", 0), -1)
    ),
    "another's withdrawal": forged(
        By.ENGINE, "record.events", "honest", None,
        lambda f: f.sender("withdraw", 0, f.who("join", 1)),
    ),
    "a settlement by a participant": forged(
        By.ENGINE, "settlement.form", "honest", None,
        lambda f: f.sender("settleRewards", 1, f.who("join", 1)),
    ),
}  # fmt: skip

OF_PHASES = {"header.length"}
"""Checks of games with phases alone."""
OF_OTHERS_RULES = {"aggregate.state", "committee.chosen"}
"""Checks of which games by shipped rules have none: test_vouched.py plants lies under them."""
OF_PROVABLE_GAMES = {"report.named", "settlement.tallies"}
"""Checks of games in which reports name rounds: tests/integration/test_false_reports.py plants lies under them."""
