"""Weights of a small VGG in each of the forms that Keras has written, and the net built another way to compare with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras import layers

from dlcamp.vision.vgg_table import Configuration

Arrays = Mapping[str, tuple[np.ndarray, np.ndarray]]


def as_taught(row: Configuration, classes: int = 1000, seed: int = 0) -> keras.Model:
    """The net as the course builds it: prepared pixels (BGR, means subtracted) to probabilities."""
    initializer = keras.initializers.HeNormal(keras.random.SeedGenerator(seed))
    x = inputs = keras.Input((row.size, row.size, 3), name="input_1")
    for block, (sides, filters) in enumerate(zip(row.kernels, row.filters, strict=True), start=1):
        for number, side in enumerate(sides, start=1):
            name = f"block{block}_conv{number}"
            options = {"activation": "relu", "padding": "same", "kernel_initializer": initializer}
            x = layers.Conv2D(filters, (side, side), name=name, bias_initializer=initializer, **options)(x)
        x = layers.MaxPooling2D((2, 2), strides=(2, 2), name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(row.dense, activation="relu", name=name, kernel_initializer=initializer)(x)
    x = layers.Dense(classes, activation="softmax", name="predictions", kernel_initializer=initializer)(x)
    return keras.Model(inputs, x, name="vgg")


def arrays_of(model: keras.Model) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kernel and bias by layer name."""
    return {layer.name: tuple(layer.get_weights()) for layer in model.layers if layer.weights}


def write_published(path: Path, arrays: Arrays, *, keras_1: bool = False) -> Path:
    """The layout of the files of keras.applications, and of save_weights of Keras 2 (or 1)."""
    with h5py.File(path, "w") as file:
        fill(file, arrays, keras_1=keras_1)
    return path


def fill(root: h5py.Group, arrays: Arrays, *, keras_1: bool = False) -> None:
    names = ["input_1", *arrays, "flatten"]
    root.attrs["layer_names"] = [name.encode() for name in names]
    root.attrs["keras_version"] = b"2.1.2"
    for name in names:
        group = root.create_group(name)
        parts = (f"{name}_W_1:0", f"{name}_b_1:0") if keras_1 else (f"{name}/kernel:0", f"{name}/bias:0")
        group.attrs["weight_names"] = [part.encode() for part in parts] if name in arrays else []
        for part, values in zip(parts, arrays.get(name, ()), strict=False):
            group[part] = values


def exported_json(row: Configuration, *, renamed: bool = False) -> dict[str, Any]:
    """What model.to_json() of Keras 2.1 wrote; with `renamed` layers, as a net that gave none (conv2d_1, ...)."""
    chain: list[tuple[str, dict[str, Any]]] = []
    for block, (sides, filters) in enumerate(zip(row.kernels, row.filters, strict=True), start=1):
        for number, side in enumerate(sides, start=1):
            options = {"filters": filters, "kernel_size": [side, side], "strides": [1, 1], "padding": "same"}
            options |= {"activation": "relu", "use_bias": True, "data_format": "channels_last", "dilation_rate": [1, 1]}
            chain.append(("Conv2D", {"name": f"block{block}_conv{number}", **options}))
        pool = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid", "data_format": "channels_last"}
        chain.append(("MaxPooling2D", {"name": f"block{block}_pool", **pool}))
    chain.append(("Flatten", {"name": "flatten"}))
    for name, units, activation in (
        ("fc1", row.dense, "relu"),
        ("fc2", row.dense, "relu"),
        ("predictions", 1000, "softmax"),
    ):
        chain.append(("Dense", {"name": name, "units": units, "activation": activation, "use_bias": True}))
    if renamed:
        names = auto_names(row)
        chain = [(kind, {**options, "name": names.get(options["name"], options["name"])}) for kind, options in chain]
    shape = {"batch_input_shape": [None, row.size, row.size, 3], "dtype": "float32", "sparse": False}
    found = [
        {"name": "input_1", "class_name": "InputLayer", "config": {"name": "input_1", **shape}, "inbound_nodes": []}
    ]
    for kind, options in chain:
        before = found[-1]["name"]
        entry = {"name": options["name"], "class_name": kind, "config": {**options, "trainable": True}}
        found.append({**entry, "inbound_nodes": [[[before, 0, 0, {}]]]})
    config = {"name": "vgg16", "layers": found, "input_layers": [["input_1", 0, 0]]}
    config["output_layers"] = [[found[-1]["name"], 0, 0]]
    return {"class_name": "Model", "config": config, "keras_version": "2.1.2", "backend": "tensorflow"}


def auto_names(row: Configuration) -> dict[str, str]:
    """The names Keras gives where a net names no layer, by those of keras.applications."""
    shapes = row.kernel_shapes()
    convolutions = [name for name, shape in shapes.items() if len(shape) == 4]
    dense = [name for name, shape in shapes.items() if len(shape) == 2]
    numbered = {name: f"conv2d_{number}" for number, name in enumerate(convolutions, start=1)}
    return {**numbered, **{name: f"dense_{number}" for number, name in enumerate(dense, start=1)}}


def write_pair(folder: Path, row: Configuration, arrays: Arrays, *, renamed: bool = False) -> Path:
    """The course's vgg16_exported.json and vgg16_exported.h5; returns the json."""
    names = auto_names(row) if renamed else {}
    write_published(folder / "vgg16_exported.h5", {names.get(name, name): pair for name, pair in arrays.items()})
    path = folder / "vgg16_exported.json"
    path.write_text(json.dumps(exported_json(row, renamed=renamed)), "utf-8")
    return path
