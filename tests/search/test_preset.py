"""A preset written into a yaml file: it reads back as meant, and everything else stays as it was, byte for byte."""

from __future__ import annotations

import enum
import random
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from dlcamp import ExperimentConfig
from dlcamp.config import Layer, resolve
from dlcamp.discovery import Listing, listing, load
from dlcamp.errors import ConfigError
from dlcamp.paths import REPOSITORY
from dlcamp.search.preset import write_preset
from dlcamp.settings import read_yaml, settings

TOLD = ["written by `make search NAME=x TRIALS=30`", "trial 12 of 30, mean val/accuracy 0.93 over 5 seeds"]
VALUES = {"units": 64, "rate": 1e-05}
BEST = """\
  # written by `make search NAME=x TRIALS=30`
  #   trial 12 of 30, mean val/accuracy 0.93 over 5 seeds
  best:
    units: 64
    rate: 1e-05
"""
WIDE = """\
    # written by `make search NAME=x TRIALS=30`
    #   trial 12 of 30, mean val/accuracy 0.93 over 5 seeds
    best:
        units: 64
        rate: 1e-05
"""
OLD = "  # written by `make search NAME=x`\n  #   trial 3\n  best:\n    units: 8  # old\n    layers: [1,\n      2]\n"
# what stands in the file, and what then stands there: @ is BEST, @@ is WIDE
FORMS = {
    "an empty file": ("", "presets:\n@"),
    "comments only": ("# only what differs\n", "# only what differs\npresets:\n@"),
    "a document start": ("---\n", "---\npresets:\n@"),
    "no section of presets": ("base: {epochs: 3}  # few\n# end\n", "base: {epochs: 3}  # few\n# end\npresets:\n@"),
    "an end of the document": ("base: {a: 1}\n# end\n...\n", "base: {a: 1}\n# end\npresets:\n@...\n"),
    "an empty section": ("presets:\nseeds: 5\n", "presets:\n@seeds: 5\n"),
    "an empty section with comments": ("presets:  # p\n  # smoke: {}\n# s\n", "presets:  # p\n  # smoke: {}\n@# s\n"),
    "empty braces": ("presets: {} # p\nseeds: 5\n", "presets:  # p\n@seeds: 5\n"),
    "empty quotes": ("presets: ''\n", "presets:\n@"),
    "an anchor on nothing": ("presets: &p\nseeds: 5\n", "presets: &p\n@seeds: 5\n"),
    "entries": ("presets:\n  a: {units: 1} # a\nseeds: 5\n", "presets:\n  a: {units: 1} # a\n@seeds: 5\n"),
    "an entry that ends in comments": (
        "presets:\n  a:\n    units: 1\n    # rate: 2\n\n  # a\n\n# seeds\nseeds: 5\n",
        "presets:\n  a:\n    units: 1\n    # rate: 2\n\n  # a\n@\n# seeds\nseeds: 5\n",
    ),
    "an entry in braces over lines": (
        "presets:\n  a:\n    {units: 1,\n rate: 2}\nseeds: 5\n",
        "presets:\n  a:\n    {units: 1,\n rate: 2}\n@seeds: 5\n",
    ),
    "an alias at the end": (
        "base: &b\n  units: 1\npresets:\n  a: *b\nseeds: 5\n",
        "base: &b\n  units: 1\npresets:\n  a: *b\n@seeds: 5\n",
    ),
    "an alias inside": (
        "base: &b {u: 1}\npresets:\n  a: *b\n  b: {}\n",
        "base: &b {u: 1}\npresets:\n  a: *b\n  b: {}\n@",
    ),
    "a list that is not set in": (
        "presets:\n  a:\n    seeds:\n    - 1\n    - 2\nseeds: 5\n",
        "presets:\n  a:\n    seeds:\n    - 1\n    - 2\n@seeds: 5\n",
    ),
    "a block of text": (
        "presets:\n  a:\n    note: |+\n      # written by `make search`\n\n\nseeds: 5\n",
        "presets:\n  a:\n    note: |+\n      # written by `make search`\n\n\n@seeds: 5\n",
    ),
    "text over lines": ("presets:\n  a:\n    n: one\n      two\n  b:\n    n: 'x\n\n      y'\n",) * 2,
    "braces": (
        "presets: {a: {units: 1, data: &d mnist}}  # p\nbase: {data: *d}\n",
        "presets:  # p\n  a: {units: 1, data: &d mnist}\n@base: {data: *d}\n",
    ),
    "braces over lines with comments": (
        'presets:\n  {  # first\n    a: {u: 1},  # quick\n    # now\n    "b":{u: 2}, c, # no\n  }\nseeds: 5\n',
        'presets:\n  # first\n  a: {u: 1}  # quick\n  # now\n  "b": {u: 2}\n  c:  # no\n@seeds: 5\n',
    ),
    "braces with an anchor": ("presets: &p {a: {}}\n", "presets: &p\n  a: {}\n@"),
    "an old one": (f"presets:\n  # mine\n{OLD}  c: {{}}\n", "presets:\n  # mine\n@  c: {}\n"),
    "an old one at the end": (f"presets:\n  c: {{}}\n{OLD}\n# end\n", "presets:\n  c: {}\n@\n# end\n"),
    "an old one in braces": (
        "presets:\n  # written by `make search`\n  best: {units: 1,\n    rate: 2}\nseeds: 5\n",
        "presets:\n@seeds: 5\n",
    ),
    "an old one with a comment of the user's": (
        "presets:\n  # written by `make search`\n  #   trial 3\n\n  # I like it\n  best: {}\n",
        "presets:\n\n  # I like it\n@",
    ),
    "an old one beside another that was written": (
        "presets:\n  # written by `make search`\n  more:\n    a: 1\n  # written by `make search`\n  best: {}\n",
        "presets:\n  # written by `make search`\n  more:\n    a: 1\n@",
    ),
    "a quoted key": ("presets:\n  # written by `make search`\n  'best': {}\n", "presets:\n@"),
    "four spaces": ("presets:\n    a:\n        units: 1\n", "presets:\n    a:\n        units: 1\n@@"),
    "four spaces elsewhere": ("base:\n    units: 1\n", "base:\n    units: 1\npresets:\n@@"),
    "a byte order mark": ("\ufeffpresets:\n  a: {}\n", "\ufeffpresets:\n  a: {}\n@"),
    "other scripts": ("# 卷积\npresets:\n  混: {a: 'é\u2028  x'}\n", "# 卷积\npresets:\n  混: {a: 'é\u2028  x'}\n@"),
}  # fmt: skip
FORMS["text over lines"] = (FORMS["text over lines"][0], FORMS["text over lines"][0] + "@")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "configs/basics/x.yaml"


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("form", FORMS)
def test_the_preset_stands_in_the_file_and_the_rest_is_untouched(path: Path, form: str, end: str) -> None:
    before, after = FORMS[form]
    put(path, before.replace("\n", end))
    write_preset(path, "best", VALUES, TOLD)
    expected = after.replace("@@", WIDE).replace("@", BEST)
    assert path.read_bytes().decode() == expected.replace("\n", end if before else "\n")
    assert read_yaml(path)["presets"]["best"] == {"units": "64", "rate": "1e-05"}
    once = path.read_bytes()
    write_preset(path, "best", VALUES, TOLD)
    assert path.read_bytes() == once


