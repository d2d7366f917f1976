"""Captioning runs in a store as `study` leaves them, without any training: speakers of known skill describe scenes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow
from pyarrow import parquet

from dlcamp.analysis.cells import Cell, cell
from dlcamp.captioning.bounds import Bound, bounds
from dlcamp.captioning.ranking import Ranked
from dlcamp.captioning.results import measure
from dlcamp.captioning.shown import FILE, shown_json
from dlcamp.captioning.summary import TABLE, table_csv
from dlcamp.data.captions import CaptionData, CaptionItem
from dlcamp.data.scenes import Scenes
from dlcamp.data.scenes.describe import Speaker
from dlcamp.data.scenes.foils import pairs
from dlcamp.data.scenes.grammar import realise
from dlcamp.data.scenes.meaning import Group, Statement
from dlcamp.data.scenes.world import OPPOSITE, Scene
from dlcamp.tracking.memory import MemoryTracker

SCENES = Scenes(train=5, val=5, test=40)


@dataclass(frozen=True)
class Skill:
    """How often a speaker has relations and bindings right; `features` is what its runs say they look at."""

    relation: float
    binding: float
    features: str = "pooled"


def told(scene: Scene, skill: Skill, rng: random.Random) -> str:
    """A true sentence, but that relations are turned round and colours swapped as often as the skill says."""
    statement = Speaker(scene).statement(rng)
    groups, relation = list(statement.groups), statement.relation
    if relation and rng.random() > skill.relation:
        relation = OPPOSITE[relation]
    if len(groups) > 1 and rng.random() > skill.binding:
        groups[:2] = _swapped(groups[0], groups[1])
    return realise(Statement(tuple(groups), relation), rng)


def _swapped(one: Group, other: Group) -> list[Group]:
    if one.colour is None or other.colour is None or one.shape is None or other.shape is None:
        return [one, other]
    return [replace(one, colour=other.colour), replace(other, colour=one.colour)]


def write(
    tracker: MemoryTracker, scratch: Path, skills: Mapping[str, Skill], seeds: int = 2, images: int = 40
) -> list[Cell]:
    """One run a variant and seed; their cells. All have the bounds of one speaker, which are dear to compute."""
    items = SCENES.items("test", images)
    truths = [told(SCENES.scene(item.id), Skill(1, 1), random.Random(item.id)) for item in items]
    beside = bounded(SCENES, items, truths)
    made = []
    for variant, skill in skills.items():
        for seed in range(seeds):
            rng = random.Random(f"{variant} {seed}")
            captions = [told(SCENES.scene(item.id), skill, rng) for item in items]
            chosen = ranked(items, skill, rng)
            made.append(run(tracker, scratch, SCENES, items, captions, variant, seed, skill.features, beside, chosen))
    return made


def ranked(items: Sequence[CaptionItem], skill: Skill, rng: random.Random) -> list[Ranked]:
    """Every foil of the items, known from the true caption as often as the skill says; colour and shape always."""
    known = {"relation": skill.relation, "binding": skill.binding}
    asked = pairs(SCENES, [item.id for item in items])
    return [Ranked(pair.item, pair.aspect, 1.0 if rng.random() < known.get(pair.aspect, 1) else -1.0) for pair in asked]


def bounded(data: CaptionData, items: Sequence[CaptionItem], captions: Sequence[str]) -> list[Bound]:
    """Floors and ceilings of these captions; what is said without looking is always the same."""
    blind = ["a red circle"] * len(items)
    return bounds(measure(captions, items, data, "test"), data.items("train"), items, data, blind, seed=0)


def run(
    tracker: MemoryTracker,
    scratch: Path,
    data: CaptionData,
    items: Sequence[CaptionItem],
    captions: Sequence[str],
    variant: str,
    seed: int = 0,
    features: str = "pooled",
    beside: Sequence[Bound] = (),
    chosen: Sequence[Ranked] = (),
) -> Cell:
    """One finished run that said this; its cell."""
    found = measure(captions, items, data, "test", [said for item in data.items("train") for said in item.references])
    found = found.with_ranked(chosen)
    tracked = tracker.start("caption_decoders", f"{variant}-{seed}", {"dlcamp.variant": variant, "dlcamp.kind": "cell"})
    tracked.params({"seed": seed, "features": features})
    names = dict.fromkeys(name for row in found.rows() for name in row)
    table = pyarrow.table({name: [row.get(name) for row in found.rows()] for name in names})
    parquet.write_table(table, scratch / "predictions.parquet")
    (scratch / TABLE).write_text(table_csv(found, beside), "utf-8")
    (scratch / FILE).write_text(shown_json(items, data), "utf-8")
    for name in ("predictions.parquet", TABLE, FILE):
        tracked.artifact(scratch / name)
    totals = {f"test/{name}": value for name, value in found.scores.totals.items()}
    rates = {f"test/{name}": rate.value for name, rate in found.rates.items()}
    tracked.final({**totals, **rates, "cost/parameters": 960_000.0, "cost/seconds": 60.0 + seed})
    tracked.end("FINISHED")
    return cell(tracker.run(tracked.id))
