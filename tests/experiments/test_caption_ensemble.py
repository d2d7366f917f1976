"""Captioners that speak as one: what they were made with is said of them too."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.paths import REPOSITORY
from dlcamp.runner import execute, prepare


@pytest.mark.slow
def test_members_taught_with_a_substituted_encoder_make_an_ensemble_that_says_so(
    store_home: Path, no_weights: None
) -> None:
    from dlcamp.tracking import open_store

    asked = {"NAME": "caption_ensemble", "PRESET": "smoke", "SET": "encoder=vgg16 substitute=yes"}
    store = open_store()
    row = execute(prepare(request(Given(asked), REPOSITORY), REPOSITORY), store, lambda line: None).row
    told = row.tags["dlcamp.substituted"]
    assert told.startswith("EfficientNet-Lite0 in the place of vgg16")
    for name in ("summary.txt", "gallery.html"):
        assert told in store.reader.fetch(row.id, name).read_text("utf-8")
