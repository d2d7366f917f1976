from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dlcamp.data.fetch.download import Patience
from dlcamp.errors import DataError, UnknownName
from dlcamp.paths import data_folder
from dlcamp.vision import vgg_weights
from dlcamp.vision.vgg_weights import PUBLISHED, Published, advice, digest_of, digests_of, find, identity, locate

CONTENT = b"the weights of a net" * 1000
IMPATIENT = Patience(stall=2.0, tries=2, pause=0.01)


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLCAMP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on a loopback server, from which the weights of vgg16 are published."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/vgg16_kernels.h5"
    file = Published(url, hashlib.md5(CONTENT).hexdigest(), len(CONTENT), 71.3)
    monkeypatch.setitem(PUBLISHED, "vgg16", file)
    yield folder
    server.shutdown()
    server.server_close()


def _put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_published_files_are_those_of_keras_applications() -> None:
    from keras.src.applications import vgg16, vgg19

    assert PUBLISHED["vgg16"].url == vgg16.WEIGHTS_PATH
    assert PUBLISHED["vgg19"].url == vgg19.WEIGHTS_PATH
    for module, name in ((vgg16, "vgg16"), (vgg19, "vgg19")):
        assert PUBLISHED[name].md5 in Path(module.__file__).read_text()


def test_finding_fetches_nothing_and_needs_no_tensorflow(tmp_path: Path) -> None:
    code = """
import sys
from dlcamp.vision.encoder import choose
from dlcamp.vision.vgg_weights import find
assert find("vgg16") is None and find("vgg19", sys.argv[1]) is None
encoder = choose("vgg16", "pooled", precision="float32")
assert encoder.key and encoder.shape == (4096,) and not encoder.available
assert not {"tensorflow", "keras", "h5py"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "absent.h5")], check=True, timeout=60)
    assert not (tmp_path / "home").exists()


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("place", ["keras/models", "home/data/weights"])
def test_the_published_file_is_found_where_keras_or_an_earlier_run_put_it(tmp_path: Path, place: str) -> None:
    path = _put(tmp_path / place / "vgg16_kernels.h5")
    assert find("vgg16") == locate("vgg16") == path
    assert identity("vgg16", path) == vgg_weights.published("vgg16")


@pytest.mark.usefixtures("served")
def test_a_file_that_only_bears_the_name_is_not_taken(tmp_path: Path) -> None:
    cut = _put(tmp_path / "keras/models/vgg16_kernels.h5", CONTENT[:-1])
    assert find("vgg16") is None
    _put(cut, b"x" + CONTENT[1:])
    with pytest.raises(DataError, match="could not be fetched"):
        locate("vgg16", patience=IMPATIENT)


class _Bar:
    def __init__(self) -> None:
        self.opened: list[tuple[int, str, str]] = []
        self.done = 0

    @contextmanager
    def __call__(self, total: int, what: str, unit: str) -> Iterator[_Bar]:
        self.opened.append((total, what, unit))
        yield self

    def advance(self, n: int = 1) -> None:
        self.done += n


def test_what_is_nowhere_is_fetched_once_and_checked(served: Path, tmp_path: Path) -> None:
    published = _put(served / "vgg16_kernels.h5")
    bar = _Bar()
    path = locate("vgg16", progress=bar)
    assert path == data_folder() / "weights" / "vgg16_kernels.h5"
    assert path.read_bytes() == CONTENT
    assert bar.opened[0][0] == bar.done == len(CONTENT)
    published.unlink()
    assert locate("vgg16") == path
    assert {item.name for item in path.parent.iterdir() if "kernels" in item.name} <= {path.name, f"{path.name}.lock"}


def test_another_file_at_the_address_is_refused_and_not_kept(served: Path) -> None:
    _put(served / "vgg16_kernels.h5", CONTENT[::-1])
    with pytest.raises(
        DataError, match=r"(?s)another file came: 20,000 bytes, md5 \w+.*encoder=lite0 preprocessing=own"
    ):
        locate("vgg16", patience=IMPATIENT)
    assert find("vgg16") is None
    assert not list((data_folder() / "weights" / "arriving").iterdir())


@pytest.mark.usefixtures("served")
def test_where_nothing_can_be_fetched_every_way_out_is_told() -> None:
    with pytest.raises(DataError) as caught:
        locate("vgg16", patience=IMPATIENT)
    told = str(caught.value)
    for part in (
        "the weights of VGG16 are not here and could not be fetched",
        "404",
        PUBLISHED["vgg16"].url,
        str(data_folder() / "weights" / "vgg16_kernels.h5"),
        "SET=encoder_weights=",
        'SET="encoder=lite0 preprocessing=own" (EfficientNet-Lite0, comes with the package: 1,280 values an image, '
        "ImageNet top-1 75.1 %, against 71.3 % of VGG16)",
    ):
        assert part in told


@pytest.mark.usefixtures("served")
def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    _put(tmp_path / "home" / "data", b"in the way")
    with pytest.raises(DataError, match="cannot write"):
        locate("vgg16", patience=IMPATIENT)


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_the_advice_names_the_download_and_its_place(name: str) -> None:
    assert f"{PUBLISHED[name].url} ({PUBLISHED[name].size / 1e6:.0f} MB)" in advice(name)


@pytest.mark.parametrize("asked", ["vgg16_exported.json", "vgg16_exported.h5", "."])
def test_each_name_of_a_pair_leads_to_its_weights(tmp_path: Path, asked: str) -> None:
    weights = _put(tmp_path / "pair/vgg16_exported.h5")
    _put(tmp_path / "pair/vgg16_exported.json")
    assert find("vgg16", str(tmp_path / "pair" / asked)) == weights
    assert vgg_weights.description_of(weights) == weights.with_suffix(".json")


def test_a_folder_with_two_pairs_is_settled_by_the_name_of_the_net(tmp_path: Path) -> None:
    for name in ("vgg16_exported", "vgg19_exported"):
        _put(tmp_path / "pairs" / f"{name}.json")
        _put(tmp_path / "pairs" / f"{name}.h5")
    found = locate("vgg19", str(tmp_path / "pairs"))
    assert found.name == "vgg19_exported.h5"


@pytest.mark.parametrize(
    ("files", "asked", "reason"),
    [
        ([], "absent.h5", "there are no weights of VGG16 at"),
        (["a.json"], "a.json", "its weights are not beside it"),
        (["a.npz"], "a.npz", r"\.h5, \.hdf5, \.keras"),
        ([], ".", "no file ending in"),
        (["a.h5", "b.h5"], ".", r"is not clear: it has a\.h5, b\.h5"),
    ],
)
def test_a_path_that_names_no_weights_is_told_what_is_missing(
    tmp_path: Path, files: list[str], asked: str, reason: str
) -> None:
    (tmp_path / "given").mkdir()
    for name in files:
        _put(tmp_path / "given" / name)
    assert find("vgg16", str(tmp_path / "given" / asked)) is None
    with pytest.raises(DataError, match=reason):
        locate("vgg16", str(tmp_path / "given" / asked))


@pytest.mark.usefixtures("small_vggs")
def test_a_net_nobody_publishes_and_an_unknown_net_are_told_apart() -> None:
    with pytest.raises(DataError, match="no weights of small VGG16 are published"):
        find("small_vgg16")
    with pytest.raises(UnknownName, match="vgg15"):
        find("vgg15")


def test_a_digest_is_computed_once_for_a_file_as_it_is(tmp_path: Path) -> None:
    path = _put(tmp_path / "w.h5")
    assert digest_of(path) == hashlib.sha256(CONTENT).hexdigest()
    kept = data_folder() / "weights" / "digests.json"
    assert list(json.loads(kept.read_text())) == [str(path)]
    stamp = path.stat().st_mtime_ns
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(stamp, stamp))
    assert digest_of(path) == hashlib.sha256(CONTENT).hexdigest()  # same size, same time: not read
    os.utime(path, ns=(stamp, stamp + 1))
    assert digest_of(path) == hashlib.sha256(CONTENT[::-1]).hexdigest()
    kept.write_text("{damaged")
    assert digests_of(path).md5 == hashlib.md5(CONTENT[::-1]).hexdigest()
    with pytest.raises(DataError, match="cannot read the weights"):
        digest_of(tmp_path / "absent.h5")


@pytest.mark.usefixtures("served")
def test_a_copy_of_the_published_file_is_known_wherever_it_lies(tmp_path: Path) -> None:
    copy, other = _put(tmp_path / "copy.h5"), _put(tmp_path / "other.h5", b"other")
    assert identity("vgg16", copy) == vgg_weights.published("vgg16")
    assert identity("vgg16", other) == hashlib.sha256(b"other").hexdigest()


def test_the_table_holds_sizes_and_marks_of_both_nets() -> None:
    assert PUBLISHED["vgg16"].file == "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
    # float32 values, and the structure of the file around them
    for name, parameters in (("vgg16", 138_357_544), ("vgg19", 143_667_240)):
        assert 0 < PUBLISHED[name].size - 4 * parameters < 100_000
