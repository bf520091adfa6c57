"""Wiring of a game: all actors connected to one network in memory."""

from collections.abc import Sequence

from chain_bandit.actors.comparer import Comparer
from chain_bandit.actors.environment import Environment
from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER, CertifiedBlock, Send
from chain_bandit.actors.own_rewards import OwnRewards
from chain_bandit.actors.participant import Participant
from chain_bandit.actors.relayer import Relayer
from chain_bandit.actors.rules import Rules
from chain_bandit.actors.seat import Seat
from chain_bandit.actors.validator import Validator
from chain_bandit.append_log import AppendLog
from chain_bandit.attacks.attack import View
from chain_bandit.attacks.malicious import MaliciousParticipant, MaliciousSeat
from chain_bandit.comparison.ideal import IdealComparison
from chain_bandit.comparison.interface import Comparison
from chain_bandit.comparison.mpc import MpcComparison
from chain_bandit.comparison.session_log import SessionLog
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.live import live_rewards, own_rewards
from chain_bandit.game.plan import Plan
from chain_bandit.network.memory import Actor, MemoryNetwork
from chain_bandit.protocol.blocks import genesis_digest
from chain_bandit.protocol.ledger import Ledger, opening
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import SelfDeclaredRewards


class Actors:
    """All actors of one opened game.

    Args:
        order: the addresses in the order in which actors act within a step; must not matter.
        session_log: what the comparison's sessions came to when the game was played before.
        pulls: where pulls of live rewards are kept, and were when the game was played before.
    """

    def __init__(
        self,
        plan: Plan,
        domain: Domain,
        verifier: Verifier,
        order: Sequence[int] | None = None,
        session_log: SessionLog | None = None,
        pulls: AppendLog | None = None,
    ) -> None:
        scenario, parameters = plan.scenario, plan.parameters
        seed_0, genesis = genesis_digest(plan.game, plan.seated, plan.salt)
        parties = scenario.parties if scenario.comparison == "mpc" else 0
        vrf_keys = [seated.vrf_key for seated in plan.seated]
        self.rules = Rules(
            parameters, domain, plan.addresses, plan.environment.address, seed_0, genesis, vrf_keys, parties,
            scenario.vectors == "certified",
        )  # fmt: skip
        self.opening = opening(parameters, genesis, seed_0, scenario.all_weights)
        self.environment = Environment(
            self.rules, scenario.model, scenario.roles, plan.secret, plan.environment, verifier,
            live_rewards(scenario, domain.separator(), pulls or AppendLog()),
        )  # fmt: skip
        given, game, lines = scenario.rewards, domain.separator(), pulls or AppendLog()
        self._own = None
        if isinstance(given, SelfDeclaredRewards):
            self._own = own_rewards(given, scenario.folder, self.rules.everybody, game, lines)
        self.relayer = Relayer(self.rules, verifier)
        self._comparer = Comparer(self.rules, _comparison(plan, parties, session_log))
        self.seats = self._take_seats(plan, verifier)
        self.honest = [seat for seat in self.seats if not isinstance(seat, MaliciousSeat)]
        actors: dict[int, Actor] = {
            COMPARISON: self._comparer,
            ENVIRONMENT: self.environment,
            RELAYER: self.relayer,
            **{seat.number: seat for seat in self.seats},
        }
        malicious = frozenset(seat.number for seat in self.seats) - {seat.number for seat in self.honest}
        self._network = MemoryNetwork(actors, order or list(actors), malicious)

    def close(self) -> None:
        """The game is over, however it ended: no process of the cast stays."""
        self._comparer.close()

    def begin(self, ledger: Ledger) -> None:
        """Open the next round for everybody."""
        for seat in self.seats:
            seat.begin(ledger)
        p = self.rules.parameters
        if self._own is not None and ledger.round > p.burn_in:
            self._own.forget(ledger.round - p.failure_limit - 2)  # all seats' reports have counted what was before
        self.environment.begin(ledger)
        self.relayer.begin(ledger)
        self._comparer.begin(ledger)

    def play_round(self) -> None:
        """All steps of the open round, from reports to receipts."""
        honest = [seat for seat in self.honest if seat.number in self.rules.validators(seat.ledger)]
        for step in range(self.rules.schedule.steps):
            self._network.step(step)
            if self.rules.certified and all(seat.validator.done for seat in honest):
                break
        self._answer()

    def probe(self) -> None:
        """All steps of a round of the burn-in in which those drawn probe each other."""
        for step in range(self.rules.schedule.probe_steps):
            self._network.step(step)

    @property
    def revealed(self) -> tuple[bytes | None, ...]:
        """What is published after a sealed game: each seat's sealing key, or None; empty for an open game."""
        return tuple(seat.revealed() for seat in self.seats) if self.rules.parameters.sealed else ()

    @property
    def aborted(self) -> tuple[str, ...]:
        """Why the open round has no comparison bits, an attempt each; empty where it has them."""
        return self._comparer.aborted

    @property
    def statements(self) -> int:
        """How many statements were delivered so far."""
        return self._network.statements

    def publish(self, block: CertifiedBlock) -> None:
        """An approved block is on the chain: participants that had no certificate have one now, and pull."""
        self._network.deliver(RELAYER, [Send((ENVIRONMENT,), block)])
        self._answer()

    def _answer(self) -> None:
        """Live rewards that were asked for, of everybody at the same time, as their receipts."""
        self._network.deliver(ENVIRONMENT, self.environment.answered(wait=True))

    def give(self, arm: int) -> None:
        """Receipts for everybody, in a round that needs no certificate."""
        self._network.deliver(ENVIRONMENT, self.environment.give(arm))

    def _take_seats(self, plan: Plan, verifier: Verifier) -> list[Seat]:
        attacks = plan.scenario.attacks()
        attackers = sorted(seat for seat, attack in attacks.items() if attack.conduct & Conduct.ATTACKER)
        seats: list[Seat] = []
        for number in self.rules.everybody:
            signer = plan.participants[number]
            validator = Validator(self.rules, number, signer, verifier)
            p, giver = self.rules.parameters, self._own
            own = OwnRewards(giver, number, p.arms, p.burn_in, waits=True) if giver is not None else None
            identity = (self.rules, number, signer, plan.vrf_keys[number], plan.seal_keys[number], verifier, own)
            if number in attacks:
                keys = {seat: plan.participants[seat] for seat in (number, *attackers)}
                rng = plan.rng("attack", number)
                view = View(number, self.rules, frozenset(attacks), keys, rng, self.opening)
                player = MaliciousParticipant(*identity)
                seats.append(MaliciousSeat(player, validator, verifier, attacks[number], view))
            else:
                seats.append(Seat(Participant(*identity), validator, verifier))
        return seats


def _comparison(plan: Plan, parties: int, session_log: SessionLog | None) -> Comparison:
    """The functionality that computes the comparison bits; parties start with their first request."""
    largest = plan.parameters.horizon
    if not parties:
        return IdealComparison(largest)
    return MpcComparison(plan.participants, largest, parties, session_log=session_log)
