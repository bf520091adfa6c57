"""Folder of a study, and its identity."""

from pathlib import Path
from typing import Any

from chain_bandit.runner.folder import OutputFolders, OutputRefused
from chain_bandit.studies.presets import PRESETS, parts_of
from chain_bandit.studies.results import Results, joined, kept


class StudyRefused(OutputRefused):
    """A place that a study's folder cannot go to, or be read from."""


FOLDERS = OutputFolders("study", "study.json", "chain-bandit-mediate/2", StudyRefused)


def study(out: Path) -> dict[str, Any]:
    """Which preset and seed a folder holds, with which switches, by which version. Raises `StudyRefused`."""
    found = FOLDERS.read(out)
    if (
        type(found.get("seed")) is not int or found.get("preset") not in list(PRESETS)
        or not isinstance(found.get("version"), str) or not isinstance(found.get("switches"), dict)
    ):  # fmt: skip
        raise StudyRefused(out, "is not the folder of a study of MEDIATE")
    return found


def finished(out: Path) -> tuple[Results, ...]:
    """What the folder has of its preset's parts. Raises `StudyRefused` or `ResultsUnreadable`."""
    found = joined(kept(out, parts_of(study(out)["preset"])))
    if not found:
        raise StudyRefused(out, "no part of this study is finished; continue with chain-bandit mediate run --resume")
    return found


def folder_for(out: Path) -> Path:
    """A folder that is there or is made. Raises `StudyRefused`."""
    with FOLDERS.written(out):
        out.mkdir(parents=True, exist_ok=True)
    return out
