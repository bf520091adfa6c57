"""Templates of `new`: a plug-in's package with an example, its test and a README, and a scenario file that runs."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Final

from chain_bandit import __version__
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.environments.registry import OURS
from chain_bandit.game.folder import FolderRefused, beside
from chain_bandit.mediate.bandit import INCENTIVES
from chain_bandit.presets import PRESETS, RECOMMENDED
from chain_bandit.protocol import rules
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.simulation.rivals.registry import RIVALS

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MOST = 40


class NameRefused(ChainBanditError):
    """A kind, a name or a preset that there cannot be."""

    exit_code = 2

    def __init__(self, what: str, expected: str) -> None:
        super().__init__(f"{what[:80]!r}: expected {expected}")
        self.what, self.expected = what, expected


def new(kind: str, name: str, out: Path | None = None) -> tuple[Path, ...]:
    """Write the folder, by default `chain-bandit-NAME`; the files in it.

    Raises:
        NameRefused: no such kind, no name, or one that ours have.
        FolderRefused: the place is taken, or not to be written.
    """
    if (begun := KINDS.get(kind)) is None:
        raise NameRefused(kind, f"one of {', '.join(KINDS)}")
    _require_name(name)
    if name in begun.taken:
        raise NameRefused(name, f"a name that no {kind} of ours has")
    place = _free(out or Path(f"chain-bandit-{name}"))
    words = f"{name}-{kind}"  # so that it is no keyword, and no other word of the module
    thing = words.title().replace("-", "") if begun.is_class else words.replace("-", "_")
    module = f"chain_bandit_{name.replace('-', '_')}"
    texts = {
        "pyproject.toml": _PYPROJECT,
        f"{module}.py": begun.module,
        f"test_{module}.py": begun.test,
        "README.md": _README + begun.use,
    }
    filling = {
        "NAME": name, "MODULE": module, "THING": thing, "GROUP": begun.group, "KIND": kind,
        "WORD": kind.replace("-", "_"), "VERSION": __version__,
    }  # fmt: skip
    with beside(place) as fresh:
        for file, text in texts.items():
            filled = re.sub("|".join(filling), lambda found: filling[found[0]], dedent(text).lstrip())
            (fresh / file).write_text(filled, encoding="utf-8")
        fresh.rename(place)
    return tuple(place / file for file in texts)


def new_scenario(name: str, preset: str = RECOMMENDED, out: Path | None = None) -> Path:
    """Write a scenario file, by default `NAME.toml`; its path.

    Raises:
        NameRefused: no name, or no such preset.
        FolderRefused: the place is taken, or not to be written.
    """
    _require_name(name)
    if preset not in PRESETS:
        raise NameRefused(preset, f"one of {', '.join(PRESETS)}")
    place = _free(out or Path(f"{name}.toml"))
    with beside(place) as fresh:
        file = fresh / place.name
        file.write_text(dedent(_SCENARIO).lstrip().format(name=name, preset=preset), encoding="utf-8")
        file.rename(place)
    return place


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _MOST:
        raise NameRefused(name, f"at most {_MOST} lower-case letters, digits and single hyphens, a letter first")


def _free(place: Path) -> Path:
    if place.exists() or place.is_symlink():
        raise FolderRefused(place, "exists; name another with --out")
    return place


_SCENARIO = """
    # Seven participants, two of whom lie, learn which of four arms pays best.
    name = "{name}"
    preset = "{preset}"  # defaults of the keys that are not here: recommended, or paper
    seed = 1                # the same scenario and seed play the same game
    participants = 7        # M
    rounds = 200            # T
    liars = 2               # f: so many may lie about what they saw
    attackers = 2           # m: so many may attack the consensus

    [rewards]
    kind = "bernoulli"      # reward 1 with an arm's probability, else 0
    means = [0.8, 0.7, 0.5, 0.3]

    [[malicious]]
    seat = 5                # of 0 to 6
    attacks = [{{ name = "worse-half" }}]  # praises the arms that it found worst

    [[malicious]]
    seat = 6                # lies too, and signs two contents where it may sign one
    attacks = [{{ name = "sign-flip" }}, {{ name = "equivocating-commander" }}]
"""

_PYPROJECT = """
    [build-system]
    requires = ["hatchling"]
    build-backend = "hatchling.build"

    [project]
    name = "chain-bandit-NAME"
    version = "0.1.0"
    requires-python = ">=3.11"
    dependencies = ["chain-bandit>=VERSION"]

    [project.entry-points."chain_bandit.GROUP"]
    NAME = "MODULE:THING"

    [tool.hatch.build.targets.wheel]
    only-include = ["MODULE.py"]

    [tool.pytest.ini_options]
    python_files = "test_*.py"
