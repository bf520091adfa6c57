"""Attacks by name, as scenarios call them; see `chain_bandit.plugins` for those of other packages."""

from typing import Any

from chain_bandit import plugins
from chain_bandit.attacks.a_little_is_enough import ALittleIsEnough
from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.captured_committee import CapturedCommittee
from chain_bandit.attacks.constant_lie import ConstantLie
from chain_bandit.attacks.copycat import Copycat
from chain_bandit.attacks.equivocating_commander import EquivocatingCommander
from chain_bandit.attacks.false_record import FalseRecord
from chain_bandit.attacks.forged_signature import ForgedSignature
from chain_bandit.attacks.inflated_counts import InflatedCounts
from chain_bandit.attacks.inner_product import InnerProduct
from chain_bandit.attacks.late_chain import LateChain
from chain_bandit.attacks.mimic import Mimic
from chain_bandit.attacks.offset import Offset
from chain_bandit.attacks.on_off import OnOff
from chain_bandit.attacks.optimiser import Optimiser
from chain_bandit.attacks.radius import Radius
from chain_bandit.attacks.replay import Replay
from chain_bandit.attacks.sign_flip import SignFlip
from chain_bandit.attacks.silent_validator import SilentValidator
from chain_bandit.attacks.sleeper import Sleeper
from chain_bandit.attacks.swap import Swap
from chain_bandit.attacks.sybil import Sybil
from chain_bandit.attacks.two_faced_counts import TwoFacedCounts
from chain_bandit.attacks.two_faced_report import TwoFacedReport
from chain_bandit.attacks.withheld_key import WithheldKey
from chain_bandit.attacks.within_range import WithinRange
from chain_bandit.attacks.worse_half import WorseHalf
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.settlement import Conduct

ATTACKS: dict[str, type[Attack]] = {
    "constant-lie": ConstantLie,
    "copycat": Copycat,
    "offset": Offset,
    "sign-flip": SignFlip,
    "within-range": WithinRange,
    "worse-half": WorseHalf,
    "sleeper": Sleeper,
    "on-off": OnOff,
    "a-little-is-enough": ALittleIsEnough,
    "inner-product": InnerProduct,
    "mimic": Mimic,
    "swap": Swap,
    "radius": Radius,
    "inflated-counts": InflatedCounts,
    "sybil": Sybil,
    "optimiser": Optimiser,
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
        known = plugins.names("attacks", ATTACKS)
        super().__init__(f"attack {name!r}: {reason}; known attacks: {known}, or module:Class")
        self.name, self.reason = name, reason


def make(name: str, options: dict[str, Any]) -> Attack:
    """The attack of that name with its options. Raises `UnknownAttack`."""
    try:
        kind = plugins.find("attacks", name, ATTACKS)
        if not (isinstance(kind, type) and issubclass(kind, Attack)):
            raise UnknownAttack(name, "not a subclass of chain_bandit.attacks.attack.Attack")
        attack: Attack = plugins.made("attacks", name, kind, options)
    except plugins.PluginBroken as error:
        raise UnknownAttack(name, error.reason) from error
    if not isinstance(attack.conduct, Conduct) or attack.conduct not in range(4):
        raise UnknownAttack(name, "its conduct is no chain_bandit.protocol.settlement.Conduct")
    return attack
