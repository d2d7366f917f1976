"""What a model card says beyond the verdict and the run: the data's terms, the limits, where the model is weak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dlcamp.data import catalog
from dlcamp.errors import DlcampError
from dlcamp.experiment import Experiment
from dlcamp.registry.slices import SMALLEST, Slice, Slices, told_rightly, weak_slices

Row = Mapping[str, Any]
_CAPTIONS = "cider"
"""A column that only captions have."""


@dataclass(frozen=True)
class About:
    """Everything as text that is not markdown yet.

    Args:
        question: what the experiment asks.
        title, licence, citation: of the data set.
        limits: what the model is not for, a sentence each.
        slices: None where the scorer's rows hold no score by which an item can be judged.
        told: of captions of drawn scenes, how often each aspect is right.
        captions: whether the model describes images.
    """

    question: str
    title: str
    licence: str
    citation: str
    limits: tuple[str, ...] = ()
    slices: Slices | None = None
    told: tuple[Slice, ...] = ()
    captions: bool = False


def about(experiment: Experiment, data_name: str, rows: Sequence[Row]) -> About:
    """What is known of an experiment's model on a data set.

    Args:
        rows: the scorer's on the validation split, one an item.

    Raises:
        UnknownName: no such data set.
    """
    entry = catalog.entry(data_name)
    captions = bool(rows) and _CAPTIONS in rows[0]
    slices = weak_slices(experiment.objective, rows, _references(entry) if captions else None)
    return About(
        experiment.question,
        entry.title,
        entry.licence,
        entry.citation,
        _limits(entry, len(rows), captions, slices),
        slices,
        tuple(told_rightly(rows)),
        captions,
    )


def _references(entry: catalog.Entry) -> dict[str, Sequence[str]]:
    """Validation image -> its captions; nothing where the data is away."""
    with suppress(DlcampError, OSError):
        return {item.id: item.references for item in entry.open().items("val")}
    return {}


def _limits(entry: catalog.Entry, items: int, captions: bool, slices: Slices | None) -> tuple[str, ...]:
    """The sentences that hold for this kind of model and data."""
    told = []
    if captions:
        told.append(
            f"It knows what {entry.name} shows and how {entry.name} words it. Of a photo unlike those the caption "
            "means little: `dlcamp caption` and `dlcamp predict` measure how unlike it is and warn."
        )
        told.append(
            "It says what is likely. A caption may name things that are not there; do not rely on it where that harms."
        )
    else:
        told.append(f"It knows {entry.name}: {entry.title}. What it says of other inputs was not measured.")
    if entry.embedded and entry.licence == "part of dlcamp":
        told.append("Its data is made up for teaching: nothing here says how it does on data from the world.")
    if items < SMALLEST:
        told.append(f"It was judged on {items} items: too few to tell a good model from a lucky one.")
    told.append(
        "Intervals cover the choice of items. Another seed of training gives another model, and may change more."
    )
    if slices is None:
        told.append(
            "Its scorer gives no score of single items by the objective, so that weak groups cannot be looked for."
        )
    return tuple(told)
