"""The captioner from image bytes to sentence: batches, files, warnings, and a process of its own."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlcamp.captioning.captioner import Decoding, Seen
from dlcamp.captioning.decoders import DecoderSpec, build
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.data.scenes.dataset import Scenes
from dlcamp.errors import DataError, ImageError, StoreError
from dlcamp.vision.encoder import choose, lite0
from dlcamp.vision.vgg import vgg
from dlcamp.vision.vgg_table import CONFIGURATIONS


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    scenes = Scenes()
    return [scenes.image(item.id) for item in scenes.items("train", 80)]


@pytest.fixture(scope="module")
def predictor(images: list[bytes]) -> CaptionPredictor:
    """A decoder that was not trained: its words mean nothing, but they depend on the image."""
    encoder = lite0(precision="float32")
    items = Scenes().items("train", 80)
    vocabulary = Vocabulary.of(caption for item in items for caption in item.references)
    features = encoder.encode(images)
    net = build(DecoderSpec("merge", len(vocabulary), encoder.shape, units=16, embedding=16), seed=3)
    net.fit_features(features)
    novelty = Novelty.fit(features[:60], features[60:])
    return CaptionPredictor(encoder, net, vocabulary, Decoding(beam=2, max_length=6), "scenes", novelty)


def jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG")
    return file.getvalue()


def test_captions_are_those_of_the_features_whatever_the_batch(
    predictor: CaptionPredictor, images: list[bytes]
) -> None:
    said = predictor.captions(predictor.encoder.encode(images[:40]))
    assert predictor.predict(images[:40]) == said
    assert [predictor.predict([image])[0] for image in images[:3]] == said[:3]
    assert len(set(said)) > 1


def test_no_images_give_no_captions(predictor: CaptionPredictor) -> None:
    assert predictor.predict([]) == []
    assert predictor.look([]) == []


def test_what_was_saved_answers_the_same_without_the_package_of_weights(
    predictor: CaptionPredictor, images: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor.save(tmp_path)
    monkeypatch.setattr("dlcamp.vision.weights.SOURCES", {
        name: replace(source, distribution="not-installed-anywhere") for name, source in _sources().items()
    })  # fmt: skip
    monkeypatch.setenv("DLCAMP_HOME", str(tmp_path / "home"))
    again = CaptionPredictor.load(tmp_path)
    assert again.predict(images[:8]) == predictor.predict(images[:8])
    assert again.data == "scenes"
    assert np.allclose(again.novelty(images[:8]), predictor.novelty(images[:8]), atol=1e-5)
    (tmp_path / "second").mkdir()
    again.save(tmp_path / "second")
    assert (tmp_path / "second/encoder.safetensors").read_bytes() == (tmp_path / "encoder.safetensors").read_bytes()


def test_a_captioner_that_sees_with_vgg_needs_no_file_of_weights_once_saved(
    images: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONFIGURATIONS, "vgg_small", CONFIGURATIONS["vgg16"].narrowed(16))
    weights = tmp_path / "vgg.keras"
    vgg("vgg_small", seed=5).save(weights)
    encoder = choose("vgg_small", "pooled", weights=str(weights), preprocessing="course", precision="float32")
    vocabulary = Vocabulary.of(["a red circle", "two blue stars"])
    features = encoder.encode(images[:20])
    net = build(DecoderSpec("merge", len(vocabulary), encoder.shape, units=16, embedding=16), seed=3)
    net.fit_features(features)
    novelty = Novelty.fit(features[:12], features[12:])
    predictor = CaptionPredictor(encoder, net, vocabulary, Decoding(beam=2, max_length=6), "scenes", novelty)
    (tmp_path / "model").mkdir()
    predictor.save(tmp_path / "model")
    weights.unlink()
    again = CaptionPredictor.load(tmp_path / "model")
    assert again.encoder == encoder
    assert again.predict(images[:4]) == predictor.predict(images[:4])
    np.testing.assert_array_equal(again.features(images[:2]), predictor.features(images[:2]))
    with pytest.raises(DataError, match="choose the encoder again"):
        again.encoder.ready()


def _sources() -> dict:
    from dlcamp.vision.weights import SOURCES

    return dict(SOURCES)


def test_noise_and_blank_pages_are_novel_and_scenes_are_not(predictor: CaptionPredictor) -> None:
    scenes = Scenes()
    rng = np.random.default_rng(0)
    across = np.linspace(0, 255, 224)[None, :, None]
    strange = [rng.integers(0, 256, (224, 224, 3)), np.full((200, 300, 3), 255), across * np.ones((224, 1, 3))]
    assert (predictor.novelty([jpeg(pixels) for pixels in strange]) > 1).all()
    assert (predictor.novelty([scenes.image(item.id) for item in scenes.items("val", 12)]) > 1).mean() <= 0.25


def test_an_unreadable_image_is_named_and_the_others_are_captioned(
    predictor: CaptionPredictor, images: list[bytes]
) -> None:
    first, second, third = predictor.look([images[0], images[1][:300], images[2]], ["a.jpg", "b.jpg", "c.jpg"])
    assert isinstance(first, Seen)
    assert isinstance(third, Seen)
    assert [first.caption, third.caption] == predictor.predict([images[0], images[2]])
    assert isinstance(second, ImageError)
    assert "b.jpg" in str(second)


def test_predict_names_the_image_that_cannot_be_read(predictor: CaptionPredictor, images: list[bytes]) -> None:
    with pytest.raises(ImageError, match="image 33"):
        predictor.predict([*images[:33], b"junk"])


def test_a_folder_without_a_captioner_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no captioner"):
        CaptionPredictor.load(tmp_path)


@pytest.mark.slow
def test_a_logged_captioner_is_proven_and_captions_files(
    predictor: CaptionPredictor, images: list[bytes], store_home: Path, tmp_path: Path
) -> None:
    from dlcamp.registry.captions import caption_files
    from dlcamp.requirements import requirements_of
    from dlcamp.tracking import open_store
    from dlcamp.tracking.models import log_model, save_model
    from dlcamp.tracking.proof import prove

    store = open_store()
    run = store.tracker.start("caption_toy", "caption_toy-1")
    save_model(
        predictor, tmp_path / "model", example=images[0], requirements=requirements_of("dlcamp.captioning.predictor")
    )
    model = log_model(store, run.id, tmp_path / "model", name="caption_toy")
    run.tags({"dlcamp.model_id": model})
    run.end("FINISHED")
    assert prove(store, model, images, predictor.predict(images)).holds

    paths = [tmp_path / name for name in ("scene.jpg", "junk.jpg", "absent.jpg", "white.jpg")]
    for path, data in zip(paths, [images[0], b"junk", None, jpeg(np.full((200, 300, 3), 255))], strict=True):
        if data is not None:
            path.write_bytes(data)
    scene, junk, absent, white = caption_files(store, "caption_toy-1", paths)
    assert (scene.caption, scene.novel, scene.trained_on) == (predictor.predict(images[:1])[0], False, "scenes")
    assert junk.caption is None
    assert "junk.jpg" in str(junk.error)
    assert "No such file" in str(absent.error)
    assert white.novel
