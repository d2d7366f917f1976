"""What a captioner is worth, whoever speaks: scores beside floors and ceilings, and what a run keeps of them.

One path for every captioner: rows an image, tables, the summary that is printed, the gallery, the few images that a
report shows of each run, and the model with captions that prove it.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlcamp.captioning.attention_maps import looking
from dlcamp.captioning.bounds import Bound, bounds
from dlcamp.captioning.captioner import Captioner
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoding import Features
from dlcamp.captioning.gains import NO_GAINS, Rival, gains
from dlcamp.captioning.gallery import Attend, GalleryEntry, gallery_html
from dlcamp.captioning.ranking import forced_choices
from dlcamp.captioning.results import Results, measure
from dlcamp.captioning.scores import SCORE_NAMES
from dlcamp.captioning.shown import FILE as SHOWN
from dlcamp.captioning.shown import shown_json
from dlcamp.captioning.summary import substituted_lines, summary, table_csv, val_summary
from dlcamp.data.captions import CaptionData, CaptionItem

if TYPE_CHECKING:
    from dlcamp.analysis.bootstrap import Interval
    from dlcamp.tracking.handle import ActiveRun

IMPORTED_SHOWN = 32
"""Test images that a model of imported features is proven on: VGG takes a third of a second an image."""


@dataclass(frozen=True)
class Viewed:
    """Images of a split with their features, as the captioner takes them."""

    items: Sequence[CaptionItem]
    features: Features


@dataclass(frozen=True)
class Subject:
    """A captioner that is to be judged.

    Attributes:
        train: what it was trained on.
        blind: gives captions of test by the same decoder without images; None: there is no such floor.
        substituted: what its encoder stands in for, and why; empty when it is the one that was asked for.
        loadable: whether its encoder can be run here, so that a model can be kept.
        course: scores by the course's own metric.
        notes: lines that explain them.
        rival: who is compared with the captioner on the same images; None: nobody.
    """

    captioner: Captioner
    train: Sequence[CaptionItem]
    val: Viewed
    test: Viewed
    blind: Callable[[], list[str]] | None = None
    substituted: str = ""
    loadable: bool = True
    course: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()
    rival: Rival | None = None


def judge(config: CaptionConfig, data: CaptionData, run: ActiveRun, subject: Subject) -> dict[str, float]:
    """Caption val, and test unless the config leaves it alone, score both, and keep everything.

    Returns:
        `val/cider` of the finished model with its beam (the last point after the epochs' greedy ones) and its other
        scores and rates, the ranked ones where test is left alone; for test the scores with intervals, greedy beside
        beam, and what stands beside them; of each split that is scored the gains over a rival (`gains.gains`).
    """
    captioner = subject.captioner
    shown, said = subject.val, captioner.captions(subject.val.features)
    train = [caption for item in subject.train for caption in item.references]
    val = measure(said, subject.val.items, data, "val", train_captions=train)
    if not config.score_test:
        val = val.with_ranked(forced_choices(captioner, shown.items, shown.features, data))
    gained = gains("val", subject.val.items, val.scores, subject.rival, run) if subject.rival else NO_GAINS
    metrics = {**val.totals("val"), **gained.metrics}
    notes = [*subject.notes, *substituted_lines(subject.substituted), *gained.lines]
    if config.score_test:
        shown, said = subject.test, captioner.captions(subject.test.features)
        metrics |= _test(config, data, run, subject, said, notes)
    else:
        run.text(val_summary(val, captioner.decoding.beam, notes), "summary.txt")
    if subject.loadable:
        # a predictor computes its features itself: what another extraction imported need not be theirs to the bit
        items = shown.items[:IMPORTED_SHOWN] if config.features_file else shown.items
        run.model(captioner, [data.image(item.id) for item in items], None if config.features_file else said)
    return metrics


def _test(
    config: CaptionConfig, data: CaptionData, run: ActiveRun, subject: Subject, said: list[str], notes: Sequence[str]
) -> dict[str, float]:
    """Score the captions of test, once; keep rows, tables, gallery, and the summary with its notes."""
    items, features, captioner = subject.test.items, subject.test.features, subject.captioner
    train = [caption for item in subject.train for caption in item.references]
    found = measure(said, items, data, "test", train_captions=train)
    found = found.with_ranked(forced_choices(captioner, items, features, data))
    blind_said = subject.blind() if subject.blind else None
    rows = bounds(found, subject.train, items, data, blind_said, config.split_seed)
    greedy = measure(captioner.captions(features, beam=1), items, data, "test")
    run.predictions(found.rows())
    run.text(table_csv(found, rows), "scores.csv")
    gained = gains("test", items, found.scores, subject.rival, run) if subject.rival else NO_GAINS
    run.text(summary(found, rows, captioner.decoding.beam, [*notes, *gained.lines]), "summary.txt")
    run.text(shown_json(items, data), SHOWN)
    attend = looking(captioner, items, features)
    run.text(_gallery(found, blind_said, items, data, run.name, subject.substituted, attend), "gallery.html")
    return {
        **gained.metrics,
        **_test_metrics(found, rows),
        **{f"test/greedy_{name}": greedy.scores.scores[name] for name in ("bleu_4", "cider")},
        **{f"test/camp_{name}": value for name, value in subject.course.items()},
    }


def _test_metrics(found: Results, rows: Sequence[Bound]) -> dict[str, float]:
    """Scores and rates with their intervals, and what the claims compare them with."""
    metrics = found.totals("test")
    metrics["test/images"] = float(found.scores.n)
    for name in (*SCORE_NAMES, *(["truthful"] if "truthful" in found.rates else [])):
        metrics |= _interval(name, found.intervals[name])
    for row in rows:
        name = row.name if row.kind == "floor" else f"{row.kind}_{row.name}" if row.kind != row.name else row.name
        metrics |= {f"test/{name}_{score}": row.results.value(score) for score in ("bleu_4", "cider")}
        if row.kind == "floor":
            metrics |= _interval(f"{name}_cider", row.results.intervals["cider"])
            if "truthful" in row.results.rates:
                metrics[f"test/{name}_truthful"] = row.results.rates["truthful"].value
                metrics |= _interval(f"{name}_truthful", row.results.intervals["truthful"])
    return metrics


def _interval(name: str, interval: Interval) -> dict[str, float]:
    return {f"test/{name}_low": interval.low, f"test/{name}_high": interval.high}


def _gallery(
    found: Results,
    blind: Sequence[str] | None,
    items: Sequence[CaptionItem],
    data: CaptionData,
    name: str,
    substituted: str,
    attend: Attend | None = None,
) -> str:
    by_id = {item.id: item for item in items}
    entries = [
        GalleryEntry(
            id=item,
            image=data.image(item),
            mime=mimetypes.guess_type(item)[0] or "image/jpeg",
            references=by_id[item].references,
            caption=found.scores.captions[index],
            score=float(found.scores.cider[index]),
            wrong=found.reasons.get(item),
            baseline=None if blind is None else blind[index],
        )
        for index, item in enumerate(found.scores.ids)
    ]
    facts = {"data set": f"{data.name}, {found.scores.n} test images", "run": name}
    facts |= {label: found.shown(key) for label, key in (("BLEU-4", "bleu_4"), ("CIDEr", "cider")) if key}
    if "truthful" in found.rates:
        facts["truthful"] = found.shown("truthful")
    if substituted:
        facts["substituted"] = substituted
    title = f"{name}: captions" + (" (substituted encoder)" if substituted else "")
    return gallery_html(entries, title, facts, baseline_name="blind", attend=attend)
