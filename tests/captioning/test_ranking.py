"""What a decoder knows when it must choose: log-probabilities of given captions, and rates of true ones above foils."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from dlcamp.captioning.captioner import Decoding
from dlcamp.captioning.decoders import CaptionNet, DecoderSpec, build
from dlcamp.captioning.ensemble import EnsemblePredictor
from dlcamp.captioning.item_scores import RANKED_BINDING, RANKED_RELATION
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.ranking import RANKED, Ranked, forced_choices, log_probabilities, rank, ranked_rates
from dlcamp.captioning.results import Results, measure
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.summary import CHOICE, summary, val_summary
from dlcamp.captioning.train import train_captioner
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.data.captions import CaptionItem
from dlcamp.data.scenes import Scenes
from dlcamp.data.scenes.foils import Pair, pairs
from dlcamp.errors import DataError
from dlcamp.vision.encoder import lite0
from tests.captioning import toy_captions as toy
from tests.training.recorder import Recorder

SCENES = Scenes(train=60, val=5, test=120)
WORDS = Vocabulary.of(said for item in SCENES.items("train") for said in item.references)
TEST = SCENES.items("test")
PAIRS = pairs(SCENES, [item.id for item in TEST])
RNG = np.random.default_rng(0)
SAID = ["a red star left of a black box", "two green circles", "there is a small blue cross and a yellow star"]


def net(decoder: str, shape: tuple[int, ...] = (16,), **options: object) -> CaptionNet:
    """Small and not trained."""
    fields = {"units": 8, "embedding": 6, "heads": 2, "length": 22, **options}
    return build(DecoderSpec(decoder, len(WORDS), shape, **fields), seed=1)  # type: ignore[arg-type]


def step_by_step(net: CaptionNet, image: np.ndarray, caption: str) -> float:
    """The probability of a caption and its end, word by word, over the words that may be said."""
    begun = net.start(image[None], training=False)
    contexts, states = begun[: net.contexts], begun[net.contexts :]
    word, product = WORDS.marks.start, 1.0
    for following in [*WORDS.encode(caption), WORDS.marks.end]:
        logits, *states = net.step([keras.ops.array([word], "int32"), *contexts, *states], training=False)
        odds = np.exp(keras.ops.convert_to_numpy(logits)[0].astype(float))
        odds[list(WORDS.marks.forbidden)] = 0
        word, product = following, product * odds[following] / odds.sum()
    return float(product)


@pytest.mark.parametrize(
    ("decoder", "shape"),
    [("merge", (5,)), ("init_inject", (5,)), ("attention", (2, 2, 5)), ("transformer", (2, 2, 5))],
)
def test_the_probability_of_a_caption_is_the_product_of_its_words(decoder: str, shape: tuple[int, ...]) -> None:
    speaks, features = net(decoder, shape), RNG.normal(0, 1, (2, *shape)).astype(np.float32)
    found = log_probabilities(speaks, WORDS, features, [1, 0, 1], SAID)
    expected = [step_by_step(speaks, features[row], said) for row, said in zip([1, 0, 1], SAID, strict=True)]
    assert found is not None
    np.testing.assert_allclose(np.exp(found), expected, rtol=1e-3)


def test_half_precision_gives_nearly_the_same() -> None:
    features = RNG.normal(0, 1, (1, 16)).astype(np.float32)
    plain, half = (
        log_probabilities(net("merge", precision=precision), WORDS, features, [0, 0, 0], SAID)
        for precision in ("float32", "mixed_bfloat16")
    )
    assert plain is not None
    np.testing.assert_allclose(half, plain, rtol=0.02)


def test_who_was_handed_the_truth_is_right_on_every_pair(tmp_path: Path) -> None:
    """A decoder that was taught the true caption of every pair, with a sign for each image, ranks all of them first."""
    ids = [item.id for item in TEST[:12]]
    known = set(WORDS.words)
    asked = [pair for pair in PAIRS if pair.item in ids and known >= {*pair.true.split(), *pair.foil.split()}]
    taught = [
        CaptionItem(id_, tuple(pair.true for pair in asked if pair.item == id_) or ("a red star",)) for id_ in ids
    ]
    images = Captioned(np.eye(12, dtype=np.float32), taught)
    options = {"units": 32, "epochs": 40, "dropout": 0.0, "max_length": 22, "scaling": "none", "learning_rate": 0.02}
    speaks, *_ = train_captioner(
        toy.config(**options), WORDS, images, images, Recorder(tmp_path), lambda *_: {}, monitor=None
    )
    found = rank(speaks, WORDS, images, asked)
    assert found is not None
    rates = ranked_rates(found)
    assert set(rates) == set(RANKED.values())
    assert all(rate.value == 1 for rate in rates.values())
    assert sum(rate.n for rate in rates.values()) == len(asked)
    exchanged = rank(speaks, WORDS, Captioned(images.features[::-1], taught), asked)
    assert np.mean([one.right for one in exchanged or []]) < 0.9


def test_who_sees_nothing_is_right_half_the_time() -> None:
    speaks = net("merge", blind=True)
    seen, other = (Captioned(RNG.normal(0, 1, (len(TEST), 16)).astype(np.float32), TEST) for _ in range(2))
    found = rank(speaks, WORDS, seen, PAIRS)
    assert found is not None
    assert found == rank(speaks, WORDS, other, PAIRS)
    for rate in ranked_rates(found).values():
        assert abs(rate.value - 0.5) < 1.5 / rate.n**0.5


def test_pairs_that_a_decoder_cannot_say_are_left_out() -> None:
    images = Captioned(np.zeros((1, 16), np.float32), [CaptionItem("test-00000", ("a red star",))])
    strange = Pair("test-00000", "colour", "a red star and a box", "a pink star and a box")
    plain = Pair("test-00000", "colour", "a red star and a box", "a blue star and a box")
    found = rank(net("merge"), WORDS, images, [strange, plain])
    assert [one.item for one in found or []] == ["test-00000"]
    assert rank(net("merge", length=5), WORDS, images, [plain]) == []


def test_a_caption_without_a_probability_is_an_error() -> None:
    features = np.zeros((1, 16), np.float32)
    with pytest.raises(DataError, match="'a pink star' has no probability"):
        log_probabilities(net("merge"), WORDS, features, [0], ["a pink star"])
    with pytest.raises(DataError, match="up to 2 of the"):
        log_probabilities(net("merge", length=2), WORDS, features, [0], ["a red star"])


def test_a_tie_is_half_right() -> None:
    ranked = [Ranked("x", "colour", margin) for margin in (2.0, 0.0, -0.1, 0.3)]
    assert [one.right for one in ranked] == [1, 0.5, 0, 1]
    assert ranked_rates(ranked) == {"ranked_colour": (0.625, 4)}


def test_the_courses_decoder_several_decoders_and_photographs_are_not_asked() -> None:
    encoder = lite0(precision="float32")
    features = RNG.normal(0, 1, (6, *encoder.shape)).astype(np.float32)
    one, camp = (
        CaptionPredictor(
            encoder, net(decoder, encoder.shape), WORDS, Decoding(), "scenes", Novelty.fit(features[:4], features[4:])
        )
        for decoder in ("merge", "camp")
    )
    asked = TEST[:6]
    assert {found.item for found in forced_choices(one, asked, features, SCENES)} <= {item.id for item in asked}
    assert forced_choices(one, asked, features, SCENES)
    assert forced_choices(camp, asked, features, SCENES) == []
    assert forced_choices(EnsemblePredictor.of([one, one], Decoding()), asked, features, SCENES) == []
    assert forced_choices(one, asked, features, toy.captioned(6)) == []  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def judged() -> Results:
    """The first reference of each image as what was said; three relations and one binding were asked for."""
    margins = [("relation", 2.0), ("relation", -1.0), ("relation", 0.5), ("binding", 1.0)]
    ranked = [Ranked(TEST[row].id, aspect, margin) for row, (aspect, margin) in enumerate(margins)]  # type: ignore[arg-type]
    return measure([item.references[0] for item in TEST[:8]], TEST[:8], SCENES, "test").with_ranked(ranked)


def test_rows_hold_what_was_ranked_and_none_where_nothing_was_asked(judged: Results) -> None:
    rows = judged.rows()
    assert [row["ranked_relation"] for row in rows] == [1, 0, 1, None, None, None, None, None]
    assert [row["ranked_binding"] for row in rows] == [None, None, None, 1, None, None, None, None]
    for statistic, expected in ((RANKED_RELATION, 2 / 3), (RANKED_BINDING, 1)):
        means = np.array([statistic.of_row(row) for row in rows]).mean(axis=0)
        assert statistic.of_means(means) == pytest.approx(expected)


def test_rates_and_intervals_are_among_the_results_and_told_with_their_chance(judged: Results) -> None:
    assert judged.rates["ranked_relation"] == (pytest.approx(2 / 3), 3)
    assert judged.intervals["ranked_relation"].low < 0.5 < judged.intervals["ranked_relation"].high
    for text in (summary(judged, [], beam=1), val_summary(judged, beam=1)):
        assert CHOICE in text.splitlines()
        assert "  relation ranked" in text
    assert "  relation ranked (n 3)" in summary(judged, [], beam=1)


def test_results_without_ranked_pairs_stay_as_they_are() -> None:
    plain = measure(["a red star"], TEST[:1], SCENES, "test")
    assert plain.with_ranked([]) is plain
    assert CHOICE not in summary(plain, [], beam=1)
