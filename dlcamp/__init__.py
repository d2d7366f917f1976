"""dlcamp: an experiment-tracking research workbench for deep learning.

The words an experiment needs; importing this loads nothing heavy.
"""

from dlcamp.config import Choice, ExperimentConfig, Float, Int, tune
from dlcamp.experiment import Claim, experiment, maximize, minimize

__all__ = ["Choice", "Claim", "ExperimentConfig", "Float", "Int", "experiment", "maximize", "minimize", "tune"]
