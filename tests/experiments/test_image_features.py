"""image_features on a data set and on a folder of whatever lies there."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.data.scenes import Scenes
from dlcamp.errors import ConfigError, DataError
from dlcamp.paths import REPOSITORY
from dlcamp.runner import Outcome, execute, prepare
from dlcamp.tracking import MemoryTracker

QUICK = "precision=float32 timed_images=4 rounds=1 neighbours=2"


def ran(store: MemoryTracker, settings: str) -> Outcome:
    asked = request(Given({"NAME": "image_features", "SET": f"{QUICK} {settings}"}), REPOSITORY)
    return execute(prepare(asked, REPOSITORY), store, lambda line: None)


def fetched(store: MemoryTracker, outcome: Outcome, name: str) -> str:
    return store.fetch(outcome.row.id, name).read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images, two of them the same bytes, and three files that are none."""
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    scenes = Scenes()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(scenes.image(f"train-{number:05d}"))
    shutil.copy(folder / "1.jpg", folder / "copy.JPG")
    (folder / "broken.jpg").write_bytes((folder / "2.jpg").read_bytes()[:3000])
    (folder / "text.png").write_text("hello")
    (folder / "notes.txt").write_text("no image")
    buffer = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(buffer, format="PNG")
    (folder / "inner" / "deep.png").write_bytes(buffer.getvalue())
    return folder


def test_a_folder_needs_no_captions_and_its_unreadable_files_are_skipped_counted_and_named(
    fresh_home: Path, folder: Path
) -> None:
    store = MemoryTracker()
    outcome = ran(store, f"folder='{folder}' recursive=yes val_images=3")
    metrics = outcome.row.metrics
    assert outcome.row.status == "FINISHED"
    assert metrics["cost/seconds_per_image"] > 0
    assert (metrics["cost/images"], metrics["cost/skipped"], metrics["cost/timed_images"]) == (5, 2, 4)
    assert (metrics["folder/exact_duplicates"], metrics["folder/near_duplicates"]) == (1, 1)
    assert metrics["folder/images"] == 3
    assert not [name for name in metrics if name.startswith("val/")]
    for name in ("skipped.txt", "summary.txt", "neighbours.html"):
        assert "broken.jpg" in fetched(store, outcome, name)
        assert "text.png" in fetched(store, outcome, name)
    assert "1.jpg is copy.JPG" in fetched(store, outcome, "summary.txt")
    assert "the same bytes" in fetched(store, outcome, "neighbours.html")
    assert ("folder", outcome.row.params["features_digest"], "images") in store.datasets(outcome.row.id)


def test_the_captions_of_neighbours_are_scored_and_a_second_run_reads_the_cache(fresh_home: Path) -> None:
    store = MemoryTracker()
    first, second = (ran(store, "train_images=6 val_images=3") for _ in range(2))
    assert (first.row.metrics["cost/from_cache_share"], second.row.metrics["cost/from_cache_share"]) == (0, 1)
    assert not second.cached
    assert first.row.params["features_digest"] == second.row.params["features_digest"]
    cache = fresh_home / "data" / "features" / first.row.params["features_cache"]
    assert cache.is_dir()
    assert not list((fresh_home / "mlruns" / "checkpoints").glob("*"))
    metrics = second.row.metrics
    assert metrics["cost/second_pass_from_cache_share"] == 1
    assert metrics["cost/bytes_per_image"] == 5120
    assert metrics["val/gain_cider"] == pytest.approx(metrics["val/neighbour_cider"] - metrics["val/random_cider"])
    rows = _parquet(store, second)
    assert [row["item"] for row in rows] == [f"val-{number:05d}" for number in range(3)]
    data = Scenes()
    references = {item.id: item.references for item in data.items("train", 6)}
    assert all(row["output"] == references[row["nearest"]][0] for row in rows)
    assert "CIDEr" in fetched(store, second, "neighbours.html")


def _parquet(store: MemoryTracker, outcome: Outcome) -> list[dict]:
    from pyarrow import parquet

    return parquet.read_table(store.fetch(outcome.row.id, "predictions.parquet")).to_pylist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("export=features.pkl", r"export = 'features.pkl' \(SET\): it is for VGG"),
        ("encoder=vgg16 output=map export=features.pkl", "holds fc2"),
        ("preprocessing=course", r"preprocessing = 'course' \(SET\): it is for VGG"),
        ("encoder_weights=vgg.h5", r"it is for VGG.*\(encoder is lite0\)"),
        ("encoder=lite2 preprocessing=course", r"it is for VGG.*\(encoder is lite2\)"),
        ("output=pool", "output = 'pool'"),
    ],
)
def test_settings_that_do_not_fit_together_end_before_a_run_begins(settings: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        request(Given({"NAME": "image_features", "SET": settings}), REPOSITORY)


def test_the_export_of_vgg_features_is_a_valid_setting() -> None:
    asked = request(
        Given({"NAME": "image_features", "SET": "encoder=vgg16 preprocessing=course export=features.pkl"}), REPOSITORY
    )
    assert asked.resolved.config.export == "features.pkl"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "no folder"),
        (lambda folder: folder.mkdir(), "holds no image"),
        (lambda folder: (folder / "inner").mkdir(parents=True), "folders inside it were not searched"),
    ],
)
def test_a_folder_without_two_images_is_a_clear_error_at_once(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "images")
    asked = request(Given({"NAME": "image_features", "SET": f"folder='{tmp_path / 'images'}'"}), REPOSITORY)
    with pytest.raises(DataError, match=message):
        asked.experiment.body(asked.resolved.config, None, None)


def test_importing_the_experiment_loads_nothing_heavy() -> None:
    code = """
import sys, experiments.captioning.image_features
assert not {"tensorflow", "keras", "numpy", "PIL", "mlflow", "pandas", "scipy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, timeout=60)
