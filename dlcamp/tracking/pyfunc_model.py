"""The script inside every saved model: MLflow runs it to get a pyfunc ("models from code", no pickle).

It loads the predictor that `models.save_model` wrote beside it and translates MLflow's data frames into the
predictor's inputs and back. It also runs on machines that know nothing of dlcamp, from the copy of the code in
the model; whatever is wrong with an input comes back as an MlflowException with a plain message, because
`mlflow models serve` would answer anything else with a stack trace. A batch is answered whole or not at all: one bad
row is named and refuses the others with it.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from dlcamp.errors import DlcampError
from dlcamp.references import follow

_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]+={0,2}\s*")
_DATA_URL = (b"data:", base64.b64decode("dataimag"))
"""What "data:image/jpeg;base64,..." begins with, also after MLflow has decoded it, which passes over other signs."""
_SEND = 'send each image as the base64 text of a JPEG or PNG file: {"dataframe_records": [{"image": "..."}]}'


class PyfuncPredictor(PythonModel):  # type: ignore[misc]
    """A dlcamp predictor as an MLflow pyfunc: data frame in, data frame out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the predictor from the model's files."""
        description = context.model_config
        self.kind = str(description["kind"])
        self.output = str(description["output"])
        self.predictor = follow(description["predictor"]).load(Path(context.artifacts["predictor"]))
        # a server asks from several threads; a net that is being compiled is not to be asked again meanwhile
        self.one_at_a_time = threading.Lock()

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """One output row for each input row.

        Args:
            model_input: a column `image` (bytes of an encoded image, or base64 text), a column `text`, or one
                column of numbers for each name in the signature.

        Raises:
            MlflowException: no row, or one that is not such an input (400 when served), or a fault of the model (500).
        """
        inputs = to_inputs(self.kind, model_input)
        try:
            with self.one_at_a_time:
                outputs = self.predictor.predict(inputs)
        except DlcampError as error:
            to_do = f"\n{_SEND}" if self.kind == "image" else ""
            raise MlflowException(f"{error}{to_do}", error_code=INVALID_PARAMETER_VALUE) from None
        except Exception as error:
            message = f"the model failed on this input: {type(error).__name__}: {error}"
            raise MlflowException(message, error_code=INTERNAL_ERROR) from error
        return to_frame(outputs, self.output)


def to_inputs(kind: str, frame: pd.DataFrame) -> list[Any]:
    """A data frame's rows as a predictor of that kind takes them.

    Raises:
        MlflowException: there is no row, a column is missing, or a row holds something else.
    """
    if not len(frame):
        raise _bad(f"there is no row to answer; at least one {kind} is needed")
    if kind == "row":
        return [_row(number, row) for number, row in enumerate(frame.to_dict("records"))]
    if kind not in frame.columns:
        raise _bad(f"a column {kind!r} is needed, got: {', '.join(map(str, frame.columns)) or 'none'}")
    read = _image if kind == "image" else _text
    return [read(number, value) for number, value in enumerate(frame[kind])]


def to_frame(outputs: Sequence[Any], name: str) -> pd.DataFrame:
    """A predictor's outputs as a data frame: a column for each key, or one column `name` when they are no mappings."""
    if outputs and isinstance(outputs[0], Mapping):
        return pd.DataFrame(list(outputs))
    return pd.DataFrame({name: list(outputs)})


def _image(number: int, value: Any) -> bytes:
    """The bytes of an image file. MLflow decodes base64 in data frames itself, but not under "inputs"."""
    if not isinstance(value, (str, bytes, bytearray, memoryview)):
        raise _bad(f"image {number} must be the bytes of a JPEG or PNG file, or these as base64 text", value)
    content = value.encode() if isinstance(value, str) else bytes(value)
    if content.startswith(_DATA_URL):
        raise _bad(f'image {number} begins with "data:image/...;base64,": leave that out; {_SEND}')
    try:
        if not _BASE64.fullmatch(content):
            raise binascii.Error("other signs than base64 has")
        content = base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error as error:
        if isinstance(value, str):
            raise _bad(f"image {number} is text but not base64 ({error}); {_SEND}", value) from None
    if not content:
        raise _bad(f"image {number} is empty; {_SEND}")
    return content


def _text(number: int, value: Any) -> str:
    if not isinstance(value, str):
        raise _bad(f"text {number} must be text", value)
    return value


def _row(number: int, row: Mapping[Any, Any]) -> dict[str, float]:
    for name, value in row.items():
        if isinstance(value, (str, bytes)) or not math.isfinite(value):
            raise _bad(f"row {number}: {name} must be a finite number", value)
    return {str(name): value for name, value in row.items()}


def _bad(message: str, value: Any = None) -> MlflowException:
    shown = "" if value is None else f", got {type(value).__name__} {str(value)[:40]!r}"
    return MlflowException(message + shown, error_code=INVALID_PARAMETER_VALUE)


mlflow.models.set_model(PyfuncPredictor())
