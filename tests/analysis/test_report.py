"""The report as its readers open it: in a browser, wide and narrow, light and dark, and in MLflow's sandboxed frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dlcamp.analysis.report import page
from dlcamp.analysis.study import Study, assemble
from dlcamp.comparison import Comparison, Contrast
from dlcamp.experiment import Claim
from dlcamp.tracking.memory import MemoryTracker
from tests.analysis.ablation_store import Ablation
from tests.analysis.test_study import png
from tests.pages import Browser, Page

NASTY = '<img src=x onerror="boom()"></script><script>boom()</script>'
ALL_DRAWN = "[...document.querySelectorAll('.chart')].every(box => box.dataset.drawn || !box.clientWidth)"
LOADED = "window.Plotly"
OPEN_ALL = "dispatchEvent(new Event('beforeprint'))"


def build(folder: Path, ablation: Ablation) -> Study:
    tracker = MemoryTracker()
    return assemble(tracker, ablation.write(tracker, folder), ablation.experiment())


@pytest.fixture(scope="module")
def plain() -> Ablation:
    """Three variants by three seeds with all that a report can show, and text that tries to break out."""
    sparse = Claim(
        "L1 leaves more weights at zero", "its share is not higher", contrasts=[Contrast("l1", "none", "test/sparsity")]
    )
    return Ablation(
        {"none": 0.0, "l1": 0.002, f"dropout {NASTY}": 0.03},
        failed={("l1", 2): f"ValueError: {NASTY}"},
        tuned={"l1": {"l1": [1e-4, 1e-6, 1e-2]}},
        pictures=lambda variant: {"weights.png": png()},
        question=f"Does any regulariser beat none? {NASTY}",
        claims=[sparse, Claim(NASTY, NASTY)],
        comparison=Comparison(
            "test/accuracy",
            baseline="none",
            smallest_interesting=0.005,
            shown=("test/sparsity",),
            items={"test/accuracy": "correct"},
        ),
        items=150,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def written(plain: Ablation, folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(page(build(folder, plain)), "utf-8")
    return path


@pytest.fixture(scope="module")
def grid_page(folder: Path) -> Path:
    axes = {"train_images": ["100", "500", "2000"]}
    gains = {"none": 0.0, "a_regulariser_with_a_very_long_name_of_its_own": 0.01, "dropout": 0.02}
    path = folder / "grid.html"
    path.write_text(page(build(folder, Ablation(gains, axes=axes, curve=5))), "utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def wide(browser: Browser, written: Path) -> Page:
    """The page at a desktop's width with all of it drawn."""
    opened = browser.open(written, ready=LOADED)
    opened.ask(OPEN_ALL)
    opened.wait(ALL_DRAWN)
    return opened


@pytest.mark.parametrize(("which", "width"), [("written", 1280), ("written", 390), ("grid_page", 390)])
def test_a_report_opens_without_errors_and_fits_the_window(
    browser: Browser, which: str, width: int, request: pytest.FixtureRequest
) -> None:
    opened = browser.open(request.getfixturevalue(which), width=width, ready=LOADED)
    opened.ask(OPEN_ALL)
    opened.wait(ALL_DRAWN)
    assert opened.errors == []
    assert opened.ask("document.documentElement.scrollWidth") <= width
    assert opened.ask("document.querySelectorAll('.chart[data-drawn] .main-svg').length") >= 4
    assert opened.ask(ALL_DRAWN)
    form = "narrow" if width < 600 else "wide"
    assert opened.ask("document.querySelector('.chart').dataset.drawn") == form


def test_a_report_asks_for_nothing(wide: Page, written: Path) -> None:
    asked = wide.ask("performance.getEntriesByType('resource').map(one => one.name)")
    assert [name for name in asked if not name.startswith("data:")] == []
    assert set(Targets.of(written.read_text("utf-8"))) <= {"data", "http://127.0.0.1:5000"}


def test_text_from_runs_is_shown_as_text(wide: Page) -> None:
    assert wide.ask("document.querySelectorAll('img[src=x], script:not([data-figure])').length") == 2
    assert wide.ask("document.querySelector('h1').textContent").endswith(NASTY)
    assert NASTY in wide.ask("document.querySelector('.warnings').textContent")
    assert wide.errors == []


