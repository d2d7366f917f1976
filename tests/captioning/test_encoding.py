"""Where features come from: the encoder, its substitute, the course's file; and what cannot be read."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlcamp.captioning.camp.pickles import write_features
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.encoding import encode
from dlcamp.data.captions import CaptionItem, Split
from dlcamp.errors import ConfigError, DataError
from tests.training.recorder import Recorder

PLAIN = CaptionConfig(encoder_precision="float32")  # nothing is timed first


class Notes(Recorder):
    """A run that also remembers texts and tags."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.texts: dict[str, str] = {}
        self.tagged: dict[str, str] = {}

    def text(self, content: str, name: str) -> None:
        self.texts[name] = content

    def tags(self, values: Mapping[str, str]) -> None:
        self.tagged |= values


@pytest.fixture
def run(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "run")


class Snapshots:
    """Small photographs of one colour each, their left half darker; those named in `broken` are no images."""

    name, digest = "snapshots", "1"

    def __init__(self, sizes: tuple[int, int, int] = (12, 4, 4), broken: Sequence[str] = ()) -> None:
        self.sizes: dict[Split, int] = {"train": sizes[0], "val": sizes[1], "test": sizes[2]}
        self.broken = broken

    def items(self, split: Split, limit: int | None = None) -> list[CaptionItem]:
        size = min(self.sizes[split], limit or self.sizes[split])
        return [CaptionItem(f"{split}_{number}.jpg", (f"photo {number}",)) for number in range(size)]

    def image(self, item_id: str) -> bytes:
        if item_id in self.broken:
            return b"not an image"
        buffer = io.BytesIO()
        image = Image.new("RGB", (32, 32), (sum(map(ord, item_id)) % 256, 80, 90))
        image.paste((20, 30, 40), (0, 0, 16, 32))
        image.save(buffer, "JPEG")
        return buffer.getvalue()


def course_file(path: Path, data: Snapshots, width: int = 4096) -> np.ndarray:
    stems = [item.id.removesuffix(".jpg") for split in ("test", "train", "val") for item in data.items(split)]  # type: ignore[arg-type]
    values = np.random.default_rng(0).random((len(stems), width), np.float32)
    write_features(path, stems, values)
    return values


def test_a_few_unreadable_images_are_left_out_and_named(run: Notes, fresh_home: Path) -> None:
    data = Snapshots(sizes=(12, 4, 4), broken=["train_3.jpg"])
    encoded = encode(PLAIN, data, run)
    assert [item.id for item in encoded.train.items if item.id == "train_3.jpg"] == []
    assert (len(encoded.train.items), len(encoded.val.items), len(encoded.test.items)) == (11, 4, 4)
    assert "train_3.jpg" in run.texts["unreadable.txt"]
    whole = encode(PLAIN, Snapshots(), run)
    np.testing.assert_array_equal(encoded.train.features[3], whole.train.features[4])
    np.testing.assert_array_equal(encoded.val.features, whole.val.features)


def test_flips_bring_the_mirrored_images_of_train_beside_the_same_items(run: Notes, fresh_home: Path) -> None:
    data = Snapshots(sizes=(12, 4, 4), broken=["train_3.jpg"])
    assert encode(PLAIN, data, run).mirrored is None
    encoded = encode(PLAIN.model_copy(update={"flips": True}), data, run)
    assert encoded.mirrored is not None
    assert encoded.mirrored.items == encoded.train.items
    assert not encoded.encoder.mirror
    images = [data.image(item.id) for item in encoded.train.items]
    wanted = encoded.encoder.mirrored().encode(images)
    np.testing.assert_allclose(encoded.mirrored.features, wanted, rtol=0, atol=1e-4)
    assert not np.allclose(encoded.mirrored.features, encoded.train.features, atol=1e-2)
    assert any("mirrored images, " in line for line in run.lines)


def test_more_than_one_unreadable_image_in_ten_is_refused(run: Notes, fresh_home: Path) -> None:
    data = Snapshots(sizes=(12, 4, 4), broken=["val_0.jpg"])
    with pytest.raises(DataError, match=r"1 of the 4 val images cannot be read.*\n.*val_0\.jpg"):
        encode(PLAIN, data, run)


def test_features_of_the_course_are_taken_by_file_stem_in_any_order(run: Notes, fresh_home: Path) -> None:
    data, path = Snapshots(), fresh_home / "features.pkl"
    values = course_file(path, data)
    config = CaptionConfig(encoder="vgg16", preprocessing="course", features_file=str(path))
    encoded = encode(config, data, run)
    np.testing.assert_array_equal(encoded.test.features, values[:4])
    np.testing.assert_array_equal(encoded.train.features, values[4:16])
    assert (encoded.encoder.name, encoded.loadable) == ("vgg16", False)
    assert "no model will be stored" in "\n".join(run.lines)


def test_a_file_of_features_that_lacks_images_is_refused_naming_one(run: Notes, fresh_home: Path) -> None:
    path = fresh_home / "features.pkl"
    course_file(path, Snapshots(sizes=(11, 4, 4)))
    config = CaptionConfig(encoder="vgg16", features_file=str(path))
    with pytest.raises(DataError, match=r"not of 1 of the 20 asked for, for instance train_11\.jpg"):
        encode(config, Snapshots(), run)


def test_weights_that_cannot_be_had_are_an_error_unless_the_config_allows_a_substitute(
    run: Notes, fresh_home: Path, no_weights: None
) -> None:
    config = CaptionConfig(encoder="vgg16", preprocessing="course")
    with pytest.raises(DataError, match="encoder=lite0 preprocessing=own"):
        encode(config, Snapshots(), run)
    encoded = encode(config.model_copy(update={"substitute": True}), Snapshots(), run)
    assert encoded.encoder.name == "efficientnet_lite0"
    assert "EfficientNet-Lite0 in the place of vgg16" in encoded.substituted
    assert run.tagged["dlcamp.substituted"] == encoded.substituted
    assert run.tagged["dlcamp.never_champion"] == "runs with a substituted encoder"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"encoder_weights": "x.h5"}, "belong to VGG, encoder is lite0"),
        ({"encoder": "vgg16", "features_file": "/nowhere/features.pkl"}, "there is no such file"),
        ({"encoder": "vgg16", "features_file": "f.pkl", "features": "map"}, "leave out features=map"),
        ({"encoder": "vgg16", "features_file": "f.pkl", "flips": True}, "leave out flips"),
        ({"recipe": "camp", "precision": "auto"}, "trains in one precision"),
        ({"decoder": "attention", "features": "map", "units": 18}, r'multiple of 4\n.*units=16"'),
        ({"decoder": "transformer", "features": "map", "units": 9, "heads": 3}, "multiple of 6"),
        ({"tokenizer_file": "t.pkl"}, "belongs to the course's recipe"),
    ],
)
def test_values_that_exclude_each_other_are_refused_before_a_run_opens(values: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        CaptionConfig(**values).inputs()


def test_what_files_hold_belongs_to_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.pkl"
    config = CaptionConfig(recipe="camp", tokenizer_file=str(path))
    path.write_bytes(b"one")
    one = config.inputs()
    path.write_bytes(b"two")
    assert config.inputs() != one
    assert CaptionConfig().inputs() == {}
