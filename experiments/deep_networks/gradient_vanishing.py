"""Which activations and initial weights let gradients reach the first layers of a deep net?

    make exp NAME=gradient_vanishing                 about 3 min on two cores: 10 variants x 2 depths x 5 seeds
    make exp NAME=gradient_vanishing PRESET=full     8 activations x depths 2 to 30 x 3 initialisers; about half an hour
    make exp NAME=gradient_vanishing DATA=mnist

At the start a layer multiplies the back-propagated signal by a factor that is known exactly (dlcamp/nets/laws.py):
sigmoid by less than 1/4, ReLU by 1/sqrt(2) after Glorot and by 1 after He. Twenty sigmoid layers leave 1e-12 of it and
do not train, whatever the step size; ReLU with He trains (He et al. 2015). The gradients of the weights can be equal in
all layers all the same: equally small (Glorot & Bengio 2010, Fig. 8).
"""

from typing import Literal

from dlcamp import Claim, Comparison, Contrast, ExperimentConfig, Float, Int, experiment, maximize, tune

SHOWN = 200  # test images that the stored model is proven on


class Config(ExperimentConfig):
    """One deep net of equal widths, and what is probed while it trains."""

    activation: Literal["sigmoid", "tanh", "softmax", "relu", "leaky_relu", "elu", "selu", "gelu"] = tune(
        "relu", help="of the hidden layers"
    )
    initializer: Literal["matched", "glorot", "he", "lecun", "leaky_he", "heuristic", "small"] = tune(
        "matched", help="of all kernels; matched: the activation's usual one"
    )
    distribution: Literal["normal", "uniform"] = tune("normal", help="that weights are drawn from")
    depth: int = tune(20, valid=Int(1, 200), help="hidden layers")
    width: int = tune(64, valid=Int(2, 4096), help="units of each hidden layer")

    epochs: int = tune(30, valid=Int(1, 100_000), help="passes over the training images; the last one is kept")
    batch: int = tune(32, valid=Int(1, 10_000), help="images a step")
    optimizer: Literal["sgd", "adam"] = tune("sgd", help="sgd: with a momentum that rises from 0.5")
    learning_rate: float = tune(5e-3, valid=Float(1e-7, 10), space=Float(1e-4, 1, log=True), help="step size")
    momentum: float = tune(0.9, valid=Float(0, 0.999), help="final momentum of sgd")

    probe_every: int = tune(1, valid=Int(0, 100_000), help="epochs from one probe to the next; 0: no probes at all")
    probe_images: int = tune(64, valid=Int(1, 10_000), help="training images that are probed, always the same")

    train_images: int | None = tune(None, valid=Int(1, 1_000_000), help="training images, drawn by the seed; all")
    val_images: int | None = tune(None, valid=Int(1, 1_000_000), help="validation images; MNIST trains on the others")


def _factor(variant, law, metric="grad/signal_factor", **at):
    return Contrast(variant, law, metric=metric, at={"depth": 20, **at})


ROOT_HALF = 0.7071  # 1 / sqrt 2