@pytest.mark.parametrize("form", [form for form, (text, after) in FORMS.items() if text and after.endswith("@")])
def test_a_missing_end_of_the_last_line_stays_missing(path: Path, form: str) -> None:
    before, after = (text.removesuffix("\n") for text in FORMS[form])
    put(path, before)
    write_preset(path, "best", VALUES, TOLD)
    assert path.read_text("utf-8") == after.replace("@@", WIDE).replace("@", BEST).removesuffix("\n")


def test_a_file_that_is_not_there_is_made_with_its_folder(path: Path) -> None:
    write_preset(path, "best", VALUES, TOLD)
    assert path.read_text("utf-8") == f"presets:\n{BEST}"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("one", listing(REPOSITORY).values(), ids=listing(REPOSITORY))
def test_every_config_of_the_repository_takes_a_preset_and_its_replacement(tmp_path: Path, one: Listing) -> None:
    source = REPOSITORY / "configs" / one.chapter / f"{one.name}.yaml"
    path = tmp_path / "configs" / one.chapter / f"{one.name}.yaml"
    path.parent.mkdir(parents=True)
    if source.exists():
        shutil.copy(source, path)
    before = path.read_text("utf-8") if source.exists() else ""
    config = load(one).config_type
    drawn = {name: space.sample(random.Random(0)) for name, space in config.space().items()}
    for values in ({"seed": 1}, drawn):
        write_preset(path, "another", values, TOLD)
        found = settings(tmp_path, one).preset("another").values
        assert resolve(config, [Layer("preset best", found)]) == resolve(config, [Layer("preset best", values)])
    added = path.read_text("utf-8").splitlines()
    assert [line for line in before.splitlines() if line not in added] == []
    assert settings(tmp_path, one).grid() == settings(REPOSITORY, one).grid()


