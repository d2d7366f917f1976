"""Every data set dlcamp knows: one entry each, and the way to open it.

Opening is cheap: the value knows its digest at once and makes or reads items only when asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from dlcamp.data.fetch.remote import Remote
from dlcamp.data.photographs import LISTS, SUFFIXES
from dlcamp.errors import UnknownName
from dlcamp.references import follow


class DataSet(Protocol):
    """What every data set value has: a name, and the digest of what its values depend on."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True)
class Entry:
    """One data set: what it is, under which terms, and the function ("module:name") that opens it.

    Args:
        files: what has to be fetched; each names its URLs and what is known of it.
        examine: "module:function" that looks at an unpacked folder before it is accepted: raises DataError when it
            is not this data set, else returns lines that say what is there.
        size: bytes on the disk when unpacked, about.
        installed: folders in which a system's package puts the files.
    """

    name: str
    title: str
    source: str
    licence: str
    citation: str
    embedded: bool = True
    files: tuple[Remote, ...] = ()
    examine: str | None = None
    size: int | None = None
    installed: tuple[str, ...] = ()

    @property
    def download(self) -> int | None:
        """Bytes of all downloads; None where there are none or one is not known."""
        sizes = [file.size for file in self.files]
        return sum(filter(None, sizes)) if sizes and all(sizes) else None

    def open(self) -> Any:
        """The data set's value."""
        return follow(self.source)()


_IDX = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_FASHION = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
)
_ERDA = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370"

