"""The ablation over decoders: equal sizes, and what its report names exists."""

from __future__ import annotations

import pytest

from dlcamp.analysis.items import item_statistic
from dlcamp.captioning.config import CaptionConfig
from dlcamp.config import Layer, resolve
from dlcamp.discovery import find, load
from dlcamp.paths import REPOSITORY
from dlcamp.references import follow
from dlcamp.settings import settings

VOCABULARY = {"scenes": 56, "flickr8k": 2541}
"""Words of the training captions that are seen five times or more, and the marks."""


@pytest.mark.parametrize("data", sorted(VOCABULARY))
def test_parameters_of_all_decoders_lie_within_three_percent_of_each_other(data: str) -> None:
    from dlcamp.captioning.decoders import DECODERS, spec_of

    written = settings(REPOSITORY, find(REPOSITORY, "caption_decoders"))
    sizes = {}
    for name, variant in written.grid().variants.items():
        layers = [written.base, written.data.get(data, {}), variant.values]
        config = resolve(CaptionConfig, [Layer("yaml", values) for values in layers]).config
        shape = (7, 7, 1280) if config.features == "map" else (1280,)
        spec = spec_of(config, VOCABULARY[data], shape)
        sizes[name] = DECODERS[spec.decoder].parameters(spec)
    assert len(sizes) == 6
    assert max(sizes.values()) < 1.03 * min(sizes.values())


def test_what_the_report_names_exists() -> None:
    compare = load(find(REPOSITORY, "caption_decoders")).compare
    assert compare is not None
    assert all(item_statistic(named) for named in compare.items.values())
    assert all(callable(follow(reference)) for reference in compare.sections)
