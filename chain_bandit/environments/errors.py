"""What an environment refuses: each names where it stands and what was expected there."""

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
