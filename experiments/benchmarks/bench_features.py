"""How much faster do images become features here than by the course's loop of one `predict` an image?

    make exp NAME=bench_features      about 4 min on two cores; nothing else may run beside it

Two nets, two ways each, on the same image files, in turns. VGG16 up to fc2, images prepared as in the course: the
course's `extract_features` (Pillow, NEAREST, one `predict` an image, float32) against `dlcamp.vision.extract_folder`
with an empty cache: reading, decoding, hashing, batches of 32, storing and reading back are in its time, the precision
is what `auto` chooses on this machine. EfficientNet-Lite0, pooled, with its own preparation: the same loop around the
same net against `extract_folder`. Both ways of a net have the same weights. Those of VGG16 are the published ones where
they are found on the disk (or `encoder_weights`), else random: that changes no time, and the run says so.
An uncounted first round pays for loading and compiling. Features of both ways are compared image by image.
Expected: VGG16 at least 3 times as fast on a CPU with bfloat16, Lite0 at least 5 times; cosines at least 0.999.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dlcamp import Claim, ExperimentConfig, Int, experiment, maximize, tune
from dlcamp.analysis.alternating import FULL_SIZE, at_least


class Config(ExperimentConfig):
    """How many images, how often, and which VGG."""

    rounds: int = tune(5, valid=Int(1, 100), help="rounds that are counted")
    images: int = tune(128, valid=Int(1, 10_000), help="images a round for the workbench, of test; whole batches")
    loop_images: int = tune(32, valid=Int(1, 10_000), help="images a round for the loops, the first of them")
    batch: int = tune(32, valid=Int(1, 1024), help="images that the workbench computes at once")
    encoder_weights: str = tune(
        "", help="file of VGG16's weights; empty: the published ones where they are here, else random"
    )
    vgg_width: int = tune(1, valid=Int(1, 64), help="what the widths of a random VGG16 are divided by; 1: VGG16 itself")
    precision: Literal["auto", "float32", "mixed_bfloat16"] = tune(
        "auto", help="of the workbench's way; auto: the faster one here, as `extract` chooses it for each net"
    )


def _vgg_reaches(metrics):
    if not metrics["cost/cpu_has_bfloat16"]:
        return "undecided"
    return at_least(metrics, "vgg16", 3)


def _agrees(metrics, net):
    if net == "vgg16" and not metrics["agreement/vgg16_weights_real"]:
        return "undecided"  # features of random nets may be alike anyway
    return "supported" if metrics[f"agreement/{net}_cosine_min"] >= 0.999 else "refuted"


@experiment(
    config=Config,
    data=["scenes", "flickr8k"],
    objective=maximize("cost/vgg16_ratio"),
    course="9.2 benchmark",
    claims=[
        Claim(
            "VGG16's fc2 comes at least 3 times as fast as by the course's loop, on a CPU with bfloat16",
            "the 95 % interval of the ratio over rounds lies below 3",
            _vgg_reaches,
        ),
        Claim(
            "EfficientNet-Lite0 is at least 5 times as fast as the same loop around it",
            "the 95 % interval of the ratio over rounds lies below 5",
            lambda metrics: at_least(metrics, "lite0", 5),
        ),
        Claim(
            "VGG16's features are those of the float32 loop: a cosine of 0.999 or more for every image",
            "the least cosine is below 0.999",
            lambda metrics: _agrees(metrics, "vgg16"),
        ),
        Claim(
            "EfficientNet-Lite0's features are those of the float32 loop: a cosine of 0.999 or more for every image",
            "the least cosine is below 0.999",
            lambda metrics: _agrees(metrics, "lite0"),
        ),
    ],
    sources={
        "the course's loop": "dlcamp.captioning.camp.as_taught:extract_features",
        "the workbench's": "dlcamp.vision.extraction:extract_folder",
        "rounds and ratios": "dlcamp.analysis.alternating:alternate",
    },
    cache=False,
)
def bench_features(config, data, run):
    import os
    import tempfile

    from dlcamp.analysis.alternating import alternate, busy, peak_gib
    from dlcamp.captioning.camp.side_by_side import machine_params

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-features-", dir=run.folder) as scratch:
        files = _written(config, data, Path(scratch, "images"))
        nets = [_vgg(config, files), _lite(config, files)]
        run.params({**machine_params(), **_params(files, nets)})
        measured = alternate([way for net in nets for way in net.ways()], config.rounds, "image", run.progress)
    run.predictions(measured.rows())
    targets = {"vgg16": 3, "lite0": 5}
    ratios = [
        measured.ratio(f"{net.name}_loop", net.name, title=net.title, target=targets[net.name], seed=config.seed)
        for net in nets
    ]
    agreement = _agreement(nets)
    run.text(_summary(files, measured, ratios, nets, agreement, busy(load)), "summary.txt")
    return {
        **measured.metrics(),
        **{name: value for ratio in ratios for name, value in ratio.metrics().items()},
        **agreement,
        "agreement/vgg16_weights_real": float(not nets[0].about.startswith("random")),
        "cost/cpu_has_bfloat16": float(_has_bfloat16()),
        "cost/load_before": load,
        "cost/peak_gib": peak_gib(),
        FULL_SIZE: float(config.vgg_width == 1),
    }


@dataclass(frozen=True)
class _Files:
    """The image files of a round: all for the workbench, `looped` for the loops; `batch` of them computed at once."""

    folder: Path
    names: list[str]
    batch: int
    loop_images: int

    @property
    def looped(self):
        return [self.folder / name for name in self.names[: self.loop_images]]

    def read(self, name):
        return (self.folder / name).read_bytes()


def _written(config, data, folder):
    """Files of test images, each content once. They fill whole batches: one that is not full costs as much as one."""
    from dlcamp.vision.throughput import spread

    contents = [content for _, content in spread([i.id for i in data.items("test")], data.image, config.images)]
    batch = min(config.batch, len(contents))
    names = [f"{number:05d}.jpg" for number in range(len(contents) // batch * batch)]
    folder.mkdir()
    for name, content in zip(names, contents, strict=False):
        (folder / name).write_bytes(content)
    return _Files(folder, names, batch, config.loop_images)


@dataclass
class _Net:
    """One net and its two ways over the files.

    Args:
        about: which weights it has.
        encoder: its precision is settled.
        loop: files -> features (files, values), the course's way.
    """

    name: str
    title: str
    about: str
    encoder: Any
    loop: Any
    files: _Files
    loop_features: Any = None
    features: Any = None

    def ways(self):
        """Both, as they are timed."""
        from dlcamp.analysis.alternating import Way

        return [
            Way(f"{self.name}_loop", f"{self.title}: one predict an image, float32", self._by_loop),
            Way(self.name, f"{self.title}: workbench, {self.encoder.precision}", self._by_batches),
        ]

    def _by_loop(self):
        self.loop_features = self.loop(self.files.looped)
        return len(self.loop_features)

    def _by_batches(self):
        import tempfile

        import numpy as np

        from dlcamp.vision import extract_folder

        empty = Path(tempfile.mkdtemp(prefix="cache-", dir=self.files.folder.parent))
        found = extract_folder(self.files.folder, self.encoder, cache=empty, batch=self.files.batch)
        self.features = np.array(found.array)
        return len(found) - found.from_cache


def _settled(encoder, config, files):
    """The encoder in the precision that `extract` takes here, which is timed now if it never was."""
    from dlcamp.paths import data_folder
    from dlcamp.vision.extraction import settle

    wanted = encoder.with_precision(config.precision)
    return settle(wanted, files.names, files.read, data_folder() / "features", files.batch)


def _vgg(config, files):
    import numpy as np

    from dlcamp.captioning.camp import as_taught
    from dlcamp.captioning.camp.side_by_side import after_preparation, random_vgg
    from dlcamp.vision import choose
    from dlcamp.vision.vgg_weights import find

    if config.encoder_weights or (config.vgg_width == 1 and find("vgg16")):
        encoder = choose("vgg16", weights=config.encoder_weights, preprocessing="course")
        about = f"the weights {config.encoder_weights}" if config.encoder_weights else "the published weights"
    else:
        encoder = random_vgg(config.vgg_width, config.seed)
        about = "random weights: the published ones are not here, and times do not depend on their values"
    encoder = _settled(encoder, config, files)
    net = after_preparation(encoder.with_precision("float32").trained())

    def loop(paths):
        return np.concatenate(list(as_taught.extract_features(paths, net).values()))

    title = "VGG16 fc2" if config.vgg_width == 1 else f"VGG16 fc2, widths / {config.vgg_width}"
    return _Net("vgg16", title, about, encoder, loop, files)


def _lite(config, files):
    from dlcamp.captioning.camp.side_by_side import one_by_one
    from dlcamp.vision import lite0

    encoder = _settled(lite0("pooled"), config, files)
    net = encoder.with_precision("float32").trained()

    def loop(paths):
        return one_by_one([path.read_bytes() for path in paths], encoder.pixels, net)

    return _Net("lite0", "Lite0 pooled", "ImageNet weights", encoder, loop, files)


def _has_bfloat16():
    from dlcamp.vision.precision import cpu_model

    return "bf16" in cpu_model()


def _params(files, nets):
    params = {"timed_images": len(files.names), "timed_loop_images": len(files.looped), "timed_batch": files.batch}
    for net in nets:
        params |= {f"{net.name}_precision": net.encoder.precision, f"{net.name}_weights": net.about}
        params |= {f"{net.name}_digest": net.encoder.weights}
    return params


def _agreement(nets):
    """Cosines between the features of both ways, image by image; and, to compare, between neighbouring images."""
    import numpy as np

    from dlcamp.captioning.camp.side_by_side import cosines

    found = {}
    for net in nets:
        loop = net.loop_features
        same = cosines(loop, net.features[: len(loop)])
        found[f"agreement/{net.name}_cosine_min"] = float(same.min())
        found[f"agreement/{net.name}_cosine_median"] = float(np.median(same))
        found[f"agreement/{net.name}_cosine_of_others"] = float(np.median(cosines(loop, np.roll(loop, 1, axis=0))))
    return found


def _summary(files, measured, ratios, nets, agreement, warning):
    from dlcamp.analysis.alternating import peak_gib, table
    from dlcamp.vision.precision import cpu_model

    lines = [cpu_model(), *([warning] if warning else []), *table(measured, ratios), ""]
    for net in nets:
        least, others = (agreement[f"agreement/{net.name}_cosine_{end}"] for end in ("min", "of_others"))
        lines.append(
            f"{net.title}: {net.about}. Cosine to the float32 loop, least of {len(net.loop_features)} images: "
            f"{least:.6f} (neighbours of the list: {others:.3f})"
        )
    return "\n".join(
        [
            *lines,
            f"Same image files and same weights both ways; {len(files.names)} images a round for the workbench, "
            f"in batches of {files.batch}; the first {len(files.looped)} for the loops.",
            "The workbench's time holds reading, decoding, hashing, storing into an empty cache and reading back; the "
            "loop's holds reading and decoding. Loading and compiling fall into the first round, which is not counted.",
            f"peak memory of the process, all ways: {peak_gib():.1f} GiB",
        ]
    )
