"""Schedules of a sender before a hostile node: no payment may be lost or doubled, no round recorded twice.

One seed gives a run of calls of one to three accounts (payments, records in parts that strangers may record too, calls
that wait for those before them, seldom one that cannot succeed), a chain, a node with its moods, and the places where
the process ends: at any exchange, pause or write. `chain/sender.py`, its outbox and its journal are those of a live
game; wire, clock and disk are `hostile_node.py`. When the node has become honest the run is to come through.
"""


from chain_bandit.chain.call import Call
from chain_bandit.chain.errors import ForeignChain, ForeignContract, NodeUnreachable, NonceTaken, TransactionReverted
from chain_bandit.chain.journal import Journal, JournalForeign, Origin
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.sender import Sender, Watch
from chain_bandit.stopwatch import Stopwatch
from verification.schedules.counted import Counted
from verification.schedules.crashing import IdealSigner, JournalFile, TrueSigner
from verification.schedules.hostile_node import CHAIN_ID, NEXT_ROUND, TIMEOUT
from verification.schedules.model_chain import CONTRACT, Killed
from verification.schedules.sending_drawn import POOR, Drawn, Planned

LONGEST = 90.0
"""Seconds in which a run has to end once the node is honest."""

WATCHED = {"address": "0x" + CONTRACT.hex(), "topics": []}


