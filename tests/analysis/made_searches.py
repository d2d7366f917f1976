"""Made-up searches: what a study of a few fields might have found, every status among its trials."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dlcamp.analysis.searched import Replicated, Replication, Searched, SearchTrial, Status
from dlcamp.experiment import Objective, maximize, minimize
from dlcamp.spaces import Choice, Float, Int, Space

ACCURACY, PARAMETERS = maximize("val/accuracy"), minimize("cost/parameters")
SPACES: dict[str, Space] = {
    "learning_rate": Float(1e-4, 1e-1, log=True),
    "units": Int(16, 512, log=True),
    "dropout": Float(0.0, 0.7),
    "l2": Float(1e-6, 1e-2, log=True),
    "optimizer": Choice("adam", "sgd", "rmsprop"),
    "augment": Choice(None, True, False),
    "hidden": Choice((64,), (128, 64), (256, 128, 64)),
}
DEFAULTS: dict[str, Any] = {
    "learning_rate": 2e-3, "units": 64, "dropout": 0.5, "l2": 0.0, "optimizer": "adam", "augment": None, "hidden": (64,)
}  # fmt: skip
"""The default of l2 lies outside its (logarithmic) space, as it does in real experiments."""


def made(trials: int = 30, objectives: int = 1, *, steps: int = 12, seed: int = 0, **fields: Any) -> Searched:
    """A search: trial 0 is the defaults, of the others every seventh is pruned and every thirteenth fails.

    Args:
        objectives: 1 (accuracy), 2 (and parameters) or 3 (and seconds).
        steps: of each curve.
        fields: of `Searched`, instead of what is made up.
    """
    rng = random.Random(seed)
    asked = (ACCURACY, PARAMETERS, minimize("cost/seconds"))[:objectives]
    given: dict[str, Any] = {
        "experiment": "noisy_digits", "question": "Which net reads noisy digits best?", "data": "digits_noisy",
        "digest": "sha256:5f2c8a7d1e90b4", "run": "a" * 32,
        "command": f"make search NAME=noisy_digits TRIALS={trials} WORKERS=2",
        "engine": "optuna", "sampler": "tpe", "pruner": "median" if objectives == 1 else "none",
        "objectives": asked, "spaces": SPACES, "defaults": DEFAULTS, "fixed": {"epochs": steps, "activation": "relu"},
        "trials": tuple(_trial(number, asked, steps, rng) for number in range(trials)),
        "importances": {
            one.metric: {"learning_rate": 0.58, "dropout": 0.2, "units": 0.12, "l2": 0.05, "optimizer": 0.03,
                         "augment": 0.015, "hidden": 0.005}
            for one in asked
        },
        "workers": 2, "journal": "mlruns/studies/noisy_digits-5f2c8a7d.journal",
    }  # fmt: skip
    return Searched(**{**given, **fields})


def _trial(number: int, asked: tuple[Objective, ...], steps: int, rng: random.Random) -> SearchTrial:
    values = dict(DEFAULTS) if number == 0 else {name: space.sample(rng) for name, space in SPACES.items()}
    status: Status = "FINISHED"
    if number and number % 13 == 0:
        status = "FAILED"
    elif number and number % 7 == 0 and len(asked) == 1:
        status = "PRUNED"
    reached = _accuracy(values) + rng.gauss(0, 0.006)
    kept = {"FINISHED": steps, "PRUNED": max(steps // 4, 1), "FAILED": 0}[status]
    curve = tuple((step, reached * (1 - 0.5 * math.exp(-step / 3))) for step in range(1, kept + 1))
    found = (reached, float(values["units"] * 784), 3.0 + values["units"] / 50)[: len(asked)]
    return SearchTrial(
        number, status, values, seed=1000 + number, objectives=found if status == "FINISHED" else (),
        run=f"{number:032x}", curve=curve, started=1.7e9 + 10 * number, ended=1.7e9 + 10 * number + 7.5,
        error="ResourceExhaustedError: no memory for a batch" if status == "FAILED" else "", attempts=1,
        defaults=number == 0, sampler="defaults" if number == 0 else "tpe",
    )  # fmt: skip


def _accuracy(values: Mapping[str, Any]) -> float:
    lost = 0.03 * (math.log10(values["learning_rate"]) + 2.2) ** 2 + 0.15 * (values["dropout"] - 0.25) ** 2
    lost += 0.01 * (values["optimizer"] == "sgd") + 0.8 * (values["learning_rate"] > 0.08)
    return 0.93 - lost + 0.008 * math.log2(values["units"] / 64)


def replicated(searched: Searched, top: int = 3, seeds: int = 5, gain: float = 0.02) -> Searched:
    """With the best trials and the defaults run again on new seeds: the first gains `gain`, the next ones less."""
    chosen = searched.ranked()[:top]
    several = seeds > 1

    def row(label: str, number: int | None, values: Mapping[str, Any], metric: str, gained: float) -> Replicated:
        base = 0.91 + gained
        own = Replicated(
            label, number, values, metric, seeds, base, *((base - 0.006, base + 0.006) if several else (None, None))
        )
        if number is None:
            return own
        ends = {
            "difference_low": gained - 0.008,
            "difference_high": gained + 0.008,
            "p": 0.2 if gained < 0.008 else 0.004,
        }
        word = "one seed" if not several else "not separated" if gained < 0.008 else "better"
        return replace(own, difference=gained, verdict=word, **(ends if several else {}))

    def rows(metric: str) -> tuple[Replicated, ...]:
        best = [row(f"trial {t.number}", t.number, t.values, metric, gain / (i + 1)) for i, t in enumerate(chosen)]
        return (*best, row("defaults", None, searched.defaults, metric, 0.0))

    new = tuple(range(100, 100 + seeds))
    found = Replication(
        "b" * 32, "noisy_digits-replicated", new, rows("val/accuracy"), rows("test/accuracy"),
        best=f"trial {chosen[0].number}", preset="best",
    )  # fmt: skip
    return replace(searched, replication=found)
