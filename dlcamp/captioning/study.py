"""The one path of every captioning experiment: features, training, decoding, scores, gallery, predictor.

    images -> encoder (cached) -> vocabulary -> decoder trained with early stopping on val/cider
           -> beam and greedy captions of test -> scores beside floors and ceilings -> gallery, predictor

Decoders differ in `config.decoder` only; what is measured, and on what, is the same for all of them. The course's
own recipe (`teaching.py`) goes the same path, with the course's metric beside the honest one.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dlcamp.captioning.bounds import Bound, bounds
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.encoding import Encoded, encode, limits
from dlcamp.captioning.gallery import GalleryEntry, gallery_html
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor, Decoding
from dlcamp.captioning.results import Results, measure
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.scores import SCORE_NAMES
from dlcamp.captioning.summary import course_lines, summary, table_csv
from dlcamp.captioning.teaching import Taught, teach
from dlcamp.data.captions import CaptionData, CaptionItem, Split
from dlcamp.data.photographs import Photographs
from dlcamp.errors import ImageError
from dlcamp.training.checkpoints import weights_hash

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun

IMPORTED_SHOWN = 32
"""Test images that a model of imported features is proven on: VGG takes a third of a second an image."""


def study(config: CaptionConfig, data: CaptionData, run: ActiveRun) -> dict[str, float]:
    """Train one decoder on one data set and measure it.

    Returns:
        `val/cider` of the finished model with its beam (the last point after the epochs' greedy ones), and for
        test the scores with intervals, greedy beside beam, the blind language model's, and the cost. The recipe
        `camp` adds the course's own metric as `test/camp_bleu_1` to `_4`.
    """
    encoded = encode(config, data, run)
    in_order = None
    if isinstance(data, Photographs):
        run.params(data.report())
        in_order = data.in_file_order(encoded.train.items)
    taught = teach(config, encoded, run, in_order)
    used = f"{encoded.encoder.name}, {encoded.encoder.precision}"
    run.params(
        {"vocabulary_size": len(taught.vocabulary), "encoder_used": used, "precision_used": taught.net.spec.precision}
    )
    run.tags({"dlcamp.weights": weights_hash(taught.net.teacher)})
    predictor = _predictor(data, encoded, taught)

    test = encoded.test
    said = predictor.captions(test.features)
    found = measure(said, test.items, data, "test", train_captions=encoded.train.captions)
    blind_said = taught.speak(taught.blind, test.features)
    rows = bounds(found, encoded.train.items, test.items, data, blind_said, config.split_seed)
    greedy = measure(taught.speak(taught.net, test.features, beam=1), test.items, data, "test")
    val = measure(predictor.captions(encoded.val.features), encoded.val.items, data, "val")
    course = _course_metric(config, taught, test)

    run.predictions(found.rows())
    run.text(table_csv(found, rows), "scores.csv")
    notes = [*course_lines(course), *_notes(encoded)]
    run.text(summary(found, rows, taught.config.beam, notes), "summary.txt")
    run.text(_gallery(found, blind_said, test.items, data, run.name, encoded.substituted), "gallery.html")
    if encoded.loadable:
        # a predictor computes its features itself: what another extraction imported need not be theirs to the bit
        shown = test.items[:IMPORTED_SHOWN] if config.features_file else test.items
        run.model(predictor, [data.image(item.id) for item in shown], None if config.features_file else said)
    return {
        **{f"val/{name}": value for name, value in val.scores.scores.items()},
        **_test_metrics(found, rows),
        **{f"test/greedy_{name}": greedy.scores.scores[name] for name in ("bleu_4", "cider")},
        **{f"test/camp_{name}": value for name, value in course.items()},
        "cost/parameters": float(taught.net.parameters),
        "cost/best_epoch": float(taught.result.best_epoch),
    }


def _predictor(data: CaptionData, encoded: Encoded, taught: Taught) -> CaptionPredictor:
    novelty = Novelty.fit(encoded.train.features, encoded.val.features)
    decoding = Decoding.of(taught.config)
    return CaptionPredictor(encoded.encoder, taught.net, taught.vocabulary, decoding, data.name, novelty)


def _course_metric(config: CaptionConfig, taught: Taught, test: Captioned) -> dict[str, float]:
    """The course's BLEU, marks kept and references uncleaned; only for its own recipe."""
    if config.recipe != "camp":
        return {}
    from dlcamp.captioning.camp.metric import camp_bleu
    from dlcamp.captioning.camp.tokenizer import CampTokenizer
    from dlcamp.captioning.camp.train import transcripts

    assert isinstance(taught.vocabulary, CampTokenizer)
    return camp_bleu(transcripts(taught.net, test.features, taught.vocabulary), test.references)


def _notes(encoded: Encoded) -> list[str]:
    return [f"SUBSTITUTED: {encoded.substituted}; this run never becomes a champion"] if encoded.substituted else []


def _test_metrics(found: Results, rows: Sequence[Bound]) -> dict[str, float]:
    """Scores and rates with their intervals, and what the claims compare them with."""
    metrics = {f"test/{name}": value for name, value in found.scores.totals.items()}
    metrics["test/images"] = float(found.scores.n)
    for name in SCORE_NAMES:
        interval = found.intervals[name]
        metrics |= {f"test/{name}_low": interval.low, f"test/{name}_high": interval.high}
    for name, rate in found.rates.items():
        metrics[f"test/{name}"] = rate.value
    if "truthful" in found.rates:
        low, high = found.intervals["truthful"]
        metrics |= {"test/truthful_low": low, "test/truthful_high": high}
    for row in rows:
        name = row.name if row.kind == "floor" else f"{row.kind}_{row.name}" if row.kind != row.name else row.name
        metrics |= {f"test/{name}_{score}": row.results.value(score) for score in ("bleu_4", "cider")}
        if row.kind == "floor":
            metrics |= {f"test/{name}_cider_high": row.results.intervals["cider"].high}
            if "truthful" in row.results.rates:
                metrics |= {
                    f"test/{name}_truthful": row.results.rates["truthful"].value,
                    f"test/{name}_truthful_high": row.results.intervals["truthful"].high,
                }
    return metrics


def _gallery(
    found: Results,
    blind: Sequence[str],
    items: Sequence[CaptionItem],
    data: CaptionData,
    name: str,
    substituted: str,
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
            baseline=blind[index],
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
    return gallery_html(entries, title, facts, baseline_name="blind")


def rescore(
    predictor: CaptionPredictor, data: CaptionData, config: CaptionConfig, split: Split
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Caption a split from its image files and score it: rows, and totals named like the run's metrics.

    Images that cannot be read are left out, as they were in the run.
    """
    items = data.items(split, limits(config)[split])
    seen = predictor.look([data.image(item.id) for item in items], [item.id for item in items])
    read = [(item, one.caption) for item, one in zip(items, seen, strict=True) if not isinstance(one, ImageError)]
    found = measure([said for _, said in read], [item for item, _ in read], data, split)
    totals = {f"{split}/{name}": value for name, value in found.scores.scores.items()}
    totals |= {f"{split}/{name}": rate.value for name, rate in found.rates.items()}
    return found.rows(), totals
