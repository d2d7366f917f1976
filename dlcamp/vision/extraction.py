"""Features of many images, computed once: cached by content, resumable after a kill, safe beside other processes."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from dlcamp.data.photographs import SUFFIXES
from dlcamp.errors import DataError, ImageError
from dlcamp.paths import data_folder
from dlcamp.vision import precision
from dlcamp.vision.encoder import Encoder, Precision, Progress
from dlcamp.vision.features import Features, Skipped, features_digest
from dlcamp.vision.pipeline import Fresh, Load, Scan, batches, sample
from dlcamp.vision.store import FeatureStore, Writer

Images = Sequence[tuple[str, bytes]] | tuple[Sequence[str], Load]
OnError = Literal["raise", "skip"]


class Bar(Protocol):
    """A progress bar; it knows the rate from how fast it is advanced."""

    def advance(self, n: int = 1) -> None: ...


def extract(
    images: Images,
    encoder: Encoder,
    *,
    cache: Path | None = None,
    batch: int = 32,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> Features:
    """Features of images, from the cache where it has them.

    Args:
        images: pairs of an id and the bytes of an image file; or the ids and a function that gives the bytes of
            one, which is called in order, from one thread.
        encoder: what to compute. A precision of "auto" is timed on the first call on a machine. Weights that are
            not here are fetched when the first image has to be computed.
        cache: folder of the caches; `data/features` unless told. Rows are found by the content of the image.
        batch: images computed at once; it changes the features by no more than rounding.
        on_error: "raise" at the first image that cannot be read, or "skip" it and say so in the result.
        progress: makes the bar, from (total, what, unit).

    Raises:
        ImageError: an image cannot be read; what was computed before it stays in the cache.
        DataError: there are no images, an id occurs twice, none of them can be read, or the weights cannot be had.
        StoreError: the cache cannot be read or written.
    """
    ids, load = _sources(images)
    cache = data_folder() / "features" if cache is None else cache
    settled = settle(encoder, ids, load, cache, batch, progress)
    job = _Extraction(ids, load, FeatureStore(cache, settled), batch, on_error, progress)
    title = f"features {settled.name}{', mirrored' if settled.mirror else ''}"
    with progress(len(ids), title, "images") if progress else nullcontext(_Silent()) as bar:
        return job.run(bar)


def extract_folder(folder: Path, encoder: Encoder, *, recursive: bool = False, **options: Any) -> Features:
    """Features of the image files of a folder, sorted; an id is the path inside the folder. Options as in `extract`.

    Raises:
        DataError: the folder does not exist or holds no image file.
    """
    ids = image_files(folder, recursive)
    return extract((ids, lambda name: (folder / name).read_bytes()), encoder, **options)


def image_files(folder: Path, recursive: bool = False) -> list[str]:
    """Paths of the image files of a folder, inside it, sorted.

    Raises:
        DataError: the folder does not exist or holds no image file.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}\nname a folder of images")
    found = folder.rglob("*") if recursive else folder.glob("*")
    names = sorted(path.relative_to(folder).as_posix() for path in found if path.suffix.lower() in SUFFIXES)
    if not names:
        kinds = ", ".join(sorted(SUFFIXES))
        deeper = "" if recursive else "; folders inside it were not searched"
        raise DataError(f"the folder {folder} holds no image\nlooked for files ending in {kinds}{deeper}")
    return names


def settle(
    encoder: Encoder,
    ids: Sequence[str],
    load: Load,
    cache: Path,
    batch: int = 32,
    progress: Progress | None = None,
) -> Encoder:
    """The encoder with "auto" replaced by what is fastest here, timed on these images unless that is known already."""
    if encoder.precision != "auto":
        return encoder
    model = f"{encoder.name}-{encoder.output}-batch{batch}"
    choice = precision.remembered(cache, model)
    if choice is None:
        pixels = sample(ids, load, encoder, batch)
        if pixels is None:
            raise DataError(f"none of the {len(ids)} images can be read; the first is {ids[0]!r}")
        encoder.ready(progress)
        options: tuple[Precision, ...] = ("float32", "mixed_bfloat16")  # the first wins a draw
        candidates: dict[str, Callable[[], precision.Forward]] = {
            name: functools.partial(encoder.with_precision(name).load) for name in options
        }
        choice = precision.choose(cache, model, candidates, pixels)
    return encoder.with_precision(cast(Precision, choice.precision))