@experiment(
    config=Config,
    data=["digits", "mnist", "fashion_mnist"],
    objective=maximize("val/accuracy"),
    course="2.3 梯度消亡",
    claims=[
        Claim(
            "ReLU multiplies signals by 1 a layer after He, by 1/sqrt(2) after Glorot, leaky ReLU by 1 after its own",
            "a measured factor is more than 3 standard errors away from the law",
            contrasts=[_factor("relu", 1.0), _factor("relu_glorot", ROOT_HALF), _factor("leaky_relu", 1.0)],
            expect="law",
            presets=[""],
        ),
        Claim(
            "sigmoid multiplies signals by less than 1/4 a layer, and tanh by less than 1",
            "a measured factor is not below its bound",
            contrasts=[_factor("sigmoid", 0.25), _factor("tanh", 1.0)],
            expect="lower",
            presets=[""],
        ),
        Claim(
            "weight gradients are equal in all layers at the start even where signals vanish (ReLU after Glorot, tanh "
            "after the heuristic that Glorot replaced)",
            "their factor a layer is more than 3 standard errors away from 1",
            contrasts=[_factor(name, 1.0, "grad/weight_factor") for name in ("relu_glorot", "tanh_heuristic")],
            expect="law",
            presets=[""],
        ),
        Claim(
            "twenty sigmoid layers do not train: the loss stays above 2.2 nats, guessing costs ln 10 = 2.303",
            "the training loss ends below 2.2",
            contrasts=[Contrast("sigmoid", 2.2, metric="train/loss", at={"depth": 20})],
            presets=["", "full"],
        ),
        Claim(
            "twenty ReLU layers do, after He: more than half of the test images are right",
            "the test accuracy is not above 0.5",
            contrasts=[Contrast("relu", 0.5, at={"depth": 20})],
            presets=[""],
        ),
        Claim(
            "thirty ReLU layers train after He and stall after Glorot",
            "the test accuracy after He is not the higher one",
            contrasts=[
                Contrast(
                    "relu",
                    "relu",
                    at={"depth": 30, "initializer": "he"},
                    second_at={"depth": 30, "initializer": "glorot"},
                )
            ],
            presets=["full"],
        ),
        Claim(
            "the factors of ReLU are 1 after He and 1/sqrt(2) after Glorot, thirty layers deep",
            "a measured factor is more than 3 standard errors away from the law",
            contrasts=[
                _factor("relu", 1.0, depth=30, initializer="he"),
                _factor("relu", ROOT_HALF, depth=30, initializer="glorot"),
            ],
            expect="law",
            presets=["full"],
        ),
    ],
    compare=Comparison(
        "test/accuracy",
        baseline="tanh",
        smallest_interesting=0.02,
        margin=0.02,
        sd=0.02,
        seconds=4.0,
        shown=["grad/signal_factor", "grad/signal_law", "grad/signal_total", "grad/weight_factor", "train/loss"],
        items={"test/accuracy": "correct"},
    ),
    sources={
        "laws": "dlcamp.nets.laws:law",
        "probes": "dlcamp.nets.probes:probe",
        "activations": "dlcamp.nets.activations:activation",
        "network": "dlcamp.nets.dense:dense_net",
    },
    predictor="dlcamp.nets.classifier:Classifier",
    scorer="dlcamp.nets.classifier:rescore",
    floor="dlcamp.nets.majority:rows",
    next="every depth and initialiser: make exp NAME=gradient_vanishing PRESET=full",
)
def gradient_vanishing(config, data, run):
    import time

    from dlcamp.nets.classifier import cut_of, pixel_names, score
    from dlcamp.nets.dense import classifier_of

    begin = time.perf_counter()
    parts = cut_of(config, data)
    model = _net(config, parts)
    watch = _Watch(config, parts, model, run)
    _train(config, parts, model, watch, run)
    training = time.perf_counter() - begin - watch.seconds
    classifier = classifier_of(model, pixel_names(parts.train.x.shape[1]), range(10))
    scored = {split: score(classifier, parts, split) for split in ("train", "val", "test")}
    metrics = {name: value for _, found in scored.values() for name, value in found.items()}
    metrics["cost/parameters"] = float(model.count_params())
    metrics |= watch.end(training)
    run.predictions(scored["test"][0])
    run.text(_summary(config, metrics), "summary.txt")
    run.model(classifier, classifier.rows(parts.test.x[:SHOWN]))
    return metrics


class _Watch:
    """All that is probed: before the first epoch, after epochs, at the end; nothing where probes are off."""

    def __init__(self, config, parts, model, run):
        from dlcamp.nets.probes import ProbeLog, Weights, probe

        self._config, self._model, self._run = config, model, run
        self._x, self._y = parts.train.x[: config.probe_images], parts.train.y[: config.probe_images]
        self._log = ProbeLog(
            lambda: probe(Weights.of(model), self._x, self._y), config.probe_every, run.folder / "probes.jsonl"
        )
        self.seconds = 0.0
        self._start, self._looks = Weights.of(model), {}
        self._look("at the start")
        self._run.metrics(self.after(0), step=0)

    def after(self, epoch):
        """Metrics of the epoch's probe, where one is due."""
        import time

        from dlcamp.nets.probes import norms

        begin = time.perf_counter()
        found = self._log.after(epoch)
        self.seconds += time.perf_counter() - begin
        return {} if found is None else norms(found)

    def _look(self, when):
        """Sensitivity and slices of the net as it is now."""
        import time

        from dlcamp.nets.probes import Weights, sensitivity, slices
        from dlcamp.training.seeds import generator

        if self._config.probe_every:
            begin = time.perf_counter()
            net, rng = Weights.of(self._model), generator(self._config.seed, "slices")
            self._looks[when] = sensitivity(net, self._x), slices(net, self._x, self._y, rng)
            self.seconds += time.perf_counter() - begin

    def end(self, training):
        """Final metrics; figures and the probes' file go into the run. `training`: seconds it took without probes."""
        from dlcamp.nets.probes import probe

        self._look("after training")
        if not self._looks:
            return {}
        first = probe(self._start, self._x, self._y)
        law = _law(self._config, first)
        self._draw(first, law)
        self._run.artifact(self._run.folder / "probes.jsonl")
        return _found(first, self._log.last, law, self._looks) | {"cost/probe_share": self.seconds / training}

    def _draw(self, first, law):
        from dlcamp.analysis.heat_maps import draw_heat_maps, draw_layers, heat_map, profile
        from dlcamp.nets.probes import signal_factor, weight_factor

        title = _title(self._config)
        shown = {"signal": "signal: sd of d loss / d pre-activation", "weight_gradient": "norm of the weight gradient"}
        maps = [heat_map(said, self._log.table(what), self._log.epochs) for what, said in shown.items()]
        self._run.figure(draw_heat_maps(maps, title), "gradients.png")
        profiles = [profile("signal", first.signal, law.signal, signal_factor(first))]
        if len(law.weight):
            own = first.example_gradient[1:]
            profiles.append(profile("weight gradient of an example", own, law.weight, weight_factor(first), first=2))
        sensed = {when: look[0] for when, look in self._looks.items()}
        slices = {when: (look[1].distances, look[1].losses) for when, look in self._looks.items()}
        self._run.figure(draw_layers(profiles, sensed, slices, title), "layers.png")


