"""The images of a data set as features beside their items: from the cache, the encoder, or the course's own file.

A run says what its features came from. Where the weights of the encoder that was asked for cannot be had and the
config allows it (`substitute`), the embedded encoder takes its place: the run carries the tag `dlcamp.substituted`
and never becomes a champion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.samples import Captioned
from dlcamp.data.captions import CaptionData, CaptionItem, Split
from dlcamp.errors import DataError, WeightsUnavailable
from dlcamp.vision import choose, extract, lite0
from dlcamp.vision.encoder import Encoder, Precision
from dlcamp.vision.features import Skipped

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun

SPLITS: tuple[Split, ...] = ("train", "val", "test")
MOST_UNREADABLE = 0.1
"""Share of a split's images that may be unreadable before the data set is refused."""


@dataclass(frozen=True)
class Encoded:
    """The images of the three splits as features beside their items, and the encoder that made them.

    Attributes:
        mirrored: the training images with left and right exchanged, beside the items of `train` in their order; None
            unless the config trains on flips.
        substituted: what the encoder stands in for, and why; empty when it is the one that was asked for.
        loadable: whether the encoder can be run here, so that a predictor can be made of it.
    """

    encoder: Encoder
    train: Captioned
    val: Captioned
    test: Captioned
    substituted: str = ""
    loadable: bool = True
    mirrored: Captioned | None = None


def encode(config: CaptionConfig, data: CaptionData, run: ActiveRun) -> Encoded:
    """Features of every image that the config asks for.

    Raises:
        DataError: weights that cannot be had, a file of features that lacks images, too many unreadable images.
    """
    if config.features_file:
        items = {split: list(data.items(split, limit)) for split, limit in limits(config).items()}
        return _imported(config, items, data, run)
    encoder, substituted = wanted_encoder(config, run)
    # a resumed run goes on in the precision it began with, whatever would be probed as the fastest now
    kept = run.folder / "encoder_precision.txt"
    if kept.exists():
        encoder = encoder.with_precision(cast(Precision, kept.read_text("utf-8")))
    encoded = encode_with(encoder, config, data, run)
    kept.write_text(encoded.encoder.precision, "utf-8")
    mirrored = _mirrored(encoded.train.items, encoded.encoder, data, run) if config.flips else None
    return replace(encoded, substituted=substituted, mirrored=mirrored)


def encode_with(encoder: Encoder, config: CaptionConfig, data: CaptionData, run: ActiveRun) -> Encoded:
    """Features of every image that the config asks for, as they are, by an encoder that is at hand.

    Raises:
        DataError: too many unreadable images.
    """
    items = {split: list(data.items(split, limit)) for split, limit in limits(config).items()}
    ids = [item.id for split in SPLITS for item in items[split]]
    features = extract((ids, data.image), encoder, on_error="skip", progress=run.progress)
    if features.from_cache < len(features):
        run.say(f"features of {len(features) - features.from_cache} images, {features.images_per_second:.0f} images/s")
        run.metrics({"cost/feature_images_per_second": features.images_per_second}, step=0)
    readable = _without(items, features.skipped, run)
    row = {item: number for number, item in enumerate(features.ids)}
    found = {split: _captioned(features.array, row, readable[split]) for split in SPLITS}
    return Encoded(features.encoder, found["train"], found["val"], found["test"])


def _mirrored(items: Sequence[CaptionItem], encoder: Encoder, data: CaptionData, run: ActiveRun) -> Captioned:
    """Features of the readable training images with left and right exchanged, by the encoder as it was settled."""
    ids = [item.id for item in items]
    features = extract((ids, data.image), encoder.mirrored(), progress=run.progress)
    computed = len(features) - features.from_cache
    if computed:
        run.say(f"features of {computed} mirrored images, {features.images_per_second:.0f} images/s")
    return Captioned(features.array, items)


def limits(config: CaptionConfig) -> dict[Split, int | None]:
    """How many images of each split a config asks for; None: all."""
    return {"train": config.train_images, "val": config.val_images, "test": config.test_images}


def named_encoder(config: CaptionConfig) -> Encoder:
    """The encoder that the config names, whether or not its weights are here."""
    return choose(
        config.encoder,
        config.features,
        weights=config.encoder_weights,
        preprocessing=config.preprocessing,
        precision=config.encoder_precision,
    )


