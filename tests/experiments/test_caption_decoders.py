"""The ablation over decoders: equal sizes; what its report names exists, and a run measures what it compares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlcamp.analysis.items import item_statistic
from dlcamp.captioning.config import CaptionConfig
from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.config import Layer, resolve
from dlcamp.discovery import find, load
from dlcamp.paths import REPOSITORY
from dlcamp.references import follow
from dlcamp.runner import execute, prepare
from dlcamp.settings import settings
from dlcamp.tracking import MemoryTracker
from tests.experiments.held import differing

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


def test_what_the_report_compares_is_what_a_run_measures_and_computes_from_its_rows(fresh_home: object) -> None:
    from pyarrow import parquet

    looks = {"NAME": "caption_decoders", "PRESET": "smoke", "SET": "decoder=attention features=map test_images=24"}
    asked, store = replace(request(Given(looks), REPOSITORY), model="hold"), MemoryTracker()
    row = execute(prepare(asked, REPOSITORY), store, lambda line: None).row
    compare = asked.experiment.compare
    assert compare is not None
    assert {compare.metric, *compare.shown} <= row.metrics.keys()
    rows = parquet.read_table(store.fetch(row.id, "predictions.parquet")).to_pylist()
    for metric, named in compare.items.items():
        statistic = item_statistic(named)
        means = np.mean([statistic.of_row(one) for one in rows], axis=0)
        assert statistic.of_means(means) == pytest.approx(row.metrics[metric]), metric
    assert differing(row.id) == [], "its model is loaded as it was"
