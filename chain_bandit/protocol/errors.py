"""Errors of the rules' input: types with data, one clear sentence each."""

from pathlib import Path
from typing import Any


class ChainBanditError(Exception):
    """Anything this project refuses. The message is one sentence that says what to do."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Between processes it passes as it is, whatever it is made from."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[ChainBanditError], said: tuple[Any, ...], data: dict[str, Any]) -> ChainBanditError:
    made = kind.__new__(kind, *said)
    made.__dict__.update(data)
    return made


class Stopped(SystemExit):
    """The process was told to end; like KeyboardInterrupt nothing may swallow it, no plug-in either."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class PathRefused(ChainBanditError):
    """A file or folder that cannot be used: the message is its path and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class ProtocolError(ChainBanditError):
    """Bytes, a block or a parameter that the rules forbid."""


class Malformed(ProtocolError):
    """Bytes that are not the canonical encoding of what they claim to be."""

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(f"malformed {what}: expected {expected}, got {got}")
        self.what, self.expected, self.got = what, expected, got


class BadEncoding(ChainBanditError):
    """Bytes that are not the canonical encoding of a block header, a transaction or a receipt."""

    exit_code = 3


class AssumptionBroken(ProtocolError):
    """A setting outside the theory: names the inequality that fails, and its two sides."""

    exit_code = 3

    def __init__(self, name: str, inequality: str, values: str) -> None:
        super().__init__(f"{name}: {inequality} does not hold ({values})")
        self.name, self.inequality, self.values = name, inequality, values


def require(holds: bool, name: str, inequality: str, **values: int) -> None:
    """Raise `AssumptionBroken` with the values on both sides unless the inequality holds."""
    if not holds:
        raise AssumptionBroken(name, inequality, ", ".join(f"{key} = {value}" for key, value in values.items()))