def wanted_encoder(config: CaptionConfig, run: ActiveRun) -> tuple[Encoder, str]:
    """The encoder that the config names, or the embedded one and why it takes its place.

    Raises:
        DataError: its weights cannot be had, and the config does not allow another.
    """
    encoder = named_encoder(config)
    try:
        encoder.ready(run.progress)
    except WeightsUnavailable as error:
        if not config.substitute:
            raise
        return lite0(config.features), _substitute(config, str(error), run)
    return encoder, ""


def _substitute(config: CaptionConfig, reason: str, run: ActiveRun) -> str:
    told = f"EfficientNet-Lite0 in the place of {config.encoder}, whose weights cannot be had here"
    run.say(reason)
    run.say(f"going on with {told}; the run says so and never becomes a champion")
    run.tags({"dlcamp.substituted": told, "dlcamp.never_champion": "runs with a substituted encoder"})
    run.text(f"{told}\n\n{reason}\n", "substituted.txt")
    return told


def _imported(
    config: CaptionConfig, items: Mapping[Split, Sequence[CaptionItem]], data: CaptionData, run: ActiveRun
) -> Encoded:
    """Features from the course's features.pkl, whose keys are file names up to their first point."""
    from dlcamp.captioning.camp.pickles import key_of, read_features

    path = Path(config.features_file).expanduser()
    stems, array = read_features(path)
    row = {stem: number for number, stem in enumerate(stems)}
    wanted = [item for split in SPLITS for item in items[split]]
    keys = [key_of(item.id) for item in wanted]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DataError(f"two images have the key {twice!r} in {path}; rename one of the files")
    missing = [item.id for item in wanted if key_of(item.id) not in row]
    if missing:
        raise DataError(
            f"{path} holds features of {len(stems)} images, but not of {len(missing)} of the {len(wanted)} asked for, "
            f"for instance {missing[0]}\nextract them all, or ask for fewer: SET=train_images=..."
        )
    encoder = choose(config.encoder, "pooled", weights=config.encoder_weights, preprocessing=config.preprocessing)
    encoder = encoder.with_precision("float32")
    loadable = encoder.available
    if not loadable:
        run.say(f"no model will be stored: {encoder.name}'s weights are not here, so no photograph could be captioned")
    elif not _alike(encoder, array, row, items["test"], data):
        loadable = False
        run.say(f"no model will be stored: {encoder.name} as configured gives other features than {path.name} holds")
    found = {
        split: Captioned(np.ascontiguousarray(array[[row[key_of(item.id)] for item in items[split]]]), items[split])
        for split in SPLITS
    }
    return Encoded(encoder, found["train"], found["val"], found["test"], loadable=loadable)


def _alike(
    encoder: Encoder, array: np.ndarray, row: Mapping[str, int], items: Sequence[CaptionItem], data: CaptionData
) -> bool:
    """Whether the encoder gives the imported features of a few images: a cosine of 0.999 or more each."""
    from dlcamp.captioning.camp.pickles import key_of

    chosen = items[:8]
    own = encoder.encode([data.image(item.id) for item in chosen], [item.id for item in chosen])
    theirs = array[[row[key_of(item.id)] for item in chosen]]
    lengths = np.linalg.norm(own, axis=1) * np.linalg.norm(theirs, axis=1)
    return bool(((own * theirs).sum(axis=1) >= 0.999 * lengths).all())


def _without(
    items: Mapping[Split, Sequence[CaptionItem]], skipped: Sequence[Skipped], run: ActiveRun
) -> dict[Split, list[CaptionItem]]:
    """The items whose image could be read; says which could not."""
    reasons = {one.id: one.reason for one in skipped}
    readable = {split: [item for item in items[split] if item.id not in reasons] for split in SPLITS}
    for split in SPLITS:
        lost = len(items[split]) - len(readable[split])
        if lost > MOST_UNREADABLE * len(items[split]):
            raise DataError(
                f"{lost} of the {len(items[split])} {split} images cannot be read, more than one in ten\n"
                f"{next(reasons[item.id] for item in items[split] if item.id in reasons)}"
            )
    if skipped:
        run.say(f"{len(skipped)} images cannot be read and are left out: {skipped[0].reason.splitlines()[0]}, ...")
        run.text("".join(f"{one.id}\t{one.reason}\n" for one in skipped), "unreadable.txt")
    return readable


def _captioned(array: np.ndarray, row: Mapping[str, int], items: Sequence[CaptionItem]) -> Captioned:
    """One split's rows. They lie one after the other, so that a mapped file stays mapped."""
    if not items:
        raise DataError("a split has no image that can be read")
    first = row[items[0].id]
    return Captioned(array[first : first + len(items)], items)
