"""Calls of a foreign rule under a step bound: an answer and its steps, or one typed error for all that can go wrong."""

from typing import Any, NamedTuple

from chain_bandit.foreign.load import METER
from chain_bandit.foreign.meter import Halt, Meter
from chain_bandit.foreign.operations import weigh
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ruleset import STEPS, RuleFailed

Passing = tuple[type[ChainBanditError], ...]


class MeteredResult(NamedTuple):
    """What a verb gave, and the steps that it took: a function of source and input alone."""

    value: Any
    steps: int


def run(rule: Any, verb: str, *given: Any, bound: int = STEPS, passing: Passing = ()) -> MeteredResult:
    """Call a verb of an instance of a class that `load` gave, in at most `bound` steps.

    Errors of the project that are `passing`, which the rule can raise by a function of the project alone, pass through.

    Raises:
        RuleFailed: it raised, passed the bound, or did what no rule may. The same for all that call it so.
    """
    meter: Meter = getattr(rule, METER)
    meter.start(bound)
    try:
        value = getattr(rule, verb)(*given)
        meter.finish()
        if weigh(value, bound) > bound:
            raise Halt("gives more than it has steps")
    except Halt as error:
        raise RuleFailed(type(rule).__name__, str(error)) from error
    except passing:
        raise
    except Exception as error:
        raise RuleFailed(type(rule).__name__, f"{verb} raises {type(error).__name__}") from error
    return MeteredResult(value, meter.steps)
