"""The proof that a stored model works by itself: loaded in a new process, from its own files and its own code.

    with fresh_model(store, "models:/m-...") as model:
        captions = model.predict(images)

The process starts in an empty folder with the model's copy of the package first on its path (this very module is
run from that copy), loads the model through `mlflow.pyfunc.load_model` and answers until it is closed. `prove`
compares what it answers with what the run saved.
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from dlcamp.errors import RunFailed
from dlcamp.paths import REPOSITORY
from dlcamp.tracking.models import flavor_of, model_folder
from dlcamp.tracking.protocol import Store

BATCH = 64
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Difference:
    """One input on which the reloaded model answers otherwise: its place, what was expected, what came."""

    index: int
    expected: Any
    got: Any


@dataclass(frozen=True)
class Proof:
    """What came of reloading a model: `identical` of `n` outputs agree; `seconds` from start of process to the end."""

    n: int
    identical: int
    differing: list[Difference] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether every output agrees."""
        return self.identical == self.n

    def __str__(self) -> str:
        return f"reloaded in a new process, {self.identical:,}/{self.n:,} outputs identical"


def prove(
    store: Store, model: str, inputs: Sequence[Any], expected: Sequence[Any], *, timeout: float | None = None
) -> Proof:
    """Predict `inputs` with the stored model in a new process and compare with `expected`.

    Texts must be equal, numbers within 1e-6 (absolute).

    Args:
        model: id or `models:/` address.
        timeout: seconds for loading and predicting together; default ten minutes and two seconds an input.

    Raises:
        RunFailed: the model does not load or does not answer; holds the end of what the process wrote.
        ValueError: another number of inputs than of expected outputs.
    """
    if len(inputs) != len(expected):
        raise ValueError(f"{len(inputs)} inputs but {len(expected)} expected outputs")
    started = time.monotonic()
    seconds = 600.0 + 2 * len(inputs) if timeout is None else timeout
    with fresh_model(store, model, timeout=seconds) as fresh:
        got = fresh.predict(inputs)
    differing = [
        Difference(index, want, have)
        for index, (want, have) in enumerate(zip(expected, got, strict=True))
        if not agree(want, have)
    ]
    return Proof(len(inputs), len(inputs) - len(differing), differing, time.monotonic() - started)


def agree(expected: Any, got: Any) -> bool:
    """Whether two outputs are the same: texts equal, numbers within 1e-6 (NaN with NaN), mappings key by key."""
    if isinstance(expected, Mapping):
        return (
            isinstance(got, Mapping)
            and expected.keys() == got.keys()
            and all(agree(value, got[key]) for key, value in expected.items())
        )
    if isinstance(expected, str) or isinstance(got, str):
        return bool(expected == got)
    one, other = float(expected), float(got)
    return abs(one - other) <= TOLERANCE or one == other or (one != one and other != other)


class FreshModel:
    """A model at work in another process; made by `fresh_model`. Answers `predict` as its predictor would."""

    def __init__(self, process: subprocess.Popen[bytes], scratch: Path, deadline: float, kind: str) -> None:
        self.kind = kind
        self._process = process
        self._scratch = scratch
        self._deadline = deadline

    def predict(self, inputs: Sequence[Any]) -> list[Any]:
        """One output an input, in order.

        Raises:
            RunFailed: the process ended, failed on an input, or the time is over.
        """
        (self._scratch / "inputs.json").write_text(json.dumps([plain(value) for value in inputs]), "utf-8")
        self._ask("predict")
        outputs = json.loads((self._scratch / "outputs.json").read_text("utf-8"))
        if len(outputs) != len(inputs):
            raise RunFailed(f"the reloaded model gave {len(outputs)} outputs for {len(inputs)} inputs")
        return list(outputs)

    def code(self) -> Path:
        """The package whose code the process runs."""
        return Path(self._ask("code"))

    def _ask(self, question: str) -> str:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{question}\n".encode())
            self._process.stdin.flush()
        except OSError:
            self._fail(f"ended with code {self._process.wait()} before it answered")
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            if not waiting.select(max(0.0, self._deadline - time.monotonic())):
                self._fail("did not answer in time")
        line = self._process.stdout.readline().decode("utf-8")
        if not line:
            self._fail(f"ended with code {self._process.wait()}")
        word, _, rest = line.rstrip("\n").partition(" ")
        if word != "ok":
            self._fail(f"failed: {json.loads(rest)}")
        return str(json.loads(rest)) if rest else ""

    def _fail(self, what: str) -> NoReturn:
        wrote = (self._scratch / "stderr").read_text("utf-8", "replace").strip().splitlines()
        lines = "".join(f"\n  {line}" for line in wrote[-30:])
        raise RunFailed(f"the model reloaded in a new process {what}" + (f"; it wrote:{lines}" if lines else ""))


