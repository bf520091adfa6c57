"""Multi-host test: a game with open places on six hosts, network namespaces that this program makes (as root).

    python -m verification.hosts [--rounds 200] [--out FOLDER]

Four participants, each with a keystore and a folder of its own, the one folder of the game that its host has mounted;
environment, relayer and comparison on a fifth host; Anvil on a sixth. Every connection to the chain lags, each by
another time. Nodes are started again by their exit code, as by a supervisor (docs/operations.md): a node that is cut
off has no chain either, and ends with 5 after two minutes. Participant 2 is cut off for a part of the game; then
participant 1 moves to another address, which it tells the others, which are not started again. At the end the audit
from the chain alone passes, all take part, and no key is outside its owner's folder. Exit code 14 where any of that
fails.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic, sleep

from chain_bandit.audits import audit_file
from chain_bandit.chain.accounts import decrypted
from chain_bandit.exit_codes import RESTARTABLE
from chain_bandit.nodes.up import last_round

ROOT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("chain-bandit")
ANVIL = next(iter(sorted((ROOT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"))))
NET, BRIDGE, PREFIX = "10.83.0", "cb-bridge", "cb-"
PEOPLE, ORGANISER, CHAIN = ("ann", "bob", "cleo", "dan"), "org", "chain"
HOSTS = (*PEOPLE, ORGANISER, CHAIN)
PASSWORD, PORT, URL = "a password of hosts", 7700, "http://127.0.0.1:8545"
MOVED = f"{NET}.99:{PORT}"
"""Where bob listens after he has moved."""

MOUNT = """
mount --bind "$1/$2" /mnt && mount -t tmpfs none "$1" && mkdir -m 0700 "$1/$2" && mount --move /mnt "$1/$2" &&
cd "$1/$2" && shift 2 && exec "$@"
"""
"""A shell's: of all folders of the game a host sees its own alone; `ip netns exec` has made a mount namespace."""

LAGS_MS = {"ann": 0, "bob": 20, "cleo": 45, "dan": 90, ORGANISER: 10}
"""Milliseconds that each answer of the chain is late."""

LAST = 20
"""Rounds at the end in which all take part again."""

SCENARIO = """name = "hosts"
preset = "paper"
participants = 4
rounds = {rounds}
burn_in = 10
liars = 1
attackers = 1
bound_ms = 1500
[rewards]
kind = "bernoulli"
means = [0.3, 0.7]
"""
PROXY = """
import socket, sys, threading, time
to, lag = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3]) / 1000
def pass_on(source, target, wait):
    try:
        while data := source.recv(1 << 16):
            time.sleep(wait)  # the lag itself
            target.sendall(data)
    except OSError:
        pass
    for each in (source, target):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
with socket.create_server(("127.0.0.1", 8545), backlog=64) as listener:
    while True:
        caller, _ = listener.accept()
        try:
            node = socket.create_connection(to, timeout=5)
        except OSError:  # the host is cut off
            caller.close()
            continue
        node.settimeout(None)
        for pair in ((caller, node, 0), (node, caller, lag)):
            threading.Thread(target=pass_on, args=pair, daemon=True).start()
"""

CONNECT = 'import socket; socket.create_connection(("127.0.0.1", 8545), timeout=1)'


def run(*command: object) -> None:
    """A command of the system's. Raises `CalledProcessError`."""
    subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)


def address(host: str) -> str:
    """The first address of a host."""
    return f"{NET}.{HOSTS.index(host) + 10}"


