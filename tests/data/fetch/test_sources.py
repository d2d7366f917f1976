"""Which files become which, and what is said when something lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.data.catalog import entry as known
from dlcamp.data.fetch.remote import Remote, amount, place_of
from dlcamp.data.fetch.sources import find, lacking, plan
from dlcamp.errors import DataError
from tests.data.fetch.small import IMAGES, PHOTOS_ZIP, WORDS, WORDS_ZIP, entry, tarred, zipped

FILES = entry().files


def lay(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def places(folder: Path, files: tuple[Remote, ...] = FILES) -> set[str]:
    """Where everything goes that a folder or file holds; nothing may be missing."""
    made = plan(files, find(files, folder, "tiny"))
    assert not made.missing, made.missing
    return {place for _, chosen in made.chosen for place in chosen.values()}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("Photos/1.jpg", "Photos/1.jpg"),
        ("./Photos/1.jpg", "Photos/1.jpg"),
        ("download/set/Photos/1.jpg", "Photos/1.jpg"),
        ("Photos/more/1.jpg", None),
        ("Photos/1.png", None),
        ("1.jpg", None),
        ("__MACOSX/Photos/._1.jpg", None),
        ("__MACOSX/Photos/1.jpg", None),
        ("Photos/.DS_Store", None),
    ],
)
def test_a_path_is_placed_by_its_last_parts(path: str, place: str | None) -> None:
    assert place_of(path, ["Photos/*.jpg"]) == place


def test_content_that_belongs_into_a_folder_is_put_there() -> None:
    wanted = ["GTSRB/GT-final_test.csv"]
    assert place_of("GT-final_test.csv", wanted) is None
    assert place_of("GT-final_test.csv", wanted, into="GTSRB") == "GTSRB/GT-final_test.csv"


def test_bytes_are_said_as_a_person_reads_them() -> None:
    sizes = (0, 999, 1000, 203_415, 999_600, 11_490_434, 276_294_756, 1_115_419_746)
    assert [amount(size) for size in sizes] == [
        "0 bytes", "999 bytes", "1 kB", "203 kB", "1 MB", "11.5 MB", "276 MB", "1.12 GB",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "files",
    [
        {"words.zip": WORDS_ZIP, "photos.zip": PHOTOS_ZIP},
        {"text.zip": WORDS_ZIP, "photos.zip": PHOTOS_ZIP, "other.zip": b"x", "words.txt.bak": b"x"},
        {**WORDS, **IMAGES},
        {**WORDS, **{f"set/{path}": content for path, content in IMAGES.items()}},
        {**{f"a/b/{path}": content for path, content in WORDS.items()}, "photos.zip": PHOTOS_ZIP},
        {"words.zip": WORDS_ZIP, **IMAGES},
        {"words.zip": tarred({"words.txt": b"", "splits.txt": b""}, "gz"), "photos.zip": PHOTOS_ZIP},
    ],
    ids=["archives", "an alias", "unpacked", "one deeper", "mixed", "mixed otherwise", "a tar by a wrong name"],
)
def test_a_folder_may_hold_archives_or_what_is_in_them(tmp_path: Path, files: dict[str, bytes]) -> None:
    assert places(lay(tmp_path, files)) == {*WORDS, *IMAGES}


def test_the_folder_given_may_be_one_inside_the_layout(tmp_path: Path) -> None:
    files = (Remote("photos.zip", (), ("Photos/*.jpg",)),)
    lay(tmp_path, IMAGES)
    assert places(tmp_path / "Photos", files) == set(IMAGES)
    assert find(files, lay(tmp_path / "Elsewhere", {"1.jpg": b""}), "tiny") == []


def test_one_archive_may_hold_everything(tmp_path: Path) -> None:
    everything = {f"set/{path}": content for path, content in {**WORDS, **IMAGES}.items()}
    for name, packed in (("all.zip", zipped(everything)), ("all.tar.bz2", tarred(everything, "bz2"))):
        assert places(lay(tmp_path, {name: packed}) / name) == {*WORDS, *IMAGES}


def test_one_archive_of_several_says_which_are_missing(tmp_path: Path) -> None:
    supplies = find(FILES, lay(tmp_path, {"words.zip": WORDS_ZIP}) / "words.zip", "tiny")
    made = plan(FILES, supplies)
    assert [file.name for file in made.missing] == ["photos.zip"]
    said = str(lacking("tiny", made.missing, supplies, "words.zip"))
    assert "photos.zip, or unpacked: Photos/*.jpg" in said
    assert "found: words.zip" in said
    assert "make data DATA=tiny" in said


def test_an_archive_that_holds_something_else_is_named_with_what_it_holds(tmp_path: Path) -> None:
    path = lay(tmp_path, {"photos.zip": zipped({"cats/1.gif": b"", "cats/2.gif": b""})}) / "photos.zip"
    with pytest.raises(
        DataError, match=r"photos\.zip holds nothing of this data set\nit holds cats/1\.gif, cats/2\.gif"
    ):
        plan(FILES, find(FILES, path, "tiny"))


def test_two_files_for_one_place_are_not_chosen_between(tmp_path: Path) -> None:
    twice = {"a/words.txt": b"1", "b/words.txt": b"2", "splits.txt": b""}
    with pytest.raises(DataError, match=r"words\.txt twice"):
        plan(FILES, find(FILES, lay(tmp_path, {"x.zip": zipped(twice)}) / "x.zip", "tiny"))
    with pytest.raises(DataError, match=r"words\.txt twice"):
        find(FILES, lay(tmp_path / "loose", twice), "tiny")
    deeper = {"words.txt": b"1", "old/words.txt": b"2", "splits.txt": b"", **IMAGES}
    assert places(lay(tmp_path, {"y.zip": zipped(deeper)}) / "y.zip") == {*WORDS, *IMAGES}


def test_a_path_that_is_not_there_says_what_may_be_given(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="FROM= takes a folder, a file or a URL"):
        find(FILES, tmp_path / "nowhere", "tiny")


@pytest.mark.parametrize("form", ["folder", "zip", "zip with a top folder", "tar.gz"])
def test_the_users_own_folder_keeps_its_structure_in_every_form(tmp_path: Path, form: str) -> None:
    mine = known("mine").files
    held = {"captions.txt": b"x", "Images/Dog.JPG": b"1", "Images/more/cat.png": b"2", "bird.webp": b"3"}
    lists = {f"my.{part}Images.txt": b"" for part in ("train", "dev", "test")}
    files = {**held, **lists, "notes.doc": b"", ".hidden/x.jpg": b"", "__MACOSX/._bird.webp": b""}
    if form == "folder":
        given = lay(tmp_path / "photos", files)
    else:
        files = {path: content for path, content in files.items() if not path.startswith(".")}
        top = "photos/" if "top" in form else ""
        inside = {path if path.startswith("__") else top + path: content for path, content in files.items()}
        packed = tarred(inside, "gz") if form == "tar.gz" else zipped(inside)
        given = lay(tmp_path, {"photos.archive": packed}) / "photos.archive"
    assert places(given, mine) == {*held, *lists}


def test_official_names_of_files_that_stay_packed_are_not_unpacked(tmp_path: Path) -> None:
    fashion = known("fashion_mnist").files
    folder = lay(tmp_path, {file.name: b"\x1f\x8b" for file in fashion})
    assert places(folder, fashion) == {file.name for file in fashion}


@pytest.mark.parametrize("name", ["spam.csv", "SMSSpamCollection"])
def test_a_single_unpacked_file_will_do(tmp_path: Path, name: str) -> None:
    path = lay(tmp_path, {name: b"ham\thello\n"}) / name
    assert places(path, known("sms_spam").files) == {name}


def test_labels_of_gtsrb_may_come_in_the_archive_of_the_images_or_in_their_own(tmp_path: Path) -> None:
    gtsrb = known("gtsrb").files
    train = zipped(
        {
            "GTSRB/Final_Training/Images/00000/00000_00000.ppm": b"",
            "GTSRB/Final_Training/Images/00000/GT-00000.csv": b"",
        }
    )
    test, labels = {"GTSRB/Final_Test/Images/00000.ppm": b""}, {"GTSRB/GT-final_test.csv": b""}
    names = ("GTSRB_Final_Training_Images.zip", "GTSRB_Final_Test_Images.zip", "GTSRB_Final_Test_GT.zip")
    one = lay(tmp_path / "one", dict(zip(names, (train, zipped(test | labels)), strict=False)))
    own = lay(
        tmp_path / "own", dict(zip(names, (train, zipped(test), zipped({"GT-final_test.csv": b""})), strict=True))
    )
    assert places(one, gtsrb) == places(own, gtsrb)
    loose = lay(tmp_path / "loose", {**dict(zip(names, (train, zipped(test)), strict=False)), "GT-final_test.csv": b""})
    assert places(loose, gtsrb) == places(own, gtsrb)
