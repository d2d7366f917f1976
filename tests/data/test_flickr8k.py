"""Flickr8k: the official layout and splits, and what real copies of it lack."""

from __future__ import annotations

import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from dlcamp.data.fetched import FileRecord, Manifest
from dlcamp.data.flickr8k import Flickr8k, examine
from dlcamp.data.unpacked import sha256_of
from dlcamp.errors import DataError
from dlcamp.paths import REPOSITORY

SHARED = REPOSITORY.parent / "shared" / "data"
SIZES = {"train": 20, "dev": 10, "test": 10}


def names(split: str) -> list[str]:
    """The list of a split, not in the order of the alphabet."""
    return [f"{split}_{number}.jpg" for number in reversed(range(SIZES[split]))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny Flickr8k in the official layout, with two captions an image."""
    images = tmp_path / "Flicker8k_Dataset"
    images.mkdir()
    captions = []
    for split in SIZES:
        for name in names(split):
            (images / name).write_bytes(f"JPEG of {name}".encode())
            captions += [f"{name}#0\tFirst of {name} , here .", f"{name}#1\tsecond of {name}"]
        (tmp_path / f"Flickr_8k.{split}Images.txt").write_text("\n".join(names(split)) + "\n")
    (tmp_path / "Flickr8k.token.txt").write_text("\n".join(sorted(captions)) + "\n")
    return tmp_path


def drop(folder: Path, split: str, count: int) -> list[str]:
    gone = names(split)[:count]
    for name in gone:
        (folder / "Flicker8k_Dataset" / name).unlink()
    return gone


def rewrite(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def test_items_stand_in_the_lists_order_with_their_captions_as_written(folder: Path) -> None:
    data = Flickr8k(folder)
    assert [item.id for item in data.items("train")] == names("train")
    assert [item.id for item in data.items("val")] == names("dev")
    assert [item.id for item in data.items("test", limit=3)] == names("test")[:3]
    first = data.items("train")[0]
    assert first.references == (f"First of {first.id} , here .", f"second of {first.id}")
    assert data.image(first.id) == f"JPEG of {first.id}".encode()
    assert data.name == "flickr8k"


def test_opening_reads_no_file_and_items_read_no_image(folder: Path) -> None:
    image = folder / "Flicker8k_Dataset" / names("train")[0]
    image.unlink()
    image.symlink_to(folder / "nowhere")  # reading it would fail
    assert len(Flickr8k(folder).items("train")) == 20
    (folder / "Flickr8k.token.txt").unlink()
    data = Flickr8k(folder)
    with pytest.raises(DataError, match=r"no Flickr8k.token.txt"):
        data.items("train")


def test_line_endings_marks_and_blanks_of_other_systems_change_nothing(folder: Path) -> None:
    before = Flickr8k(folder).items("train")
    for path in folder.glob("*.txt"):
        rewrite(path, "\ufeff" + path.read_text().replace("\n", "  \r\n") + "\r\n \r\n")
    assert Flickr8k(folder).items("train") == before


def test_a_caption_key_without_image_is_counted_and_not_an_error(folder: Path) -> None:
    path = folder / "Flickr8k.token.txt"
    rewrite(path, path.read_text() + "2258277193_586949ec62.jpg.1#0\tpeople waiting for the subway\n")
    data = Flickr8k(folder)
    assert data.orphans() == ["2258277193_586949ec62.jpg.1"]
    assert [len(data.items(split)) for split in ("train", "val", "test")] == [20, 10, 10]
    assert "caption keys without an image: 1 (2258277193_586949ec62.jpg.1)" in examine(folder)


def test_a_tenth_of_train_and_val_may_be_absent_and_is_counted(folder: Path) -> None:
    gone = drop(folder, "train", 2) + drop(folder, "dev", 1)
    data = Flickr8k(folder)
    assert not {item.id for item in (*data.items("train"), *data.items("val"))} & set(gone)
    assert data.report() == {
        "data_train_used": 18, "data_train_listed": 20, "data_train_absent": 2, "data_train_uncaptioned": 0,
        "data_val_used": 9, "data_val_listed": 10, "data_val_absent": 1, "data_val_uncaptioned": 0,
        "data_test_used": 10, "data_test_listed": 10, "data_test_absent": 0, "data_test_uncaptioned": 0,
    }  # fmt: skip
    lines = examine(folder)
    assert lines[0] == (
        "train: 18 images of 20 listed; 2 are absent (train_19.jpg, train_18.jpg) (the official list has 6,000)"
    )


@pytest.mark.parametrize(("split", "count", "name"), [("train", 3, "train"), ("dev", 2, "val")])
def test_more_than_a_tenth_of_train_or_val_absent_is_an_error(folder: Path, split: str, count: int, name: str) -> None:
    drop(folder, split, count)
    with pytest.raises(DataError, match=rf"{count} of the \d+ images listed for {name} cannot be used.*\n.*absent"):
        Flickr8k(folder).items("test")


def test_absent_test_images_are_counted_until_none_is_left(folder: Path) -> None:
    drop(folder, "test", 9)
    assert len(Flickr8k(folder).items("test")) == 1
    assert "test: 1 images of 10 listed; 9 are absent" in examine(folder)[2]
    (folder / "Flicker8k_Dataset" / names("test")[9]).unlink()
    with pytest.raises(DataError, match=r"no test image"):
        Flickr8k(folder).items("train")


def test_images_without_captions_are_counted_as_missing(folder: Path) -> None:
    path = folder / "Flickr8k.token.txt"
    silent = names("train")[:2]
    kept = [line for line in path.read_text().splitlines() if line.split("#")[0] not in silent]
    rewrite(path, "\n".join(kept))
    data = Flickr8k(folder)
    assert data.report()["data_train_uncaptioned"] == 2
    assert [item.id for item in data.items("train")] == names("train")[2:]
    assert "2 have no caption (train_19.jpg, train_18.jpg)" in examine(folder)[0]


def test_malformed_caption_lines_are_named_with_number_and_content(folder: Path) -> None:
    path = folder / "Flickr8k.token.txt"
    rewrite(path, "no key at all\n" + path.read_text() + "train_1.jpg#2\t\n")
    data = Flickr8k(folder)
    assert [line.number for line in data.token_file.bad] == [1, 82]
    assert examine(folder)[-3:] == [
        "2 of 82 lines of Flickr8k.token.txt cannot be used",
        "  line 1: 'no key at all': no tab between image#number and caption",
        "  line 82: 'train_1.jpg#2': the caption is empty",
    ]


def test_a_page_of_html_in_place_of_the_captions_is_an_error(folder: Path) -> None:
    rewrite(folder / "Flickr8k.token.txt", "<html>\n<body>\n404 not found\n</body>\n</html>\n")
    with pytest.raises(DataError, match=r"5 of 5 lines of Flickr8k.token.txt cannot be used"):
        Flickr8k(folder).items("train")


def test_identical_files_are_reported_with_their_splits_and_stay(folder: Path) -> None:
    images = folder / "Flicker8k_Dataset"
    for name in ("train_3.jpg", "test_5.jpg", "train_7.jpg"):
        (images / name).write_bytes(b"the same picture")
    (images / "dev_1.jpg").write_bytes(b"the same length!")
    data = Flickr8k(folder)
    found = data.duplicates()
    assert [tuple(pair) for pair in found] == [
        ("train_7.jpg", "train", "train_3.jpg", "train"),
        ("train_7.jpg", "train", "test_5.jpg", "test"),
    ]
    assert [pair.across for pair in found] == [False, True]
    assert "identical files: 1 pair across splits, 1 pair within one" in examine(folder)
    assert "  train_7.jpg (train) = test_5.jpg (test)" in examine(folder)
    assert [len(data.items(split)) for split in ("train", "val", "test")] == [20, 10, 10]


def test_an_image_in_two_splits_is_an_error(folder: Path) -> None:
    path = folder / "Flickr_8k.testImages.txt"
    rewrite(path, path.read_text() + "train_4.jpg\n")
    with pytest.raises(DataError, match=r"'train_4.jpg' is listed in train and in test"):
        Flickr8k(folder).items("train")


def test_an_image_listed_twice_in_one_list_is_one_item(folder: Path) -> None:
    path = folder / "Flickr_8k.testImages.txt"
    rewrite(path, path.read_text() + names("test")[0])
    assert [item.id for item in Flickr8k(folder).items("test")] == names("test")


def test_the_text_archive_alone_says_that_the_images_are_missing(folder: Path) -> None:
    (folder / "Flicker8k_Dataset").rename(folder / "elsewhere")
    with pytest.raises(DataError, match=r"(?s)no Flicker8k_Dataset in .*it holds .*Flickr8k_Dataset.zip"):
        examine(folder)


def test_the_images_alone_say_that_the_captions_are_missing(folder: Path) -> None:
    for path in folder.glob("*.txt"):
        path.unlink()
    with pytest.raises(DataError, match=r"(?s)no Flickr8k.token.txt, Flickr_8k.trainImages.txt.*Flickr8k_text.zip"):
        examine(folder)


def test_another_folder_is_not_flickr8k_and_the_kaggle_form_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)it holds nothing.*Flickr8k_Dataset.zip and Flickr8k_text.zip"):
        examine(tmp_path)
    (tmp_path / "captions.txt").write_text("image,caption\n")
    with pytest.raises(DataError, match=r"Kaggle form.*make data DATA=mine"):
        examine(tmp_path)


def test_archives_unpacked_into_a_folder_each_are_found(folder: Path) -> None:
    (folder / "__MACOSX" / "Flicker8k_Dataset").mkdir(parents=True)
    (folder / "Flickr8k_text").mkdir()
    for path in folder.glob("*.txt"):
        path.rename(folder / "Flickr8k_text" / path.name)
    (folder / "Flickr8k_Dataset").mkdir()
    (folder / "Flicker8k_Dataset").rename(folder / "Flickr8k_Dataset" / "Flicker8k_Dataset")
    assert len(Flickr8k(folder).items("train")) == 20


def test_an_unknown_image_or_split_is_an_error(folder: Path) -> None:
    data = Flickr8k(folder)
    with pytest.raises(DataError, match=r"no image 'train_99.jpg'; did you mean 'train_9.jpg'"):
        data.image("train_99.jpg")
    with pytest.raises(DataError, match=r"no image '../Flickr8k.token.txt'"):
        data.image("../Flickr8k.token.txt")
    with pytest.raises(DataError, match=r"no split 'dev'; it has train, val, test"):
        data.items("dev")  # type: ignore[arg-type]
    (folder / "Flicker8k_Dataset" / "train_1.jpg").unlink()
    with pytest.raises(DataError, match=r"cannot read image 'train_1.jpg'"):
        data.image("train_1.jpg")


def test_the_digest_follows_names_and_contents(folder: Path) -> None:
    before = Flickr8k(folder).digest
    assert before == Flickr8k(folder).digest
    assert len(before) == 64
    (folder / "Flicker8k_Dataset" / "train_1.jpg").write_bytes(b"another picture")
    assert Flickr8k(folder).digest != before
    assert Flickr8k(folder, digest="known").digest == "known"


def test_without_a_folder_the_fetched_one_is_opened(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("DLCAMP_HOME", str(home))
    with pytest.raises(DataError, match=r"make data DATA=flickr8k"):
        Flickr8k()
    (home / "data").mkdir()
    place = folder.rename(home / "data" / "flickr8k")
    digest = Flickr8k(place).digest
    files = [path for path in place.rglob("*") if path.is_file()]
    stats = [(path.relative_to(place).as_posix(), path.stat(), sha256_of(path)) for path in files]
    records = tuple(FileRecord(name, stat.st_size, stat.st_mtime_ns, sha) for name, stat, sha in stats)
    Manifest(time.time(), (), records).write(place)
    data = Flickr8k()
    assert data.folder == place
    assert data.digest == digest == Flickr8k(place).digest
    assert len(data.items("train")) == 20


def test_the_loaders_import_nothing_heavy() -> None:
    probe = (
        "import sys\nfrom dlcamp.data import flickr8k, own_photos, mnist, sms_spam, gtsrb\n"
        "heavy = {'numpy', 'PIL', 'pandas', 'tensorflow', 'keras', 'sklearn'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", probe], cwd=REPOSITORY, check=True)


@pytest.mark.real_data
def test_the_real_files_have_the_known_counts(tmp_path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent")
    for name in ("Flickr8k_Dataset.zip", "Flickr8k_text.zip"):
        with zipfile.ZipFile(SHARED / name) as archive:
            archive.extractall(tmp_path)
    data = Flickr8k(tmp_path)
    items = {split: data.items(split) for split in ("train", "val", "test")}
    assert {split: len(found) for split, found in items.items()} == {"train": 6000, "val": 1000, "test": 400}
    assert {len(item.references) for found in items.values() for item in found} == {5}
    assert items["train"][0].id == "2513260012_03d33305cf.jpg"
    assert items["test"][0].id == "3385593926_d3e9c21170.jpg"
    assert data.orphans() == ["2258277193_586949ec62.jpg.1"]
    assert not data.token_file.bad
    assert [tuple(pair) for pair in data.duplicates()] == [
        ("3050606344_af711c726c.jpg", "train", "2851198725_37b6027625.jpg", "train")
    ]
    assert data.image("1000268201_693b08cb0e.jpg")[:2] == b"\xff\xd8"
    assert examine(tmp_path) == [
        "train: 6,000 images of 6,000 listed",
        "val: 1,000 images of 1,000 listed",
        "test: 400 images of 400 listed (the official list has 1,000)",
        "37,000 captions of 7,400 images",
        "91 images with captions are in no split",
        "identical files: none across splits, 1 pair within one",
        "caption keys without an image: 1 (2258277193_586949ec62.jpg.1)",
    ]