@contextmanager
def network() -> Iterator[None]:
    """A bridge and a namespace a host, each with an address on it; gone when the block ends."""
    with ExitStack() as stack:
        run("ip", "netns", "add", BRIDGE)
        stack.callback(run, "ip", "netns", "del", BRIDGE)
        run("ip", "-n", BRIDGE, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", BRIDGE, "link", "set", "br0", "up")
        for host in HOSTS:
            name, outer = PREFIX + host, f"p-{host}"
            run("ip", "netns", "add", name)
            stack.callback(run, "ip", "netns", "del", name)
            run("ip", "-n", BRIDGE, "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "-n", BRIDGE, "link", "set", outer, "master", "br0", "up")
            run("ip", "-n", name, "addr", "add", f"{address(host)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                run("ip", "-n", name, "link", "set", device, "up")
        yield


class Host:
    """One host: its namespace, and its folder, which no other host sees."""

    def __init__(self, name: str, base: Path) -> None:
        self.name, self.place = name, base / name
        self.place.mkdir(mode=0o700)
        (self.place / "password").write_text(PASSWORD)

    def start(self, *command: object, log: str = "") -> "subprocess.Popen[str]":
        """A process on it; what it prints goes to a log, or is there to be read."""
        inside = ["ip", "netns", "exec", PREFIX + self.name, "sh", "-c", MOUNT, "sh", self.place.parent, self.name]
        to = (self.place / log).open("a") if log else subprocess.PIPE
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.place), "ETH_PASSWORD": "password"}
        whole = list(map(str, (*inside, *command)))
        return subprocess.Popen(whole, stdin=subprocess.DEVNULL, stdout=to, stderr=to, text=True, env=environment)

    def serves(self) -> bool:
        """Whether something accepts connections where its chain is asked."""
        return self.start(sys.executable, "-c", CONNECT).wait() == 0

    def say(self, *arguments: object) -> str:
        """One command of chain-bandit, to its end. Raises `RuntimeError`."""
        process = self.start(COMMAND, *arguments)
        out, errors = process.communicate(timeout=180)
        if process.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(map(str, arguments))}: {process.returncode}: {errors}{out}")
        return out

    def take(self, path: Path, name: str = "") -> None:
        """Hand a file on to it."""
        shutil.copyfile(path, self.place / (name or path.name))

    def node(self) -> "subprocess.Popen[str]":
        """Its node, or the organiser's three."""
        verb = "up" if self.name == ORGANISER else "node"
        return self.start(COMMAND, verb, "me", "--game", "game.json", log="log")


