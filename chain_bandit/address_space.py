"""Limit of this process's address space (`ulimit -v`), below which libraries end the process without a sentence."""

import resource

from chain_bandit.protocol.errors import ChainBanditError

LEAST = 3 << 29
"""Bytes of address space that every command has to have: the libraries of arrays and of compiled code reserve it."""


class AddressSpaceLimited(ChainBanditError):
    """Too little address space to load the libraries."""

    exit_code = 2

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"this process may have {limit >> 20:,} MiB of address space, and needs {LEAST >> 20:,}: raise the limit "
            "(ulimit -v, or LimitAS of a service); a limit of memory in use does not count"
        )
        self.limit = limit


def require_address_space() -> None:
    """Raise `AddressSpaceLimited` where the limit of this process is too low."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST:
        raise AddressSpaceLimited(limit)
