"""Games on revm, in the process: 10^4 to 10^5 calls a second. Asks what is accepted, never what it costs.

Slots stay warm between calls, so gas is not a transaction's, and none is told; and the rules are Cancun's, as the
contract's code is.
"""

import json
import re
from pathlib import Path

from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env, TxEnv

from chain_bandit.protocol.digests import keccak, word
from tests.contracts.harness import CHAIN_ID, FORTUNE, TOPICS, Game, Machine, Outcome

LAYOUT = Path(__file__).resolve().parents[1] / "snapshots" / "storage_layout.json"
GAS = 30_000_000
OUTPUT = re.compile(r"Revert \{ gas_used: \d+, output: 0x([0-9a-f]*) \}")
HALT = re.compile(r"Halt", re.IGNORECASE)


PADDING = bytes(33)
"""What revm puts behind code that it has run."""


def spelled(address: bytes) -> str:
    """An address as revm wants it."""
    return "0x" + address.hex()


class FastMachine(Machine):
    """Behaves as `Machine` does, `state` included, as far as `Game` asks it."""

    def __init__(self, chain_id: int = CHAIN_ID) -> None:
        self.chain_id = chain_id
        # Spec names are capitalised; an unknown one would silently become the latest.
        self.evm = EVM(env=Env(cfg=CfgEnv(chain_id=chain_id), block=BlockEnv(number=1)), spec_id="CANCUN")
        self.state = self
        self.install()

    @property
    def block(self) -> int:
        return int(self.evm.env.block.number)

    @block.setter
    def block(self, number: int) -> None:
        self.evm.set_block_env(BlockEnv(number=number))

    def fund(self, account: bytes, wei: int = FORTUNE) -> None:
        self.evm.set_balance(spelled(account), wei)

    def get_balance(self, account: bytes) -> int:
        return int(self.evm.get_balance(spelled(account)))

    def get_code(self, account: bytes) -> bytes:
        return bytes(self.evm.get_code(spelled(account)) or b"").removesuffix(PADDING)

    def set_code(self, account: bytes, code: bytes) -> None:
        """For callees: revm lets no account with code send a transaction (EIP-3607)."""
        info = AccountInfo(balance=self.get_balance(account), nonce=1, code=code)
        self.evm.insert_account_info(spelled(account), info)

    def snapshot(self) -> object:
        """Each snapshot that is not reverted to deepens the journal that calls share: they have 1024 in all."""
        if self.evm.journal_depth > 500:
            self.evm.commit()
        return self.evm.snapshot()

    def revert(self, snapshot: object) -> None:
        self.evm.revert(snapshot)

    def deploy(self, sender: bytes, data: bytes, value: int) -> tuple[bytes, Outcome]:
        try:
            address = self.evm.deploy(spelled(sender), data, value=value)
        except RuntimeError as error:
            return bytes(20), refusal(error)
        return bytes.fromhex(address[2:]), Outcome(True, b"", (), None)

    def call(self, sender: bytes, to: bytes, data: bytes, value: int = 0) -> Outcome:
        """A transaction of `sender`."""
        account = spelled(sender)
        self.evm.set_tx_env(TxEnv(caller=account))
        try:
            output = self.evm.message_call(account, spelled(to), calldata=data, value=value, gas=GAS)
        except RuntimeError as error:
            return refusal(error)
        events = []
        for log in self.evm.result.logs:
            topics, body = log.data
            event = TOPICS[int.from_bytes(topics[0], "big")]
            events.append((event.name, event.decode_inputs(bytes(body))))
        return Outcome(True, bytes(output), tuple(events), None)


def refusal(error: RuntimeError) -> Outcome:
    """What a revert gave back; nothing for an exceptional halt. Any other failure is the harness's own."""
    reverted = OUTPUT.search(str(error))
    if "CallTooDeep" in str(error) or (reverted is None and not HALT.search(str(error))):
        raise error
    return Outcome(False, bytes.fromhex(reverted[1]) if reverted else b"", (), None)


class ElsewhereMachine(FastMachine):
    """Whatever a sender deploys lies at another address than on other machines."""

    def deploy(self, sender: bytes, data: bytes, value: int) -> tuple[bytes, Outcome]:
        self.evm.deploy(spelled(sender), bytes(1))
        return super().deploy(sender, data, value)


class FastGame(Game):
    """A game on revm."""

    new_machine = FastMachine


def replace_seat(game: FastGame, seat: int, account: bytes) -> None:
    """Put somebody else on a seat of an open game, behind the contract's back; the head, signed over, stays.

    The only place that knows where a game keeps its seats: for evidence in storage, for certificates in the code of the
    one contract that it created, after a byte that stops any call of it.
    """
    roster = next(entry for entry in json.loads(LAYOUT.read_text()) if entry["label"] == "_roster")
    seats = next(member for member in roster["members"] if member["label"] == "seats")
    first = int.from_bytes(keccak(word(roster["slot"] + seats["slot"])), "big")
    machine = game.machine
    machine.evm.insert_account_storage(spelled(game.address), first + seat, int.from_bytes(account, "big"))
    game.seats[seat] = account
    machine.set_code(keccak(b"\xd6\x94", game.address, b"\1")[12:], b"\0" + b"".join(game.seats))
