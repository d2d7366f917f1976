"""The attention page: self-contained, escaped, small, and usable without a script or a mouse."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from PIL import Image

from dlcamp.captioning.attention_page import HEADS_SHOWN, AttendedPhoto, attention_html
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.errors import DataError, ImageError, UserError
from tests.captioning.attended import photo, record
from tests.captioning.attended import predictor as untrained
from tests.captioning.html_reader import read


@pytest.fixture(scope="module")
def predictor() -> CaptionPredictor:
    return untrained()


def page_of(*photos: AttendedPhoto, **options: str) -> str:
    return attention_html(photos, "Where it looked", {"decoder": "attention"}, **options)


DOG = AttendedPhoto("dog.jpg", photo(), record("a dog runs"))


def test_the_page_holds_everything_and_asks_for_nothing() -> None:
    page = page_of(DOG, replace(DOG, name="cat.jpg", attention=record("a cat")))
    reader = read(page)
    assert all(target.startswith("data:image/") for target in reader.targets)
    assert not {"script", "link", "iframe"} & set(reader.tags)
    assert not re.search(r"url\(|@import|https?:", page)
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    assert reader.tags.count("article") == 2


def test_each_word_can_be_chosen_by_keyboard_click_and_pointing() -> None:
    page = page_of(DOG)
    choices = re.findall(r'<input class="choice c(\d)" type="radio" name="(\w+)" id="(\w+)" aria-label="([^"]+)"', page)
    assert [(number, name) for number, name, _, _ in choices] == [("0", "s1"), ("1", "s1"), ("2", "s1")]
    assert [label.partition(":")[0] for *_, label in choices] == ["a", "dog", "runs"]
    for number, _, ident, _ in choices:
        assert page.count(f'for="{ident}"') == 2  # the word of the caption, and its thumbnail
        assert f".c{number}:checked ~ .stage .o{number} {{ opacity: 1; }}" in page
        assert f".view:has(.w{number}:hover) .stage .o{number} {{ opacity: 1; }}" in page
        assert f'class="over o{number}"' in page
    assert 'id="s1" aria-label="the photo alone" checked' in page


def test_two_photos_do_not_share_their_choices() -> None:
    page = page_of(DOG, DOG)
    idents = re.findall(r' id="(\w+)"', page)
    assert len(idents) == len(set(idents)) == 8


def test_every_picture_says_what_it_is() -> None:
    page = page_of(DOG)
    assert 'alt="photo dog.jpg: a dog runs"' in page
    assert re.search(r'alt="before saying “dog” it looked most at the \w+', page)
    assert (
        len(re.findall(r'class="strongest" src="[^"]+" alt="head \d, the strongest: \d+ % at one position"', page)) == 3
    )
    assert all("alt" in tag for tag in re.findall(r"<img[^>]*>", page))


def test_it_says_what_is_shown_and_what_that_does_not_mean() -> None:
    page = " ".join(page_of(DOG, whose="of the last layer ").split())
    assert "in the step that chose the word below it: the mean of the attention weights of the last layer" in page
    assert "of its 4 heads over 7 × 7 positions" in page
    assert "Jain &amp; Wallace 2019" in page
    assert "centre of the photo only" not in page
    assert "centre of the photo only" in page_of(replace(DOG, attention=replace(DOG.attention, fit="crop")))


def test_hostile_text_is_shown_not_run() -> None:
    bad = '"><script>alert(1)</script><img src=x>'
    said = replace(record("a dog"), words=(bad, "dog"))
    page = attention_html([AttendedPhoto(bad, photo(), said, bad)], bad, {bad: bad}, whose=bad, left_out={bad: bad})
    reader = read(page)
    assert "script" not in reader.tags
    assert all(target.startswith("data:") for target in reader.targets)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_photo_keeps_its_proportions_and_stands_upright() -> None:
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    Image.new("RGB", (80, 40), "red").save(turned, "JPEG", exif=exif)
    assert "--ratio: 0.50000" in page_of(replace(DOG, image=turned.getvalue()))
    assert "--ratio: 1.50000" in page_of(DOG)


@pytest.mark.parametrize("heads", [HEADS_SHOWN, 64])
def test_thirty_words_over_a_photo_of_noise_stay_under_a_megabyte(heads: int) -> None:
    """Noise is the worst case of a JPEG."""
    page = page_of(AttendedPhoto("noise.jpg", photo(1200, 900, noise=0), record(" ".join(["word"] * 30), heads)))
    assert len(page.encode()) < 1_000_000


def test_one_head_is_not_called_the_strongest_and_many_are_not_drawn_one_by_one() -> None:
    assert "strongest head" not in page_of(replace(DOG, attention=record("a dog", heads=1)))
    assert '<span class="heads">' not in page_of(replace(DOG, attention=record("a dog", heads=HEADS_SHOWN + 1)))


def test_an_empty_caption_a_warning_and_what_is_left_out_are_told() -> None:
    page = attention_html(
        [replace(DOG, attention=record(""), warning="it means little")], "t", {}, left_out={"x": "cannot read x\nhint"}
    )
    assert "no word was written" in page
    assert "it means little" in page
    assert "<li>cannot read x</li>" in page


def test_bad_input_is_named() -> None:
    with pytest.raises(DataError, match="at least one photo"):
        page_of()
    with pytest.raises(ImageError, match=r"dog\.jpg"):
        page_of(replace(DOG, image=b"no image"))


@pytest.mark.slow
def test_a_captioner_draws_the_page_of_its_own_captions(predictor: CaptionPredictor) -> None:
    images = {"one.jpg": photo(noise=1), "two.jpg": photo(noise=2)}
    page = predictor.attention_page(images, "t", warnings={"two.jpg": "beware"})
    for caption in predictor.predict(list(images.values())):
        assert re.search(
            f'alt="photo (one|two).jpg: {re.escape(caption.replace("<", "&lt;").replace(">", "&gt;"))}"', page
        )
    assert page.count("beware") == 1
    assert "attention, 4 heads" in page
    sight = predictor.see([*images.values(), b"no image"])
    assert [getattr(one, "caption", "") for one in predictor.tell(sight)] == [
        *predictor.predict([*images.values()]),
        "",
    ]
    assert predictor.attention_page(images, "t", sight, warnings={"two.jpg": "beware"}) == page
    with pytest.raises(DataError, match="2 images were seen, 1 are to be drawn"):
        predictor.attention_page({"one.jpg": images["one.jpg"]}, "t", sight)


def test_a_captioner_that_does_not_look_draws_no_page() -> None:
    with pytest.raises(UserError, match="attention, transformer"):
        untrained("merge").attention_page({"one.jpg": photo()}, "t")
