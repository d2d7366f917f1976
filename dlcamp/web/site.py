"""What every page of the dashboard stands on: the store, the folder of experiments, how a template becomes a page."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from dlcamp.analysis.scale import seconds, short
from dlcamp.analysis.study_files import place_label
from dlcamp.analysis.text_columns import MARKS
from dlcamp.discovery import Listing, listing, load
from dlcamp.errors import DiscoveryError
from dlcamp.experiment import Experiment
from dlcamp.tracking.protocol import Store
from dlcamp.web.cached import CachedReader

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent
READ = ["GET", "HEAD"]
"""The methods of every route."""


@dataclass(frozen=True)
class Site:
    """Everything that pages need.

    Args:
        root: the folder that holds `experiments/` and `configs/`.
        mlflow: address of MLflow's pages over the same store; "" where they are not served.
    """

    store: Store
    root: Path
    reader: CachedReader
    mlflow: str = ""
    _loaded: dict[Path, tuple[int, Experiment | None]] = field(default_factory=dict, repr=False)

    def listing(self) -> dict[str, Listing]:
        """Every experiment of the folder; see `broken` for the files that hold none."""
        return self._files()[0]

    @property
    def broken(self) -> list[str]:
        """What is wrong with the files that hold no experiment."""
        return list(self._files()[1].values())

    def _files(self) -> tuple[dict[str, Listing], dict[Path, str]]:
        """All files are read, so what was found a moment ago is used again."""
        return self.reader.kept("experiments", lambda: _listed(self.root))

    def experiment(self, name: str) -> Experiment | None:
        """The declaration as the file says it now; None where the file is gone or does not import."""
        one = self.listing().get(name)
        if one is None:
            return None
        changed = one.path.stat().st_mtime_ns
        known = self._loaded.get(one.path)
        if known is None or known[0] != changed:
            known = self._loaded[one.path] = changed, _load(one)
        return known[1]

    def render(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page."""
        return HTMLResponse(self.environment.get_template(template).render(site=self, **values), status)

    @cached_property
    def environment(self) -> Environment:
        """Jinja with every value escaped and every unknown name an error."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        made = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.filters |= {
            "ago": ago, "when": when, "duration": seconds, "short": short, "place": place_label, "query": query,
            "count": count, "ticks": ticks,
        }  # fmt: skip
        made.globals |= {"marks": MARKS, "plotly": plotly_address()}
        return made


def _listed(root: Path) -> tuple[dict[str, Listing], dict[Path, str]]:
    broken: dict[Path, str] = {}
    try:
        return listing(root, broken), broken
    except DiscoveryError as error:  # one stem twice
        return {}, {root: str(error)}


def _load(one: Listing) -> Experiment | None:
    try:
        return load(one)
    except Exception:  # whatever an unfinished file raises: pages are made without it
        return None


def plotly_address() -> str:
    """Where the app serves plotly.js: the address changes with the version, so that browsers may keep it for ever."""
    from importlib.metadata import version

    return f"/static/plotly-{version('plotly')}.js"


def query(values: Mapping[str, str | Iterable[str]]) -> str:
    """A query string; lists give a key several times."""
    return urlencode(
        {key: value if isinstance(value, str) else list(value) for key, value in values.items()}, doseq=True
    )


def count(number: int, word: str) -> str:
    """`1 run`, `1,200 runs`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def ticks(text: str) -> Markup:
    """What stands between backticks as code; everything escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def when(moment: float) -> str:
    """`2025-01-31 09:30`, local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def ago(moment: float, now: float | None = None) -> str:
    """`just now`, `5 min ago`, `3 h ago`, `2 days ago`, then the date."""
    passed = (time.time() if now is None else now) - moment
    if passed < 60:
        return "just now"
    if passed < 3600:
        return f"{passed // 60:.0f} min ago"
    if passed < 48 * 3600:
        return f"{passed // 3600:.0f} h ago"
    return f"{passed // 86400:.0f} days ago" if passed < 30 * 86400 else when(moment)[:10]
