"""A study and its folder: parts that are done are kept, one that was stopped goes on where it was, to the same bits."""

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from chain_bandit import __version__
from chain_bandit.lines import whole_file
from chain_bandit.mediate.games.names import game_of
from chain_bandit.mediate.gifting import Gift
from chain_bandit.mediate.learners.experiment import Experiment, Setting
from chain_bandit.mediate.learners.lio import Lio
from chain_bandit.mediate.token_rule import Method
from chain_bandit.protocol.errors import Stopped
from chain_bandit.studies.folder import FORMAT, MANIFEST, StudyRefused, study
from chain_bandit.studies.presets import MOST_PAID, Part, parts_of
from chain_bandit.studies.results import Results, ResultsUnreadable, read, write

KEEP = 25
"""Epochs after which a part is written down."""

_SLACK = 1 << 16
"""Bytes of names and heads in such a file."""

Arrays = dict[str, NDArray[Any]]
Observer = Callable[[Part, int], None]


def setting_of(part: Part, seed: int) -> Setting:
    """A part as learners take it."""
    (first, *more), rules, runs = part.methods, game_of(part.game), tuple(range(part.runs))
    gifts = {f"{gift.value}-gifting": gift for gift in Gift}
    rival = Lio(MOST_PAID.get(part.game, 2.0)) if first == "lio" else gifts.get(first)
    methods = (Method.NAIVE,) if rival else tuple(map(Method, (first, *more)))
    return Setting(rules, methods, runs, seed, rival=rival)


def run(
    preset: str, out: Path, seed: int = 0, resume: bool = False, games: tuple[str, ...] = (),
    observe: Observer = lambda part, epoch: None,
) -> tuple[Results, ...]:  # fmt: skip
    """Play what is missing of a preset.

    Args:
        observe: is told of every epoch that is over, and of what is there already.

    Raises:
        UnknownPreset, StudyRefused.
    """
    parts = parts_of(preset, games)
    with _place(out, {"preset": preset, "seed": seed}, resume):
        return tuple(_part(part, out, seed, observe) for part in parts)


def _part(part: Part, out: Path, seed: int, observe: Observer) -> Results:
    path, beside = out / f"{part.name}.parquet", out / f"{part.name}.npz"
    try:
        results = read(path, part)
    except ResultsUnreadable:  # missing or damaged: played
        results = _played(part, beside, seed, observe)
        write(path, results)
    beside.unlink(missing_ok=True)
    observe(part, part.epochs)
    return results


def _played(part: Part, beside: Path, seed: int, observe: Observer) -> Results:
    trial = Experiment(setting_of(part, seed))
    names, shape = game_of(part.game).counts, (part.epochs, len(part.methods), part.runs)
    so_far: Arrays = {name: np.zeros(shape) for name in ("welfare", "token", *names)}
    _taken_up(trial, so_far, beside)
    try:
        while trial.epochs < part.epochs:
            at, epoch = trial.epochs, trial.epoch()
            so_far["welfare"][at], so_far["token"][at] = epoch.welfare, epoch.tokens.mean(axis=-1)
            for name, counted in zip(names, np.moveaxis(epoch.counts, -1, 0), strict=True):
                so_far[name][at] = counted
            if trial.epochs % KEEP == 0:
                with whole_file(beside) as file:
                    np.savez(file, allow_pickle=False, **_kept(trial, so_far))
            observe(part, trial.epochs)
    except (KeyboardInterrupt, Stopped) as stopped:
        kept = trial.epochs // KEEP * KEEP
        stopped.add_note(f"{kept:,} epochs of {part.name} are kept in {beside.parent}: go on with --resume")
        raise
    return Results(part, so_far["welfare"], {name: so_far[name] for name in names}, so_far["token"])


def _kept(trial: Experiment, so_far: Arrays) -> dict[str, Any]:
    """What the next epochs, and the results, depend on."""
    return trial.state() | {f"so_far.{name}": each for name, each in so_far.items()}


def _taken_up(trial: Experiment, so_far: Arrays, beside: Path) -> None:
    """Go on where a file says; one that is missing or not what was written says nothing."""
    wanted = _kept(trial, so_far)
    try:
        with ZipFile(beside) as packed:
            if sum(each.file_size for each in packed.infolist()) > sum(a.nbytes for a in wanted.values()) + _SLACK:
                return
        with np.load(beside, allow_pickle=False) as loaded:
            found = {name: loaded[name] for name in wanted}
    except (OSError, ValueError, KeyError, BadZipFile):
        return
    if any(found[name].shape != each.shape or found[name].dtype != each.dtype for name, each in wanted.items()):
        return
    if not 0 <= found["epochs"] <= len(so_far["welfare"]):
        return
    trial.restore(found)
    for name, each in so_far.items():
        each[:] = found[f"so_far.{name}"]


@contextmanager
def _place(out: Path, what: dict[str, Any], resume: bool) -> Iterator[None]:
    """The folder, for this process alone. Raises `StudyRefused`."""
    manifest = out / MANIFEST
    try:
        if out.exists() and not out.is_dir():
            raise StudyRefused(out, "exists and is not a folder; name another with --out")
        if out.is_dir() and any(out.iterdir()):
            there = study(out)
            if {key: there[key] for key in what} != what:
                raise StudyRefused(out, f"holds the study {there['preset']} of seed {there['seed']}; name another")
            if not resume:
                raise StudyRefused(out, "holds this study; go on with --resume, or name another with --out")
        out.mkdir(parents=True, exist_ok=True)
        if not manifest.exists():
            with whole_file(manifest) as file:
                file.write(json.dumps({"format": FORMAT, "version": __version__, **what}, sort_keys=True).encode())
        with manifest.open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StudyRefused(out, "another process is at this study; wait for it, or stop it") from error
            yield
    except OSError as error:
        raise StudyRefused(out, f"cannot be written: {error.strerror}") from error
