"""The real archives that lie beside the checkout are fetched, examined and opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlcamp.cli.main import main
from dlcamp.data.catalog import entry
from dlcamp.data.fetched import fetched, manifest_of
from dlcamp.paths import REPOSITORY

SHARED = REPOSITORY.parent / "shared" / "data"
FASHION = Path("/usr/share/datasets/fashion-mnist")

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not SHARED.exists(), reason="shared/data is not beside the checkout"),
]


def fetch(capsys: pytest.CaptureFixture[str], name: str, given: Path | None = SHARED) -> str:
    """What was said; a second time must do nothing."""
    arguments = ["data", f"DATA={name}", *([f"FROM={given}"] if given else [])]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert main(arguments) == 0
    assert "FORCE=1 fetches again" in capsys.readouterr().out
    return said


def opened(name: str, files: int) -> Any:
    manifest = manifest_of(name)
    assert manifest is not None
    assert len(manifest.files) == files
    data = entry(name).open()
    assert data.digest == fetched(name).digest
    return data


def test_flickr8k(fresh_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = fetch(capsys, "flickr8k")
    assert "Flickr8k_Dataset.zip: not the published file" in said
    assert "2258277193_586949ec62.jpg.1" in said
    data = opened("flickr8k", 7491 + 4)
    assert [len(data.items(split)) for split in ("train", "val", "test")] == [6000, 1000, 400]
    assert data.image(data.items("test")[0].id)[:3] == b"\xff\xd8\xff"


def test_mnist(fresh_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch(capsys, "mnist")
    assert len(opened("mnist", 1).split(0).test.y) == 10_000


@pytest.mark.parametrize(("file", "rows"), [("smsspamcollection.zip", 5574), ("spam.csv", 5572)])
def test_sms_spam(fresh_home: Path, capsys: pytest.CaptureFixture[str], file: str, rows: int) -> None:
    fetch(capsys, "sms_spam", SHARED / file)
    assert len(opened("sms_spam", 1).rows) == rows


def test_gtsrb(fresh_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = fetch(capsys, "gtsrb")
    assert "train: 13,070 images" in said
    opened("gtsrb", 13_070 + 43 + 2000 + 1)


@pytest.mark.skipif(not FASHION.exists(), reason="Debian's dataset-fashion-mnist is not installed")
def test_fashion_mnist_is_found_where_debian_puts_it(fresh_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Debian" in fetch(capsys, "fashion_mnist", None)
    assert len(opened("fashion_mnist", 4).split(0).test.y) == 10_000


def test_photographs_of_ones_own(fresh_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder in Kaggle's form, made of the first real photographs and captions."""
    import zipfile

    photos = tmp_path / "photos"
    (photos / "Images").mkdir(parents=True)
    with zipfile.ZipFile(SHARED / "Flickr8k_Dataset.zip") as archive:
        names = [name.rpartition("/")[2] for name in archive.namelist()[:50]]
        for name in names:
            (photos / "Images" / name).write_bytes(archive.read(f"Flicker8k_Dataset/{name}"))
    with zipfile.ZipFile(SHARED / "Flickr8k_text.zip") as archive:
        tokens = [line.split("\t") for line in archive.read("Flickr8k.token.txt").decode().splitlines()]
    rows = [f'{key[:-2]},"{words}"' for key, words in tokens if key[:-2] in names]
    (photos / "captions.txt").write_text("\n".join(["image,caption", *rows]))
    assert "captions.txt read in the Kaggle form" in fetch(capsys, "mine", photos)
    data = opened("mine", 51)
    assert sum(len(data.items(split)) for split in ("train", "val", "test")) == 50
