"""What stored models say of many inputs, and `make predict` from the shell: models of each kind, tiny and real."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dlcamp.cli.main import main
from dlcamp.errors import DataError, StoreError, UserError
from dlcamp.paths import REPOSITORY
from dlcamp.registry.inputs import Input, image_files
from dlcamp.registry.predict import Prediction, predictions, reference, stored
from dlcamp.requirements import requirements_of
from dlcamp.tracking import open_store
from dlcamp.tracking.models import client_of, log_model, model_folder, save_model
from dlcamp.tracking.protocol import Predictor, Store
from tests.tracking.tiny_predictors import DigestCaptioner, Shout, Sum

JPEG = b"\xff\xd8 not really"
IMAGES, ROWS, TEXTS = "caption_lstm-flickr8k", "purchase_odds-purchases", "shout-texts"


class Doubled(Sum):
    """Converts what it is given, as predictors do, and checks nothing."""

    def predict(self, inputs: Sequence[Mapping[str, Any]]) -> list[float]:
        return super().predict([{name: float(value) for name, value in row.items()} for row in inputs])


def register(store: Store, name: str, predictor: Predictor, example: Any, folder: Path) -> str:
    """A champion called `name`; the name of its run."""
    client = client_of(store)
    run = store.tracker.start(name.rpartition("-")[0], f"{name}-run", {"dlcamp.data": name.rpartition("-")[2]})
    save_model(predictor, folder, example=example, requirements=requirements_of("dlcamp.tracking.models"))
    model = log_model(store, run.id, folder, name="toy")
    run.tags({"dlcamp.model_id": model})
    run.end("FINISHED")
    client.create_registered_model(name)
    source = client.get_logged_model(model).artifact_location
    version = client.create_model_version(name, source, run.id, tags={"dlcamp.model_id": model}, model_id=model)
    client.set_registered_model_alias(name, "champion", version.version)
    return run.name


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, store_template: Path) -> Iterator[Store]:
    """A store with a champion of each kind; the one of texts has no experiment."""
    home = tmp_path_factory.mktemp("predict")
    (home / "mlruns").mkdir()
    shutil.copy(store_template, home / "mlruns/mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLCAMP_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store = open_store()
        register(store, IMAGES, DigestCaptioner("see"), JPEG, home / "images")
        register(store, ROWS, Sum({"age": 1.0, "income": 2.0}), {"age": 1, "income": 2}, home / "rows")
        register(store, TEXTS, Shout(), "hello", home / "texts")
        client_of(store).create_registered_model("purchase_odds-scenes")
        yield store


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three files, the second of which is no image."""
    for name, content in (("a.jpg", JPEG), ("b.png", b"junk"), ("c.jpg", JPEG + b"!")):
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "data", "version", "means"),
    [
        ("purchase_odds", None, None, f"{ROWS}@champion"),
        ("caption_lstm", "flickr8k", None, f"{IMAGES}@champion"),
        ("caption_lstm", "flickr8k", "1", f"models:/{IMAGES}/1"),
        (TEXTS, None, None, f"{TEXTS}@champion"),
        (TEXTS, None, "1", f"models:/{TEXTS}/1"),
        (f"{TEXTS}@challenger", None, None, f"{TEXTS}@challenger"),
        (f"models:/{TEXTS}/1", None, None, f"models:/{TEXTS}/1"),
    ],
)
def test_a_name_means_the_champion_unless_it_says_more(
    store: Store, name: str, data: str | None, version: str | None, means: str
) -> None:
    assert reference(store, REPOSITORY, name, data, version) == means


def test_a_run_may_be_named(store: Store) -> None:
    assert reference(store, REPOSITORY, f"{TEXTS}-run") == store.reader.run(f"{TEXTS}-run").id


