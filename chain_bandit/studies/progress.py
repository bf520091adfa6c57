"""How long a study has still to go, by how long it has taken so far."""

from collections.abc import Sequence

from chain_bandit.studies.presets import Part


class Left:
    """The time that is left. What was there already when it began counts for nothing."""

    def __init__(self, parts: Sequence[Part], now: float) -> None:
        self._parts, self._began = parts, now
        self._done = dict.fromkeys(parts, 0)
        self._played = 0.0

    def epochs(self, part: Part, epoch: int) -> int:
        """A part has come to an epoch: how many are over in all parts."""
        if epoch == self._done[part] + 1:  # else it was found, not played
            self._played += part.work
        self._done[part] = epoch
        return sum(self._done.values())

    def seconds(self, now: float) -> float | None:
        """None before anything was played."""
        ahead = sum((part.epochs - done) * part.work for part, done in self._done.items())
        return (now - self._began) * ahead / self._played if self._played else None

    def words(self, now: float) -> str:
        """For the line that follows the study."""
        seconds = self.seconds(now)
        if seconds is None:
            return ""
        return f"{seconds / 3600:.1f} h left" if seconds > 5400 else f"{seconds / 60:.0f} min left"
