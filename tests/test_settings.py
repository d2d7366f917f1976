"""What a yaml says of an ablation: variants, axes, seeds, tuning, and how presets change them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.discovery import Listing
from dlcamp.errors import ConfigError, UnknownName, UserError
from dlcamp.settings import Grid, Settings, Tuning, Variant, seeds_of, settings

YAML = """
base: {epochs: 3}
variants:
  none: {regularizer: none}
  l2: {regularizer: l2, tune: [l2]}
  dropout: {regularizer: dropout, tune: dropout}
axes: {train_images: [100, 1000]}
seeds: 3
tuning: {trials: 4, seed: 77, set: {epochs: 1}}
presets:
  smoke: {epochs: 1, variants: [none, l2], axes: {}, seeds: "1,", tuning: {trials: 0}}
  other: {variants: {wide: {units: 9}}, data: mnist}
"""


def read(tmp_path: Path, text: str = YAML) -> Settings:
    path = tmp_path / "configs" / "basics" / "toy.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return settings(tmp_path, Listing("toy", "basics", tmp_path / "toy.py", "", ""))


def test_the_grid_is_variants_axes_seeds_and_tuning(tmp_path: Path) -> None:
    grid = read(tmp_path).grid()
    assert grid == Grid(
        {
            "none": Variant({"regularizer": "none"}),
            "l2": Variant({"regularizer": "l2"}, ("l2",)),
            "dropout": Variant({"regularizer": "dropout"}, ("dropout",)),
        },
        {"train_images": ("100", "1000")},
        (0, 1, 2),
        Tuning(4, 77, {"epochs": "1"}),
    )


def test_a_preset_takes_a_subset_drops_axes_or_names_new_variants(tmp_path: Path) -> None:
    written = read(tmp_path)
    smoke, other = written.grid("smoke"), written.grid("other")
    assert (list(smoke.variants), dict(smoke.axes), smoke.seeds) == (["none", "l2"], {}, (1,))
    assert smoke.tuning.trials == 0
    assert (list(other.variants), other.seeds) == (["wide"], (0, 1, 2))
    assert written.presets["smoke"].values == {"epochs": "1"}
    assert written.presets["other"].data == "mnist"


def test_a_yaml_without_a_grid_makes_single_runs(tmp_path: Path) -> None:
    assert not read(tmp_path, "base: {epochs: 3}").grid()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("variants: {none: 3}", "must hold `key: value` lines"),
        ("axes: {depth: [1, 1]}", "different values"),
        ("seeds: 0", "at least one seed"),
        ("seeds: 99999999", "not made at once"),
        ("variants: {a: {tune: [l2]}}", "nothing says how|no `tuning"),
        ("seeds: [1, 2, 1]", "seed 1 stands twice"),
        ("tuning: {trials: many}", "whole number"),
        ("tuning: {trails: 3}", "did you mean 'trials'"),
        ("presets: {smoke: {variants: [nome]}}\nvariants: {none: {}}", "did you mean 'none'"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, text).grid("smoke" if "presets" in text else None)


@pytest.mark.parametrize(("text", "seeds"), [("3", (0, 1, 2)), ("3,7", (3, 7)), ("7,", (7,)), (["4", "2"], (4, 2))])
def test_seeds_are_a_count_or_a_list(text: object, seeds: tuple[int, ...]) -> None:
    assert seeds_of(text, "SEEDS") == seeds


@pytest.mark.parametrize("text", ["3,3", "-1", "two", "0", "1.5", ""])
def test_seeds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        seeds_of(text, "SEEDS")


def test_a_variant_that_does_not_exist_is_named_with_the_nearest(tmp_path: Path) -> None:
    from dlcamp.settings import pick

    with pytest.raises(UnknownName, match="did you mean 'dropout'"):
        pick(read(tmp_path).grid().variants, ["dropuot"], "variant", "toy.yaml")
