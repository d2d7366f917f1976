"""`scenes`: the embedded captioning set, drawn on demand, whose truth is known.

data = Scenes()
data.items("train", limit=20)      20 items with five reference captions each, nothing drawn
data.image("test-00007")           the JPEG, the same bytes every time
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from dlcamp.data.captions import CaptionItem, Split
from dlcamp.data.scenes.describe import Speaker
from dlcamp.data.scenes.draw import draw, jpeg
from dlcamp.data.scenes.world import Scene, generate, stream
from dlcamp.errors import DataError

GENERATOR_VERSION = 1  # raise it whenever a scene, a caption or a picture changes; a test watches
REFERENCES = 5


class Scenes:
    """Drawn images with grammar captions (a `CaptionData`).

    Args:
        seed: another seed gives other scenes; the contents of the splits stay apart all the same.
        train, val, test: images a split; an item does not depend on them.

    Raises:
        DataError: a split of fewer than one image.
    """

    name = "scenes"

    def __init__(self, seed: int = 0, train: int = 2000, val: int = 250, test: int = 400) -> None:
        self.seed = seed
        self.sizes: dict[Split, int] = {"train": train, "val": val, "test": test}
        for split, size in self.sizes.items():
            if size < 1:
                raise DataError(f"scenes: {split} = {size} images asked for; a split needs at least one")
        self._scene = lru_cache(maxsize=None)(self._generate)

    @property
    def digest(self) -> str:
        """Generator version, seed and sizes: what every item follows from."""
        sizes = "-".join(f"{split}{size}" for split, size in self.sizes.items())
        return f"scenes-v{GENERATOR_VERSION}-seed{self.seed}-{sizes}"

    def items(self, split: Split, limit: int | None = None) -> Sequence[CaptionItem]:
        """The items of a split in their fixed order; the first `limit` of them if given."""
        if split not in self.sizes:
            raise DataError(f"scenes has no split {split!r}; it has {', '.join(self.sizes)}")
        size = self.sizes[split] if limit is None else min(limit, self.sizes[split])
        return [self._item(split, index) for index in range(size)]

    def image(self, item_id: str) -> bytes:
        """The JPEG of an item: 224 x 224 RGB."""
        split, index = self.place(item_id)
        return jpeg(draw(self._scene(split, index), stream(self.seed, split, index, "image")))

    def scene(self, item_id: str) -> Scene:
        """What the image shows."""
        return self._scene(*self.place(item_id))

    def held_out(self, item_id: str) -> bool:
        """Whether the image shows a colour x shape pair that train never shows."""
        return self.scene(item_id).held_out

    def objects(self, item_id: str) -> int:
        """How many objects the image shows."""
        return len(self.scene(item_id).objects)

    def place(self, item_id: str) -> tuple[Split, int]:
        """The split of an item and its number there.

        Raises:
            DataError: an id this set does not have.
        """
        for split, size in self.sizes.items():
            number = item_id.removeprefix(f"{split}-")
            if number != item_id and number.isascii() and number.isdigit() and int(number) < size:
                return split, int(number)
        known = ", ".join(f"{split}-00000 to {split}-{size - 1:05d}" for split, size in self.sizes.items())
        raise DataError(f"scenes has no image {item_id!r}; it has {known}")

    def _generate(self, split: Split, index: int) -> Scene:
        return generate(self.seed, split, index)

    def _item(self, split: Split, index: int) -> CaptionItem:
        speaker, rng = Speaker(self._scene(split, index)), stream(self.seed, split, index, "captions")
        return CaptionItem(f"{split}-{index:05d}", tuple(speaker.caption(rng) for _ in range(REFERENCES)))
