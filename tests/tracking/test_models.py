"""Models: saved from code, logged, loaded anywhere, and proven in a process of their own."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from dlcamp.errors import RunFailed, StoreError, UserError
from dlcamp.requirements import requirements_of
from dlcamp.tracking import MemoryTracker, open_store
from dlcamp.tracking.models import (
    FILES_TAG,
    client_of,
    files_digest,
    load_model,
    log_model,
    model_folder,
    model_id,
    save_model,
    snapshot,
)
from dlcamp.tracking.proof import agree, fresh_model, prove
from dlcamp.tracking.protocol import Predictor, Store
from tests.mlflow_server import MlflowServer
from tests.tracking.tiny_predictors import Broken, DigestCaptioner, Moody, Sum

REQUIREMENTS = requirements_of("dlcamp.tracking.models")
JPEG = b"\xff\xd8 not really"
ROWS = [{"a": float(number), "b": number / 3} for number in range(5)]


@pytest.fixture
def store(store_home: Path) -> Store:
    return open_store(store_home)


def logged(store: Store, predictor: Predictor, example: Any, folder: Path) -> str:
    run = store.tracker.start("toy", "toy-1")
    save_model(predictor, folder, example=example, requirements=REQUIREMENTS)
    model = log_model(store, run.id, folder, name="toy")
    run.end("FINISHED")
    return model


def test_a_logged_model_is_ready_and_linked_to_its_run(store: Store, tmp_path: Path) -> None:
    model = logged(store, Sum({"a": 1.0}), {"a": 1}, tmp_path / "model")
    stored = client_of(store).get_logged_model(model)
    run = client_of(store).get_run(stored.source_run_id)
    assert stored.status == "READY"
    assert [output.model_id for output in run.outputs.model_outputs] == [model]


def test_all_files_of_a_stored_model_are_digested_but_those_that_are_added_later(store: Store, tmp_path: Path) -> None:
    model = logged(store, Sum({"a": 1.0}), {"a": 1}, tmp_path / "model")
    recorded = client_of(store).get_logged_model(model).tags[FILES_TAG]
    with model_folder(store, model) as folder:
        assert files_digest(folder) == recorded
        for later in ("judged/rows.json", "verdict-1.json", "model_card.md", "registered_model_meta"):
            (folder / later).parent.mkdir(exist_ok=True)
            (folder / later).write_text("later", "utf-8")
        (folder / "code/__pycache__").mkdir()
        (folder / "code/__pycache__/own.pyc").write_bytes(b"later")
        assert files_digest(folder) == recorded
        for part in ("MLmodel", "conda.yaml", "input_example.json", "code/model_card.md"):
            before = (folder / part).read_bytes() if (folder / part).exists() else None
            (folder / part).write_bytes((before or b"") + b" ")
            assert files_digest(folder) != recorded, part
            (folder / part).unlink() if before is None else (folder / part).write_bytes(before)
        assert files_digest(folder) == recorded


def test_a_loaded_model_answers_as_the_saved_one(store: Store, tmp_path: Path) -> None:
    model = logged(store, DigestCaptioner("see"), JPEG, tmp_path / "model")
    assert load_model(store, f"models:/{model}").predict([JPEG]) == DigestCaptioner("see").predict([JPEG])


def test_a_saved_model_holds_code_without_bytecode_and_no_pickle(tmp_path: Path) -> None:
    save_model(Sum({"a": 1.0}), tmp_path / "model", example={"a": 1}, requirements=REQUIREMENTS)
    names = [str(path.relative_to(tmp_path / "model")) for path in (tmp_path / "model").rglob("*")]
    assert "code/dlcamp/tracking/proof.py" in names
    assert "code/tests/tracking/tiny_predictors.py" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pkl", ".pyc"))]


def test_requirements_are_exact_versions_of_what_the_module_imports() -> None:
    from importlib.metadata import version

    found = requirements_of("dlcamp.captioning.predictor")
    assert f"tensorflow=={version('tensorflow')}" in found
    assert f"mlflow=={version('mlflow')}" in found
    assert all(line.count("==") == 1 for line in found)
    assert not [line for line in found if line.startswith(("dlcamp", "pytest"))]


def test_the_packages_of_a_row_model_hold_no_tensorflow() -> None:
    assert not [line for line in requirements_of("dlcamp.training.linear") if line.startswith("tensorflow")]


@pytest.fixture(scope="module")
def image_model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import mlflow.pyfunc

    folder = tmp_path_factory.mktemp("pyfunc") / "model"
    save_model(DigestCaptioner("see"), folder, example=JPEG, requirements=REQUIREMENTS)
    return mlflow.pyfunc.load_model(str(folder))


@pytest.fixture(scope="module")
def row_model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import mlflow.pyfunc

    folder = tmp_path_factory.mktemp("pyfunc") / "model"
    save_model(Sum({"a": 1.0, "b": 2.0}), folder, example={"a": 1, "b": 2}, requirements=REQUIREMENTS)
    return mlflow.pyfunc.load_model(str(folder))


@pytest.mark.parametrize("image", [JPEG, base64.b64encode(JPEG).decode(), base64.encodebytes(JPEG).decode()])
def test_an_image_is_bytes_or_base64_text(image_model: Any, image: bytes | str) -> None:
    import pandas as pd

    answer = image_model.predict(pd.DataFrame({"image": [image]}))
    assert answer["caption"].tolist() == DigestCaptioner("see").predict([JPEG])


def test_json_as_mlflow_serves_it_is_understood(image_model: Any) -> None:
    from mlflow.pyfunc.scoring_server import infer_and_parse_data

    served = {"dataframe_split": {"columns": ["image"], "data": [[base64.b64encode(JPEG).decode()]]}}
    frame = infer_and_parse_data(served, schema=image_model.metadata.get_input_schema())
    assert image_model.predict(frame)["caption"].tolist() == DigestCaptioner("see").predict([JPEG])


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("image", b"GIF89a", "image 0 is neither JPEG nor PNG"),
        ("image", "no base64!", "not base64"),
        ("image", 3, "Can not safely convert"),
        ("photo", JPEG, "missing inputs"),
    ],
)
def test_a_bad_image_is_an_mlflow_exception_with_a_message(
    image_model: Any, column: str, value: Any, says: str
) -> None:
    import pandas as pd
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=says) as caught:
        image_model.predict(pd.DataFrame({column: [value]}))
    assert caught.value.get_http_status_code() == 400


def test_rows_are_numbers_and_whole_ones_when_served_as_json(row_model: Any) -> None:
    import pandas as pd
    from mlflow.pyfunc.scoring_server import infer_and_parse_data

    assert row_model.predict(pd.DataFrame({"a": [1.0, 2.0], "b": [0.5, 1.5]}))["prediction"].tolist() == [2.0, 5.0]
    served = {"dataframe_records": [{"a": 1, "b": 2}]}
    frame = infer_and_parse_data(served, schema=row_model.metadata.get_input_schema())
    assert row_model.predict(frame)["prediction"].tolist() == [5.0]


@pytest.mark.parametrize(
    ("row", "says"),
    [({"a": 1.0}, "missing inputs"), ({"a": "x", "b": 1.0}, "convert"), ({"a": float("nan"), "b": 1.0}, "finite")],
)
def test_a_bad_row_is_an_mlflow_exception_with_a_message(row_model: Any, row: dict[str, Any], says: str) -> None:
    import pandas as pd
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=says):
        row_model.predict(pd.DataFrame([row]))


def test_a_row_model_without_example_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give one as example"):
        save_model(Sum({"a": 1.0}), tmp_path / "model", example=None, requirements=REQUIREMENTS)


def test_a_store_in_memory_keeps_no_models(tmp_path: Path) -> None:
    class Memory:
        uri = "memory:"
        tracker = reader = MemoryTracker

    with pytest.raises(StoreError, match="keeps no models"):
        load_model(Memory(), "m-1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address", ["m-00000000000000000000000000000000", "models:/nothing@champion", "models:/nothing/1"]
)
def test_an_address_without_a_model_is_named(store: Store, address: str) -> None:
    with pytest.raises(UserError, match="there is no model"):
        model_id(store, address)


def test_a_proof_runs_the_models_own_code_in_another_process(store: Store, tmp_path: Path) -> None:
    images = [JPEG + bytes([number]) for number in range(100)]
    model = logged(store, DigestCaptioner("see"), JPEG, tmp_path / "model")
    with model_folder(store, model) as folder, fresh_model(store, model) as fresh:
        assert fresh.code() == folder / "code/dlcamp"
        assert fresh.predict(images) == DigestCaptioner("see").predict(images)
        assert fresh.predict(images[:1]) == DigestCaptioner("see").predict(images[:1])
    assert not list(folder.rglob("__pycache__"))


def test_a_proof_counts_what_differs(store: Store, tmp_path: Path) -> None:
    model = logged(store, Sum({"a": 1.0, "b": 1.0}), ROWS[0], tmp_path / "model")
    expected = Sum({"a": 1.0, "b": 1.0}).predict(ROWS)
    expected[3] += 1e-3
    expected[4] += 1e-8
    proof = prove(store, model, ROWS, expected)
    assert (proof.n, proof.identical, proof.holds) == (5, 4, False)
    assert [one.index for one in proof.differing] == [3]


def test_a_model_that_answers_otherwise_in_a_new_process_is_found_out(store: Store, tmp_path: Path) -> None:
    model = logged(store, Moody({"a": 1.0}), {"a": 1}, tmp_path / "model")
    assert prove(store, model, ROWS, Moody({"a": 1.0}).predict(ROWS)).identical == 0


def test_a_model_that_does_not_load_shows_why(store: Store, tmp_path: Path) -> None:
    model = logged(store, Broken({"a": 1.0}), {"a": 1}, tmp_path / "model")
    with pytest.raises(RunFailed, match="the weights are gone") as caught:
        prove(store, model, ROWS, [0.0] * 5)
    assert "tiny_predictors.py" in str(caught.value)


def test_a_bad_input_fails_the_proof_with_its_message(store: Store, tmp_path: Path) -> None:
    model = logged(store, DigestCaptioner("see"), JPEG, tmp_path / "model")
    with pytest.raises(RunFailed, match="neither JPEG nor PNG"):
        prove(store, model, [b"junk"], ["see"])


def test_a_proof_that_takes_too_long_ends(store: Store, tmp_path: Path) -> None:
    model = logged(store, Sum({"a": 1.0}), {"a": 1}, tmp_path / "model")
    with pytest.raises(RunFailed, match="did not answer in time"):
        prove(store, model, ROWS, [0.0] * 5, timeout=0.05)


def test_files_that_are_gone_are_named(store: Store, tmp_path: Path) -> None:
    model = logged(store, Sum({"a": 1.0}), {"a": 1}, tmp_path / "model")
    with model_folder(store, model) as folder:
        (folder / "MLmodel").unlink()
    with pytest.raises(StoreError, match="no MLmodel file"):
        load_model(store, model)


def test_outputs_agree_by_text_number_and_key() -> None:
    assert agree("a cat", "a cat")
    assert not agree("a cat", "a  cat")
    assert agree(float("nan"), float("nan"))
    assert agree({"label": "x", "p": 0.5}, {"p": 0.5 + 1e-9, "label": "x"})
    assert not agree({"label": "x", "p": 0.5}, {"label": "x"})
    assert not agree(1.0, "1.0")


@pytest.fixture
def server_store(mlflow_server: MlflowServer, fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    return open_store(fresh_home)


def test_a_model_on_a_server_is_stored_fetched_and_proven(server_store: Store, tmp_path: Path) -> None:
    model = logged(server_store, Sum({"a": 1.0, "b": 1.0}), ROWS[0], tmp_path / "model")
    stored = client_of(server_store).get_logged_model(model)
    assert stored.artifact_location.startswith("mlflow-artifacts:")
    with model_folder(server_store, model) as folder:
        assert files_digest(folder) == stored.tags[FILES_TAG]
    assert prove(server_store, model, ROWS, Sum({"a": 1.0, "b": 1.0}).predict(ROWS)).holds


def test_a_model_carries_the_code_of_the_snapshot_it_is_given(tmp_path: Path) -> None:
    package = snapshot(tmp_path / "before")
    (package / "mark.py").write_text("MARK = 1\n", "utf-8")
    save_model(Sum({"a": 1.0}), tmp_path / "model", example={"a": 1}, requirements=REQUIREMENTS, package=package)
    assert (tmp_path / "model" / "code" / "dlcamp" / "mark.py").exists()
    assert (tmp_path / "model" / "code" / "dlcamp" / "runner.py").exists()
    assert not list((tmp_path / "model" / "code").rglob("__pycache__"))
