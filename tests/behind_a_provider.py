"""A provider with limits before each node that a test in this process starts: `pytest --provider range=100,batch=1`."""

from chain_bandit.chain import process
from verification.hostile_provider import ProviderLimits, provided


def behind_a_provider(limits: str) -> None:
    """From now on, own nodes are asked through a provider for all but what changes the chain's pace."""
    made = process.OwnNode.__init__

    def begin(node: process.OwnNode, name: str, url: str, own: "process.subprocess.Popen[bytes]") -> None:
        provider = provided(url, ProviderLimits.of(limits))
        made(node, name, provider.__enter__()[0], own)
        node._provider = provider  # type: ignore[attr-defined]  # as long as the node; its threads end with the process

    process.OwnNode.__init__ = begin  # type: ignore[method-assign]
