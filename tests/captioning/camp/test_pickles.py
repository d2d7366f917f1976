"""The course's files: what NumPy and Keras write is read, everything else is refused and does nothing."""

from __future__ import annotations

import copyreg
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlcamp.captioning.camp import as_taught, pickle_data
from dlcamp.captioning.camp.pickle_data import load_data
from dlcamp.captioning.camp.pickles import WIDTH, read_features, read_tokenizer, write_features
from dlcamp.captioning.camp.tokenizer import CampTokenizer, wrap
from dlcamp.errors import DataError, StoreError

RNG = np.random.default_rng(0)
IMAGES = {f"10002_{name}": RNG.normal(size=(1, WIDTH)).astype(np.float32) for name in "abc"}
CAPTIONS = [wrap("A t-shirt , a dog ."), wrap("the dog runs")]


def written(folder: Path, value: Any, protocol: int = 4) -> Path:
    path = folder / "file.pkl"
    path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value, protocol))
    return path


# features


@pytest.mark.parametrize("protocol", range(6))
def test_features_are_read_whatever_the_protocol(tmp_path: Path, protocol: int) -> None:
    names, features = read_features(written(tmp_path, IMAGES, protocol))
    assert names == list(IMAGES)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, np.concatenate(list(IMAGES.values())))


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_big_endian_flat_and_fortran_arrays_are_read_as_well(tmp_path: Path, protocol: int) -> None:
    values = np.concatenate(list(IMAGES.values()))
    images = {"a": values[0].astype(">f4"), "b": np.asfortranarray(values)[1:2], "c": values[2:]}
    np.testing.assert_array_equal(read_features(written(tmp_path, images, protocol))[1], values)


