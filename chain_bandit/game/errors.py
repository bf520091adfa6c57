"""Errors of a running game, other than those of the chain."""

from collections.abc import Mapping

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


class PlacesDiffer(ChainBanditError):
    """A game that was not opened, since other accounts than planned hold its places: a reorganisation moved them.

    Attributes:
        held: by seat the account that holds it, and the one that the plan has there; hexadecimal with 0x.
        deadline: the last block that could open the game.
        refunded: whether stakes and pool have been withdrawn.
    """

    exit_code = 7

    def __init__(self, held: Mapping[int, tuple[str, str]], deadline: int, refunded: bool) -> None:
        seat, (holder, planned) = next(iter(held.items()))
        told = (
            "all stakes and the pool were returned: start it again" if refunded else
            f"stakes and pool can be withdrawn after block {deadline:,}, by the same command with --resume"
        )  # fmt: skip
        super().__init__(
            f"the game was not opened: seat {seat} belongs to {holder} on the chain, and to {planned} in the plan "
            f"({len(held)} seats differ); {told}"
        )
        self.held, self.deadline, self.refunded = held, deadline, refunded
