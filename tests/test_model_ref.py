"""ModelRef as a config's value: its forms, how text and yaml are read, and what is refused."""

from __future__ import annotations

import pytest
import yaml

from dlcamp import ExperimentConfig, ModelRef, tune
from dlcamp.config import Layer, canonical, resolve
from dlcamp.errors import ConfigError
from dlcamp.model_ref import Best, split_refs


class Inner(ExperimentConfig):
    teacher: ModelRef | None = None


class Config(ExperimentConfig):
    start: ModelRef | None = tune(None, help="model to go on from")
    members: tuple[ModelRef, ...] = ()
    inner: Inner = Inner()


class Needy(ExperimentConfig):
    start: ModelRef = tune("")


def read(**values: object) -> Config:
    return resolve(Config, [Layer("SET", values)]).config


@pytest.mark.parametrize(
    "text", ["toy-s0-3f9c", "3f9c", "toy@champion", "toy-scenes@champion", "models:/m-1", "best:toy"]
)
def test_a_reference_is_kept_as_it_was_written(text: str) -> None:
    config = read(start=f" {text} ")
    assert config.start == ModelRef(text)
    assert str(config.start) == text
    assert f'"start": "{text}"' in canonical(config)


def test_best_of_an_experiment_may_ask_for_params() -> None:
    assert ModelRef("best:toy:seed=1,rate=1e-4").best == Best("toy", {"seed": "1", "rate": "1e-4"})
    assert ModelRef("best:toy").best == Best("toy", {})
    assert ModelRef("toy-s0-3f9c").best is None


def test_a_list_is_separated_by_commas_and_params_belong_to_the_best_before_them() -> None:
    wanted = ["best:toy:seed=1,size=8", "best:toy:seed=2", "toy-s0-3f9c"]
    assert split_refs("best:toy:seed=1, size=8,best:toy:seed=2,,toy-s0-3f9c") == wanted
    assert read(members=",".join(wanted)).members == tuple(ModelRef(text) for text in wanted)


def test_a_yaml_list_reads_as_the_same_list_whether_its_items_are_quoted_or_not() -> None:
    bare = yaml.safe_load("members: [best:toy:seed=1,size=8, toy-s0-3f9c]")
    quoted = yaml.safe_load("members: ['best:toy:seed=1,size=8', toy-s0-3f9c]")
    assert (
        read(**bare).members == read(**quoted).members == (ModelRef("best:toy:seed=1,size=8"), ModelRef("toy-s0-3f9c"))
    )


def test_a_dumped_config_is_read_again_as_the_same() -> None:
    config = read(start="best:toy", members="a,b", inner={"teacher": "c"})
    assert resolve(Config, [Layer("again", config.model_dump())]).config == config


def test_a_config_tells_every_field_that_names_models() -> None:
    config = read(start="best:toy", members="a,b", inner={"teacher": "c"})
    assert config.model_refs() == {
        "start": ModelRef("best:toy"),
        "members": (ModelRef("a"), ModelRef("b")),
        "inner.teacher": ModelRef("c"),
    }
    assert read(start="none").model_refs() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("best:", "must name an experiment after best:"),
        ("best:toy:seed", "must have field=value"),
        ("seed=1", "params can be given to best:"),
        ("@champion", "must be name@alias"),
        ("models:/", "which model"),
        (3, "must be text that names a model, got 3"),
    ],
)
def test_text_of_no_known_form_is_refused_with_the_forms(text: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        read(start=text)
    assert "(SET)" in str(error.value)
    for values in ({"start": text}, {"members": [text]}):
        with pytest.raises(ConfigError):
            read(**values)


def test_a_field_that_must_name_a_model_is_refused_while_it_names_none() -> None:
    for layers in ([], [Layer("SET", {"start": " "})]):
        with pytest.raises(ConfigError, match="start names no model; give it one: SET="):
            resolve(Needy, layers).config.model_refs()


def test_a_wrong_reference_says_what_a_field_takes() -> None:
    with pytest.raises(ConfigError, match="allowed: a run's id or name, NAME@champion"):
        resolve(Needy, [Layer("SET", {"start": "a=b"})])
    with pytest.raises(ConfigError, match="allowed: a list, separated by commas, of a run's id"):
        read(members="a=b")