def test_files_of_numpy_1_are_read(tmp_path: Path) -> None:
    old = pickle.dumps(IMAGES, 3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert read_features(written(tmp_path, old))[0] == list(IMAGES)


def test_what_is_written_is_read_by_plain_pickle_and_by_us(tmp_path: Path) -> None:
    path = tmp_path / "new" / "features.pkl"
    features = np.concatenate(list(IMAGES.values()))
    write_features(path, [f"{name}.jpg" for name in IMAGES], features)
    with path.open("rb") as file:
        plain = pickle.load(file)
    assert list(plain) == list(IMAGES)
    for name, values in IMAGES.items():
        np.testing.assert_array_equal(plain[name], values)
        assert (plain[name].shape, plain[name].dtype) == ((1, WIDTH), np.float32)
    np.testing.assert_array_equal(read_features(path)[1], features)
    assert b"numpy._core" not in path.read_bytes(), "NumPy 1 does not know the name"
    assert [found.name for found in path.parent.iterdir()] == ["features.pkl"]


def test_features_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "features.pkl"
    with pytest.raises(DataError, match="2 images need 2 rows"):
        write_features(path, ["a", "b"], np.zeros((3, WIDTH)))
    with pytest.raises(DataError, match="two images would have the key 'a'"):
        write_features(path, ["a.jpg", "a.png"], np.zeros((2, WIDTH)))
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"):
        write_features(tmp_path / "file" / "features.pkl", ["a"], np.zeros((1, WIDTH)))
    assert not path.exists()


def test_1000_values_an_image_are_recognised_and_explained(tmp_path: Path) -> None:
    softmax = {name: np.full((1, 1000), 1e-3, np.float32) for name in IMAGES}
    with pytest.raises(DataError, match=r"(?s)1,000 values.*class probabilities.*layers\.pop.*drops nothing.*-2"):
        read_features(written(tmp_path, softmax))


NAN = np.where(np.arange(WIDTH) == 7, np.nan, 0).astype(np.float32)[None]


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        ({"a": np.zeros((1, 2048), np.float32)}, "another number of values an image: 2,048 \\('a'\\)"),
        (
            {**IMAGES, "z": np.zeros((1, 1000), np.float32)},
            "different numbers .* 1,000 \\('z'\\), 4,096 \\('10002_a'\\)",
        ),
        ({**IMAGES, "bad": NAN}, "1 of 4 images have values that are no numbers, the first is 'bad'"),
        ({"a": np.zeros((1, WIDTH))}, "image 'a' has values of float64"),
        ({"a": np.zeros((1, WIDTH), np.int64)}, "values of type i8"),
        ({"a": np.array([[None]])}, "values of Python objects"),
        ({"a": np.zeros((2, WIDTH), np.float32)}, r"8192 values in an array of shape \(2, 4096\)"),
        ({"a": np.zeros((0,), np.float32)}, "other|another|no"),
        ({"a": [0.0] * WIDTH}, "a list in the place of an array"),
        ({"a": np.float32(1)}, r"scalar"),
        ({1: IMAGES["10002_a"]}, "no dict of an image's name"),
        ({}, "no dict"),
        ([IMAGES["10002_a"]], "no dict"),
        ("text", "no dict"),
    ],
)
def test_other_contents_are_named(tmp_path: Path, images: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read_features(written(tmp_path, images))


@pytest.mark.parametrize("keep", [0, 1, 10, 100, 9000, -1, -30])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, keep: int, protocol: int) -> None:
    path = written(tmp_path, pickle.dumps(IMAGES, protocol)[:keep])
    with pytest.raises(DataError, match="refused to read"):
        read_features(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for read in (read_features, read_tokenizer):
        with pytest.raises(DataError, match=r"absent\.pkl: No such file"):
            read(tmp_path / "absent.pkl")


# the tokenizer


def keras_tokenizer(**settings: Any) -> Any:
    import tensorflow as tf

    made = tf.keras.preprocessing.text.Tokenizer(**settings)
    made.fit_on_texts(CAPTIONS)
    return made


@pytest.mark.parametrize("protocol", range(6))
def test_a_tokenizer_of_keras_is_read_whatever_the_protocol(tmp_path: Path, protocol: int) -> None:
    taught = as_taught.create_tokenizer({"all": CAPTIONS})
    tokenizer = read_tokenizer(written(tmp_path, taught, protocol))
    assert tokenizer == CampTokenizer(CampTokenizer.fit(CAPTIONS).words, 40)
    assert [tokenizer.encode(text) for text in CAPTIONS] == taught.texts_to_sequences(CAPTIONS)
    assert read_tokenizer(tmp_path / "file.pkl", max_length=9).max_length == 9


@pytest.mark.parametrize(
    "home", ["keras.preprocessing", "keras_preprocessing", "tensorflow.python.keras.preprocessing"]
)
def test_a_tokenizer_of_an_older_keras_is_read(tmp_path: Path, home: str) -> None:
    made = keras_tokenizer()
    del made.analyzer, made.index_word
    content = pickle.dumps(made, 3).replace(b"ckeras.src.legacy.preprocessing.text\n", f"c{home}.text\n".encode())
    assert read_tokenizer(written(tmp_path, content)).words == CampTokenizer.fit(CAPTIONS).words


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"filters": "."}, "filters='.'"),
        ({"lower": False}, "lower=False; the course's has lower=True"),
        ({"oov_token": "<unk>"}, "oov_token='<unk>'"),
        ({"num_words": 5000}, "num_words=5000"),
        ({"char_level": True, "split": "-"}, "split='-', char_level=True"),
    ],
)
def test_other_settings_of_a_tokenizer_are_named(tmp_path: Path, settings: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read_tokenizer(written(tmp_path, keras_tokenizer(**settings)))


def with_index(index: Any) -> Any:
    made = keras_tokenizer()
    made.word_index = index
    return made


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: with_index({"startseq": 1, "endseq": 3}), "not numbered 1, 2, 3"),
        (lambda: with_index({"startseq": 1, "endseq": True}), "not numbered"),
        (lambda: with_index([1, 2]), "word_index"),
        (lambda: with_index({"a": 1, "dog": 2}), "no caption holds 'startseq'"),
        (lambda: IMAGES, "asks for numpy"),
        (lambda: {"word_index": {}}, "no Tokenizer"),
        (lambda: keras_tokenizer, "asks for .*keras_tokenizer"),
    ],
)
def test_what_is_no_tokenizer_of_the_course_is_refused(tmp_path: Path, make: Callable[[], Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read_tokenizer(written(tmp_path, make()))


# hostile files


class Hostile:
    """Pickled by what would touch a file when it is loaded."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple:
        return (os.system, (f"touch '{self.proof}'",))


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
DTYPE = (
    b"cnumpy\ndtype\n"
    + text("f4")
    + b"\x89\x88\x87R(K\x03"
    + text("<")
    + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)
BLANK = RECONSTRUCT + b"cnumpy\nndarray\nK\x00\x85C\x01b\x87R"


def array(shape: bytes, data: bytes) -> bytes:
    return BLANK + b"(K\x01" + shape + DTYPE + b"\x89" + data + b"tb"


def one_image(value: bytes, before: bytes = b"") -> bytes:
    return b"\x80\x04" + before + b"}" + text("a") + value + b"s."


DEEP = b")" + b"\x85" * 20_000
LAUGHS = b"K\x01\x85" + b"2\x86" * 60  # DUP, TUPLE2: a tuple whose text would have 2 ** 60 parts

ATTACKS = {
    "os.system": b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.",
    "posix.system from the stack": b"\x80\x04" + text("posix") + text("system") + b"\x93" + text("id") + b"\x85R.",
    "builtins.eval": b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
    "builtins.getattr": b"\x80\x02cbuiltins\ngetattr\n.",
    "an attribute of what is allowed": b"\x80\x04" + text("numpy") + text("ndarray.tofile") + b"\x93.",
    "a name that is no text": b"\x80\x04" + DEEP + DEEP + b"\x93.",
    "numpy's loader of files": b"\x80\x02cnumpy\nload\n.",
    "an old instance": b"(ios\nsystem\n.",
    "an old object": b"(cos\nsystem\nX\x02\x00\x00\x00ido.",
    "an instance of what is allowed": b"(inumpy\nndarray\n.",
    "a persistent id": b"Pid\n.",
    "an extension": b"\x82\x01.",
    "a buffer from outside": b"\x80\x05\x97.",
    "keyword arguments": b"\x80\x04cnumpy\ndtype\n)}\x92.",
    "a call of what was called": one_image(BLANK + b")R"),
    "a call of a text": one_image(text("os.system") + b")R"),
    "attributes of a name": one_image(b"cnumpy\nndarray\nN}" + text("__setstate__") + text("x") + b"s\x86b"),
    "attributes of a dict": b"\x80\x04}}" + text("__class__") + text("x") + b"sb.",
    "a state set twice": one_image(array(b"K\x01K\x01\x86", b"C\x04abcd")[:-1] + b"b" + b"}b"),
    "a state that is no state": one_image(BLANK + b"}" + text("shape") + b"K\x01sb"),
    "items in a name": one_image(b"cnumpy\nndarray\n" + text("k") + b"K\x01s"),
    "items in a list": b"\x80\x04]" + text("k") + b"K\x01s.",
    "appending to a dict": b"\x80\x04}K\x01a.",
    "a list as its own item's key": b"\x80\x04}]K\x01s.",
    "a nested key": b"\x80\x04}" + DEEP + b"K\x01s.",
    "a shape beyond its values": one_image(array(b"K\x01J\xff\xff\xff\x7f\x86", b"C\x04abcd")),
    "a negative shape": one_image(array(b"K\x01J\xff\xff\xff\xff\x86", b"C\x04abcd")),
    "a shape of laughs": one_image(array(LAUGHS, b"C\x04abcd")),
    "values that are no bytes": one_image(array(b"K\x01K\x01\x86", b"](K\x01K\x02e")),
    "values that are not whole": one_image(array(b"K\x01K\x01\x86", b"C\x03abc")),
    "values in another encoding": one_image(
        array(b"K\x01K\x01\x86", b"c_codecs\nencode\n" + text("abcd") + text("zlib") + b"\x86R")
    ),
    "bytes beyond the file": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"abc.",
    "bytes beyond any memory": b"\x80\x04\x8e" + struct.pack("<Q", (1 << 64) - 1) + b"abc.",
    "a bytearray beyond the file": b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"abc.",
    "a text beyond the file": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"abc.",
    "a number beyond the file": b"\x80\x04\x8b" + struct.pack("<i", (1 << 31) - 1) + b"abc.",
    "a number of a million digits": b"L" + b"9" * 1_000_000 + b"L\n.",
    "a place in the memo that fills the memory": b"\x80\x04Nr\xff\xff\xff\xff.",
    "a place in the memo that is empty": b"\x80\x04j\xff\xff\xff\xff.",
    "more popped than pushed": b"\x80\x0400.",
    "a tuple of what is not there": b"\x80\x04\x87.",
    "no mark": b"\x80\x04t.",
    "two values": b"\x80\x04NN.",
    "nested without end": b"\x80\x04" + DEEP + b".",
    "another format": b"PK\x03\x04 a zip",
}  # fmt: skip


@pytest.mark.parametrize("read", [read_features, read_tokenizer])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_file_is_refused(tmp_path: Path, attack: str, read: Callable[[Path], Any]) -> None:
    with pytest.raises(DataError, match=r"refused to read .*file\.pkl"):
        read(written(tmp_path, ATTACKS[attack]))


@pytest.mark.parametrize("read", [read_features, read_tokenizer])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_what_a_hostile_file_would_run_does_not_run(tmp_path: Path, protocol: int, read: Callable[[Path], Any]) -> None:
    proof = tmp_path / "it ran"
    for value in (Hostile(proof), {**IMAGES, "z": Hostile(proof)}, with_index(Hostile(proof)), [[Hostile(proof)]]):
        with pytest.raises(DataError, match="it asks for"):
            read(written(tmp_path, value, protocol))
    assert not proof.exists()
    pickle.loads(pickle.dumps(Hostile(proof), protocol))
    assert proof.exists(), "the file is truly hostile"


def test_one_array_for_many_images_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    shared = dict.fromkeys((str(number) for number in range(20_000)), IMAGES["10002_a"])
    for protocol in (2, 4):
        with pytest.raises(DataError, match="one array stands for many images"):
            read_features(written(tmp_path, shared, protocol))


def test_the_number_of_instructions_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_data, "MOST_INSTRUCTIONS", 1000)
    assert read_features(written(tmp_path, IMAGES))[0] == list(IMAGES)
    with pytest.raises(DataError, match="more than 1,000 instructions"):
        read_features(written(tmp_path, b"\x80\x04" + b"}" * 1001 + b"."))


def test_a_registered_extension_stays_unknown(tmp_path: Path) -> None:
    copyreg.add_extension("os", "system", 241)
    try:
        with pytest.raises(DataError, match="EXT1"):
            read_features(written(tmp_path, b"\x80\x02\x82\xf1."))
    finally:
        copyreg.remove_extension("os", "system", 241)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_out_as_they_went_in(protocol: int) -> None:
    shared = ["é\n\\", "x" * 300]
    value = {"a": [1, -5, 2**40, 2**3000, True, None, 1.5, shared, shared], 7: (1, (), (2, 3), (4, 5, 6), {})}
    assert load_data(pickle.dumps(value, protocol), ()) == value
