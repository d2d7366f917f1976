"""How fast are searches: trials a second beside plain Optuna and Keras Tuner's own loop, and what two workers gain?

    make exp NAME=bench_search_throughput      about 5 min on two idle cores; nothing else may run beside it

The same cheap objective (a calibrated amount of NumPy work) is searched through `make search`'s engine with two
workers, by plain Optuna in two processes with the same sampler and journal storage and no tracking, and by Keras
Tuner's own loop with its cheapest tuner, which is one process. The three alternate; processes are warm. Two workers
are then held against one, with one thread each, on trials of half a second of work.
Expected: under 0.2 s a trial beyond the body, two workers at least 1.8 times one.
"""

from dlcamp import Claim, ExperimentConfig, Float, Int, experiment, minimize, tune


class Config(ExperimentConfig):
    """How many trials, how long each, how often."""

    trials: int = tune(200, valid=Int(4, 10_000), help="of each search")
    seconds: float = tune(0.01, valid=Float(0, 10), help="work of a cheap trial")
    repeats: int = tune(3, valid=Int(1, 100), help="rounds of the three ways")
    heavy_trials: int = tune(40, valid=Int(2, 1000), help="of the searches with one and with two workers")
    heavy_seconds: float = tune(0.5, valid=Float(0, 60), help="work of a heavy trial")


@experiment(
    config=Config,
    data=["purchases"],
    objective=minimize("cost/trial_overhead_seconds"),
    course="9.3 benchmark",
    claims=[
        Claim(
            "a trial costs less than 0.2 s more than its body",
            "the median over rounds is 0.2 s or more",
            lambda metrics: "supported" if metrics["cost/trial_overhead_seconds"] < 0.2 else "refuted",
        ),
        Claim(
            "two workers are at least 1.8 times as fast as one on heavy trials",
            "the ratio is below 1.8",
            lambda metrics: "supported" if metrics["cost/two_workers_ratio"] >= 1.8 else "refuted",
        ),
    ],
    sources={"measured": "dlcamp.search.engine:run_search", "ways": "dlcamp.search.throughput:Ways"},
    cache=False,
)
def bench_search_throughput(config, data, run):
    import numpy as np

    from dlcamp.search.throughput import Ways, products_of

    light, heavy = products_of(config.seconds), products_of(config.heavy_seconds)
    rows = []
    with Ways() as ways, run.progress(2 * config.repeats, "rounds", "rounds") as bar:
        for index in range(config.repeats):
            order = ["dlcamp", "optuna", "keras_tuner"]
            order = order[index % 3 :] + order[: index % 3]
            row = {"item": f"round {index}", "output": ""}
            for way in order:
                row[way] = getattr(ways, way)(config.trials, light, 2)
            rows.append(row)
            bar.advance()
        ratios = []
        for index in range(config.repeats):
            took = {}
            for workers in (1, 2) if index % 2 else (2, 1):
                took[workers] = ways.dlcamp(config.heavy_trials, heavy, workers)
            ratios.append(took[1] / took[2])
            bar.advance()
    run.predictions(rows)
    ours = np.array([row["dlcamp"] for row in rows])
    found = {
        "trial_overhead_seconds": 2 * ours / config.trials - config.seconds,
        "against_optuna": ours / np.array([row["optuna"] for row in rows]),
        "against_keras_tuner": ours / np.array([row["keras_tuner"] for row in rows]),
        "two_workers_ratio": np.array(ratios),
    }
    run.text(_summary(config, rows, found), "summary.txt")
    return {
        **{f"cost/{name}": float(np.median(values)) for name, values in found.items()},
        **{f"cost/{name}_min": float(values.min()) for name, values in found.items()},
        **{f"cost/{name}_max": float(values.max()) for name, values in found.items()},
        "cost/search_seconds": float(np.median(ours)),
    }


def _summary(config, rows, found):
    import numpy as np

    lines = [f"{config.trials} trials of {config.seconds} s, {config.repeats} rounds, alternating: median (min to max)"]
    for way, what in (
        ("dlcamp", "make search, two workers"),
        ("optuna", "plain Optuna, two processes, no tracking"),
        ("keras_tuner", "Keras Tuner's random loop, one process"),
    ):
        took = np.array([row[way] for row in rows])
        lines.append(f"  {what:<44}{np.median(took):8.2f} s   {took.min():.2f} to {took.max():.2f}")
    for name, values in found.items():
        lines.append(f"  {name:<44}{np.median(values):8.3f}     {values.min():.3f} to {values.max():.3f}")
    return "\n".join([*lines, "Imports, the start of processes and the making of stores are excluded."])
