"""`caption`: photographs from the shell, and the page of where the decoder looked."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.cli.caption import page_to_write, write_page
from dlcamp.cli.commands import BY_WORD, parse
from dlcamp.cli.main import main
from dlcamp.errors import UnknownName, UserError
from tests.captioning.attended import photo

CAPTION = BY_WORD["caption"]


@pytest.mark.parametrize("arguments", [["--attention", "out.html"], ["--attention=out.html"]])
def test_an_option_may_stand_anywhere_among_the_photos(arguments: list[str]) -> None:
    given = parse(CAPTION, ["model", "a.jpg", *arguments, "b.jpg"])
    assert given.positional == ("model", "a.jpg", "b.jpg")
    assert given.get("--attention") == "out.html"


def test_an_option_without_a_value_twice_or_unknown_is_refused() -> None:
    for arguments in (["--attention"], ["--attention="], ["--attention", "--attention"]):
        with pytest.raises(UserError, match=r"needs a value: --attention PAGE\.html"):
            parse(CAPTION, ["model", "a.jpg", *arguments])
    with pytest.raises(UserError, match="given twice"):
        parse(CAPTION, ["--attention=a.html", "--attention=b.html"])
    with pytest.raises(UnknownName, match="did you mean '--attention'"):
        parse(CAPTION, ["model", "a.jpg", "--atention", "b.html"])


def test_help_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["caption", "--help"]) == 0
    assert "--attention PAGE.html" in capsys.readouterr().out


def test_what_is_no_page_is_refused_before_anything_loads_and_left_alone(
    tmp_path: Path, fresh_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, notes = tmp_path / "photo.jpg", tmp_path / "notes.html"
    picture.write_bytes(photo())
    notes.write_text("my notes")
    asked = {
        str(tmp_path): "is a directory",
        str(picture): "ends in .html",
        str(tmp_path / "out.txt"): "ends in .html",
        str(tmp_path / "nowhere" / "out.html"): "there is no folder",
        str(notes): "is no HTML page",
    }
    for page, said in asked.items():
        assert main(["caption", "model@champion", str(picture), "--attention", page]) == 2
        assert said in capsys.readouterr().err
    assert notes.read_text() == "my notes"
    assert not list(fresh_home.iterdir())


def test_a_page_is_written_whole_over_a_page_an_empty_file_or_what_a_link_points_at(tmp_path: Path) -> None:
    page, empty, link = (tmp_path / name for name in ("page.html", "empty.htm", "link.html"))
    page.write_bytes(b"\xef\xbb\xbf\n<!DOCTYPE HTML><p>old")
    empty.touch()
    link.symlink_to(page)
    for path in (page, empty, link, tmp_path / "new.html"):
        write_page(page_to_write(str(path)), "<!doctype html>über")
        assert path.read_text("utf-8") == "<!doctype html>über"
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.htm", "link.html", "new.html", "page.html"]


def test_a_page_that_cannot_be_written_is_an_error_and_leaves_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.mkdir()
    with pytest.raises(UserError, match=r"cannot write .*page\.html"):
        write_page(target, "<!doctype html>")
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.slow
def test_photos_are_captioned_and_drawn_on_one_page(
    store_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dlcamp.registry.captions import attention_of_files
    from dlcamp.requirements import requirements_of
    from dlcamp.tracking import open_store
    from dlcamp.tracking.models import log_model, save_model
    from tests.captioning.attended import predictor

    store = open_store()
    for decoder in ("attention", "merge"):
        run = store.tracker.start("caption_toy", f"caption_{decoder}-1")
        needed = requirements_of("dlcamp.captioning.predictor")
        save_model(predictor(decoder), tmp_path / decoder, example=photo(), requirements=needed)
        run.tags({"dlcamp.model_id": log_model(store, run.id, tmp_path / decoder, name="caption_toy")})
        run.end("FINISHED")
    photos = [tmp_path / name for name in ("one.jpg", "t<w>o.jpg", "junk.jpg")]
    for number, path in enumerate(photos):
        path.write_bytes(photo(noise=number) if path.stem != "junk" else b"junk")
    page = tmp_path / "out.html"

    asked = [str(path) for path in (*photos, tmp_path / "absent.jpg")]
    assert main(["caption", "caption_attention-1", *asked, "--attention", str(page)]) == 0
    said = capsys.readouterr().out
    assert f"attention  {page}" in said
    drawn = page.read_text("utf-8")
    assert drawn.count("<article") == 2
    assert "t&lt;w&gt;o.jpg" in drawn
    assert "absent.jpg: No such file" in drawn
    assert drawn.count("junk.jpg") == 1
    found, again = attention_of_files(store, "caption_attention-1", photos[:1])
    assert f"{photos[0]}: {found[0].caption}" in said
    assert "<article" in again

    assert main(["caption", "caption_merge-1", *asked, "--attention", str(tmp_path / "none.html")]) == 2
    assert "those that look: attention, transformer" in capsys.readouterr().err
    assert main(["caption", "caption_attention-1", asked[2], "--attention", str(tmp_path / "none.html")]) == 2
    assert "was not written" in capsys.readouterr().out
    assert not (tmp_path / "none.html").exists()
