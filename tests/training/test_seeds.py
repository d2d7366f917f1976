"""Streams of random numbers."""

from __future__ import annotations

import numpy as np

from dlcamp.training.seeds import derive, generator


def test_the_same_names_give_the_same_seed() -> None:
    assert derive(3, "order", 7) == derive(3, "order", 7)
    assert derive(0, "order") == 856326943  # a constant: no process, platform or hash seed may change it


def test_another_seed_name_or_epoch_gives_another_stream() -> None:
    seeds = [derive(0), derive(1), derive(0, "order"), derive(0, "order", 1), derive(0, "order", 2), derive(0, "x")]
    assert len(set(seeds)) == len(seeds)
    assert derive(0, "a", "b") != derive(0, "ab")
    assert derive(0, "1") != derive(0, 1)


def test_seeds_fit_what_keras_and_numpy_take() -> None:
    assert all(0 <= derive(0, "x", i) < 2**31 for i in range(200))


def test_a_generator_repeats_itself_and_leaves_the_global_state_alone() -> None:
    before = np.random.get_state()[1].tolist()  # type: ignore[index,union-attr]
    assert generator(1, "order", 2).permutation(9).tolist() == generator(1, "order", 2).permutation(9).tolist()
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index,union-attr]
