"""foreign/registry.py: what somebody names for a rule is one, or is refused in one sentence that says what is wrong."""

import re
from pathlib import Path

import pytest

from chain_bandit.foreign.registry import named, run_rules
from chain_bandit.protocol import rules
from chain_bandit.protocol.assumptions import broken_by_roles
from chain_bandit.protocol.creation import decode, encode
from chain_bandit.protocol.errors import AssumptionBroken, ChainBanditError
from chain_bandit.protocol.ruleset import MOST_BYTES, RuleKind
from chain_bandit.scenario import load
from chain_bandit.views.markup import tag
from chain_bandit.views.page import weighed

SMALL = Path(__file__).parents[3] / "tests" / "scenarios" / "small.toml"
GOOD = """
from chain_bandit.rule_api import Aggregation, Agreed, Disclosure, Estimate, Option, State, Terms, mean_over


class Good(Aggregation):
    name = "good"
    options = {"cut": Option(default=1, least=0, most=5)}

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        return mean_over(agreed, [agreed.passed()] * terms.arms)
"""
OTHER = """
from chain_bandit.rule_api import Disclosure, Means, Own, Terms


class Good(Disclosure):
    name = "good"

    def encode(self, terms: Terms, own: Own) -> Means:
        return own.means
"""
OPTION, NAME = "Option(default=1, least=0, most=5)", 'name = "good"'
FAULTS = {
    "no base": ("(Aggregation)", "", "no subclass of one rule"),
    "two kinds": ("(Aggregation)", "(Aggregation, Disclosure)", "no subclass of one rule"),
    "a number for a name": (NAME, "name = 3", "no name of 1 to 40 printable characters"),
    "no name": (NAME, "", "no name of 1 to 40 printable characters"),
    "a name for terminals": (NAME, 'name = "g\\x1b[31m"', "no name of 1 to 40 printable characters"),
    "a name of two lines": (NAME, 'name = "g\\nh"', "no name of 1 to 40 printable characters"),
    "a long name": (NAME, f'name = "{"x" * 41}"', "no name of 1 to 40 printable characters"),
    "version 0": (NAME, f"{NAME}\n    version = 0", "no version from 1 on"),
    "a flag of numbers": (NAME, f"{NAME}\n    is_mean = 1", "is_mean that is neither True nor False"),
    "a flag that raises": (NAME, f"{NAME}\n    @property\n    def keeps_state(self):\n        return 1 / 0",
                           "keeps_state that is neither True nor False"),
    "no verb": ("def estimate", "def estimates", "has no estimate, which is what a rule of aggregation does"),
    "a verb of numbers": (NAME, f"{NAME}\n    worth = 3", "has a worth that is no method"),
    "a kind of its own": (NAME, f"{NAME}\n    kind = 3", "a kind of its own, which no game asks of a foreign rule"),
    "a bound of its own": (NAME, f"{NAME}\n    def within(self, steps):\n        return self", "a within of its own"),
    "a check of numbers": (NAME, f"{NAME}\n    check = 3", "has a check that is no method"),
    "a number for an option": (OPTION, "3", "an option 'cut' that is no chain_bandit.rule_api.Option"),
    "an option of texts": (OPTION, 'Option(default="a")', "an option 'cut' that is not of integers"),
    "an option of no unit": (OPTION, "Option(1, scale=0)", "an option 'cut' that is of no value"),
    "an option of no value": (OPTION, "Option(1, least=2, most=0)", "an option 'cut' that is of no value"),
    "an option of no name": ('"cut"', "3", "options that are no dictionary with names for keys"),
    "another kind": ("Good(Aggregation)", "Good(Disclosure)", "has no encode"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_class_that_is_no_rule_is_refused_before_anything_is_played(fault: str, tmp_path: Path) -> None:
    what, instead, sentence = FAULTS[fault]
    file = tmp_path / "rule.py"
    file.write_text(GOOD)
    load(SMALL, {"aggregation": f"{file}:Good"})
    assert what in GOOD
    file.write_text(GOOD.replace(what, instead))
    with pytest.raises(ChainBanditError) as refused:
        load(SMALL, {"aggregation": f"{file}:Good"})
    said = str(refused.value)
    assert refused.value.exit_code == 3
    assert sentence in said
    assert said.startswith(f"rule '{file}:Good': ")
    assert said.isprintable()


PULLS = """
from chain_bandit.rule_api import Learnt, Policy, Terms


class Good(Policy):
    name = "good"

    def arm(self, terms: Terms, learnt: Learnt) -> int:
        return 0
"""


WEIGHS = """
from chain_bandit.rule_api import Agreed, Estimate, Reputation, Selected, Selection, Standing, State, Terms, Weights


class Good(Reputation):
    name = "good"

    def weigh(self, terms: Terms, state: State, agreed: Agreed, estimate: Estimate) -> Weights:
        return Weights(agreed.reputations)


class Chosen(Selection):
    name = "good"

    def select(self, terms: Terms, state: State, agreed: Agreed, standing: Standing) -> Selected:
        return Selected(standing.eligible)
"""


@pytest.mark.parametrize(("kind", "name", "own", "line"), [
    ("reputation", "Good", "is_computed", "is_computed = True"),
    ("reputation", "Good", "leaves_out", "def leaves_out(self, terms: Terms) -> bool:\n        return False"),
    ("selection", "Chosen", "is_computed", "is_computed = True"),
])  # fmt: skip
def test_what_games_take_from_rules_of_this_version_alone_is_refused(
    kind: str, name: str, own: str, line: str, tmp_path: Path
) -> None:
    file = tmp_path / "rule.py"
    file.write_text(WEIGHS)
    load(SMALL, {kind: f"{file}:{name}"})
    file.write_text(WEIGHS.replace(NAME, f"{NAME}\n    {line}"))
    with pytest.raises(ChainBanditError, match=f"has a {own} of its own, which no game asks") as refused:
        load(SMALL, {kind: f"{file}:{name}"})
    assert refused.value.exit_code == 3


SAYS = {
    "markup": ("'<script>alert(1)</script>'", "It says of itself: &lt;script&gt;alert(1)&lt;/script&gt;"),
    "too much": ("'a' * 501", ""), "no text": ("3", ""), "nothing": ("''", ""), "an error": ("1 // 0", ""),
    "two lines": ("'a\\nb'", ""), "another direction": ("'a\\u202eb'", ""), "half a letter": ("'\\ud800'", ""),
}  # fmt: skip


@pytest.mark.parametrize(("says", "shown"), SAYS.values(), ids=SAYS)
def test_a_page_says_of_a_foreign_reputation_what_it_says_of_itself(says: str, shown: str, tmp_path: Path) -> None:
    file = tmp_path / "rule.py"
    own = f"def explain(self, terms: Terms) -> str:\n        return {says}"
    file.write_text(WEIGHS.replace(NAME, f"{NAME}\n    {own}"))
    p = load(SMALL, {"reputation": f"{file}:Good"}).parameters
    whose = "<p>what a rule of another author gives. "
    whose += "The rule good of this game is a foreign one: its file says what counts"
    assert str(tag("p", weighed(p))) == f"{f'{whose}. {shown}' if shown else whose}</p>"


@pytest.mark.parametrize(("kind", "text"), [("disclosure", OTHER), ("policy", PULLS)])
def test_a_rule_that_is_given_no_state_may_not_say_that_it_keeps_one(kind: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "rule.py"
    file.write_text(text)
    load(SMALL, {kind: f"{file}:Good"})
    file.write_text(text.replace(NAME, f"{NAME}\n    keeps_state = True"))
    with pytest.raises(ChainBanditError, match=f"says keeps_state, and a rule of {kind} is given no state") as refused:
        load(SMALL, {kind: f"{file}:Good"})
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(("options", "sentence"), [
    ({"cut": 1.5}, "takes a whole number for 'cut', not 1.5"), ({"cut": 6}, "0 <= cut <= 5"),
    ({"cut": -1}, "0 <= cut <= 5"), ({"cut": float("inf")}, "not finite"), ({"cut": 10**30}, "0 <= cut <= 5"),
    ({"kut": 1}, "no option 'kut'; it has cut"), ({"cut": "1"}, "valid integer"), ({"cut": True}, "valid integer"),
], ids=str)  # fmt: skip
def test_an_option_that_a_rule_does_not_take_is_refused(options: object, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "rule.py"
    file.write_text(GOOD)
    with pytest.raises(ChainBanditError, match=sentence) as refused:
        load(SMALL, {"aggregation": {"name": f"{file}:Good", "options": options}})
    assert refused.value.exit_code == 3


def test_a_name_that_nothing_has_is_refused_with_all_there_are() -> None:
    said = r"'medain' is no rule of this version; it has .*median.*, or FILE.py:Class; did you mean 'median'\?$"
    with pytest.raises(ChainBanditError, match=said):
        named(RuleKind.AGGREGATION, "medain")
    with pytest.raises(ChainBanditError) as refused:
        named(RuleKind.AGGREGATION, f"{'x' * 5_000}.py:Good")
    assert len(str(refused.value)) < 300


def test_rules_that_an_audit_is_to_run_are_told_once_each(tmp_path: Path) -> None:
    file = tmp_path / "rule.py"
    file.write_text(GOOD)
    (told,) = run_rules([f"{file}:Good", f"{tmp_path}/./rule.py:Good"])
    assert told.startswith(f"the aggregation 'good' of {file}, 0x")
    for name, sentence in (("median", "which an audit has"), ("nobody", "write FILE.py:Class"), ("", "FILE.py:Class")):
        with pytest.raises(ChainBanditError, match=sentence) as refused:
            list(run_rules([name]))
        assert refused.value.exit_code == 3


def test_rules_of_one_name_and_several_kinds_are_all_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of a package of its own."""
    for kind, text in (("aggregation", GOOD), ("disclosure", OTHER)):
        (tmp_path / f"mine_{kind}.py").write_text(text)
        records = tmp_path / f"mine_{kind}-1.dist-info"
        records.mkdir()
        (records / "METADATA").write_text(f"Name: mine-{kind}\nVersion: 1\n")
        (records / "RECORD").write_text(f"mine_{kind}.py,,\n")
        (records / "entry_points.txt").write_text(f"[chain_bandit.{kind}]\nmine = mine_{kind}:Good\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [each.split()[1] for each in run_rules(["mine"])] == ["aggregation", "disclosure"]
    with pytest.raises(ChainBanditError, match=r"it has .*, mine, or FILE"):
        named(RuleKind.AGGREGATION, "nobody")


def test_two_rules_of_one_name_in_a_file_are_refused(tmp_path: Path) -> None:
    """A game names kind, name and digest: it could mean either."""
    file = tmp_path / "rule.py"
    good = GOOD.replace(f"    options = {{\"cut\": {OPTION}}}\n", "")
    twin = good[good.index("class") :].replace("Good", "Twin")
    file.write_text(f"{good}\n\nAgain = Good\n\n\n{twin}")
    for name, other in (("Good", "Twin"), ("Twin", "Good"), ("Again", "Twin")):
        said = f"has the name 'good' of {other}; give each rule of a file its own"
        with pytest.raises(ChainBanditError, match=said) as refused:
            load(SMALL, {"aggregation": f"{file}:{name}"})
        assert refused.value.exit_code == 3
        with pytest.raises(ChainBanditError, match=said):
            list(run_rules([f"{file}:{name}"]))
    file.write_text(f"{good}\n\nAgain = Good\n\n\n{twin.replace('good', 'twin')}")
    digests = {load(SMALL, {"aggregation": f"{file}:{name}"}).parameters.aggregation for name in ("Good", "Again")}
    assert len(digests) == 1
    assert load(SMALL, {"aggregation": f"{file}:Twin"}).parameters.aggregation not in digests


def test_rules_whose_declaration_no_creation_could_carry_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "rule.py"
    file.write_text(GOOD)
    spare = MOST_BYTES - len(load(SMALL, {"aggregation": f"{file}:Good"}).parameters.declaration)
    for more in (0, 1):
        file.write_text(GOOD.replace('"cut"', f'"{"x" * (3 + spare + more)}"'))
        if not more:
            p = load(SMALL, {"aggregation": f"{file}:Good"}).parameters
            assert decode(encode(p, bytes(32), bytes(32))).declaration == p.declaration
            continue
        with pytest.raises(ChainBanditError, match=r"take <= 4096 bytes does not hold \(bytes = 4097\)") as refused:
            load(SMALL, {"aggregation": f"{file}:Good"})
        assert refused.value.exit_code == 3


HOOKS = {
    "check": ("check(self, terms: Terms) -> None", "assert terms.participants > 4, 'five are needed'",
              "good: check of the rule does not hold (check raises AssertionError: five are needed (line "),
    "a check without an end": ("check(self, terms: Terms) -> None", "for _ in range(10**7): terms.arms",
                               "passes its bound of 1000000 steps"),
    "least_burn_in": ("least_burn_in(self, terms: Terms) -> int", "return terms.burn_in + 1", "least = 13"),
    "a burn-in of text": ("least_burn_in(self, terms: Terms) -> int", "return '13'", "gives an integer"),
    "a burn-in that fails": ("least_burn_in(self, terms: Terms) -> int", "return 1 // 0", "raises ZeroDivisionError"),
}  # fmt: skip


@pytest.mark.parametrize("fault", HOOKS)
def test_a_rule_refuses_games_that_it_is_not_for(fault: str, tmp_path: Path) -> None:
    head, line, sentence = HOOKS[fault]
    file = tmp_path / "rule.py"
    file.write_text(f"{GOOD}\n    def {head}:\n        {line}\n")
    with pytest.raises(AssumptionBroken, match=re.escape(sentence)) as refused:
        load(SMALL, {"aggregation": f"{file}:Good"})
    assert refused.value.exit_code == 3
    file.write_text(f"{GOOD}\n    def {head}:\n        return 12\n")
    load(SMALL, {"aggregation": f"{file}:Good"})


def test_a_rule_says_which_roles_break_it_and_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "rule.py"
    file.write_text(GOOD)
    p = load(SMALL, {"aggregation": f"{file}:Good"}).parameters
    assert [each.name for each in broken_by_roles(p, 1, 1, 1)] == []
    assert "honest" in [each.name for each in broken_by_roles(p, 2, 2, 3)]
    own = GOOD + (
        "\n    def check_honest(self, participants: int, liars: int, honest: int) -> None:\n"
        "        assert honest == participants, 'nobody may lie'\n"
        "\n    def explain(self, terms: Terms) -> str:\n        return f'Of {terms.participants} all count.'\n"
    )
    file.write_text(own)
    p = load(SMALL, {"aggregation": f"{file}:Good"}).parameters
    (broken,) = broken_by_roles(p, 1, 1, 1)
    said = "check_honest of the rule does not hold (check_honest raises AssertionError: nobody may lie (line 13))"
    assert str(broken) == f"good: {said}"
    whose = "The rule good of this game is a foreign one: its file says what counts."
    assert rules.aggregation(p).explain(p.terms) == f"{whose} It says of itself: Of 4 all count."
    for line in ("return 3", "return 'a' * 501", "return 'a\\nb'", "return 1 // 0"):
        file.write_text(own.replace("return f'Of {terms.participants} all count.'", line))
        p = load(SMALL, {"aggregation": f"{file}:Good"}).parameters
        assert rules.aggregation(p).explain(p.terms) == whose