def test_a_preset_that_a_person_wrote_is_not_replaced(path: Path) -> None:
    for text in (
        "presets:\n  # mine, not written by `make search`\n  best: {units: 3}\n",
        "presets: {smoke: {}, best: {units: 3}}\n",
        "presets:\n  # written by `make search`\n  other: {}\n  best: {units: 3}\n",
    ):
        put(path, text)
        with pytest.raises(ConfigError, match=r"a person wrote[\s\S]*another name[\s\S]*units: 64"):
            write_preset(path, "best", VALUES, TOLD)
        assert path.read_bytes() == text.encode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("base:\n\t a: 1\n", "not valid yaml"),
        ("base: {a: 1\n", "not valid yaml"),
        ("base: {a: 1}\nbase: {a: 2}\n", "stands twice"),
        ("- a\n", "key: value"),
        ("presets: [a]\n", "name: ..."),
        ("presets: soon\n", "name: ..."),
        ("base: &b {a: 1}\npresets: *b\n", "name: ..."),
        ("{base: {a: 1}}\n", "braces"),
        ("presets:\n  # written by `make search`\n  best: &b {a: 1}\n  other: *b\n", "layout"),
        ("presets: &p\n  a: {}\ndata: *p\n", "layout"),
        ("a: 1\n---\nb: 2\n", "not valid yaml"),
    ],
)
def test_a_file_that_cannot_take_it_stays_and_the_lines_are_handed_over(path: Path, text: str, said: str) -> None:
    put(path, text)
    with pytest.raises(ConfigError) as caught:
        write_preset(path, "best", VALUES, TOLD)
    assert said in str(caught.value)
    assert f"by hand:\npresets:\n{BEST.rstrip()}" in str(caught.value)
    assert path.read_bytes() == text.encode()
    assert list(path.parent.iterdir()) == [path]


def test_bytes_that_are_no_text_stay(path: Path) -> None:
    put(path, "")
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match="utf-8"):
        write_preset(path, "best", VALUES, TOLD)
    assert path.read_bytes() == b"a: \xff\n"


@pytest.mark.parametrize("where", [lambda path: path, lambda path: path.parent])
def test_what_may_not_be_written_is_not(path: Path, where: Callable[[Path], Path]) -> None:
    put(path, "seeds: 5\n")
    place = where(path)
    mode = place.stat().st_mode
    place.chmod(mode & ~0o222)
    try:
        with pytest.raises(ConfigError, match=r"may not be written \(chmod u\+w"):
            write_preset(path, "best", VALUES, TOLD)
        assert path.read_text("utf-8") == "seeds: 5\n"
    finally:
        place.chmod(mode)


def test_a_folder_or_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "x.yaml", tmp_path / "file/x.yaml"):
        with pytest.raises(ConfigError, match="was not written"):
            write_preset(path, "best", VALUES, TOLD)


