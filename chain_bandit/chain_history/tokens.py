"""An agreement's own transactions in a history."""

from chain_bandit.chain_history.records import METHODS, Interface

TOKENS = Interface(
    {
        "agree": ("bytes", "uint256", "bytes"),
        "keepAfterDeadline": (),
        "reportEquivocation": METHODS["reportEquivocation"],
    },
    {"TokenAgreed": ("uint32", "uint64", "uint256", "bytes32"), "Accused": ("uint16", "uint32")},
)
"""What an agreement's contract can be called for, and what it says."""