# Checksums are those that the publishers or long-used loaders of these files print; the md5 of GTSRB and Flickr8k
# stand, for instance, in torchvision and torchdatasets, the sha256 of MNIST in Keras.
_ENTRIES = (
    Entry(
        name="scenes",
        title="drawn scenes of one to four objects with grammar captions; the ceiling is known",
        source="dlcamp.data.scenes.dataset:Scenes",
        licence="part of dlcamp",
        citation="generated; see dlcamp/data/scenes",
    ),
    Entry(
        name="purchases",
        title="age and income of six people, and who bought",
        source="dlcamp.data.purchases:Purchases",
        licence="part of dlcamp",
        citation="the course's example",
    ),
    Entry(
        name="digits",
        title="1,797 handwritten digits of 8x8 pixels, which come with scikit-learn",
        source="dlcamp.data.digits:Digits",
        licence="CC BY 4.0",
        citation="Alpaydin & Kaynak 1998, UCI Optical Recognition of Handwritten Digits",
    ),
    Entry(
        name="noisy_digits",
        title="the same digits with 20 % of the training labels wrong; val and test are clean",
        source="dlcamp.data.noisy_digits:NoisyDigits",
        licence="CC BY 4.0",
        citation="Alpaydin & Kaynak 1998, UCI Optical Recognition of Handwritten Digits, with drawn label noise",
    ),
    Entry(
        name="flickr8k",
        title="8,000 photographs with five captions each, official splits",
        source="dlcamp.data.flickr8k:Flickr8k",
        examine="dlcamp.data.flickr8k:examine",
        licence="research and education only",
        citation="Hodosh, Young & Hockenmaier 2013, Framing Image Description as a Ranking Task, JAIR 47"
        " (the photographs are their authors')",
        embedded=False,
        size=1_130_000_000,
        files=(
            Remote(
                name="Flickr8k_text.zip",
                urls=("https://github.com/jbrownlee/Datasets/releases/download/Flickr8k/Flickr8k_text.zip",),
                gives=("Flickr8k.token.txt", *(f"Flickr_8k.{part}Images.txt" for part in ("train", "dev", "test"))),
                md5="bf6c1abcb8e4a833b7f922104de18627",
                size=2_340_801,
            ),
            Remote(
                name="Flickr8k_Dataset.zip",
                urls=("https://github.com/jbrownlee/Datasets/releases/download/Flickr8k/Flickr8k_Dataset.zip",),
                gives=("Flicker8k_Dataset/*.jpg",),
                md5="f18a1e2920de5bd84dae7cf08ec78978",
                size=1_115_419_746,
            ),
        ),
    ),
    Entry(
        name="mine",
        title="your own photographs with captions.txt or a token file",
        source="dlcamp.data.own_photos:OwnPhotos",
        examine="dlcamp.data.own_photos:examine",
        licence="yours",
        citation="yours",
        embedded=False,
        files=(
            Remote(
                name="",
                urls=(),
                gives=("captions.txt|*.token.txt", "|".join(f"**/*{suffix}" for suffix in sorted(SUFFIXES))),
                also=tuple(f"*{ending}" for ending in LISTS.values()),
            ),
        ),
    ),
    Entry(
        name="mnist",
        title="70,000 handwritten digits of 28x28 pixels",
        source="dlcamp.data.mnist:Mnist",
        examine="dlcamp.data.mnist:examine_mnist",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio & Haffner 1998, Gradient-Based Learning Applied to Document Recognition",
        embedded=False,
        size=11_490_434,
        files=(
            Remote(
                name="mnist.npz",
                urls=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",),
                gives=tuple(f"mnist.npz|{name}.gz|{name}" for name in _IDX),
                sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                size=11_490_434,
            ),
        ),
    ),
    Entry(
        name="fashion_mnist",
        title="70,000 pictures of clothes, in the form of MNIST",
        source="dlcamp.data.mnist:FashionMnist",
        examine="dlcamp.data.mnist:examine_fashion",
        licence="MIT",
        citation="Xiao, Rasul & Vollgraf 2017, Fashion-MNIST, arXiv:1708.07747",
        embedded=False,
        size=30_878_645,
        files=tuple(
            Remote(
                name=f"{name}.gz",
                urls=tuple(f"{place}/{name}.gz" for place in _FASHION),
                gives=(f"{name}.gz|{name}",),
                md5=md5,
                size=size,
                editions=((debian, "the file of Debian's dataset-fashion-mnist, where it is packed anew"),),
            )
            for (name, size, md5, debian) in (
                (
                    "train-images-idx3-ubyte",
                    26_421_880,
                    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                    "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
                ),
                (
                    "train-labels-idx1-ubyte",
                    29_515,
                    "25c81989df183df01b3e8a0aad5dffbe",
                    "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
                ),
                (
                    "t10k-images-idx3-ubyte",
                    4_422_102,
                    "bef4ecab320f06d8554ea6380940ec79",
                    "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
                ),
                (
                    "t10k-labels-idx1-ubyte",
                    5_148,
                    "bb300cfdad3c16e7a12a480ee83cd310",
                    "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
                ),
            )
        ),
        installed=("/usr/share/datasets/fashion-mnist",),
    ),
    Entry(
        name="sms_spam",
        title="5,574 text messages, ham or spam",
        source="dlcamp.data.sms_spam:SmsSpam",
        examine="dlcamp.data.sms_spam:examine",
        licence="CC BY 4.0",
        citation="Almeida, Gómez Hidalgo & Yamakami 2011, Contributions to the Study of SMS Spam Filtering, DocEng",
        embedded=False,
        size=477_907,
        files=(
            Remote(
                name="sms+spam+collection.zip",
                urls=(
                    "https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip",
                    "https://archive.ics.uci.edu/ml/machine-learning-databases/00228/smsspamcollection.zip",
                ),
                gives=("SMSSpamCollection|SMSSpamCollection.txt|spam.csv",),
                sha256="1587ea43e58e82b14ff1f5425c88e17f8496bfcdb67a583dbff9eefaf9963ce3",
                size=203_415,
                aliases=("smsspamcollection.zip",),
            ),
        ),
    ),
    Entry(
        name="gtsrb",
        title="51,839 photographs of German traffic signs, 43 classes",
        source="dlcamp.data.gtsrb:Gtsrb",
        examine="dlcamp.data.gtsrb:examine",
        licence="free to use, please cite",
        citation="Stallkamp, Schlipsing, Salmen & Igel 2012, Man vs. Computer, Neural Networks 32",
        embedded=False,
        size=600_000_000,
        files=(
            Remote(
                name="GTSRB_Final_Test_GT.zip",
                urls=(f"{_ERDA}/GTSRB_Final_Test_GT.zip",),
                gives=("GTSRB/GT-final_test.csv",),
                into="GTSRB",
                md5="fe31e9c9270bbcd7b84b7f21a9d9d9e5",
                size=99_620,
            ),
            Remote(
                name="GTSRB_Final_Test_Images.zip",
                urls=(f"{_ERDA}/GTSRB_Final_Test_Images.zip",),
                gives=("GTSRB/Final_Test/Images/*.ppm|GTSRB/Final_Test/Images/*.png",),
                md5="c7e4e6327067d32654124b0fe9e82185",
                size=88_978_620,
            ),
            Remote(
                name="GTSRB_Final_Training_Images.zip",
                urls=(f"{_ERDA}/GTSRB_Final_Training_Images.zip",),
                gives=(
                    "GTSRB/Final_Training/Images/*/*.ppm|GTSRB/Final_Training/Images/*/*.png",
                    "GTSRB/Final_Training/Images/*/GT-*.csv",
                ),
                md5="f33fd80ac59bff73c82d25ab499e03a3",
                size=276_294_756,
            ),
        ),
    ),
)


def entries() -> dict[str, Entry]:
    """Every entry by name."""
    return {entry.name: entry for entry in _ENTRIES}


def entry(name: str) -> Entry:
    """One entry; UnknownName otherwise."""
    known = entries()
    if name not in known:
        raise UnknownName("data set", name, known)
    return known[name]
