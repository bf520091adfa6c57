"""Stage of schedules of one size: seats, comparison and relayer, as a live game has them."""

from dataclasses import replace

from chain_bandit.actors.comparer import Comparer
from chain_bandit.actors.participant import Participant
from chain_bandit.actors.relayer import Relayer
from chain_bandit.actors.rules import Rules
from chain_bandit.actors.seat import Seat
from chain_bandit.actors.validator import Validator
from chain_bandit.comparison.ideal import IdealComparison
from chain_bandit.comparison.interface import Opening
from chain_bandit.crypto.keys import derive
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.protocol.blocks import Header, Kind, Record, Report, approves
from chain_bandit.protocol.ledger import Ledger, after_record, opening, records_made
from chain_bandit.protocol.messages import Domain, Slot
from chain_bandit.protocol.parameters import ODDS
from chain_bandit.protocol.units import UNIT, Counts
from chain_bandit.scenario import Scenario
from verification.schedules.acts import GameSize
from verification.schedules.keyring import Book, IdealScribe, Scribe

PULLS = (6, 6)
"""What everybody has pulled before the first round of a schedule."""


class ScheduleStage:
    """The cast of every schedule of one size.

    Args:
        scribe: what signs; by default tokens in a book, see `schedules.keyring`.
    """

    def __init__(self, size: GameSize, scribe: type[Scribe] = IdealScribe) -> None:
        self.size, n = size, size.validators
        self.book = Book()
        self.signers = [scribe(derive(99, "participant", seat), self.book) for seat in range(n)]
        self.verifier = scribe.verifier(self.book)
        scenario = Scenario.model_validate({
            "name": "schedules", "participants": n, "rounds": 1000, "burn_in": 12, "liars": 0, "attackers": 0,
            "aggregation": "option-2", "quorum": size.quorum, "rewards": {"kind": "bernoulli", "means": [0.7, 0.4]},
        })  # fmt: skip
        liars = min(size.attackers, (n - 1) // 3)  # m itself may be more than any game may have: SM(m) does not mind
        commanders = ODDS - size.drawn
        parameters = replace(scenario.parameters, liars=liars, attackers=size.attackers, commanders=commanders)
        self._vrf_keys = [VrfKey(derive(99, "vrf", seat)) for seat in range(n)]
        self.rules = Rules(
            parameters, Domain(1, b"\1" * 20, b"\2" * 32), [signer.address for signer in self.signers], b"\3" * 20,
            b"\4" * 32, b"\5" * 32, [key.public_key if size.drawn else bytes(33) for key in self._vrf_keys],
            certified=size.certified,
        )  # fmt: skip
        self.ledger = replace(opening(parameters, self.rules.genesis, self.rules.seed_0), round=13, pulls=PULLS)
        self.seats = [self.seat(number, 0) for number in range(n)]
        self.comparer = Comparer(self.rules, IdealComparison(parameters.horizon))
        self.relayer = Relayer(self.rules, self.verifier)
        self._reports: dict[tuple[int, Counts, int, int], tuple[Report, Opening]] = {}

    def seat(self, number: int, content: int) -> Seat:
        """The honest machine of a seat, which reports the content of that number."""
        signer = self.signers[number]
        player = _Player(self, number, content)
        return Seat(player, Validator(self.rules, number, signer, self.verifier), self.verifier)

    def elsewhere(self, slot: Slot, which: int) -> Slot:
        """A slot in which the same keys sign too: of another round, after another parent, in another game."""
        match which % 3:
            case 0:
                return Slot(slot.separator, slot.round - 1, slot.parent)
            case 1:
                return Slot(slot.separator, slot.round, b"\6" * 32)
        return Slot(b"\7" * 32, slot.round, slot.parent)

    def report(self, ledger: Ledger, number: int, content: int) -> tuple[Report, Opening]:
        """What a seat may report: 0 the truth, any other number something else, a fourth of them unreadable."""
        key = (ledger.round, ledger.pulls, number, content)
        if key not in self._reports:
            player = self.seats[number].participant
            player.counts = ledger.pulls  # as the honest pull
            player.totals = tuple(pulls * UNIT * (7 - number % 3) // 10 for pulls in player.counts)
            report, opening_ = Participant.report(player, ledger)
            if content:
                shifted = UNIT * 2 if content % 4 == 3 else content
                report = replace(report, means=tuple(mean + shifted for mean in report.means))
            self._reports[key] = report, opening_
        return self._reports[key]

    def after(self, ledger: Ledger) -> Ledger:
        """The ledger of the next round: with the block that the relayer holds, or a skip."""
        parameters, block = self.rules.parameters, self.relayer.block
        record = Record(ledger.round, Kind.SKIP)
        if block is not None:
            header = Header.decode(block.header, parameters)
            kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
            record = Record(ledger.round, kind, header, block.certificate.content)
        for each in records_made(parameters, ledger, record):
            ledger = after_record(parameters, ledger, each)
        return ledger


class _Player(Participant):
    """A participant that has pulled what the honest have, and reports the content of a number."""

    def __init__(self, stage: ScheduleStage, number: int, content: int) -> None:
        rules = stage.rules
        super().__init__(rules, number, stage.signers[number], stage._vrf_keys[number], bytes(32), stage.verifier)
        self._stage, self._content = stage, content

    def report(self, ledger: Ledger) -> tuple[Report, Opening]:
        """As the stage has it."""
        return self._stage.report(ledger, self.seat, self._content)
