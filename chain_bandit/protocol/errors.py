"""What can be wrong with what the rules are given: types with data, one clear sentence each."""


class ChainBanditError(Exception):
    """Anything this project refuses. The message is one sentence that says what to do."""

    exit_code = 1


class Stopped(SystemExit):
    """The process was told to end; like KeyboardInterrupt nothing may swallow it, no plug-in either."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class ProtocolError(ChainBanditError):
    """Bytes, a block or a parameter that the rules forbid."""


class Malformed(ProtocolError):
    """Bytes that are not the canonical encoding of what they claim to be."""

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(f"malformed {what}: expected {expected}, got {got}")
        self.what, self.expected, self.got = what, expected, got


class AssumptionBroken(ProtocolError):
    """A setting outside the theory: names the inequality that fails, and its two sides."""

    exit_code = 3

    def __init__(self, name: str, inequality: str, values: str) -> None:
        super().__init__(f"{name}: {inequality} does not hold ({values})")
        self.name, self.inequality, self.values = name, inequality, values
