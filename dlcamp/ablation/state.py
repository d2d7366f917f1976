"""How far an ablation is: the state of every trial and cell, as plain values that pages, files and terminals read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dlcamp.ablation.design import Place
from dlcamp.analysis.cells import Cell
from dlcamp.paths import runs_folder

Status = Literal["WAITING", "RUNNING", "FINISHED", "FAILED", "KILLED"]


@dataclass
class Child:
    """One trial or cell. `strengths` are what a trial tries; `attempts` counts how often it was begun here."""

    key: str
    kind: Literal["cell", "trial"]
    place: Place
    seed: int
    strengths: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "WAITING"
    run: str = ""
    name: str = ""
    error: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    cached: bool = False
    attempts: int = 0

    @property
    def settled(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ("FINISHED", "FAILED", "KILLED")

    def take(self, result: Mapping[str, Any]) -> None:
        """Take the result of a job (`cell.run_cell`)."""
        for name in ("run", "name", "status", "error", "metrics", "seconds", "cached"):
            setattr(self, name, result[name])

    def record(self) -> dict[str, Any]:
        """What cells.json says of it."""
        return {
            "variant": self.place.variant,
            "axes": dict(self.place.axes),
            "seed": self.seed,
            "run": self.run,
            "name": self.name,
            "status": self.status,
            "error": self.error,
            "metrics": dict(self.metrics),
            "seconds": self.seconds,
            "cached": self.cached,
        }

    def cell(self, experiment: str, common: Mapping[str, str]) -> Cell:
        """What an analysis needs; `common` holds data, digest, preset, commit and precision."""
        return Cell(
            run=self.run,
            name=self.name,
            experiment=experiment,
            variant=self.place.variant,
            axes=dict(self.place.axes),
            seed=self.seed,
            status=self.status,
            metrics=self.metrics,
            seconds=self.seconds,
            error=self.error,
            kind=self.kind,
            **common,
        )


@dataclass
class State:
    """All children of an ablation, in the order they were planned."""

    experiment: str
    parent: str
    metric: str
    workers: int
    children: dict[str, Child] = field(default_factory=dict)
    started: float = field(default_factory=time.time)
    forecast_seconds: float | None = None

    def add(self, child: Child) -> Child:
        """Take a new child; the known one where its key is known."""
        return self.children.setdefault(child.key, child)

    def of(self, kind: str) -> list[Child]:
        """The trials or the cells."""
        return [child for child in self.children.values() if child.kind == kind]

    @property
    def settled(self) -> bool:
        """Whether every child known so far has ended."""
        return all(child.settled for child in self.children.values())

    def eta(self, expected: int) -> float | None:
        """Seconds to the end, by what the children that ran here took; `expected` counts those still to come."""
        took = [c.seconds for c in self.children.values() if c.status == "FINISHED" and not c.cached and c.attempts]
        each = sum(took) / len(took) if len(took) >= self.workers else self.forecast_seconds
        return None if each is None else expected * each / self.workers

    def live(self, expected: int) -> dict[str, Any]:
        """What the live page reads."""
        return {
            "experiment": self.experiment,
            "run": self.parent,
            "started": self.started,
            "metric": self.metric,
            "workers": self.workers,
            "eta_seconds": self.eta(expected),
            "trials": {"done": sum(c.settled for c in self.of("trial")), "all": len(self.of("trial"))},
            "cells": [child.record() for child in self.of("cell")],
        }


def live_file(parent: str) -> Path:
    """Where the state of a running ablation lies."""
    return runs_folder() / "live" / f"{parent}.json"


def write_live(parent: str, content: Mapping[str, Any]) -> None:
    """Write the live state, whole or not at all."""
    path = live_file(parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_text(json.dumps(content), "utf-8")
    scratch.replace(path)