def until(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Raises `TimeoutError`."""
    end = monotonic() + seconds
    while not holds():
        if monotonic() > end:
            raise TimeoutError(what)
        sleep(0.1)


def rounds_of(host: Host) -> int:
    """The last round whose end is in a participant's log."""
    return last_round(host.place.parent, host.name)


def play(base: Path, rounds: int) -> list[str]:
    """Play the game; what does not hold."""
    hosts = {name: Host(name, base) for name in HOSTS}
    people, organiser = [hosts[name] for name in PEOPLE], hosts[ORGANISER]
    with ExitStack() as stack:
        stack.enter_context(network())

        def kept(process: "subprocess.Popen[str]") -> "subprocess.Popen[str]":
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            return process

        start_chain(hosts, kept)
        open_game(organiser, people, rounds)
        nodes = {each.name: kept(each.node()) for each in (organiser, *people)}
        ann, bob, cleo, _ = people
        revived = Counter[str]()

        def supervised(holds: Callable[[], object]) -> Callable[[], object]:
            """A condition before whose every look nodes are started again that are worth it."""

            def look() -> object:
                for name, node in nodes.items():
                    if node.poll() in RESTARTABLE:
                        revived[name] += 1
                        nodes[name] = kept(hosts[name].node())
                return holds()

            return look

        cut, back, moved = rounds * 3 // 10, rounds * 45 // 100, rounds * 6 // 10
        until(supervised(lambda: rounds_of(ann) >= cut), 600, "the first rounds")
        run("ip", "-n", PREFIX + cleo.name, "link", "set", "eth0", "down")
        stopped_at = rounds_of(cleo)
        until(supervised(lambda: rounds_of(ann) >= back), 900, "rounds without the one that is cut off")
        run("ip", "-n", PREFIX + cleo.name, "link", "set", "eth0", "up")
        missed = rounds_of(ann) - stopped_at
        print(f"cleo was cut off for {missed} rounds", flush=True)

        until(supervised(lambda: rounds_of(ann) >= moved), 900, "rounds after it")
        nodes[bob.name].terminate()
        nodes[bob.name].wait()
        run("ip", "-n", PREFIX + bob.name, "addr", "del", f"{address(bob.name)}/24", "dev", "eth0")
        run("ip", "-n", PREFIX + bob.name, "addr", "add", f"{NET}.99/24", "dev", "eth0")
        bob.say("join", "game.json", "--key", "me", "--listen", MOVED)
        nodes[bob.name] = kept(bob.node())
        at = rounds_of(ann)
        print(f"bob has moved after round {at}", flush=True)
        until(supervised(lambda: all(node.poll() is not None for node in nodes.values())), 1800, "the end of the game")

        print(f"started again: {dict(revived) or 'nobody'}", flush=True)
        wrong = [f"{name} ended with {node.returncode}" for name, node in nodes.items() if node.returncode]
        wrong += audited(organiser, people, rounds)
        for each in (organiser, *people):
            if each is not bob and MOVED not in (each.place / "me" / "game.json").read_text():
                wrong.append(f"{each.name} was not told where bob is")
        return wrong + leaks(base)


def start_chain(hosts: dict[str, Host], kept: Callable[["subprocess.Popen[str]"], object]) -> None:
    """Anvil on its host, and on each of the others a way to it that lags."""
    kept(hosts[CHAIN].start(ANVIL, "--host", "0.0.0.0", "--port", "8545", "--silent"))
    until(hosts[CHAIN].serves, 60, "Anvil")
    for name, lag in LAGS_MS.items():
        kept(hosts[name].start(sys.executable, "-c", PROXY, address(CHAIN), 8545, lag))
    until(lambda: all(hosts[name].serves() for name in LAGS_MS), 60, "a way to the chain from every host")


def open_game(organiser: Host, people: list[Host], rounds: int) -> None:
    """Deploy the game, let everybody join, and hand out the file with all addresses."""
    (organiser.place / "hosts.toml").write_text(SCENARIO.format(rounds=rounds))
    organiser.say("keygen", ORGANISER, "--out", "me")
    listen = f"{address(ORGANISER)}:{PORT}"
    organiser.say("deploy", "hosts.toml", "--chain", URL, "--key", "me", "--listen", listen, "--out", "game.json")
    for each in people:
        each.take(organiser.place / "game.json")
        each.say("keygen", each.name, "--out", "me")
        each.say("join", "game.json", "--key", "me", "--listen", f"{address(each.name)}:{PORT}")
        organiser.take(each.place / "me" / "join.json", f"{each.name}.json")
    print(f"{len(people)} have joined", flush=True)
    assemble(organiser, people)


def audited(organiser: Host, people: list[Host], rounds: int) -> list[str]:
    """Failures that the audit from the chain finds, and participants missing at the end."""
    exported = ("--export", "history.jsonl.gz")
    audit = json.loads(organiser.say("audit", "--rpc", URL, "--contract", "game.json", "--json", *exported))
    wrong = [] if audit["complete"] and not audit["violations"] else [f"audit: {audit['violations'][:3]}"]
    recorded = audit_file(organiser.place / exported[1]).rounds
    print(", ".join(f"{count} {kind}" for kind, count in Counter(row.kind for row in recorded).items()), flush=True)
    for seat, each in enumerate(people):
        silent = [row.round for row in recorded if row.means is not None and seat not in row.reporters]
        print(f"{each.name} has no report in {len(silent)} blocks", flush=True)
        if sum(round_ > rounds - LAST for round_ in silent) > LAST // 4:
            wrong.append(f"{each.name} does not take part at the end")
    return wrong


def assemble(organiser: Host, people: list[Host]) -> None:
    """The file with everybody's address, handed to all."""
    organiser.say("assemble", "game.json", *(f"{each.name}.json" for each in people))
    for each in people:
        each.take(organiser.place / "game.json")


def leaks(base: Path) -> list[str]:
    """Keys outside of their keystores, and folders that others can read."""
    wrong = []
    for name in (*PEOPLE, ORGANISER):
        key = decrypted(name, base / name / "me" / "keystore.json", PASSWORD)
        for path in base.rglob("*"):
            if path.is_file() and path.name != "keystore.json":
                data = path.read_bytes()
                if key in data or key.hex().encode() in data.lower():
                    wrong.append(f"the key of {name} is in {path.relative_to(base)}")
        if (base / name).stat().st_mode & 0o077:
            wrong.append(f"the folder of {name} is open to others")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--out", type=Path, help="a new folder that is kept")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("error: network namespaces need root", file=sys.stderr)
        return 2
    if options.out:
        options.out.mkdir(parents=True)
    base, began = options.out or Path(mkdtemp(prefix="hosts-")), monotonic()
    wrong = play(base.resolve(), options.rounds)
    if not options.out:
        shutil.rmtree(base)
    print("\n".join(wrong) or f"{options.rounds} rounds on {len(HOSTS)} hosts: nothing is broken, "
          f"{monotonic() - began:.0f} s")  # fmt: skip
    return 14 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
