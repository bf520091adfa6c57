"""Conformance of attacks: inputs unchanged, deterministic, breaks no honest lockstep, conducts itself as declared."""

from collections.abc import Mapping, Sequence
from typing import Any

from chain_bandit.actors.messages import Send
from chain_bandit.attacks.attack import Attack, NotSimulated, View
from chain_bandit.attacks.malicious import Combined
from chain_bandit.game.game import Game
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.game.simulated import able, replicates
from chain_bandit.game.without_messages import simulated
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.settlement import Conduct, Pull
from chain_bandit.protocol.units import Counts, Means
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.engine import Engine
from chain_bandit.testing.holding import require

_SEATS = (5, 6)
_GAME = {
    "name": "conformance", "participants": 7, "rounds": 50, "burn_in": 9, "liars": 2, "attackers": 2, "sealed": True,
    "rewards": {"kind": "bernoulli", "means": [0.7, 0.5, 0.45]},
}  # fmt: skip
"""Within every bound; sealed, so that every verb is asked."""

_GAMES = 3
"""At once, of an attack that lies so."""

_Answers = list[tuple[Any, ...]]


def attack_conformance(kind: type[Attack], options: Mapping[str, Any] | None = None) -> None:
    """Play two of seven seats under the attack, live twice, once without messages, and by arrays if it lies so.

    Raises:
        AssertionError: it changes what it is given, says something else under the same seed, stops the game, breaks
            the lockstep of the honest, its `effect` is not what its messages come to, or its `lie` of many games is not
            that of each.
    """
    name = kind.__name__
    require(issubclass(kind, Attack), f"{name} is no subclass of chain_bandit.attacks.attack.Attack")

    def fresh() -> Attack:
        return kind(**(options or {}))

    conduct = fresh().conduct
    require(isinstance(conduct, Conduct) and conduct in range(4), f"the conduct of {name} is no Conduct: {conduct!r}")
    first, rounds = _live(name, fresh)
    second, _ = _live(name, fresh)
    for one, other in zip(first, second, strict=False):
        require(one == other, f"{name} says something else in round {one[2]} when it has the same seed again")
    require(len(first) == len(second), f"{name} is asked more often when it is played again with the same seed")
    try:
        there = [
            (o.round, o.kind, o.arm, o.header and o.header.means, o.cost, o.proven, o.ledger.reputations)
            for o in simulated(Plan(_game([fresh() for _ in _SEATS])))
        ]
    except NotSimulated:
        return  # it says itself that it is for live games alone
    for here, said in zip(rounds, there, strict=True):
        require(here == said, f"{name} comes to something else in round {here[0]} than its effect says")
    case = _game([fresh() for _ in _SEATS])
    if Engine.NUMPY in able(case):
        together, alone = (replicates(case, _GAMES, engine=each).sums for each in (Engine.NUMPY, Engine.PLAIN))
        require((together == alone).all(), f"{name} tells many games at once something else than each of them")


def _live(name: str, fresh: Any) -> tuple[_Answers, list[tuple[Any, ...]]]:
    said: _Answers = []
    changed: list[str] = []
    game, rounds = Game(_game([_Watched(fresh(), said, changed) for _ in _SEATS]), NoChain()), []
    try:
        for played in game.play():
            header, kind = (played.record.header, played.record.kind) if played.record else (None, None)
            reputations = game.progress.ledger.reputations
            means = header and header.means
            rounds.append((played.round, kind, played.arm, means, played.cost, played.accused, reputations))
    except ChainBanditError as error:
        raise AssertionError(f"{name} stops the game: {error}") from error
    require(not changed, f"{name} changes what it is given: {', '.join(changed[:1])}")
    return said, rounds


def _game(attacks: Sequence[Attack]) -> Scenario:
    class Cast(Scenario):
        def attacks(self) -> dict[int, Attack]:
            return {seat: Combined([attack]) for seat, attack in zip(_SEATS, attacks, strict=True)}

    return Cast.model_validate(_GAME)


class _Watched(Attack):
    """Another attack, whose words are kept, and whatever it did to its arguments."""

    def __init__(self, attack: Attack, said: _Answers, changed: list[str]) -> None:
        self.attack, self.conduct, self._said, self._changed = attack, attack.conduct, said, changed

    def arm(self, view: View, honest: int) -> int | None:
        """Watched."""
        return self._watch("arm", view, honest)  # type: ignore[no-any-return]

    def means(self, view: View, honest: Means) -> Means:
        """Watched."""
        return self._watch("means", view, honest)  # type: ignore[no-any-return]

    def counts(self, view: View, honest: Counts) -> Counts:
        """Watched."""
        return self._watch("counts", view, honest)  # type: ignore[no-any-return]

    def record(self, view: View, honest: Pull) -> Pull:
        """Watched."""
        return self._watch("record", view, honest)  # type: ignore[no-any-return]

    def reveals(self, view: View) -> bool:
        """Watched."""
        return self._watch("reveals", view)  # type: ignore[no-any-return]

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """Watched."""
        return self._watch("outbox", view, sends)  # type: ignore[no-any-return]

    def _watch(self, verb: str, view: View, *given: Any) -> Any:
        before = _shown(view, given)
        answer = getattr(self.attack, verb)(view, *given)
        if _shown(view, given) != before:
            self._changed.append(f"in `{verb}` of round {view.round}")
        self._said.append((verb, view.seat, view.round, view.step, list(answer) if verb == "outbox" else answer))
        return answer


def _shown(view: View, given: Sequence[Any]) -> tuple[Any, ...]:
    values = [list(each) if isinstance(each, list) else each for each in given]
    agreed = dict(view.validator.agreed) if view.validator else {}
    return view.seat, view.colluders, view.ledger, view.step, dict(view.reported), dict(view.signers), agreed, values
