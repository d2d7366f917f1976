"""Both ways of teaching end in the same things; the course's tokenizer file decides its words and lengths."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
import tensorflow as tf

from dlcamp.captioning.camp.tokenizer import CampTokenizer, wrap
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.encoding import Encoded
from dlcamp.captioning.study import study
from dlcamp.captioning.teaching import check_size, teach
from dlcamp.data.captions import CaptionItem
from dlcamp.data.flickr8k import Flickr8k
from dlcamp.errors import DataError
from dlcamp.paths import REPOSITORY
from dlcamp.vision import lite0
from tests.captioning import toy_captions as toy
from tests.training.recorder import Recorder


def encoded() -> Encoded:
    return Encoded(lite0(precision="float32"), toy.captioned(40), toy.captioned(8, seed=1), toy.captioned(8, seed=2))


def test_the_recipes_give_a_net_its_blind_twin_and_words_they_speak(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.pkl"
    made = tf.keras.preprocessing.text.Tokenizer()
    made.fit_on_texts([wrap(text) for text in ["unseen words come first unseen", *encoded().train.captions]])
    file.write_bytes(pickle.dumps(made))
    config = toy.config(epochs=2, blind_epochs=1, beam=1, scaling="none")
    for recipe in ({}, {"recipe": "camp", "tokenizer_file": str(file)}):
        run = Recorder(tmp_path / f"run{len(recipe)}")
        taught = teach(config.model_copy(update=recipe), encoded(), run)
        said, blind = (taught.speak(net, encoded().test.features) for net in (taught.net, taught.blind))
        assert len(said) == len(blind) == 8
        assert len(set(blind)) == 1, "without an image there is one sentence"
        assert ("train/blind_loss", 1) in run.history()
        assert (taught.captions_per_second or 1) > 0
        assert (taught.captions_per_second is None) == (taught.net.spec.decoder == "camp"), "rows are no captions"
        assert not taught.net.spec.blind
        assert taught.blind.spec.blind
    assert taught.vocabulary.encode("unseen") == [made.word_index["unseen"]]
    assert taught.config.max_length == 40, "the course's, which its file does not hold"
    assert taught.net.spec.decoder == "camp"


class Unseen:
    """A data set whose images must not be read."""

    name, digest = "unseen", "1"

    def items(self, split: str, limit: int | None = None) -> list[CaptionItem]:
        return list(toy.captioned(40).items)[:limit]

    def image(self, item_id: str) -> bytes:
        raise AssertionError(f"{item_id} was read")


@pytest.mark.parametrize("recipe", ["sequences", "camp"])
def test_a_size_that_no_width_gives_is_refused_before_an_image_is_read(recipe: str, tmp_path: Path) -> None:
    config = CaptionConfig(recipe=recipe, parameters=1000, min_count=1)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"merge cannot have 1,000 parameters: .* more than 3% away"):
        study(config, Unseen(), Recorder(tmp_path))  # type: ignore[arg-type]


def test_a_size_that_some_width_gives_is_accepted() -> None:
    check_size(CaptionConfig(parameters=960_000, min_count=1), Unseen())  # type: ignore[arg-type]


@pytest.mark.real_data
def test_the_preset_numbers_words_as_the_course_does(tmp_path: Path, fresh_home: Path) -> None:
    source = REPOSITORY.parent / "shared" / "data"
    if not source.is_dir():
        pytest.skip(f"{source} is not here")
    with zipfile.ZipFile(source / "Flickr8k_text.zip") as texts:
        texts.extractall(tmp_path)
    with zipfile.ZipFile(source / "Flickr8k_Dataset.zip") as images:
        images.extractall(tmp_path)
    data = Flickr8k(tmp_path)
    in_order = data.in_file_order(data.items("train"))
    made = CampTokenizer.fit(wrap(text) for item in in_order for text in item.references)
    assert (len(made), made.max_length) == (7378, 40)
    assert [made.encode(word) for word in ("startseq", "endseq", "run", "desk")] == [[2], [3], [165], [1545]]
