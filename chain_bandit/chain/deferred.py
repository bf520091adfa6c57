"""Lazy loading of a library's functions that hardly anybody calls, and that take long to load."""

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any


class DeferredFunctions(ModuleType):
    """A module in the place of one of functions alone, which is loaded when the first of them is called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The function of this name, whether there is one or not."""
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **keywords: Any) -> Any:
            if sys.modules.get(self.__name__) is self:
                sys.modules.pop(self.__name__, None)  # another thread may be as far
            return getattr(import_module(self.__name__), name)(*args, **keywords)

        return call


def defer(name: str) -> None:
    """Load a module of functions when it is first needed, where nobody has loaded it yet."""
    sys.modules.setdefault(name, DeferredFunctions(name))
