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
from dlcamp.captioning.ranking import forced_choices
from dlcamp.captioning.results import measure
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.summary import course_lines
from dlcamp.captioning.teaching import Taught, check_size, teach
from dlcamp.data.captions import CaptionData, Split
from dlcamp.data.photographs import Photographs
from dlcamp.training.checkpoints import weights_hash

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun


def study(config: CaptionConfig, data: CaptionData, run: ActiveRun) -> dict[str, float]:
    """Train one decoder on one data set and measure it; see `measured` for what is returned."""
    check_size(config, data)
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
        What `judge` returns, and the cost: `cost/captions_per_second` is the speed of training, its epochs' median. The
        recipe `camp` adds the course's own metric as `test/camp_bleu_1` to `_4`.
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
        **({"cost/captions_per_second": taught.captions_per_second} if taught.captions_per_second else {}),
    }


def _subject(
    config: CaptionConfig, data: CaptionData, encoded: Encoded, taught: Taught, rival: Rival | None
) -> Subject:
    novelty = Novelty.fit(encoded.train.features, encoded.val.features)
    decoding, blind = Decoding.of(taught.config), taught.blind
    course = _course_metric(config, taught, encoded.test)
    return Subject(
        CaptionPredictor(encoded.encoder, taught.net, taught.vocabulary, decoding, data.name, novelty),
        encoded.train.items,
        Viewed(encoded.val.items, encoded.val.features),
        Viewed(encoded.test.items, encoded.test.features),
        None if blind is None else lambda: taught.speak(blind, encoded.test.features),
        encoded.substituted,
        encoded.loadable,
        course,
        course_lines(course),
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

    Rows and totals are those that the run has of the split, the ranked ones too. Images that cannot be read are left
    out, as they were in the run.
    """
    most = limits(config)
    items = data.items(split, most[split])
    sight = predictor.see([data.image(item.id) for item in items], [item.id for item in items])
    read = [item for item, error in zip(items, sight.errors, strict=True) if error is None]
    train = [caption for item in data.items("train", most["train"]) for caption in item.references]
    found = measure(predictor.captions(sight.features), read, data, split, train_captions=train)
    found = found.with_ranked(forced_choices(predictor, read, sight.features, data))
    return found.rows(), found.totals(split)
