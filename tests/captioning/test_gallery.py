"""The gallery page: self-contained, escaped, small."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dlcamp.captioning.attention_maps import Attention
from dlcamp.captioning.gallery import GalleryEntry, embedded, gallery_html, gallery_sections
from dlcamp.errors import DataError, ImageError
from tests.captioning.attended import record
from tests.captioning.html_reader import read


def picture(side: int = 16, kind: str = "PNG", noise: int | None = None) -> bytes:
    pixels = np.full((side, side, 3), 90, dtype=np.uint8)
    if noise is not None:
        pixels = np.random.default_rng(noise).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


def entries(n: int, **changes: object) -> list[GalleryEntry]:
    image = picture()
    given = {"image": image, "mime": "image/png", "references": ["a red circle", "one circle"], "wrong": None}
    return [
        GalleryEntry(id=f"item{i}", caption=f"caption {i}", score=i / 10, **(given | changes))  # type: ignore[arg-type]
        for i in range(n)
    ]


def test_the_page_holds_everything_and_asks_for_nothing() -> None:
    page = gallery_html(entries(3), "Captions", {"run": "r-1"})
    reader = read(page)
    assert reader.tags.count("img") == 9
    assert all(target.startswith("data:image/png;base64,") for target in reader.targets)
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert not re.search(r"url\(|@import|https?:", page)
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page


def test_hostile_text_is_shown_not_run() -> None:
    bad = "<script>alert(1)</script>"
    hostile = GalleryEntry(f'"><img src=x>{bad}', picture(), "image/png", [bad], bad, 0.5, bad, bad)
    page = gallery_html([hostile], bad, {bad: bad}, score_name=bad, baseline_name=bad)
    reader = read(page)
    assert "script" not in reader.tags
    assert all(target.startswith("data:") for target in reader.targets)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_hostile_mime_type_never_reaches_the_page() -> None:
    page = gallery_html(entries(1, mime='text/html" onerror="alert(1)'), "t", {})
    assert "onerror" not in page
    assert "data:image/jpeg;base64," in page


def test_best_and_worst_are_ordered_and_wrong_ones_carry_the_reason() -> None:
    some = entries(6)
    some[2] = GalleryEntry("item2", picture(), "image/png", ["r"], "two stars", 0.2, wrong="there are three")
    sections = {section.heading: section for section in gallery_sections(some, size=2)}
    assert [entry.id for entry in sections["Best"].entries] == ["item5", "item4"]
    assert [entry.id for entry in sections["Worst"].entries] == ["item0", "item1"]
    assert [entry.id for entry in sections["Wrong"].entries] == ["item2"]
    assert sections["Random"].of == 6
    page = gallery_html(some, "t", {}, size=2)
    assert "wrong: there are three" in page
    assert "two stars" in page


def test_where_nothing_is_known_to_be_wrong_there_is_no_such_section() -> None:
    assert [section.heading for section in gallery_sections(entries(2))] == ["Random", "Best", "Worst"]


def test_the_random_section_depends_on_the_seed_alone() -> None:
    some = entries(40)
    first = gallery_sections(some, size=5, seed=1)[0]
    assert gallery_sections(some, size=5, seed=1)[0] == first
    assert gallery_sections(some, size=5, seed=2)[0] != first


def test_an_empty_caption_says_so() -> None:
    entry = GalleryEntry("a", picture(), "image/png", ["r"], "  ", 0.0)
    assert "no word was written" in gallery_html([entry], "t", {})


def test_forty_eight_large_images_stay_under_three_megabytes() -> None:
    """Noise is the worst case of a JPEG."""
    noisy = [picture(500, "JPEG", noise=seed) for seed in range(3)]
    some = [
        GalleryEntry(f"{i}", noisy[i % 3], "image/jpeg", ["r"] * 5, "c", i / 48, wrong="false" if i % 2 else None)
        for i in range(48)
    ]
    page = gallery_html(some, "t", {})
    assert read(page).tags.count("img") == 48
    assert len(page.encode()) < 3_000_000


def test_the_random_section_shows_where_the_decoder_looked_and_only_its_images_are_asked_for() -> None:
    some, asked = entries(30, image=picture(40, "JPEG"), mime="image/jpeg"), []

    def attend(ids: Sequence[str]) -> list[Attention]:
        asked.extend(ids)
        return [record(f"word of {ident}", seed=number) for number, ident in enumerate(ids)]

    page = gallery_html(some, "t", {}, size=4, attend=attend)
    assert asked == [entry.id for entry in gallery_sections(some, size=4)[0].entries]
    random, others = page.split('<section aria-label="Best">')
    assert random.count('<ol class="glimpses"') == 4
    assert all(f">{ident}</li>" in random for ident in asked)
    assert len(re.findall(r'alt="before “word”: [a-z ]+"', random)) == 4
    assert "Jain &amp; Wallace 2019" in random
    assert "glimpses" not in others
    assert 'glimpses"' not in gallery_html(some, "t", {}, size=4)


def test_a_word_of_a_strip_is_escaped_and_an_empty_caption_has_none() -> None:
    said = replace(record("a b"), words=('"><script>', "b"))
    page = gallery_html(entries(1), "t", {}, attend=lambda ids: [said])
    assert "script" not in read(page).tags
    assert "<ol" not in gallery_html(entries(1), "t", {}, attend=lambda ids: [record("")])


def test_strips_of_thirty_words_beside_large_images_stay_under_three_megabytes() -> None:
    noisy = [picture(500, "JPEG", noise=seed) for seed in range(3)]
    some = [
        GalleryEntry(f"{i}", noisy[i % 3], "image/jpeg", ["r"] * 5, "c", i / 48, wrong="false" if i % 2 else None)
        for i in range(48)
    ]
    long = record(" ".join(["word"] * 30))
    page = gallery_html(some, "t", {}, attend=lambda ids: [long] * len(ids))
    assert read(page).tags.count("img") == 48 + 12 * 30
    assert len(page.encode()) < 3_000_000


def test_a_small_image_is_kept_as_it_is() -> None:
    image = picture()
    head, data = embedded(image, "image/png").split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == image


def test_bad_input_is_named() -> None:
    with pytest.raises(ImageError, match="image item0 cannot be read"):
        gallery_html(entries(1, image=b"no image"), "t", {})
    with pytest.raises(ImageError, match="image item0 cannot be read"):
        gallery_html(entries(1, image=picture(200, noise=0)[:2000]), "t", {})
    with pytest.raises(DataError, match="at least one image"):
        gallery_html([], "t", {})
    with pytest.raises(DataError, match="has the score nan"):
        gallery_html([GalleryEntry("a", picture(), "image/png", [], "c", float("nan"))], "t", {})
