"""A study that is stopped goes on to the same bits. Skipped without PyTorch."""

from multiprocessing import active_children

import numpy as np
import pytest

pytest.importorskip("torch", reason="of the extra `mediate`")

from chain_bandit.append_log import whole_file
from chain_bandit.mediate.games.names import UnknownGame
from chain_bandit.mediate.learners.experiment import Experiment
from chain_bandit.mediate.learners.lio import Lio
from chain_bandit.mediate.token_rule import MethodInvalid
from chain_bandit.runner import folder
from chain_bandit.studies import checkpoint, presets, run
from chain_bandit.studies.folder import StudyRefused, study
from chain_bandit.studies.presets import Part
from chain_bandit.studies.results import read
from chain_bandit.studies.switches import Switches

GAME = "rescaled-coin-game-2"
SMALL = tuple(Part(GAME, methods, (0,), 5) for methods in (("mate:0.5,2", "mediate-s"), ("budget-gifting",), ("lio",)))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "smoke", SMALL)
    monkeypatch.setattr(run, "KEEP", 2)


def bits(out):
    return {path.name: path.read_bytes() for path in out.glob("*.parquet")}


class Stopper:
    """Stops at the given epoch of the given part, once."""

    def __init__(self, part, epoch):
        self.at, self.seen = (part, epoch), []

    def __call__(self, part, epoch, found):
        self.seen.append((part, epoch))
        if (part, epoch) == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stopped", [*((part, 3) for part in SMALL), (SMALL[0], 1)])