"""

_README = """
    # chain-bandit-NAME

    The KIND `NAME` of chain-bandit is `THING` in `MODULE.py`. Install and test it, again after every change:

    ```sh
    pip install --no-deps --no-build-isolation .
    pytest
    ```

"""

_OF_A_RULE = """
    A game whose scenario says `GROUP = "NAME"` plays by it. An audit runs the code of the rules that it is told:

    ```sh
    chain-bandit run SCENARIO.toml -o 'GROUP="NAME"' --out run
    chain-bandit audit run --rule NAME
    ```
"""

_OF_THE_ARENA = """
    It plays on the set-ups of the rivals, in a clone of chain-bandit:

    ```sh
    python science/rivals.py zhu --KIND NAME
    ```
"""

_TEST = """
    import MODULE

    from chain_bandit.plugins import find
    from chain_bandit.testing import WORD_conformance


    def test_it_is_what_every_WORD_is():
        WORD_conformance(MODULE.THING)


    def test_its_name_is_known_once_it_is_installed():
        assert find("GROUP", "NAME", {}) is MODULE.THING
"""

_RULE_TEST = """
    import MODULE

    from chain_bandit.foreign.registry import named
    from chain_bandit.protocol.ruleset import RuleKind
    from chain_bandit.testing import WORD_conformance


    def test_it_is_what_every_WORD_is():
        WORD_conformance(MODULE.THING)


    def test_its_name_is_known_once_it_is_installed():
        assert named(RuleKind["GROUP".upper()], "NAME").digest
