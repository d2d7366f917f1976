"""The one path of every captioning experiment: features, training, decoding, scores, gallery, predictor.

    images -> encoder (cached) -> vocabulary -> decoder trained with early stopping on val/cider
           -> beam and greedy captions of test -> scores beside floors and ceilings -> gallery, predictor

Decoders differ in `config.decoder` only; what is measured, and on what, is the same for all of them. The course's
own recipe (`teaching.py`) goes the same path, with the course's metric beside the honest one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcamp.captioning.captioner import Captioner, Decoding
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.encoding import Encoded, encode, limits
from dlcamp.captioning.gains import Rival
from dlcamp.captioning.judging import Subject, Viewed, judge
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.results import measure
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.summary import course_lines
from dlcamp.captioning.teaching import Taught, teach
from dlcamp.data.captions import CaptionData, Split
from dlcamp.data.photographs import Photographs
from dlcamp.errors import ImageError
from dlcamp.training.checkpoints import weights_hash

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun


def study(config: CaptionConfig, data: CaptionData, run: ActiveRun) -> dict[str, float]:
    """Train one decoder on one data set and measure it; see `measured` for what is returned."""
    encoded = encode(config, data, run)
    in_order = None
    if isinstance(data, Photographs):
        run.params(data.report())
        in_order = data.in_file_order(encoded.train.items)
    return measured(config, data, run, encoded, teach(config, encoded, run, in_order))


def measured(
    config: CaptionConfig,
    data: CaptionData,
    run: ActiveRun,
    encoded: Encoded,
    taught: Taught,
    rival: Rival | None = None,
) -> dict[str, float]:
    """What a trained decoder is worth, with everything a run keeps of it: see `judging.judge`.

    Returns:
        What `judge` returns, and the cost. The recipe `camp` adds the course's own metric as `test/camp_bleu_1` to
        `_4`.
    """
    used = f"{encoded.encoder.name}, {encoded.encoder.precision}"
    spec = taught.net.spec
    run.params(
        {
            "vocabulary_size": len(taught.vocabulary),
            "encoder_used": used,
            "precision_used": spec.precision,
            "units_used": spec.units,
            "embedding_used": spec.embedding,
        }
    )
    run.tags({"dlcamp.weights": weights_hash(taught.net.teacher)})
    metrics = judge(config, data, run, _subject(config, data, encoded, taught, rival))
    return {
        **metrics,
        "cost/parameters": float(taught.net.parameters),
        "cost/best_epoch": float(taught.result.best_epoch),
    }


def _subject(
    config: CaptionConfig, data: CaptionData, encoded: Encoded, taught: Taught, rival: Rival | None
) -> Subject:
    novelty = Novelty.fit(encoded.train.features, encoded.val.features)
    decoding, blind = Decoding.of(taught.config), taught.blind
    course = _course_metric(config, taught, encoded.test)
    substituted = encoded.substituted
    told = [f"SUBSTITUTED: {substituted}; this run never becomes a champion"] if substituted else []
    return Subject(
        CaptionPredictor(encoded.encoder, taught.net, taught.vocabulary, decoding, data.name, novelty),
        encoded.train.items,
        Viewed(encoded.val.items, encoded.val.features),
        Viewed(encoded.test.items, encoded.test.features),
        None if blind is None else lambda: taught.speak(blind, encoded.test.features),
        substituted,
        encoded.loadable,
        course,
        [*course_lines(course), *told],
        rival,
    )


def _course_metric(config: CaptionConfig, taught: Taught, test: Captioned) -> dict[str, float]:
    """The course's BLEU, marks kept and references uncleaned; only for its own recipe."""
    if config.recipe != "camp":
        return {}
    from dlcamp.captioning.camp.metric import camp_bleu
    from dlcamp.captioning.camp.tokenizer import CampTokenizer
    from dlcamp.captioning.camp.train import transcripts

    assert isinstance(taught.vocabulary, CampTokenizer)
    return camp_bleu(transcripts(taught.net, test.features, taught.vocabulary), test.references)


def rescore(
    predictor: Captioner, data: CaptionData, config: CaptionConfig, split: Split
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
