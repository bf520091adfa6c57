"""Transaction policy: sending, fee bumps, retries and confirmations."""

from collections.abc import Callable
from dataclasses import dataclass

from chain_bandit.chain.notice import nobody
from chain_bandit.chain.retry_budget import MONOTONIC, Clock, never


@dataclass(frozen=True, slots=True)
class TransactionPolicy:
    """Settings of a sender.

    Attributes:
        in_flight: transactions under way before the next one has to wait; 1: each waits for its receipt.
        confirmations: blocks that make a receipt count, its own included.
        patience: seconds without any progress after which the node is given up.
        timeout: seconds for one exchange.
        resend_after: seconds without a receipt after which the same bytes go out again; doubled each time.
        stuck_blocks: blocks after which the next transaction in line gets a higher fee, though not within
            `resend_after`; without any block it gets one after half the patience, or after two seconds where blocks
            come when transactions do.
        most_fee: wei offered for a unit of gas at most, whatever base fee a node names. Development chains begin with
            10^9; on the worst days of Ethereum it came to some 10^12.
        most_tip: wei of it that go to the miner at most. Few chains ask for more than 3 x 10^10 on a common day.
        is_over: whether the node can never answer again: nobody waits for it then.
        clock: where the time comes from.
        say: told a line when the node, or its base fee, is waited for, and one at the end.
    """

    in_flight: int = 64
    confirmations: int = 1
    patience: float = 120.0
    timeout: float = 10.0
    resend_after: float = 1.0
    stuck_blocks: int = 8
    most_fee: int = 10**13
    most_tip: int = 10**11
    is_over: Callable[[], bool] = never
    clock: Clock = MONOTONIC
    say: Callable[[str], None] = nobody


AT_ONCE = TransactionPolicy(in_flight=1)
"""One after the other: for a chain in this process."""

PIPELINED = TransactionPolicy()
"""No waiting for a receipt that nobody needs yet."""
