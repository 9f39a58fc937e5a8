"""The benchmark counts what it says it counts."""

import subprocess
import sys
from pathlib import Path

import pytest

from soak.bench.signaling import compare

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("heard", "lost", "repeated"),
    [
        ("abab", 0, 0),
        ("aabab", 0, 1),
        ("ababb", 0, 1),
        ("aba", 1, 0),
        ("bab", 1, 0),
        ("", 4, 0),
    ],
)
def test_missing_and_repeated_sentences_are_told_apart(heard, lost, repeated):
    assert compare("abab", heard) == (lost, repeated)


def test_without_the_real_stack_it_says_what_to_install(tmp_path):
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    script = "import soak.stack.programs as p; p.FOLDER = p.Path('/nowhere'); import api.cli; api.cli.main()"
    command = [sys.executable, "-c", script, "bench", "signaling"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert "tests/realstack/install" in done.stderr
    assert "Traceback" not in done.stderr
