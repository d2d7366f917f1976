"""Make the pictures of the README, of whatever the store holds.

    make ui                                              # in another terminal: MLflow on 5000, the dashboard on 5001
    .venv/bin/python -m docs.screenshots                 # all of them
    .venv/bin/python -m docs.screenshots champion ui     # these

Those of which the store holds nothing yet are named and left as they are. Needs Debian's `chromium`. A picture is kept
under 300 KB by a palette of its own colours.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).resolve().parent / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 1240
LARGEST = 300_000
"""Bytes."""


class Nothing(Exception):
    """The store holds nothing to make this picture of; the message says what to run."""


@dataclass(frozen=True)
class Pages:
    """Where things are, looked up in the store.

    Args:
        dashboard, mlflow: addresses.
    """

    dashboard: str
    mlflow: str

    def champions(self) -> str:
        """The list of registered models."""
        self._held()
        return f"{self.dashboard}/champions"

    def champion(self) -> str:
        """The newest model that has a champion, one with a challenger before others."""
        from dlcamp.registry.aliases import CHALLENGER

        held = sorted(self._held(), key=lambda one: (one.holder(CHALLENGER) is None, -one.versions[0].created))
        return f"{self.dashboard}/champions/{held[0].name}"

    def dashboard_page(self) -> str:
        """The first page."""
        return f"{self.dashboard}/"

    def report(self) -> str:
        """The newest ablation that has finished."""
        return f"{self.dashboard}/ablations/{self._run('ablation', 'make exp NAME=regularizers')}"

    def ui(self) -> str:
        """The newest single run in MLflow."""
        run = self._run("run", "make exp NAME=caption_lstm")
        experiment = self._mlflow_experiment(run)
        return f"{self.mlflow}/#/experiments/{experiment}/runs/{run}"

    def gallery(self) -> str:
        """The gallery of the newest run that has one."""
        reader = _store().reader
        for row in reader.runs(status="FINISHED", tags={"dlcamp.kind": "run"}, limit=50):
            if "gallery.html" in reader.artifacts(row.id):
                return reader.fetch(row.id, "gallery.html").as_uri()
        raise Nothing("make exp NAME=caption_lstm")

    def _held(self) -> list:
        from dlcamp.registry.aliases import CHAMPION
        from dlcamp.registry.browse import held_models

        found = [one for one in held_models(_store()) if one.holder(CHAMPION)]
        if not found:
            raise Nothing("make register NAME=purchase_odds")
        return found

    def _run(self, kind: str, command: str) -> str:
        rows = _store().reader.runs(status="FINISHED", tags={"dlcamp.kind": kind}, limit=1)
        if not rows:
            raise Nothing(command)
        return rows[0].id

    def _mlflow_experiment(self, run: str) -> str:
        from dlcamp.tracking.models import client_of

        return str(client_of(_store()).get_run(run).info.experiment_id)


# name of the picture -> its page, and how much of it is shown in pixels
PICTURES: Mapping[str, tuple[Callable[[Pages], str], int]] = {
    "ui": (Pages.ui, 900),
    "gallery": (Pages.gallery, 1000),
    "dashboard": (Pages.dashboard_page, 1100),
    "report": (Pages.report, 1500),
    "champions": (Pages.champions, 380),
    "champion": (Pages.champion, 1560),
}


def _store():
    from dlcamp.tracking import open_store

    return open_store()


def take(address: str, height: int, target: Path, browser: str) -> None:
    """Show a page in a browser without a window and keep what it shows as a PNG of at most LARGEST bytes."""
    with tempfile.TemporaryDirectory(prefix="dlcamp-screenshot-") as scratch:
        shot = Path(scratch, "shot.png")
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={scratch}/profile",
                f"--window-size={WIDTH},{height}",
                "--virtual-time-budget=20000",
                f"--screenshot={shot}",
                address,
            ],
            check=True,
            capture_output=True,
            timeout=180,
        )
        picture = Image.open(shot).convert("RGB")
    target.write_bytes(_small(picture))


def _small(picture: Image.Image) -> bytes:
    """The first palette that is small enough; else the smallest."""
    content = b""
    for colours in (256, 128, 64, 32):
        buffer = io.BytesIO()
        # small patches of a strong colour keep it: the median cut would mix them with their neighbours
        picture.quantize(colours, Image.Quantize.MAXCOVERAGE, 2, dither=Image.Dither.NONE).save(
            buffer, "PNG", optimize=True
        )
        content = buffer.getvalue()
        if len(content) <= LARGEST:
            break
    return content


def _check(address: str) -> None:
    try:
        urllib.request.urlopen(f"{address}/health", timeout=10).close()
    except (urllib.error.URLError, OSError) as error:
        sys.exit(f"error: nothing answers at {address} ({error}); start both in another terminal: make ui")


def main() -> None:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}; all when none is given")
    parser.add_argument("--port", type=int, default=5000, help="of MLflow's pages; the dashboard's is one higher")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in PICTURES]
    if unknown:
        parser.error(f"no picture {unknown[0]!r}; there are {', '.join(PICTURES)}")
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        sys.exit("error: no browser to open pages with: install Debian's chromium")
    pages = Pages(f"http://127.0.0.1:{given.port + 1}", f"http://127.0.0.1:{given.port}")
    _check(pages.dashboard)
    FOLDER.mkdir(exist_ok=True)
    for name in given.names or PICTURES:
        page, height = PICTURES[name]
        try:
            address = page(pages)
        except Nothing as missing:
            print(f"{name:<10} left as it is: the store holds nothing to show; {missing}")
            continue
        target = FOLDER / f"{name}.png"
        take(address, height, target, browser)
        print(f"{name:<10} {target.stat().st_size / 1000:.0f} KB  {address}")


if __name__ == "__main__":
    main()
