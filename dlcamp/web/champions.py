"""The registered models: a list of them, and a page each: card, versions, verdicts, two versions side by side."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from dlcamp.errors import StoreError, UnknownName
from dlcamp.registry.aliases import CHALLENGER, CHAMPION, PREVIOUS
from dlcamp.registry.browse import Held, Version, held_models
from dlcamp.registry.card import SIGNS, against_words, outcome_words, scale_around, standing
from dlcamp.registry.history import Rollback, rows_of
from dlcamp.registry.verdict import Verdict
from dlcamp.web.markdown import html_of
from dlcamp.web.pictures import Album, Albums
from dlcamp.web.side_by_side import ORDERS, Order, SideBySide, side_by_side
from dlcamp.web.site import READ, Site

_KEPT = 8
_FEW, _MORE = 6, 60

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """One registered model as the list shows it.

    Args:
        value, interval: by the objective, as text; "" where unknown.
        since: when the champion was promoted, in seconds since 1970; None without a champion.
        judged: how many verdicts there are.
        forced: why the gate was overruled for the champion; "" when it was not.
    """

    held: Held
    champion: Version | None
    challenger: Version | None
    metric: str
    value: str
    interval: str
    since: float | None
    judged: int
    forced: str


def line(held: Held) -> Line:
    """What a list says of a registered model."""
    champion = held.holder(CHAMPION)
    metric, value, interval = scored(champion) if champion else ("", "", "")
    promoted = champion.promoted if champion else None
    return Line(
        held,
        champion,
        held.holder(CHALLENGER),
        metric,
        value,
        interval,
        held.since(champion) if champion else None,
        len(held.verdicts),
        promoted.forced if promoted else "",
    )


def scored(version: Version) -> tuple[str, str, str]:
    """Metric with its unit, value and interval of a version, as judged last, else as registered."""
    judged = version.judged
    metric = judged.metric if judged else version.objective.rpartition(" ")[2]
    value, low, high = (judged.value, judged.low, judged.high) if judged else (version.value, None, None)
    if value is None:
        return "", "", ""
    scale = scale_around(metric, value, low, high)
    return scale.axis, scale.value(value), scale.interval(low, high)


@dataclass(frozen=True)
class Told:
    """One event of a model's history: a verdict, with what became of the candidate and how it stood against its rival
    ("" without one), or a rollback.
    """

    when: float
    outcome: str = ""
    against: str = ""
    verdict: Verdict | None = None
    rollback: Rollback | None = None


def told(held: Held) -> list[Told]:
    """The history of a model, newest first."""
    events = [Told(one.when, rollback=one) for one in held.rollbacks]
    for verdict in held.verdicts:
        against = against_words(verdict.against, verdict.metric) if verdict.against else ""
        events.append(Told(verdict.when, outcome_words(verdict), against, verdict))
    return sorted(events, key=lambda one: -one.when)


@dataclass(frozen=True)
class Compared:
    """Two versions side by side; `found` is None, and `why` says what is missing, where there is nothing to show."""

    first: Version
    second: Version
    order: Order
    found: SideBySide | None
    why: str
    album: Album


def other_version(held: Held, asked: str = "") -> Version | None:
    """The version to hold beside the champion: the one asked for, the challenger, the previous, the newest other.

    Raises:
        UnknownName: no such version.
    """
    champion = held.holder(CHAMPION)
    others = [one for one in held.versions if one is not champion]
    if asked:
        found = next((one for one in others if one.number == asked), None)
        if found is None:
            raise UnknownName(f"other version of {held.name}", asked[:50], [one.number for one in others])
        return found
    return held.holder(CHALLENGER) or held.holder(PREVIOUS) or next(iter(others), None)


class KeptRows:
    """The per-item rows of versions, the last few kept: a verdict's rows never change.

    Args:
        read: registered model and version -> rows, None where it has none.
    """

    def __init__(self, read: Callable[[str, str], Rows | None]) -> None:
        self._read = read
        self._kept: OrderedDict[tuple[str, str, float], Rows] = OrderedDict()

    def of(self, name: str, version: Version) -> Rows:
        """Rows, empty where there are none (yet)."""
        key = (name, version.number, version.judged.when if version.judged else 0.0)
        found = self._kept.pop(key, None)
        if found is None:
            found = self._read(name, version.number) or []
        if found:
            self._kept[key] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found


def compared(
    held: Held, rows: KeptRows, albums: Albums, asked: str = "", order: Order = "most", most: int = _FEW
) -> Compared | None:
    """The champion beside another version, `most` items in full; None where there are no two."""
    first, second = held.holder(CHAMPION), other_version(held, asked)
    if first is None or second is None:
        return None
    nothing = Compared(first, second, order, None, "", Album({}, ""))
    if first.judged is None or second.judged is None:
        return replace(nothing, why="A version that was registered without a verdict kept no predictions.")
    if first.judged.data_digest != second.judged.data_digest:
        return replace(nothing, why=f"They were judged on different data: {held.data} changed between the two.")
    own, theirs = rows.of(held.name, first), rows.of(held.name, second)
    without = [one.number for one, side in ((first, own), (second, theirs)) if not side]
    if without:
        return replace(nothing, why=f"Version {' and '.join(without)} kept no predictions.")
    found = side_by_side(own, theirs, second.judged.objective, order, most)
    return replace(nothing, found=found, album=albums.of(held.data, second.judged.data_digest))


def models_of(site: Site) -> Mapping[str, Held]:
    """Registered models by name, read again as often as pages need.

    Raises:
        StoreError: the registry cannot be read.
    """
    return site.reader.kept("held models", lambda: {one.name: one for one in held_models(site.store)})


def routes(site: Site) -> APIRouter:
    """The list, the pages, and the images on them."""
    router = APIRouter()
    albums = Albums()
    rows = KeptRows(lambda name, version: rows_of(site.store, name, version))

    def model(name: str) -> Held:
        found = models_of(site).get(name)
        if found is None:
            raise UnknownName("registered model", name[:200], models_of(site))
        return found

    @router.api_route("/champions", methods=READ)
    def champions_page() -> Response:
        try:
            lines, wrong = [line(one) for one in models_of(site).values()], ""
        except StoreError as error:
            lines, wrong = [], str(error)
        return site.render("champions.html", lines=_sorted(lines), wrong=wrong)

    @router.api_route("/champions/{name}", methods=READ)
    def page(name: str, beside: str = "", order: str = "", more: str = "") -> Response:
        held = model(name)
        chosen = next((one for one in ORDERS if one == order), ORDERS[0])
        shown = held.holder(CHAMPION) or next(iter(held.versions), None)
        return site.render(
            "champion.html",
            held=held,
            line=line(held),
            shown=shown,
            card=html_of(shown.card) if shown and shown.card else "",
            scores={version.number: scored(version) for version in held.versions},
            history=told(held),
            standing=standing,
            signs=SIGNS,
            compared=compared(held, rows, albums, beside, chosen, _MORE if more else _FEW),
            question=_question(site, held),
        )

    @router.api_route("/champions/{name}/image", methods=READ)
    def image(name: str, item: str) -> Response:
        held = model(name)
        judged = held.verdicts
        content = albums.of(held.data, judged[-1].data_digest if judged else "").thumbnail(item)
        # the item's id is its content's name in a data set that does not change while the dashboard runs
        return Response(content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})

    return router


def _sorted(lines: Sequence[Line]) -> list[Line]:
    """Those with a champion first, by name."""
    return sorted(lines, key=lambda one: (one.champion is None, one.held.name))


def _question(site: Site, held: Held) -> str:
    one = site.listing().get(held.experiment)
    return one.question if one else ""