class _Schedule(Drawn):
    """Plays it."""

    def __init__(self, seed: int, signer: type[TrueSigner]) -> None:
        super().__init__(seed)
        self.signer = signer
        self.told: set[bytes] = set()
        self.made: list[Call] = []
        self.gas: dict[str, list[int]] = {}
        self.world.on_send = self._on_send
        self.world.after(self.calm_at + LONGEST + TIMEOUT, self._end)

    def _end(self) -> None:
        """A sender that gets nowhere, and does not give up, would play for ever."""
        self.world.kill_at = self.world.touches + 1

    # --- what leaves the process

    def _on_send(self, raw: str) -> None:
        sent = self.world.book[raw]
        if raw not in self.disk.raws:
            self._broken("a transaction leaves that is not in the journal")
        if self.world.doubtful:
            self._broken("a transaction leaves though another chain may answer")
        key = sent.account, sent.nonce
        call = int.from_bytes(sent.data[1:3]) if sent.to == CONTRACT else sent.value
        if self.used.setdefault(key, call) != call:
            self._broken("two calls have one nonce")
        others = self.offered.setdefault(key, {})
        if raw not in others:
            others[raw] = sent.fee

    def _broken(self, what: str) -> None:
        self.played.broken(what)

    # --- restarts of the process

    def play(self) -> Counted:
        """Run until it has come through."""
        world, rng, seen = self.world, self.rng, self.played.seen
        for _ in range(40):
            world.kill_at, world.doubtful = -1, False
            if self.kills and rng.random() < 0.8:
                self.kills -= 1
                world.kill_at = world.touches + 1 + int(rng.expovariate(1 / 50))
            began = world.time
            try:
                self._live()
                break
            except Killed:
                seen["killed"] += 1
                if rng.random() < 0.5:
                    self.disk.lose_power(rng)
            except NodeUnreachable as error:
                seen["gave up"] += 1
                if world.time - began < 5.0:
                    self._broken(f"gives up at once ({type(error).__name__})")
                slow = world.instant or self.bad is not None or self.dear
                honest_since = self.calm_at + (3 * self.delivery.patience if slow else 2 * TIMEOUT)
                if world.calm and world.time > honest_since + self.delivery.patience:
                    self._broken("gives an honest node up")
            except (ForeignChain, ForeignContract, JournalForeign) as error:
                seen["another chain"] += 1
                if world.time - world.last_foreign > self.delivery.patience + 5.0:
                    self._broken(f"{type(error).__name__} of its own chain: {error}")
            except NonceTaken as error:
                seen["nonce taken"] += 1
                hidden = (world.hid.get(world.book[raw].identity, 0)
                          for raw in self.offered[error.account, error.nonce])  # fmt: skip
                if sum(hidden) < 3:
                    self._broken("a nonce is believed taken that is not")
            except Exception as error:  # noqa: BLE001
                self._broken(f"{type(error).__name__}: {error!s:.60}")
                return self.played
            if world.calm and world.time > self.calm_at + LONGEST:
                break
            world.kill_at = -1
            world.advance(world.time + rng.choice((0.0, 0.3, 3.0)))
        if world.time < self.calm_at + 2 * TIMEOUT:  # what was the last to be asked may have fallen out since
            world.advance(self.calm_at + 2 * TIMEOUT)
            return self.play()
        self._judge()
        return self.played

    def _live(self) -> None:
        world, played = self.world, self.played
        self.sender = None
        journal = Journal(JournalFile(self.disk, world.touch))
        rpc = Rpc(world, Stopwatch(), self.delivery)
        sender = Sender(rpc, journal, self.delivery, lambda wallet, chain_id: self.signer(wallet, world.book))
        if (sender.chain_id, sender.genesis) != (CHAIN_ID, world.chain[0].digest):
            raise ForeignChain("chain id", CHAIN_ID, sender.chain_id)
        journal.bind(Origin(sender.chain_id, sender.genesis, ""))
        self.made, self.told = [], set()
        sender.watch(Watch(WATCHED, lambda events: self.told.update(data for _, data in events)))
        try:
            for index, planned in enumerate(self.calls):
                if index == self.idle_before:  # what goes on lives through all of it
                    world.advance(max(world.time, self.calm_at + 2 * TIMEOUT))
                self._submit(sender, planned)
            sender.settle()
            if self.bad is not None:
                self._broken("a call that cannot succeed passes for done")
        except TransactionReverted as error:
            if not error.method.startswith("bad"):
                self._broken(f"refused: {error.method.split()[0]} {error.error}")
                raise Killed from None
            played.seen["refused, rightly"] += 1
            if error.error == "Rejected":  # a person sends money, and goes on
                world.balances.clear()
            else:  # or takes it out
                if any(call.receipt is None and not call.outdone for call in self.made[: self.bad]):
                    self._broken("a call is judged before those before it")
                self.refused = self.bad
                del self.calls[-1]
            self.bad = None
            raise Killed from None
        self._require_confirmed()
        self.gas = sender.gas

    def _submit(self, sender: Sender, planned: Planned) -> None:
        def done(block: str) -> int:
            found = sender._rpc.call("nextRound", CONTRACT, NEXT_ROUND, block)
            if not found:
                raise ForeignContract("the contract", 0)
            return max(0, int.from_bytes(found) - planned.first)

        call = sender.submit(
            planned.method, planned.wallet, planned.to, planned.value, planned.gas, planned.data, planned.parts,
            planned.order, done if planned.parts else None,
        )  # fmt: skip
        self.made.append(call)
        self._look()
        match planned.then:
            case "settle":
                sender.settle()
                self._require_confirmed()
            case "accepted":
                sender.wait_until(lambda: call.accepted or _is_in_block(call))
            case "receipt":
                sender.wait_until(lambda: _is_in_block(call))
        self._look()
        self.world.advance(self.world.time + planned.pause)

    def _look(self) -> None:
        """Whatever is before a receipt is told by the time that it is taken in, if its block is in the chain."""
        for call in self.made:
            if call.receipt is not None:
                block = self.world.blocks["0x" + call.receipt.block_hash.hex()]
                if block in self.world.chain and not block.state.told <= self.told:
                    self._broken("a receipt is taken in before an event that comes before it")

    def _require_confirmed(self) -> None:
        """What is settled has its effect, with enough blocks on top, if the node is honest."""
        world = self.world
        if not world.calm or world.time < self.calm_at + 2 * TIMEOUT:  # what it said before is taken in
            return
        deep = world.chain[max(0, len(world.chain) - self.delivery.confirmations)]
        for index in range(len(self.made)):
            if not self.rules.is_done(deep.state, index):
                self._broken("what is settled is not confirmed")

    # --- what has to hold at the end

    def _judge(self) -> None:
        world, rules, played = self.world, self.rules, self.played
        if world.time > self.calm_at + LONGEST:
            self._broken("does not end")
            return
        world.advance(world.time + 3.0)
        state = world.head.state
        if self.disk.twice:
            self._broken("a transaction is signed twice")
        for index in range(len(self.calls)):
            if not rules.is_done(state, index):
                self._broken(f"{self.calls[index].method.split()[0]} is lost")
            if index in rules.amounts and state.paid.get(rules.amounts[index], 0) > 1:
                self._broken("a payment is doubled")
        ours = {sent.identity: sent for sent in world.book.values()}
        receipts = [each for block in world.chain for each in block.receipts.items()]
        mined = [(ours[identity], receipt) for identity, receipt in receipts if identity in ours]
        last = max((call.receipt.block for call in self.made if call.receipt is not None), default=0)
        if not world.chain[last].state.told <= self.told:
            self._broken("an event is not told")
        for (address, nonce), call in self.used.items():
            if nonce >= state.nonces[address] and call != self.refused:
                self._broken("a nonce is left open")
        if self.orderly:
            for sent, receipt in mined:
                if receipt["status"] == "0x0" and self.used[sent.account, sent.nonce] != self.refused:
                    self._broken("a call goes out before its turn")
            known = self.refused is None and not any(call.outdone for call in self.made)
            if known and sum(map(len, self.gas.values())) != len(mined):
                self._broken("gas is not that of what was mined")
        seldom = self.delivery.stuck_blocks * world.interval > 3.0 and self.idle_before < 0
        if (self.quiet or (self.plain and seldom)) and any(
            len(each) > 1 for key, each in self.offered.items() if self.used[key] != POOR
        ):
            self._broken("an honest node is offered more")
        played.seen["calls"] += len(self.calls)
        played.seen["transactions mined"] += len(mined)
        played.seen["versions sent"] += sum(map(len, self.offered.values()))


def _is_in_block(call: Call) -> bool:
    return call.receipt is not None or call.outdone is not None


def play(seed: int, signer: type[TrueSigner] = IdealSigner) -> Counted:
    """Play the schedule of a seed."""
    return _Schedule(seed, signer).play()
