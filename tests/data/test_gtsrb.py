"""GTSRB: measures in original pixels, validation by track, the official test."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import pytest

from dlcamp.data.gtsrb import Gtsrb, Sign, examine
from dlcamp.errors import DataError
from dlcamp.paths import REPOSITORY

SHARED = REPOSITORY.parent / "shared" / "data"
HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
TRACKS, FRAMES = 5, 3


def write(folder: Path, classes: int = 4, tracks: int = TRACKS) -> Path:
    """Classes of five tracks with three frames each, and two test images a class."""
    root = folder / "GTSRB"
    for label in range(classes):
        place = root / "Final_Training" / "Images" / f"{label:05d}"
        place.mkdir(parents=True)
        names = [f"{track:05d}_{frame:05d}.ppm" for track in range(tracks) for frame in range(FRAMES)]
        for name in names:
            (place / name).write_bytes(f"sign {label} {name}".encode())
        rows = [f"{name};29;30;5;6;24;25;{label}" for name in names]
        (place / f"GT-{label:05d}.csv").write_text("\r\n".join([HEADER, *rows]) + "\r\n")
    place = root / "Final_Test" / "Images"
    place.mkdir(parents=True)
    for number in range(2 * classes):
        (place / f"{number:05d}.ppm").write_bytes(f"test {number}".encode())
    rows = [f"{number:05d}.ppm;53;54;6;5;48;49;{number // 2}" for number in range(2 * classes)]
    (root / "GT-final_test.csv").write_text("\n".join([HEADER, *rows]))
    return folder


def train_table(folder: Path) -> Path:
    return folder / "GTSRB" / "Final_Training" / "Images" / "00001" / "GT-00001.csv"


def test_items_have_class_track_and_the_originals_measures(tmp_path: Path) -> None:
    data = Gtsrb(write(tmp_path))
    id = "Final_Training/Images/00001/00002_00000.ppm"
    assert data.train_all[1 * 15 + 2 * 3] == Sign(id, 1, "00001/00002", 29, 30, (5, 6, 24, 25))
    assert data.test[2] == Sign("Final_Test/Images/00002.ppm", 1, None, 53, 54, (6, 5, 48, 49))
    assert data.image(id) == b"sign 1 00002_00000.ppm"
    assert data.image("Final_Test/Images/00002.ppm") == b"test 2"
    assert (len(data.train_all), len(data.test), data.name) == (60, 8, "gtsrb")


def test_val_is_cut_by_track_and_holds_every_class(tmp_path: Path) -> None:
    data = Gtsrb(write(tmp_path))
    cut = data.split(0)
    assert Counter(sign.label for sign in cut.val) == dict.fromkeys(range(4), FRAMES)
    assert not {sign.track for sign in cut.train} & {sign.track for sign in cut.val}
    assert sorted(sign.id for sign in (*cut.train, *cut.val)) == sorted(sign.id for sign in data.train_all)
    assert cut.test == data.test
    assert data.split(0) == cut
    assert any(data.split(seed).val != cut.val for seed in range(1, 4))


def test_a_class_with_one_track_stays_in_train(tmp_path: Path) -> None:
    cut = Gtsrb(write(tmp_path, tracks=1)).split(0)
    assert (len(cut.train), len(cut.val)) == (12, 0)


def test_listed_images_that_are_absent_are_counted_up_to_a_tenth(tmp_path: Path) -> None:
    write(tmp_path, classes=43)
    images = sorted((tmp_path / "GTSRB" / "Final_Training" / "Images").glob("*/00000_00000.ppm"))
    for path in images[:10]:
        path.unlink()
    (tmp_path / "GTSRB" / "Final_Test" / "Images" / "00003.ppm").unlink()
    assert examine(tmp_path) == [
        "train: 635 images (officially 39,209); 10 listed are absent",
        "test: 85 images (officially 12,630); 1 listed are absent",
        "43 classes; train shows 215 signs, about thirty frames each officially",
    ]
    for path in sorted((tmp_path / "GTSRB" / "Final_Training" / "Images").glob("0000[0-4]/*.ppm")):
        path.unlink()
    with pytest.raises(DataError, match=r"of the 645 train images are not in"):
        Gtsrb(tmp_path).split(0)


def test_a_class_that_is_missing_is_named_when_examined(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no training images of the classes 00042"):
        examine(write(tmp_path, classes=42))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("00009_00000.ppm;29;30;5;6;24;x;1", "line 17: .* seven whole numbers"),
        ("00009_00000.ppm;29;30", "line 17: .* seven whole numbers"),
        ("00009_00000.ppm;29;30;5;6;24;25;43", "a class is 0 to 42"),
        ("00009_00000.ppm;29;30;5;6;24;25;2", "class 2 in the folder of class 00001"),
        ("00009.ppm;29;30;5;6;24;25;1", "TTTTT_FFFFF"),
        ("../00000/00001_00000.ppm;29;30;5;6;24;25;1", "TTTTT_FFFFF"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = train_table(write(tmp_path))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError, match=message) as caught:
        Gtsrb(tmp_path).split(0)
    assert "GT-00001.csv" in str(caught.value)


def test_a_table_with_other_columns_or_none_is_refused(tmp_path: Path) -> None:
    path = train_table(write(tmp_path))
    path.write_text(path.read_text().replace(";", ","))
    with pytest.raises(DataError, match=r"it should have Filename, Width"):
        Gtsrb(tmp_path).split(0)
    path.unlink()
    with pytest.raises(DataError, match=r"cannot read .*GT-00001.csv"):
        Gtsrb(tmp_path).split(0)


def test_each_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder GTSRB"):
        examine(tmp_path)
    write(tmp_path, classes=43)
    table = tmp_path / "GTSRB" / "GT-final_test.csv"
    table.rename(tmp_path / "GT-final_test.csv")  # where the official archive of the labels leaves it
    examine(tmp_path)
    (tmp_path / "GT-final_test.csv").unlink()
    with pytest.raises(DataError, match=r"GTSRB_Final_Test_GT.zip"):
        examine(tmp_path)
    (tmp_path / "GTSRB" / "Final_Training").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"GTSRB_Final_Training_Images.zip"):
        examine(tmp_path)


def test_only_images_of_the_set_can_be_asked_for(tmp_path: Path) -> None:
    data = Gtsrb(write(tmp_path))
    for id in ("../secret", "Final_Training/Images/00001/GT-00001.csv", "00002.ppm"):
        with pytest.raises(DataError, match=r"no image .* an id is like Final_Training/Images/00000/00000_00000.ppm"):
            data.image(id)


@pytest.mark.real_data
def test_the_real_files_have_the_known_counts(tmp_path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent")
    for name in ("GTSRB_Final_Training_Images.zip", "GTSRB_Final_Test_Images.zip"):
        with zipfile.ZipFile(SHARED / name) as archive:
            archive.extractall(tmp_path)
    assert examine(tmp_path) == [
        "train: 13,070 images (officially 39,209)",
        "test: 2,000 images (officially 12,630)",
        "43 classes; train shows 1,307 signs, about thirty frames each officially",
    ]
    cut = Gtsrb(tmp_path).split(0)
    assert (len(cut.train), len(cut.val), len(cut.test)) == (10_460, 2_610, 2_000)
    assert {sign.label for sign in cut.val} == set(range(43))
    assert Gtsrb(tmp_path).image(cut.val[0].id).startswith(b"\x89PNG")