def test_the_mode_stays_and_a_link_is_followed(path: Path, tmp_path: Path) -> None:
    put(path, "seeds: 5\n")
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    write_preset(link, "best", VALUES, TOLD)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "best:" in path.read_text("utf-8")


def test_a_file_that_changes_meanwhile_is_not_overwritten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, "seeds: 5\n")

    def meanwhile(*_: object) -> None:
        put(path, "seeds: 6\n")

    monkeypatch.setattr("dlcamp.search.preset._check", meanwhile)
    with pytest.raises(ConfigError, match="meanwhile"):
        write_preset(path, "best", VALUES, TOLD)
    assert path.read_text("utf-8") == "seeds: 6\n"


def test_comments_cannot_become_yaml(path: Path) -> None:
    for told in (["a\nbase: {b: 1}\r\x85c: \u2028 d\x00"], [], [TOLD[0], "", "tab\there 卷"]):
        path.unlink(missing_ok=True)
        write_preset(path, "best", {}, told)
        assert read_yaml(path) == {"presets": {"best": {}}}
        assert path.read_text("utf-8").startswith("presets:\n  # written by `make search")
        write_preset(path, "best", VALUES, TOLD)
        assert path.read_text("utf-8") == f"presets:\n{BEST}"


class Inner(ExperimentConfig):
    rate: float = 0.1
    layers: tuple[int, ...] = (1,)


class Kind(enum.Enum):
    FAST = "fast"


class Every(ExperimentConfig):
    whole: int = 0
    number: float = 0.0
    maybe: float | None = 1.0
    flag: bool = False
    text: str = ""
    choice: Literal["no", "none", "1e-4", "auto", True, 3] = "auto"
    names: list[str] = []  # noqa: RUF012
    inner: Inner = Inner()


finite = st.floats(allow_nan=False, allow_infinity=False)
drawn = st.fixed_dictionaries(
    {},
    optional={
        "whole": st.integers(),
        "number": finite | st.sampled_from([1e-4, 1e-300, 1e22, -0.0]),
        "maybe": st.none() | finite,
        "flag": st.booleans(),
        "text": st.text(st.characters(codec="utf-8"))
        | st.sampled_from(["no", "null", "1e-4", "*a", "a: b", "# c", "-"]),
        "choice": st.sampled_from(["no", "none", "1e-4", "auto", True, 3]),
        "names": st.lists(st.text(st.characters(codec="utf-8"))),
        "inner": st.fixed_dictionaries({}, optional={"rate": finite, "layers": st.lists(st.integers()).map(tuple)}),
    },
)


@how(max_examples=150, deadline=None)
@given(values=drawn, form=st.sampled_from(sorted(FORMS)), end=st.sampled_from(["\n", "\r\n"]))
def test_every_value_reads_back_as_itself(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any], form: str, end: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "values.yaml"
    put(path, FORMS[form][0].replace("\n", end))
    write_preset(path, "best", values, TOLD)
    found = read_yaml(path)["presets"]["best"]
    assert resolve(Every, [Layer("", found)]) == resolve(Every, [Layer("", values)])


def test_the_grid_and_values_of_numpy_read_back(path: Path) -> None:
    import numpy

    values = {
        "data": "mnist", "variants": [], "axes": {"depth": (2, 3)}, "tuning": {"trials": 0, "set": {"rate": 1e-4}},
        "a": numpy.float64(0.1), "b": numpy.int64(3), "c": numpy.bool_(True), "d": numpy.arange(2), "e": Kind.FAST,
        "inner.rate": 0.5, "no": None,
    }  # fmt: skip
    write_preset(path, "my best, so far", values, TOLD)
    assert read_yaml(path)["presets"]["my best, so far"] == {
        "data": "mnist", "variants": [], "axes": {"depth": ["2", "3"]},
        "tuning": {"trials": "0", "set": {"rate": "0.0001"}}, "a": "0.1", "b": "3", "c": "True", "d": ["0", "1"],
        "e": "fast", "inner.rate": "0.5", "no": "None",
    }  # fmt: skip
