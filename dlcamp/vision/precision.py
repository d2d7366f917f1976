"""Which precision is faster here, measured once for a model on a machine and remembered.

bfloat16 is three times as fast as float32 for some nets on some CPUs and slower for others, so it is timed on
real images. The choice is kept in `precision.json`, by machine, package versions and model, so that every later
process takes the same one.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from dlcamp.errors import StoreError

log = logging.getLogger(__name__)

# float32 is exact and the same everywhere: another precision must win clearly.
MARGIN = 1.2
ROUNDS = 3

Forward = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Choice:
    """A measured choice; speeds in images a second, 0.0 for what this machine could not run."""

    precision: str
    images_per_second: Mapping[str, float]
    machine: Mapping[str, str]


def machine() -> dict[str, str]:
    """What the speed of a net depends on, without importing TensorFlow."""
    versions = {name: importlib.metadata.version(name) for name in ("tensorflow", "keras")}
    accelerators = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    threads = {name: os.environ.get(name, "") for name in ("TF_NUM_INTRAOP_THREADS", "TF_ENABLE_ONEDNN_OPTS")}
    return {
        "cpu": cpu_model(),
        "cores": str(os.cpu_count()),
        "accelerators": ",".join(accelerators),
        **versions,
        **threads,
    }


def cpu_model() -> str:
    """Name of the CPU, with whether it has instructions for bfloat16 where the system says so."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    bfloat16 = sorted(flag for flag in flags if flag in ("avx512_bf16", "amx_bf16", "bf16"))
    return " ".join([fields.get("model name") or platform.machine(), *bfloat16])


def remembered(folder: Path, model: str) -> Choice | None:
    """The choice an earlier process made for this model on this machine."""
    entry = _read(folder / "precision.json").get(_key(model))
    try:
        return Choice(**entry) if entry else None
    except TypeError:
        return None


def choose(folder: Path, model: str, candidates: Mapping[str, Callable[[], Forward]], pixels: np.ndarray) -> Choice:
    """Time every candidate on a batch and remember the fastest.

    Args:
        folder: where `precision.json` lies.
        model: name of the net and the output it is cut at.
        candidates: precision to a function that loads the net; the first is the one to beat by `MARGIN`.
        pixels: a real batch.
    """
    speeds = measure(candidates, pixels)
    choice = Choice(fastest(speeds), speeds, machine())
    log.info("%s: %s, from %s images/s", model, choice.precision, {k: round(v, 1) for k, v in speeds.items()})
    return _remember(folder, model, choice)


def measure(candidates: Mapping[str, Callable[[], Forward]], pixels: np.ndarray) -> dict[str, float]:
    """Best speed of each candidate in images a second, taken in turns so that a busy moment hits all alike."""
    loaded, best = {}, dict.fromkeys(candidates, float("inf"))
    for name, load in candidates.items():
        try:
            forward = load()
            forward(pixels)  # compiles, and shows whether the machine can
            loaded[name] = forward
        except Exception as error:
            log.warning("%s does not run here: %s", name, error)
    for _ in range(ROUNDS):
        for name, forward in loaded.items():
            started = time.perf_counter()
            forward(pixels)
            best[name] = min(best[name], time.perf_counter() - started)
        # Twice as slow is not noise: no need to go on.
        loaded = {name: forward for name, forward in loaded.items() if best[name] < 2 * min(best.values())}
        if len(loaded) < 2:
            break
    return {name: len(pixels) / seconds for name, seconds in best.items()}


def fastest(speeds: Mapping[str, float]) -> str:
    """The fastest precision, or the first one unless another beats it by `MARGIN`."""
    first, best = next(iter(speeds)), max(speeds, key=lambda name: speeds[name])
    return best if speeds[best] >= MARGIN * speeds[first] else first


def _key(model: str) -> str:
    return hashlib.sha256(json.dumps([model, machine()], sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, dict]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _remember(folder: Path, model: str, choice: Choice) -> Choice:
    """Write the choice down; when another process was quicker its choice stands."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "precision.lock"):
            earlier = remembered(folder, model)
            if earlier is not None:
                return earlier
            content = _read(folder / "precision.json") | {_key(model): asdict(choice)}
            part = folder / "precision.json.part"
            part.write_text(json.dumps(content, indent=1) + "\n")
            os.replace(part, folder / "precision.json")
    except OSError as error:
        raise StoreError(
            f"cannot write the precision chosen for {model} to {folder}: {error.strerror or error}\n"
            "name a cache folder that can be written, or a precision instead of 'auto'"
        ) from error
    return choice
