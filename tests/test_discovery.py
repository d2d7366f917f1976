"""The folder is the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.discovery import find, listing, load
from dlcamp.errors import ConfigError, DiscoveryError, UnknownName
from dlcamp.settings import settings

MODULE = '''"""{question}"""
from dlcamp import ExperimentConfig, experiment, maximize

@experiment(config=ExperimentConfig, data=["purchases"], objective=maximize("val/accuracy"), course="{course}")
def {name}(config, data, run):
    return {{"val/accuracy": 1.0}}
'''


def write(root: Path, chapter: str, stem: str, text: str) -> Path:
    path = root / "experiments" / chapter / f"{stem}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def module(name: str, course: str = "", question: str = "Why?") -> str:
    return MODULE.format(name=name, course=course, question=question)


def test_experiments_are_listed_in_the_order_of_the_course_without_being_imported(tmp_path: Path) -> None:
    write(tmp_path, "basics", "second", module("second", "1.10 后") + "\nraise RuntimeError('imported')\n")
    write(tmp_path, "basics", "first", module("first", "1.2 逻辑回归", "Is it so?"))
    write(tmp_path, "basics", "loose", module("loose"))
    found = listing(tmp_path)
    assert list(found) == ["first", "second", "loose"]
    write(tmp_path, "convolution", "later", module("later", "3.1 卷积"))
    assert list(listing(tmp_path)) == ["first", "second", "loose", "later"]
    assert found["first"].heading == "逻辑回归"
    assert found["first"].question == "Is it so?"


def test_a_name_twice_names_both_files(tmp_path: Path) -> None:
    write(tmp_path, "basics", "twin", module("twin"))
    write(tmp_path, "driving", "twin", module("twin"))
    with pytest.raises(DiscoveryError, match=r"(?s)basics.*driving"):
        listing(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "found none"),
        (module("lone") + module("other"), "found lone, other"),
        (module("other"), "must be called 'lone'"),
        ("def broken(:\n", "cannot be read"),
    ],
)
def test_a_file_that_is_not_one_experiment_is_an_error_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "basics", "lone", text)
    with pytest.raises(DiscoveryError, match=said) as caught:
        listing(tmp_path)
    assert "lone.py" in str(caught.value)


def test_an_unknown_experiment_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "basics", "caption_lstm", module("caption_lstm"))
    with pytest.raises(UnknownName, match="did you mean 'caption_lstm'"):
        find(tmp_path, "caption_lsmt")


def test_loading_gives_the_experiment_with_its_question(tmp_path: Path) -> None:
    write(tmp_path, "basics", "sole", module("sole"))
    found = load(find(tmp_path, "sole"))
    assert (found.name, found.question, found.data) == ("sole", "Why?", ("purchases",))


def test_a_test_objective_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "basics", "sole", module("sole").replace('val/accuracy")', 'test/accuracy")'))
    with pytest.raises(DiscoveryError, match="choosing by test data"):
        load(find(tmp_path, "sole"))


def test_a_claim_about_a_data_set_that_is_not_named_is_refused(tmp_path: Path) -> None:
    claims = 'claims=[Claim("more", "not", data=["mnsit"])], data=["purchases"]'
    text = module("sole").replace('data=["purchases"]', claims).replace("import ", "import Claim, ", 1)
    write(tmp_path, "basics", "sole", text)
    with pytest.raises(DiscoveryError, match=r"is about 'mnsit', which data=.* does not name; it has purchases"):
        load(find(tmp_path, "sole"))


def yaml_of(root: Path, text: str) -> None:
    write(root, "basics", "sole", module("sole"))
    path = root / "configs" / "basics" / "sole.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_settings_keep_scalars_as_text_and_know_presets(tmp_path: Path) -> None:
    yaml_of(tmp_path, "base: {rate: 1e-4, on: no}\npresets:\n  smoke: {epochs: 1}\n  paper: {data: mnist}\n")
    found = settings(tmp_path, find(tmp_path, "sole"))
    assert found.base == {"rate": "1e-4", "on": "no"}
    assert found.preset("paper").data == "mnist"
    assert found.preset("smoke").values == {"epochs": "1"}
    with pytest.raises(UnknownName, match="did you mean 'smoke'"):
        found.preset("smok")


def test_settings_know_what_holds_on_a_data_set(tmp_path: Path) -> None:
    yaml_of(tmp_path, "base: {rate: 1}\ndata:\n  mnist: {rate: 2}\n  digits:\n")
    assert settings(tmp_path, find(tmp_path, "sole")).data == {"mnist": {"rate": "2"}, "digits": {}}


@pytest.mark.parametrize(
    "text",
    [
        "data: {mnist: 3}\n",
        "base: {a: 1, a: 2}\n",
        "- a\n- b\n",
        "base: [1]\n",
        "base: {a: [}\n",
        "presets: {smoke: 3}\n",
    ],
)
def test_a_yaml_that_cannot_be_meant_is_refused_naming_the_file(tmp_path: Path, text: str) -> None:
    yaml_of(tmp_path, text)
    with pytest.raises(ConfigError, match=r"sole\.yaml"):
        settings(tmp_path, find(tmp_path, "sole"))


def test_an_unknown_section_names_the_nearest(tmp_path: Path) -> None:
    yaml_of(tmp_path, "preset: {smoke: {}}\n")
    with pytest.raises(UnknownName, match="did you mean 'presets'"):
        settings(tmp_path, find(tmp_path, "sole"))


def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, "basics", "sole", module("sole"))
    write(tmp_path, "basics", "torn", "def (\n")
    broken: dict[Path, str] = {}
    assert list(listing(tmp_path, broken)) == ["sole"]
    assert [path.name for path in broken] == ["torn.py"]
    assert find(tmp_path, "sole").name == "sole"
    with pytest.raises(DiscoveryError, match=r"torn\.py"):
        find(tmp_path, "torn")
