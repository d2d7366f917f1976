from __future__ import annotations

import numpy as np
import pytest

from dlcamp.errors import UnknownName
from dlcamp.vision.efficientnet_lite import blocks, efficientnet_lite, round_filters
from dlcamp.vision.scales import output_shape


def _trainable(model: object) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(
    ("scale", "parameters"), [("lite0", 4_652_008), ("lite1", 5_416_680), ("lite2", 6_092_072), ("lite3", 8_197_096)]
)
def test_the_trainable_parameters_are_those_published(scale: str, parameters: int) -> None:
    assert _trainable(efficientnet_lite(scale)) == parameters


def test_lite0_counts_exactly_with_statistics_and_folded() -> None:
    # Moving mean and variance of 21,008 channels on top; folding leaves one bias where there were four numbers.
    assert efficientnet_lite().count_params() == 4_652_008 + 2 * 21_008 == 4_694_024
    assert efficientnet_lite(folded=True).count_params() == 4_652_008 - 21_008 == 4_631_000


@pytest.mark.parametrize("output", ["pooled", "map", "logits"])
def test_the_outputs_have_the_shapes_the_scales_say(output: str) -> None:
    model = efficientnet_lite("lite1", output, folded=True)
    assert model.output.shape[1:] == output_shape("lite1", output)
    assert not model.compiled


def test_the_last_blocks_do_not_repeat_more_at_a_larger_scale() -> None:
    assert [len(blocks(scale)) for scale in ("lite0", "lite4")] == [16, 30]
    assert blocks("lite0")[0].expand == 1
    assert blocks("lite4")[-1].filters == 448


def test_filters_are_rounded_to_eight_and_never_a_tenth_below() -> None:
    assert [round_filters(filters, 1.1) for filters in (16, 24, 40, 80, 112, 192, 320)] == [
        16,
        24,
        48,
        88,
        120,
        208,
        352,
    ]


def test_the_initial_weights_depend_on_the_seed_alone() -> None:
    first, again, other = (efficientnet_lite(output="pooled", folded=True, seed=seed) for seed in (3, 3, 4))
    kernel = [model.get_layer("block_05_expand").kernel.numpy() for model in (first, again, other)]
    np.testing.assert_array_equal(kernel[0], kernel[1])
    assert not np.array_equal(kernel[0], kernel[2])


def test_an_unknown_scale_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean"):
        efficientnet_lite("lite7")
