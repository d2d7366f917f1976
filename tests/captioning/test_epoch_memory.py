"""The memory of an epoch over mapped maps, measured in a process that does nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlcamp.captioning import epoch_memory as module
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.epoch_memory import EpochMemory, epoch_memory
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.errors import DataError, RunFailed

CONFIG = CaptionConfig(decoder="attention", features="map", units=8, embedding=8, batch=8, epochs=1)
WORDS = Vocabulary(("dog", "runs"))


@pytest.mark.slow  # a process imports TensorFlow
def test_an_epoch_is_trained_and_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"flips": True, "averaging": 0.9})
    found = epoch_memory(config, WORDS, ["a dog runs"] * 20, (7, 7, 64), tmp_path)
    assert (found.images, found.mapped) == (20, 2 * 20 * 7 * 7 * 64 * 2)  # float16, and as many of mirrored images
    assert 0 < found.before < found.peak
    assert 0 < found.anonymous < found.peak


def test_the_file_of_maps_has_a_map_for_each_caption_and_can_be_mapped(tmp_path: Path) -> None:
    shape = (300, 2, 2, 3)  # more than are written at once, and not a multiple
    module._write_maps(tmp_path / "maps.npy", shape)
    maps = np.load(tmp_path / "maps.npy", mmap_mode="r")
    assert isinstance(maps, np.memmap)
    assert (maps.shape, maps.dtype) == (shape, np.float16)
    assert np.ptp(maps[-1]) > 0
    np.testing.assert_array_equal(maps[256:], maps[:44])


def test_sizes_are_told_in_gigabytes() -> None:
    found = EpochMemory(images=6000, mapped=750_000_000, before=600_000_000, peak=2_200_000_000, anonymous=10**9)
    assert found.metrics()["memory/peak_gb"] == 2.2
    assert "6,000 maps, 0.75 GB of mapped files: 2.20 GB" in found.line()
    assert [row.cells()[1] for row in found.rows()] == ["2.2", "1", "0.75", "0.6"]


def test_no_caption_is_refused_before_a_process_is_started(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no caption"):
        epoch_memory(CONFIG, WORDS, [], (7, 7, 8), tmp_path)


@pytest.mark.slow  # a process imports TensorFlow
def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="map of features"):
        epoch_memory(CONFIG, WORDS, ["a dog runs"], (8,), tmp_path)
