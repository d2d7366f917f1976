"""The classifier: the net's own answers without TensorFlow, plain files, bad input, scores."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlcamp.data.cut import Cut
from dlcamp.data.digits import Part
from dlcamp.errors import DataError
from dlcamp.nets.classifier import ACTIVATIONS, Classifier, pixel_names, score
from dlcamp.nets.dense import classifier_of, dense_net, he_normal
from dlcamp.paths import REPOSITORY

X = np.random.default_rng(0).normal(size=(20, 9)).astype("float32")
NAMES = pixel_names(9)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return classifier_of(dense_net(9, (8, 7), 4, kernel=he_normal(0)), NAMES, range(4))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_logits_are_those_of_the_keras_model(activation: str) -> None:
    model = dense_net(9, (8, 7), 4, kernel=he_normal(2), activation=activation)
    model.set_weights([np.random.default_rng(1).normal(size=w.shape) for w in model.get_weights()])
    found = classifier_of(model, NAMES, range(4))
    assert found.logits(X) == pytest.approx(np.asarray(model(X)), abs=1e-4)
    assert found.parameters == model.count_params()


def test_a_prediction_is_the_likeliest_class_with_its_probability(classifier: Classifier) -> None:
    said = classifier.predict(classifier.rows(X))
    p = np.exp(classifier.log_probabilities(X))
    assert p.sum(axis=1) == pytest.approx(np.ones(20))
    assert [one["class"] for one in said] == p.argmax(axis=1).tolist()
    assert [one["probability"] for one in said] == pytest.approx(p.max(axis=1))
    assert classifier.predict([]) == []


def test_huge_logits_overflow_nothing(classifier: Classifier) -> None:
    found = classifier.log_probabilities(X * 1e6)
    assert np.isfinite(found.max(axis=1)).all()


def test_it_is_saved_as_plain_files_and_answers_the_same_to_the_bit(classifier: Classifier, tmp_path: Path) -> None:
    classifier.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["classifier.json", "weights.safetensors"]
    assert Classifier.load(tmp_path).predict(classifier.rows(X)) == classifier.predict(classifier.rows(X))


@pytest.mark.parametrize("damage", ["classifier.json", "weights.safetensors", "missing", "another net", "activation"])
def test_damaged_files_are_refused(damage: str, classifier: Classifier, tmp_path: Path) -> None:
    classifier.save(tmp_path)
    about = json.loads((tmp_path / "classifier.json").read_text())
    if damage == "missing":
        (tmp_path / "weights.safetensors").unlink()
    elif damage in ("another net", "activation"):
        about |= {"activation": "softsign"} if damage == "activation" else {"features": ["x"]}
        (tmp_path / "classifier.json").write_text(json.dumps(about))
    else:
        (tmp_path / damage).write_bytes(b"{")
    with pytest.raises(DataError):
        Classifier.load(tmp_path)


@pytest.mark.parametrize(
    ("row", "said"),
    [({}, "pixel_0_0 to pixel_2_2"), ({"pixel_1_1": "black"}, "not a number"), ({"pixel_1_1": float("nan")}, "finite")],
)
def test_a_row_that_is_no_image_is_refused(row: dict[str, object], said: str, classifier: Classifier) -> None:
    full = dict.fromkeys(NAMES, 0.5) | row if row else {"pixel_0_0": 1.0}
    with pytest.raises(DataError, match=said):
        classifier.predict([full])  # type: ignore[list-item]


def test_an_activation_it_does_not_know_is_refused() -> None:
    with pytest.raises(DataError, match="'softsign' cannot be served"):
        classifier_of(dense_net(9, (8,), 4, kernel=he_normal(0), activation="softsign"), NAMES, range(4))


def test_classes_must_fit_the_logits() -> None:
    with pytest.raises(DataError, match="4 logits for 3 classes"):
        classifier_of(dense_net(9, (8,), 4, kernel=he_normal(0)), NAMES, range(3))


def test_sparsity_is_the_share_of_small_weights_of_the_kernels() -> None:
    kernel = np.array([[0.5, 0.0005], [0.0, -0.0009]])
    found = Classifier(["a", "b"], [0, 1], "relu", [(kernel, np.zeros(2))])
    assert found.sparsity() == 0.75
    assert found.sparsity(0.0001) == 0.25


def test_pixels_are_named_row_by_row_and_only_squares_have_names() -> None:
    assert pixel_names(4) == ("pixel_0_0", "pixel_0_1", "pixel_1_0", "pixel_1_1")
    with pytest.raises(DataError, match="5 pixels"):
        pixel_names(5)


def test_scores_are_one_row_an_image_and_their_means(classifier: Classifier) -> None:
    part = Part(X, np.arange(20) % 4)
    parts = Cut(part, part, part, {"train": "toy train", "val": "toy val", "test": "toy test"})
    rows, totals = score(classifier, parts, "test")
    assert [row["item"] for row in rows[:2]] == ["toy test 00000", "toy test 00001"]
    assert all(row["correct"] == int(row["output"] == row["label"]) for row in rows)
    assert totals["test/accuracy"] == pytest.approx(np.mean([row["correct"] for row in rows]))
    expected = -classifier.log_probabilities(X)[np.arange(20), part.y]
    assert [row["loss"] for row in rows] == pytest.approx(expected)
    assert totals["test/loss"] == pytest.approx(expected.mean())
    few, _ = score(classifier, parts, "train", 5)
    assert len(few) == 5


def test_loading_and_asking_it_needs_no_tensorflow(classifier: Classifier, tmp_path: Path) -> None:
    classifier.save(tmp_path)
    program = (
        "import sys; from pathlib import Path; from dlcamp.nets.classifier import Classifier; "
        f"c = Classifier.load(Path({str(tmp_path)!r})); c.predict([dict.fromkeys(c.features, 0.5)]); "
        "sys.exit(bool({'tensorflow', 'keras'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False).returncode == 0
