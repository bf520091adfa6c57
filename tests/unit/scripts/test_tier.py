"""tests/tier.py: a file of the science tier plays a part only where all its tests passed on these very sources."""

import json
import subprocess
import sys
from pathlib import Path

from tests import conftest
from tests.tier import EVERY, FIXTURES, SCIENCE, beside, module_of
from verification.played import ROOT

FILE = "tests/unit/simulation/test_student.py"
RUN = """
import json, sys
from pathlib import Path
import pytest
from verification import played

class Counter:
    passed = 0
    def pytest_runtest_logreport(self, report):
        self.passed += report.when == "call" and report.passed

played.FILE, sources, passed = Path(sys.argv[1]), played.sources, []
for changed, arguments in json.loads(sys.argv[3]):
    played.sources = lambda *asked: {
        name: Path(sys.argv[1]) if name == changed else path for name, path in sources(*asked).items()
    }
    counter = Counter()
    pytest.main(["-q", "-p", "no:cacheprovider", sys.argv[2], *arguments], plugins=[counter])
    passed.append(counter.passed)
print(json.dumps(passed))
"""


def passed(place: Path, *runs: tuple[str, list[str]]) -> list[int]:
    """How many tests of the file pass in each run, with a record of their own; of a source of a name, if given, another
    file is read."""
    command = [sys.executable, "-c", RUN, str(place / "played.json"), FILE, json.dumps(runs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    counts: list[int] = json.loads(done.stdout.splitlines()[-1])
    return counts


def test_what_passed_whole_on_these_sources_is_played_in_part_and_after_a_change_whole(tmp_path):
    record, play = ["--record-played"], ["--unless-played"]
    some, every, *found = passed(
        tmp_path, ("", [*record, "-k", "refused"]), ("", play), ("", record), ("", play),
        ("chain_bandit.simulation.student", play), ("chain_bandit.game.game", play),
    )  # fmt: skip
    assert 0 < some < every  # what was not played of it may not pass
    part = -(-every // EVERY)
    assert found == [every, part, every, part]  # it asks for no fixture that plays a game


def test_the_tier_is_of_files_that_start_no_process_and_read_no_page():
    files = [path for each in SCIENCE for path in sorted((ROOT / each).rglob("test_*.py")) or [ROOT / each]]
    taken = {str(path.relative_to(ROOT)) for path in files if module_of(str(path.relative_to(ROOT)))}
    assert {FILE, "tests/equivalence/test_batch_equals_kernel.py", "tests/unit/studies/test_runs.py"} <= taken
    assert "tests/unit/simulation/test_compiled.py" not in taken  # starts processes
    assert "tests/unit/simulation/test_pages.py" not in taken  # reads pages
    assert module_of("tests/unit/protocol/test_arms.py") is None


def test_a_game_on_the_embedded_chain_depends_on_revm_which_has_its_place():
    assert "tests/fast_chain.py" in beside("tests.equivalence.test_phases")
    assert "tests/fast_chain.py" not in beside("tests.unit.simulation.test_student")


def test_a_file_depends_on_the_fixtures_of_all_tests_where_it_asks_for_one():
    file, names = FIXTURES
    assert names == {*conftest.__all__}
    assert file in beside("tests.unit.simulation.test_kernel_parts")
    assert file not in beside("tests.unit.simulation.test_student")
