"""Installation without PyTorch: code that needs it tells how to install it; all the rest neither asks nor fails."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SENTENCE = "the learners of MEDIATE need PyTorch: run pip install 'chain-bandit[mediate]'"


def without_torch(code: str) -> subprocess.CompletedProcess[str]:
    """What a process that cannot import it says."""
    hidden = f"import sys; sys.modules['torch'] = None\n{code}"
    return subprocess.run([sys.executable, "-c", hidden], cwd=ROOT, capture_output=True, text=True, check=False)


def test_without_torch_one_is_told_how_to_get_it():
    said = without_torch(
        "from chain_bandit.protocol.errors import ChainBanditError\n"
        "try:\n    import chain_bandit.mediate.learners.experiment\n"
        "except ChainBanditError as error:\n    print(error, error.exit_code)"
    )
    assert said.stdout == f"{SENTENCE} 4\n"


def test_without_torch_every_module_is_there_but_those_that_learn():
    said = without_torch(
        "import pkgutil, chain_bandit\n"
        "for found in pkgutil.walk_packages(chain_bandit.__path__, 'chain_bandit.'):\n"
        "    if found.name.endswith('__main__'): continue\n"
        "    try: __import__(found.name)\n"
        "    except Exception as error: print(found.name, type(error).__name__)"
    )
    told = dict(line.split() for line in said.stdout.splitlines())
    assert told.keys() == {
        "chain_bandit.mediate.learners.actor_critic", "chain_bandit.mediate.learners.experiment",
        "chain_bandit.mediate.learners.lio", "chain_bandit.mediate.learners.networks", "chain_bandit.studies.run",
    }  # fmt: skip
    assert set(told.values()) == {"TorchMissing"}


def test_without_torch_the_tests_that_learn_are_skipped():
    """And no others take what learns, so that all others pass."""
    learns = r"torch|chain_bandit\.(mediate\.learners( |\.(?!sparse_layer|lookup_table))|studies.* run$)"
    taking = re.compile(rf"^ *(from|import) ({learns})", re.MULTILINE)
    learning = [path for path in (ROOT / "tests").rglob("*.py") if taking.search(path.read_text(encoding="utf-8"))]
    names = sorted(path.name for path in learning)
    assert names == ["test_learners.py", "test_runs.py"]
    files = [str(path) for path in learning]
    said = without_torch(
        f"import pytest; sys.exit(pytest.main([*{files}, '--collect-only', '-q', '-rs', '-p', 'no:cacheprovider']))"
    )
    skipped = [line for line in said.stdout.splitlines() if line.startswith("SKIPPED")]
    assert said.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, said.stdout
    assert len(skipped) == 2
    assert all("of the extra `mediate`" in line for line in skipped)