def test_a_report_works_in_mlflows_sandboxed_frame(browser: Browser, written: Path, folder: Path) -> None:
    """MLflow shows an HTML artifact through a blob address in a frame with sandbox="allow-scripts"."""
    told = """<script>
        document.querySelector(".chart").scrollIntoView();
        setInterval(() => parent.postMessage({
            drawn: document.querySelectorAll(".chart[data-drawn] .main-svg").length,
            width: document.documentElement.scrollWidth}, "*"), 100)</script>"""
    report = json.dumps(written.read_text("utf-8").replace("</body>", told + "</body>")).replace("<", "\\u003c")
    outer = folder / "frame.html"
    outer.write_text(
        f"""<!doctype html><meta name="viewport" content="width=device-width"><body style="margin:0">
        <iframe sandbox="allow-scripts" style="border:0;width:100%;height:800px"></iframe><script>
        addEventListener("message", (event) => window.told = event.data);
        const blob = new Blob([{report}], {{type: "text/html"}});
        document.querySelector("iframe").src = URL.createObjectURL(blob);</script>""",
        "utf-8",
    )
    opened = browser.open(outer, width=700, ready="window.told && window.told.drawn > 0")
    assert opened.ask("window.told.drawn") > 0
    assert opened.ask("window.told.width") <= 700
    assert opened.errors == []


def test_a_dark_page_has_light_text_in_its_figures(browser: Browser, wide: Page, written: Path) -> None:
    dark = browser.open(written, dark=True, ready=LOADED)
    dark.ask("document.querySelector('.chart').scrollIntoView()")
    dark.wait("document.querySelector('.ytick text')")
    colours = [one.ask("getComputedStyle(document.querySelector('.ytick text')).fill") for one in (wide, dark)]
    assert colours[0] != colours[1]


def test_one_of_several_figures_is_shown_at_a_time(wide: Page) -> None:
    all_of_them = "[...document.querySelectorAll('#curves [data-pick]')]"
    shown = all_of_them + ".map(one => !document.getElementById(one.dataset.pick).hidden)"
    assert wide.ask(shown) == [True, False]
    wide.ask(all_of_them + "[1].click()")
    assert wide.ask(shown) == [False, True]


def test_a_report_says_what_was_found_what_failed_and_how_to_repeat_it(written: Path) -> None:
    text = Text.of(written.read_text("utf-8"))
    assert "is better than none by" in text
    assert "(Holm over" in text
    assert "n = 3 seeds" in text.replace("\u00a0", " ")
    assert "1 of 9 runs is left out of every mean: l1, seed 2: failed" in text
    assert "Every tuned variant had the same number of trials, 3" in text
    assert "make exp NAME=regularizers SEEDS=3" in text
    assert "sha256:5f2c8a7d1e90b4" in text
    assert "over seeds and items" in text


def test_every_run_is_there_as_text(plain: Ablation, tmp_path: Path) -> None:
    study = build(tmp_path, plain)
    text = Text.of(page(study))
    assert all(cell.run in text for cell in study.cells)


def test_one_seed_makes_a_page_without_tests(tmp_path: Path) -> None:
    text = Text.of(page(build(tmp_path, Ablation({"none": 0.0, "l2": 0.01}, seeds=1))))
    assert "One seed: no test is made" in text
    assert "SEEDS=5" in text


def test_runs_that_cannot_be_compared_give_a_page_that_says_why(tmp_path: Path) -> None:
    ablation, tracker = Ablation({"none": 0.0, "l2": 0.01}), MemoryTracker()
    parent = ablation.write(tracker, tmp_path)
    run = tracker.resume(next(row.id for row in tracker.runs() if row.tags.get("dlcamp.variant") == "l2"))
    run.tags({"dlcamp.data_digest": "sha256:another"})
    run.end("FINISHED")
    text = Text.of(page(assemble(tracker, parent, ablation.experiment())))
    assert "These runs cannot be compared." in text
    assert "sha256:another" in text


def test_an_ablation_of_which_nothing_has_finished_has_a_page(tmp_path: Path) -> None:
    failed = {(variant, seed): "no memory" for variant in ("none", "l2") for seed in range(2)}
    text = Text.of(page(build(tmp_path, Ablation({"none": 0.0, "l2": 0.01}, seeds=2, failed=failed))))
    assert "No run has finished" in text
    assert "4 of 4 runs are left out" in text


def test_a_report_of_forty_runs_with_figures_is_under_eight_megabytes(tmp_path: Path) -> None:
    noise = png(500, 400, noisy=True)
    gains = {f"variant_{number}": number / 1000 for number in range(8)}
    ablation = Ablation(gains, seeds=5, curve=100, pictures=lambda variant: {"a.png": noise})
    assert len(page(build(tmp_path, ablation)).encode()) < 8_000_000


class Targets(HTMLParser):
    """Schemes and hosts that elements of a page point at."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @classmethod
    def of(cls, text: str) -> list[str]:
        reader = cls()
        reader.feed(text)
        return reader.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data", "action", "poster") and value:
                self.found.append("data" if value.startswith("data:") else value.split("/#")[0])


class Text(HTMLParser):
    """What a reader sees, in one line."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._skip = False

    @classmethod
    def of(cls, text: str) -> str:
        reader = cls()
        reader.feed(text)
        return " ".join("".join(reader.parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skip = tag in ("script", "style")
        self.parts += [" "] if tag in ("p", "div", "td", "th", "li", "h1", "h2") else []

    def handle_endtag(self, tag: str) -> None:
        self._skip = False

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.parts.append(data)
