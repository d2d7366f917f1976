"""How much memory an epoch over memory-mapped maps takes: measured in a process of its own, which does nothing else.

    peak = epoch_memory(config, vocabulary, captions, (7, 7, 1280), folder)

The peak of a process only grows, so what ran before would hide it. Maps of random numbers, one an image, are written to
a file in float16, as `vision.extract` stores them, and mapped; the epoch is that of `train_captioner`, scaling of the
features and checkpoint among it. Pages of the mapped file count where they are resident, though the system may take
them back whenever it likes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlcamp.analysis.result_rows import ResultRow
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.errors import DataError, RunFailed
from dlcamp.paths import REPOSITORY

_MAPS, _MIRRORED, _ASKED, _FOUND, _WORDS = "maps.npy", "mirrored.npy", "asked.json", "found.json", "vocabulary.json"
_WRITTEN_AT_ONCE = 256  # images


@dataclass(frozen=True)
class EpochMemory:
    """What an epoch took, in bytes.

    Attributes:
        images: maps, each with one caption; a config with flips has as many again, of mirrored images.
        mapped: size of the files.
        before: resident when everything was imported.
        peak: most that was ever resident, mapped pages counted.
        anonymous: resident at the end and no page of a file, which the system cannot take back.
    """

    images: int
    mapped: int
    before: int
    peak: int
    anonymous: int

    def metrics(self) -> dict[str, float]:
        """In 10^9 bytes."""
        return {"memory/images": float(self.images), **{f"memory/{name}_gb": size for name, size in self._sizes()}}

    def rows(self) -> list[ResultRow]:
        """For docs/results."""
        return [ResultRow(f"epoch over {self.images} mapped maps, {name} GB", (size,)) for name, size in self._sizes()]

    def line(self) -> str:
        """In words."""
        peak, anonymous, mapped, before = (size for _, size in self._sizes())
        return (
            f"An epoch over {self.images:,} maps, {mapped:.2f} GB of mapped files: {peak:.2f} GB resident at most, "
            f"{anonymous:.2f} GB of it no page of a file at the end; {before:.2f} GB before it began."
        )

    def _sizes(self) -> list[tuple[str, float]]:
        names = ("peak", "anonymous", "mapped", "before")
        return [(name, getattr(self, name) / 1e9) for name in names]


def epoch_memory(
    config: CaptionConfig, vocabulary: Vocabulary, captions: Sequence[str], shape: tuple[int, ...], folder: Path
) -> EpochMemory:
    """Train an epoch in a new process and say what memory it took.

    Args:
        config: a decoder over a map; its epochs are those that are trained.
        captions: one an image.
        shape: of one image's map.
        folder: an empty one, for the maps: 125 kB an image at (7, 7, 1280).

    Raises:
        DataError: no caption.
        RunFailed: the process failed; holds the end of what it wrote.
    """
    if not captions:
        raise DataError("no caption to train on")
    for name in (_MAPS, _MIRRORED) if config.flips else (_MAPS,):
        _write_maps(folder / name, (len(captions), *shape))
    vocabulary.save(folder / _WORDS)
    asked = {"config": config.model_dump(mode="json"), "captions": list(captions)}
    (folder / _ASKED).write_text(json.dumps(asked), "utf-8")
    command = [sys.executable, "-m", "dlcamp.captioning.epoch_memory", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunFailed(f"the process that measures memory failed ({done.returncode}):\n{done.stderr[-2000:]}")
    return EpochMemory(**json.loads((folder / _FOUND).read_text("utf-8")))


def _write_maps(path: Path, shape: tuple[int, ...]) -> None:
    """Random numbers, the same for every 256 images: their values change neither time nor memory."""
    part = np.random.default_rng(0).random((min(_WRITTEN_AT_ONCE, shape[0]), *shape[1:]), np.float32).astype(np.float16)
    with path.open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(part.dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for begin in range(0, shape[0], len(part)):
            part[: shape[0] - begin].tofile(file)


def _measure(folder: Path) -> EpochMemory:
    """What the new process does."""
    from dlcamp.captioning.samples import Captioned
    from dlcamp.captioning.train import train_captioner
    from dlcamp.data.captions import CaptionItem
    from dlcamp.tracking import ActiveRun, MemoryTracker

    asked = json.loads((folder / _ASKED).read_text("utf-8"))
    config, captions = CaptionConfig.model_validate(asked["config"]), asked["captions"]
    maps = np.load(folder / _MAPS, mmap_mode="r")
    train = Captioned(maps, [CaptionItem(str(number), (text,)) for number, text in enumerate(captions)])
    mirrored = Captioned(np.load(folder / _MIRRORED, mmap_mode="r"), train.items) if config.flips else None
    val = Captioned(maps[:1], train.items[:1])
    run = ActiveRun(MemoryTracker().start("epoch_memory", "epoch_memory"), folder / "run")
    before = _resident()
    train_captioner(
        config, Vocabulary.load(folder / _WORDS), train, val, run, lambda said, references: {},
        mirrored=mirrored, monitor=None,
    )  # fmt: skip
    after = _resident()
    mapped = maps.nbytes * (2 if mirrored else 1)
    return EpochMemory(len(maps), mapped, before["VmRSS"], after["VmHWM"], after["RssAnon"])


def _resident() -> dict[str, int]:
    """Bytes: VmRSS now, VmHWM at most, RssAnon of no file; where the system does not tell, the most so far for all."""
    from dlcamp.analysis.alternating import peak_gib

    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return dict.fromkeys(("VmRSS", "VmHWM", "RssAnon"), round(peak_gib() * 2**30))
    fields = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
    return {name: int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM", "RssAnon")}


if __name__ == "__main__":
    from dlcamp.memory import keep_memory

    keep_memory()  # as the runner does
    work = Path(sys.argv[1])
    found = _measure(work)
    (work / _FOUND).write_text(json.dumps(vars(found)), "utf-8")
