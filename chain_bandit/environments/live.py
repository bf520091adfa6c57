"""Live rewards: where they are asked for while the game runs, a key a pull, so that a repeated one counts once."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from chain_bandit import plugins
from chain_bandit.protocol.errors import Stopped


class PullKey(NamedTuple):
    """Which pull it is: the same key is the same pull, however often it is asked for.

    Attributes:
        game: its domain separator, hexadecimal: of chain, contract and parameters.
        round: from 1 on.
        participant: its seat.
        pull: from 0 on; more than one pull of a seat in a round there is in phases only.
    """

    game: str
    round: int
    participant: int
    pull: int = 0

    def __str__(self) -> str:
        """As it is sent: at most 100 letters, digits and hyphens."""
        return f"{self.game}-{self.round}-{self.participant}-{self.pull}"


class SourceFailed(Exception):
    """No value came; the text says why. It is asked for again, unless `final`."""

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class RewardSource(Protocol):
    """Answers pulls. `asked` is called in one thread, `pull` in several, with a key and an arm as before or after it.

    Attributes:
        name: what sentences call it.
    """

    name: str

    def asked(self, key: PullKey, arm: int) -> None:
        """Take in that a pull is made, in the order of all pulls; again in that order after a restart."""
        ...

    def pull(self, key: PullKey, arm: int, seconds: float) -> object:
        """The reward of a pull, which nobody has checked yet, within so many seconds. Raises `SourceFailed`."""
        ...


class CallableSource:
    """A function of `PullKey` and arm that gives a number from 0 to 1. It is called by several threads.

    Args:
        name: `module:function`, or the name of an entry point in the group `chain_bandit.environments`.

    Raises:
        PluginBroken: nothing has that name, or what has it cannot be called.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._function: Callable[[PullKey, int], object] = plugins.find("environments", name, {})
        if not callable(self._function):
            raise plugins.PluginBroken("environments", name, f"expected a function, got {self._function!r:.80}")

    def asked(self, key: PullKey, arm: int) -> None:
        """The function is told with the pull."""

    def pull(self, key: PullKey, arm: int, seconds: float) -> object:
        """What the function gives; it is not stopped when the time is over. Raises `SourceFailed`."""
        try:
            return self._function(key, arm)
        except (KeyboardInterrupt, Stopped):
            raise
        except BaseException as error:  # a function of somebody else may raise anything
            raise SourceFailed(f"it raised {type(error).__name__}: {str(error)[:200]}") from error
