"""How near to what its operations allow does each decoder train, and how long does one photo wait for its caption?

    make exp NAME=bench_decoders DATA=flickr8k      about 5 min on two cores; nothing else may run beside it

Six decoders with equally many parameters (those that `caption_decoders` gives them on Flickr8k) are taught the same
real captions, bucketed by length, by the step of `training.fit`, in float32 and in mixed_bfloat16, in turns with their
floor: the products of matrices that one caption needs, counted from the decoder's shapes, run alone with these shapes,
forward and backward. An uncounted first round pays for compiling. Two decoders are also taught the same captions in any
order, and by the step uncompiled. Features are random numbers: their values change no time. A data set with fewer words
than Flickr8k is filled up with words that never occur.
Then one photo at a time through `CaptionPredictor`, warm, beam 3, EfficientNet-Lite0: captions as long as the mean of
the data's, and as long as captions may be ("longest"). The decoders are untrained, so that none ends sooner.
First of all, in a process of its own: the memory that an epoch over 6,000 memory-mapped 7x7 maps takes, beside as many
of mirrored images.
Expected: more than half of the floor in float32; under 100 ms a photo; under 4 GB.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from dlcamp import Claim, ExperimentConfig, Int, experiment, maximize, tune
from dlcamp.analysis.alternating import FULL_SIZE, Ratio
from dlcamp.errors import ConfigError

WORDS, PARAMETERS, CAPTIONS, IMAGES = 2541, 3_470_000, 1024, 6000
PROBED = ("merge", "attention")  # taught in any order and uncompiled, too
ASKED = (*PROBED, "transformer")  # for captions of photos
MAP = (7, 7, 1280)

Decoder = Literal["merge", "gru", "init_inject", "par_inject", "attention", "transformer"]
Precision = Literal["float32", "mixed_bfloat16"]


class Config(ExperimentConfig):
    """How large the decoders are, and how much is taught a round."""

    rounds: int = tune(3, valid=Int(1, 100), help="rounds that are counted")
    decoders: tuple[Decoder, ...] = tune(get_args(Decoder), help="which are measured")
    precisions: tuple[Precision, ...] = tune(get_args(Precision), help="claims about training are about the first")
    parameters: int = tune(PARAMETERS, valid=Int(1000, 1_000_000_000), help="of each decoder")
    vocabulary_size: int = tune(WORDS, valid=Int(1, 1_000_000), help="words at least; Flickr8k has so many")
    captions: int = tune(CAPTIONS, valid=Int(1, 1_000_000), help="captions a round, of train")
    batch: int = tune(128, valid=Int(1, 4096), help="captions a step")
    floor_steps: int = tune(4, valid=Int(1, 1000), help="steps whose products are run a round")
    eager_steps: int = tune(2, valid=Int(1, 1000), help="uncompiled steps a round")
    photos: int = tune(50, valid=Int(1, 10_000), help="captioned one at a time, of test")
    memory_images: int = tune(IMAGES, valid=Int(0, 1_000_000), help="maps of the epoch whose memory is measured; 0: no")

    def inputs(self):
        """None; ConfigError where there is nothing to measure, or one thing twice."""
        for name in ("decoders", "precisions"):
            given = getattr(self, name)
            if not given or len(set(given)) < len(given):
                raise ConfigError(f"{name}={','.join(given)}: name one or more, each once")
        return {}


def _reaches_half(metrics):
    if not metrics[FULL_SIZE]:
        return "undecided"
    low, high = metrics["cost/share_of_floor_low"], metrics["cost/share_of_floor_high"]
    return "supported" if low >= 0.5 else "refuted" if high < 0.5 else "undecided"


def _below(metrics, name, limit):
    if not metrics[FULL_SIZE] or name not in metrics:
        return "undecided"
    return "supported" if metrics[name] < limit else "refuted"


def _bucketing_saves(metrics):
    if not metrics[FULL_SIZE]:
        return "undecided"
    low = min(metrics[f"cost/{name}_bucketing_ratio_low"] for name in PROBED)
    high = min(metrics[f"cost/{name}_bucketing_ratio_high"] for name in PROBED)
    return "supported" if low > 1 else "refuted" if high < 1 else "undecided"


@experiment(
    config=Config,
    data=["scenes", "flickr8k"],
    objective=maximize("cost/share_of_floor"),
    course="9.5 benchmark",
    claims=[
        Claim(
            "every decoder trains at half of what its products of matrices allow, or more, in float32",
            "of some decoder the 95 % interval of the share over rounds lies below a half",
            _reaches_half,
        ),
        Claim(
            "one photo gets its caption in less than 100 ms: warm, beam 3, EfficientNet-Lite0",
            "of merge, attention or transformer, in float32 or bfloat16, the median over photos is 100 ms or more",
            lambda metrics: _below(metrics, "latency/slowest_ms", 100),
        ),
        Claim(
            "an epoch over 6,000 memory-mapped 7x7 maps takes less than 4 GB",
            "more was resident at some time",
            lambda metrics: _below(metrics, "memory/peak_gb", 4),
        ),
        Claim(
            "captions of like length together train faster than captions in any order",
            "of merge or attention the whole 95 % interval of the ratio over rounds lies below 1",
            _bucketing_saves,
        ),
    ],
    sources={
        "operations": "dlcamp.captioning.decoders.operations:products",
        "products alone": "dlcamp.captioning.decoders.floor:Floor",
        "the step": "dlcamp.training.fit:compiled_steps",
        "one photo": "dlcamp.captioning.latency:latency",
        "memory": "dlcamp.captioning.epoch_memory:epoch_memory",
        "rounds and ratios": "dlcamp.analysis.alternating:alternate",
    },
    cache=False,
)
def bench_decoders(config, data, run):
    import os

    from dlcamp.analysis.alternating import alternate, busy, peak_gib

    load = os.getloadavg()[0]
    taught = _Taught(config, data)
    run.params(taught.params())
    memory = _memory(config, taught, run)
    measured = alternate(taught.ways(), config.rounds, "caption", run.progress)
    run.predictions(measured.rows())
    found = _Found(taught.speeds(measured), taught.probes(measured), _waits(config, data, taught, run), memory)
    run.text(found.rows(data.name, config), "bench_decoders.csv")
    run.text(found.summary(taught, measured, busy(load)), "summary.txt")
    return {
        **measured.metrics(),
        **found.metrics(),
        "cost/load_before": load,
        "cost/peak_gib": peak_gib(),
        FULL_SIZE: float(_is_full(config, taught)),
    }


def _is_full(config, taught):
    """Whether it is what the claims are about."""
    large = len(taught.vocabulary) >= WORDS and config.parameters >= PARAMETERS and config.captions >= CAPTIONS
    every = set(config.decoders) == set(get_args(Decoder)) and config.precisions == get_args(Precision)
    return large and every and config.memory_images >= IMAGES


class _Taught:
    """The captions that are taught, and the decoders."""

    def __init__(self, config, data):
        import numpy as np

        from dlcamp.captioning.samples import Captioned, samples
        from dlcamp.captioning.vocabulary import MARKS, Vocabulary
        from dlcamp.training.seeds import generator

        self.config = config
        every = data.items("train")
        known = Vocabulary.of([text for item in every for text in item.references], min_count=5)
        more = range(len(known), config.vocabulary_size)
        self.vocabulary = Vocabulary(known.words + tuple(f"unused{number - len(MARKS)}" for number in more))
        sums = np.cumsum([len(item.references) for item in every])
        self.items = every[: max(int(np.searchsorted(sums, config.captions, side="right")), 1)]
        self.every_caption = [text for item in every for text in item.references]
        rng = generator(config.seed, "features")
        self._features = {"pooled": rng.random((len(self.items), MAP[-1]), np.float32)}
        if any(self.training(decoder).features == "map" for decoder in config.decoders):
            self._features["map"] = rng.random((len(self.items), *MAP), np.float32).astype("float16")
        self.samples = {
            output: samples(Captioned(features, self.items), self.vocabulary, config.batch, self.training().max_length)
            for output, features in self._features.items()
        }
        self.words = float(np.mean(self.samples["pooled"].lengths))
        self.floors = {}

    def training(self, decoder="merge", precision="float32"):
        """As `caption_decoders` trains a decoder on photographs, but for mirrored images, which change no time."""
        from dlcamp.captioning.config import ATTENDING, CaptionConfig

        return CaptionConfig(
            decoder=decoder,
            features="map" if decoder in ATTENDING else "pooled",
            precision=precision,
            parameters=self.config.parameters,
            units=512,
            output_dropout=0.5,
            averaging=0.998,
            label_smoothing=0.1,
            schedule="cosine",
            length_normalisation=1.0,
            batch=self.config.batch,
            seed=self.config.seed,
        )

    def net(self, decoder, precision="float32"):
        """A new decoder that has seen what its features are like."""
        from dlcamp.captioning.decoders import build

        net = build(self.spec(decoder, precision), self.config.seed)
        net.fit_features(self._features[self.training(decoder).features])
        return net

    def spec(self, decoder, precision="float32"):
        from dlcamp.captioning.decoders import spec_of

        training = self.training(decoder, precision)
        return spec_of(training, len(self.vocabulary), self._features[training.features].shape[1:])

    def ways(self):
        """Every decoder in every precision beside its floor; then what is probed."""
        from dlcamp.analysis.alternating import Way
        from dlcamp.captioning.decoders.floor import Floor
        from dlcamp.captioning.decoders.operations import products
        from dlcamp.captioning.timed_training import InAnyOrder, TimedStep

        config, found = self.config, []
        for decoder, precision in self.pairs():
            name, training = _name(decoder, precision), self.training(decoder, precision)
            data, step = self.samples[training.features], TimedStep(self.net(decoder, precision), training)
            counted = products(self.spec(decoder, precision), self.words)
            self.floors[name] = Floor(counted, config.batch, precision, config.floor_steps)
            found += [
                Way(name, f"{decoder}, {precision}", step.epochs_of(data)),
                Way(f"{name}_floor", f"{decoder}, {precision}, products alone", self.floors[name]),
            ]
            if decoder in PROBED and precision == config.precisions[0]:
                shuffled, eager = step.epochs_of(InAnyOrder.of(data)), step.uncompiled(data, config.eager_steps)
                found += [
                    Way(f"{decoder}_any_order", f"{decoder}, {precision}, captions in any order", shuffled),
                    Way(f"{decoder}_eager", f"{decoder}, {precision}, step not compiled", eager),
                ]
        return found

    def pairs(self):
        """Every decoder with every precision."""
        return [(decoder, precision) for decoder in self.config.decoders for precision in self.config.precisions]

    def speeds(self, measured):
        """How fast each was, beside its floor."""
        from dlcamp.captioning.timed_training import Speed

        found = []
        for pair in self.pairs():
            name, title = _name(*pair), "share of the floor"
            # how many times as fast as its floor: the time of the products in that of training
            share = measured.ratio(f"{name}_floor", name, name=f"{name}_floor", title=title, seed=self.config.seed)
            captions, floor = (tuple(1 / s for s in measured.per_unit(way)) for way in (name, f"{name}_floor"))
            found.append(Speed(name, self.spec(*pair), self.words, captions, floor, share, self.floors[name].rates()))
        return found

    def probes(self, measured):
        """What bfloat16, buckets and compilation are worth: how many times as fast."""
        found, (first, *others) = [], self.config.precisions
        for decoder in self.config.decoders:
            base = _name(decoder, first)
            pairs = [(base, _name(decoder, other), "precision", f"{other} against {first}") for other in others]
            if decoder in PROBED:
                pairs.append((f"{decoder}_any_order", base, "bucketing", "bucketed by length against any order"))
                pairs.append((f"{decoder}_eager", base, "compiled", "compiled step against the eager one"))
            found += [
                measured.ratio(slow, fast, name=f"{decoder}_{what}", title=f"{decoder}: {title}", seed=self.config.seed)
                for slow, fast, what, title in pairs
            ]
        return found

    def params(self):
        """What decides the numbers beside the config."""
        from dlcamp.captioning.camp.side_by_side import machine_params
        from dlcamp.captioning.timed_training import InAnyOrder, padding

        data, seed = self.samples["pooled"], self.config.seed
        return {
            **machine_params(),
            "timed_captions": len(data.rows),
            "timed_images": len(self.items),
            "words": len(self.vocabulary),
            "words_per_caption": round(self.words, 3),
            "padding_bucketed": round(padding(data, seed), 4),
            "padding_any_order": round(padding(InAnyOrder.of(data), seed), 4),
            "vocabulary_digest": self.vocabulary.digest,
            **{f"units_{decoder}": self.spec(decoder).units for decoder in self.config.decoders},
        }


def _name(decoder, precision):
    """Of metrics and rows: merge_bfloat16."""
    return f"{decoder}_{precision.removeprefix('mixed_')}"


def _memory(config, taught, run):
    """Of an epoch over maps, in a process of its own; None where none was asked for."""
    import itertools
    import tempfile

    from dlcamp.captioning.epoch_memory import epoch_memory

    if not config.memory_images:
        return None
    run.say(f"an epoch over {config.memory_images:,} mapped maps, in a process of its own")
    captions = list(itertools.islice(itertools.cycle(taught.every_caption), config.memory_images))
    training = taught.training("attention").model_copy(update={"epochs": 1, "flips": True})
    with tempfile.TemporaryDirectory(prefix="maps-", dir=run.folder) as folder:
        return epoch_memory(training, taught.vocabulary, captions, MAP, Path(folder))


def _waits(config, data, taught, run):
    """Name -> latency of decoders in each precision, with captions of mean length and with the longest."""
    from dlcamp.captioning.captioner import Decoding
    from dlcamp.captioning.latency import latency
    from dlcamp.captioning.novelty import Novelty
    from dlcamp.captioning.predictor import CaptionPredictor
    from dlcamp.vision import extract, lite0

    items, found = data.items("test", config.photos), {}
    photos = [data.image(item.id) for item in items]
    for decoder, precision in [pair for pair in taught.pairs() if pair[0] in ASKED]:
        training, net = taught.training(decoder, precision), taught.net(decoder, precision)
        seen = extract(([item.id for item in items], data.image), lite0(training.features), progress=run.progress)
        novelty = Novelty.fit(seen.array, seen.array)
        for name, length in (("", round(taught.words)), ("_longest", training.max_length)):
            decoding = Decoding(training.beam, training.length_normalisation, length, training.decode_batch)
            captioner = CaptionPredictor(seen.encoder, net, taught.vocabulary, decoding, data.name, novelty)
            found[_name(decoder, precision) + name] = latency(captioner, photos)
    return found


@dataclass(frozen=True)
class _Found:
    """Everything that was measured: as metrics, as rows for docs/results, as text."""

    speeds: Sequence[Any]
    probes: Sequence[Ratio]
    waits: dict[str, Any]
    memory: Any

    def metrics(self):
        parts = [*(one.metrics() for one in (*self.speeds, *self.probes))]
        parts += [wait.metrics(name) for name, wait in self.waits.items()]
        parts += [self.memory.metrics()] if self.memory else []
        found = {name: value for part in parts for name, value in part.items()}
        first = [one.share for one in self.speeds if one.precision == self.speeds[0].precision]
        least = min(first, key=lambda share: share.median)
        found |= {"cost/share_of_floor": least.median}
        found |= {"cost/share_of_floor_low": least.low, "cost/share_of_floor_high": least.high}
        usual = [wait.median for name, wait in self.waits.items() if not name.endswith("_longest")]
        return found | ({"latency/slowest_ms": max(usual)} if usual else {})

    def rows(self, data, config):
        """As CSV, in the form of the files under docs/results."""
        from dlcamp.analysis.result_rows import ResultRow, Where, command_of, commit_of, machine_of, result_table
        from dlcamp.paths import REPOSITORY
        from dlcamp.vision.precision import cpu_model

        rows = [row for one in self.speeds for row in one.rows()]
        rows += [ResultRow.of(f"{ratio.title}, ratio", ratio) for ratio in self.probes]
        rows += [row for name, wait in self.waits.items() for row in wait.rows(name.replace("_", " "))]
        rows += self.memory.rows() if self.memory else []
        where = Where(command_of("bench_decoders", data, config), commit_of(REPOSITORY), machine_of(cpu_model()))
        return result_table(rows, "bench_decoders", data, where)

    def summary(self, taught, measured, warning):
        from dataclasses import replace

        from dlcamp.analysis.alternating import table
        from dlcamp.captioning.latency import LATENCY_HEAD
        from dlcamp.captioning.timed_training import RATE_HEAD, SPEED_HEAD
        from dlcamp.vision.precision import cpu_model

        params, speeds = taught.params(), self.speeds
        timed = {name for one in speeds for name in (one.name, f"{one.name}_floor")}
        probed = replace(measured, ways=tuple(way for way in measured.ways if way.name not in timed))
        return "\n".join(
            [
                cpu_model(),
                *([warning] if warning else []),
                *(SPEED_HEAD, *(one.line() for one in speeds), ""),
                *(RATE_HEAD, *(one.rate_line() for one in speeds), ""),
                *(table(probed, self.probes) if self.probes else []),
                *("", LATENCY_HEAD, *(wait.line(name) for name, wait in self.waits.items()), ""),
                *([self.memory.line()] if self.memory else []),
                f"A round: {params['timed_captions']:,} captions of {params['timed_images']} images, "
                f"{taught.config.batch} a step, {taught.words:.1f} words a caption with its end mark, "
                f"{params['words']:,} words known. Padding: {params['padding_bucketed']:.1%} of all steps in buckets, "
                f"{params['padding_any_order']:.1%} in any order.",
                "The floor is the time of the products of matrices that one caption of mean length needs, run alone "
                "with the same shapes: no padding, activation, softmax, dropout, gathering of words or Adam is in it.",
                "Batches are made in the time of training. Compiling falls into the first round, which is not counted.",
            ]
        )
