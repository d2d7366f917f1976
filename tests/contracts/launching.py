"""What every launcher must do; a launcher is done when a subclass of `LauncherContract` passes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from dlcamp.launch.protocol import Event, Job, Launcher


def echo(payload: dict[str, Any], store: Any) -> dict[str, Any]:
    """A job: gives back what it was given."""
    time.sleep(payload.get("seconds", 0))
    if "mark" in payload:
        with Path(payload["mark"]).open("a", encoding="utf-8") as file:
            file.write(f"{payload['value']}\n")
    return {"value": payload["value"]}


def fail(payload: dict[str, Any], store: Any) -> dict[str, Any]:
    """A job that raises."""
    raise ValueError(f"no {payload['value']}")


def job(key: str, target: str = "echo", **payload: Any) -> Job:
    return Job(key, f"tests.contracts.launching:{target}", {"value": key, **payload})


def everything(launcher: Launcher, seconds: float = 60) -> list[Event]:
    """All events until every submitted job has ended."""
    found: list[Event] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        events = launcher.events(timeout=1.0)
        found += events
        ended = {event.job.key for event in found if event.kind != "started"}
        if not events and ended >= {event.job.key for event in found}:
            return found
    raise AssertionError(f"not all jobs ended: {found}")


def ends(events: list[Event]) -> dict[str, Event]:
    return {event.job.key: event for event in events if event.kind != "started"}


class LauncherContract:
    """Subclasses give the fixture `launcher`, open; where several tests share it, `closable` is another one."""

    @pytest.fixture
    def launcher(self, store_home: Path) -> Any:
        raise NotImplementedError

    @pytest.fixture
    def closable(self, launcher: Launcher) -> Launcher:
        return launcher

    def test_every_job_starts_once_and_ends_once_with_its_result(self, launcher: Launcher, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        for key in "abcde":
            launcher.submit(job(key, mark=str(mark)))
        events = everything(launcher)
        for kind in ("started", "done"):
            assert sorted(event.job.key for event in events if event.kind == kind) == list("abcde")
        assert {key: event.result for key, event in ends(events).items()} == {key: {"value": key} for key in "abcde"}
        assert sorted(mark.read_text().split()) == list("abcde")

    def test_a_job_that_raises_is_told_with_its_message_and_the_others_go_on(self, launcher: Launcher) -> None:
        launcher.submit(job("good"))
        launcher.submit(job("bad", "fail"))
        launcher.submit(job("unknown", "nowhere"))
        launcher.submit(job("last"))
        ended = ends(everything(launcher))
        assert {key: event.kind for key, event in ended.items()} == {
            "good": "done",
            "bad": "raised",
            "unknown": "raised",
            "last": "done",
        }
        assert ended["bad"].error == "ValueError: no bad"

    def test_jobs_may_be_submitted_while_others_run(self, launcher: Launcher) -> None:
        launcher.submit(job("first"))
        assert [event.kind for event in launcher.events(timeout=30)] == ["started"]
        launcher.submit(job("second"))
        assert {key for key, event in ends(everything(launcher)).items() if event.kind == "done"} >= {"second"}

    def test_with_nothing_to_do_it_says_so_at_once(self, launcher: Launcher) -> None:
        assert launcher.events(timeout=None) == []

    def test_close_forgets_what_waits(self, closable: Launcher, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        for key in "abcdefgh":
            closable.submit(job(key, mark=str(mark), seconds=0.2))
        closable.close()
        assert closable.events(timeout=None) == []
        done = mark.read_text().split() if mark.exists() else []
        assert len(done) < 8
