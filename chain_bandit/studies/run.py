"""A study and its folder: parts that are done are kept, one that was stopped goes on where it was, to the same bits."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from chain_bandit import __version__
from chain_bandit.mediate.games.names import game_of
from chain_bandit.mediate.gifting import Gift
from chain_bandit.mediate.learners.experiment import Experiment, LearningSetting
from chain_bandit.mediate.learners.lio import Lio
from chain_bandit.mediate.token_rule import Mate, Method
from chain_bandit.pool import CONTEXT
from chain_bandit.protocol.errors import ChainBanditError, Stopped
from chain_bandit.runner.workers import processes
from chain_bandit.studies import checkpoint
from chain_bandit.studies.checkpoint import Arrays
from chain_bandit.studies.folder import FOLDERS, StudyRefused, study
from chain_bandit.studies.presets import MOST_PAID, Part, parts_of
from chain_bandit.studies.results import Results, ResultsUnreadable, joined, read, write
from chain_bandit.studies.switches import PAPERS, Switches, switched

KEEP = 25
"""Epochs after which a part is written down."""

SHOWN = 0.2
"""Seconds after which what other processes have come to is looked at again."""

StudyObserver = Callable[[Part, int, int], None]
"""Is told how many epochs of a part are over, and how many of these were found in the folder."""


class WorkerDied(ChainBanditError):
    """A worker process that ended unexpectedly, perhaps killed for the memory that it took."""

    exit_code = 15

    def __init__(self, out: Path) -> None:
        super().__init__(f"{out}: a worker process ended unexpectedly; continue with --resume, maybe fewer --jobs")
        self.out = out


def setting_of(part: Part, seed: int, switches: Switches) -> LearningSetting:
    """A part as learners take it."""
    first, rules = part.methods[0], switches.of(game_of(part.game))
    gifts = {f"{gift.value}-gifting": gift for gift in Gift}
    rival = Lio(MOST_PAID.get(part.game, 2.0)) if first == "lio" else gifts.get(first)
    methods = (Method.NAIVE,) if rival else tuple(Mate.named(each) or Method(each) for each in part.methods)
    return LearningSetting(rules, methods, part.runs, seed, switches.rule, switches.improvement, rival)


def run(
    preset: str, out: Path, seed: int = 0, resume: bool = False, games: tuple[str, ...] = (),
    observe: StudyObserver = lambda part, epoch, found: None, jobs: int = 1, values: Mapping[str, object] | None = None,
) -> tuple[Results, ...]:  # fmt: skip
    """Play what is missing of a preset.

    Args:
        jobs: processes that play. The results do not depend on it.
        values: of switches, by name.

    Raises:
        UnknownPreset, SwitchInvalid, StudyRefused, WorkerDied.
    """
    parts, switches, at = parts_of(preset, games), switched(values or {}), dict[Part, int]()

    def observed(part: Part, epoch: int, found: int) -> None:
        at[part] = epoch
        observe(part, epoch, found)

    what = {"preset": preset, "seed": seed, "switches": dict(values or {}), "version": __version__}
    with FOLDERS.held(out, what, lambda _: _same(out, what), resume):
        try:
            if min(jobs, len(parts)) == 1:
                return joined(_part(part, out, seed, switches, partial(observed, part)) for part in parts)
            return joined(_by_processes(parts, out, seed, switches, observed, jobs))
        except (KeyboardInterrupt, Stopped) as stopped:
            kept = sum(epoch if epoch == part.epochs else epoch // KEEP * KEEP for part, epoch in at.items())
            stopped.add_note(f"{kept:,} epochs are kept in {out}: continue with --resume")
            raise


def _by_processes(
    parts: Sequence[Part], out: Path, seed: int, switches: Switches, observe: StudyObserver, jobs: int
) -> list[Results]:
    """The longest parts first, so that none is left to one process at the end."""
    stands = CONTEXT.RawArray("q", 2 * len(parts))

    def look() -> None:
        for at, part in enumerate(parts):
            observe(part, stands[2 * at], stands[2 * at + 1])

    order = sorted(range(len(parts)), key=lambda at: -parts[at].work * parts[at].epochs)
    play = partial(_standing, parts, out, seed, switches)
    workers = processes(min(jobs, len(parts)), partial(_stand, stands), look, SHOWN)
    try:
        with closing(workers(play, order)) as results:
            played = {at: result() for at, result in results}
    except BrokenProcessPool as error:
        raise WorkerDied(out) from error
    return [played[at] for at in range(len(parts))]


_stands: Any = None
"""In a process that plays: of each part its epochs that are over, and those that were found."""


def _stand(stands: Any) -> None:
    global _stands
    _stands = stands


def _standing(parts: Sequence[Part], out: Path, seed: int, switches: Switches, at: int) -> Results:
    def observe(epoch: int, found: int) -> None:
        _stands[2 * at + 1], _stands[2 * at] = found, epoch

    return _part(parts[at], out, seed, switches, observe)


def _part(part: Part, out: Path, seed: int, switches: Switches, observe: Callable[[int, int], None]) -> Results:
    path, beside = out / f"{part.name}.parquet", out / f"{part.name}.kept"
    try:
        results = read(path, part)
        observe(part.epochs, part.epochs)
    except ResultsUnreadable:  # missing or damaged: played
        results = _played(part, beside, seed, switches, observe)
        write(path, results)
    beside.unlink(missing_ok=True)
    return results


def unfinished(part: Part, out: Path, seed: int = 0, switches: Switches = PAPERS) -> Results:
    """What a part that was stopped had come to when it was last written down, of so many epochs."""
    trial, so_far = _begun(part, out / f"{part.name}.kept", seed, switches)
    return _results(replace(part, epochs=trial.epochs), {name: each[: trial.epochs] for name, each in so_far.items()})


def _played(part: Part, beside: Path, seed: int, switches: Switches, observe: Callable[[int, int], None]) -> Results:
    trial, so_far = _begun(part, beside, seed, switches)
    found = trial.epochs
    observe(found, found)
    while trial.epochs < part.epochs:
        at, epoch = trial.epochs, trial.epoch()
        so_far["welfare"][at], so_far["token"][at] = epoch.welfare, epoch.tokens.mean(axis=-1)
        for name, counted in zip(game_of(part.game).counts, np.moveaxis(epoch.counts, -1, 0), strict=True):
            so_far[name][at] = counted
        if trial.epochs % KEEP == 0:
            checkpoint.write(beside, _kept(trial, so_far))
        observe(trial.epochs, found)
    return _results(part, so_far)


def _begun(part: Part, beside: Path, seed: int, switches: Switches) -> tuple[Experiment, Arrays]:
    """An experiment and what it has come to so far: as the file says; one that is not what was written says nothing."""
    trial = Experiment(setting_of(part, seed, switches))
    shape = part.epochs, len(part.methods), len(part.runs)
    so_far: Arrays = {name: np.zeros(shape) for name in ("welfare", "token", *game_of(part.game).counts)}
    found = checkpoint.read(beside, _kept(trial, so_far))
    if found is not None and 0 <= found["epochs"] <= part.epochs:
        trial.restore(found)
        so_far = {name: found[f"so_far.{name}"] for name in so_far}
    return trial, so_far


def _results(part: Part, so_far: Arrays) -> Results:
    counts = {name: so_far[name] for name in game_of(part.game).counts}
    return Results(part, so_far["welfare"], counts, so_far["token"])


def _kept(trial: Experiment, so_far: Arrays) -> Arrays:
    """What the next epochs, and the results, depend on."""
    return trial.state() | {f"so_far.{name}": each for name, each in so_far.items()}


def _same(out: Path, what: Mapping[str, Any]) -> None:
    """Nothing is added to another study, nor to what another version has played. Raises `StudyRefused`."""
    try:
        there = study(out)
    except StudyRefused as refused:
        raise StudyRefused(out, f"{refused.why}; name another with --out") from refused
    if any(there[key] != what[key] for key in ("preset", "seed", "switches")):
        switches = "".join(f", {name} = {value}" for name, value in there["switches"].items())
        held = f"holds the study {there['preset']} of seed {there['seed']}{switches}"
        raise StudyRefused(out, f"{held}; name another with --out")
    if there["version"] != what["version"]:
        versions = f"was played by version {there['version']}, and this is {what['version']}"
        raise StudyRefused(out, f"{versions}, whose runs take another course; name another with --out")
