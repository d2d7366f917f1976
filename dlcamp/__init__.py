"""dlcamp: an experiment-tracking research workbench for deep learning.

The words an experiment needs; importing this loads nothing heavy. `dlcamp.table(name)` gives the runs of an
experiment as a DataFrame.
"""

from typing import Any

from dlcamp.comparison import Comparison, Contrast
from dlcamp.config import ExperimentConfig, tune
from dlcamp.experiment import Claim, experiment, maximize, minimize
from dlcamp.model_ref import ModelRef
from dlcamp.spaces import Choice, Float, Int

__all__ = [
    "Choice",
    "Claim",
    "Comparison",
    "Contrast",
    "ExperimentConfig",
    "Float",
    "Int",
    "ModelRef",
    "experiment",
    "maximize",
    "minimize",
    "table",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name == "table":
        from dlcamp.analysis.tables import table

        return table
    raise AttributeError(f"module 'dlcamp' has no attribute {name!r}")
