"""Remaining time of a study, by its duration so far."""

from collections.abc import Sequence

from chain_bandit.studies.presets import Part


class RemainingTime:
    """The time that is left. What was there already when it began counts for nothing."""

    def __init__(self, parts: Sequence[Part], now: float) -> None:
        self._began = now
        self._stands = dict.fromkeys(parts, (0, 0))

    def epochs(self, part: Part, epoch: int, found: int) -> int:
        """A part has come to an epoch, from the one that was found: how many are over in all parts."""
        self._stands[part] = epoch, found
        return sum(done for done, _ in self._stands.values())

    def seconds(self, now: float) -> float | None:
        """None before anything was played."""
        played = sum((done - found) * part.work for part, (done, found) in self._stands.items())
        ahead = sum((part.epochs - done) * part.work for part, (done, _) in self._stands.items())
        return (now - self._began) * ahead / played if played else None

    def words(self, now: float) -> str:
        """For the line that follows the study."""
        seconds = self.seconds(now)
        if seconds is None:
            return ""
        return f"{seconds / 3600:.1f} h left" if seconds > 5400 else f"{seconds / 60:.0f} min left"
