"""Draws the schedules of a sender: calls of a run, settings, and all that happens until the node is honest."""

from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

from chain_bandit.chain.call import Order
from chain_bandit.chain.node import Wallet, account
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.transactions import Fee
from verification.schedules.counted import Counted
from verification.schedules.crashing import Disk
from verification.schedules.hostile_node import RICH, TIMEOUT, HostileWorld, Mood
from verification.schedules.model_chain import CONTRACT, PAYEE, ModelContract

POOR = 10 * RICH
"""A payment by an account that has less."""

FALLS = 30.0
"""Seconds after which the base fee is low again and everybody has money: a transaction that cannot be paid holds up
what comes after it, of earlier calls too."""

_WALLETS = [account(bytes([number]) * 32) for number in (1, 2, 3)]


@dataclass(frozen=True, slots=True)
class Planned:
    """A call of the run, and what the run does after it."""

    method: str
    wallet: Wallet
    to: bytes
    value: int
    gas: int
    data: bytes
    parts: tuple[bytes, ...] = ()
    order: Order = Order.FREE
    first: int = 0
    then: str = ""
    pause: float = 0.0


class Drawn:
    """One run in one world, as its seed has it.

    Attributes:
        calls: of the run; `bad` is the one that cannot succeed, if any, `refused` what it was when it was refused.
        calm_at: when the node is honest.
        kills: how often the process may end before its time.
        idle_before: the call before which the run waits until the node is honest, so that a process lives through all.
        quiet, plain, orderly: whether nothing happens; nothing but reorganisations and kills; nothing that makes a
            call fail which goes out in its turn.
        dear: whether a higher fee may be needed several times.
        used: calls by account and nonce, as they left the process; `offered`: what was offered for these.
    """

    def __init__(self, seed: int) -> None:
        self.seed, self.rng = seed, (rng := Random(f"sending {seed}"))
        self.played = Counted()
        self.rules, self.disk = ModelContract(), Disk()
        self.told: set[bytes] = set()
        self.used: dict[tuple[str, int], int] = {}
        self.offered: dict[tuple[str, int], dict[str, Fee]] = {}
        self.wallets = _WALLETS[: rng.choice((1, 1, 2, 3))]
        instant = rng.random() < 0.2
        nonces = {wallet.address: rng.choice((0, 0, 3)) for wallet in self.wallets}
        self.first_nonces = nonces
        interval = rng.uniform(0.2, 0.8)
        self.world = HostileWorld(rng, self.rules, nonces, interval, instant)
        if seed % 4 == 0:
            self.world.most_blocks = Random(f"most blocks {seed}").choice((5, 10, 30, 100))
        policy = TransactionPolicy(
            in_flight=rng.choice((1, 2, 4, 64, 64)), confirmations=1 if instant else rng.choice((1, 1, 2, 3, 4)),
            patience=rng.choice((8.0, 12.0, 20.0)), timeout=TIMEOUT, resend_after=rng.choice((0.5, 1.0)),
            stuck_blocks=rng.choice((3, 8)), clock=Clock(self.world.now, self.world.sleep),
        )  # fmt: skip
        # A sender that gives a node up before the blocks after which it bumps the fee never bumps it.
        self.delivery = replace(policy, patience=max(policy.patience, 1.5 * policy.stuck_blocks * interval))
        self.calls = self._plan()
        self.calm_at = 0.0
        self.orderly = self.quiet = True
        self.plain = self.dear = False
        self.kills = 0
        self.idle_before = -1
        if rng.random() > 0.1:
            self.quiet = False
            self._storm()
            if rng.random() < 0.3:
                self.idle_before = rng.randrange(1, len(self.calls))
        else:  # from then on it knows how much a block takes
            self.calls[0] = replace(self.calls[0], then="settle")
        self.world.after(self.calm_at, self._become_calm)

    def _plan(self) -> list[Planned]:
        rng, rules, calls = self.rng, self.rules, list[Planned]()
        relayer, round_, alone = rng.choice(self.wallets), 1, list[int]()
        for index in range(rng.randint(3, 10)):
            kind = rng.choice(("pay", "pay", "pay", "record", "record", "record", "alone", "after"))
            wallet = relayer if kind == "record" else rng.choice(self.wallets)
            then = rng.choice(("", "", "", "", "settle", "accepted", "receipt"))
            common: dict[str, Any] = {"gas": rng.choice((100_000, 300_000, 600_000)), "then": then,
                      "pause": rng.choice((0.0, 0.0, 0.0, rng.uniform(0, 1.5)))}  # fmt: skip
            name = index.to_bytes(2)
            if kind == "pay":
                rules.amounts[index] = value = 1000 + index
                calls.append(Planned(f"pay {index}", wallet, PAYEE, value, data=b"", **common))
                continue
            rules.needs[index] = list(range(index)) if kind != "record" else list(alone)
            if kind == "record":
                parts = tuple(each.to_bytes(2) for each in range(round_, round_ + rng.choice((1, 1, 2, 3))))
                data = b"R" + name
                calls.append(
                    Planned(f"record {index}", wallet, CONTRACT, 0, data=data, parts=parts, first=round_, **common)
                )
                round_ += len(parts)
                rules.rounds[index] = round_
                continue
            order = Order.ALONE if kind == "alone" else Order.AFTER
            if order is Order.ALONE:
                alone.append(index)
            calls.append(Planned(f"{kind} {index}", wallet, CONTRACT, 0, data=b"C" + name, order=order, **common))
        self.bad: int | None = None
        self.refused: int | None = None
        if rng.random() < 0.1:
            index = self.bad = len(calls)
            wallet, name = rng.choice(self.wallets), index.to_bytes(2)
            poor = rng.random() < 0.5
            if poor:
                rules.amounts[index] = POOR
                self.world.balances[wallet.address] = RICH
            else:
                rules.bad.add(index)
                rules.needs[index] = []
            calls.append(
                Planned(f"bad {index}", wallet, PAYEE, POOR, 100_000, b"") if poor
                else Planned(f"bad {index}", wallet, CONTRACT, 0, 100_000, b"C" + name, order=Order.ALONE)
            )  # fmt: skip
        return calls

    # --- what the world does

    def _storm(self) -> None:
        """All that happens until the node is honest."""
        rng, world = self.rng, self.world
        self.calm_at = rng.uniform(2.0, 20.0)
        self.kills = rng.choice((0, 0, 1, 2, 4))
        lies = {name for name in ("loss", "slow", "words", "hides", "garbles", "stale", "evicts", "foreign", "aside",
                                  "base", "full", "picky") if rng.random() < 0.3}  # fmt: skip
        if rng.random() < 0.15:
            lies.clear()
        self.plain = not lies and len(self.wallets) == 1 and not world.instant and self.bad is None
        if rng.random() < 0.5:
            world.strangers = [b"A\0\0"]
            if rng.random() < 0.6:
                world.strangers += [b"R" + index.to_bytes(2) for index in self.rules.rounds]
                self.orderly = self.orderly and len(world.strangers) == 1
            world.stranger_rate = rng.uniform(0.05, 0.5)
        at = 0.0
        while at < self.calm_at:
            world.after(at, lambda: self._change_mood(lies))
            at += rng.uniform(0.3, 3.0)
        if "foreign" in lies:
            self.orderly = False
            begin = rng.uniform(0.0, self.calm_at)
            world.after(begin, lambda: world.switch(True))
            world.after(begin + rng.uniform(0.1, 4.0), lambda: world.switch(False))
        if "base" in lies:
            for _ in range(rng.randint(1, 3)):
                base = rng.choice((300, 1000, 3000, 11_000, 30_000))
                world.after(rng.uniform(0, self.calm_at), partial(setattr, world, "base", base))
        if "picky" in lies:
            world.picky = rng.uniform(0.1, 0.6)
        if "full" in lies:
            world.pool_limit = rng.choice((1, 2, 3))
        self.aside = "aside" in lies
        self.dear = not lies.isdisjoint(("aside", "base"))
        deepest = rng.choice((0, 1, 2, 3, 6, 12, 20))
        if deepest:
            world.orphans = Random(f"{self.seed} orphans").random() < 0.3  # the other draws stay
            self.played.seen["mood: orphans"] += world.orphans
            self.orderly = False
            for _ in range(rng.randint(1, 4)):
                world.after(rng.uniform(0, self.calm_at), lambda: self._undo(rng.randint(1, deepest)))

    def _change_mood(self, lies: set[str]) -> None:
        rng, world = self.rng, self.world
        if world.calm:
            return
        mood = world.mood = Mood()
        for lie in sorted(lies):
            if rng.random() < 0.5:
                continue
            self.played.seen[f"mood: {lie}"] += 1
            share = rng.choice((0.1, 0.3, 0.7, 1.0))
            match lie:
                case "loss":
                    mood.before, mood.after = rng.choice(((share, 0.0), (0.0, share), (share / 2, share / 2)))
                case "slow":
                    mood.slow = share
                case "words":
                    mood.words, mood.drops = rng.choice(((share, 0.0), (0.0, share), (share, share / 2)))
                case "hides":
                    mood.hides = share
                case "garbles":
                    mood.garbles = share / 3
                case "evicts":
                    mood.evicts = share / 2
                    if rng.random() < 0.3:
                        world.pool.clear()
                case "full":
                    mood.full = rng.random() < 0.5
                case "stale":
                    old = rng.randint(0, min(6, len(world.chain) - 1))
                    mood.view, mood.flaps = world.chain[: len(world.chain) - old], share
        if self.aside and rng.random() < 0.5:
            for sent in world.pool.values():
                if len(self.offered.get((sent.account, sent.nonce), {})) <= 2:
                    self.played.seen["passed over for ever"] += 1
                    world.aside.add(sent.identity)

    def _undo(self, depth: int) -> None:
        rng, world = self.rng, self.world
        if world.calm or len(world.chain) <= depth:
            return
        self.played.seen["reorganisation"] += 1
        if not world.mood.view and rng.random() < 0.3:
            world.mood.view, world.mood.flaps = list(world.chain), rng.choice((0.3, 1.0))  # one behind does not know
        back = max(0, depth + rng.choice((-2, 0, 0, 1, 1)))
        world.undo(depth, back, rng.choice((0.0, 0.5, 1.0)))

    def _become_calm(self) -> None:
        world = self.world
        world.switch(False)
        world.calm, world.mood, world.picky = True, Mood(), 0.0
        world.pool_limit = 64
        world.after(FALLS, self._ease)

    def _ease(self) -> None:
        if self.world.instant:  # a transaction of somebody else's
            self.world.mine()
            self.world.after(5.0, self._ease)
        self.world.base = min(self.world.base, 1000)
        self.world.balances.clear()
        if self.bad in self.rules.amounts:
            self.bad = None
