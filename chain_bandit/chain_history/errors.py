"""Errors of a history."""

from chain_bandit.protocol.errors import BadEncoding, ChainBanditError


class HistoryError(ChainBanditError):
    """A history file that cannot be read: names the line."""

    exit_code = 3

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"history, line {line}: {problem}")
        self.line, self.problem = line, problem


class OtherFormat(ChainBanditError):
    """A history in a format that another release audits: an older one, or a newer one where `release` is None."""

    exit_code = 13

    def __init__(self, name: str, release: str | None) -> None:
        which = f"chain_bandit {release} audits it" if release else "a newer release of chain_bandit audits it"
        super().__init__(f"the history is in format {name}: {which}, this version does not")
        self.name, self.release = name, release


class NodeDisagrees(ChainBanditError):
    """A node whose blocks, rebuilt from its own answers, do not hash to what it says."""

    exit_code = 6

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(f"the node's {what} does not add up: it says {expected}, its own data give {got}")
        self.what, self.expected, self.got = what, expected, got


class NodeBehind(ChainBanditError):
    """A node that has not come as far as the blocks that it is asked for: nothing is wrong with these."""

    exit_code = 5

    def __init__(self, height: int, wanted: int) -> None:
        super().__init__(f"the node is at block {height}, block {wanted} is wanted: wait until it has caught up, or "
                         "ask another node; is the number right?")
        self.height, self.wanted = height, wanted


class NoBlocks(ChainBanditError):
    """A history that would end before it begins."""

    exit_code = 2

    def __init__(self, first: int, last: int) -> None:
        super().__init__(f"the history begins with block {first}, and is to end with block {last}, before it")
        self.first, self.last = first, last


class UnknownType(BadEncoding):
    """A transaction of a type that came after this version: nobody is to blame, and nothing can be said of it."""

    exit_code = 13

    def __init__(self, kind: int) -> None:
        super().__init__(f"this version knows no transactions of type {kind}: its sender and its effect are unknown")
        self.kind = kind
