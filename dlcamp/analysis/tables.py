"""The runs of an experiment as a DataFrame: one row a seed, for whoever goes on in pandas.

dlcamp.table("regularizers").groupby("variant")["test/accuracy"].mean()
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.groups import Observation, newest, observations, of_newest_ablation
from dlcamp.errors import UnknownName
from dlcamp.paths import REPOSITORY

if TYPE_CHECKING:
    import pandas as pd

    from dlcamp.tracking.protocol import Reader

_BEFORE = ("experiment", "variant")
_AFTER = ("seed", "data", "preset", "kind", "status", "digest", "commit", "run", "name", "seconds")


def table(name: str, *, all: bool = False, reader: Reader | None = None) -> pd.DataFrame:
    """The runs of an experiment, a row a run, variants and seeds in order.

    Args:
        name: an experiment; one that only the store knows (runs of plain MLflow) is fine.
        all: every run, trials and repetitions too; else those of the newest ablation on each data set and preset,
            the newest run of each place and seed (a finished one where there is one).
        reader: where the runs are; default the store of `DLCAMP_HOME` or of `MLFLOW_TRACKING_URI`.

    Returns:
        Columns: experiment, variant, one an axis (numbers where all its values are), seed (missing where a run has
        none), data, preset, kind, status, digest ("" is unverified data), commit ("+" after it: files were changed),
        run (its id), name, seconds, and every final metric. Without runs: the fixed columns and no rows.

    Raises:
        UnknownName: neither an experiment's file nor a run has that name.
    """
    import pandas as pd

    reader = reader or _store()
    found = observations(reader, name, trials=all) if reader else []
    if not found and name not in (files := _files()):
        known = {*files, *(row.experiment for row in reader.runs())} if reader else files
        if name not in known:
            raise UnknownName("experiment", name, known, "see them all: make list")
    shown = found if all else newest(of_newest_ablation(found))
    chosen = sorted(shown, key=lambda one: (one.cell.place, one.cell.seed))
    axes = sorted({axis for one in chosen for axis in one.cell.axes})
    metrics = sorted({metric for one in chosen for metric in one.cell.metrics})
    columns = [*_BEFORE, *(_free(axis, "axis") for axis in axes), *_AFTER]
    values = [_free(metric, "metric", columns) for metric in metrics]
    frame = pd.DataFrame([_row(one, axes, metrics) for one in chosen], columns=columns + values)
    for axis in (_free(axis, "axis") for axis in axes):
        frame[axis] = _numbers(frame[axis])
    return frame.astype({"seed": "Int64", "seconds": "float64", **dict.fromkeys(values, "float64")})


def _row(one: Observation, axes: Sequence[str], metrics: Sequence[str]) -> list[Any]:
    cell = one.cell
    return [
        cell.experiment,
        cell.variant,
        *(cell.axes.get(axis) for axis in axes),
        cell.seed if one.seeded else None,
        cell.data,
        cell.preset,
        cell.kind,
        cell.status,
        cell.digest,
        cell.commit,
        cell.run,
        cell.name,
        cell.seconds if one.row.ended else None,
        *(cell.metrics.get(metric) for metric in metrics),
    ]


def _free(name: str, kind: str, taken: Iterable[str] = ()) -> str:
    """The column's name; `metric/seed` where a plain MLflow run calls a metric like a column."""
    return f"{kind}/{name}" if name in {*_BEFORE, *_AFTER, *taken} else name


def _numbers(values: pd.Series) -> pd.Series:
    """An axis as numbers, where every value is one."""
    import pandas as pd

    try:
        return pd.to_numeric(values)
    except (ValueError, TypeError):
        return values


def _store() -> Reader | None:
    from dlcamp.tracking import open_existing_store

    store = open_existing_store()
    return store.reader if store else None


def _files() -> set[str]:
    """Names of the experiments' files."""
    return {path.stem for path in (REPOSITORY / "experiments").glob("*/*.py") if not path.name.startswith("_")}
