"""The model of a run: logged with everything it needs, and proven to answer the same in a new process.

A run of its own does both as it ends; a parent does them for its best child, when that is known (`held_models.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcamp.errors import RunFailed
from dlcamp.experiment import Experiment
from dlcamp.references import module_of
from dlcamp.requirements import requirements_of

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun
    from dlcamp.tracking.proof import Proof
    from dlcamp.tracking.protocol import Store


def log_predictor(
    store: Store,
    run_id: str,
    predictor: Any,
    folder: Path,
    *,
    name: str,
    requirements: Sequence[str],
    example: Any,
    package: Path,
) -> str:
    """Save a predictor as a model and log it on a run; the model's id.

    Args:
        folder: where it is written meanwhile; what lay there is gone afterwards.
        package: a copy of the package, which goes into the model.
    """
    from dlcamp.tracking.models import log_model, save_model

    shutil.rmtree(folder, ignore_errors=True)
    save_model(predictor, folder, requirements=requirements, example=example, package=package)
    model_id = log_model(store, run_id, folder, name=name)
    shutil.rmtree(folder, ignore_errors=True)
    return model_id


def log_trained(store: Store, run: ActiveRun, experiment: Experiment, root: Path) -> str:
    """Log the model that a run has trained, with the package as it was when the run began; the model's id."""
    assert run.trained is not None
    return log_predictor(
        store,
        run.id,
        run.trained.predictor,
        run.folder / "model",
        name=experiment.name,
        requirements=requirements_of(module_of(str(experiment.predictor)), root),
        example=run.trained.inputs[0],
        package=run.folder / "code" / "dlcamp",
    )


def prove_trained(store: Store, run: ActiveRun, model_id: str) -> Proof:
    """Let a new process load the run's model and answer what the run answered.

    Raises:
        RunFailed: it gives other outputs.
    """
    from dlcamp.tracking.proof import prove

    assert run.trained is not None
    proof = prove(store, f"models:/{model_id}", run.trained.inputs, run.trained.outputs)
    run.tags({"dlcamp.proof": f"{proof.identical}/{proof.n}"})
    if not proof.holds:
        raise RunFailed(
            f"the model reloaded in a new process gives {proof.n - proof.identical} of {proof.n} other outputs;\n"
            + "\n".join(f"  {one.index}: {one.expected!r} became {one.got!r}" for one in proof.differing[:3])
        )
    return proof
