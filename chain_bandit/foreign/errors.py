"""Errors of a foreign rule's file."""

from chain_bandit.protocol.errors import ChainBanditError


class FileRefused(ChainBanditError):
    """A file that is no rule: the line, what stands there, and what to write instead."""

    exit_code = 3

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")
        self.path, self.line, self.reason = path, line, reason

