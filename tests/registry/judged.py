"""Verdicts and rows to make cards and pages of."""

from __future__ import annotations

from typing import Any

from dlcamp.registry.verdict import Against, Check, Verdict
from dlcamp.tracking.protocol import RunRow

FLOOR = Against("floor", 0.31)
RIVAL = Against("champion", 0.47, "2", "caption_lstm-s0-aaaa", 0.03, 0.01, 0.05, 1000)


def verdict(**changes: Any) -> Verdict:
    """One that made a captioner the champion against the champion of the time."""
    values: dict[str, Any] = {
        "name": "caption_lstm-scenes",
        "version": "3",
        "run": "0123456789abcdef",
        "run_name": "caption_lstm-s0-bbbb",
        "experiment": "caption_lstm",
        "data": "scenes",
        "data_digest": "scenes-v1-seed0-train2000-val250-test400",
        "digest": "d" * 32,
        "outcome": "champion",
        "objective": "maximize val/cider",
        "value": 0.5,
        "low": 0.45,
        "high": 0.55,
        "checks": (Check("finished", True, "caption_lstm-s0-bbbb"), Check("better", True, "above zero")),
        "against": RIVAL,
        "judged_before": 4,
        "by": "ada",
        "when": 1_700_000_000.0,
        "seconds": 41.0,
    }
    return Verdict(**{**values, **changes})


def run(**changes: Any) -> RunRow:
    """The run that the verdict is about."""
    values: dict[str, Any] = {
        "id": "0123456789abcdef",
        "name": "caption_lstm-s0-bbbb",
        "experiment": "caption_lstm",
        "status": "FINISHED",
        "started": 1_699_999_000.0,
        "ended": 1_699_999_130.0,
        "params": {"seed": "0", "units": "512", "train_images": "None", "data_train_used": "6000"},
        "metrics": {
            "val/cider": 0.5,
            "test/cider": 0.49,
            "test/cider_low": 0.44,
            "test/cider_high": 0.54,
            "test/constant_cider": 0.07,
            "cost/parameters": 1_030_536.0,
            "cost/seconds": 125.8,
        },
        "tags": {
            "dlcamp.origins": '{"units": "SET"}',
            "dlcamp.git_commit": "18459902867e900ed7ff47b30dfa9b693421a63a",
            "dlcamp.git_dirty": "true",
        },
    }
    return RunRow(**{**values, **changes})


def caption_rows(n: int = 120) -> list[dict[str, Any]]:
    """Rows of a captioner of scenes that is worse the more objects there are, and no worse anywhere else."""
    return [
        {
            "item": f"val-{place:05d}",
            "output": f"caption {place}",
            "cider": 2.5 - 0.6 * (place % 4) + 0.01 * (place % 7),
            "truthful": place % 3 > 0,
            "count": True,
            "colour": place % 2 == 0,
            "shape": place % 5 > 0 if place < 20 else None,
            "objects": place % 4 + 1,
            "held_out": place % 8 < 4,
            "reason": "" if place % 3 else "there are two",
        }
        for place in range(n)
    ]
