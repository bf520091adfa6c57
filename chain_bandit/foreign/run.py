"""Calls of a foreign rule under a step bound: an answer and its steps, or one typed error for all that can go wrong."""

import re
from types import TracebackType
from typing import Any, NamedTuple

from chain_bandit.foreign.language import MODULE
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
        raise RuleFailed(type(rule).__name__, f"{verb} raises {_told(error)}") from error
    return MeteredResult(value, meter.steps)


_LONGEST = 200
"""Characters of a message that are told."""

_ADDRESS, _COMPARED = re.compile(" at 0x[0-9a-f]+"), re.compile(r"between instances of '(\w+)' and '(\w+)'")
"""What differs from process to process in a message: addresses, and what comes first of a set."""


def _told(error: Exception) -> str:
    """An exception in words: its type, the first line of its message, and the last line of the rule that ran."""
    message, line = next(iter(error.args), ""), _line(error.__traceback__)
    first = message.partition("\n")[0][:_LONGEST] if type(message) is str else ""
    first = _COMPARED.sub(lambda found: "between instances of '{}' and '{}'".format(*sorted(found.groups())), first)
    first = _ADDRESS.sub("", first)
    said = f": {first}" if first and first.isprintable() else ""
    return type(error).__name__ + said + (f" (line {line})" if line else "")


def _line(trace: TracebackType | None) -> int:
    """The last line of the rule's file on the way to an exception; 0 where none is."""
    line = 0
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == MODULE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