def test_a_study_that_was_stopped_goes_on_to_the_same_bits(tmp_path, stopped):
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    run.run("smoke", whole)
    with pytest.raises(KeyboardInterrupt) as told:
        run.run("smoke", halved, observe=Stopper(*stopped))
    kept = 5 * SMALL.index(stopped[0]) + stopped[1] // 2 * 2
    assert told.value.__notes__ == [f"{kept} epochs are kept in {halved}: continue with --resume"]
    with pytest.raises(StudyRefused, match="continue with --resume"):
        run.run("smoke", halved)
    after = Stopper(None, 0)
    run.run("smoke", halved, resume=True, observe=after)
    assert bits(whole) == bits(halved)
    assert len(bits(whole)) == 3
    assert set(read(whole / f"{SMALL[0].name}.parquet", SMALL[0]).tokens[:, 0, 0]) == {(0.5 + 2) / 2}
    assert (stopped[0], stopped[1] // 2 * 2 + 1) in after.seen
    assert (stopped[0], 1) not in after.seen or stopped[1] < 2  # not played again
    assert not list(halved.glob("*.kept"))


def test_a_part_that_is_not_done_can_be_read_as_far_as_it_is_kept(tmp_path):
    run.run("smoke", tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run.run("smoke", tmp_path / "halved", observe=Stopper(SMALL[0], 3))
    found = run.unfinished(SMALL[0], tmp_path / "halved")
    whole = read(tmp_path / "whole" / f"{SMALL[0].name}.parquet", SMALL[0])
    assert found.part.epochs == 2
    assert found.measured.tolist() == whole.first(2).measured.tolist()
    assert found.tokens.tolist() == whole.tokens[:2].tolist()
    assert run.unfinished(SMALL[1], tmp_path / "halved").part.epochs == 0


def test_a_checkpoint_that_is_not_of_this_part_is_as_good_as_none(tmp_path):
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    run.run("smoke", whole)
    for spoil in (lambda kept: kept.write_bytes(b"PK"), beyond):
        with pytest.raises(KeyboardInterrupt):
            run.run("smoke", halved, resume=True, observe=Stopper(SMALL[2], 3))
        (kept,) = halved.glob("*.kept")
        spoil(kept)
    run.run("smoke", halved, resume=True)
    assert bits(whole) == bits(halved)


def beyond(kept):
    """The epoch before the first, behind a digest that is right."""
    trial = Experiment(run.setting_of(SMALL[2], 0, Switches()))
    so_far = {name: np.zeros((5, 1, 1)) for name in ("welfare", "token", "coins", "own")}
    checkpoint.write(kept, run._kept(trial, so_far) | {"epochs": np.array(-1)})


def test_processes_play_the_same_bits_and_say_how_far_they_are(tmp_path):
    here, beside = tmp_path / "here", tmp_path / "beside"
    run.run("smoke", here)
    told = {}
    results = run.run("smoke", beside, jobs=2, observe=lambda part, *stands: told.update({part: stands}))
    assert bits(here) == bits(beside)
    assert [each.part for each in results] == list(SMALL)
    assert told == dict.fromkeys(SMALL, (5, 0))
    again = {}
    run.run("smoke", beside, resume=True, jobs=2, observe=lambda part, *stands: again.update({part: stands}))
    assert again == dict.fromkeys(SMALL, (5, 5))


def test_tokens_that_agents_cannot_have_are_refused_before_anything_is_played(tmp_path, monkeypatch):
    bounds = "takes numbers from 0 to 9,007,199"
    refused = {"mate:1,2,3": "has 3 tokens, and there are 2", "mate:much": bounds, "mate:9007200": bounds}
    for method, why in refused.items():
        monkeypatch.setitem(presets.PRESETS, "smoke", (Part(GAME, ("naive", method), (0,), 5),))
        with pytest.raises(MethodInvalid, match=f"^method '{method}': {why}"):
            run.run("smoke", tmp_path / method)
        assert not bits(tmp_path / method)


def test_what_a_process_refuses_is_said_as_if_it_were_here(tmp_path, monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "smoke", (Part("chess", ("lio",), (0,), 5), *SMALL))
    for jobs in (1, 2):
        with pytest.raises(UnknownGame, match=r"^no game is called 'chess'; games: ") as error:
            run.run("smoke", tmp_path / str(jobs), jobs=jobs)
        assert error.value.name == "chess"


def test_a_process_that_is_killed_is_said_to_be_gone(tmp_path):
    def kill(part, epoch, found):
        for child in active_children() if epoch else ():
            child.kill()

    with pytest.raises(run.WorkerDied, match="a worker process ended unexpectedly; continue with --resume"):
        run.run("smoke", tmp_path / "x", jobs=2, observe=kill)


def test_another_seed_version_switch_or_something_else_is_refused(tmp_path, monkeypatch):
    run.run("smoke", tmp_path / "x")
    with pytest.raises(StudyRefused, match="holds the study smoke of seed 0"):
        run.run("smoke", tmp_path / "x", seed=1, resume=True)
    with pytest.raises(StudyRefused, match="holds the study smoke of seed 0; name another"):
        run.run("smoke", tmp_path / "x", resume=True, values={"size": "code"})
    monkeypatch.setattr(run, "__version__", "9.9")
    with pytest.raises(StudyRefused, match=r"was played by version \S+, and this is 9\.9"):
        run.run("smoke", tmp_path / "x", resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyRefused, match="is not a folder"):
        run.run("smoke", tmp_path / "file")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("")
    with pytest.raises(StudyRefused, match="mine: is not the folder of a study of MEDIATE; name another with --out"):
        run.run("smoke", tmp_path / "mine")


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_which_only_the_beginning_was_written_is_as_good_as_empty(tmp_path, resume):
    (tmp_path / "study.json.partial").write_text('{"form')
    run.run("smoke", tmp_path, resume=resume)
    assert len(bits(tmp_path)) == 3
    assert study(tmp_path)["preset"] == "smoke"
    assert not (tmp_path / "study.json.partial").exists()


def test_of_two_who_begin_at_once_one_writes_what_is_played(tmp_path, monkeypatch):
    """Another one comes while the first finds the folder empty, and while it plays."""
    told = []

    def another(*_):
        for resume in (False, True):
            with pytest.raises(StudyRefused, match="another process is at this study; wait for it, or stop it"):
                run.run("smoke", tmp_path, seed=1, resume=resume)
            told.append(resume)

    def written(path):
        another()
        return whole_file(path)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "whole_file", written)
        with pytest.raises(KeyboardInterrupt):
            run.run("smoke", tmp_path, observe=Stopper(SMALL[0], 1))
    run.run("smoke", tmp_path, resume=True, observe=another)
    assert len(told) > 2
    assert study(tmp_path)["seed"] == 0


def test_lio_pays_at_most_what_the_papers_table_3_says():
    twos = dict.fromkeys(("coin-game-2", "rescaled-coin-game-2", "coin-game-4", "coin-game-6"), 2.0)
    for game, most in (twos | {"ipd": 3.0, "harvest-6": 0.25}).items():
        assert run.setting_of(Part(game, ("lio",), (0,), 5), 0, Switches()).rival == Lio(most)


def test_a_switch_changes_what_is_played_and_is_named(tmp_path):
    run.run("smoke", tmp_path / "x")
    run.run("smoke", tmp_path / "y", values={"improvement": "reward"})
    changed = {name for name, each in bits(tmp_path / "x").items() if bits(tmp_path / "y")[name] != each}
    assert changed == {f"{SMALL[0].name}.parquet"}
    with pytest.raises(StudyRefused, match="holds the study smoke of seed 0, improvement = reward; name another"):
        run.run("smoke", tmp_path / "y", resume=True)
