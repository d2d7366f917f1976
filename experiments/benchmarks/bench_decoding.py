"""How much faster does a network say its captions here than by the course's one `predict` a word?

    make exp NAME=bench_decoding      about 4 min on two cores; nothing else may run beside it

A net with the course's layers (LSTM 256, 7,378 words) is trained for a minute, so that most captions end by themselves;
its weights are given to the course's `caption_model`. Then, in turns, in float32, on the same test images' features:
- course: `generate_caption`, which runs the whole prefix through the network for every word, one image after another;
- greedy: `Search` with one hypothesis: the state is carried from word to word, some 60 images at once, in one graph;
- beam 3: the same with three hypotheses and normalised scores, which the course does not have;
- greedy, alone: one image a call, which says what carrying the state gives without company.
Features in, captions as text out. Greedy captions are compared with the course's, word for word. The features are
those of EfficientNet-Lite0, pooled, from the cache; computing them is in no time. An uncounted first round pays for
compiling. A data set with fewer words than Flickr8k is filled up with words that never occur.
Expected: an image takes less than a 500th of the course's time greedily, less than a 200th by beam 3.
"""

from dlcamp import Claim, ExperimentConfig, Float, Int, experiment, maximize, tune
from dlcamp.analysis.alternating import FULL_SIZE, at_least

WORDS = 7378


class Config(ExperimentConfig):
    """How many images are captioned a round, and how long the net is trained before."""

    rounds: int = tune(5, valid=Int(1, 100), help="rounds that are counted")
    course_images: int = tune(8, valid=Int(1, 10_000), help="images a round for the course, the first of test")
    images: int | None = tune(None, valid=Int(1, 1_000_000), help="images a round for the searches, of test; all")
    batch: int = tune(64, valid=Int(1, 4096), help="images searched at once, at most: batches are made equal")
    beam: int = tune(3, valid=Int(2, 50), help="hypotheses of the beam search")
    length_normalisation: float = tune(0.7, valid=Float(0, 2), help="of the beam search: power of the length")
    train_images: int | None = tune(None, valid=Int(1, 1_000_000), help="images of train that the net sees; all")
    train_epochs: int = tune(2, valid=Int(1, 100), help="passes over their captions, until most end")
    vocabulary_size: int = tune(WORDS, valid=Int(1, 1_000_000), help="numbers of words at least; Flickr8k has so many")


@experiment(
    config=Config,
    data=["scenes", "flickr8k"],
    objective=maximize("cost/greedy_ratio"),
    course="9.4 benchmark",
    claims=[
        Claim(
            "greedy captions come at least 500 times as fast an image as the course's",
            "the 95 % interval of the ratio over rounds lies below 500",
            lambda metrics: at_least(metrics, "greedy", 500),
        ),
        Claim(
            "captions by beam 3 come at least 200 times as fast an image as the course's greedy ones",
            "the 95 % interval of the ratio over rounds lies below 200",
            lambda metrics: at_least(metrics, "beam", 200),
        ),
        Claim(
            "greedy captions are the course's, word for word",
            "one of the compared images has another caption",
            lambda metrics: "supported" if metrics["agreement/captions_identical"] == 1 else "refuted",
        ),
    ],
    sources={
        "the course's loop": "dlcamp.captioning.camp.as_taught:generate_caption",
        "the workbench's": "dlcamp.captioning.decoding:Search",
        "rounds and ratios": "dlcamp.analysis.alternating:alternate",
    },
    cache=False,
)
def bench_decoding(config, data, run):
    import os

    from dlcamp.analysis.alternating import alternate, busy, peak_gib

    load = os.getloadavg()[0]
    spoken = _Spoken(config, data, run)
    run.params(spoken.params())
    measured = alternate(spoken.ways(), config.rounds, "image", run.progress)
    run.predictions(measured.rows())
    ratios = [
        measured.ratio("course", "greedy", title="greedy", target=500, seed=config.seed),
        measured.ratio("course", "beam", title=f"beam {config.beam}", target=200, seed=config.seed),
        measured.ratio("course", "alone", title="greedy, one image a call", seed=config.seed),
    ]
    run.text(spoken.compared(), "captions.txt")
    run.text(_summary(spoken, measured, ratios, busy(load)), "summary.txt")
    return {
        **measured.metrics(),
        **{name: value for ratio in ratios for name, value in ratio.metrics().items()},
        **spoken.agreement(),
        "cost/load_before": load,
        "cost/peak_gib": peak_gib(),
        FULL_SIZE: float(len(spoken.tokenizer) >= WORDS and config.beam == 3),
    }


