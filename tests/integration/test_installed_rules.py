"""Rules of other authors as packages, one with state and one with randomness: installed, played, audited, by nodes."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from chain_bandit.protocol.digests import keccak
from tests.integration.test_plugins import COMMAND, ROOT, SMALL, called

PACKAGES = Path(__file__).parents[1] / "packages"
RULES = {
    "steady": ("aggregation", "aggregate.selected", {"weight": 2}),
    "jury": ("aggregation", "aggregate.selected", {}),
    "curious": ("policy", "header.arm", {"epsilon": 0.3}),
}
"""By name the kind, what an audit checks with the rule, and the options that a game gives."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both are installed, without a network."""
    place = tmp_path_factory.mktemp("packages")
    folders = [shutil.copytree(PACKAGES / f"chain-bandit-{name}", place / name) for name in RULES]
    install = ("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--target", "site")
    installed = called(sys.executable, *install, *folders, cwd=place)
    assert installed.returncode == 0, installed.stderr
    return place / "site"


@pytest.mark.parametrize("name", RULES)
def test_an_installed_rule_is_what_every_rule_is(site: Path, name: str) -> None:
    held = {"aggregation": "aggregation_conformance", "policy": "index_policy_conformance"}[RULES[name][0]]
    check = f"import chain_bandit_{name} as m; from chain_bandit.testing import {held} as held\n"
    result = called(sys.executable, "-c", check + f"held(m.{name.title()})", cwd=site, path=site)
    assert result.returncode == 0, result.stderr


def test_installed_rules_are_listed_and_explained(site: Path) -> None:
    listed = called(*COMMAND, "list", "rules", "--json", cwd=site, path=site)
    assert listed.returncode == 0, listed.stderr
    rules = json.loads(listed.stdout)["rules"]
    for name, (kind, _, _) in RULES.items():
        assert rules[f"{kind} {name}"] == f"of chain_bandit_{name}:{name.title()}"
    explained = called(*COMMAND, "explain", "steady", cwd=site, path=site)
    assert explained.returncode == 0, explained.stderr
    assert explained.stdout.startswith("aggregation steady (rule)\n  meaning: of chain_bandit_steady:Steady")


@pytest.mark.parametrize("name", RULES)
def test_an_installed_rule_plays_and_is_audited_where_it_is_named(site: Path, name: str, tmp_path: Path) -> None:
    """Of the record alone: without the rule, with another file of it, with it; then by nodes."""
    kind, check, options = RULES[name]
    rule = "{" + f'name="{name}", options={{{", ".join(f"{key}={value}" for key, value in options.items())}}}' + "}"
    play = (SMALL, "--rounds", 20, "-o", f"{kind}={rule}", "-o", "expect={}", "-o", "bound_ms=2000", "--json")
    run = called(*COMMAND, "run", *play, "--out", "run", cwd=tmp_path, path=site)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["approved"] > 8

    file = site / f"chain_bandit_{name}.py"
    digest = keccak(file.read_bytes()).hex()
    blind = called(*COMMAND, "audit", "run", "--json", cwd=tmp_path, path=site)
    assert blind.returncode == 13, blind.stderr
    lacking = json.loads(blind.stdout)
    assert digest in lacking["checks"][check]["evidence"]
    assert lacking["run_digest"] == told["run_digest"]

    (tmp_path / "other.py").write_bytes(file.read_bytes() + b"\n")
    other = keccak((tmp_path / "other.py").read_bytes()).hex()
    wrong = called(*COMMAND, "audit", "run", "--rule", f"other.py:{name.title()}", "--json", cwd=tmp_path, path=site)
    assert wrong.returncode == 13, wrong.stderr
    evidence = json.loads(wrong.stdout)["checks"][check]["evidence"]
    assert digest in evidence
    assert other in evidence

    named = called(*COMMAND, "audit", "run", "--rule", name, "--paranoid", "--json", cwd=tmp_path, path=site)
    assert named.returncode == 0, named.stderr
    audited = json.loads(named.stdout)
    assert audited["run_digest"] == told["run_digest"]
    assert audited["checks"][check]["passed"] >= told["approved"]
    assert [digest in each for each in audited["game"]["foreign_code_run"]] == [True]

    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    up = called(*COMMAND, "up", *play, "--processes", "--out", "up", cwd=tmp_path, path=site)
    assert up.returncode == 0, up.stderr
    assert json.loads(up.stdout)["run_digest"] == told["run_digest"]
