"""How many captions a second are taught here, and how many by the course's generator of prefixes?

    make exp NAME=bench_caption_training      about 4 min on two cores; nothing else may run beside it

One network (the course's: LSTM 256, embedding 256, fc2-wide features, the whole training split's words), the same
captions in the course's numbers, Adam with 0.001, dropout a half; in turns:
- course: `caption_model` and `model.fit` on `data_generator`: one image a step, a row for each prefix, padded to the
  longest caption, with a one-hot target, through a softmax and categorical cross-entropy;
- workbench: whole captions, 128 of like length a step, all their words at once, cross-entropy from logits, by the step
  of `training.fit`; in float32 and in mixed_bfloat16. The word layer and the loss of both give the same numbers: with
  equal weights and no dropout the first loss of both is compared;
- as used: the workbench with its own vocabulary (words seen 5 times), clipping and scaling. It is no like-for-like.
A caption counts when each of its words was taught once. Making the batches is in every time. Features are random
numbers: their values change no time. A data set with fewer words than Flickr8k is filled up with words that never
occur, so that the last layer has the course's 7,378 outputs. An uncounted first round pays for compiling.
Expected: at least 5 times as fast in float32, and 15 times in the better precision of a CPU with bfloat16.
"""

from dlcamp import Claim, ExperimentConfig, Int, experiment, maximize, tune
from dlcamp.analysis.alternating import FULL_SIZE, at_least

FC2, WORDS = 4096, 7378


class Config(ExperimentConfig):
    """How much is taught a round, and how large the network's ends are."""

    rounds: int = tune(5, valid=Int(1, 100), help="rounds that are counted")
    course_images: int = tune(60, valid=Int(1, 10_000), help="images a round for the course, of train")
    captions: int = tune(2048, valid=Int(1, 1_000_000), help="captions a round for the workbench, of train")
    batch: int = tune(128, valid=Int(1, 4096), help="captions a step of the workbench")
    feature_width: int = tune(FC2, valid=Int(1, 100_000), help="values of an image's features; the course's fc2")
    vocabulary_size: int = tune(WORDS, valid=Int(1, 1_000_000), help="numbers of words at least; Flickr8k has so many")


@experiment(
    config=Config,
    data=["scenes", "flickr8k"],
    objective=maximize("cost/float32_ratio"),
    course="9.3 benchmark",
    claims=[
        Claim(
            "training is at least 5 times as fast as the course's in float32",
            "the 95 % interval of the ratio over rounds lies below 5",
            lambda metrics: at_least(metrics, "float32", 5),
        ),
        Claim(
            "training is at least 15 times as fast as the course's in the better precision of this CPU",
            "the 95 % interval of the ratio over rounds lies below 15",
            lambda metrics: at_least(metrics, "best", 15),
        ),
        Claim(
            "both ways do the same work: with equal weights the first losses differ by less than 1e-4",
            "a difference of 1e-4 nats a word or more",
            lambda metrics: "supported" if metrics["agreement/first_loss_difference"] < 1e-4 else "refuted",
        ),
    ],
    sources={
        "the course's generator": "dlcamp.captioning.camp.as_taught:data_generator",
        "the course's network": "dlcamp.captioning.camp.as_taught:caption_model",
        "the workbench's batches": "dlcamp.captioning.samples:Samples",
        "the workbench's network": "dlcamp.captioning.decoders.recurrent:merge",
        "rounds and ratios": "dlcamp.analysis.alternating:alternate",
    },
    cache=False,
)
def bench_caption_training(config, data, run):
    import os

    from dlcamp.analysis.alternating import alternate, busy, peak_gib

    load = os.getloadavg()[0]
    taught = _Taught(config, data)
    run.params(taught.params())
    course_loss, own_loss = taught.first_losses()
    measured = alternate(taught.ways(), config.rounds, "caption", run.progress)
    run.predictions(measured.rows())
    best = min(("float32", "bfloat16"), key=lambda way: sum(measured.per_unit(way)))
    run.params({"best_precision": best})
    ratios = [
        measured.ratio("course", "float32", title="float32", target=5, seed=config.seed),
        measured.ratio("course", "bfloat16", title="mixed_bfloat16", seed=config.seed),
        measured.ratio("course", best, name="best", title=f"the better one here: {best}", target=15, seed=config.seed),
        measured.ratio("course", "as_used", title="as used (not like for like)", seed=config.seed),
    ]
    run.text(_summary(taught, measured, ratios, (course_loss, own_loss), busy(load)), "summary.txt")
    return {
        **measured.metrics(),
        **{name: value for ratio in ratios for name, value in ratio.metrics().items()},
        "agreement/first_loss_course": course_loss,
        "agreement/first_loss": own_loss,
        "agreement/first_loss_difference": abs(course_loss - own_loss),
        "cost/parameters": float(taught.net.parameters),
        "cost/load_before": load,
        "cost/peak_gib": peak_gib(),
        FULL_SIZE: float(config.feature_width >= FC2 and len(taught.tokenizer) >= WORDS),
    }


