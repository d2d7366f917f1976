"""How much each searched field matters for being among the better trials: PED-ANOVA.

Watanabe, Bansal & Hutter, IJCAI 2023: from the densities of a field's values in the better trials and in all.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial

import optuna

from dlcamp.experiment import Objective

FEWEST = 5


def importances(study: optuna.Study, objectives: Sequence[Objective]) -> dict[str, dict[str, float]]:
    """Objective's metric -> field -> share, the largest first; empty where too few trials have finished."""
    finished = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(finished) < FEWEST:
        return {}
    found = {}
    for index, objective in enumerate(objectives):
        if len({trial.values[index] for trial in finished}) < 2:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shares = optuna.importance.get_param_importances(
                study,
                evaluator=optuna.importance.PedAnovaImportanceEvaluator(),
                target=None if len(objectives) == 1 else partial(_value, index),
            )
        found[objective.metric] = dict(sorted(shares.items(), key=lambda item: -item[1]))
    return found


def _value(index: int, trial: optuna.trial.FrozenTrial) -> float:
    return float(trial.values[index])