def _initialiser(config):
    from dlcamp.nets.initialisers import usual

    return usual(config.initializer, config.activation)


def _net(config, parts):
    from dlcamp.nets.dense import dense_net
    from dlcamp.nets.initialisers import kernels

    kernel = kernels(_initialiser(config), config.seed, config.distribution)
    inputs = parts.train.x.shape[1]
    return dense_net(inputs, (config.width,) * config.depth, 10, kernel=kernel, activation=config.activation)


def _train(config, parts, model, watch, run):
    from dlcamp.nets.optimizers import optimizer
    from dlcamp.nets.train import STEPS_A_CALL, Batches, cross_entropy, evaluation
    from dlcamp.training.fit import fit
    from dlcamp.training.seeds import derive

    batch = min(config.batch, len(parts.train.y))
    batches = Batches(parts.train, batch, derive(config.seed, "order"))
    evaluate = evaluation(model, parts)
    rule = optimizer(
        config.optimizer,
        learning_rate=config.learning_rate,
        steps=config.epochs * batches.steps,
        momentum=config.momentum,
    )
    fit(
        model,
        batches,
        loss=cross_entropy,
        optimizer=rule,
        epochs=config.epochs,
        steps_per_epoch=batches.steps,
        run=run,
        evaluate=lambda epoch: evaluate(epoch) | watch.after(epoch),
        steps_per_call=STEPS_A_CALL,
        unit="images",
        units_per_step=batch,
    )


def _law(config, first):
    from dlcamp.nets.activations import activation
    from dlcamp.nets.initialisers import gain
    from dlcamp.nets.laws import law

    scale = gain(_initialiser(config), config.width)
    return law(activation(config.activation), scale, config.width, config.depth, first.pre_activation[0])


def _found(first, last, law, looks):
    from dlcamp.nets.probes import signal_factor, weight_factor

    return {
        "grad/signal_factor": signal_factor(first),
        "grad/signal_law": law.factor,
        "grad/signal_total": float(first.signal[0] / first.signal[-1]) if first.signal[-1] else 0.0,
        "grad/weight_factor": weight_factor(first),
        "grad/saturation": float(last.saturation.mean()),
        "grad/dead_share": float(last.dead.mean()),
        "surface/range_start": looks["at the start"][1].range,
        "surface/range_end": looks["after training"][1].range,
    }


def _title(config):
    return f"{config.depth} {config.activation} layers of {config.width}, {_initialiser(config)} {config.distribution}"


def _summary(config, metrics):
    lines = [
        f"{_title(config)}   test accuracy {metrics['test/accuracy']:.4f}, "
        f"training loss {metrics['train/loss']:.3f} nats (guessing: 2.303)"
    ]
    if "grad/signal_factor" in metrics:
        lines += [
            f"  at the start a layer multiplies the signal by {metrics['grad/signal_factor']:.4g} "
            f"(law {metrics['grad/signal_law']:.4g}); {metrics['grad/signal_total']:.2g} of it reaches layer 1",
            f"  weight gradients: {metrics['grad/weight_factor']:.4g} a layer",
            f"  after training {100 * metrics['grad/dead_share']:.1f} % of the units let nothing back on any image",
            f"  loss along random directions ranges over {metrics['surface/range_start']:.3g} nats at the start, "
            f"{metrics['surface/range_end']:.3g} at the end",
            f"  probes took {100 * metrics['cost/probe_share']:.0f} % as long as the training itself",
        ]
    return "\n".join([*lines, "One seed. Compare: make exp NAME=gradient_vanishing"])
