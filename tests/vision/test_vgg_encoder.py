"""VGG as an encoder: what it is known by, the pixels it takes, and features through the cache."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from keras.applications.vgg16 import preprocess_input
from PIL import Image

from dlcamp.errors import ConfigError, DataError, UnknownName
from dlcamp.vision import choose, extract
from dlcamp.vision.encoder import Encoder
from dlcamp.vision.images import decode
from dlcamp.vision.pipeline import sample
from dlcamp.vision.store import FeatureStore
from dlcamp.vision.vgg import vgg
from dlcamp.vision.vgg_encoder import VggEncoder
from dlcamp.vision.vgg_table import configuration
from tests.vision.odd_images import READABLE, UNREADABLE
from tests.vision.vgg_forms import arrays_of, as_taught, write_pair, write_published

pytestmark = pytest.mark.usefixtures("small_vggs")

Photos = list[tuple[str, bytes]]
SMALL = "small_vgg16"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    arrays = arrays_of(as_taught(configuration("vgg16").narrowed(16), seed=7))
    return str(write_published(tmp_path_factory.mktemp("weights") / "small.h5", arrays))


def _small(weights: str, output: str = "pooled", **options: str) -> VggEncoder:
    return choose(SMALL, output, weights=weights, **{"precision": "float32", **options})


def test_the_published_nets_are_known_without_their_weights() -> None:
    encoder = choose("vgg16", "pooled", precision="float32")
    assert (encoder.name, encoder.size, encoder.shape, encoder.dtype) == ("vgg16", 224, (4096,), "float32")
    assert encoder.weights == "64373286793e3c8b2b4e3219cbf3544b"
    assert (choose("vgg19", "map").shape, choose("vgg19", "map").dtype) == ((14, 14, 512), "float16")


def test_everything_that_changes_a_feature_changes_the_key(weights: str, tmp_path: Path) -> None:
    other = write_published(tmp_path / "other.h5", arrays_of(as_taught(configuration(SMALL), seed=8)))
    encoders = [
        _small(weights),
        _small(weights, "map"),
        _small(weights, precision="mixed_bfloat16"),
        _small(weights, preprocessing="course"),
        _small(weights).mirrored(),
        _small(str(other)),
        replace(_small(weights), dtype="float16"),
        choose("vgg16", "pooled", precision="float32"),
        choose("vgg19", "pooled", precision="float32"),
    ]
    assert len({encoder.key for encoder in encoders}) == len(encoders)
    assert len({FeatureStore(tmp_path, encoder).folder for encoder in encoders}) == len(encoders)


def test_where_the_weights_lie_is_no_part_of_the_value(weights: str, tmp_path: Path) -> None:
    copy = shutil.copy(weights, tmp_path / "copy.h5")
    assert _small(weights) == _small(str(copy))
    assert _small(weights).key == _small(str(copy)).key


@pytest.mark.parametrize("preprocessing", ["own", "course"])
def test_a_description_goes_through_json_and_back(weights: str, preprocessing: str) -> None:
    encoder = _small(weights, "map", preprocessing=preprocessing)
    for one in (encoder, encoder.mirrored()):
        assert Encoder.restore(json.loads(json.dumps(one.describe()))) == one
    assert str(Path(weights).parent) not in json.dumps(encoder.describe())


def test_a_description_of_another_preprocessing_is_refused(weights: str) -> None:
    with pytest.raises(DataError, match="preprocessing"):
        Encoder.restore({**_small(weights).describe(), "preprocessing": "crop-bilinear-0-224-bgr-means"})
    with pytest.raises(UnknownName, match="vgg17"):
        Encoder.restore({**_small(weights).describe(), "name": "vgg17"})


def test_a_restored_encoder_says_that_it_knows_no_file(weights: str) -> None:
    restored = Encoder.restore(_small(weights).describe())
    assert not restored.available
    with pytest.raises(DataError, match="choose the encoder again with weights=PATH"):
        restored.ready()
    assert restored.network().output.shape[1:] == restored.shape


@pytest.mark.parametrize(
    ("name", "options", "error", "said"),
    [
        ("vgg11", {}, UnknownName, "lite0, lite1, lite2, small_vgg16, small_vgg19, vgg16, vgg19"),
        ("vgg16", {"output": "poled"}, UnknownName, "poled"),
        ("vgg16", {"preprocessing": "courses"}, UnknownName, "did you mean 'course'"),
        ("vgg16", {"weights": "/nowhere/vgg16.h5"}, DataError, "encoder=lite0 preprocessing=own"),
        (SMALL, {}, DataError, "no weights of small VGG16 are published"),
    ],
)
def test_a_choice_that_cannot_be_made_is_told(name: str, options: dict, error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        choose(name, **options)


def test_weights_that_changed_since_they_were_chosen_are_refused(weights: str, tmp_path: Path) -> None:
    path = Path(shutil.copy(weights, tmp_path / "mine.h5"))
    encoder = _small(str(path), output="map", precision="mixed_bfloat16")
    assert encoder.available
    encoder.ready()
    write_published(path, arrays_of(as_taught(configuration(SMALL), seed=9)))
    with pytest.raises(DataError, match="no longer those that were asked for"):
        encoder.load()


def test_an_unsettled_precision_has_no_key_and_no_model(weights: str) -> None:
    encoder = _small(weights, precision="auto")
    for ask in (lambda: encoder.key, lambda: encoder.model, lambda: encoder.load()):
        with pytest.raises(ConfigError, match="still 'auto'"):
            ask()


def _photo(width: int, height: int) -> tuple[Image.Image, bytes]:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))
    file = io.BytesIO()
    image.save(file, "PNG")
    return image, file.getvalue()


def test_the_features_are_those_of_the_course(weights: str) -> None:
    taught = as_taught(configuration(SMALL), seed=7)
    image, data = _photo(300, 200)
    array = np.asarray(image.resize((224, 224), Image.Resampling.NEAREST), np.float32)[None]
    inner = type(taught)(taught.input, taught.get_layer("fc2").output)
    found = _small(weights, preprocessing="course").encode([data])
    np.testing.assert_allclose(found, inner(preprocess_input(array)), rtol=1e-3, atol=1e-4 * found.max())


def test_a_pair_of_the_course_can_be_chosen_by_its_json(tmp_path: Path, photos: Photos, weights: str) -> None:
    arrays = arrays_of(as_taught(configuration(SMALL), seed=7))
    pair = write_pair(tmp_path, configuration(SMALL), arrays)
    images = [photos[0][1]]
    np.testing.assert_array_equal(_small(str(pair)).encode(images), _small(weights).encode(images))


@pytest.mark.parametrize(("output", "dtype"), [("pooled", np.float32), ("map", np.float16)])
def test_extraction_computes_once_and_equals_the_direct_encoding(
    tmp_path: Path, photos: Photos, weights: str, output: str, dtype: type
) -> None:
    encoder = _small(weights, output, preprocessing="course")
    features = extract(photos[:3], encoder, cache=tmp_path, batch=2)
    assert features.array.shape == (3, *encoder.shape)
    assert features.array.dtype == dtype
    expected = encoder.encode([data for _, data in photos[:3]])
    np.testing.assert_allclose(features.array, expected, rtol=2e-3, atol=1e-3 * float(expected.max()))
    again = extract(photos[:3], encoder, cache=tmp_path, batch=2)
    assert (again.from_cache, again.digest) == (3, features.digest)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("preprocessing", ["own", "course"])
def test_of_images_as_they_come_only_those_that_cannot_be_read_are_skipped(
    tmp_path: Path, weights: str, preprocessing: str
) -> None:
    files = {name: data for table in (READABLE, UNREADABLE) for name, (data, *_) in table.items()}
    names = sorted(files)  # good and bad ones mixed
    encoder = _small(weights, preprocessing=preprocessing)
    features = extract((names, files.__getitem__), encoder, cache=tmp_path, batch=4, on_error="skip")
    assert features.ids == tuple(name for name in names if name in READABLE)
    reasons = {skipped.id: skipped.reason for skipped in features.skipped}
    assert reasons.keys() == UNREADABLE.keys()
    for name, (_, reason) in UNREADABLE.items():
        assert name in reasons[name]
        assert reason in reasons[name]
    expected = encoder.encode([files[name] for name in features.ids])
    np.testing.assert_allclose(features.array, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_what_is_cached_needs_no_weights_any_more(tmp_path: Path, photos: Photos, weights: str) -> None:
    mine = Path(shutil.copy(weights, tmp_path / "mine.h5"))
    encoder = _small(str(mine))
    extract(photos[:2], encoder, cache=tmp_path / "cache")
    mine.unlink()
    assert extract(photos[:2], encoder, cache=tmp_path / "cache").from_cache == 2
    with pytest.raises(DataError, match="there are no weights"):
        extract(photos[:3], encoder, cache=tmp_path / "cache")


def test_an_automatic_precision_is_timed_on_the_pixels_of_this_preprocessing(
    tmp_path: Path, photos: Photos, weights: str
) -> None:
    features = extract(photos[:2], _small(weights, precision="auto"), cache=tmp_path, batch=2)
    assert features.encoder.precision in ("float32", "mixed_bfloat16")
    assert features.encoder == _small(weights, precision=features.encoder.precision)
    timed = sample([name for name, _ in photos], dict(photos).__getitem__, _small(weights, preprocessing="course"), 2)
    course = [decode(data, 224, fit="nearest") for _, data in photos[:2]]
    np.testing.assert_array_equal(timed, course)


@pytest.mark.parametrize("output", ["pooled", "map"])
def test_bfloat16_features_are_nearly_those_of_float32(weights: str, photos: Photos, output: str) -> None:
    images = [data for _, data in photos[:3]]
    exact = _small(weights, output).encode(images).reshape(3, -1).astype(np.float64)
    rounded = _small(weights, output, precision="mixed_bfloat16").encode(images).reshape(3, -1).astype(np.float64)
    cosine = (exact * rounded).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rounded, axis=1)
    assert (cosine >= 0.999).all()


def test_one_loaded_net_is_kept_at_a_time(weights: str) -> None:
    first = _small(weights)
    model = first.model
    assert first.model is model
    assert replace(first, dtype="float16").model is model
    assert not model.trainable_variables
    _small(weights, "map").load()
    assert first.model is not model


@pytest.mark.slow
def test_the_real_net_is_extracted_from_its_file(tmp_path: Path, photos: Photos) -> None:
    path = write_published(tmp_path / "vgg16.h5", arrays_of(vgg("vgg16", seed=3)), keras_1=True)
    encoder = choose("vgg16", "pooled", weights=str(path), precision="mixed_bfloat16")
    features = extract(photos[:4], encoder, cache=tmp_path / "cache", batch=4)
    assert features.array.shape == (4, 4096)
    assert np.isfinite(features.array).all()
    assert (features.array > 0).any(axis=1).all()
