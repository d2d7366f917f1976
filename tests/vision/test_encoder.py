from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from dlcamp.errors import ConfigError, DataError, ImageError, UnknownName
from dlcamp.vision.encoder import Encoder, LiteEncoder, choose, lite0


def test_an_encoder_and_its_digest_are_known_without_tensorflow() -> None:
    code = """
import sys
from dlcamp.vision import lite0
encoder = lite0("map", "float32")
assert encoder.weights.startswith("57934424") and encoder.key and encoder.shape == (7, 7, 1280)
assert not {"tensorflow", "keras"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_map_is_stored_in_half_the_bytes_unless_told() -> None:
    assert lite0("map").dtype == "float16"
    assert lite0("map", dtype="float32").dtype == "float32"
    assert lite0("pooled").dtype == "float32"


def test_a_description_goes_through_json_and_back() -> None:
    encoder = lite0("map", "mixed_bfloat16")
    assert Encoder.restore(json.loads(json.dumps(encoder.describe()))) == encoder


def test_a_description_with_other_weights_is_refused() -> None:
    with pytest.raises(DataError, match="weights"):
        Encoder.restore({**lite0("pooled", "float32").describe(), "weights": "0" * 64})


def test_everything_that_changes_a_feature_changes_the_key() -> None:
    encoders = [
        lite0("pooled", "float32"),
        lite0("logits", "float32"),
        lite0("pooled", "mixed_bfloat16"),
        lite0("pooled", "float32", "float16"),
        LiteEncoder("lite1", "pooled", "float32"),
    ]
    assert len({encoder.key for encoder in encoders}) == len(encoders)


def test_an_unsettled_precision_has_no_key_and_no_model() -> None:
    for ask in (lambda: lite0().key, lambda: lite0().model, lambda: lite0().load()):
        with pytest.raises(ConfigError, match="still 'auto'"):
            ask()


@pytest.mark.parametrize("bad", [{"output": "poled"}, {"precision": "float64"}, {"scale": "lite9"}, {"dtype": "int8"}])
def test_an_unknown_choice_is_named(bad: dict[str, str]) -> None:
    with pytest.raises(UnknownName, match=next(iter(bad.values()))):
        LiteEncoder(**bad)


def test_single_images_are_encoded_as_a_batch_to_rounding(photos: list[tuple[str, bytes]]) -> None:
    encoder = lite0("pooled", "float32")
    together = encoder.encode([data for _, data in photos[:3]])
    assert together.shape == (3, 1280)
    # a processor may sum in another order for another batch
    np.testing.assert_allclose(together[1], encoder.encode([photos[1][1]])[0], rtol=0, atol=1e-5)


def test_the_model_is_frozen_and_gives_float32_in_every_precision(photos: list[tuple[str, bytes]]) -> None:
    exact = lite0("map", "float32", "float32").encode([photos[0][1]])
    encoder = lite0("map", "mixed_bfloat16", "float32")
    assert encoder.model.output.dtype == "float32"
    assert not encoder.model.trainable_variables
    rounded = encoder.encode([photos[0][1]])
    assert np.linalg.norm(rounded - exact) < 0.15 * np.linalg.norm(exact)


def test_an_unreadable_image_is_named_by_what_the_caller_calls_it() -> None:
    with pytest.raises(ImageError, match="mine"):
        lite0("pooled", "float32").encode([b"no image"], ["mine"])
    assert lite0("pooled", "float32").encode([]).shape == (0, 1280)


def test_the_keys_of_lite0_are_those_of_the_caches_already_filled() -> None:
    keys = [lite0("pooled", "float32").key, lite0("map", "mixed_bfloat16").key]
    assert [key[:16] for key in keys] == ["4f1238de5ae993d4", "ae07d3d8e493e958"]


def test_choosing_lite0_gives_lite0() -> None:
    assert choose("lite0", "map", precision="float32") == lite0("map", "float32")
    assert choose("lite0").available


@pytest.mark.parametrize(("name", "size", "side"), [("lite0", 224, 7), ("lite1", 240, 8), ("lite2", 260, 9)])
def test_each_lite_has_its_own_input_and_map_and_nothing_of_a_vgg_fits_it(name: str, size: int, side: int) -> None:
    encoder = choose(name, "map", precision="float32")
    assert (encoder.name, encoder.size, encoder.shape) == (f"efficientnet_{name}", size, (side, side, 1280))
    assert (encoder.dtype, choose(name).shape, choose(name).dtype) == ("float16", (1280,), "float32")
    assert Encoder.restore(json.loads(json.dumps(encoder.describe()))) == encoder
    for wrong in ({"weights": "vgg16.h5"}, {"preprocessing": "course"}):
        with pytest.raises(ConfigError, match=f"{name} comes with its own .*{next(iter(wrong.values()))}"):
            choose(name, "pooled", **wrong)


def test_a_mirrored_encoder_sees_what_stands_in_a_mirrored_file(photos: list[tuple[str, bytes]]) -> None:
    encoder = lite0("pooled", "float32")
    turned = io.BytesIO()
    ImageOps.mirror(Image.open(io.BytesIO(photos[0][1]))).save(turned, "PNG")
    plain, mirrored = encoder.encode([photos[0][1]]), encoder.mirrored().encode([photos[0][1]])
    np.testing.assert_array_equal(mirrored, encoder.encode([turned.getvalue()]))
    assert not np.allclose(mirrored, plain, atol=1e-2)
    assert encoder.mirrored().load() is encoder.load()


def test_a_mirrored_encoder_is_described_apart_and_restored() -> None:
    encoder = choose("lite1", "map", precision="mixed_bfloat16")
    mirrored = encoder.mirrored()
    assert mirrored.mirrored() == mirrored != encoder
    assert mirrored.key != encoder.key
    assert mirrored.shape == encoder.shape
    assert Encoder.restore(json.loads(json.dumps(mirrored.describe()))) == mirrored
    assert not Encoder.restore(encoder.describe()).mirror


def test_a_mirrored_encoder_of_an_older_preprocessing_is_refused() -> None:
    described = lite0("pooled", "float32").mirrored().describe()
    with pytest.raises(DataError, match="preprocessing"):
        Encoder.restore({**described, "preprocessing": "squash-bicubic-0-224-mirrored"})
