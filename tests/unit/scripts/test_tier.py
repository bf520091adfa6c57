"""tests/tier.py: a file of the science tier plays a part only where all its tests passed on these very sources."""

import subprocess
import sys

import pytest

from tests.tier import EVERY, SCIENCE, module_of
from verification.played import ROOT

FILE = "tests/unit/simulation/test_student.py"
RUN = """
import sys
from pathlib import Path
import pytest
from verification import played

class Counter:
    passed = 0
    def pytest_runtest_logreport(self, report):
        self.passed += report.when == "call" and report.passed

played.FILE, counter = Path(sys.argv[1]), Counter()
sources = played.sources
if sys.argv[2]:
    played.sources = lambda *asked: {**sources(*asked), sys.argv[2]: Path(sys.argv[1])}
code = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[3:]], plugins=[counter])
print("passed", counter.passed)
raise SystemExit(code)
"""


@pytest.fixture
def passed(tmp_path):
    """How many tests of the file pass in a process whose record is its own, and whose source of a name is another."""

    def run(*arguments: str, changed: str = "") -> int:
        command = [sys.executable, "-c", RUN, str(tmp_path / "played.json"), changed, FILE, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return int(done.stdout.rpartition(" ")[2])

    return run


def test_what_passed_whole_on_these_sources_is_played_in_part_and_after_a_change_whole(passed):
    some = passed("--record-played", "-k", "refused")
    every = passed("--unless-played")
    assert 0 < some < every  # what was not played of it may not pass
    assert passed("--record-played") == every
    assert passed("--unless-played") == -(-every // EVERY) < every
    assert passed("--unless-played", changed="chain_bandit.protocol.units") == every


def test_the_tier_is_of_files_that_start_no_process_and_read_no_page():
    files = [path for each in SCIENCE for path in sorted((ROOT / each).rglob("test_*.py")) or [ROOT / each]]
    taken = {str(path.relative_to(ROOT)) for path in files if module_of(str(path.relative_to(ROOT)))}
    assert {FILE, "tests/equivalence/test_batch_equals_kernel.py", "tests/unit/studies/test_runs.py"} <= taken
    assert "tests/unit/simulation/test_compiled.py" not in taken  # starts processes
    assert "tests/unit/simulation/test_pages.py" not in taken  # reads pages
    assert module_of("tests/unit/protocol/test_arms.py") is None
