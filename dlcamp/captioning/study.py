"""The one path of every captioning experiment: features, training, decoding, scores, gallery, predictor.

    images -> encoder (cached) -> vocabulary -> decoder trained with early stopping on val/cider
           -> beam and greedy captions of test -> scores beside floors and ceilings -> gallery, predictor

Decoders differ in `config.decoder` only; what is measured, and on what, is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dlcamp.captioning.bounds import Bound, bounds
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.gallery import GalleryEntry, gallery_html
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor, Decoding
from dlcamp.captioning.results import Results, measure
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.scores import SCORE_NAMES, CaptionScorer
from dlcamp.captioning.summary import summary, table_csv
from dlcamp.captioning.train import caption, train_captioner
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.data.captions import CaptionData, CaptionItem, Split
from dlcamp.training.checkpoints import weights_hash
from dlcamp.vision import extract, lite0
from dlcamp.vision.encoder import Encoder, Precision

if TYPE_CHECKING:
    from dlcamp.captioning.decoders import CaptionNet
    from dlcamp.tracking.handle import ActiveRun

SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Encoded:
    """The images of the three splits as features beside their items, and the encoder that made them."""

    encoder: Encoder
    train: Captioned
    val: Captioned
    test: Captioned


def study(config: CaptionConfig, data: CaptionData, run: ActiveRun) -> dict[str, float]:
    """Train one decoder on one data set and measure it.

    Returns:
        `val/cider` of the finished model with its beam (the last point after the epochs' greedy ones), and for
        test the scores with intervals, greedy beside beam, the blind language model's, and the cost.
    """
    encoded = encode(config, data, run)
    vocabulary = Vocabulary.of(encoded.train.captions, config.min_count)
    run.params({"vocabulary_size": len(vocabulary), "encoder": f"{encoded.encoder.name}, {encoded.encoder.precision}"})
    net, result = _train(config, vocabulary, encoded, run)
    run.tags({"dlcamp.weights": weights_hash(net.teacher)})
    blind = _train_blind(config, vocabulary, encoded, run)
    predictor = _predictor(config, data, encoded, vocabulary, net)

    said = predictor.captions(encoded.test.features)
    found = measure(said, encoded.test.items, data, "test", train_captions=encoded.train.captions)
    blind_said = _speak(config, blind, encoded.test, vocabulary)
    greedy_said = _speak(config.model_copy(update={"beam": 1}), net, encoded.test, vocabulary)
    rows = bounds(found, encoded.train.items, encoded.test.items, data, blind_said, config.split_seed)
    greedy = measure(greedy_said, encoded.test.items, data, "test")
    val = measure(predictor.captions(encoded.val.features), encoded.val.items, data, "val")

    run.predictions(found.rows())
    run.text(table_csv(found, rows), "scores.csv")
    run.text(summary(found, rows, config.beam), "summary.txt")
    run.text(_gallery(found, blind_said, encoded.test.items, data, run.name), "gallery.html")
    run.model(predictor, [data.image(item.id) for item in encoded.test.items], said)
    return {
        **{f"val/{name}": value for name, value in val.scores.scores.items()},
        **_test_metrics(found, rows),
        **{f"test/greedy_{name}": greedy.scores.scores[name] for name in ("bleu_4", "cider")},
        "cost/parameters": float(net.parameters),
        "cost/best_epoch": float(result.best_epoch),
    }


def encode(config: CaptionConfig, data: CaptionData, run: ActiveRun) -> Encoded:
    """Features of every image that the config asks for, from the cache where it has them."""
    limits = {"train": config.train_images, "val": config.val_images, "test": config.test_images}
    items = {split: list(data.items(split, limits[split])) for split in SPLITS}
    ids = [item.id for split in SPLITS for item in items[split]]
    # a resumed run goes on in the precision it began with, whatever would be probed as the fastest now
    kept = run.folder / "encoder_precision.txt"
    encoder = lite0(config.features)
    if kept.exists():
        encoder = encoder.with_precision(cast(Precision, kept.read_text("utf-8")))
    features = extract((ids, data.image), encoder, progress=run.progress)
    kept.write_text(features.encoder.precision, "utf-8")
    if features.from_cache < len(ids):
        run.say(f"features of {len(ids) - features.from_cache} images, {features.images_per_second:.0f} images/s")
    run.metrics({"cost/feature_images_per_second": features.images_per_second}, step=0)
    found, start = {}, 0
    for split in SPLITS:
        end = start + len(items[split])
        found[split] = Captioned(features.array[start:end], items[split])
        start = end
    return Encoded(features.encoder, found["train"], found["val"], found["test"])


def _train(config: CaptionConfig, vocabulary: Vocabulary, encoded: Encoded, run: ActiveRun) -> tuple[CaptionNet, Any]:
    scorer = CaptionScorer(encoded.val.references)

    def score(said: list[str], _references: Sequence[Sequence[str]]) -> Mapping[str, float]:
        return scorer.score(said).scores

    return train_captioner(config, vocabulary, encoded.train, encoded.val, run, score)


def _train_blind(config: CaptionConfig, vocabulary: Vocabulary, encoded: Encoded, run: ActiveRun) -> CaptionNet:
    """The floor: the same decoder, its image exchanged for zeros, trained to its last epoch.

    Every image gets its one sentence, so validation scores would only choose between accidents.
    """
    blind = config.model_copy(update={"blind": True, "epochs": config.blind_epochs})
    net, _ = train_captioner(
        blind, vocabulary, encoded.train, encoded.val, run, lambda said, references: {}, monitor=None, label="blind"
    )
    return net


def _speak(config: CaptionConfig, net: CaptionNet, images: Captioned, vocabulary: Vocabulary) -> list[str]:
    return caption(
        net,
        images.features,
        vocabulary,
        beam=config.beam,
        length_normalisation=config.length_normalisation,
        max_length=config.max_length,
        batch=config.decode_batch,
    )


def _predictor(
    config: CaptionConfig, data: CaptionData, encoded: Encoded, vocabulary: Vocabulary, net: CaptionNet
) -> CaptionPredictor:
    novelty = Novelty.fit(encoded.train.features, encoded.val.features)
    return CaptionPredictor(encoded.encoder, net, vocabulary, Decoding.of(config), data.name, novelty)


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
    blind = next(row.results for row in rows if row.name == "blind")
    metrics |= {f"test/blind_{name}": blind.value(name) for name in ("bleu_4", "cider")}
    if "truthful" in blind.rates:
        metrics |= {
            "test/blind_truthful": blind.rates["truthful"].value,
            "test/blind_truthful_high": blind.intervals["truthful"].high,
        }
    return metrics


def _gallery(found: Results, blind: Sequence[str], items: Sequence[CaptionItem], data: CaptionData, name: str) -> str:
    by_id = {item.id: item for item in items}
    entries = [
        GalleryEntry(
            id=item,
            image=data.image(item),
            mime="image/jpeg",
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
    return gallery_html(entries, f"{name}: captions", facts, baseline_name="blind")


def rescore(
    predictor: CaptionPredictor, data: CaptionData, config: CaptionConfig, split: Split
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Caption a split from its image files and score it: rows, and totals named like the run's metrics."""
    limit = {"train": config.train_images, "val": config.val_images, "test": config.test_images}[split]
    items = data.items(split, limit)
    found = measure(predictor.predict([data.image(item.id) for item in items]), items, data, split)
    totals = {f"{split}/{name}": value for name, value in found.scores.scores.items()}
    totals |= {f"{split}/{name}": rate.value for name, rate in found.rates.items()}
    return found.rows(), totals
