"""What does the workbench add to a trivial experiment, once and an epoch?

    make exp NAME=bench_runner_overhead      about 2 min on an idle machine; nothing else may run beside it

One body (a matrix product repeated, five metrics an epoch) runs alternately through `execute` on a store of its own
and bare, in one process; imports and the making of the store are excluded by a first round that is not counted.
Expected: under 1 s once, under 2 % of an epoch of a quarter of a second.
"""

import time
from functools import partial

from dlcamp import Claim, ExperimentConfig, Float, Int, experiment, minimize, tune


class Config(ExperimentConfig):
    """How often, how many epochs, how long an epoch."""

    repeats: int = tune(7, valid=Int(1, 100), help="rounds that are counted")
    epochs: int = tune(20, valid=Int(2, 1000), help="epochs of the longer body; the shorter has one")
    epoch_seconds: float = tune(0.25, valid=Float(0.001, 60), help="time of a bare epoch")


@experiment(
    config=Config,
    data=["purchases"],
    objective=minimize("cost/fixed_seconds"),
    course="9.1 benchmark",
    claims=[
        Claim(
            "a run costs less than a second more than its body",
            "the median is a second or more",
            lambda metrics: "supported" if metrics["cost/fixed_seconds"] < 1 else "refuted",
        ),
        Claim(
            "an epoch costs less than 2 % more",
            "the median is 2 % or more",
            lambda metrics: "supported" if metrics["cost/epoch_share"] < 0.02 else "refuted",
        ),
    ],
    sources={"measured": "dlcamp.runner:execute"},
    cache=False,
)
def bench_runner_overhead(config, data, run):
    import tempfile
    from pathlib import Path

    import numpy as np

    products = _calibrated(config.epoch_seconds)
    with tempfile.TemporaryDirectory(prefix="dlcamp-bench-") as home:
        through = partial(_through_the_workbench, Path(home), products)
        through(1)
        rows = []
        with run.progress(config.repeats, "rounds", "rounds") as bar:
            for index in range(config.repeats):
                rows.append(_round(index, config.epochs, products, through))
                bar.advance()
    run.predictions(rows)
    fixed = np.array([row["execute_1"] - row["bare_1"] for row in rows])
    longer = np.array([row["execute_many"] - row["bare_many"] for row in rows])
    bare_epoch = float(np.median([(row["bare_many"] - row["bare_1"]) / (config.epochs - 1) for row in rows]))
    share = (longer - fixed) / (config.epochs - 1) / bare_epoch
    run.text(_summary(config, fixed, share, bare_epoch), "summary.txt")
    return {
        "cost/fixed_seconds": float(np.median(fixed)),
        "cost/fixed_seconds_min": float(fixed.min()),
        "cost/fixed_seconds_max": float(fixed.max()),
        "cost/epoch_share": float(np.median(share)),
        "cost/epoch_share_min": float(share.min()),
        "cost/epoch_share_max": float(share.max()),
        "cost/bare_epoch_seconds": bare_epoch,
    }


def _work(products):
    import numpy as np

    matrix = np.ones((200, 200), np.float32)
    for _ in range(products):
        matrix = np.tanh(matrix @ matrix / 200)
    return float(matrix.mean())


def _calibrated(seconds):
    """How many products fill an epoch."""
    started, products = time.perf_counter(), 0
    while time.perf_counter() - started < 0.5:
        _work(20)
        products += 20
    return max(1, round(products * seconds / (time.perf_counter() - started)))


def _body(epochs, products, run):
    for epoch in range(1, epochs + 1):
        value = _work(products)
        run.metrics({f"train/m{index}": value + index for index in range(5)}, step=epoch)
    return {"cost/value": value}


class _Bare:
    """What the body needs of a run, doing nothing."""

    def metrics(self, values, step=None):
        """Forget them."""


def _through_the_workbench(home, products, epochs):
    from dlcamp.config import resolve
    from dlcamp.experiment import Experiment
    from dlcamp.paths import REPOSITORY
    from dlcamp.runner import Request, execute, prepare
    from dlcamp.tracking import open_store

    inner = Experiment(
        name="bench_runner_overhead_body",
        body=lambda config, data, run: _body(epochs, products, run),
        config_type=ExperimentConfig,
        data=("purchases",),
        objective=minimize("cost/value"),
        module=__name__,
        question="",
        cache=False,
    )
    asked = Request(inner, resolve(ExperimentConfig, []), "purchases")
    store = open_store(home)
    started = time.perf_counter()
    execute(prepare(asked, REPOSITORY), store, lambda line: None)
    return time.perf_counter() - started


def _round(index, epochs, products, through):
    """Both ways, both lengths; who goes first alternates."""
    row = {"item": f"round {index}", "output": ""}
    for length, name in ((1, "1"), (epochs, "many")):
        ways = [("execute", partial(through, length)), ("bare", partial(_timed_bare, length, products))]
        for way, measured in ways if index % 2 else reversed(ways):
            row[f"{way}_{name}"] = measured()
    return row


def _timed_bare(epochs, products):
    started = time.perf_counter()
    _body(epochs, products, _Bare())
    return time.perf_counter() - started


def _summary(config, fixed, share, bare_epoch):
    import numpy as np

    return "\n".join(
        [
            f"{config.repeats} rounds, alternating            median   min to max     target",
            f"  once, seconds               {np.median(fixed):>8.3f}   {fixed.min():.3f} to {fixed.max():.3f}   < 1",
            f"  an epoch of {bare_epoch:.3f} s          {np.median(share):>8.2%}   "
            f"{share.min():.2%} to {share.max():.2%}   < 2 %",
            "Imports and the making of the store are excluded; both ways in one process.",
        ]
    )
