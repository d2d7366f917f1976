"""Weights in every form Keras has written are read into the same net; everything else is said to be what it is."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.applications.vgg16 import preprocess_input

from dlcamp.errors import DataError
from dlcamp.vision.vgg import vgg
from dlcamp.vision.vgg_files import load_vgg
from dlcamp.vision.vgg_table import configuration
from dlcamp.vision.vgg_weights import resolve
from tests.vision.vgg_forms import Arrays, arrays_of, as_taught, auto_names, exported_json, write_pair, write_published

pytestmark = pytest.mark.usefixtures("small_vggs")

SMALL = "small_vgg16"


@pytest.fixture(scope="module")
def taught() -> keras.Model:
    return as_taught(configuration("vgg16").narrowed(16), seed=1)


@pytest.fixture(scope="module")
def arrays(taught: keras.Model) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return arrays_of(taught)


@pytest.fixture(scope="module")
def expected(taught: keras.Model) -> dict[str, np.ndarray]:
    """What the net of the course gives at the three outputs, for a batch of noise."""
    prepared = preprocess_input(_noise().astype(np.float32))
    outputs = {"map": "block5_conv3", "pooled": "fc2", "logits": "predictions"}
    model = keras.Model(taught.input, [taught.get_layer(name).output for name in outputs.values()])
    return dict(zip(outputs, (values.numpy() for values in model(prepared)), strict=True))


def _noise() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)


def _loaded(path: Path, output: str = "pooled", name: str = SMALL) -> keras.Model:
    model = vgg(name, output, seed=None)
    load_vgg(model, resolve(name, str(path)), name, output)
    return model


def _written(form: str, folder: Path, taught: keras.Model, arrays: Arrays) -> Path:
    row = configuration(SMALL)
    match form:
        case "published":
            return write_published(folder / "weights.h5", arrays, keras_1=True)
        case "weights of Keras 2":
            return write_published(folder / "weights.h5", arrays)
        case "pair" | "pair, by its h5" | "pair, by its folder":
            path = write_pair(folder, row, arrays)
            return {"pair": path, "pair, by its h5": path.with_suffix(".h5")}.get(form, folder)
        case "pair without layer names":
            return write_pair(folder, row, arrays, renamed=True)
        case "weights of a net without layer names":
            return write_published(folder / "w.h5", {new: arrays[old] for old, new in auto_names(row).items()})
        case "model inside a model":
            with h5py.File(folder / "inner.h5", "w") as file:
                for layer, (kernel, bias) in arrays.items():
                    file[f"model_weights/vgg16/{layer}/kernel:0"] = kernel
                    file[f"model_weights/vgg16/{layer}/bias:0"] = bias
            return folder / "inner.h5"
        case "weights of Keras 3":
            taught.save_weights(folder / "x.weights.h5")
            return folder / "x.weights.h5"
        case "compressed archive":
            taught.save(folder / "stored.keras")
            packed = zipfile.ZipFile(folder / "x.keras", "w", zipfile.ZIP_DEFLATED)
            with zipfile.ZipFile(folder / "stored.keras") as old, packed as new:
                for item in old.namelist():
                    new.writestr(item, old.read(item))
            return folder / "x.keras"
        case _:
            taught.save(folder / f"x{form}")
            return folder / f"x{form}"


FORMS = [
    "published",
    "weights of Keras 2",
    "pair",
    "pair, by its h5",
    "pair, by its folder",
    "pair without layer names",
    "weights of a net without layer names",
    "model inside a model",
    "weights of Keras 3",
    ".keras",
    "compressed archive",
    ".h5",
]


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_weights_that_were_saved(
    form: str, tmp_path: Path, taught: keras.Model, arrays: Arrays
) -> None:
    model = _loaded(_written(form, tmp_path, taught, arrays))
    for layer in configuration(SMALL).kernel_shapes("pooled"):
        for found, saved in zip(model.get_layer(layer).get_weights(), arrays[layer], strict=True):
            np.testing.assert_array_equal(found, saved)


def test_the_loaded_net_gives_what_the_net_of_the_course_gives(
    tmp_path: Path, arrays: Arrays, expected: dict[str, np.ndarray]
) -> None:
    path = write_published(tmp_path / "weights.h5", arrays)
    for output in ("map", "pooled"):
        found = _loaded(path, output)(_noise()).numpy()
        np.testing.assert_allclose(found, expected[output], rtol=1e-3, atol=1e-4 * expected[output].max())
    probabilities = keras.ops.softmax(_loaded(path, "logits")(_noise()))
    np.testing.assert_allclose(probabilities, expected["logits"], rtol=1e-3, atol=1e-6)


def test_weights_that_dlcamp_itself_saved_are_read(tmp_path: Path) -> None:
    ours = vgg(SMALL, seed=2)
    ours.save(tmp_path / "ours.keras")
    for variable, again in zip(ours.weights, _loaded(tmp_path / "ours.keras", "logits").weights, strict=True):
        np.testing.assert_array_equal(variable, again)


def test_a_file_without_its_top_is_enough_for_the_map_only(tmp_path: Path, arrays: Arrays) -> None:
    notop = {name: pair for name, pair in arrays.items() if name.startswith("block")}
    path = write_published(tmp_path / "notop.h5", notop)
    assert _loaded(path, "map").get_layer("block5_conv3").bias.numpy().any()
    with pytest.raises(
        DataError, match=r"(?s)block1_conv1 to fc2 \(15 layers\).*small VGG16 without its dense.*lacks fc1, fc2"
    ):
        _loaded(path)


def test_another_number_of_classes_matters_to_the_logits_only(tmp_path: Path, arrays: Arrays) -> None:
    flowers = {**arrays, "predictions": (np.ones((256, 5), np.float32), np.ones(5, np.float32))}
    path = write_published(tmp_path / "flowers.h5", flowers)
    _loaded(path)
    with pytest.raises(DataError, match=r"predictions has the kernel \(256, 5\)"):
        _loaded(path, "logits")


@pytest.mark.parametrize("described", [False, True], ids=["h5 alone", "with its json"])
def test_a_vgg19_is_recognised_where_a_vgg16_was_asked_for(tmp_path: Path, described: bool) -> None:
    row = configuration("small_vgg19")
    other = arrays_of(as_taught(row))
    path = write_pair(tmp_path, row, other) if described else write_published(tmp_path / "w.h5", other)
    with pytest.raises(DataError, match=r"(?s)small VGG16.*small VGG19"):
        _loaded(path)
    assert _loaded(path, name="small_vgg19").get_layer("block5_conv4").bias.numpy().any()


def test_weights_of_another_width_are_told_with_both_shapes(tmp_path: Path) -> None:
    wide = arrays_of(as_taught(configuration("vgg16").narrowed(8)))
    path = write_published(tmp_path / "wide.h5", wide)
    with pytest.raises(DataError, match=r"\(3, 3, 3, 8\).*expected \(3, 3, 3, 4\)"):
        _loaded(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("random.h5", "signature"), ("cut.h5", "truncated"), ("empty.h5", "0 bytes"), ("text.keras", "not a zip")],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path: Path, arrays: Arrays, name: str, reason: str) -> None:
    path = tmp_path / name
    whole = write_published(tmp_path / "whole.h5", arrays).read_bytes()
    content = {"random.h5": np.random.default_rng(0).bytes(10_000), "cut.h5": whole[: len(whole) // 2]}
    path.write_bytes(content.get(name, b"" if name == "empty.h5" else b"hello"))
    with pytest.raises(DataError, match=f"(?s){path.name}.*{reason}"):
        _loaded(path)


def test_an_archive_without_weights_and_one_cut_short_are_named(tmp_path: Path, taught: keras.Model) -> None:
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    taught.save(tmp_path / "whole.keras")
    whole = (tmp_path / "whole.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    for name, reason in (("other.keras", "model.weights.h5"), ("cut.keras", "zip")):
        with pytest.raises(DataError, match=reason):
            _loaded(tmp_path / name)


def test_values_that_are_not_finite_are_refused(tmp_path: Path, arrays: Arrays) -> None:
    kernel, bias = (values.copy() for values in arrays["block3_conv2"])
    bias[3] = np.nan
    path = write_published(tmp_path / "nan.h5", {**arrays, "block3_conv2": (kernel, bias)})
    with pytest.raises(DataError, match=r"block3_conv2.*not finite"):
        _loaded(path)


def test_a_file_that_points_to_another_file_gets_nothing_from_it(tmp_path: Path, arrays: Arrays) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.ones(108, np.float32).tobytes())
    whole = write_published(tmp_path / "whole.h5", arrays)
    for name in ("external", "link"):
        path = write_published(tmp_path / f"{name}.h5", arrays)
        with h5py.File(path, "a") as file:
            place = "block1_conv1/block1_conv1/kernel:0"
            del file[place]
            if name == "external":
                file.create_dataset(place, (3, 3, 3, 4), "<f4", external=[(str(secret), 0, 432)])
            else:
                file[place] = h5py.ExternalLink(str(whole), place)
        with pytest.raises(DataError, match=r"another file|not a kernel"):
            _loaded(path)


def test_a_net_that_carries_code_is_refused_and_nothing_of_it_runs(tmp_path: Path, arrays: Arrays) -> None:
    content = exported_json(configuration(SMALL))
    content["config"]["layers"][5]["class_name"] = "Lambda"
    path = write_pair(tmp_path, configuration(SMALL), arrays)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"the kind Lambda \('block2_conv2'\).*not run"):
        _loaded(path)


@pytest.mark.parametrize(
    ("layer", "option", "value", "said"),
    [
        ("block2_conv1", "activation", "tanh", "activation of 'block2_conv1' is tanh, not relu"),
        ("block2_conv1", "padding", "valid", "padding of 'block2_conv1' is valid, not same"),
        ("block3_conv1", "dilation_rate", [2, 2], r"dilation_rate of 'block3_conv1' is \[2, 2\]"),
        ("block4_pool", "strides", [1, 1], "strides of 'block4_pool'"),
        ("fc1", "units", 77, "units of 'fc1' is 77, not 256"),
    ],
)
def test_a_json_that_differs_is_told_where(
    tmp_path: Path, arrays: Arrays, layer: str, option: str, value: object, said: str
) -> None:
    content = exported_json(configuration(SMALL))
    changed = next(entry for entry in content["config"]["layers"] if entry["name"] == layer)
    changed["config"][option] = value
    path = write_pair(tmp_path, configuration(SMALL), arrays)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=f"(?s)given as small VGG16, but {said}"):
        _loaded(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"config": 3}', "{" * 100_000, '{"config": {"layers": []}}', "nul"])
def test_a_json_that_describes_no_net_is_named(tmp_path: Path, arrays: Arrays, text: str) -> None:
    path = write_pair(tmp_path, configuration(SMALL), arrays)
    path.write_text(text)
    with pytest.raises(DataError, match=r"(?s)cannot read a net from .*vgg16_exported.*to_json"):
        _loaded(path)


def test_layers_that_form_no_chain_are_refused(tmp_path: Path, arrays: Arrays) -> None:
    content = exported_json(configuration(SMALL))
    content["config"]["layers"][5]["inbound_nodes"] = [[["block1_conv1", 0, 0, {}]]]
    path = write_pair(tmp_path, configuration(SMALL), arrays)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="'block2_conv2' is not fed by the one before it"):
        _loaded(path)


def test_the_words_of_the_first_keras_and_a_sequential_net_are_understood(tmp_path: Path, arrays: Arrays) -> None:
    entries = []
    for entry in exported_json(configuration(SMALL))["config"]["layers"][1:]:
        kind, old = entry["class_name"], dict(entry["config"])
        if kind == "Conv2D":
            old |= {"nb_filter": old.pop("filters"), "nb_row": 3, "nb_col": 3, "border_mode": old.pop("padding")}
            old |= {"subsample": old.pop("strides"), "dim_ordering": "tf", "bias": old.pop("use_bias")}
            del old["kernel_size"], old["data_format"], old["dilation_rate"]
            activation = {"class_name": "Activation", "config": {"name": "a", "activation": old.pop("activation")}}
            entries += [{"class_name": "Convolution2D", "config": {**old, "activation": "linear"}}, activation]
        else:
            entries.append({"class_name": kind, "config": old})
    path = write_pair(tmp_path, configuration(SMALL), arrays)
    path.write_text(json.dumps(json.dumps({"class_name": "Sequential", "config": entries})))
    np.testing.assert_array_equal(_loaded(path).get_layer("fc2").kernel, arrays["fc2"][0])


@pytest.mark.slow
def test_the_real_net_saved_as_keras_publishes_it_gives_what_keras_applications_gives(tmp_path: Path) -> None:
    theirs = keras.applications.VGG16(weights=None)
    path = write_published(tmp_path / "vgg16.h5", arrays_of(theirs), keras_1=True)
    assert path.stat().st_size == pytest.approx(553_467_096, rel=1e-3)
    inner = keras.Model(theirs.input, theirs.get_layer("fc2").output)
    expected = inner(preprocess_input(_noise().astype(np.float32))).numpy()
    found = _loaded(path, name="vgg16")(_noise()).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * expected.max())
