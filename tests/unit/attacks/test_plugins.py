"""attacks/: what a plug-in may do to itself and to the run, and what the registry refuses."""

import sys
import types
from pathlib import Path

import pytest

from chain_bandit import attacks
from chain_bandit.actors.messages import Send
from chain_bandit.attacks.attack import Attack, Effect, NotSimulated
from chain_bandit.attacks.constant_lie import ConstantLie
from chain_bandit.attacks.malicious import AttackFailed, Combined
from chain_bandit.attacks.registry import ATTACKS, UnknownAttack, make
from chain_bandit.attacks.silent_validator import SilentValidator
from chain_bandit.attacks.withheld_key import WithheldKey
from chain_bandit.consensus.certificate import Vote
from chain_bandit.game.game import Game
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.game.without_messages import simulated
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.settlement import NOTHING, Conduct, Pull
from chain_bandit.protocol.units import INFINITY, UNIT
from chain_bandit.scenario import Scenario


class Breaks(Attack):
    """Raises in one of its verbs from a round on."""

    conduct = Conduct.LIAR

    def __init__(self, verb="outbox", round_=6, error=ValueError):
        def broken(view, honest=None):
            if view.round >= round_:
                raise error("on purpose")
            return honest

        setattr(self, verb, broken)


class Returns(Attack):
    """Gives back nonsense in one of its verbs."""

    conduct = Conduct.LIAR | Conduct.ATTACKER

    def __init__(self, verb, value):
        setattr(self, verb, lambda view, honest: value)


def run(monkeypatch, scenario, *attacks, sealed=True):
    monkeypatch.setattr(Scenario, "attacks", lambda self: {2: Combined(attacks)})
    game = Game(scenario(4, 2, 10, sealed=sealed), NoChain())
    return game, list(game.play())


SIMULATED = ("arm", "means", "counts")
"""Verbs that a game without messages asks for."""


def without_messages(monkeypatch, scenario, *attacks):
    monkeypatch.setattr(Scenario, "attacks", lambda self: {2: Combined(attacks)})
    return list(simulated(Plan(scenario(4, 2, 10, sealed=True))))


@pytest.mark.parametrize("verb", ["arm", "means", "counts", "record", "outbox"])
def test_a_plugin_that_raises_is_named_with_its_seat_and_round(monkeypatch, scenario, verb):
    with pytest.raises(AttackFailed) as failed:
        run(monkeypatch, scenario, ConstantLie(), Breaks(verb))
    error = failed.value
    assert (error.seat, error.round, error.exit_code) == (2, 6, 3)
    assert error.attack == "constant-lie + Breaks"
    assert isinstance(error.error, ValueError)
    assert str(error) == "attack constant-lie + Breaks of seat 2 raised ValueError in round 6: on purpose"
    if verb in SIMULATED:
        with pytest.raises(AttackFailed) as there:
            without_messages(monkeypatch, scenario, ConstantLie(), Breaks(verb))
        assert str(there.value) == str(error)


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (property(lambda self: 1 / 0), "its effect raises ZeroDivisionError"), (lambda self: 5, "its effect is 5"),
        (None, "its effect raises TypeError"), (lambda self: Effect(report="twice"), "its effect is Effect"),
    ],
)  # fmt: skip
def test_a_plugin_whose_effect_is_none_plays_live_and_is_not_simulated(monkeypatch, scenario, effect, said):
    attack = type("Silent", (Attack,), {"conduct": Conduct.ATTACKER, "effect": effect})()
    with pytest.raises(NotSimulated, match=said):
        without_messages(monkeypatch, scenario, attack)
    _, rounds = run(monkeypatch, scenario, attack)
    assert rounds


def test_a_plugin_that_raises_when_it_is_asked_for_its_key_is_named_too(monkeypatch, scenario):
    with pytest.raises(AttackFailed, match="of seat 2 raised ValueError in round 10"):
        run(monkeypatch, scenario, Breaks("reveals"))


