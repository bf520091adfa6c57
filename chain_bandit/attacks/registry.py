"""Attacks by name, as scenarios call them; a plug-in is named `module:Class`."""

from importlib import import_module
from typing import Any

from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.captured_committee import CapturedCommittee
from chain_bandit.attacks.constant_lie import ConstantLie
from chain_bandit.attacks.copycat import Copycat
from chain_bandit.attacks.equivocating_commander import EquivocatingCommander
from chain_bandit.attacks.false_record import FalseRecord
from chain_bandit.attacks.forged_signature import ForgedSignature
from chain_bandit.attacks.late_chain import LateChain
from chain_bandit.attacks.offset import Offset
from chain_bandit.attacks.replay import Replay
from chain_bandit.attacks.sign_flip import SignFlip
from chain_bandit.attacks.silent_validator import SilentValidator
from chain_bandit.attacks.sleeper import Sleeper
from chain_bandit.attacks.two_faced_counts import TwoFacedCounts
from chain_bandit.attacks.two_faced_report import TwoFacedReport
from chain_bandit.attacks.withheld_key import WithheldKey
from chain_bandit.attacks.within_range import WithinRange
from chain_bandit.attacks.worse_half import WorseHalf
from chain_bandit.protocol.errors import ChainBanditError, Stopped
from chain_bandit.protocol.settlement import Conduct

ATTACKS: dict[str, type[Attack]] = {
    "constant-lie": ConstantLie,
    "copycat": Copycat,
    "offset": Offset,
    "sign-flip": SignFlip,
    "within-range": WithinRange,
    "worse-half": WorseHalf,
    "sleeper": Sleeper,
    "two-faced-report": TwoFacedReport,
    "two-faced-counts": TwoFacedCounts,
    "false-record": FalseRecord,
    "withheld-key": WithheldKey,
    "equivocating-commander": EquivocatingCommander,
    "silent-validator": SilentValidator,
    "late-chain": LateChain,
    "forged-signature": ForgedSignature,
    "replay": Replay,
    "captured-committee": CapturedCommittee,
}


class UnknownAttack(ChainBanditError):
    """No attack of that name, or options that it does not take."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"attack {name!r}: {reason}; known attacks: {', '.join(ATTACKS)}, or module:Class")
        self.name, self.reason = name, reason


def make(name: str, options: dict[str, Any]) -> Attack:
    """The attack of that name with its options. Raises `UnknownAttack`."""
    kind = ATTACKS.get(name) or _plugin(name)
    try:
        attack = kind(**options)
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:  # a plug-in may raise anything on options that it does not take
        raise UnknownAttack(name, f"{type(error).__name__}: {error}") from error
    if not isinstance(attack.conduct, Conduct) or attack.conduct not in range(4):
        raise UnknownAttack(name, "its conduct is no chain_bandit.protocol.settlement.Conduct")
    return attack


def _plugin(name: str) -> type[Attack]:
    module, _, attribute = name.partition(":")
    if not attribute:
        raise UnknownAttack(name, "not a known name")
    try:
        plugin = getattr(import_module(module), attribute)
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:  # its module may raise anything while it is imported
        raise UnknownAttack(name, f"{type(error).__name__}: {error}") from error
    if not (isinstance(plugin, type) and issubclass(plugin, Attack)):
        raise UnknownAttack(name, "not a subclass of chain_bandit.attacks.attack.Attack")
    return plugin
