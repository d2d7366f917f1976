from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest
from keras.applications.vgg16 import preprocess_input

from dlcamp.errors import UnknownName
from dlcamp.vision.vgg import BgrMinusMeans, vgg
from dlcamp.vision.vgg_table import CONFIGURATIONS, Configuration, configuration


@pytest.fixture
def symbolic() -> Iterator[None]:
    """Nets are built with shapes only: 553 MB are not allocated."""
    with keras.StatelessScope(initialize_variables=False):
        yield
    keras.utils.clear_session()  # else the next variable would have all of these filled first


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)


@pytest.mark.usefixtures("symbolic")
def test_the_parameters_are_exactly_those_published() -> None:
    for name, whole, convolutions in (("vgg16", 138_357_544, 14_714_688), ("vgg19", 143_667_240, 20_024_384)):
        assert vgg(name).count_params() == configuration(name).parameters() == whole
        assert vgg(name, "map").count_params() == configuration(name).parameters("map") == convolutions


def test_the_other_columns_of_the_paper_are_only_rows() -> None:
    one, two = ((3,),) * 2, ((3, 3),) * 2
    columns = {
        132_863_336: Configuration("VGG A", one + ((3, 3),) * 3),
        133_047_848: Configuration("VGG B", two + ((3, 3),) * 3),
        133_638_952: Configuration("VGG C", two + ((3, 3, 1),) * 3),
    }
    assert [row.parameters() for row in columns.values()] == list(columns)


@pytest.mark.usefixtures("symbolic")
def test_layers_have_the_names_and_shapes_of_keras_applications() -> None:
    for name, build in (("vgg16", keras.applications.VGG16), ("vgg19", keras.applications.VGG19)):
        ours, theirs = vgg(name), build(weights=None)
        assert [layer.name for layer in ours.layers[2:]] == [layer.name for layer in theirs.layers[1:]]
        shapes = {variable.path: tuple(variable.shape) for variable in theirs.weights}
        assert {variable.path: tuple(variable.shape) for variable in ours.weights} == shapes
        kernels = {path.removesuffix("/kernel"): shape for path, shape in shapes.items() if path.endswith("kernel")}
        assert configuration(name).kernel_shapes() == kernels


@pytest.mark.usefixtures("symbolic")
def test_the_outputs_have_their_shapes_and_are_float32() -> None:
    for output, shape in (("map", (14, 14, 512)), ("pooled", (4096,)), ("logits", (1000,))):
        for dtype in ("float32", "mixed_bfloat16"):
            model = vgg("vgg16", output, dtype=dtype)
            assert model.output.shape[1:] == configuration("vgg16").output_shape(output) == shape
            assert model.output.dtype == "float32"
            assert not model.compiled


@pytest.mark.parametrize(("output", "layer"), [("map", "block5_conv3"), ("pooled", "fc2")])
def test_a_cut_net_gives_what_the_whole_net_has_at_that_layer(output: str, layer: str, pixels: np.ndarray) -> None:
    whole, cut = vgg("vgg16", width=32, classes=10, seed=1), vgg("vgg16", output, width=32, seed=None)
    for variables in cut.layers:
        variables.set_weights(whole.get_layer(variables.name).get_weights())
    inner = keras.Model(whole.input, whole.get_layer(layer).output)
    np.testing.assert_array_equal(cut(pixels).numpy(), inner(pixels).numpy())
    assert cut(pixels).numpy().min() == 0  # after the ReLU


def test_the_first_layer_gives_bgr_minus_the_means_and_scales_nothing(pixels: np.ndarray) -> None:
    known = BgrMinusMeans()(np.array([[[[10, 20, 30]]]], np.uint8)).numpy()
    means = np.array([103.939, 116.779, 123.68], np.float32)
    np.testing.assert_array_equal(known[0, 0, 0], np.array([30, 20, 10], np.float32) - means)
    taught = preprocess_input(pixels.astype(np.float32))
    np.testing.assert_array_equal(BgrMinusMeans()(pixels).numpy(), taught)


@pytest.mark.slow
def test_bfloat16_gives_nearly_the_features_of_float32_at_full_width(pixels: np.ndarray) -> None:
    exact, rounded = (vgg("vgg16", "pooled", dtype=dtype)(pixels).numpy() for dtype in ("float32", "mixed_bfloat16"))
    cosine = (exact * rounded).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rounded, axis=1)
    assert (cosine >= 0.999).all()


def test_the_initial_weights_depend_on_the_seed_alone_and_none_leaves_zeros() -> None:
    first, again, other, blank = (vgg("vgg19", "map", width=16, seed=seed) for seed in (3, 3, 4, None))
    kernels = [model.get_layer("block4_conv4").kernel.numpy() for model in (first, again, other, blank)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])
    assert not kernels[3].any()


def test_narrower_nets_keep_their_depth() -> None:
    narrow = CONFIGURATIONS["vgg19"].narrowed(16)
    assert narrow.kernels == CONFIGURATIONS["vgg19"].kernels
    assert (narrow.filters, narrow.dense) == ((4, 8, 16, 32, 32), 256)
    assert vgg("vgg19", width=16, classes=7).count_params() == narrow.parameters(classes=7)


def test_an_unknown_net_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'vgg16'"):
        vgg("vgg-16")
