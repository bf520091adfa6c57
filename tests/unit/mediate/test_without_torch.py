"""Whoever has not installed PyTorch is told how to, by whatever needs it."""

import subprocess
import sys


def test_without_torch_one_is_told_how_to_get_it():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from chain_bandit.protocol.errors import ChainBanditError\n"
        "try:\n    import chain_bandit.mediate.learners.experiment\n"
        "except ChainBanditError as error:\n    print(error, error.exit_code)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "the learners of MEDIATE need PyTorch: run pip install 'chain-bandit[mediate]' 4\n"
