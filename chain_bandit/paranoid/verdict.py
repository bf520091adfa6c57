"""Verdict of the second implementation: values that follow from the rules, and where the history has others."""

from collections import Counter
from dataclasses import dataclass, field

WHAT = {
    "chain": "Every block follows the one before it and holds the transactions and receipts of its roots.",
    "order": "Every account that called the contract numbers its transactions one by one.",
    "setup": "Game, seats and genesis follow from the published creation code, the joining and the opened salt.",
    "record": "Every digest of the history follows from the records before it.",
    "kind": "Every record is of the kind that its means and the failures give.",
    "time": "Every call comes in a block in which the rules allow it.",
    "certificate": "Every block and signed skip has a quorum of its validators' signatures.",
    "evidence": "Every accusation is two contents that a seat signed in one slot, or a report that its tally denies.",
    "blocklist": "The block list is that of the accusations, and its seats neither report nor are paid.",
    "arm": "Every honest arm, and how often it is pulled, follows from the records.",
    "radii": "Every radius is that of the pulls before its round.",
    "report": "Every report is signed by its seat; that of an honest one says what its receipts say.",
    "bits": "Every honest commitment is to its seat's counts; every bit of opened counts is theirs.",
    "selection": "Every B follows from reports, comparison bits and seed.",
    "means": "Every global estimator is the mean over B.",
    "accuracy": "Every accuracy follows from reports, means and radii.",
    "reputation": "Every reputation follows from accuracies and penalties.",
    "committee": "Every committee is the best by reputation, the one that the proofs draw, or all seats.",
    "commanders": "Every drawn commander proved its draw and validates.",
    "reward": "Every settled reward or receipt tag is that of the committed draw; tallies are those of the rewards.",
    "cost": "Cost, true means and rounds of case 2 follow from what the environment opened.",
    "balance": "Every reward, cost, withdrawal and burned wei is what settlement owes.",
    "digest": "The run digest is that of the records.",
}
"""Everything that is computed twice, and what an agreement says."""

TOKEN_WHAT = {
    "chain": "Every block follows the one before it and holds the transactions and receipts of its roots.",
    "order": "Every account that called the contract numbers its transactions one by one.",
    "setup": "Terms and accounts follow from the published creation code and the arguments behind it.",
    "time": "Every epoch that a deadline ended was ended after it.",
    "certificate": "Every decision on an epoch has a quorum of its validators' signatures.",
    "groups": "Every group is drawn by the seed from the seats that count, of which none is on the block list.",
    "sums": "Every total is what the polynomial of its validators' sums has at 0.",
    "token": "Every token is the median of the groups' means, clamped.",
    "credits": "Every credit is what the steps of its epochs allow, at the token in use.",
    "record": "Every digest and every event of the history follows from the epochs before it.",
    "evidence": "Every accusation is two contents that a seat signed in one slot.",
    "blocklist": "Who is accused is left out from the next epoch on, once.",
}
"""Everything of an agreement that is computed twice, and what it says."""


@dataclass(frozen=True)
class Difference:
    """One thing that came out otherwise: what the rules give, and what the history, or its audit, has."""

    what: str
    round: int | None
    about: str
    expected: object
    found: object


@dataclass
class Round:
    """One record as the rules have it. None stands for what there is not, or what is not known yet."""

    round: int
    kind: str
    arm: int | None
    validators: tuple[int, ...]
    blocked: tuple[int, ...]
    means: tuple[int, ...] | None = None
    selected: tuple[tuple[int, ...], ...] = ()
    reputations: tuple[int, ...] = ()
    rewards: tuple[int | None, ...] | None = None
    costly: bool | None = False
    length: int = 1


@dataclass(frozen=True)
class Account:
    """Money of one party: its rewards in units, the rest in wei. None stands for what is not known yet.

    Attributes:
        stake: what it put in.
        cost: what case-2 rounds took from it, negative where they gave.
        penalty: what it lost by its key or by a proof.
        void: rewards that a false report voided, in wei.
        net: what it gains or loses by the game.
        owed: what it has still to take.
    """

    address: bytes
    role: str | None
    stake: int
    rewards: int
    cost: int | None = None
    penalty: int = 0
    void: int = 0
    share: int = 0
    net: int | None = None
    withdrawn: int = 0
    owed: int = 0


@dataclass
class Verdict:
    """All of it. What was found to differ once is not told again.

    Attributes:
        trusted: what nothing in the history can prove or disprove.
        place: what is being computed, and in which round: what a history that cannot be followed further is said of.
        complete: whether the whole history could be followed; if not, a difference or an unknown says why.
        single: by check, why it was not made: it has one implementation, so that there is nothing to compare.
        differences: by check, round and what they are about.
    """

    rounds: list[Round] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    burned: int = 0
    cost: int | None = None
    true_means: list[int] | None = None
    blocked_from: list[int] = field(default_factory=list)
    run_digest: bytes | None = bytes(32)
    place: tuple[str, int | None] = ("setup", None)
    complete: bool = False
    passed: Counter[str] = field(default_factory=Counter)
    trusted: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, tuple[str, int]] = field(default_factory=dict)
    single: dict[str, str] = field(default_factory=dict)
    differences: dict[tuple[str, int | None, str], Difference] = field(default_factory=dict)

    def same(self, what: str, round_: int | None, about: str, expected: object, found: object) -> bool:
        """Count an agreement, or keep a difference."""
        if expected == found:
            self.passed[what] += 1
            return True
        self.differences.setdefault((what, round_, about), Difference(what, round_, about, expected, found))
        return False

    def cannot(self, what: str, reason: str) -> None:
        """Count what could not be computed, with the first reason."""
        first, count = self.unknown.get(what, (reason, 0))
        self.unknown[what] = first, count + 1

    def once(self, what: str, reason: str) -> None:
        """Say that something is computed once, not twice: no failure, and no agreement either."""
        self.single[what] = reason

    def blind(self, reason: str) -> None:
        """Count everything as what could not be computed."""
        for what in WHAT:
            self.cannot(what, reason)
