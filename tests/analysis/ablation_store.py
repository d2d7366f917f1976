"""An ablation as the runner leaves it in a store: a parent with its files, a child a cell, with curves and figures."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from dlcamp.analysis.cells import AXES_TAG, KIND_TAG, VARIANT_TAG
from dlcamp.comparison import Comparison, Contrast
from dlcamp.config import ExperimentConfig
from dlcamp.experiment import Claim, Experiment, maximize
from dlcamp.tracking.memory import MemoryTracker
from dlcamp.tracking.protocol import RunRow

PACKAGES = {"tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.0", "scipy": "1.17.0"}


def no_gain(variant: str, axes: Mapping[str, str]) -> float:
    """Axis values change nothing."""
    return 0.0


def no_pictures(variant: str) -> Mapping[str, bytes]:
    """Runs draw nothing."""
    return {}


@dataclass
class Ablation:
    """What to write; `gains` are differences of test accuracy to the baseline, which comes first.

    Args:
        failed: (variant, seed) -> error text.
        curve: epochs of each run.
        axis_gain: (variant, axis values) -> added to the accuracy.
        pictures: file name -> content, drawn by every run.
        items: test items whose predictions each run keeps.
    """

    gains: Mapping[str, float]
    seeds: int = 3
    axes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failed: Mapping[tuple[str, int], str] = field(default_factory=dict)
    curve: int = 10
    noise: float = 0.004
    level: float = 0.90
    tuned: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    axis_gain: Callable[[str, Mapping[str, str]], float] = no_gain
    pictures: Callable[[str], Mapping[str, bytes]] = no_pictures
    items: int = 0
    digest: str = "sha256:5f2c8a7d1e90b4"
    question: str = "Does any regulariser beat none on noisy labels?"
    comparison: Comparison | None = None
    claims: Sequence[Claim] = ()

    @property
    def baseline(self) -> str:
        return next(iter(self.gains))

    def experiment(self) -> Experiment:
        """The declaration that belongs to it."""
        comparison = self.comparison or Comparison(
            "test/accuracy", baseline=self.baseline, smallest_interesting=0.005, margin=0.01, shown=("test/sparsity",)
        )
        contrasts = [Contrast(variant, self.baseline) for variant in list(self.gains)[1:]]
        claim = Claim(
            "some regulariser beats none", "every difference is zero or less", contrasts=contrasts, need="any"
        )
        return Experiment(
            "regularizers", lambda *_: {}, ExperimentConfig, ("noisy_digits",), maximize("val/accuracy"), "m",
            self.question, claims=(claim, *self.claims), compare=comparison,
        )  # fmt: skip

    def write(self, tracker: MemoryTracker, scratch: Path) -> RunRow:
        """Write it; the parent's row."""
        parent = tracker.start("regularizers", "regularizers-ablation", {KIND_TAG: "ablation", **self._tags()})
        entries = []
        axes = [dict(zip(self.axes, values, strict=True)) for values in product(*self.axes.values())]
        for variant, at, seed in product(self.gains, axes, range(self.seeds)):
            entries.append(self._cell(tracker, scratch, parent.id, variant, at, seed))
        _keep(parent, scratch, "cells.json", json.dumps(entries))
        _keep(parent, scratch, "declaration.json", json.dumps(self._declaration()))
        if self.tuned:
            _keep(parent, scratch, "tuning.json", json.dumps(self._tuning(axes)))
        source = {
            "cpu": "Example CPU 3000",
            "usable_cores": 2,
            "memory_gib": 7.8,
            "python": "3.11.9",
            "packages": PACKAGES,
        }
        _keep(parent, scratch, "provenance.json", json.dumps(source))
        parent.end("FINISHED")
        return tracker.run(parent.id)

    def _tags(self) -> dict[str, str]:
        return {
            "dlcamp.data": "noisy_digits",
            "dlcamp.data_digest": self.digest,
            "dlcamp.git_commit": "0123456789abcdef",
            "dlcamp.git_dirty": "false",
            "dlcamp.command": f"make exp NAME=regularizers SEEDS={self.seeds}",
        }

    def _cell(
        self, tracker: MemoryTracker, scratch: Path, parent: str, variant: str, axes: dict[str, str], seed: int
    ) -> dict[str, Any]:
        tags = {KIND_TAG: "cell", VARIANT_TAG: variant, AXES_TAG: json.dumps(axes), **self._tags()}
        run = tracker.start("regularizers", f"regularizers-s{seed}-{len(tracker.runs()):04d}", tags, parent)
        run.params({"seed": seed, "data": "noisy_digits", "precision": "float32"})
        entry = {"variant": variant, "axes": axes, "seed": seed, "run": run.id, "metrics": {}, "seconds": 0.0}
        error = self.failed.get((variant, seed))
        if error is not None:
            run.tags({"dlcamp.error": error})
            run.end("FAILED")
            return entry | {"status": "FAILED", "error": error}
        final = self._train(run, variant, axes, seed)
        for name, content in self.pictures(variant).items():
            _keep(run, scratch, name, content)
        if self.items:
            self._predict(run, scratch, variant, seed, final["test/accuracy"])
        run.final(final, "noisy_digits", self.digest)
        run.end("FINISHED")
        return entry | {"status": "FINISHED", "error": "", "metrics": final, "seconds": final["cost/seconds"]}

    def _predict(self, run: Any, scratch: Path, variant: str, seed: int, accuracy: float) -> None:
        import pyarrow
        from pyarrow import parquet

        draw = random.Random(f"{variant} {seed}")
        correct = [draw.random() < accuracy for _ in range(self.items)]
        table = pyarrow.table({"item": [f"test {i}" for i in range(self.items)], "correct": correct})
        parquet.write_table(table, scratch / "predictions.parquet")
        run.artifact(scratch / "predictions.parquet")

    def _train(self, run: Any, variant: str, axes: Mapping[str, str], seed: int) -> dict[str, float]:
        draw = random.Random(f"{variant}/{sorted(axes.items())}/{seed}")
        shared = random.Random(f"seed {seed}").gauss(0, 2 * self.noise)
        gain = self.gains[variant] + self.axis_gain(variant, axes)
        accuracy = min(self.level + gain + shared + draw.gauss(0, self.noise), 1.0)
        for epoch in range(1, self.curve + 1):
            grown = 1 - math.exp(-4 * epoch / self.curve)
            over = max(0.0, 0.06 - gain) * 8 * (epoch / self.curve) ** 2
            run.metrics(
                {
                    "train/loss": 2.3 * (1 - grown) + 0.25 + gain * 4 + draw.gauss(0, 0.01),
                    "val/loss": 2.3 * (1 - grown) + 0.42 + over + draw.gauss(0, 0.05),
                    "train/accuracy": 0.10 + 0.88 * grown - gain + draw.gauss(0, 0.003),
                    "val/accuracy": 0.10 + (accuracy - 0.1) * grown - over / 40 + draw.gauss(0, 0.012),
                },
                step=epoch,
            )
        return {
            "val/accuracy": accuracy - 0.01,
            "test/accuracy": accuracy,
            "test/sparsity": 0.62 if variant.startswith("l1") else 0.02 + draw.random() / 100,
            "cost/seconds": 4.0 + 2 * ("dropout" in variant) + draw.random(),
            "cost/parameters": 355_594.0,
        }

    def _declaration(self) -> dict[str, Any]:
        strengths = {variant: "tuned" if variant in self.tuned else "fixed" for variant in list(self.gains)[1:]}
        return {
            "variants": {variant: {"regularizer": variant} for variant in self.gains},
            "axes": self.axes, "seeds": list(range(self.seeds)), "strengths": strengths, "baseline": self.baseline,
            "metric": "test/accuracy", "workers": 2, "threads": 1, "machine": "Example CPU 3000",
        }  # fmt: skip

    def _tuning(self, axes: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        made = []
        for (variant, fields), at in product(self.tuned.items(), axes):
            draw = random.Random(f"{variant}{at}")
            count = len(next(iter(fields.values())))
            trials = [
                {"values": {name: values[index] for name, values in fields.items()}, "run": "", "status": "FINISHED",
                 "objective": 0.88 - 0.01 * abs(index - 2) + draw.gauss(0, 0.003)}
                for index in range(count)
            ]  # fmt: skip
            best = max(trials, key=lambda trial: trial["objective"])
            one = {
                "variant": variant,
                "axes": at,
                "fields": list(fields),
                "trials": trials,
                "objective": "val/accuracy",
            }
            made.append(one | {"chosen": best["values"]})
        return made


def _keep(run: Any, scratch: Path, name: str, content: str | bytes) -> None:
    path = scratch / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    run.artifact(path)
