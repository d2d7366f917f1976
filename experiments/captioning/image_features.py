"""How fast does an image become features, what does the cache save, and do near features mean like pictures?

    make exp NAME=image_features                          about a minute on two cores: 2,250 drawn scenes
    make exp NAME=image_features PRESET=smoke             seconds
    make exp NAME=image_features SET="folder=~/Pictures"  any images, no captions: which are alike, which alone

Features of train and val go into the cache that every captioner reads. Speed is measured apart from it, on images
held in memory: a round computes them into an empty cache, then reads them back. Then every val image takes the caption
of its nearest training image (cosine of pooled features), which a captioner must beat, and that of a random one. Near
duplicates across the splits are counted, and the page shows who lies beside whom.
It measures this machine as it is now, so it runs again each time (cache=False); what it computed stays in the cache.
Expected on scenes: the cache is hundreds of times faster; CIDEr 1.27 with the nearest caption, 0.40 with a random one.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from dlcamp import Claim, ExperimentConfig, Int, experiment, minimize, tune
from dlcamp.errors import DataError


class Config(ExperimentConfig):
    """What computes the features, of which images, and what is measured on them."""

    encoder: Literal["lite0", "lite1", "lite2", "vgg16", "vgg19"] = tune("lite0", help="a lite needs no download")
    output: Literal["pooled", "map"] = tune("pooled", help="one vector (VGG: fc2, 4,096 values), or the map before it")
    encoder_weights: str = tune("", help="file of VGG's weights; empty: the published ones")
    preprocessing: Literal["own", "course"] = tune("own", help="course: VGG as taught, NEAREST resize")
    precision: Literal["auto", "float32", "mixed_bfloat16"] = tune("auto", help="auto: the faster one here, timed once")
    folder: str = tune("", help="a folder of images instead of the data set's; unreadable files are skipped and named")
    recursive: bool = tune(False, help="search the folders inside it too")
    train_images: int | None = tune(None, valid=Int(1, 10_000_000), help="the first so many to be neighbours; all")
    val_images: int | None = tune(None, valid=Int(1, 10_000_000), help="the first so many to look up; all")
    test_images: int | None = tune(None, valid=Int(1, 10_000_000), help="the first so many to export; all")
    neighbours: int = tune(4, valid=Int(1, 12), help="nearest images shown beside each")
    timed_images: int = tune(128, valid=Int(1, 100_000), help="at most so many images a round of the measurement")
    rounds: int = tune(3, valid=Int(1, 100), help="rounds of the measurement")
    export: str = tune("", help="write the course's features.pkl there: fc2 of VGG, train, val and test")

    @field_validator("encoder_weights", "preprocessing", "export")
    @classmethod
    def _needs_vgg(cls, value, info):
        encoder = info.data.get("encoder", "")
        if encoder.startswith("lite") and value not in ("", "own"):
            raise ValueError(f"it is for VGG; give encoder=vgg16 too, or leave it out (encoder is {encoder})")
        if info.field_name == "export" and value and info.data.get("output") == "map":
            raise ValueError("the course's file holds fc2 (4,096 values); give output=pooled (output is map)")
        return value


def _beats_random(metrics):
    if metrics["val/gain_cider_low"] > 0:
        return "supported"
    return "refuted" if metrics["val/gain_cider_high"] < 0 else "undecided"


@experiment(
    config=Config,
    data=["scenes", "flickr8k", "mine"],
    objective=minimize("cost/seconds_per_image"),
    course="7.1 提取图像特征",
    claims=[
        Claim(
            "features come from the cache at least 20 times faster than they are computed",
            "the median ratio of a round is below 20",
            lambda metrics: "supported" if metrics["cost/cache_speedup"] >= 20 else "refuted",
        ),
        Claim(
            "the caption of the nearest training image is worth more CIDEr than that of a random one",
            "the paired 95 % interval of the difference over val images lies below zero",
            _beats_random,
        ),
        Claim(
            "no val image stands in train",
            "two files of the same bytes, one in each",
            lambda metrics: "refuted" if metrics["val/exact_duplicates"] else "supported",
        ),
    ],
    sources={
        "encoder": "dlcamp.vision.encoder:choose",
        "cache": "dlcamp.vision.extraction:extract",
        "speed": "dlcamp.vision.throughput:throughput",
        "neighbours": "dlcamp.vision.neighbours:nearest",
        "captions": "dlcamp.captioning.retrieval:borrowed",
    },
    cache=False,
    next="captions from these features: make exp NAME=caption_lstm",
)
def image_features(config, data, run):
    from dlcamp.captioning.retrieval import borrowed
    from dlcamp.vision.neighbours import look_up
    from dlcamp.vision.throughput import spread, throughput

    images = _folder(config) if config.folder else _splits(config, data)
    features, passes = _through_the_cache(config, images, run)
    if config.export:
        _export(config, features, run)
    speed = throughput(
        spread(features.ids, images.load, config.timed_images),
        features.encoder,
        run.folder,
        config.rounds,
        run.progress,
    )
    found = look_up(features, images.val, images.train, config.neighbours, images.contents)
    captions = borrowed(found, images.items, data, "val", config.seed) if images.items else None
    about = "folder" if config.folder else "val"
    metrics = {
        **passes,
        **speed.metrics(),
        **{f"{about}/{name}": value for name, value in found.metrics().items()},
        **(captions.metrics() if captions else {}),
    }
    run.predictions(_rows(found, captions))
    run.text(_page(config, data, run, features, images, found, captions), "neighbours.html")
    run.text(_summary(config, features, metrics, speed, found, captions), "summary.txt")
    return metrics


@dataclass(frozen=True)
class _Images:
    """What is extracted: ids in order, and what gives the bytes of one.

    `val` are looked up among `train`; in a folder both are its own images. `items` holds captions by id, if any.
    """

    ids: list[str]
    load: Any
    train: list[str]
    val: list[str]
    items: dict[str, Any]
    contents: dict[str, bytes] = field(default_factory=dict)

    def read(self, item):
        """The bytes of an image, whose sha256 is kept in `contents`."""
        import hashlib

        data = self.load(item)
        self.contents[item] = hashlib.sha256(data).digest()
        return data


def _splits(config, data):
    """Train and val of the data set; test too when the features are to be exported."""
    parts = {"train": data.items("train", config.train_images), "val": data.items("val", config.val_images)}
    if config.export:
        parts["test"] = data.items("test", config.test_images)
    items = {item.id: item for part in parts.values() for item in part}
    train, val = ([item.id for item in parts[split]] for split in ("train", "val"))
    return _Images(list(items), data.image, train, val, items)


def _folder(config):
    """The image files of the folder, sorted; each may be a neighbour of the others."""
    from dlcamp.vision.extraction import image_files

    folder = Path(config.folder).expanduser().absolute()
    ids = image_files(folder, config.recursive)
    if len(ids) < 2:
        deeper = "" if config.recursive else '; for those of the folders inside it: SET="folder=... recursive=yes"'
        raise DataError(f"{folder} holds one image; a neighbour is another image, give two or more{deeper}")
    ids = ids[: config.train_images]
    return _Images(ids, lambda item: (folder / item).read_bytes(), ids, ids[: config.val_images], {})


def _through_the_cache(config, images, run):
    """The features by way of the cache, twice: the first pass computes what the cache lacks."""
    from dlcamp.vision import extract
    from dlcamp.vision.encoder import choose

    encoder = choose(
        config.encoder,
        config.output,
        weights=config.encoder_weights,
        preprocessing=config.preprocessing,
        precision="float32" if config.export else config.precision,  # the course's file is
    )
    started = time.perf_counter()
    features = extract((images.ids, images.read), encoder, on_error="skip", progress=run.progress)
    first = time.perf_counter() - started
    started = time.perf_counter()
    again = extract((features.ids, images.load), features.encoder, on_error="skip", progress=run.progress)
    second = time.perf_counter() - started
    _log_extraction(config, features, run)
    return features, {
        "cost/images": float(len(features)),
        "cost/skipped": float(len(features.skipped)),
        "cost/bytes_per_image": features.array.nbytes / len(features),
        "cost/from_cache_share": features.from_cache / len(features),
        "cost/first_pass_seconds": first,
        "cost/second_pass_seconds": second,
        "cost/second_pass_from_cache_share": again.from_cache / len(features),
    }


def _log_extraction(config, features, run):
    """What the features are and where they lie, and what could not be read."""
    from dlcamp.paths import data_folder
    from dlcamp.vision.store import FeatureStore

    encoder = features.encoder
    run.params(
        {
            "features_encoder": encoder.name,
            "features_shape": "x".join(map(str, encoder.shape)),
            "features_precision": encoder.precision,
            "features_cache": FeatureStore(data_folder() / "features", encoder).folder.name,
            "features_digest": features.digest,
        }
    )
    if config.folder:
        run.dataset("folder", features.digest, "images")
    if features.skipped:
        run.text("".join(f"{one.id}\t{one.reason}\n" for one in features.skipped), "skipped.txt")
        run.say(f"{len(features.skipped)} files cannot be read and are skipped; they are named in skipped.txt")


def _export(config, features, run):
    from dlcamp.captioning.camp.pickles import write_features

    path = Path(config.export).expanduser().absolute()
    write_features(path, features.ids, features.array)
    run.say(f"features of {len(features)} images written to {path}")


def _rows(found, captions):
    """One row an image that was looked up: its nearest one, whose caption (or id) is the output, and the scores."""
    scored = {row["item"]: row for row in captions.nearest.rows()} if captions else {}
    near = zip(found.near.positions[:, 0].tolist(), found.near.cosines[:, 0].tolist(), strict=True)
    return [
        {"item": item, "output": found.collection[position], **scored.get(item, {})}
        | {"nearest": found.collection[position], "cosine": cosine}
        for item, (position, cosine) in zip(found.queries, near, strict=True)
    ]


def _page(config, data, run, features, images, found, captions):
    from dlcamp.captioning.neighbour_page import Picture, neighbour_sections, neighbours_html

    def picture(item):
        try:
            content = images.load(item)
        except (OSError, DataError):  # a file that is gone by now; the page says so in its place
            content = b""
        return Picture(item, content, images.items[item].references if item in images.items else ())

    encoder, scores = features.encoder, None
    facts = {
        "images": config.folder or f"{data.name}, val among train",
        "looked up": f"{len(found.queries)} images among {len(found.collection)}",
        "encoder": f"{encoder.name} {encoder.output}, {encoder.precision}",
        "run": run.name,
    }
    if captions:
        nearest, random = captions.nearest, captions.random
        facts |= {"CIDEr, nearest": nearest.shown("cider"), "CIDEr, random": random.shown("cider")}
        scores = dict(zip(nearest.scores.ids, nearest.scores.cider.tolist(), strict=True))
    sections = neighbour_sections(found, picture, scores, seed=config.seed)
    skipped = {one.id: one.reason for one in features.skipped}
    return neighbours_html(sections, f"{run.name}: nearest images", facts, skipped=skipped)


def _summary(config, features, metrics, speed, found, captions):
    encoder, n = features.encoder, len(features)
    chosen = ", the faster one here" if config.precision == "auto" else ""
    lines = [
        f"{encoder.name} {encoder.output} {'x'.join(map(str, encoder.shape))}, {encoder.precision}{chosen}; "
        f"{metrics['cost/bytes_per_image']:,.0f} bytes an image",
        *speed.lines(),
        f"all {n} images: {metrics['cost/first_pass_seconds']:.1f} s, {metrics['cost/from_cache_share']:.0%} from the "
        f"cache; again: {metrics['cost/second_pass_seconds']:.1f} s, "
        f"{metrics['cost/second_pass_from_cache_share']:.0%}, which is reading (or drawing) the images",
        *(captions.lines() if captions else ["a folder has no captions: nothing is scored"]),
        *found.lines(),
    ]
    if features.skipped:
        lines.append(f"{len(features.skipped)} files cannot be read and were skipped:")
        lines += [f"  {one.reason.splitlines()[0]}" for one in features.skipped[:5]]
    return "\n".join(lines)
