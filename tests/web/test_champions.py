"""The pages of registered models: list, card, verdicts, two versions side by side, images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dlcamp.errors import StoreError
from dlcamp.registry.browse import Held, Version
from dlcamp.registry.history import Rollback
from dlcamp.registry.verdict import Check, Verdict
from dlcamp.web.champions import KeptRows
from dlcamp.web.markdown import html_of
from tests.pages import Browser
from tests.registry.judged import verdict
from tests.web.conftest import MLFLOW, words
from tests.web.test_browser import address

__all__ = ["address"]

NAME = "caption_lstm-scenes"
HOSTILE = "<img src=x onerror=alert(1)>"
Rows = list[dict[str, Any]]


def version(number: str, *aliases: str, verdicts: tuple[Verdict, ...] = (), card: str = "") -> Version:
    return Version(number, f"run{number}", 1_700_000_000.0, aliases, card, verdicts, "maximize val/cider", 0.4)


CHAMPION = version(
    "1", "champion", verdicts=(verdict(version="1"),), card="# The card\n\n## Data\n\n| a |\n| --- |\n| b |"
)
REFUSED = verdict(
    version="2",
    outcome="challenger",
    when=1_700_100_000.0,
    checks=(Check("better", False, f"no: {HOSTILE}"), Check("the floor", False, "not made: no score")),
)
HELD = Held(NAME, "caption_lstm", "scenes", (version("2", "challenger", verdicts=(REFUSED,)), CHAMPION))


def rows_of(_store: object, _name: str, number: str) -> Rows:
    """Rows of either version: the second says something dangerous."""
    said = {"1": [("a star", 1.0), ("a cross", 2.0)], "2": [(HOSTILE, 3.0), ("a cross", 2.0)]}[number]
    return [{"item": f"val-0000{n}", "output": text, "cider": score} for n, (text, score) in enumerate(said)]


Hold = Callable[..., None]


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Lets the registry hold what it is told."""

    def set_to(*models: Held, rows: Callable[..., Rows | None] = rows_of) -> None:
        monkeypatch.setattr("dlcamp.web.champions.held_models", lambda store: list(models))
        monkeypatch.setattr("dlcamp.web.champions.rows_of", rows)

    return set_to


def test_an_empty_registry_says_how_to_register(client: TestClient) -> None:
    assert "make register NAME=" in words(client.get("/champions").text)


def test_the_list_shows_value_interval_challenger_and_how_often_it_was_judged(client: TestClient, hold: Hold) -> None:
    hold(HELD, Held("digits-mnist", "digits", "mnist", (version("1"),)))
    answer = client.get("/champions").text
    page = words(answer)
    assert "caption_lstm-scenes scenes val/cider 0.50 [0.45, 0.55] version 1" in page
    assert "caption_lstm-s0-bbbb version 2 2" in page
    assert "digits-mnist mnist none: no candidate passed the gate" in page
    assert f'href="/champions/{NAME}"' in answer
    assert f"{MLFLOW}/#/runs/run1" in answer


def test_a_champion_that_was_forced_is_told_and_why(client: TestClient, hold: Hold) -> None:
    forced = version("1", "champion", verdicts=(verdict(version="1", forced=f"for the demo {HOSTILE}"),))
    hold(replace(HELD, versions=(forced,)), Held("digits-mnist", "digits", "mnist", (version("1", "champion"),)))
    answer = client.get("/champions").text
    assert words(answer).count("version 1 forced") == 1
    assert 'title="the gate was overruled: for the demo &lt;img' in answer
    assert f"Overruled by ada: “for the demo {HOSTILE}”" in words(client.get(f"/champions/{NAME}").text)


def test_the_page_shows_the_card_the_versions_and_every_verdict_with_its_checks(client: TestClient, hold: Hold) -> None:
    hold(HELD)
    answer = client.get(f"/champions/{NAME}").text
    page = words(answer)
    assert "<h2>The card</h2>" in answer
    assert "<td>b</td>" in answer
    assert page.index("Kept as challenger version 2") < page.index("Promoted to champion version 1")
    assert "✗ failed: better no: <img src=x onerror=alert(1)>" in page
    assert "✓ passed: finished caption_lstm-s0-bbbb" in page
    assert "– the floor not made: no score" in page
    assert "Against the champion of the time, version 2 (0.470 by val/cider): +0.030" in page
    assert f"{MLFLOW}/#/models/{NAME}/versions/2" in answer


def test_refused_candidates_and_rollbacks_stand_in_the_history(client: TestClient, hold: Hold) -> None:
    refused = verdict(version="", outcome="refused", run_name="caption_lstm-s0-cccc", when=1_700_200_000.0)
    back = Rollback("1", "2", "ada", f"worse on photos {HOSTILE}", 1_700_300_000.0)
    hold(replace(HELD, refusals=(refused,), rollbacks=(back,)))
    answer = client.get(f"/champions/{NAME}").text
    page = words(answer)
    assert "Rolled back to version 1 from version 2 by ada" in page
    assert page.index("Rolled back to") < page.index("Refused caption_lstm-s0-cccc") < page.index("Kept as challenger")
    assert HOSTILE not in answer


def test_champion_and_challenger_stand_side_by_side_with_image_references_and_scores(
    client: TestClient, hold: Hold
) -> None:
    hold(HELD)
    answer = client.get(f"/champions/{NAME}").text
    page = words(answer)
    assert "Champion and challenger side by side 2 validation items" in page
    assert "champion 1 a star version 2 3 <img src=x onerror=alert(1)> +2 val-00000 5 references" in page
    assert "a cross" not in page.split("references")[0]
    assert HOSTILE not in answer
    picture = client.get(f"/champions/{NAME}/image?item=val-00000")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert picture.content.startswith(b"\xff\xd8")
    assert len(picture.content) < 40_000


