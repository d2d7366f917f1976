"""A stored model behind MLflow's scoring server, in this process: what may be sent, and what is said of mistakes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from dlcamp.requirements import requirements_of
from dlcamp.tracking.models import save_model
from tests.tracking.tiny_predictors import DigestCaptioner

JPEG = b"\xff\xd8 not really"
TEXT = base64.b64encode(JPEG).decode()
CAPTION = {"caption": DigestCaptioner("see").predict([JPEG])[0]}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of the server's app over a model of images."""
    import mlflow.pyfunc
    from fastapi.testclient import TestClient
    from mlflow.pyfunc import scoring_server

    folder = tmp_path_factory.mktemp("served") / "model"
    save_model(DigestCaptioner("see"), folder, example=JPEG, requirements=requirements_of("dlcamp.tracking.models"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")  # the server sets it and leaves it set
        yield TestClient(scoring_server.init(mlflow.pyfunc.load_model(str(folder))), raise_server_exceptions=False)


def ask(client: Any, body: object, kind: str = "application/json") -> tuple[int, dict[str, Any]]:
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    answer = client.post("/invocations", content=content, headers={"content-type": kind})
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": [{"image": TEXT}]},
        {"dataframe_split": {"columns": ["image"], "data": [[base64.encodebytes(JPEG).decode()]]}},
        {"inputs": [{"image": TEXT}]},
        {"inputs": {"image": [TEXT]}},
        {"inputs": [TEXT]},
        {"instances": [{"image": TEXT}]},
    ],
)
def test_every_form_of_request_that_mlflow_knows_is_answered(client: Any, body: object) -> None:
    assert ask(client, body) == (200, {"predictions": [CAPTION]})


def test_a_batch_is_answered_as_a_batch_and_csv_too(client: Any) -> None:
    assert ask(client, {"dataframe_records": [{"image": TEXT}] * 3})[1] == {"predictions": [CAPTION] * 3}
    assert ask(client, f"image\n{TEXT}\n", "text/csv")[1] == {"predictions": [CAPTION]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"dataframe_records": [{"image": TEXT}, {"image": base64.b64encode(b"junk").decode()}]}, "image 1 is neither"),
        ({"dataframe_records": [{"image": "no base64!"}]}, "send each image as the base64 text"),
        ({"dataframe_records": [{"image": f"data:image/jpeg;base64,{TEXT}"}]}, "leave that out"),
        ({"inputs": [{"image": f"data:image/png;base64,{TEXT}"}]}, "leave that out"),
        ({"inputs": [{"image": TEXT[:-1]}]}, "image 0 is neither JPEG nor PNG"),
        ({"dataframe_records": [{"image": ""}]}, "image 0 is empty"),
        ({"dataframe_records": [{"image": None}]}, "Failed to convert column image"),
        ({"dataframe_records": [{"photo": TEXT}]}, "missing inputs ['image']"),
        ({"dataframe_records": []}, "missing inputs ['image']"),
        ({"dataframe_split": {"columns": ["image"], "data": []}}, "there is no row to answer"),
        ({"image": TEXT}, "exactly one of the input fields"),
        ("", "valid JSON"),
    ],
)
def test_a_bad_request_is_a_400_with_a_message_and_no_traceback(client: Any, body: object, says: str) -> None:
    code, answer = ask(client, body)
    assert code == 400
    assert says in answer["message"]
    assert "stack_trace" not in answer
