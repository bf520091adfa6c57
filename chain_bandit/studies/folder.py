"""A study's folder: what it is of."""

import json
from pathlib import Path
from typing import Any

from chain_bandit.append_log import regular_file
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.studies.presets import PRESETS, parts_of
from chain_bandit.studies.results import Results, joined, kept

FORMAT, MANIFEST = "chain-bandit-mediate/2", "study.json"
_MOST_BYTES = 1 << 16


class StudyRefused(ChainBanditError):
    """A place that a study's folder cannot go to, or be read from."""

    exit_code = 3

    def __init__(self, out: Path, why: str) -> None:
        super().__init__(f"{out}: {why}")
        self.out, self.why = out, why


def study(out: Path) -> dict[str, Any]:
    """Which preset and seed a folder holds, with which switches, by which version. Raises `StudyRefused`."""
    try:
        with regular_file(out / MANIFEST) as file:
            found = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, dict) or found.get("format") != FORMAT or type(found.get("seed")) is not int
        or found.get("preset") not in list(PRESETS) or not isinstance(found.get("version"), str)
        or not isinstance(found.get("switches"), dict)
    ):  # fmt: skip
        raise StudyRefused(out, "is not the folder of a study of MEDIATE")
    return found


def finished(out: Path) -> tuple[Results, ...]:
    """What the folder has of its preset's parts. Raises `StudyRefused` or `ResultsUnreadable`."""
    found = joined(kept(out, parts_of(study(out)["preset"])))
    if not found:
        raise StudyRefused(out, "no part of this study is finished; go on with chain-bandit mediate run --resume")
    return found


def folder_for(out: Path) -> Path:
    """A folder that is there or is made. Raises `StudyRefused`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyRefused(out, f"cannot be written: {error.strerror}") from error
    return out