@pytest.mark.parametrize(
    ("name", "data", "version", "says"),
    [
        ("caption_lstm", None, None, "no champion on scenes yet; make one: make register NAME=caption_lstm\n"
         "there is one on flickr8k: DATA=flickr8k"),
        ("caption_gru", "flickr8k", None, "make register NAME=caption_gru DATA=flickr8k"),
        ("caption_lstm", "flickr", None, "unknown data set for caption_lstm 'flickr'; did you mean 'flickr8k'"),
        ("image_features", None, None, "saves no model"),
        ("purchase_ods", None, None, "did you mean 'purchase_odds'"),
        ("purchase_odds-scenes", None, None, "has no champion; give VERSION=1"),
        (TEXTS, "scenes", None, "DATA=scenes goes with the name of an experiment"),
        (f"{TEXTS}@champion", None, "3", "VERSION=3 goes with the name of an experiment"),
        (f"{TEXTS}-run", "scenes", None, "is a run; leave it out"),
    ],
)  # fmt: skip
def test_a_name_that_means_no_model_says_what_to_do(
    store: Store, name: str, data: str | None, version: str | None, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        reference(store, REPOSITORY, name, data, version)


def test_a_stored_model_is_described_before_it_is_loaded(store: Store) -> None:
    with stored(store, f"{ROWS}@champion") as model:
        assert (model.kind, model.columns, model.outputs) == ("row", ("age", "income"), ("prediction",))
        assert model.run is not None
        assert model.run.name == f"{ROWS}-run"
    with stored(store, f"{TEXTS}@champion") as model:
        assert (model.kind, model.columns, model.outputs) == ("text", ("text",), ("shouted", "letters"))
    with pytest.raises(UserError, match="challenger"), stored(store, f"{TEXTS}@challenger"):
        pass


def test_inputs_are_answered_in_order_and_in_batches(store: Store, photos: Path) -> None:
    paths = [photos / "c.jpg", photos / "absent.jpg", photos / "b.png", photos / "a.jpg", photos / "c.jpg"]
    with stored(store, f"{IMAGES}@champion") as model:
        found = [list(predictions(model.load, image_files(paths), batch)) for batch in (1, 2, 64)]
    first, absent, junk, second, again = found[0]
    assert found[1:] == found[:1] * 2
    assert [first.output, second.output] == DigestCaptioner("see").predict([JPEG + b"!", JPEG])
    assert (first.error, again) == (None, first)
    assert absent == Prediction(str(paths[1]), error=f"cannot read {paths[1]}: No such file or directory")
    assert junk.name == str(paths[2])
    assert "neither JPEG nor PNG" in str(junk.error)


def test_a_model_is_loaded_once_and_only_when_an_input_can_be_read() -> None:
    def load() -> Predictor:
        loaded.append(1)
        return Shout()

    def bad() -> str:
        raise DataError("unreadable")

    loaded: list[int] = []
    assert [one.error for one in predictions(load, [Input("a", bad), Input("b", bad)], 1)] == ["unreadable"] * 2
    assert loaded == []
    assert [one.output for one in predictions(load, [Input("a", bad), *[Input("b", lambda: "x")] * 3], 1)][1] == {
        "shouted": "X",
        "letters": 1,
    }
    assert loaded == [1]


def test_an_input_that_a_models_code_trips_over_is_named_and_ends_no_other() -> None:
    rows: list[Any] = [{"age": 1}, {"age": "many"}, {"age": None}, {"age": 2}]
    inputs = [Input(f"row {place + 1}", lambda row=row: row) for place, row in enumerate(rows)]
    first, worded, empty, last = predictions(lambda: Doubled({"age": 2.0}), inputs)
    assert (first.output, last.output) == (2.0, 4.0)
    assert worded.error == "the model cannot take row 2: ValueError: could not convert string to float: 'many'"
    assert "cannot take row 3: TypeError" in str(empty.error)


def test_a_champion_whose_files_were_altered_does_not_speak(store: Store, tmp_path: Path) -> None:
    with stored(store, f"{TEXTS}@champion") as model, model_folder(store, f"models:/{TEXTS}@champion") as folder:
        file = folder / "artifacts/predictor/shout.json"
        file.write_text("{ }")
        with pytest.raises(StoreError, match="were altered since they were stored"):
            model.load()
        file.write_text("{}")
        model.load()


@pytest.fixture
def asked(store: Store, capsys: pytest.CaptureFixture[str]) -> Any:
    """`dlcamp predict VARIABLE=value ...`: exit code, stdout and stderr."""

    def ask(*arguments: str) -> tuple[int, str, str]:
        code = main(["predict", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return ask


def test_answers_go_to_stdout_and_what_cannot_be_read_to_stderr(asked: Any, photos: Path) -> None:
    code, out, err = asked("NAME=caption_lstm", "DATA=flickr8k", f"INPUT={photos}")
    captions = DigestCaptioner("see").predict([JPEG, JPEG + b"!"])
    assert code == 0
    assert out == f"{photos / 'a.jpg'}: {captions[0]}\n{photos / 'c.jpg'}: {captions[1]}\n"
    assert f"{IMAGES}@champion, run {IMAGES}-run, trained on flickr8k" in err
    assert "1 of 3 could not be answered" in err


def test_csv_and_json_hold_every_input_with_its_error(asked: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("age,income,id\n1,2,7\n1,many,8\n", "utf-8")
    given = ("NAME=purchase_odds", f"INPUT={tmp_path / 'rows.csv'}")
    error = f'row 2 of {tmp_path / "rows.csv"}: income must be a finite number, got "many"'
    code, out, err = asked(*given, "FORMAT=csv")
    assert code == 0
    assert "not looked at: id" in err
    assert list(csv.DictReader(io.StringIO(out))) == [
        {"input": "row 1", "prediction": "5.0", "error": ""},
        {"input": "row 2", "prediction": "", "error": error},
    ]
    assert json.loads(asked(*given, "FORMAT=json")[1]) == [
        {"input": "row 1", "prediction": 5.0, "error": None},
        {"input": "row 2", "prediction": None, "error": error},
    ]


def test_several_outputs_are_columns_and_stdin_is_read(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def typed(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    typed("one\nTWO\nthree\n")
    code, out, err = asked(f"NAME={TEXTS}", "INPUT=-")
    assert (code, out) == (0, "line 1: shouted ONE, letters 3\nline 3: shouted THREE, letters 5\n")
    assert "a text is shouted already" in err
    typed("one\nTWO\n")
    rows = json.loads(asked(f"NAME={TEXTS}", "INPUT=-", "FORMAT=json")[1])
    assert rows[0] == {"input": "line 1", "shouted": "ONE", "letters": 3, "error": None}


def test_nothing_that_can_be_answered_is_exit_code_2_and_still_valid_json(asked: Any, photos: Path) -> None:
    code, out, _ = asked(f"NAME={IMAGES}", f"INPUT={photos / 'b.png'}", "FORMAT=json")
    assert code == 2
    assert [row["caption"] for row in json.loads(out)] == [None]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["NAME=purchase_odds"], "predict needs INPUT="),
        (["NAME=purchase_odds", "INPUT=absent.csv"], "there is no file or folder absent.csv"),
        (["NAME=purchase_odds", "INPUT=[]", "FORMAT=xml"], "unknown FORMAT 'xml'"),
        (["NAME=purchase_odds", f"INPUT={REPOSITORY}"], "takes rows"),
        (["NAME=caption_lstm", f"INPUT={REPOSITORY}"], "make register NAME=caption_lstm"),
    ],
)
def test_mistakes_are_exit_code_2_and_print_nothing_on_stdout(asked: Any, arguments: list[str], says: str) -> None:
    code, out, err = asked(*arguments)
    assert (code, out) == (2, "")
    assert says in err


def test_without_a_store_it_says_what_to_do(fresh_home: Path, capsys: pytest.CaptureFixture[str], photos: Path) -> None:
    assert main(["predict", "NAME=caption_lstm", f"INPUT={photos}"]) == 2
    assert "there is no model yet" in capsys.readouterr().err
    assert not list(fresh_home.iterdir())
