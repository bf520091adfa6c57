"""`make mutants` changes what it says it changes; whether the tests notice is its own business."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from scripts import mutate_contracts
from scripts.build_artifacts import (
    CONTRACTS,
    MODULES,
    ROOT,
    SHIPPED,
    artifact,
    canonical,
    compile_standard,
    question,
    shared,
)
from scripts.mutate_contracts import (
    GAME,
    GOAL,
    TESTS,
    TOKENS,
    Mutant,
    MutantRecord,
    changed_since,
    excuses,
    mutants,
    only,
    part_of,
    report,
    sample,
)

OPERATORS = {
    "arithmetic", "assignment", "comparison", "condition", "drop event", "drop guard", "drop statement", "index",
    "logic", "off by one", "return", "swap constants",
}  # fmt: skip


@pytest.fixture(scope="module")
def asked() -> dict:
    return question()


@pytest.fixture(scope="module")
def found(asked) -> list[Mutant]:
    return mutants(asked)


def test_every_operator_changes_every_source_that_has_code(asked, found):
    assert {mutant.operator for mutant in found} == OPERATORS
    ours = {name for name in asked["sources"] if name.startswith("contracts/") and "/interfaces/" not in name}
    assert {mutant.file for mutant in found} == ours
    assert len(found) > 500


def test_mutant_differs_in_one_place(asked, found):
    for mutant in found:
        source = asked["sources"][mutant.file]["content"]
        changed = mutant.apply(source)
        assert changed != source
        assert changed.encode()[: mutant.start] == source.encode()[: mutant.start]
        assert changed.endswith(source.encode()[mutant.end :].decode())


def test_a_source_is_part_of_what_imports_it(asked):
    """So its mutants meet the tests of just that."""
    assert part_of("contracts/Tokens.sol", asked) == part_of("contracts/libraries/Sums.sol", asked) == [TOKENS]
    assert part_of("contracts/Bookkeeper.sol", asked) == part_of("contracts/libraries/Reputation.sol", asked) == [GAME]
    assert part_of("contracts/Direct.sol", asked) == part_of("contracts/libraries/Bits.sol", asked) == [GAME, TOKENS]
    assert all(part_of(name, asked) for name in asked["sources"] if name.startswith("contracts/"))
    assert all((ROOT / f"tests/contracts/test_{test}.py").is_file() for tests in TESTS.values() for test in tests)


@pytest.mark.deep
def test_asked_of_one_artifact_the_compiler_gives_what_is_shipped(asked):
    assert canonical(artifact(compile_standard(only([TOKENS], asked)), TOKENS)) == (SHIPPED / TOKENS).read_text()


def test_sample_spreads_over_sources_and_operators(found):
    chosen = sample(found, 120, seed=1)
    assert len(set(chosen)) == 120
    assert {mutant.operator for mutant in chosen} == OPERATORS
    assert max(Counter(mutant.file for mutant in chosen).values()) <= 24
    assert chosen == sample(found, 120, seed=1) != sample(found, 120, seed=2)


def test_excuses_are_for_mutants_that_there_are(asked, found):
    lines = {
        (m.file, asked["sources"][m.file]["content"].splitlines()[m.line - 1].strip(), m.text.strip()) for m in found
    }
    assert excuses() <= lines


def test_score_below_the_goal_fails(asked, found, capsys, monkeypatch):
    monkeypatch.setattr(mutate_contracts, "excuses", set)
    twenty = found[:20]
    assert report(dict.fromkeys(twenty, "forge"), asked, 20, 1) == 0
    assert GOAL == 0.95
    assert report(dict.fromkeys(twenty[1:], "forge") | {twenty[0]: "survived"}, asked, 20, 1) == 0
    assert report(dict.fromkeys(twenty[2:], "forge") | dict.fromkeys(twenty[:2], "survived"), asked, 20, 1) == 1
    assert report(dict.fromkeys(twenty, "invalid"), asked, 20, 1) == 1
    assert "score 18/20" in capsys.readouterr().out


def test_a_mutant_that_was_tried_is_not_tried_again_while_nothing_changes(found, tmp_path, monkeypatch):
    file = tmp_path / "mutants.jsonl"
    monkeypatch.setattr(mutate_contracts, "state", lambda: "one")
    kept = MutantRecord(file)
    kept.add(found[0], "forge")
    kept.add(found[1], "survived")
    assert MutantRecord(file).fates == {found[0]: "forge", found[1]: "survived"}
    monkeypatch.setattr(mutate_contracts, "state", lambda: "another")
    assert MutantRecord(file).fates == {}


def test_a_suite_that_loops_is_ended_and_one_that_waits_for_its_turn_is_not(tmp_path):
    def ends_well(program: str) -> bool:
        return mutate_contracts.ends_well([sys.executable, "-c", program], 1, tmp_path, os.environ)

    assert not ends_well("while True: pass")
    assert ends_well("import time; time.sleep(1.5)")
    assert not ends_well("raise SystemExit(1)")
    assert not ends_well("import mmap; mmap.mmap(-1, 9 << 30)")
    with pytest.raises(RuntimeError, match="signal 15"):
        ends_well("import os; os.kill(os.getpid(), 15)")


def test_lines_that_a_revision_did_not_have_are_told(tmp_path):
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=tmp_path, check=True)

    source = tmp_path / "contracts" / "A.sol"
    source.parent.mkdir()
    source.write_text("one\ntwo\nthree\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    source.write_text("one\n2\nthree\nfour\nfive\n")
    assert changed_since("HEAD", tmp_path) == {("contracts/A.sol", line) for line in (2, 4, 5)}


def test_modules_of_mutants_may_be_longer_than_what_ships():
    """30,000 bytes of code, more than EIP-170 allows: mutants are compiled without most of the optimizer."""
    evm = {"evm": {"bytecode": {"object": "620075305ff3"}}}  # return(0, 30000)
    output = {"contracts": {file: {CONTRACTS[file]: evm} for file in MODULES}}
    assert [len(module["deployedBytecode"]) for module in shared(output)] == [2 + 2 * 30_000] * 2
