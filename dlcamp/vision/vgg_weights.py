"""Where the weights of a VGG are: found, fetched once, or said how to get them.

Three ways: the file that Keras publishes (in Keras' own cache, or fetched into `data/weights/`), a path, or the
course's exported pair of json and h5. Nothing here reads weights; `vgg_files` does.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from dlcamp.data.fetch.download import Patience, Unavailable, download
from dlcamp.data.fetch.remote import Digests, amount, digests
from dlcamp.data.fetch.space import disk_error, free_space
from dlcamp.errors import DataError, WeightsUnavailable
from dlcamp.paths import data_folder
from dlcamp.vision.vgg_table import configuration

if TYPE_CHECKING:
    from dlcamp.vision.encoder import Progress

log = logging.getLogger(__name__)

# A machine without a network should be told soon what else it can do.
PATIENCE = Patience(stall=20.0, tries=3)

SUFFIXES = (".h5", ".hdf5", ".keras")


@dataclass(frozen=True)
class Published:
    """A file of weights that Keras publishes (keras.applications), and what it reaches on ImageNet (%, top-1)."""

    url: str
    md5: str
    size: int
    top_1: float

    @property
    def file(self) -> str:
        return self.url.rsplit("/", 1)[-1]


_BUCKET = "https://storage.googleapis.com/tensorflow/keras-applications"
PUBLISHED = {
    "vgg16": Published(
        f"{_BUCKET}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
        "64373286793e3c8b2b4e3219cbf3544b",
        553_467_096,
        71.3,
    ),
    "vgg19": Published(
        f"{_BUCKET}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels.h5",
        "cbe5617147190e668d6c5d5026f83318",
        574_710_816,
        71.3,
    ),
}


def find(name: str, weights: str = "") -> Path | None:
    """The file that holds the weights, if it is here: nothing is fetched or read, and TensorFlow is not needed.

    Args:
        name: a row of `vgg_table.CONFIGURATIONS`.
        weights: "" for the published ones; else a path as for `locate`.
    """
    if weights:
        with contextlib.suppress(DataError):
            return resolve(name, weights)
        return None
    return next(iter(_candidates(name)), None)


def locate(name: str, weights: str = "", progress: Progress | None = None, *, patience: Patience = PATIENCE) -> Path:
    """The file that holds the weights, fetched if need be.

    Args:
        name: a row of `vgg_table.CONFIGURATIONS`.
        weights: "" for those that Keras publishes: its own cache (~/.keras/models) is looked into, then
            `data/weights/`, then the network. Else the path of a file of weights (.weights.h5 of Keras 3, .h5 of
            older ones), of a whole model (.keras, .h5), or of the course's pair: the json, the h5 or their folder.
        progress: makes the bar of the download.
        patience: how long to wait for the server.

    Raises:
        DataError: there is no such file, or it cannot be fetched; the message says what else can be done.
    """
    if weights:
        return resolve(name, weights)
    wanted = published(name)
    for path in _candidates(name):
        if digests_of(path).md5 == wanted:
            return path
        log.warning("%s is not the file that Keras publishes (another md5): it is not used", path)
    return _fetched(name, progress, patience)


def published(name: str) -> str:
    """What identifies the published weights, known without having them: the md5 that Keras gives.

    Raises:
        DataError: nobody publishes weights of this net.
    """
    title = configuration(name).title
    if name not in PUBLISHED:
        raise DataError(f"no weights of {title} are published\nname a file that holds some: weights=PATH")
    return PUBLISHED[name].md5


def identity(name: str, path: Path) -> str:
    """What identifies the weights in a file: `published` for a copy of that file wherever it lies, else its sha256."""
    found = digests_of(path)
    return found.md5 if name in PUBLISHED and found.md5 == PUBLISHED[name].md5 else found.sha256


def digest_of(path: Path) -> str:
    """sha256 of a file; a file that was seen before and has its size and time of change is not read again."""
    return digests_of(path).sha256


def digests_of(path: Path) -> Digests:
    """sha256 and md5 of a file, kept in `data/weights/digests.json`.

    Raises:
        DataError: the file cannot be read.
    """
    path, kept = path.absolute(), data_folder() / "weights" / "digests.json"
    try:
        facts = path.stat()
        stamp = {"size": facts.st_size, "mtime_ns": facts.st_mtime_ns}
        entry = _read(kept).get(str(path), {})
        with contextlib.suppress(KeyError, TypeError):
            if {name: entry[name] for name in stamp} == stamp:
                return Digests(entry["sha256"], entry["md5"], entry["size"])
        found = digests(path)
    except OSError as error:
        raise DataError(f"cannot read the weights {path}: {error.strerror or error}") from error
    _keep(kept, str(path), {**asdict(found), **stamp})
    return found


def resolve(name: str, weights: str) -> Path:
    """The file that a path names: itself, the h5 beside a json, or the one inside a folder; DataError for none."""
    path = Path(weights).expanduser().absolute()
    title = configuration(name).title
    if path.is_dir():
        return _inside(path, name)
    if not path.exists():
        raise DataError(f"there are no weights of {title} at {path}\n{advice(name)}")
    if path.suffix.lower() == ".json":
        for suffix in (".h5", ".hdf5", ".weights.h5", ".keras"):
            if path.with_suffix(suffix).is_file():
                return path.with_suffix(suffix)
        raise DataError(
            f"{path.name} describes a net, its weights are not beside it: "
            f"looked for {path.with_suffix('.h5')}\nput the h5 of the pair there"
        )
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{path} was given as the weights of {title}\n"
            f"these can be read: {', '.join(SUFFIXES)}, the json of an exported pair, or a folder with the pair"
        )
    return path


def description_of(path: Path) -> Path | None:
    """The json that describes the net of an exported pair, found beside its weights."""
    for stem in (path.stem, path.name.removesuffix(".h5").removesuffix(".weights")):
        if path.with_name(f"{stem}.json").is_file():
            return path.with_name(f"{stem}.json")
    return None


def advice(name: str) -> str:
    """What can be done where the weights of a net are not at hand."""
    title, lines = configuration(name).title, []
    if name in PUBLISHED:
        file = PUBLISHED[name]
        lines.append(f"get {file.url} ({amount(file.size)}) by another way and put it at {_own(name)}")
    lines.append(
        f"or name a file that you have: SET=encoder_weights=/path (h5, keras, or the course's {name} json + h5)"
    )
    against = f", against {PUBLISHED[name].top_1} % of {title}" if name in PUBLISHED else ""
    lines.append(
        'or take the embedded encoder: SET="encoder=lite0 preprocessing=own" (EfficientNet-Lite0, comes with the '
        f"package: 1,280 values an image, ImageNet top-1 75.1 %{against})"
    )
    return "\n".join(lines)


def _candidates(name: str) -> Iterator[Path]:
    """Files with the name and the size of the published one, Keras' cache first."""
    published(name)
    keras_home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    for path in (keras_home / "models" / PUBLISHED[name].file, _own(name)):
        with contextlib.suppress(OSError):
            if path.stat().st_size == PUBLISHED[name].size:
                yield path


