"""A process that dies while it fetches: what was in place still is, and the next fetch ends whole with nothing over."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dlcamp.data.fetch.obtain import obtain
from dlcamp.data.fetched import fetched
from dlcamp.paths import REPOSITORY
from tests.data.fetch.server import Server
from tests.data.fetch.small import IMAGES, NAME, PHOTOS_ZIP, QUICK, WORDS, WORDS_ZIP, Heard, contents, entry, left_over

WHOLE = {**WORDS, **IMAGES}


def fetch_and_die(url: str, *moment: str) -> None:
    command = [sys.executable, "-m", "tests.data.fetch.fetching", url, *moment]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def published(server: Server) -> str:
    server.serve("/words.zip", WORDS_ZIP)
    server.serve("/photos.zip", PHOTOS_ZIP)
    return server.url("")


@pytest.mark.parametrize("moment", [("progress", "2"), ("progress", "12"), ("examine", "1")])
def test_a_first_fetch_that_is_killed_leaves_nothing_in_place_and_the_next_is_whole(
    published: str, fresh_home: Path, moment: tuple[str, str]
) -> None:
    fetch_and_die(published, *moment)
    assert not (fresh_home / "data" / NAME).exists()
    obtain(entry(published), report=Heard(), patience=QUICK)
    assert contents(fresh_home / "data" / NAME) == WHOLE
    assert fetched(NAME).digest
    assert not left_over(fresh_home)


@pytest.mark.parametrize("moment", [("progress", "10"), ("rename", "1"), ("rename", "2")])
def test_an_old_data_set_survives_a_kill_at_every_step_of_its_replacement(
    published: str, fresh_home: Path, moment: tuple[str, str]
) -> None:
    before = obtain(entry(published), report=Heard(), patience=QUICK)
    fetch_and_die(published, *moment, "again")
    again = obtain(entry(published), report=Heard(), patience=QUICK)
    assert not again.fresh
    assert again.manifest.digest == before.manifest.digest
    assert contents(fresh_home / "data" / NAME) == WHOLE
    assert not left_over(fresh_home)
