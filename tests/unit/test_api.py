"""The Python API: what it says is what the command line says, and names that packages have too stay functions."""

import json
import subprocess
import sys
from filecmp import cmp
from pathlib import Path
from random import Random

import numpy as np
import pytest

import chain_bandit as cb
from chain_bandit import api
from chain_bandit.game.simulated import replicates
from tests.integration.nodes import chain_bandit

SHORT = {"preset": "paper", "rounds": 20, "expect": {}}


def test_every_public_name_is_there_has_a_docstring_and_is_listed_once():
    assert sorted(cb.__all__) == sorted(api.__all__)
    assert len(set(cb.__all__)) == len(cb.__all__)
    for name in cb.__all__:
        assert getattr(cb, name).__doc__, name
    assert set(cb.__all__) <= set(dir(cb))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = cb.nothing


def test_public_functions_stay_functions_whatever_is_imported():
    code = """
import chain_bandit.auditor.audit, chain_bandit.chain_history.files, chain_bandit.sweeps.run, chain_bandit.cli
import chain_bandit as cb
assert all(callable(getattr(cb, name)) for name in cb.__all__), [n for n in cb.__all__ if not callable(getattr(cb, n))]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_loads_nothing_of_it():
    code = "import sys, chain_bandit; print([m for m in sys.modules if m.startswith('chain_bandit.')])"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.strip() == "[]"


def test_a_run_is_what_the_command_line_makes(tmp_path: Path):
    told = []
    run = cb.play(cb.load("small", **SHORT), tmp_path / "run", progress=lambda done, total: told.append((done, total)))
    short = ("--rounds", 20, "-o", "preset=paper", "-o", "expect={}", "--out", tmp_path / "cli", "--json")
    said = chain_bandit("run", "examples/small.toml", *short)
    manifest = json.loads(said.stdout)
    assert run.manifest["run_digest"] == manifest["run_digest"]
    assert run.passed
    assert run.regret == manifest["regret"]
    assert [row["round"] for row in run.rounds] == list(range(1, 21))
    assert run.rounds[:3].to_arrow().num_rows == 3
    assert told[-1] == (20, 20)
    assert cb.audit(run.out).verdict == cb.audit(run.out / "history.jsonl.gz").verdict == "passed"
    assert cb.history(run.out).origin.contract.hex() == manifest["contract"][2:]
    assert run.report.is_file()
    assert "audit passed" in run._repr_html_()


def test_a_simulation_is_what_replicates_measure():
    game = cb.load("small", **SHORT)
    many = cb.simulate(game, 5)
    same = replicates(game, 5)
    assert many.regret == same.regret()[-1]
    assert [row["round"] for row in many.table] == list(same.checkpoints)
    assert [row["regret"] for row in many.table] == [point.mean for point in same.regret()]
    (axes,) = many.plot().axes
    assert axes.get_xlabel() == "round"
    assert list(axes.lines[0].get_ydata()) == [row["regret"] for row in many.table]


def test_progress_is_a_bar_that_ends_with_what_it_is_of(tmp_path: Path, capsys):
    cb.play(cb.load("small", **SHORT), tmp_path / "run", progress=True)
    assert "100%" in capsys.readouterr().out
    with pytest.raises(cb.ChainBanditError):
        cb.play(cb.load("small", **SHORT), tmp_path / "run", progress=True)
    cb.simulate(cb.load("small", aggregation="median", **SHORT), 2, progress=True)
    assert "100%" in capsys.readouterr().out


def test_errors_are_those_of_the_command_line():
    with pytest.raises(cb.ChainBanditError, match="did you mean 'participants'") as caught:
        cb.load("small", participant=3)
    assert caught.value.exit_code == 3
    with pytest.raises(cb.ChainBanditError):
        cb.build(participants=4)
    with pytest.raises(cb.ChainBanditError):
        cb.audit("nowhere")
    with pytest.raises(cb.ChainBanditError, match="40 hexadecimal digits"):
        cb.audit("http://127.0.0.1:9", contract="0xyz")


def test_wrong_arguments_are_one_sentence_each(tmp_path: Path):
    game = cb.load("small", **SHORT)
    for wrong in (0, -1, "x", 2.5, None, 10**400, 10**5000):
        with pytest.raises(cb.ChainBanditError, match="replicates: expected a whole number from 1 to") as caught:
            cb.simulate(game, wrong)  # type: ignore[arg-type]
        assert caught.value.exit_code == 2
    with pytest.raises(cb.ChainBanditError, match="jobs: expected"):
        cb.simulate(game, 2, jobs=0)
    for verb in (cb.play, cb.simulate):
        with pytest.raises(cb.ChainBanditError, match=r"expected a scenario, .* got \['small'\]"):
            verb(["small"])  # type: ignore[operator]
    with pytest.raises(cb.ChainBanditError, match=r"^scenario: participants: "):
        cb.build()
    assert cb.build(participants=4, rounds=20, liars=1, attackers=1, rewards={"kind": "bernoulli", "means": [0.1, 0.9]}
                    ).folder == Path.cwd()  # fmt: skip


def test_what_is_no_path_is_one_sentence():
    for verb in (cb.load, cb.audit, cb.history):
        with pytest.raises(cb.ChainBanditError, match="expected a path, got None"):
            verb(None)  # type: ignore[arg-type]
    with pytest.raises(cb.ChainBanditError, match="cannot be read: File name too long"):
        cb.load("a" * 300)
    with pytest.raises(cb.ChainBanditError, match="goes with contract=ADDRESS"):
        cb.audit("http://127.0.0.1:9")


def test_an_audit_runs_the_foreign_rules_and_holds_to_the_head_that_it_is_told(tmp_path: Path):
    """In a process of its own, which does not know the rule that the game was played by."""
    rule = f"{Path(__file__).parents[1]}/packages/their_krum.py:Krum"
    run = cb.play(cb.load("small", aggregation=rule, **SHORT), tmp_path / "run")
    say = "import chain_bandit as cb, sys; print(cb.audit(sys.argv[1], rules=sys.argv[2:]).exit_code)"
    for rules, code in (((rule,), 0), ((), 13)):
        asked = [sys.executable, "-c", say, str(run.out), *rules]
        assert subprocess.run(asked, check=True, capture_output=True, text=True).stdout == f"{code}\n"
    assert cb.audit(run.out, head=run.manifest["head"]).exit_code == 0
    assert cb.audit(run.out, head="0x" + "11" * 32).exit_code == 12


def test_a_history_is_exported_where_a_file_is_named(tmp_path: Path):
    run = cb.play(cb.load("small", **SHORT), tmp_path / "run")
    cb.history(run.out, tmp_path / "history.jsonl.gz")
    assert cmp(tmp_path / "history.jsonl.gz", run.out / "history.jsonl.gz", shallow=False)
    with pytest.raises(cb.ChainBanditError, match="cannot be written"):
        cb.history(run.out, tmp_path / "none" / "history.jsonl")
    for no_file in ("", Path(), "/"):
        with pytest.raises(cb.ChainBanditError, match="expected a file, got"):
            cb.history(run.out, no_file)


def test_what_this_process_was_given_is_known_by_its_name():
    @cb.environment("three-pages")
    def three_pages(best: float = 0.9):
        return cb.bernoulli([0.1, best, 0.2])

    @cb.attack("always-half")
    class AlwaysHalf(cb.Attack):
        conduct = cb.Conduct.LIAR

        def means(self, view, honest):
            return (5 * 10**8,) * len(honest)

    game = cb.build(
        participants=4, rounds=40, liars=1, attackers=1, rewards={"kind": "three-pages", "best": 0.8},
        malicious=[{"seat": 3, "attacks": [{"name": "always-half"}]}],
    )  # fmt: skip
    assert game.model.means == (10**8, 8 * 10**8, 2 * 10**8)
    run = cb.play(game)
    assert run.passed
    assert run.manifest["attacks"]["3"].keys() == {"always-half"}
    with pytest.raises(cb.ChainBanditError, match="lower-case"):
        cb.attack("Not A Name")(AlwaysHalf)
    for broken, why in ((lambda: cb.attack("sign-flip")(AlwaysHalf), "is a name of this version"),
                        (lambda: cb.environment("bernoulli")(three_pages), "is a name of this version"),
                        (lambda: cb.attack("silly")(3), "expected a class or a function, got 3"),
                        (lambda: cb.attack(AlwaysHalf), "in quotes and parentheses")):  # fmt: skip
        with pytest.raises(cb.ChainBanditError, match=why):
            broken()
    with pytest.raises(cb.ChainBanditError, match="three-pages"):
        cb.build(participants=4, rounds=40, liars=1, attackers=1, rewards={"kind": "unknown"})


def test_a_sweep_gives_its_table(tmp_path: Path):
    (tmp_path / "sweep.toml").write_text(
        'name = "s"\nreplicates = 2\nbase = { name = "s", participants = 4, rounds = 40, liars = 1, attackers = 1, '
        'rewards = { kind = "bernoulli", means = [0.2, 0.8] } }\n[axes]\nliars = [0, 1]\n'
    )
    swept = cb.sweep(tmp_path / "sweep.toml", tmp_path / "out")
    assert len(swept.final) == 2
    assert swept.table.to_arrow().num_rows == len(swept.table)


def test_a_sweep_of_axes_is_that_of_the_file_that_says_the_same(tmp_path: Path):
    (tmp_path / "game.toml").write_text(
        'name = "g"\nparticipants = 4\nrounds = 40\nliars = 1\nattackers = 1\npreset = "recommended"\n'
        '[rewards]\nkind = "bernoulli"\nmeans = [0.2, 0.8]\n'
    )
    rule = {"name": "huber-one-step", "options": {"clip": 1.0}}
    axes = {"liars": [0, 1], "aggregation": ["confidence", rule]}
    (tmp_path / "sweep.toml").write_text(
        'name = "g"\nbase = "game.toml"\n[axes]\nliars = [0, 1]\n'
        'aggregation = ["confidence", {name = "huber-one-step", options = {clip = 1.0}}]\n'
    )
    by_file = cb.sweep(tmp_path / "sweep.toml", replicates=2)
    assert len({row["digest"] for row in by_file.final}) == 4
    for source in (tmp_path / "game.toml", str(tmp_path / "game.toml"), cb.load(tmp_path / "game.toml")):
        swept = cb.sweep(source, axes=axes, replicates=2)
        assert list(swept.table) == list(by_file.table)
    assert {row["aggregation"] for row in swept.final} == {"confidence", "huber-one-step clip=1.0"}
    assert repr(swept) == "SweepResult('g', liars by aggregation: 4 points)"
    assert (swept.plot().axes[0].get_xlabel(), len(swept.plot().axes[0].lines)) == ("liars", 2)
    named = cb.sweep(tmp_path / "game.toml", axes={"aggregation": ["confidence", "median"]}, replicates=2)
    assert "regret at the end" in named.plot().axes[0].get_title(loc="left")
    with pytest.raises(cb.ChainBanditError, match="axes="):
        cb.sweep(cb.load("small"))


def test_a_script_that_its_workers_cannot_import_is_told_so(tmp_path: Path):
    sweep = "cb.sweep('small', axes={'liars': [0, 1]}, replicates=1, jobs=2)"
    (tmp_path / "script.py").write_text(f"import chain_bandit as cb\nprint({sweep})\n")
    said = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (said.stdout, said.returncode) == ("", 1)
    assert said.stderr.splitlines()[-1] == (
        "chain_bandit.runner.workers.NoWorkers: none of several processes began; each imports the script that asks for "
        'them, which has to do so under if __name__ == "__main__":'
    )


def test_where_a_scenario_is_taken_the_name_of_an_example_or_a_file_is_too(tmp_path: Path):
    loaded = cb.simulate(cb.load("small"), 2)
    named = cb.simulate("small", 2)
    assert (named.measured.sums == loaded.measured.sums).all()
    assert repr(named).startswith("Simulation('small', 2 replicates, regret ")
    with pytest.raises(cb.ChainBanditError, match="cannot be read"):
        cb.play("no-such-example", tmp_path / "out")
    with pytest.raises(cb.ChainBanditError, match="expected a scenario"):
        cb.simulate({"name": "small"})  # type: ignore[arg-type]


def test_a_notebook_shows_the_first_rows_of_a_table():
    shown = cb.Table({"name": "<b>", "number": 1234.56789} for _ in range(23))._repr_html_()
    assert shown.count("<tr>") == 21
    assert "<tr><td>name</td><td>number</td></tr><tr><td>&lt;b&gt;</td><td>1,235</td></tr>" in shown
    assert shown.endswith("<p>and 3 more rows</p>")
    assert cb.Table([])._repr_html_() == "<table><tr><td>empty</td></tr></table>"


def test_a_table_of_wei_beyond_64_bits_is_one_of_arrow():
    rows = [{"wei": wei, "seat": seat} for seat, wei in enumerate((2**63, None, -(2**100), 0))]
    assert cb.Table(rows).to_arrow().to_pylist() == rows
    assert str(cb.Table(rows).to_arrow().schema.field("seat").type) == "int64"


def test_a_simulation_has_its_baselines_on_the_same_draws():
    many = cb.simulate(cb.load("small", **SHORT), replicates=2)
    learners = {row["learner"]: row["mean"] for row in many.baselines()}
    assert {"ucb1 alone", "oracle", "undefended mean"} <= learners.keys()
    assert all(mean >= 0 for mean in learners.values())


def test_a_scenario_of_other_keys_is_another_game_and_is_checked():
    game = cb.load("small", **SHORT)
    assert cb.simulate(game, 2).table[-1]["round"] == game.rounds
    for deep in (False, True):
        longer = game.model_copy(update={"rounds": 50}, deep=deep)
        assert cb.simulate(longer, 2).table[-1]["round"] == 50
    lie = {"seat": 9, "attacks": [{"name": "sign-flip"}]}
    for made in (
        game.model_copy(update={"rounds": -1}), cb.Scenario.model_validate({**game.model_dump(), "malicious": [lie]})
    ):  # fmt: skip
        for verb in (cb.simulate, cb.play):
            with pytest.raises(cb.ChainBanditError, match="does not hold"):
                verb(made)


def test_keys_of_a_copied_or_constructed_scenario_are_read_as_those_of_a_file():
    game = cb.load("small", **SHORT)
    for wrong in (
        {"rounds": "50"}, {"rounds": 50.0}, {"seed": True}, {"seed": -1}, {"rewards": None}, {"chain": {"batch": "2"}},
        {"chain": game.chain.model_copy(update={"batch": "2"})}, {"quorum": "most"}, {"name": "../x"}, {"round": 50},
        {"preset": "none"}, {"rounds": object()}, {"folder": None},
    ):  # fmt: skip
        made = [game.model_copy(update=wrong)]
        made += [cb.Scenario.model_construct(**dict(game) | wrong)] if "round" not in wrong else []
        for each in made:
            for verb in (cb.simulate, lambda made: cb.sweep(made, axes={"liars": [1]})):
                with pytest.raises(cb.ChainBanditError, match=next(iter(wrong))) as caught:
                    verb(each)
                assert caught.value.exit_code == 3
    keys = {
        "rounds": np.int64(50), "chain": {"batch": 2}, "aggregation": {"name": "median"}, "preset": "recommended",
        "rewards": {"kind": "bernoulli", "means": np.array([0.1, 0.9])},
    }  # fmt: skip
    assert cb.simulate(game.model_copy(update=keys), 2) == cb.simulate(cb.load("small", **SHORT | keys), 2)
    assert cb.simulate(game, 2).scenario == game


def test_means_are_taken_from_whatever_has_an_order():
    for means in ((mean for mean in (0.5, 0.2)), iter(["0.5", 0.2]), np.array([0.5, 0.2]), [np.float64(0.5), 0.2]):
        assert cb.bernoulli(means).means == (5 * 10**8, 2 * 10**8)
    assert cb.bernoulli([np.int64(1), np.float32(0.5)]).means == (10**9, 5 * 10**8)
    for none in (5, None, "05", {0.5: 1}, {0.5, 0.2}, np.array(0.5)):
        with pytest.raises(cb.ChainBanditError, match="expected the means of the arms in their order, got"):
            cb.bernoulli(none)
    with pytest.raises(cb.ChainBanditError, match="mean of arm 0"):
        cb.bernoulli([None])


def test_an_environment_that_tosses_its_rewards_is_refused():
    """A baseline, another cell and a resumed run would have other rewards than the game."""
    coins = Random(1)

    @cb.environment("tossed-arms")
    def tossed():
        return cb.bernoulli([coins.random(), 0.5])

    with pytest.raises(cb.ChainBanditError, match="gives other rewards for the same options"):
        cb.load("small", rewards={"kind": "tossed-arms"})


def test_keys_are_numbers_of_any_library_and_what_a_file_can_hold(tmp_path: Path):
    @cb.environment("arms-of-an-option")
    def arms(means, note=0.0, limits=()):
        return cb.bernoulli(means)

    keys = {"participants": 4, "liars": 1, "attackers": 0}
    rewards = {"kind": "arms-of-an-option", "means": (0.5, 0.9), "note": float("inf"), "limits": (1, 2)}
    wanted = cb.build(**keys, rounds=20, rewards=rewards)
    numpy = rewards | {"means": np.array([0.5, 0.9]), "note": np.float32("inf"), "limits": (n for n in (1, 2))}
    found = cb.build(**keys, rounds=np.int64(20), rewards=numpy)
    assert found == wanted
    assert cb.simulate(found, np.int32(3)) == cb.simulate(wanted, 3)
    assert cb.play(found, tmp_path / "run").passed
    assert cb.load(tmp_path / "run" / "scenario.lock.toml").rewards == wanted.rewards
    swept = cb.sweep(found, axes={"rounds": np.arange(20, 40, 10), "liars": range(2)}, replicates=np.int64(2))
    assert swept.final == cb.sweep(wanted, axes={"rounds": [20, 30], "liars": [0, 1]}, replicates=2).final
    endless = []
    endless.append(endless)
    for none in (lambda: 3, object(), {0.5, 0.9}, b"x", [None], endless):
        with pytest.raises(cb.ChainBanditError, match=r"rewards\.note: expected what a scenario file can hold"):
            cb.build(**keys, rounds=20, rewards=rewards | {"note": none})


def test_results_of_the_same_numbers_are_equal():
    game, other = cb.load("small", **SHORT), cb.load("small", **SHORT | {"seed": 2})
    first, again = cb.simulate(game, 3), cb.simulate(game, 3, jobs=2)
    assert first == again
    assert first.table == again.table
    assert first != cb.simulate(other, 3)
    assert first != cb.simulate(game, 2)
    assert first.table != list(first.table)


def test_a_run_is_found_from_another_folder(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = cb.play(cb.load("small", **SHORT), "run")
    monkeypatch.chdir("/")
    assert len(run.rounds)
    assert run.report.exists()


def test_what_is_no_name_is_one_sentence(tmp_path: Path):
    game = cb.load("small", **SHORT)
    for wrong, said in (
        (lambda: cb.play(game, 3), "expected a path, got 3"),
        (lambda: cb.play(game, "a\0b"), "no file has such a name"),
        (lambda: cb.load("\ud800"), "no file has such a name"),
        (lambda: cb.history("http://127.0.0.1:9", 3, contract="0x"), "expected a path, got 3"),
        (lambda: cb.history("http://127.0.0.1:9", "h", contract=3), "contract 3: expected 0x"),
        (lambda: cb.deploy(game, "http://127.0.0.1:9", "key", "", listen=3), "expected text, got 3"),
        (lambda: cb.deploy(game, "http://127.0.0.1:9", "key", "", listen="a:1", out=3), "expected a path, got 3"),
        (lambda: cb.sweep(game, 3, axes={"liars": [1]}), "expected a path"),
        (lambda: cb.sweep(None), "expected a path"),
        (lambda: cb.play(game, chain=None), "expected text, got None"),
        (lambda: cb.play(game, chain="http://127.0.0.1:9", account=5), "expected text, got 5"),
        (lambda: cb.play(game, account="dev0"), "the embedded chain needs no payer"),
        (lambda: cb.simulate(game, True), "expected a whole number"),
        (lambda: cb.simulate(game, 2, progress=3), "progress: expected True, or a function"),
        (lambda: cb.audit(tmp_path, head=b"0"), "expected text"),
        (lambda: cb.audit(tmp_path, rules="middle.py:Middle"), "rules: expected a list of names"),
        (lambda: cb.audit(tmp_path, bodies=["one.jsonl.gz"]), "bodies go with a node's URL"),
    ):  # fmt: skip
        with pytest.raises(cb.ChainBanditError, match=said) as caught:
            wrong()
        assert caught.value.exit_code == 2
