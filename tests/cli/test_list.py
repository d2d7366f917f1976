"""`list` shows how claims were judged, and stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dlcamp.analysis.claims_file import remember
from dlcamp.cli.list import markdown
from dlcamp.cli.main import main
from dlcamp.discovery import listing
from dlcamp.paths import REPOSITORY

CLAIMS = [("a", "supported"), ("b", "refuted"), ("c", "undecided"), ("d", "supported")]


def test_the_verdicts_of_the_newest_judgement_stand_under_the_question(
    capsys: pytest.CaptureFixture[str], fresh_home: Path
) -> None:
    remember("purchase_odds", "purchases", "", "run", CLAIMS)
    remember("purchase_odds", "purchases", "full", "run", CLAIMS[:1])
    remember("purchase_odds", "purchases", "smoke", "run", CLAIMS[1:2])
    remember("caption_lstm", "scenes", "", "run", CLAIMS)
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    under = {lines[i - 1].split()[0]: line for i, line in enumerate(lines) if line.lstrip().startswith("claims:")}
    assert under.keys() == {"purchase_odds", "caption_lstm"}
    assert under["purchase_odds"].strip() == "claims: 1 supported (purchases, full)"
    assert under["caption_lstm"].strip() == "claims: 2 supported, 1 refuted, 1 undecided (scenes)"
    question = next(line for line in lines if line.startswith("  purchase_odds"))
    assert "What does" in question


def test_without_verdicts_nothing_is_said_of_claims(capsys: pytest.CaptureFixture[str], fresh_home: Path) -> None:
    remember("purchase_odds", "purchases", "smoke", "run", CLAIMS)
    assert main(["list", "CHAPTER=basics"]) == 0
    assert "claims" not in capsys.readouterr().out


def test_the_readmes_table_does_not_depend_on_what_was_run(fresh_home: Path) -> None:
    before = markdown(list(listing(REPOSITORY).values()))
    remember("purchase_odds", "purchases", "", "run", CLAIMS)
    assert markdown(list(listing(REPOSITORY).values())) == before


def test_a_list_with_verdicts_loads_nothing_heavy_and_no_store(fresh_home: Path) -> None:
    remember("purchase_odds", "purchases", "", "run", CLAIMS)
    probe = "import sys; from dlcamp.cli.main import main; main(['list']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert "claims: 2 supported" in done.stdout
    heavy = {"numpy", "scipy", "pandas", "mlflow", "plotly", "sqlite3", "filelock", "jinja2"}
    assert not heavy & set(done.stdout.splitlines()[-1].split())
