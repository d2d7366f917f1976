from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dlcamp.errors import StoreError
from dlcamp.vision.precision import Forward, choose, fastest, machine, measure, remembered

PIXELS = np.zeros((4, 8, 8, 3), np.uint8)


def _double(pixels: np.ndarray) -> np.ndarray:
    return pixels * 2.0


def _cannot_run() -> Forward:
    raise RuntimeError("no such instruction")


@pytest.mark.parametrize(
    ("speeds", "best"),
    [
        ({"float32": 100.0, "mixed_bfloat16": 119.0}, "float32"),
        ({"float32": 100.0, "mixed_bfloat16": 121.0}, "mixed_bfloat16"),
        ({"float32": 100.0, "mixed_bfloat16": 30.0}, "float32"),
        ({"float32": 0.0, "mixed_bfloat16": 30.0}, "mixed_bfloat16"),
        ({"float32": 10.0}, "float32"),
    ],
)
def test_float32_stays_unless_it_is_beaten_clearly(speeds: dict[str, float], best: str) -> None:
    assert fastest(speeds) == best


def test_a_precision_the_machine_cannot_run_has_no_speed() -> None:
    speeds = measure({"float32": lambda: _double, "mixed_bfloat16": _cannot_run}, PIXELS)
    assert speeds["float32"] > 0
    assert speeds["mixed_bfloat16"] == 0


def test_a_choice_is_measured_once_for_a_model_and_remembered(tmp_path: Path) -> None:
    assert remembered(tmp_path, "lite0") is None
    made = choose(tmp_path, "lite0", {"float32": lambda: _double}, PIXELS)
    assert remembered(tmp_path, "lite0") == made
    assert remembered(tmp_path, "another") is None
    assert made.machine == machine()


def test_the_choice_of_a_quicker_process_stands(tmp_path: Path) -> None:
    first = choose(tmp_path, "lite0", {"mixed_bfloat16": lambda: _double}, PIXELS)
    assert choose(tmp_path, "lite0", {"float32": lambda: _double}, PIXELS) == first


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}'])
def test_a_damaged_file_is_measured_anew_and_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "precision.json").write_text(content)
    choose(tmp_path, "lite0", {"float32": lambda: _double}, PIXELS)
    assert remembered(tmp_path, "lite0") is not None
    assert "float32" in json.dumps(json.loads((tmp_path / "precision.json").read_text()))


def test_another_environment_is_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(tmp_path, "lite0", {"float32": lambda: _double}, PIXELS)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert remembered(tmp_path, "lite0") is None


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="instead of 'auto'"):
        choose(tmp_path / "file", "lite0", {"float32": lambda: _double}, PIXELS)
