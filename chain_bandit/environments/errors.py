"""Errors of an environment: each names its place in the input and the value expected there."""

from pathlib import Path

from chain_bandit.protocol.errors import ChainBanditError


class EnvironmentInvalid(ChainBanditError):
    """A description of rewards that cannot be played."""

    exit_code = 3


class MeanInvalid(EnvironmentInvalid):
    """A mean that is not a number from 0 to 1."""

    def __init__(self, arm: int, mean: object) -> None:
        super().__init__(f"mean of arm {arm}: expected a number from 0 to 1, got {str(mean)[:40]!r}")
        self.arm, self.mean = arm, mean


class ArmsInvalid(EnvironmentInvalid):
    """Too few or too many arms."""

    def __init__(self, limit: int, got: int) -> None:
        super().__init__(f"expected 1 to {limit} arms, got {got}")
        self.limit, self.got = limit, got


class TableInvalid(EnvironmentInvalid):
    """A file that is not a table of recorded rewards; `line` is 0 when no line is to blame."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}{f', line {line}' if line else ''}: {problem}")
        self.path, self.line, self.problem = path, line, problem


class RewardInvalid(ChainBanditError):
    """An answer to a pull that is no reward, or none: says of what it is, and what came instead."""

    exit_code = 3

    def __init__(self, source: str, arm: str, participant: int, round_: int, problem: str) -> None:
        super().__init__(f"{source}: reward of {arm}, participant {participant}, round {round_}: {problem}")
        self.source, self.arm, self.participant, self.round, self.problem = source, arm, participant, round_, problem


class RewardsExhausted(RewardInvalid):
    """A file without a row for the next pull of an arm: to ask again brings none, until somebody adds rows."""


class RewardsTooFew(EnvironmentInvalid):
    """A file of rewards in order that ends within the burn-in."""

    def __init__(self, path: object, arm: str, found: int, needed: int) -> None:
        super().__init__(f"{path} has {found:,} rows of the arm {arm!r}; rounds 1 to L take {needed:,} of each arm")
        self.path, self.arm, self.found, self.needed = path, arm, found, needed


class RewardsAway(ChainBanditError):
    """Nobody answers a pull that cannot be forfeited."""

    exit_code = 5

    def __init__(self, seconds: float, last: Exception) -> None:
        super().__init__(f"no reward for {seconds:g} s, and the game cannot go on without it; {last}")
        self.seconds, self.last = seconds, last


class PullsLost(ChainBanditError):
    """The journal of pulls lacks what a receipt rests on."""

    exit_code = 3

    def __init__(self, path: object, seat: int, round_: int) -> None:
        super().__init__(
            f"{path}: lacks the reward that participant {seat} has a receipt of in round {round_}, or says another; "
            "restore the original file: the pull would be made a second time"
        )
        self.path, self.seat, self.round = path, seat, round_