def test_a_plugin_that_raises_one_of_our_own_errors_is_named_too(monkeypatch, scenario):
    with pytest.raises(AttackFailed, match="raised Malformed in round 6"):
        run(monkeypatch, scenario, Breaks(error=lambda why: Malformed("x", "y", why)))


@pytest.mark.parametrize(
    ("verb", "value"),
    [
        ("outbox", None), ("outbox", 5), ("means", None), ("means", (0.5, 0.5)), ("means", (-1, 0)),
        ("means", (2**32, 0)), ("counts", (-1, 0)), ("counts", None), ("arm", 256), ("arm", "0"), ("record", None),
        ("record", Pull(256, 0)), ("record", Pull(0, -1)),
    ],
)  # fmt: skip
def test_a_plugin_that_gives_back_nonsense_is_named(monkeypatch, scenario, verb, value):
    with pytest.raises(AttackFailed, match="attack Returns of seat 2 raised"):
        run(monkeypatch, scenario, Returns(verb, value))
    if verb in SIMULATED:
        with pytest.raises(AttackFailed, match="attack Returns of seat 2 raised"):
            without_messages(monkeypatch, scenario, Returns(verb, value))


@pytest.mark.parametrize(
    ("verb", "value"),
    [
        ("outbox", []),
        ("outbox", [None, 5, Send((0,), None), Send(("x",), object()), Send((0, 99, -9), Vote(0, None, None))]),
        ("outbox", [Send((0, 1, 2, 3, 99, -1, -2, -3, -4), Vote(0, bytes(32), bytes(64)))]),
        ("means", ()),
        ("means", (5,)),
        ("means", (UNIT + 1, 0)),
        ("means", (0, INFINITY)),
        ("counts", ()),
        ("counts", (2**32 - 1, 0)),
        ("counts", (9, 0)),
        ("arm", None),
        ("arm", 2),
        ("arm", 255),
    ],
)
def test_the_game_goes_on_without_the_seat_when_its_plugin_gives_back_what_no_rule_allows(
    monkeypatch, scenario, verb, value
):
    _, rounds = run(monkeypatch, scenario, Returns(verb, value))
    recorded = [played for played in rounds if played.record]
    assert [played.record.kind.name for played in recorded] == ["APPROVED"] * 7
    if verb in SIMULATED:
        outcomes = without_messages(monkeypatch, scenario, Returns(verb, value))
        assert [o.arm for o in outcomes] == [played.arm for played in rounds]
        assert [o.header.means for o in outcomes if o.header] == [played.record.header.means for played in recorded]
    assert not any(played.accused for played in recorded)
    reporters = {played.record.header.reporters for played in recorded}
    if verb == "arm":
        assert all(played.pulls[2] == NOTHING for played in recorded[1:])
    elif value == (9, 0):  # no more than there are rounds: a lie, and a sound one
        assert reporters == {0b1111}
        assert {played.record.header.candidates for played in recorded} == {(0b1111, 0b1011)}
    else:
        assert reporters == {0b1011}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("no-such-attack", {}),
        ("no.such.module:Attack", {}),
        ("json:NoSuchClass", {}),
        ("json:loads", {}),
        ("collections:OrderedDict", {}),
        (":Attack", {}),
        (".relative:Attack", {}),
        ("chain_bandit.attacks.attack:", {}),
        ("constant-lie", {"no_such_option": 1}),
        ("constant-lie", {"value": float("nan")}),
        ("constant-lie", {"value": float("inf")}),
        ("constant-lie", {"value": -0.1}),
        ("constant-lie", {"value": 1.1}),
        ("constant-lie", {"value": "much"}),
        ("sign-flip", {"x": 1}),
    ],
)
def test_make_refuses_with_one_sentence_what_is_no_attack_or_no_option(name, options):
    with pytest.raises(UnknownAttack, match=r"^attack '.*'.*; known attacks: a-little-is-enough, ") as refused:
        make(name, options)
    assert refused.value.exit_code == 3
    assert refused.value.name == name


