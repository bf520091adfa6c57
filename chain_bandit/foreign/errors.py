"""What can be wrong with a foreign rule: its file is refused, or a call of it fails."""

from chain_bandit.protocol.errors import ChainBanditError


class RuleRefused(ChainBanditError):
    """A file that is no rule: the line, what stands there, and what to write instead."""

    exit_code = 3

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")
        self.path, self.line, self.reason = path, line, reason


class RuleFailed(ChainBanditError):
    """A call that gave no answer: the rule raised, or passed a bound. The same for all who make the same call."""

    exit_code = 3

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"rule {rule!r}: {reason}")
        self.rule, self.reason = rule, reason
