"""Throughput counts what was computed, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.errors import DataError
from dlcamp.tracking.progress import Terminal
from dlcamp.vision.encoder import lite0
from dlcamp.vision.throughput import Throughput, spread, throughput

Photos = list[tuple[str, bytes]]


def test_metrics_are_medians_with_their_extremes() -> None:
    found = Throughput(100, cold=(50.0, 40.0, 100.0), cached=(1000.0, 4000.0, 2000.0))
    metrics = found.metrics()
    assert found.speedup == (20.0, 100.0, 20.0)
    assert metrics["cost/seconds_per_image"] == pytest.approx(0.02)
    assert metrics["cost/images_per_second_cold"] == 50
    assert (metrics["cost/cache_speedup_min"], metrics["cost/cache_speedup_max"]) == (20, 100)
    assert "40.0 to 100.0" in "\n".join(found.lines())


def test_the_sample_lies_evenly_and_holds_each_content_once() -> None:
    ids = [str(number) for number in range(100)]
    loaded = []

    def load(item: str) -> bytes:
        loaded.append(item)
        return b"same" if int(item) > 50 else item.encode()

    found = spread(ids, load, 5)
    assert loaded == ["0", "24", "49", "74", "99"]
    assert [item for item, _ in found] == ["0", "24", "49", "74"]
    assert len(spread(ids[:3], load, 50)) == 3


def test_large_images_make_the_sample_smaller_but_never_empty() -> None:
    ids = [str(number) for number in range(10)]
    assert len(spread(ids, lambda item: item.encode() * 100, 10, most_bytes=350)) == 3
    assert len(spread(ids, lambda item: item.encode() * 100, 10, most_bytes=5)) == 1


def test_an_image_that_is_gone_is_left_out_and_none_at_all_is_a_clear_error() -> None:
    def load(item: str) -> bytes:
        if item != "here":
            raise FileNotFoundError(item)
        return b"1"

    assert spread(["gone", "here"], load, 9) == [("here", b"1")]
    with pytest.raises(DataError, match="none of the 1 images can be read any more"):
        spread(["gone"], load, 9)


def test_every_round_computes_anew_and_removes_its_cache(tmp_path: Path, photos: Photos) -> None:
    encoder = lite0("pooled", "float32")
    found = throughput(photos[:4], encoder, tmp_path, 2, Terminal.standard().progress)
    assert (found.images, len(found.cold), len(found.cached)) == (4, 2, 2)
    assert min(found.cold) > 0
    assert not list(tmp_path.iterdir())