class _Spoken:
    """A trained net, the course's network with its weights, and what either says of the test images."""

    def __init__(self, config, data, run):
        from dataclasses import replace

        from dlcamp.captioning.camp.side_by_side import copy_weights, course_model, enlarged, keras_tokenizer
        from dlcamp.captioning.camp.tokenizer import CampTokenizer, wrap
        from dlcamp.captioning.decoders import build
        from dlcamp.vision.precision import cpu_model

        self.config = config
        texts = [text for item in data.items("train") for text in item.references]
        self.tokenizer = enlarged(CampTokenizer.fit(map(wrap, texts)), config.vocabulary_size)
        self.train, self.features, self.encoder = _features(config, data, run)
        self.training_precision = "mixed_bfloat16" if "bf16" in cpu_model() else "float32"
        trained, self.loss = _trained(config, self.train, self.tokenizer, self.training_precision, run)
        # `camp` masks id 0 as the course does
        self.net = build(replace(trained.spec, decoder="camp", precision="float32"), config.seed)
        copy_weights(trained, self.net)
        self.course = course_model(self.net, self.tokenizer.max_length)
        self.course_words = keras_tokenizer(self.tokenizer)
        self.said = {}

    def ways(self):
        """All four, as they are timed."""
        from dlcamp.analysis.alternating import Way

        every, few = self.features, self.features[: self.config.course_images]
        batch = self._batch
        beam, power = self.config.beam, self.config.length_normalisation
        return [
            Way("course", "course: one predict a word, one image a call", self._as_taught(few)),
            Way("greedy", f"workbench: greedy, {batch} images at once", self._by("greedy", every, 1, 0.0, batch)),
            Way("beam", f"workbench: beam {beam}, {batch} images at once", self._by("beam", every, beam, power, batch)),
            Way("alone", "workbench: greedy, one image a call", self._by("alone", few, 1, 0.0, 1)),
        ]

    @property
    def _batch(self):
        """Images at once, so that no batch is filled up with much: 400 images are 7 batches of 58, not of 64."""
        images = len(self.features)
        return -(-images // -(-images // self.config.batch))

    def _as_taught(self, features):
        from dlcamp.captioning.camp import as_taught

        def once():
            length, words = self.tokenizer.max_length, self.course_words
            said = [as_taught.generate_caption(self.course, words, photo[None], length) for photo in features]
            self.said["course"] = said
            return len(said)

        return once

    def _by(self, name, features, beam, power, batch):
        from dlcamp.captioning.decoding import Search

        words = self.tokenizer
        search = Search(
            self.net, beam=beam, max_length=words.max_length, length_normalisation=power, batch=batch, marks=words.marks
        )

        def once():
            self.said[name] = [words.transcript(ids) for ids in search(features).tokens]
            return len(features)

        return once

    def agreement(self):
        """Share of the course's captions that greedy search says too, alone and in a batch; and how captions are."""
        course, found = self.said["course"], {}
        for name in ("greedy", "alone"):
            same = [a == b for a, b in zip(course, self.said[name], strict=False)]
            found[name] = sum(same) / len(same)
        greedy = self.said["greedy"]
        return {
            "agreement/captions_identical": min(found.values()),
            "agreement/captions_compared": float(len(course)),
            "cost/words_per_caption_course": _words(course),
            "cost/words_per_caption": _words(greedy),
            "cost/words_of_the_longest": float(max(_words([text]) for text in greedy)),
            "cost/captions_ended": sum(text.endswith(" endseq") for text in greedy) / len(greedy),
            "cost/captions_different": float(len(set(greedy))),
        }

    def compared(self):
        """The course's captions, and greedy and beam search's of the same images."""
        lines = ["course, greedy and beam of the images that the course captioned", ""]
        for texts in zip(self.said["course"], self.said["greedy"], self.said["beam"], strict=False):
            lines += [*texts, ""]
        return "\n".join(lines)

    def params(self):
        """What decides the numbers beside the config."""
        from dlcamp.captioning.camp.side_by_side import machine_params

        return {
            **machine_params(),
            "timed_images": len(self.features),
            "timed_course_images": min(self.config.course_images, len(self.features)),
            "timed_batch": self._batch,
            "training_precision": self.training_precision,
            "words": len(self.tokenizer),
            "longest_caption": self.tokenizer.max_length,
            "tokenizer_digest": self.tokenizer.digest,
            "decoding_precision": "float32",
            "features_of": f"{self.encoder.name} {self.encoder.output}, {self.encoder.precision}",
        }


def _words(said):
    """Words a caption that had to be found: all but startseq."""
    return sum(len(text.split()) - 1 for text in said) / len(said)


def _features(config, data, run):
    """Training images beside their features, and the features of the test images."""
    import numpy as np

    from dlcamp.captioning.samples import Captioned
    from dlcamp.vision import extract, lite0

    train, test = data.items("train", config.train_images), data.items("test", config.images)
    ids = [item.id for item in (*train, *test)]
    found = extract((ids, data.image), lite0("pooled"), progress=run.progress)
    array = np.array(found.array)
    return Captioned(array[: len(train)], train), array[len(train) :], found.encoder


def _trained(config, train, tokenizer, precision, run):
    """A `merge` net that has learned to end its captions, and its last loss."""
    import keras

    from dlcamp.captioning.camp.side_by_side import WIDTH, whole_captions
    from dlcamp.captioning.decoders import DecoderSpec, build
    from dlcamp.captioning.train import word_loss
    from dlcamp.training.fit import fit

    spec = DecoderSpec(
        "merge", len(tokenizer), train.features.shape[1:], WIDTH, WIDTH, 0.3, "none", precision=precision
    )
    net = build(spec, config.seed)
    samples = whole_captions(train.features, train.items, tokenizer, batch=min(64, len(train.captions)))
    rate = keras.optimizers.schedules.CosineDecay(3e-3, config.train_epochs * samples.steps)
    result = fit(
        net.teacher,
        lambda epoch: samples.dataset(config.seed, epoch),
        loss=word_loss(0.0),
        optimizer=keras.optimizers.Adam(rate),
        epochs=config.train_epochs,
        steps_per_epoch=samples.steps,
        run=run,
        unit="captions",
        units_per_step=samples.batch,
    )
    return net, result.history[-1]["train/loss"]


def _summary(spoken, measured, ratios, warning):
    from dlcamp.analysis.alternating import peak_gib, table
    from dlcamp.vision.precision import cpu_model

    params, agreement = spoken.params(), spoken.agreement()
    return "\n".join(
        [
            cpu_model(),
            *([warning] if warning else []),
            *table(measured, ratios),
            "",
            f"Greedy and course's captions identical: {agreement['agreement/captions_identical']:.0%} of "
            f"{params['timed_course_images']} images, in a batch and alone (captions.txt).",
            f"Same layers and weights, float32, {params['words']:,} words, trained to a loss of {spoken.loss:.2f}; "
            f"features of {params['features_of']}, computed before.",
            f"Words a caption, endseq counted: {agreement['cost/words_per_caption_course']:.1f} in the course's "
            f"images, {agreement['cost/words_per_caption']:.1f} in all {params['timed_images']}, "
            f"{agreement['cost/words_of_the_longest']:.0f} in the longest, for which its batch waits; "
            f"{agreement['cost/captions_ended']:.0%} end by themselves, the others after {params['longest_caption']}; "
            f"{agreement['cost/captions_different']:.0f} are different.",
            "Features in, text out. Compiling falls into the first round, which is not counted.",
            f"peak memory of the process, all ways: {peak_gib():.1f} GiB",
        ]
    )