def _sources(images: Images) -> tuple[list[str], Load]:
    if len(images) == 2 and callable(images[1]):
        ids, load = list(cast(Sequence[str], images[0])), images[1]
    else:
        pairs = cast(Sequence[tuple[str, bytes]], images)
        ids, load = [item for item, _ in pairs], dict(pairs).__getitem__
    if not ids:
        raise DataError("no images were given: there is nothing to extract features from")
    if len(set(ids)) < len(ids):
        twice = next(item for item in ids if ids.count(item) > 1)
        raise DataError(f"the id {twice!r} is given more than once: a row could not be told from another")
    return ids, load


class _Silent:
    def advance(self, n: int = 1) -> None:
        """Show nothing."""


class _Extraction:
    """One call of `extract`, after the encoder is settled."""

    def __init__(
        self,
        ids: list[str],
        load: Load,
        store: FeatureStore,
        batch: int,
        on_error: OnError,
        progress: Progress | None,
    ) -> None:
        self.ids, self.store, self.batch, self.skip, self.progress = ids, store, batch, on_error == "skip", progress
        self.encoder = store.encoder
        self.scan = Scan(ids, load, store.index(), skip=self.skip)
        self.computed, self.seconds, self.shown = 0, 0.0, 0

    def run(self, bar: Bar) -> Features:
        fresh = iter(self.scan)
        first = next(fresh, None)
        if first is not None:
            with self.store.writer() as writer:
                # Another process may have computed these while this one waited for its turn.
                self.scan.known = self.store.index()
                self._compute(itertools.chain([first], fresh), writer, bar)
        self._show(bar, len(self.ids))
        return self._result()

    def _compute(self, fresh: Iterator[Fresh], writer: Writer, bar: Bar) -> None:
        forward = None
        broken: dict[bytes, str] = {}
        self.encoder.ready(self.progress)
        started = time.perf_counter()
        wanted = (item for item in fresh if item.digest not in self.scan.known)
        for positions, pixels in batches(self.scan, wanted, self.encoder, self.batch, broken):
            forward = forward or self.encoder.load()
            if len(positions):
                rows = forward(pixels)[: len(positions)]
                writer.append([self.scan.digests[position] for position in positions.tolist()], rows)
                self.computed += len(rows)
                self._show(bar, int(positions[-1]) + 1)
            if broken and not self.skip:
                break
        self.seconds = time.perf_counter() - started
        if broken and not self.skip:
            raise ImageError(next(iter(broken.values())))
        if self.scan.error is not None:
            raise self.scan.error
        self.scan.drop(broken)

    def _show(self, bar: Bar, position: int) -> None:
        bar.advance(position - self.shown)
        self.shown = position

    def _result(self) -> Features:
        failures = self.scan.failures
        good = [position for position in range(len(self.ids)) if position not in failures]
        if not good:
            raise DataError(f"none of the {len(self.ids)} images can be read; the first: {failures[min(failures)]}")
        ids = [self.ids[position] for position in good]
        contents = [self.scan.digests[position] for position in good]
        return Features(
            ids=tuple(ids),
            array=self.store.array(contents),
            encoder=self.encoder,
            skipped=tuple(Skipped(self.ids[position], failures[position]) for position in sorted(failures)),
            digest=features_digest(self.encoder, ids, contents),
            images_per_second=self.computed / self.seconds if self.seconds else 0.0,
            from_cache=len(ids) - self.computed,
        )
