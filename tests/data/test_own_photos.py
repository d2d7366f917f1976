"""The user's own folder: either caption form, any layout, bad lines named, splits that stay."""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcamp.data.own_photos import OwnPhotos, cut, examine
from dlcamp.errors import DataError

SPLITS = ("train", "val", "test")
NAMES = [f"photo {number}.jpg" for number in range(30)]


def photos(folder: Path, names: Sequence[str] = NAMES) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"picture {name}".encode())
    return folder


def kaggle(folder: Path, rows: Sequence[tuple[str, str]], header: bool = True) -> Path:
    with (folder / "captions.txt").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([*([("image", "caption")] if header else []), *rows])
    return folder


def captioned(names: Sequence[str] = NAMES) -> list[tuple[str, str]]:
    return [(name, f"A dog, on {name} .") for name in names]


def ids(data: OwnPhotos) -> dict[str, list[str]]:
    return {split: [item.id for item in data.items(split)] for split in SPLITS}  # type: ignore[arg-type]


@pytest.mark.parametrize("header", [True, False])
def test_images_and_kaggles_captions_are_enough(tmp_path: Path, header: bool) -> None:
    rows = [*captioned(), ("photo 3.jpg", "Once more, with a comma")]
    data = OwnPhotos(kaggle(photos(tmp_path), rows, header))
    items = {item.id: item for split in SPLITS for item in data.items(split)}  # type: ignore[arg-type]
    assert sorted(items) == sorted(NAMES)
    assert items["photo 3.jpg"].references == ("A dog, on photo 3.jpg .", "Once more, with a comma")
    assert data.image("photo 3.jpg") == b"picture photo 3.jpg"
    assert data.name == "mine"


@pytest.mark.parametrize("name", ["Flickr8k.token.txt", "holiday.token.txt", "captions.txt"])
def test_the_official_form_is_recognised_by_its_content(tmp_path: Path, name: str) -> None:
    text = "".join(f"{image}#{number}\t{caption}\n" for number, (image, caption) in enumerate(captioned()))
    (photos(tmp_path) / name).write_text(text)
    (tmp_path / "Flickr8k.lemma.token.txt").write_text("not this one")
    data = OwnPhotos(tmp_path)
    assert sum(map(len, ids(data).values())) == 30
    assert examine(tmp_path)[0] == f"{name} read in the official form"


def test_two_token_files_are_one_too_many(tmp_path: Path) -> None:
    for name in ("a.token.txt", "b.token.txt"):
        (photos(tmp_path) / name).write_text("photo 0.jpg#0\tA dog\n")
    with pytest.raises(DataError, match=r"a.token.txt, b.token.txt .*keep one"):
        OwnPhotos(tmp_path).items("train")


def test_images_in_folders_may_be_named_with_or_without_the_folder(tmp_path: Path) -> None:
    names = [f"Images/{place}/{number}{place}.JPG" for place in ("dogs", "cats") for number in range(10)]
    photos(tmp_path, [*names, "Images/dogs/.hidden.jpg", "__MACOSX/Images/dogs/0dogs.JPG", "Images/notes.doc"])
    written = [name.rpartition("/")[2] for name in names[:10]]
    written += [f".\\{name}".replace("/", "\\") for name in names[10:]]
    data = OwnPhotos(kaggle(tmp_path, captioned(written)))
    assert sorted(chain(*ids(data).values())) == sorted(names)
    assert not data.caption_file.bad
    assert data.image("Images/cats/3cats.JPG") == b"picture Images/cats/3cats.JPG"


def test_a_bare_name_that_two_folders_hold_is_a_bad_line(tmp_path: Path) -> None:
    photos(tmp_path, [*NAMES, "a/one.jpg", "b/one.jpg"])
    data = OwnPhotos(kaggle(tmp_path, [*captioned(), ("one.jpg", "Which?"), ("b/one.jpg", "This.")]))
    ((number, _, reason),) = data.caption_file.bad
    assert number == 32
    assert "a/one.jpg, b/one.jpg" in reason
    assert "b/one.jpg" in list(chain(*ids(data).values()))


def test_accents_are_the_same_however_a_mac_writes_them(tmp_path: Path) -> None:
    written, on_disk = (unicodedata.normalize(form, "été à la mer.jpg") for form in ("NFC", "NFD"))
    photos(tmp_path, [*NAMES, on_disk])
    data = OwnPhotos(kaggle(tmp_path, [*captioned(), (written, "Summer")]))
    assert on_disk in list(chain(*ids(data).values()))