@pytest.mark.parametrize("item", ["val-99999", "train-00000", "../../etc/passwd", HOSTILE])
def test_only_validation_images_are_served(client: TestClient, hold: Hold, item: str) -> None:
    hold(HELD)
    answer = client.get(f"/champions/{NAME}/image", params={"item": item})
    assert answer.status_code == 404
    assert HOSTILE not in answer.text


def test_images_of_other_data_than_was_judged_on_are_not_shown(client: TestClient, hold: Hold) -> None:
    versions = [
        replace(one, verdicts=tuple(replace(v, data_digest="0" * 64) for v in one.verdicts)) for one in HELD.versions
    ]
    hold(replace(HELD, versions=tuple(versions)))
    answer = client.get(f"/champions/{NAME}")
    assert "is not the one that the models were judged on" in words(answer.text)
    assert "champion says cider version 2 says" in words(answer.text)
    assert "/image?" not in answer.text
    assert client.get(f"/champions/{NAME}/image?item=val-00000").status_code == 404


def test_data_that_is_away_is_said(client: TestClient, hold: Hold) -> None:
    hold(replace(HELD, data="flickr8k"))
    assert "The images of flickr8k are not here" in words(client.get(f"/champions/{NAME}").text)


def test_versions_judged_on_different_data_are_not_compared(client: TestClient, hold: Hold) -> None:
    other = version("2", "challenger", verdicts=(replace(REFUSED, data_digest="other"),))
    hold(replace(HELD, versions=(other, CHAMPION)))
    assert "They were judged on different data" in words(client.get(f"/champions/{NAME}").text)


def test_versions_without_verdict_or_predictions_are_said(client: TestClient, hold: Hold) -> None:
    hold(HELD, rows=lambda *_: None)
    assert "Version 1 and 2 kept no predictions." in words(client.get(f"/champions/{NAME}").text)
    hold(Held(NAME, "gone", "scenes", (version("2"), version("1", "champion"))))
    page = words(client.get(f"/champions/{NAME}").text)
    assert "registered without a verdict" in page
    assert "This version has no card" in page
    hold(Held(NAME, "gone", "scenes", (version("1"),)))
    assert client.get(f"/champions/{NAME}").status_code == 200


def test_another_version_can_be_asked_for_and_one_that_is_not_there_is_named(client: TestClient, hold: Hold) -> None:
    hold(HELD)
    assert client.get(f"/champions/{NAME}?beside=2&order=first").status_code == 200
    assert client.get(f"/champions/{NAME}?order={HOSTILE}").status_code == 200
    answer = client.get(f"/champions/{NAME}?beside={HOSTILE}")
    assert answer.status_code == 404
    assert HOSTILE not in answer.text


@pytest.mark.parametrize("name", ["caption_lstm-scene", HOSTILE])
def test_an_unknown_model_is_a_page_that_says_so(client: TestClient, hold: Hold, name: str) -> None:
    hold(HELD)
    answer = client.get(f"/champions/{name}")
    assert answer.status_code == 404
    assert HOSTILE not in answer.text


def test_a_registry_that_does_not_answer_is_said(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(store: object) -> list[Held]:
        raise StoreError("cannot read the registry")

    monkeypatch.setattr("dlcamp.web.champions.held_models", away)
    assert "cannot read the registry" in words(client.get("/champions").text)
    assert client.get(f"/champions/{NAME}").status_code == 503


def test_rows_are_read_once_a_verdict_and_again_while_there_are_none() -> None:
    asked: list[str] = []

    def read(_name: str, number: str) -> Rows | None:
        asked.append(number)
        return [{"item": "a"}] if len(asked) > 1 else None

    kept = KeptRows(read)
    assert [kept.of(NAME, CHAMPION) for _ in range(3)] == [[], [{"item": "a"}], [{"item": "a"}]]
    kept.of(NAME, replace(CHAMPION, verdicts=(verdict(when=2e9),)))
    assert asked == ["1", "1", "1"]


def test_a_card_from_elsewhere_brings_no_tags_links_or_pictures() -> None:
    made = html_of(
        "# A <script>x</script>\n\n<b>\n\n[l](http://e.org) ![p](http://e.org/p.png) <http://e.org>\n\n`<i>`"
    )
    assert "<script" not in made
    assert "<b>" not in made
    assert "<i>" not in made
    assert "href" not in made
    assert "<img" not in made
    assert made.startswith("<h2>A &lt;script&gt;")


@pytest.mark.slow
def test_the_pages_are_drawn_without_errors_and_fit_a_telephone(address: str, hold: Hold) -> None:
    hold(HELD, Held("digits-mnist", "digits", "mnist", (version("1", "champion"),)))
    with Browser() as browser:
        for path in ("/champions", f"/champions/{NAME}", "/champions/digits-mnist"):
            for width in (1280, 390):
                page = browser.open(address + path, width=width)
                assert page.ask("document.documentElement.scrollWidth") <= width, path
                assert page.errors == [], path
        shown = "[...document.querySelectorAll('.pairs img')].every(one => one.naturalWidth > 0)"
        assert browser.open(f"{address}/champions/{NAME}", height=2000, ready=shown).ask(shown)