def test_make_refuses_a_plugin_whose_module_or_constructor_raises(monkeypatch):
    def refuse(**options):
        raise KeyError("config")

    module = types.ModuleType("planted_plugin")
    module.Plugin = type("Plugin", (Attack,), {"__init__": lambda self: refuse()})
    monkeypatch.setitem(sys.modules, "planted_plugin", module)
    with pytest.raises(UnknownAttack, match="config"):
        make("planted_plugin:Plugin", {})


def test_make_finds_plugins_by_module_and_class():
    attack = make("chain_bandit.attacks.silent_validator:SilentValidator", {"first": 3})
    assert isinstance(attack, SilentValidator)
    assert {name: type(make(name, {})) for name in ATTACKS} == ATTACKS


def test_every_module_of_an_attack_is_in_the_registry_by_its_own_name_and_nothing_else_is():
    """Lies first, then attacks on the consensus, then what does both; nobody inherits a name of ours."""
    modules = {file.stem for file in Path(attacks.__file__).parent.glob("*.py")}
    assert {name.replace("-", "_") for name in ATTACKS} == modules - {
        "__init__", "attack", "malicious", "registry", "seen"
    }
    assert {name: kind.name for name, kind in ATTACKS.items()} == {name: name for name in ATTACKS}
    assert list(ATTACKS) == sorted(ATTACKS, key=lambda name: (ATTACKS[name].conduct, name))
    assert type("Other", (ConstantLie,), {}).name == "Other"


def test_every_attack_says_which_conduct_it_is():
    assert Attack.conduct is Conduct.HONEST
    assert all(attack.conduct in (1, 2, 3) for attack in ATTACKS.values())
    assert Combined([ConstantLie(), SilentValidator()]).conduct == Conduct.LIAR | Conduct.ATTACKER
    assert Combined([]).conduct == Conduct.HONEST


def test_an_attack_that_overrides_nothing_is_honest(monkeypatch, scenario):
    game, _ = run(monkeypatch, scenario, Attack())
    monkeypatch.undo()
    honest = Game(scenario(4, 2, 10, sealed=True), NoChain())
    list(honest.play())
    assert game.run_digest == honest.run_digest
    assert game.cast.revealed == honest.cast.revealed == game.plan.seal_keys


def test_combined_attacks_apply_one_after_the_other_and_no_pull_ends_it(monkeypatch, scenario):
    seen = []

    class Adds(Attack):
        def arm(self, view, honest):
            seen.append(honest)
            return honest + 1

    combined = Combined([Adds(), Adds()])
    assert combined.arm(None, 5) == 7
    assert Combined([Returns("arm", None), Adds()]).arm(None, 5) is None
    assert seen == [5, 6]


def test_combined_attacks_seal_one_lie_on_the_other_and_keep_the_key_if_one_does(monkeypatch, scenario):
    class Raises(Attack):
        def record(self, view, honest):
            return Pull(honest.arm, honest.reward + 1)

    combined = Combined([Raises(), WithheldKey(), Raises()])
    assert combined.record(None, Pull(1, 5)) == Pull(1, 7)
    assert (combined.reveals(None), Combined([Raises()]).reveals(None)) == (False, True)


def test_an_attack_holds_the_keys_of_the_malicious_and_sees_the_last_block_only(monkeypatch, scenario):
    views = []

    class Watches(Attack):
        conduct = Conduct.LIAR

        def means(self, view, honest):
            views.append((view.round, sorted(view.signers), view.honest, view.others, dict(view.reported)))
            return honest

    monkeypatch.setattr(Scenario, "attacks", lambda self: {2: Combined([Watches()])})
    game = Game(scenario(4, 2, 8), NoChain())
    reports = {}
    for played in game.play():
        agreed = game.cast.honest[0].validator.agreed
        reports[played.round] = sorted(agreed)
    assert [view[0] for view in views] == [4, 5, 6, 7, 8]
    for round_, keys, honest, others, reported in views:
        assert keys == [2]
        assert honest == others == (0, 1, 3)
        assert sorted(reported) == reports[round_ - 1]
