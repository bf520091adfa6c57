"""Errors between this machine and a contract."""

from chain_bandit.protocol.errors import ChainBanditError


class NodeUnreachable(ChainBanditError):
    """No answer from the chain node."""

    exit_code = 5

    def __init__(self, reason: object) -> None:
        super().__init__(f"the chain node does not answer ({reason}): check that it runs and that its address is right")
        self.reason = reason


class FeeAboveCap(NodeUnreachable):
    """A base fee above the most that is ever offered: nothing of ours comes into a block until it falls."""

    def __init__(self, base: int, most: int) -> None:
        ChainBanditError.__init__(
            self, f"base fee {base / 10**9:,.0f} gwei, above the cap of {most / 10**9:,.0f} gwei that is offered: "
            "transactions wait; without progress for two minutes the command stops, to be resumed when the fee is lower"
        )  # fmt: skip
        self.reason = self
        self.base, self.most = base, most


class NotMined(NodeUnreachable):
    """A transaction that the node has been sent, and no block takes in."""

    def __init__(self, method: str, identity: str, refused: str | None) -> None:
        said = f"the node says: {refused[:200]}" if refused else "the node has taken it"
        super().__init__(f"{method} {identity} is in no block; {said}")
        self.args = (f"{self.reason}: look whether the chain goes on and the account can pay, and run it again",)


class Unconfirmed(NodeUnreachable):
    """A transaction that is in a block, with too few blocks on top."""

    def __init__(self, method: str, identity: str, block: int, blocks: int, confirmations: int) -> None:
        super().__init__(f"{method} {identity} is in block {block}, with {blocks} of {confirmations} confirmations")
        self.args = (f"{self.reason}, and no block comes: look whether the chain goes on, and run it again",)


class NotUnderstood(NodeUnreachable):
    """The node has no such method."""


class NodeRefused(NodeUnreachable):
    """The node answers that it will not say: of a state that it does not keep, or too much at once."""

    def __init__(self, method: str, text: str) -> None:
        super().__init__(f"{method}: {text[:200]}")
        self.args = (f"the chain node refuses {method} ({text[:200]}): name another node",)
        self.method, self.text = method, text


class RateLimited(NodeUnreachable):
    """The provider of the node limits requests, and still does after a wait."""

    def __init__(self, text: str) -> None:
        super().__init__(text[:200])
        self.args = (
            f"the chain node limits requests ({self.reason}): wait, or name a node with a higher limit",
        )


class NodeGarbled(NodeUnreachable):
    """An answer that no node should give: as good as none."""

    def __init__(self, due: str, got: object) -> None:
        self.due, self.got = due, _shown(got)
        super().__init__(f"{self.got} is not {due}")


class ForeignContract(ChainBanditError):
    """An address that does not hold this version's contract."""

    exit_code = 6

    def __init__(
        self, address: str, size: int, what: str = "this version's contract", remedy: str = "check the address"
    ) -> None:
        super().__init__(f"{address} does not hold {what} ({size} bytes of other code): {remedy}")
        self.address, self.size = address, size


class ForeignModule(ForeignContract):
    """Other code than ours, or none, where the code is that all games of a chain rest on."""

    def __init__(self, name: str, address: str, size: int) -> None:
        super().__init__(
            address, size, f"the code of {name}, which every game rests on",
            "no transaction could put that there; stake nothing on this chain, ask another node or use another chain",
        )  # fmt: skip
        self.name = name


class ForeignCreation(ChainBanditError):
    """A game's code at an address where other code than ours put it, which may have written storage before."""

    exit_code = 6

    def __init__(self, address: str, block: int) -> None:
        super().__init__(
            f"{address} was not created in block {block} by this version's creation code, with the parameters and the "
            "pool that it states: its storage may hold anything; do not stake in it"
        )
        self.address, self.block = address, block


class ForeignChain(ChainBanditError):
    """A node, or a contract on it, that is not the one that was recorded."""

    exit_code = 6

    def __init__(self, what: str, expected: object, got: object) -> None:
        name = what.replace("_", " ")
        super().__init__(f"this is another chain or game: its {name} is {got}, recorded was {expected}; check the URL")
        self.what, self.expected, self.got = what, expected, got


class ChainLacks(ChainBanditError):
    """A chain on which no game can be deployed, whatever is tried."""

    exit_code = 6

    def __init__(self, chain: str, what: str, remedy: str) -> None:
        super().__init__(f"the chain at {chain} {what}: {remedy} (docs/chains.md)")
        self.what = what


class AccountRefused(ChainBanditError):
    """An account that cannot be used: unknown, locked, out of place or out of money."""

    exit_code = 8

    def __init__(self, account: str, reason: str) -> None:
        super().__init__(f"{account} {reason}")
        self.account, self.reason = account, reason


class NonceTaken(ChainBanditError):
    """An account of ours that somebody else sends transactions from."""

    exit_code = 8

    def __init__(self, account: str, nonce: int) -> None:
        super().__init__(
            f"nonce {nonce} of {account} went to a transaction of another program: let one program use the account"
        )
        self.account, self.nonce = account, nonce


class TransactionReverted(ChainBanditError):
    """A transaction that the contract refused, or the node.

    Attributes:
        error: name of the contract's custom error; "Rejected" where the node refused to take the transaction at all.
        values: the error's values.
    """

    exit_code = 7

    def __init__(self, method: str, error: str, args: tuple[object, ...]) -> None:
        values = ", ".join(map(_text, args))
        by_node = error == "Rejected"
        super().__init__(
            f"the node refused {method}: {values}" if by_node else f"the contract refused {method}: {error}({values})"
        )
        self.method, self.error, self.values = method, error, args


def _shown(value: object) -> str:
    """In words, however large or deep it is."""
    if isinstance(value, str):
        return repr(value[:60])
    return hex(value)[:60] if isinstance(value, int) else type(value).__name__


def _text(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
