"""The page of neighbours: self-contained, escaped, small, and right about who stands beside whom."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from dlcamp.captioning.neighbour_page import (
    Match,
    Neighbourhood,
    NeighbourSection,
    Picture,
    neighbour_sections,
    neighbours_html,
)
from dlcamp.vision.encoder import lite0
from dlcamp.vision.features import Features
from dlcamp.vision.neighbours import Lookup, look_up
from tests.captioning.html_reader import read


def jpeg(side: int = 16, noise: int | None = None, mode: str = "RGB") -> bytes:
    pixels = np.full((side, side, 3), 90, dtype=np.uint8)
    if noise is not None:
        pixels = np.random.default_rng(noise).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, format="JPEG", quality=95)
    return buffer.getvalue()


def lookup(queries: int = 12, collection: int = 20, k: int = 4) -> Lookup:
    array = np.random.default_rng(0).normal(size=(queries + collection, 6)).astype(np.float32)
    array[0] = array[queries] * 2  # q0 and c0 are the same picture
    ids = [f"q{i}" for i in range(queries)] + [f"c{i}" for i in range(collection)]
    contents = {item: b"copy" if item in ("q0", "c0") else item.encode() for item in ids}
    features = Features(tuple(ids), array, lite0("pooled", "float32"), (), "digest", 0.0, 0)
    return look_up(features, ids[:queries], ids[queries:], k, contents)


def shown(item: str) -> Picture:
    return Picture(item, jpeg(), (f"caption of {item}", f"another of {item}"))


def test_the_page_holds_everything_and_asks_for_nothing() -> None:
    page = neighbours_html(neighbour_sections(lookup(), shown, size=3), "Nearest", {"run": "r-1"})
    reader = read(page)
    assert reader.tags.count("img") == 3 * 3 * 5 + 2
    assert all(target.startswith("data:image/jpeg;base64,") for target in reader.targets)
    assert not {"script", "link", "iframe"} & set(reader.tags)
    assert not re.search(r"url\(|@import|https?:", page)
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page


def test_hostile_text_is_shown_not_run() -> None:
    bad = "<script>alert(1)</script>"
    picture = Picture(f'"><img src=x>{bad}', jpeg(), [bad])
    section = NeighbourSection(bad, bad, (Neighbourhood(picture, (Match(picture, 1.0, same=True),), 0.5),), 1)
    page = neighbours_html([section], bad, {bad: bad}, skipped={bad: bad}, score_name=bad)
    reader = read(page)
    assert "script" not in reader.tags
    assert all(target.startswith("data:") for target in reader.targets)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_closest_and_loneliest_are_ordered_and_random_depends_on_the_seed_alone() -> None:
    found = lookup()
    first, again, other = (neighbour_sections(found, shown, size=5, seed=seed) for seed in (1, 1, 2))
    assert first[0] == again[0]
    assert first[0] != other[0]
    sections = {section.heading: section for section in first}
    cosines = sorted(found.near.cosines[:, 0].tolist())
    assert [entry.matches[0].cosine for entry in sections["Closest"].entries] == cosines[::-1][:5]
    assert [entry.matches[0].cosine for entry in sections["Loneliest"].entries] == cosines[:5]
    assert sections["Random"].of == 12
    for entry in sections["Random"].entries:
        near = [match.cosine for match in entry.matches]
        assert near == sorted(near, reverse=True)


def test_near_duplicates_are_pairs_and_copies_say_so() -> None:
    sections = neighbour_sections(lookup(), shown, {"q0": 3.25})
    pair = sections[3].entries[0]
    assert (pair.picture.id, pair.matches[0].picture.id, pair.matches[0].same) == ("q0", "c0", True)
    page = neighbours_html(sections, "t", {})
    assert page.count("the same bytes") == page.count("CIDEr 3.25") + 1
    assert "caption of c0" in page
    assert "another of q0" in page
    assert "another of c0" not in page


def test_only_what_is_shown_is_loaded() -> None:
    asked = []

    def remembered(item: str) -> Picture:
        asked.append(item)
        return shown(item)

    neighbour_sections(lookup(queries=60), remembered, size=1)
    assert len(asked) == 3 * 5 + 2


def test_an_empty_section_and_what_is_not_known_are_left_out() -> None:
    empty = NeighbourSection("Near duplicates", "", (), 0)
    bare = Neighbourhood(Picture("a.jpg", jpeg()), (Match(Picture("b.jpg", jpeg()), 0.5),))
    page = neighbours_html([NeighbourSection("Random", "", (bare,), 1), empty], "t", {})
    assert "Near duplicates" not in page
    assert "Skipped" not in page
    assert "CIDEr" not in page
    assert 'aria-label="captions"' not in page
    assert "cosine 0.500" in page


@pytest.mark.parametrize("data", [b"", b"no image", jpeg(64, noise=0)[:900]])
def test_an_image_that_is_gone_is_named_in_its_place(data: bytes) -> None:
    entry = Neighbourhood(Picture("gone.jpg", data), (Match(Picture("here.jpg", jpeg()), 0.5),))
    page = neighbours_html([NeighbourSection("Random", "", (entry,), 1)], "t", {})
    assert "cannot be read any more" in page
    assert "gone.jpg" in page
    assert read(page).tags.count("img") == 1


def test_three_full_sections_of_large_photographs_stay_under_three_megabytes() -> None:
    """Noise is the worst case of a JPEG."""
    noisy = [jpeg(600, noise=seed, mode=mode) for seed, mode in enumerate(("RGB", "CMYK", "L"))]
    sections = neighbour_sections(lookup(40, 200, k=4), lambda item: Picture(item, noisy[int(item[1:]) % 3], ["c"] * 5))
    page = neighbours_html(sections, "t", {})
    assert read(page).tags.count("img") == 3 * 8 * 5 + 2
    assert len(page.encode()) < 3_000_000