class _Taught:
    """The captions of the first training images, in the course's numbers, and the networks that are taught them."""

    def __init__(self, config, data):
        import numpy as np

        from dlcamp.captioning.camp.side_by_side import enlarged
        from dlcamp.captioning.camp.tokenizer import CampTokenizer, wrap
        from dlcamp.captioning.vocabulary import Vocabulary
        from dlcamp.training.seeds import generator

        self.config = config
        every = data.items("train")
        texts = [text for item in every for text in item.references]
        self.tokenizer = enlarged(CampTokenizer.fit(map(wrap, texts)), config.vocabulary_size)
        self.own_words = Vocabulary.of(texts, min_count=5)
        sums = np.cumsum([len(item.references) for item in every])
        self.items = every[: max(int(np.searchsorted(sums, config.captions, side="right")), 1)]
        self.course_items = every[: config.course_images]
        shape = max(len(self.items), len(self.course_items)), config.feature_width
        self.features = generator(config.seed, "features").normal(size=shape).astype("float32")
        self.net = self.new_net("float32")

    def new_net(self, precision):
        """The course's network with its first weights, as the workbench trains it."""
        from dlcamp.captioning.camp.side_by_side import WIDTH
        from dlcamp.captioning.decoders import DecoderSpec, build

        size, shape = len(self.tokenizer), (self.config.feature_width,)
        return build(
            DecoderSpec("merge", size, shape, WIDTH, WIDTH, 0.5, "none", precision=precision), self.config.seed
        )

    def first_losses(self):
        """Of the course's network and of the workbench's, with the same weights, on the same captions."""
        from dlcamp.captioning.camp.side_by_side import first_losses

        few = self.course_items[:4]
        return first_losses(self.net, self.features[: len(few)], few, self.tokenizer)

    def ways(self):
        """All four, as they are timed."""
        from dlcamp.analysis.alternating import Way

        return [
            Way("course", "course: a row a prefix, one image a step, float32", self._course()),
            Way("float32", "workbench: whole captions, float32", self._whole_captions("float32")),
            Way("bfloat16", "workbench: whole captions, mixed_bfloat16", self._whole_captions("mixed_bfloat16")),
            Way("as_used", f"workbench as used: {len(self.own_words):,} words, float32", self._as_used()),
        ]

    def _course(self):
        from dlcamp.captioning.camp import as_taught
        from dlcamp.captioning.camp.side_by_side import course_model, descriptions, keras_tokenizer

        length, images = self.tokenizer.max_length, len(self.course_items)
        model = course_model(self.net, length)
        tokenizer, captions = keras_tokenizer(self.tokenizer), descriptions(self.course_items)
        photos = {item.id: row[None] for item, row in zip(self.course_items, self.features, strict=False)}
        count = sum(map(len, captions.values()))

        def once():
            batches = as_taught.data_generator(captions, photos, tokenizer, length)
            model.fit(batches, steps_per_epoch=images, epochs=1, shuffle=False, verbose=0)
            return count

        return once

    def _whole_captions(self, precision):
        import keras

        from dlcamp.captioning.camp.side_by_side import epochs_of, whole_captions

        features = self.features[: len(self.items)]
        data = whole_captions(features, self.items, self.tokenizer, self.config.batch)
        return epochs_of(self.new_net(precision), data, keras.optimizers.Adam(1e-3), self.config.seed)

    def _as_used(self):
        """What `caption_lstm` does by the defaults of its config, on these features and captions."""
        import keras

        from dlcamp.captioning.camp.side_by_side import epochs_of
        from dlcamp.captioning.config import CaptionConfig
        from dlcamp.captioning.decoders import build, spec_of
        from dlcamp.captioning.samples import Captioned, samples

        config = CaptionConfig(batch=self.config.batch, seed=self.config.seed)
        features = self.features[: len(self.items)]
        data = samples(Captioned(features, self.items), self.own_words, config.batch, config.max_length)
        net = build(spec_of(config, len(self.own_words), features.shape[1:]), config.seed)
        net.fit_features(features)
        adam = keras.optimizers.Adam(config.learning_rate, global_clipnorm=config.clip_norm)
        return epochs_of(net, data, adam, config.seed)

    def params(self):
        """What decides the numbers beside the config."""
        from dlcamp.captioning.camp.side_by_side import machine_params

        return {
            **machine_params(),
            "timed_course_images": len(self.course_items),
            "timed_course_captions": sum(len(item.references) for item in self.course_items),
            "timed_images": len(self.items),
            "timed_captions": sum(len(item.references) for item in self.items),
            "words_of_the_course": len(self.tokenizer),
            "words_as_used": len(self.own_words),
            "longest_caption": self.tokenizer.max_length,
            "tokenizer_digest": self.tokenizer.digest,
        }


def _summary(taught, measured, ratios, losses, warning):
    from dlcamp.analysis.alternating import peak_gib, table
    from dlcamp.vision.precision import cpu_model

    params, (course, own) = taught.params(), losses
    return "\n".join(
        [
            cpu_model(),
            *([warning] if warning else []),
            *table(measured, ratios),
            "",
            f"Same network ({taught.net.parameters:,} parameters, {params['words_of_the_course']:,} words, features of "
            f"{taught.config.feature_width:,} values), same captions, Adam 0.001, dropout 0.5. "
            f"With equal weights and no dropout the first losses are {course:.6f} (course) and {own:.6f}.",
            f"A round: {params['timed_course_captions']:,} captions of {params['timed_course_images']} images for the "
            f"course, prefixes padded to {params['longest_caption']}; {params['timed_captions']:,} captions, "
            f"{taught.config.batch} a step, for the workbench. Making the batches is in the times.",
            "As used: words seen 5 times, features standardised, gradients clipped: CaptionConfig's defaults.",
            "Compiling falls into the first round, which is not counted.",
            f"peak memory of the process, all ways: {peak_gib():.1f} GiB",
        ]
    )