"""


@dataclass(frozen=True)
class PluginKind:
    """What a plug-in of some kind is begun with.

    Attributes:
        group: of its entry points, after `chain_bandit.`.
        taken: names that mean ours in a scenario, a benchmark or a table.
        module: its text: a class of an example, or a function where `is_class` says so.
        use: the end of its README.
        test: of its own, beside its kind's conformance.
    """

    group: str
    taken: Collection[str]
    module: str
    use: str
    test: str = _TEST
    is_class: bool = True


def _rule(kind: RuleKind, module: str) -> PluginKind:
    """Of a rule that games name."""
    return PluginKind(kind.name.lower(), rules.names(kind), module, _OF_A_RULE, _RULE_TEST)


KINDS: Final[Mapping[str, PluginKind]] = {
    "attack": PluginKind("attacks", ATTACKS, '''
    """The attack NAME of chain-bandit."""

    from chain_bandit.attacks.attack import Attack, View
    from chain_bandit.protocol.settlement import Conduct
    from chain_bandit.protocol.units import UNIT, Means


    class THING(Attack):
        """Reports one tenth more than it saw."""

        conduct = Conduct.LIAR

        def means(self, view: View, honest: Means) -> Means:
            """In units, none above a whole reward."""
            return tuple(min(mean + UNIT // 10, UNIT) for mean in honest)
    ''', """
    A participant of a scenario plays it:

    ```toml
    [[malicious]]
    seat = 3
    attacks = [{ name = "NAME" }]
    ```
    """),
    "environment": PluginKind("environments", OURS, '''
    """The environment NAME of chain-bandit."""

    from chain_bandit.protocol.rewards import RewardModel, bernoulli
    from chain_bandit.protocol.units import UNIT


    def THING(arms: int = 3) -> RewardModel:
        """Bernoulli arms whose means are evenly spread below 1."""
        return RewardModel(tuple(bernoulli(UNIT * (arm + 1) // (arms + 1)) for arm in range(arms)))
    ''', """
    A scenario takes its rewards from it; other keys there are its options:

    ```toml
    [rewards]
    kind = "NAME"
    ```
    """, is_class=False),
    "aggregation": _rule(RuleKind.AGGREGATION, '''
    """The aggregation NAME of chain-bandit: pure integers, checked before it runs (docs/plugins.md)."""

    from chain_bandit.rule_api import Aggregation, Agreed, Estimate, Option, State, Terms, mean_over, tie_break


    class THING(Aggregation):
        """For every arm the reports in the middle: without the lowest and the highest few."""

        name = "NAME"
        options = {"cut": Option(default=1, least=0, most=255)}

        def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
            """Equal reports stand in an order that the seed decides."""
            cut, order, sets = terms.options["cut"], tie_break(agreed.seed, agreed.reports), []
            for arm in range(terms.arms):
                ranked = sorted((agreed.reports[seat][arm], order[seat], seat) for seat in sorted(agreed.passed()))
                sets.append(frozenset(seat for *_, seat in ranked[cut : len(ranked) - cut]))
            return mean_over(agreed, sets)
    '''),
    "reputation": _rule(RuleKind.REPUTATION, '''
    """The reputation NAME of chain-bandit: pure integers, checked before it runs (docs/plugins.md)."""

    from chain_bandit.rule_api import Agreed, Estimate, Reputation, State, Terms, Weights


    class THING(Reputation):
        """How often reports of a seat are selected, by the share of arms."""

        name = "NAME"

        def weigh(self, terms: Terms, state: State, agreed: Agreed, estimate: Estimate) -> Weights:
            """From 0 to 65535 for every seat."""
            shares = [sum(seat in members for members in estimate.sets) for seat in range(terms.participants)]
            return Weights(tuple(65_535 * share // terms.arms for share in shares))
    '''),
    "selection": _rule(RuleKind.SELECTION, '''
    """The selection NAME of chain-bandit: pure integers, checked before it runs (docs/plugins.md)."""

    from chain_bandit.rule_api import Agreed, Option, Selected, Selection, Standing, State, Terms, chance


    class THING(Selection):
        """The best by reputation, as many as there must be and a few more."""

        name = "NAME"
        options = {"more": Option(default=1, least=0, most=255)}

        def select(self, terms: Terms, state: State, agreed: Agreed | None, standing: Standing) -> Selected:
            """Of equals the seed decides."""
            count, seats = standing.least + terms.options["more"], sorted(standing.eligible)
            ranked = sorted((-standing.reputations[seat], chance(standing.seed, seat), seat) for seat in seats)
            return Selected(frozenset(seat for *_, seat in ranked[:count]))
    '''),
    "disclosure": _rule(RuleKind.DISCLOSURE, '''
    """The disclosure NAME of chain-bandit: pure integers, checked before it runs (docs/plugins.md)."""

    from chain_bandit.rule_api import UNIT, Disclosure, Means, Option, Own, Terms


    class THING(Disclosure):
        """Reports say estimators floored to one of a few equal steps."""

        name = "NAME"
        options = {"steps": Option(default=100, least=1, most=1000)}

        def encode(self, terms: Terms, own: Own) -> Means:
            """Each by itself: multiples of a step, in units."""
            step = UNIT // terms.options["steps"]
            return tuple(mean // step * step for mean in own.means)

        def is_valid(self, terms: Terms, values: Means) -> bool:
            """What is no such multiple counts as withheld."""
            step = UNIT // terms.options["steps"]
            return all(0 <= value <= UNIT and value % step == 0 for value in values)
    '''),
    "index-policy": _rule(RuleKind.POLICY, '''
    """The index policy NAME of chain-bandit: pure integers, checked before it runs (docs/plugins.md)."""

    from chain_bandit.rule_api import Learnt, Option, Policy, Terms, chance


    class THING(Policy):
        """The best estimator, but now and then any arm."""

        name = "NAME"
        options = {"often": Option(default=10, least=2, most=1000)}
        draws = True

        def arm(self, terms: Terms, learnt: Learnt) -> int:
            """Of equal estimators the first; one round of so many is any arm's, by the round's seed."""
            if chance(learnt.seed, 0) % terms.options["often"] == 0:
                return chance(learnt.seed, 1) % terms.arms
            ranked = sorted((-mean, arm) for arm, mean in enumerate(learnt.means))
            return ranked[0][1]
    '''),
    "policy": PluginKind("policies", RIVALS, '''
    """The policy NAME of chain-bandit."""

    from typing import Any

    import numpy as np


    class THING:
        """Each arm once, then the best sample mean: everybody alone."""

        information = "its own rewards"
        sent = 0.0

        def __init__(self, world: Any, replicates: int, coins: np.random.Generator) -> None:
            shape = (replicates, world.agents, world.arms)
            self.counts, self.totals = np.zeros(shape), np.zeros(shape)

        def choose(self, t: int) -> Any:
            """The arm of each agent in round t: (replicates, agents)."""
            tried = self.counts > 0
            means = np.divide(self.totals, self.counts, out=np.full_like(self.totals, 2.0), where=tried)
            return means.argmax(axis=2)

        def learn(self, t: int, arms: Any, rewards: Any) -> None:
            """What the arms of round t paid."""
            pulled = np.arange(self.counts.shape[2]) == arms[..., None]
            self.counts += pulled
            self.totals += pulled * rewards[..., None]
    ''', _OF_THE_ARENA),
    "incentive": PluginKind("incentives", {*INCENTIVES, "naive"}, '''
    """The incentive NAME of chain-bandit."""

    from typing import Any

    import numpy as np


    class THING:
        """Everybody gives away a tenth of its reward, in equal parts to all."""

        information = "what all others gave away"
        sent = 0.0

        def __init__(self, world: Any, replicates: int, coins: np.random.Generator) -> None:
            """Keeps nothing from round to round."""

        def shape(self, t: int, arms: Any, rewards: Any) -> Any:
            """What the rewards of round t are learned as: (replicates, agents)."""
            self.sent += 1
            return 0.9 * rewards + 0.1 * rewards.mean(axis=1, keepdims=True)
    ''', _OF_THE_ARENA),
}  # fmt: skip
"""By the word that `new plugin` takes."""
