"""Truthfulness of a set of captions: one row an image, and rates by aspect, pair and number of objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dlcamp.data.captions import Split
from dlcamp.data.scenes.dataset import Scenes
from dlcamp.data.scenes.describe import relatable
from dlcamp.data.scenes.truth import ASPECTS, judge
from dlcamp.errors import DataError

Row = dict[str, Any]


class Rate(NamedTuple):
    """A share and how many images it is a share of."""

    value: float
    n: int


def report(captions: Mapping[str, str], data: Scenes, split: Split) -> list[Row]:
    """Judge the caption of every image.

    Returns:
        One row an image in the split's order: item, output, grammatical, truthful, count, colour, shape, size,
        relation and binding (True, False, or None where not stated), told_relation, told_binding (True, False, or
        None where the image has nothing of the kind to tell), held_out, objects, reason.

    Raises:
        DataError: a caption for an image that the split does not have.
    """
    strange = [item for item in captions if data.place(item)[0] != split]
    if strange:
        raise DataError(f"captions of {split} asked for, got one for {strange[0]!r}: score a split at a time")
    return [_row(item, captions[item], data) for item in sorted(captions, key=data.place)]


def rates(rows: Sequence[Row]) -> dict[str, Rate]:
    """What share is right, by name; a name nothing bears on is left out.

    `grammatical`, `truthful` over all rows; `truthful_<aspect>` over the rows that state the aspect, `binding` among
    them; `truthful_seen_pairs`, `truthful_held_out_pairs` by what the image shows; `truthful_<n>_objects`.

    Shares of captions that state an aspect have denominators of the speaker's choosing: who says little is judged on
    little. `told_relation` and `told_binding` have the images' own: of those that allow a relation, how many captions
    state one between objects that are there and that holds; of those that show two or more objects, how many captions
    name two or more and put each one's attributes together rightly.
    """
    found = {"grammatical": _rate(rows, "grammatical"), "truthful": _rate(rows, "truthful")}
    for aspect in (*ASPECTS, "binding"):
        found[f"truthful_{aspect}"] = _rate([row for row in rows if row[aspect] is not None], aspect)
    for name in ("told_relation", "told_binding"):
        found[name] = _rate([row for row in rows if row[name] is not None], name)
    groups: dict[str, Callable[[Row], bool]] = {
        "seen_pairs": lambda row: not row["held_out"],
        "held_out_pairs": lambda row: row["held_out"],
    }
    groups |= {f"{n}_objects": lambda row, n=n: row["objects"] == n for n in (1, 2, 3, 4)}  # type: ignore[misc]
    for name, belongs in groups.items():
        found[f"truthful_{name}"] = _rate([row for row in rows if belongs(row)], "truthful")
    return {name: rate for name, rate in found.items() if rate.n}


def _row(item: str, caption: str, data: Scenes) -> Row:
    scene = data.scene(item)
    judged = judge(caption, scene)
    aspects: Row = {aspect: judged.aspects[aspect] for aspect in ASPECTS}
    return {
        "item": item,
        "output": caption,
        "grammatical": judged.grammatical,
        "truthful": judged.truthful,
        **aspects,
        "binding": judged.binding,
        "told_relation": judged.relation_holds is True if relatable(scene) else None,
        "told_binding": judged.binding is True if len(scene.objects) > 1 else None,
        "held_out": data.held_out(item),
        "objects": data.objects(item),
        "reason": judged.reason,
    }


def _rate(rows: Sequence[Row], key: str) -> Rate:
    return Rate(sum(bool(row[key]) for row in rows) / len(rows) if rows else float("nan"), len(rows))