@contextmanager
def fresh_model(store: Store, model: str, *, timeout: float = 600.0) -> Iterator[FreshModel]:
    """Load a stored model in a process of its own; it ends with the block.

    Args:
        timeout: seconds from now until the last answer.

    Raises:
        RunFailed: the model does not load, or would run with other code than its own.
    """
    deadline = time.monotonic() + timeout
    with model_folder(store, model) as folder, tempfile.TemporaryDirectory(prefix="dlcamp-proof-") as scratch:
        with open(Path(scratch, "stderr"), "wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "dlcamp.tracking.proof", str(folder), scratch],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=scratch,
                env=_environment(folder / flavor_of(folder)["code"]),
            )
        fresh = FreshModel(process, Path(scratch), deadline, flavor_of(folder)["config"]["kind"])
        try:
            fresh._answer()
            code = fresh.code()
            if not code.resolve().is_relative_to(folder.resolve()):
                fresh._fail(f"runs the code in {code} instead of its own")
            yield fresh
        finally:
            process.kill()
            process.communicate()


def _environment(code: Path) -> dict[str, str]:
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    foreign = [path for path in paths if not Path(path).resolve().is_relative_to(REPOSITORY)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(code), *foreign]),
        "PYTHONDONTWRITEBYTECODE": "1",  # the store's copy stays as it was logged
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    }


def plain(value: Any) -> Any:
    """An input as JSON can hold it: bytes as base64, the numbers of a row as floats."""
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return {str(key): float(number) for key, number in value.items()}
    return value


def _serve(folder: Path, scratch: Path) -> None:
    """The other process: load, then answer the questions on stdin."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever libraries print must not look like an answer
    try:
        import mlflow.pyfunc

        model = mlflow.pyfunc.load_model(str(folder))
        kind = flavor_of(folder)["config"]["kind"]
        answers.write("ok\n")
        for line in sys.stdin:
            answers.write(f"ok {json.dumps(_reply(line.strip(), model, kind, scratch))}\n")
    except Exception as error:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        answers.write(f"failed {json.dumps(f'{type(error).__name__}: {error}')}\n")
        raise SystemExit(1) from None


def _reply(question: str, model: Any, kind: str, scratch: Path) -> str:
    import dlcamp

    if question == "code":
        return str(Path(dlcamp.__file__).parent)
    inputs = json.loads((scratch / "inputs.json").read_text("utf-8"))
    outputs: list[Any] = []
    for start in range(0, len(inputs), BATCH):
        outputs += _predict(model, kind, inputs[start : start + BATCH])
    (scratch / "outputs.json").write_text(json.dumps(outputs), "utf-8")
    return ""


def _predict(model: Any, kind: str, inputs: list[Any]) -> list[Any]:
    import pandas as pd

    if kind == "image":
        inputs = [base64.b64decode(value) for value in inputs]
    answer = model.predict(pd.DataFrame(inputs if kind == "row" else {kind: inputs}))
    # one declared output column is the output itself; several are a mapping
    rows = json.loads(json.dumps(answer.to_dict("records"), default=lambda value: value.item()))
    names = list(answer.columns)
    return [row[names[0]] for row in rows] if len(names) == 1 else rows


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), Path(sys.argv[2]))
