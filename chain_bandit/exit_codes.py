"""Exit codes: the meaning of each, a remedy, and those after which a supervisor starts a node again."""

RESTARTABLE = frozenset({1, 5, 7, 11})
"""Codes below 128 after which a node is worth another start: its journals hold what it has signed and sent. After any
other one the cause is a file, a key, another chain or a broken rule, and stays."""

EXIT_CODES = {
    0: ("good", "Nothing is to be done."),
    1: ("a bug in chain-bandit", "Run it again with CHAIN_BANDIT_DEBUG=1 and report the traceback."),
    2: ("usage", "Read the message and chain-bandit COMMAND --help."),
    3: ("scenario or file invalid", "Correct the line that the message names; examples/ has scenarios that load."),
    4: ("a tool is missing", "chain-bandit doctor says which, and how to get it."),
    5: ("RPC unreachable", "Check that the node runs and that its URL is right; --resume takes up a run at a URL."),
    6: ("wrong or foreign chain or contract", "Compare the URL and the address with the manifest or deployment file."),
    7: ("transaction reverted", "The message names the contract's error; contracts/interfaces says when it is raised."),
    8: ("key or keystore", "Check --account, ETH_KEYSTORE (a folder or file), ETH_PASSWORD (a file) and the balance."),
    10: ("consensus safety violated", "Keep the run's inputs and report it: no setting allows this."),
    11: ("liveness lost", "More were silent or late than the bounds allow; lower their number or raise M."),
    12: ("the audit found a violation", "Do not trust the result; the report names the check and its evidence."),
    13: (
        "the audit could not check everything",
        "Give it what the open checks name: a rule (--rule), bodies (--bodies), the whole history, another release.",
    ),
    14: ("an [expect] line of the scenario does not hold", "Read got and expected; change the scenario or the line."),
    15: ("a sweep has failed cells, a study lost a process", "Run it again with --resume; a table names the cells."),
    16: ("not reproducible", "Compare versions and seeds with the manifest's."),
    **{
        128 + number: (what, "Run it again; with --resume where the message says that what was sent is kept.")
        for number, what in ((1, "hung up"), (2, "interrupted"), (14, "stopped by an alarm"), (15, "terminated"))
    },
    **{
        128 + number: (f"a node was {what} each time it was started", "Its log, and the machine's memory, may say why.")
        for number, what in ((6, "aborted"), (9, "killed"), (11, "ended by a bad access of memory"))
    },
}
