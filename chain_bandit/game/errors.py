"""Errors of a running game, other than those of the chain."""

from chain_bandit.protocol.errors import ChainBanditError


class SafetyViolated(ChainBanditError):
    """An invariant of the protocol does not hold: agreement or lockstep is lost."""

    exit_code = 10


class LockstepBroken(SafetyViolated):
    """An honest participant's counts differ from n_ref."""

    def __init__(self, round_: int, seat: int, expected: object, got: object) -> None:
        super().__init__(f"round {round_}: honest seat {seat} has pull counts {got}, the records give {expected}")
        self.round, self.seat, self.expected, self.got = round_, seat, expected, got


class RecordMismatch(SafetyViolated):
    """The contract recorded something other than what the rules give."""

    def __init__(self, round_: int, expected: object, got: object) -> None:
        super().__init__(f"round {round_}: the contract recorded {got}, the rules give {expected}")
        self.round, self.expected, self.got = round_, expected, got
