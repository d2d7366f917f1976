"""`make data`, as a person at a shell meets it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlcamp.cli.data import age, overview
from dlcamp.cli.main import main
from dlcamp.data.catalog import entries
from dlcamp.data.fetched import Manifest
from dlcamp.paths import REPOSITORY
from tests.data.fetch.server import Answer, Server, running
from tests.data.fetch.small import zipped
from tests.house.test_light import HEAVY, loaded

MESSAGES = "".join(f"{'spam' if n % 7 == 0 else 'ham'}\tmessage number {n}\n" for n in range(70)).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as one:
        yield one


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    path = tmp_path / "SMSSpamCollection"
    path.write_bytes(MESSAGES)
    return path


def table() -> dict[str, str]:
    """The line of every data set in the table."""
    return {line.split()[0]: line for line in reversed(overview()) if line.strip()}


def test_every_data_set_has_a_line_and_what_to_cite(fresh_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data"]) == 0
    shown = capsys.readouterr().out
    for one in entries().values():
        assert re.search(rf"^{one.name} .*{re.escape(one.licence)}", shown, re.M)
        assert one.embedded or one.citation in shown
    assert re.search(r"^flickr8k +available +1.12 GB +research", shown, re.M)
    assert re.search(r"^digits +embedded", shown, re.M)
    assert "next     make data DATA=flickr8k" in shown
    assert max(map(len, shown.splitlines())) <= 160
    assert not list(fresh_home.iterdir())


def test_the_table_and_mistakes_load_nothing_heavy(fresh_home: Path) -> None:
    for arguments, code in ((["data"], 0), (["data", "DATA=mnst"], 2), (["data", "DATA=mine"], 2)):
        ended, modules = loaded(*arguments)
        assert ended == code
        assert not modules & HEAVY


def test_a_data_set_is_fetched_listed_used_and_not_fetched_again(
    fresh_home: Path, collection: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "DATA=sms_spam", f"FROM={collection}"]) == 0
    shown = capsys.readouterr().out
    assert "sms_spam: 1 file" in shown
    assert "70 messages: 60 ham, 10 spam" in shown
    assert "next     " in shown
    assert "fetched just now: 1 file, " in table()["sms_spam"]
    assert len(entries()["sms_spam"].open().rows) == 70
    assert main(["data", "DATA=sms_spam", "FROM=/nowhere"]) == 0
    shown = capsys.readouterr().out
    assert "fetched just now; FORCE=1 fetches again" in shown
    assert "FROM=/nowhere was not looked at" in shown
    assert main(["data", "DATA=sms_spam", "FROM=/nowhere", "FORCE=1"]) == 2
    assert len(entries()["sms_spam"].open().rows) == 70


def test_of_several_data_sets_each_is_fetched_for_itself(
    fresh_home: Path, collection: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "DATA=mnist,sms_spam,digits", f"FROM={collection}"]) == 2
    shown = capsys.readouterr()
    assert "error: " in shown.err
    assert "sms_spam: 1 file" in shown.out
    assert "FROM" in shown.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["DATA=flicker8k"], "did you mean 'flickr8k'"),
        (["DATA=sms_spam,nothing"], "unknown data set 'nothing'"),
        (["FROM=/tmp"], "need DATA="),
        (["DATA=mine"], "FROM=/path/to/folder"),
        (["DATA=digits", "FROM=/tmp"], "leave out FROM"),
        (["DATA=mnist", "FROM=/no/such/place"], "there is no /no/such/place"),
        (["DATA=mnist", "FROM=s3://bucket/mnist"], "begins with http"),
        (["DATA=mnist", "NAME=x"], "unknown variable of `data`"),
        (["DATA=mnist", "FORCE=perhaps"], "FORCE=1"),
    ],
)
def test_a_mistake_exits_2_and_says_what_to_do(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], fresh_home: Path
) -> None:
    assert main(["data", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_damaged_manifest_is_shown_in_the_table(fresh_home: Path) -> None:
    folder = fresh_home / "data" / "mnist"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{")
    assert "damaged: fetch with FORCE=1" in table()["mnist"]


def test_ages_are_said_in_words() -> None:
    manifest = Manifest(1000.0, (), ())
    assert [age(manifest, 1000.0 + later) for later in (5, 60, 7199, 7200, 86400 * 3)] == [
        "just now", "1 minute ago", "1 hour ago", "2 hours ago", "3 days ago",
    ]  # fmt: skip


def test_a_download_shows_how_far_it_is_and_what_it_is(
    server: Server, fresh_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    noise = {f"noise/{n}": os.urandom(300_000) for n in range(5)}
    url = server.serve("/sms+spam+collection.zip", zipped({"SMSSpamCollection": MESSAGES, **noise}))
    assert main(["data", "DATA=sms_spam", f"FROM={url}"]) == 0
    shown = capfd.readouterr()
    assert re.search(r"sms\+spam\+collection.zip: (\d+)/\1 kB", shown.err)
    assert "not the published file (sha256" in shown.out


def test_ctrl_c_stops_with_what_has_arrived_kept(server: Server, fresh_home: Path) -> None:
    url = server.serve("/sms+spam+collection.zip", bytes(5000), Answer(stall_after=3000))
    command = [sys.executable, "-m", "dlcamp", "data", "DATA=sms_spam", f"FROM={url}"]
    environment = os.environ | {"no_proxy": "127.0.0.1"}
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # tests that run in the background inherit an ignored SIGINT
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    part = fresh_home / "data/.fetch/sms_spam/downloads/sms+spam+collection.zip.part"
    for _ in range(600):
        if part.exists() and part.stat().st_size == 3000:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert said.strip().endswith("what has arrived is kept: the same command goes on from there\nstopped")
    assert "Traceback" not in said
    assert part.stat().st_size == 3000
    assert not (fresh_home / "data/sms_spam").exists()
