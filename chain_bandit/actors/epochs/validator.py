"""A validator: holds a share of every token, and signs the outcome of the sums, the same for all honest ones."""

from itertools import chain

from chain_bandit.actors.epochs import dealing, transcript
from chain_bandit.actors.epochs.dealing import SHARE_BYTES, Share
from chain_bandit.actors.epochs.epoch import Doubts, Ended, Epoch, EpochMessage, Shared, Stage, Staged
from chain_bandit.actors.messages import RELAYER, Send
from chain_bandit.consensus.broadcast import SignedBroadcast
from chain_bandit.consensus.certificate import Vote, Votes
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.agreement import body, ledger
from chain_bandit.protocol.blocks import seats
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import NO_BLOCK, Phase, Role
from chain_bandit.protocol.sharing import ELEMENT_BYTES, PRIME


class EpochValidator:
    """One epoch at a time: `begin`, then ticks and messages. Hostile messages are dropped, never raised on."""

    def __init__(self, seat: int, signer: Signer, verifier: Verifier) -> None:
        self.seat, self._signer, self._verifier = seat, signer, verifier

    def begin(self, epoch: Epoch) -> None:
        """Forget the last epoch and open the next one."""
        self.epoch, terms, state = epoch, epoch.terms, epoch.ledger
        self._members = ledger.validators(terms, state)
        self._others = tuple(seat for seat in seats(self._members) if seat != self.seat)
        self._dealers = ledger.participants(terms, state)
        self._place = self.seat - terms.participants
        row = transcript.row_bytes(terms.participants, terms.steps)
        self._stages = {
            Stage.DEAL: self._broadcast(Stage.DEAL, self._dealers, 32 * terms.validators + row),
            Stage.PROBE: self._broadcast(Stage.PROBE, self._members, ELEMENT_BYTES * terms.participants),
            Stage.OPEN: self._broadcast(Stage.OPEN, self._dealers, SHARE_BYTES * terms.validators),
            Stage.SUM: self._broadcast(Stage.SUM, self._members, ELEMENT_BYTES * terms.groups),
        }
        count = self._members.bit_count()
        self._votes = Votes(epoch.slot, epoch.accounts, self._members, terms.quorum(count), self._verifier)
        self._received: dict[int, bytes] = {}
        self._shares: dict[int, Share] = {}
        self._step, self._ended = 0, b""

    def on_tick(self, step: int) -> list[Send]:
        """What to send in `step`, after everything that arrived before it; nothing if blocked."""
        self._step, epoch = step, self.epoch
        if not self._members >> self.seat & 1:
            return []
        acts = {
            epoch.start(Stage.PROBE): self._probe,
            epoch.doubt: self._doubt,
            epoch.start(Stage.SUM): self._sum,
            epoch.vote: self._vote,
            epoch.certify: self._certify,
        }
        return acts[step]() if step in acts else self._relay()

    def on_message(self, sender: int, message: EpochMessage) -> None:
        """Take in what arrived in the current step."""
        match message:
            case Staged(stage=stage, frame=frame) if stage in self._stages and frame.phase is Phase.REPORT:
                self._stages[stage].on_frame(max(self._step - self.epoch.start(stage), 0), frame)
            case Shared(share=share) if sender >= 0 and self._dealers >> sender & 1:
                self._received.setdefault(sender, share)
            case Vote():
                self._votes.on_vote(message)
            case _:
                pass

    def equivocations(self) -> list[Equivocation]:
        """Every proof of equivocation that the validator holds of the epoch."""
        return [*chain.from_iterable(each.equivocations() for each in self._stages.values()),
                *self._votes.equivocations()]  # fmt: skip

    def _broadcast(self, stage: Stage, commanders: int, content_bytes: int) -> SignedBroadcast:
        epoch = self.epoch
        return SignedBroadcast(
            Phase.REPORT, epoch.slot_of(stage), self.seat, epoch.accounts, commanders, self._members, content_bytes,
            epoch.terms.relay_rounds, self._signer, self._verifier,
        )  # fmt: skip

    def _relay(self) -> list[Send]:
        stages = (each for each in self._stages if self.epoch.relays(each, self._step))
        frames = ((stage, self._stages[stage].relays()) for stage in stages)
        return [Send(self._others, Staged(stage, frame)) for stage, frame in frames if frame is not None]

    def _command(self, stage: Stage, content: bytes) -> list[Send]:
        return [Send(self._others, Staged(stage, self._stages[stage].open(content)))]

    def _said(self, stage: Stage, commanders: int) -> dict[int, bytes]:
        """The agreed content of each sender."""
        claims = {seat: self._stages[stage].outcome(seat) for seat in seats(commanders)}
        return {seat: claim.content for seat, claim in claims.items() if claim is not None}

    def _probe(self) -> list[Send]:
        """Send this validator's share of the probe of each agreed dealing."""
        size = 32 * self.epoch.terms.validators
        dealt = self._said(Stage.DEAL, self._dealers)
        self._leaves = {seat: content[:size] for seat, content in dealt.items()}
        self._rows = {seat: content[size:] for seat, content in dealt.items()}
        for seat, leaves in self._leaves.items():
            share = dealing.opened(self._received.get(seat, b""), self._place, leaves)
            if share is not None:
                self._shares[seat] = share
        probes = (
            dealing.probe(self._shares[seat], self._leaves[seat]) if seat in self._shares else None
            for seat in range(self.epoch.terms.participants)
        )
        return self._command(Stage.PROBE, body.encoded(tuple(probes)))

    def _doubt(self) -> list[Send]:
        """Ask participants to open the shares whose probes are off, or missing."""
        terms = self.epoch.terms
        said = self._said(Stage.PROBE, self._members)
        rows = {seat - terms.participants: body.values(said[seat], terms.participants) for seat in said}
        self._probes: dict[int, list[int | None]] = {}
        self._doubts: dict[int, tuple[int, ...]] = {}
        self._numbers: dict[int, int] = {}
        for seat in self._leaves:
            probes = [rows[at][seat] if at in rows else None for at in range(terms.validators)]
            found = dealing.probed(probes, terms.faulty)
            if found is not None:
                self._probes[seat] = probes
                off, self._numbers[seat] = found
                self._doubts[seat] = tuple(at for at in off if at in rows)
        return [Send((seat,), Doubts(places)) for seat, places in self._doubts.items() if places]

    def _sum(self) -> list[Send]:
        """Add up the shares of the counted participants, in groups drawn by the numbers of just these.

        Masks that nobody knew before tokens were fixed make the numbers. The shares of a counted one at the honest
        validators are on one polynomial, so its leaves had fixed its number; of others a false validator can name any.
        """
        terms = self.epoch.terms
        self._counted = self._settled()
        numbers = (uint(seat, 2) + uint(self._numbers[seat], ELEMENT_BYTES) for seat in self._counted)
        self._seed = keccak(*numbers)
        self._groups = body.drawn(terms, self._counted, self._seed)
        if not self._groups or not set(self._counted) <= self._shares.keys():
            return []
        sums = (sum(self._shares[seat][0] for seat in seats(group)) % PRIME for group in self._groups)
        spare = [None] * (terms.groups - len(self._groups))
        return self._command(Stage.SUM, body.encoded((*sums, *spare)))

    def _settled(self) -> tuple[int, ...]:
        """Participants without open doubts of their dealings. Takes in one's own share where it had to be opened."""
        opened, counted = self._said(Stage.OPEN, self._dealers), []
        for seat, doubts in self._doubts.items():
            found = {at: self._opening(seat, at, opened.get(seat, b"")) for at in doubts}
            if None in found.values():
                continue
            counted.append(seat)
            own = found.get(self._place)
            if own is not None:
                self._shares[seat] = own
        return tuple(counted)

    def _opening(self, seat: int, at: int, opened: bytes) -> Share | None:
        """A doubted share that its owner opened: bound by its leaf, its probe beside all that nobody doubts."""
        leaves = self._leaves[seat]
        share = dealing.opened(opened[SHARE_BYTES * at : SHARE_BYTES * (at + 1)], at, leaves)
        if share is None:
            return None
        probes, doubts = self._probes[seat], self._doubts[seat]
        on = dealing.is_on(dealing.probe(share, leaves), at, probes, doubts, self.epoch.terms.faulty)
        return share if on else None

    def _vote(self) -> list[Send]:
        """Sign the outcome of the sums, or that they have none."""
        self._ended = self._result()
        content = keccak(self._ended) if self._ended else NO_BLOCK
        signature = self._signer.state(self.epoch.slot, Phase.BLOCK, Role.SIGNER, 0, content)
        vote = Vote(self.seat, content, signature)
        self._votes.on_vote(vote)
        return [Send(self._others, vote)]

    def _result(self) -> bytes:
        terms, said = self.epoch.terms, self._said(Stage.SUM, self._members)
        holders = range(terms.participants, terms.places)
        rows = {seat: body.values(content, len(self._groups)) for seat, content in said.items()}
        made = []
        for at, members in enumerate(self._groups):
            sums = tuple(rows[seat][at] if seat in rows else None for seat in holders)
            made.append(body.Group(members, body.total(terms, members, sums), sums))
        dealt = keccak(*(uint(seat, 2) + keccak(self._leaves[seat] + self._rows[seat]) for seat in self._counted))
        found = body.AgreementBody(dealt, self._seed, tuple(made), self._nets())
        return b"" if found.agreed is None else found.encode()

    def _nets(self) -> tuple[int, ...]:
        terms = self.epoch.terms
        if not terms.steps:
            return ()
        rows = {
            seat: transcript.decode(self._rows[seat], terms.participants, terms.steps) for seat in self._counted
        }
        return transcript.nets(rows, self._dealers, terms.participants)

    def _certify(self) -> list[Send]:
        """Relay a certificate, and votes unlike one's own: that detects a validator that voted two ways."""
        content = keccak(self._ended) if self._ended else NO_BLOCK
        unlike = [Send(self._others, vote) for vote in self._votes.other_than(content)]
        certificate = self._votes.certificate(content)
        return unlike if certificate is None else [*unlike, Send((RELAYER,), Ended(self._ended, certificate))]
