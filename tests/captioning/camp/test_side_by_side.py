"""Both ways do the same work: the same words after the same words, the same losses, captions and features."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from dlcamp.captioning.camp import as_taught
from dlcamp.captioning.camp import side_by_side as side
from dlcamp.captioning.camp.train import transcripts
from dlcamp.captioning.decoders import CaptionNet, DecoderSpec, build
from dlcamp.data.scenes import Scenes
from dlcamp.errors import DataError
from dlcamp.training.checkpoints import weights_hash
from dlcamp.vision import extract_folder
from tests.captioning import toy_captions as toy
from tests.captioning.camp import small_course as course

DATA = toy.captioned(6)
TOKENIZER = course.toy_tokenizer(DATA)


def net(decoder: str = "merge", **values: object) -> CaptionNet:
    spec = DecoderSpec(decoder, len(TOKENIZER), (toy.CHANNELS,), scaling="none")
    return build(replace(spec, **values), seed=3)


def test_whole_captions_teach_the_same_words_after_the_same_words_as_the_rows_of_prefixes() -> None:
    samples = side.whole_captions(DATA.features, DATA.items, TOKENIZER, batch=5)
    ours: Counter[tuple] = Counter()
    for (features, said), words, mask in samples.batches(seed=1, epoch=1):
        for row, step in zip(*np.nonzero(mask), strict=True):
            ours[tuple(features[row]), tuple(said[row, : step + 1]), int(words[row, step])] += 1
    photos = {item.id: row[None] for item, row in zip(DATA.items, DATA.features, strict=True)}
    rows = as_taught.create_input_data(
        side.keras_tokenizer(TOKENIZER), TOKENIZER.max_length, side.descriptions(DATA.items), photos, len(TOKENIZER)
    )
    theirs = Counter(
        (tuple(photo), tuple(prefix[prefix > 0]), int(word.argmax())) for photo, prefix, word in zip(*rows, strict=True)
    )
    assert ours == theirs
    assert len(samples.rows) == len(DATA.captions)


def test_with_equal_weights_both_have_the_same_first_loss_even_where_words_fill_up_the_vocabulary() -> None:
    tokenizer = side.enlarged(TOKENIZER, 40)
    first, second = side.first_losses(net(vocabulary_size=40), DATA.features, DATA.items, tokenizer)
    assert first == pytest.approx(second, abs=1e-5)
    assert first == pytest.approx(np.log(40), rel=0.1)


def test_words_that_fill_up_change_no_number_and_none_are_added_where_there_are_enough() -> None:
    more = side.enlarged(TOKENIZER, 40)
    assert len(more) == 40
    assert more.encode(DATA.captions[0]) == TOKENIZER.encode(DATA.captions[0])
    assert side.enlarged(TOKENIZER, 3) == TOKENIZER


def test_an_epoch_teaches_every_caption_once_and_the_next_goes_on() -> None:
    taught = net()
    samples = side.whole_captions(DATA.features, DATA.items, TOKENIZER, batch=5)
    epoch = side.epochs_of(taught, samples, keras.optimizers.Adam(1e-2), seed=0)
    before = side.first_losses(taught, DATA.features, DATA.items, TOKENIZER)[1]
    hashes = set()
    for _ in range(3):
        assert epoch() == len(DATA.captions)
        hashes.add(weights_hash(taught.teacher))
    assert len(hashes) == 3
    assert side.first_losses(taught, DATA.features, DATA.items, TOKENIZER)[1] < before


def test_the_course_says_with_copied_weights_what_greedy_search_says() -> None:
    taught, speaking = net(), net("camp")
    samples = side.whole_captions(DATA.features, DATA.items, TOKENIZER, batch=6)
    epoch = side.epochs_of(taught, samples, keras.optimizers.Adam(1e-2), seed=0)
    for _ in range(6):
        epoch()
    side.copy_weights(taught, speaking)
    model, words = side.course_model(speaking, TOKENIZER.max_length), side.keras_tokenizer(TOKENIZER)
    theirs = [as_taught.generate_caption(model, words, row[None], TOKENIZER.max_length) for row in DATA.features[:2]]
    assert transcripts(speaking, DATA.features[:2], TOKENIZER) == theirs
    assert len(theirs[0].split()) > 2


@pytest.mark.parametrize("values", [{"units": 16}, {"scaling": "l2"}, {"blind": True}])
def test_a_net_that_is_not_the_courses_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(DataError, match="the course's network has 256 units"):
        side.course_model(net(**values), TOKENIZER.max_length)


def test_a_random_vgg_gives_the_features_of_the_courses_loop_and_never_passes_for_vgg(tmp_path: Path) -> None:
    encoder = side.random_vgg(width=32, seed=5).with_precision("float32")
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(Scenes().image(f"test-{number:05d}"))
    ours = extract_folder(folder, encoder, cache=tmp_path / "cache", batch=2)
    loop = as_taught.extract_features(sorted(folder.iterdir()), side.after_preparation(encoder.trained()))
    theirs = np.concatenate(list(loop.values()))
    assert ours.array.shape == theirs.shape == (3, 128)
    assert side.cosines(ours.array, theirs).min() > 0.99999
    assert side.cosines(ours.array, np.roll(theirs, 1, axis=0)).max() < 0.99
    assert encoder.name != "vgg16"
    assert encoder.key != side.random_vgg(width=32, seed=6).with_precision("float32").key


def test_the_loop_around_another_net_takes_that_nets_own_preparation() -> None:
    inputs = keras.Input((2, 2, 3), dtype="uint8")
    doubled = keras.Model(inputs, keras.layers.Rescaling(2.0)(keras.layers.Flatten()(inputs)))
    said = side.one_by_one([b"\x01", b"\x02"], lambda data: np.full((2, 2, 3), data[0], np.uint8), doubled)
    assert np.array_equal(said, np.repeat([[2.0], [4.0]], 12, axis=1))
