"""ActiveRun: what the body of an experiment holds as `run`. Everything rich is made here, of the few plain
things that a tracker knows, so that each tracker has it.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from dlcamp.errors import ConfigError, StoreError
from dlcamp.model_ref import ModelRef
from dlcamp.tracking.capture import captured_output
from dlcamp.tracking.limits import artifact_path
from dlcamp.tracking.progress import Progress, Terminal
from dlcamp.tracking.protocol import Predictor, TrackedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dlcamp.tracking.input_models import InputModels

OUTPUT = "output.log"
PREDICTIONS = "predictions.parquet"
_SPLIT_AND_NAME = re.compile(r"[^/]+(/[^/]+)+")


@dataclass(frozen=True)
class Trained:
    """What a body says it trained: the predictor, inputs that show it, and its outputs for them."""

    predictor: Predictor
    inputs: Sequence[Any]
    outputs: Sequence[Any]


class Watch(Protocol):
    """Who is told what a run reports while it runs; a search prunes by it, and the body knows nothing of it."""

    def begins(self, run_id: str) -> None:
        """The run is open; nothing was reported yet."""

    def reports(self, values: Mapping[str, float], step: int | None) -> None:
        """These metrics were logged; may raise `guards.Pruned` to give the run up."""


class ActiveRun:
    """An open run.

    Args:
        tracked: the run in its store.
        folder: scratch folder of this run, which survives a kill; checkpoints go to `folder / "checkpoint"`.
        resumed: whether the run goes on after an interruption.
        say: takes a line for the person; default a line on the terminal.
        terminal: where bars are drawn; default standard error.
        watch: is told what the run reports.
        models: the stored models that the run's config refers to.
    """

    def __init__(
        self,
        tracked: TrackedRun,
        folder: Path,
        resumed: bool = False,
        say: Callable[[str], None] | None = None,
        terminal: Terminal | None = None,
        watch: Watch | None = None,
        models: InputModels | None = None,
    ) -> None:
        self._tracked = tracked
        self._models = models
        self._watch = watch
        self._terminal = terminal or Terminal.standard()
        self._say = say or self._terminal.say
        self.folder = folder
        self.resumed = resumed
        self.trained: Trained | None = None

    @property
    def id(self) -> str:
        """The store's id of the run."""
        return self._tracked.id

    @property
    def name(self) -> str:
        """The run's name."""
        return self._tracked.name

    def params(self, values: Mapping[str, Any]) -> None:
        """Log params; they never change afterwards (ConfigError)."""
        self._tracked.params(values)

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags; a later value replaces an earlier."""
        self._tracked.tags(values)

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics, named `<split>/<name>`, at a step (an epoch; None: 0). ConfigError for another name."""
        for name in values:
            check_metric_name(name)
        self._tracked.metrics(values, step)
        if self._watch is not None:
            self._watch.reports(values, step)

    def final(self, values: Mapping[str, float], data: str = "", digest: str = "", model_id: str | None = None) -> None:
        """Log what the run ends with, about a data set and a model, as the last value of each metric."""
        for name in values:
            check_metric_name(name)
        self._tracked.final(values, data, digest, model_id or "")

    def dataset(self, name: str, digest: str, context: str = "") -> None:
        """Record a data set as an input of the run."""
        self._tracked.dataset(name, digest, context)

    def take_models(self, models: InputModels, data: str) -> None:
        """Log and say which stored models the run takes in; `data` is the run's own data set."""
        self.params(models.params())
        self._tracked.models(models.ids())
        self.tags(models.tags())
        for line in models.lines(data):
            self.say(line)

    def predictor(self, ref: ModelRef | None) -> Predictor:
        """The predictor of a stored model that a field of the config refers to: `run.predictor(config.start)`.

        It is loaded anew at each call, by the code of this process, and only when its files are what they were when
        the run began.

        Raises:
            ConfigError: no reference, or one that is not in the config.
            StoreError: the model's files were altered.
        """
        from dlcamp.tracking.input_models import InputModels

        return (self._models or InputModels()).predictor(ref)

    def artifact(self, path: Path, folder: str = "") -> None:
        """Store a file, or a folder with its name and all it holds, under `folder`; it may change afterwards."""
        self._tracked.artifact(Path(path), folder)

    def text(self, content: str, name: str) -> None:
        """Store text as an artifact; `name` may hold folders ("notes/summary.txt")."""
        with self._scratch(name) as path:
            path.write_text(content, encoding="utf-8")

    def figure(self, figure: Figure, name: str) -> None:
        """Store a matplotlib figure as PNG; the figure stays open."""
        with self._scratch(name if name.lower().endswith(".png") else f"{name}.png") as path:
            figure.savefig(path, format="png", dpi=120, bbox_inches="tight")

    def predictions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store `predictions.parquet`: one row an item, with what the columns say (item, output, statistics).

        Columns are those of all rows, in the order they first appear; a value a row lacks is null.
        """
        import pyarrow
        from pyarrow import parquet

        if not rows:
            raise ConfigError("predictions needs at least one row")
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = {}
        for name in names:
            try:
                columns[name] = pyarrow.array([row.get(name) for row in rows])
            except pyarrow.ArrowException as error:
                raise ConfigError(
                    f"predictions: column {name!r} mixes values that do not fit together: {error}"
                ) from error
        with self._scratch(PREDICTIONS) as path:
            parquet.write_table(pyarrow.table(columns), path)

    def model(self, predictor: Predictor, inputs: Sequence[Any] = (), outputs: Sequence[Any] | None = None) -> None:
        """Remember the trained predictor; the runner saves, logs and proves it.

        Args:
            predictor: raw input to output.
            inputs: raw inputs for which a reloaded copy must give the same outputs.
            outputs: the predictor's outputs for them; default it is asked now.
        """
        given = list(inputs)
        self.trained = Trained(predictor, given, predictor.predict(given) if outputs is None else list(outputs))

    def flush(self) -> None:
        """Return when everything given so far is stored: call before a checkpoint is written."""
        self._tracked.flush()

    def progress(self, total: int, what: str, unit: str) -> contextlib.AbstractContextManager[Progress]:
        """A live bar on the real terminal while the block runs: `with run.progress(...) as bar: bar.advance()`."""
        return self._terminal.progress(total, what, unit)

    def say(self, line: str) -> None:
        """A line for the person at the terminal."""
        self._say(line)

    @contextlib.contextmanager
    def captured_output(self) -> Iterator[None]:
        """While the block runs, stdout and stderr go into the artifact `output.log`; prints are shown too."""
        path = self.folder / OUTPUT
        try:
            with captured_output(path, self._terminal):
                yield
        except BaseException:
            with contextlib.suppress(StoreError):  # the body's own error says more
                self.artifact(path)
            raise
        self.artifact(path)

    def end(self, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
        """Store what is left and close the run."""
        self._tracked.end(status)

    @contextlib.contextmanager
    def _scratch(self, name: str) -> Iterator[Path]:
        """A path to write to; what lies there afterwards becomes the artifact `name`."""
        whole = Path(artifact_path(name))
        with tempfile.TemporaryDirectory(prefix="dlcamp-") as scratch:
            path = Path(scratch, whole.name)
            yield path
            self._tracked.artifact(path, "" if whole.parent == Path() else whole.parent.as_posix())


def check_metric_name(name: str) -> None:
    """ConfigError unless a metric is named `<split>/<name>`."""
    if not isinstance(name, str) or not _SPLIT_AND_NAME.fullmatch(name):
        raise ConfigError(
            f"metric {name!r} must be named <split>/<name>, like 'train/loss', 'val/accuracy', 'cost/seconds'"
        )
