"""What `bench_search_throughput` times: one cheap objective searched by dlcamp, plain Optuna and Keras Tuner's loop."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from dlcamp.launch.workers import THREAD_VARIABLES, WorkerPool, environment

WARM = 4
MODULE = '''"""A cheap objective."""
from dlcamp import ExperimentConfig, Float, Int, experiment, maximize, tune

class Config(ExperimentConfig):
    x: float = tune(0.5, valid=Float(0, 1), space=Float(0, 1))
    y: float = tune(0.5, valid=Float(0, 1), space=Float(0, 1))
    rate: float = tune(1e-2, valid=Float(0, 1), space=Float(1e-5, 1e-1, log=True))
    products: int = tune(1, valid=Int(0, 10_000_000))
    marker: int = tune(0, valid=Int(0, 10_000_000))

@experiment(config=Config, data=["purchases"], objective=maximize("val/score"))
def cheap(config, data, run):
    from dlcamp.search.throughput import score
    return {"val/score": score(config.x, config.y, config.rate, config.products)}
'''


def score(x: float, y: float, rate: float, products: int) -> float:
    """The objective, after some work."""
    work(products)
    return 1 - (x - 0.3) ** 2 - (y - 0.7) ** 2 - 0.01 * float(np.log10(rate) + 3) ** 2


def work(products: int) -> float:
    """So many products of two small matrices."""
    matrix = np.ones((64, 64), np.float32)
    for _ in range(products):
        matrix = np.tanh(matrix @ matrix / 64)
    return float(matrix.mean())


def products_of(seconds: float) -> int:
    """How many products take so long on this machine."""
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < 0.5:
        work(50)
        done += 50
    return round(done * seconds / (time.perf_counter() - started))


class Ways:
    """The ways of searching, with warm processes, in a folder that goes when the block ends."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="dlcamp-bench-")))
        self._stack.enter_context(environment({"DLCAMP_HOME": str(self._home), "PYTHONPATH": _python_path()}))
        self._root = self._home / "repository"
        for part, content in (("experiments/basics", MODULE), ("configs/basics", "")):
            (self._root / part).mkdir(parents=True)
            (self._root / part / f"cheap.{'py' if content else 'yaml'}").write_text(content, "utf-8")
        from dlcamp.tracking import open_store

        self._store = open_store(self._home, say=lambda line: None)
        self._pools = {n: self._stack.enter_context(WorkerPool(n, threads=1)) for n in (1, 2)}
        with environment(dict.fromkeys(THREAD_VARIABLES, "1")):
            self._processes = self._stack.enter_context(multiprocessing.get_context("spawn").Pool(2))
            self._processes.map(_warm, range(4), chunksize=1)
        self._count = 0
        for workers in (1, 2):
            self.dlcamp(WARM * workers, 0, workers)
        self.optuna(WARM, 0, 2)
        self.keras_tuner(WARM, 0, 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def dlcamp(self, trials: int, products: int, workers: int) -> float:
        """Seconds of a search through the engine of `make search`, into a new study."""
        from dlcamp.config import Layer, resolve
        from dlcamp.discovery import find, load
        from dlcamp.runner import Request, prepare
        from dlcamp.search.asked import Search
        from dlcamp.search.engine import run_search
        from dlcamp.search.space import search_space

        self._count += 1
        one = load(find(self._root, "cheap"))
        base = resolve(one.config_type, [Layer("bench", {"products": products, "marker": self._count})])
        search = Search(
            space=search_space(one, base, [], []),
            base=prepare(Request(one, base, "purchases"), self._root),
            objectives=(one.objective,),
            total=trials,
            command="bench",
            pruner="none",
            workers=workers,
            threads=1,
        )
        started = time.perf_counter()
        run_search(search, self._store, self._pools[workers], lambda line: None, lambda progress: None)
        return time.perf_counter() - started

    def optuna(self, trials: int, products: int, processes: int) -> float:
        """Seconds of plain Optuna in two processes: the same sampler and storage, no tracking."""
        import optuna

        self._count += 1
        path = str(self._home / f"plain-{self._count}.journal")
        optuna.create_study(study_name="plain", storage=_storage(path), direction="maximize")
        started = time.perf_counter()
        share = trials // processes
        self._processes.starmap(_optimize, [(path, share, products, seed) for seed in range(processes)], chunksize=1)
        return time.perf_counter() - started

    def keras_tuner(self, trials: int, products: int, _processes: int) -> float:
        """Seconds of Keras Tuner's own loop over random values, in this process."""
        import keras_tuner

        class Loop(keras_tuner.RandomSearch):  # type: ignore[misc]
            def run_trial(self, trial: Any, *_args: Any, **_more: Any) -> float:
                hp = trial.hyperparameters
                rate = hp.Float("rate", 1e-5, 1e-1, sampling="log")
                return -score(hp.Float("x", 0, 1), hp.Float("y", 0, 1), rate, products)

        folder = self._home / "keras_tuner"
        shutil.rmtree(folder, ignore_errors=True)
        tuner = Loop(max_trials=trials, directory=str(folder), project_name="loop", overwrite=True)
        tuner.oracle.verbose = 0
        started = time.perf_counter()
        tuner.search(verbose=0)
        return time.perf_counter() - started


def _storage(path: str) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(path))


def _warm(_index: int) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    time.sleep(0.5)


def _optimize(path: str, trials: int, products: int, seed: int) -> None:
    import optuna

    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.load_study(study_name="plain", storage=_storage(path), sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        return score(x, y, trial.suggest_float("rate", 1e-5, 1e-1, log=True), products)

    study.optimize(objective, n_trials=trials)


def _python_path() -> str:
    from dlcamp.paths import REPOSITORY

    return os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])