def test_bad_lines_are_named_with_their_numbers(tmp_path: Path) -> None:
    kaggle(photos(tmp_path), captioned())
    with (tmp_path / "captions.txt").open("a") as file:
        file.write("photo 3.jpg A dog\nphoto 32.jpg,A dog\nphoto 4.jpg,\n")
    assert examine(tmp_path)[-5:-1] == [
        "3 of 33 lines of captions.txt cannot be used",
        "  line 32: 'photo 3.jpg A dog': no comma between image and caption",
        "  line 33: 'photo 32.jpg': there is no such image; did you mean 'photo 3.jpg'?",
        "  line 34: 'photo 4.jpg,': the caption is empty",
    ]
    with (tmp_path / "captions.txt").open("a") as file:
        file.write("gone.png,A dog\n")
    with pytest.raises(DataError, match=r"4 of 34 lines .* at most 10 % .*\n  line 32: .*\n.*\n.*\n  and 1 more"):
        OwnPhotos(tmp_path).items("train")


def test_images_without_captions_are_reported_and_left_out(tmp_path: Path) -> None:
    kaggle(photos(tmp_path, [*NAMES, "new.png"]), captioned())
    assert "images without captions: 1 (new.png)" in examine(tmp_path)
    assert "new.png" not in list(chain(*ids(OwnPhotos(tmp_path)).values()))


def test_an_image_keeps_its_split_when_others_are_added_or_moved(tmp_path: Path) -> None:
    more = [f"new/{number}.png" for number in range(200)]
    before = ids(OwnPhotos(kaggle(photos(tmp_path / "a"), captioned())))
    after = ids(OwnPhotos(kaggle(photos(tmp_path / "b", [*NAMES, *more]), captioned([*more, *NAMES]))))
    for split in SPLITS:
        assert set(before[split]) <= set(after[split])
    assert 160 < len(after["train"]) < 205
    moved = ids(OwnPhotos(kaggle(photos(tmp_path / "c", [f"in/{name}" for name in NAMES]), captioned())))
    assert {split: [f"in/{name}" for name in found] for split, found in before.items()} == moved


def test_the_split_is_that_of_the_names_sha256() -> None:
    place = int(hashlib.sha256(b"x.jpg").hexdigest()[:16], 16) / 2**64
    names = ["some/x.jpg", *NAMES]
    expected = "train" if place < 0.8 else "val" if place < 0.9 else "test"
    assert "some/x.jpg" in cut(names)[expected]  # type: ignore[index]


@settings(deadline=None)  # the machine may be busy
@given(st.sets(st.text(min_size=1), min_size=3, max_size=40))
def test_every_split_gets_an_image_and_every_image_one_split(names: set[str]) -> None:
    parts = cut(sorted(names))
    assert all(parts.values())
    assert sorted(chain(*parts.values())) == sorted(names)


def test_split_lists_in_the_folder_are_kept(tmp_path: Path) -> None:
    kaggle(photos(tmp_path), captioned())
    for ending, chosen in (("train", NAMES[10:]), ("dev", NAMES[5:10]), ("test", NAMES[:5])):
        (tmp_path / f"Flickr_8k.{ending}Images.txt").write_text("\n".join(chosen))
    assert ids(OwnPhotos(tmp_path)) == {"train": NAMES[10:], "val": NAMES[5:10], "test": NAMES[:5]}
    assert examine(tmp_path)[-1] == "splits: the lists in the folder"
    (tmp_path / "Flickr_8k.devImages.txt").unlink()
    with pytest.raises(DataError, match=r"without \*devImages.txt"):
        OwnPhotos(tmp_path).items("train")


def test_fewer_than_ten_images_with_captions_are_too_few(tmp_path: Path) -> None:
    kaggle(photos(tmp_path), captioned(NAMES[:9]))
    with pytest.raises(DataError, match=r"9 images with captions .* at least 10"):
        OwnPhotos(tmp_path).items("train")
    kaggle(tmp_path, captioned(NAMES[:10]))
    assert all(ids(OwnPhotos(tmp_path)).values())


def test_a_folder_without_images_or_captions_says_what_to_put_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no captions.txt and no \*.token.txt .*\nwrite captions.txt"):
        examine(tmp_path)
    kaggle(tmp_path, captioned())
    with pytest.raises(DataError, match=r"no image in .* it holds captions.txt"):
        examine(tmp_path)
    with pytest.raises(DataError, match=r"no folder"):
        OwnPhotos(tmp_path / "nowhere")


def test_identical_photographs_in_two_splits_are_reported(tmp_path: Path) -> None:
    kaggle(photos(tmp_path), captioned())
    found = ids(OwnPhotos(tmp_path))
    for split in ("train", "test"):
        (tmp_path / found[split][0]).write_bytes(b"the same")
    (pair,) = OwnPhotos(tmp_path).duplicates()
    assert pair.across
    assert {pair.first_split, pair.second_split} == {"train", "test"}
    assert "identical files: 1 pair across splits, none within one" in examine(tmp_path)
