"""Spaces, declarations, and strict resolution of layers."""

from __future__ import annotations

import random
from typing import Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dlcamp.config import (
    Choice,
    ExperimentConfig,
    Float,
    Int,
    Layer,
    canonical,
    flatten,
    resolve,
    sample,
    tune,
    unflatten,
)
from dlcamp.errors import ConfigError, UnknownName

untimed = hypothesis_settings(deadline=None)


class Inner(ExperimentConfig):
    rate: float = tune(0.5, valid=Float(0, 0.95), space=Float(0.1, 0.7))


class Config(ExperimentConfig):
    units: int = tune(64, valid=Int(1, 4096), space=Int(8, 512, log=True), help="width")
    rate: float = tune(1e-3, valid=Float(0, 10), space=Float(1e-5, 1e-1, log=True))
    kind: Literal["none", "l1", "l2"] = tune("none", space=Choice("none", "l1", "l2"))
    widths: tuple[int, ...] = (3, 7)
    shuffle: bool = True
    limit: int | None = None
    title: str = ""
    inner: Inner = Inner()


def resolved(**values: object) -> Config:
    return resolve(Config, [Layer("SET", values)]).config


@untimed
@given(st.integers(0, 2**32))
def test_any_sampled_trial_validates(seed: int) -> None:
    config = sample(Config, random.Random(seed))
    assert resolve(Config, [Layer("again", flatten(config.model_dump()))]).config == config
    assert all(_value(config, name) in space for name, space in Config.space().items())


def _value(config: ExperimentConfig, dotted: str) -> object:
    return flatten(config.model_dump())[dotted]


@untimed
@given(
    units=st.integers(1, 4096),
    rate=st.floats(0, 10),
    kind=st.sampled_from(["none", "l1", "l2"]),
    widths=st.lists(st.integers(-5, 10**6), max_size=4),
    shuffle=st.booleans(),
    limit=st.none() | st.integers(0, 9999),
    title=st.text(st.characters(blacklist_categories=["Cs", "Cc"])),
)
def test_any_valid_config_round_trips_through_yaml(**values: object) -> None:
    config = resolved(**values)
    text = yaml.safe_dump(config.model_dump(mode="json"), allow_unicode=True)
    assert resolve(Config, [Layer("yaml", yaml.safe_load(text))]).config == config


def test_the_space_is_read_from_the_fields_with_dotted_names() -> None:
    assert set(Config.space()) == {"units", "rate", "kind", "inner.rate"}


def test_what_trials_have_is_read_from_the_fields_with_dotted_names() -> None:
    class Judged(ExperimentConfig):
        score_test: bool = tune(True, trial=False)
        inner: Inner = Inner()

    class Outer(ExperimentConfig):
        judged: Judged = Judged()
        images: int = tune(9, valid=Int(1, 9), trial=3)

    assert Outer.trial_values() == {"images": 3, "judged.score_test": False}
    assert Config.trial_values() == {}


def test_a_trial_value_that_is_not_valid_or_of_a_searched_field_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Unlikely.images: trial 0 is not valid"):

        class Unlikely(ExperimentConfig):
            images: int = tune(1, valid=Int(1, 9), trial=0)

    with pytest.raises(TypeError, match=r"Torn.units: trials cannot search a field and have 2 in it"):

        class Torn(ExperimentConfig):
            units: int = tune(1, space=Int(1, 9), trial=2)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("rate", "1e-4", 1e-4),
        ("units", "1e3", 1000),
        ("shuffle", "no", False),
        ("shuffle", "off", False),
        ("kind", "none", "none"),
        ("limit", "null", None),
        ("limit", "12", 12),
        ("widths", "5,6", (5, 6)),
        ("widths", "[5, 6]", (5, 6)),
        ("widths", "", ()),
        ("title", "no", "no"),
        ("inner.rate", "0.25", 0.25),
    ],
)
def test_the_type_of_the_field_decides_what_text_means(field: str, text: str, value: object) -> None:
    assert _value(resolved(**{field: text}), field) == value


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("units", "0", "1 to 4096"),
        ("units", "1.5", "integer"),
        ("rate", "nan", "number"),
        ("rate", "fast", "0 to 10"),
        ("kind", "l3", "none, l1, l2"),
        ("shuffle", "maybe", "yes or no"),
        ("inner.rate", "0.99", "0 to 0.95"),
        ("widths", "5,x", "widths"),
    ],
)
def test_a_bad_value_is_refused_naming_field_source_and_what_is_allowed(field: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolved(**{field: text})
    message = str(caught.value)
    assert field in message
    assert "SET" in message
    assert said in message


@pytest.mark.parametrize(("field", "near"), [("unit", "units"), ("inner.rat", "inner.rate"), ("Units", "units")])
def test_an_unknown_key_names_the_nearest(field: str, near: str) -> None:
    with pytest.raises(UnknownName, match=f"did you mean '{near}'"):
        resolved(**{field: "1"})


def test_later_layers_win_and_origins_are_kept() -> None:
    found = resolve(Config, [Layer("base", {"units": "8", "inner": {"rate": "0.3"}}), Layer("SET", {"units": "9"})])
    assert found.config.units == 9
    assert found.config.inner.rate == 0.3
    assert found.origins["units"] == "SET"
    assert found.origins["inner.rate"] == "base"
    assert found.origins["rate"] == "default"


def test_configs_are_frozen_and_canonical_text_does_not_depend_on_the_order_given() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().units = 3  # type: ignore[misc]
    assert canonical(resolved(units=5, rate=0.1)) == canonical(resolved(rate=0.1, units=5))


def test_a_declaration_that_contradicts_itself_fails_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match="default 5 is not valid"):
        type("Bad", (ExperimentConfig,), {"__annotations__": {"x": int}, "x": tune(5, valid=Int(0, 3))})
    with pytest.raises(TypeError, match="space holds"):
        type(
            "Bad", (ExperimentConfig,), {"__annotations__": {"x": int}, "x": tune(1, valid=Int(0, 3), space=Int(0, 9))}
        )
    with pytest.raises(ValueError, match="low > 0"):
        Float(0, 1, log=True)


@untimed
@given(st.dictionaries(st.sampled_from(["a", "b.c", "b.d", "e.f.g"]), st.integers()))
def test_flatten_inverts_unflatten(values: dict[str, int]) -> None:
    assert flatten(unflatten(values)) == values