def _own(name: str) -> Path:
    return data_folder() / "weights" / PUBLISHED[name].file


def _inside(folder: Path, name: str) -> Path:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    pairs = [path for path in files if description_of(path)]
    named = [path for path in files if name in path.name.lower()]
    for choice in (pairs, [path for path in pairs if path in named], files, named):
        if len(choice) == 1:
            return choice[0]
    found = ", ".join(path.name for path in files) or f"no file ending in {', '.join(SUFFIXES)}"
    raise DataError(
        f"which file of the folder {folder} holds the weights of {configuration(name).title} is not clear: "
        f"it has {found}\nname the file"
    )


def _fetched(name: str, progress: Progress | None, patience: Patience) -> Path:
    """Download the published file; one process at a time, the others find it done."""
    wanted, target = PUBLISHED[name], _own(name)
    arrived = target.parent / "arriving" / target.name

    def whole(path: Path) -> bool:
        return path.stat().st_size == wanted.size and digests(path).md5 == wanted.md5

    try:
        arrived.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f"{target.name}.lock")):
            if not (target.is_file() and whole(target)):
                download(wanted.url, arrived, _Report(progress), patience=patience, free=free_space, whole=whole)
                if not whole(arrived):
                    got = digests(arrived)
                    arrived.unlink()
                    raise Unavailable(
                        f"another file came: {got.size:,} bytes, md5 {got.md5}, "
                        f"expected {wanted.size:,}, md5 {wanted.md5}"
                    )
                os.replace(arrived, target)
    except Unavailable as error:
        title = configuration(name).title
        reason = str(error).removeprefix(f"{wanted.url}: ")  # the advice names it
        raise WeightsUnavailable(
            f"the weights of {title} are not here and could not be fetched: {reason}\n{advice(name)}"
        ) from error
    except OSError as error:
        raise disk_error(target, error) from error
    return target


class _Report:
    """What a download tells, as a bar and as lines of the log."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress

    def say(self, line: str) -> None:
        log.warning("%s", line)

    def progress(self, total: int, what: str) -> AbstractContextManager[Any]:
        return self._progress(total, what, "bytes") if self._progress else nullcontext(self)

    def advance(self, count: int) -> None:
        """Show nothing."""


def _read(path: Path) -> dict[str, dict]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _keep(path: Path, name: str, entry: dict) -> None:
    """Write an entry down; where the folder cannot be written the next process reads the file again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            part = path.with_suffix(".json.part")
            part.write_text(json.dumps(_read(path) | {name: entry}, indent=1) + "\n", "utf-8")
            os.replace(part, path)
    except OSError as error:
        log.warning("the digest of %s could not be kept in %s: %s", name, path, error)
