"""What does the workbench add to a trivial experiment, once and an epoch?

    make exp NAME=bench_runner_overhead      about 2 min on an idle machine; nothing else may run beside it

Once: a body of one epoch (a matrix product repeated, five metrics) runs alternately through `execute` on a store of its
own and bare. An epoch: inside one run, epochs that report to it alternate with bare ones, in blocks of two. All in one
process; imports and the making of the store are excluded by a first round that is not counted.
Expected: under 1 s once, under 2 % of an epoch of a quarter of a second.
"""

import time
from functools import partial

from dlcamp import Claim, ExperimentConfig, Float, Int, experiment, minimize, tune


class Config(ExperimentConfig):
    """How often, how many epochs, how long an epoch."""

    repeats: int = tune(7, valid=Int(1, 100), help="rounds that are counted")
    epochs: int = tune(20, valid=Int(2, 1000, step=2), help="epochs of each kind inside one run")
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
            "an epoch costs less than 2 % more processor time",
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
        _through_the_workbench(Path(home), partial(_epoch, 1, products))
        rows = []
        with run.progress(config.repeats, "rounds", "rounds") as bar:
            for index in range(config.repeats):
                rows.append(_round(index, config.epochs, products, Path(home)))
                bar.advance()
    run.predictions(rows)
    fixed = np.array([row["execute_once"] - row["bare_once"] for row in rows])
    bare_epoch = float(np.median([row["bare_epochs"] for row in rows])) / config.epochs
    share, cpu_share = (
        np.array([row[f"logged_epochs{clock}"] / row[f"bare_epochs{clock}"] - 1 for row in rows])
        for clock in ("", "_cpu")
    )
    run.text(_summary(config, fixed, share, cpu_share, bare_epoch), "summary.txt")
    measured = {"fixed_seconds": fixed, "epoch_share": cpu_share, "epoch_share_wall": share}
    return {
        **{f"cost/{name}": float(np.median(values)) for name, values in measured.items()},
        **{f"cost/{name}_min": float(values.min()) for name, values in measured.items()},
        **{f"cost/{name}_max": float(values.max()) for name, values in measured.items()},
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


_BLOCK = 2  # epochs of one kind after each other, so that what the writer thread still does falls into its own


def _epoch(epoch, products, run):
    value = _work(products)
    run.metrics({f"train/m{index}": value + index for index in range(5)}, step=epoch)


def _alternating(epochs, products, run, spent):
    """Blocks of epochs that report to the run and of bare ones; adds wall and processor time of each kind."""
    for block in range(0, 2 * epochs, _BLOCK):
        kind = "logged" if block // _BLOCK % 2 else "bare"
        wall, cpu = time.perf_counter(), time.process_time()
        for epoch in range(block, block + _BLOCK):
            _epoch(epoch, products, run if kind == "logged" else _Bare())
        spent[f"{kind}_epochs"] += time.perf_counter() - wall
        spent[f"{kind}_epochs_cpu"] += time.process_time() - cpu


class _Bare:
    """What the body needs of a run, doing nothing."""

    def metrics(self, values, step=None):
        """Forget them."""


def _through_the_workbench(home, body):
    """Seconds that one run of `body` takes through `execute`."""
    from dlcamp.config import resolve
    from dlcamp.experiment import Experiment
    from dlcamp.paths import REPOSITORY
    from dlcamp.runner import Request, execute, prepare
    from dlcamp.tracking import open_store

    def whole(config, data, run):
        body(run)
        return {"cost/value": 1.0}

    inner = Experiment(
        name="bench_runner_overhead_body",
        body=whole,
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


def _round(index, epochs, products, home):
    row = {"item": f"round {index}", "output": ""}
    once = partial(_epoch, 1, products)
    ways = [("execute", partial(_through_the_workbench, home, once)), ("bare", partial(_timed, once))]
    for way, measured in ways if index % 2 else reversed(ways):
        row[f"{way}_once"] = measured()
    spent = dict.fromkeys(("logged_epochs", "logged_epochs_cpu", "bare_epochs", "bare_epochs_cpu"), 0.0)
    _through_the_workbench(home, lambda run: _alternating(epochs, products, run, spent))
    return row | spent


def _timed(body):
    started = time.perf_counter()
    body(_Bare())
    return time.perf_counter() - started


def _summary(config, fixed, share, cpu_share, bare_epoch):
    import numpy as np

    def line(label, values, form, target):
        return f"  {label:<38}{np.median(values):>8{form}}   {values.min():{form}} to {values.max():{form}}   {target}"

    return "\n".join(
        [
            f"{config.repeats} rounds, alternating                      median   min to max     target",
            line("once, seconds", fixed, ".3f", "< 1"),
            line(f"an epoch of {bare_epoch:.3f} s, processor time", cpu_share, ".2%", "< 2 %"),
            line("the same, wall time", share, ".2%", ""),
            "Imports and the making of the store are excluded; both ways in one process.",
        ]
    )
