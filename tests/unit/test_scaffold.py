"""scaffold.py: whatever somebody calls a plug-in, the package that is begun works, or the name is refused."""

import builtins
import keyword
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.environments import registry as environments
from chain_bandit.game.folder import FolderRefused
from chain_bandit.mediate.bandit import INCENTIVES
from chain_bandit.presets import PRESETS, RECOMMENDED
from chain_bandit.protocol import rules
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.runs import play
from chain_bandit.scaffold import KINDS, NameRefused, new, new_scenario
from chain_bandit.scenario import load
from chain_bandit.simulation.rivals.registry import RIVALS

TAKEN = {
    "attack": set(ATTACKS), "environment": set(environments.OURS),
    **{kind.name.lower(): set(rules.names(kind)) for kind in RuleKind if rules.names(kind)},
    "index-policy": set(rules.names(RuleKind.POLICY)), "policy": set(RIVALS), "incentive": set(INCENTIVES),
}  # fmt: skip


def hyphened(word: str) -> str:
    """As a plug-in may be called: RewardModel is reward-model."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", word).replace("_", "-").strip("-").lower()


def awkward(kind: str, place: Path) -> set[str]:
    """Every word that means something to Python, or that stands in the files of a new plug-in."""
    files = "\n".join(file.read_text() for file in new(kind, "neutral", place))
    words = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *re.findall(r"\w+", files)}
    return {hyphened(word) for word in words} | TAKEN[kind] | {"view", "test", "test-of-it", "a-test", "nan"}


def first_test(files: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own test that needs no installation, in this process."""
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(files[0].parent))
        sys.modules.pop(files[1].stem, None)
        (test,) = (each for name, each in runpy.run_path(str(files[2])).items() if name.startswith("test_it_is_what"))
        test()
        del sys.modules[files[1].stem]


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_of_any_name_passes_its_own_test_or_its_name_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    words, refused, broken, played = awkward(kind, tmp_path / "neutral"), set(), {}, 0
    few = words if kind == "environment" else {"class", "view"}  # the others' games take a while
    for name in sorted(words):
        try:
            files = new(kind, name, tmp_path / f"at {name}")
        except NameRefused:
            refused.add(name)
            continue
        try:
            for file in files[1:3]:
                compile(file.read_text(), file, "exec")
            if name in few:
                played += 1
                first_test(files, monkeypatch)
        except Exception as error:  # noqa: BLE001 - whatever a broken package raises
            broken[name] = repr(error)
    assert not broken, broken
    assert {name for name in refused if name[:1].isalpha() and len(name) <= 40} == TAKEN[kind]
    assert len(words) - len(refused) > 150
    assert played == len(few - refused)


def test_a_plugin_called_test_is_not_taken_for_one(tmp_path: Path) -> None:
    """Neither its module for a file of tests nor its function for a test."""
    folder = new("aggregation", "test", tmp_path / "begun")[0].parent
    collect = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", folder)
    found = subprocess.run(collect, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout
    assert "2 tests collected" in found.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_no_name_that_a_registry_has_is_taken_for_a_plugin(kind: str, tmp_path: Path) -> None:
    known = {
        "attack": "optimiser", "environment": "table", "aggregation": "confidence", "reputation": "accuracy",
        "selection": "sortition", "disclosure": "rounded", "index-policy": "kl-ucb",
        "policy": "zhu", "incentive": "mediate-s",
    }  # fmt: skip
    assert known[kind] in TAKEN[kind]
    for name in sorted(TAKEN[kind]):
        with pytest.raises(NameRefused, match=f"^'{name}': expected a name that no {kind} of ours has$"):
            new(kind, name, tmp_path / "begun")
    assert not list(tmp_path.iterdir())
    assert new(kind, f"{name}-of-mine", tmp_path / "begun")


def test_a_name_of_ours_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NameRefused, match=r"^'offset': expected a name that no attack of ours has$") as error:
        new("attack", "offset", tmp_path / "begun")
    assert error.value.exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("preset", PRESETS)
def test_a_new_scenario_says_its_preset_and_two_of_seven_lie(preset: str, tmp_path: Path) -> None:
    made = load(new_scenario("mine", preset, tmp_path / "own.toml"))
    assert (made.name, made.preset, made.participants) == ("mine", preset, 7)
    assert made.roles == (*[Conduct.HONEST] * 5, Conduct.LIAR, Conduct.LIAR | Conduct.ATTACKER)


def test_a_new_scenario_plays_and_its_audit_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = new_scenario("mine")
    assert file == Path("mine.toml")
    assert load(file).preset == RECOMMENDED
    finished = play(load(file, {"rounds": 60}), Path("run"))
    assert (finished.report.verdict, finished.report.exit_code) == ("passed", 0)
    assert {5, 6} <= {item.seat for item in finished.report.findings if item.kind == "proven false report"}


def test_a_new_scenario_overwrites_nothing_and_has_a_name_and_a_preset(tmp_path: Path) -> None:
    place = tmp_path / "own.toml"
    place.write_text("mine")
    with pytest.raises(FolderRefused, match="exists; name another with --out"):
        new_scenario("mine", out=place)
    assert place.read_text() == "mine"
    for name, preset, said in [
        ("Mine", RECOMMENDED, "lower-case"), ("../x", RECOMMENDED, "lower-case"), ("x", "papr", "paper, recommended"),
    ]:  # fmt: skip
        with pytest.raises(NameRefused, match=said) as refused:
            new_scenario(name, preset, tmp_path / "other.toml")
        assert refused.value.exit_code == 2
    assert list(tmp_path.iterdir()) == [place]
