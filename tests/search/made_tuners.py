"""An engine of Keras Tuner on a study in a folder, and a space of two fields."""

from __future__ import annotations

from dlcamp.config import ExperimentConfig, tune
from dlcamp.search.journal import Journal
from dlcamp.search.keras_tuner_engine import KerasTunerEngine
from dlcamp.spaces import Float, Int
from tests.contracts.searching import Study


class Plane(ExperimentConfig):
    x: float = tune(-4.0, space=Float(-5.0, 5.0))
    y: int = tune(-4, space=Int(-5, 5))
    epochs: int = tune(9, valid=Int(1, 1000))


def made(journal: Journal, study: Study, tuner: str, total: int = 1000) -> KerasTunerEngine:
    folder = journal.path.with_suffix(".keras_tuner")
    return KerasTunerEngine(journal, study.space, study.seed, tuner, total, folder)
