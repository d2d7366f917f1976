"""Freed memory stays with the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dlcamp.paths import REPOSITORY

CODE = """
import resource, sys
from dlcamp.memory import keep_memory
if sys.argv[1] == "kept":
    print(keep_memory(), keep_memory())
for _ in range(200):
    blocks = [b"x" * size for size in range(100_000, 140_000, 1_000)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_allocating_again_and_again_costs_far_fewer_page_faults() -> None:
    def faults(way: str) -> tuple[str, int]:
        done = subprocess.run(
            [sys.executable, "-c", CODE, way], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
        *words, last = done.stdout.split()
        return " ".join(words), int(last)

    said, kept = faults("kept")
    if said == "False False":
        pytest.skip("this system's C library is not glibc")
    assert said == "True True"
    assert kept * 3 < faults("given back")[1]
