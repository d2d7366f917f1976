"""Light commands and experiment modules load nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dlcamp.discovery import listing
from dlcamp.paths import REPOSITORY

HEAVY = {"tensorflow", "keras", "mlflow", "pandas", "sklearn", "matplotlib", "scipy", "nltk", "numpy", "PIL"}
PROBE = """
import json, sys
from dlcamp.cli.main import main
code = main(sys.argv[1:])
print("LOADED", json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def loaded(*arguments: str) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    code, modules = json.loads(done.stdout.rpartition("LOADED ")[2])
    return code, set(modules)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list"], 0),
        (["data"], 0),
        (["help", "ALL=1"], 0),
        (["exp", "--help"], 0),
        (["exp", "NAME=caption_lsmt"], 2),
        (["exp", "NAME=caption_lstm", "SET=unit=3"], 2),
        (["exp", "NAME=caption_lstm", "PRESET=smok"], 2),
        (["exp", "NAME=caption_lstm", "DATA=scene"], 2),
        (["exp", "NAME=caption_lstm", "SEED0=1"], 2),
        (["lst"], 2),
    ],
)
def test_a_light_command_or_a_mistake_loads_nothing_heavy(arguments: list[str], code: int) -> None:
    ended, modules = loaded(*arguments)
    assert ended == code
    assert not modules & HEAVY


@pytest.mark.parametrize("name", sorted(listing(REPOSITORY)))
def test_describing_an_experiment_imports_its_module_and_nothing_heavy(name: str) -> None:
    ended, modules = loaded("describe", f"NAME={name}")
    assert ended == 0
    assert not modules & HEAVY
