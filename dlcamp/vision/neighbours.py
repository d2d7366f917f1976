"""Nearest neighbours among features, by cosine: exact, and in blocks, so that memory stays small.

found = look_up(features, val, train, k=4, contents=contents)      of every val image, among those of train
found.near.positions, found.near.cosines                           nearest first
found.alike, found.copies                                          images that may be, and files that are, one image
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlcamp.errors import DataError
from dlcamp.vision.features import Features

Vectors = NDArray[np.float32]
Positions = NDArray[np.int64]

NEAR_DUPLICATE = 0.999

_BLOCK_VALUES = 1 << 24  # values held at once beside the vectors: 64 MB of float32


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest of a collection, for every query.

    Attributes:
        positions: (queries, k) rows of the collection, nearest first; equal cosines in the collection's order.
        cosines: (queries, k).
    """

    positions: Positions
    cosines: Vectors


class Pair(NamedTuple):
    """A query and a row of the collection whose vectors point the same way."""

    query: int
    position: int
    cosine: float


@dataclass(frozen=True)
class Alike:
    """How many pairs lie above a cosine, and the most alike of them, by falling cosine."""

    count: int
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, eq=False)
class Lookup:
    """Images looked up among others.

    Attributes:
        queries: ids of the images that were looked up.
        collection: ids of those they were looked up among.
        near: the nearest of each query.
        alike: pairs with a cosine above `NEAR_DUPLICATE`.
        copies: pairs (query, position in the collection) whose files are the same bytes.
    """

    queries: tuple[str, ...]
    collection: tuple[str, ...]
    near: Neighbours
    alike: Alike
    copies: tuple[tuple[int, int], ...]

    def metrics(self) -> dict[str, float]:
        """Numbers of images and of pairs, and cosines of the queries to their nearest."""
        first = self.near.cosines[:, 0]
        return {
            "images": float(len(self.queries)),
            "neighbour_cosine": float(np.median(first)),
            "neighbour_cosine_min": float(first.min()),
            "neighbour_cosine_max": float(first.max()),
            "near_duplicates": float(self.alike.count),
            "exact_duplicates": float(len(self.copies)),
        }

    def lines(self) -> list[str]:
        """The same in words, with the first few copies by name."""
        first = self.near.cosines[:, 0]
        among = f"{len(self.queries)} images among {len(self.collection)}"
        return [
            f"{among}: cosine to the nearest {np.median(first):.3f} (median), {first.min():.3f} to {first.max():.3f}",
            f"near duplicates (cosine above {NEAR_DUPLICATE}): {self.alike.count} pairs; "
            f"of the same bytes: {len(self.copies)}",
            *(f"  {self.queries[query]} is {self.collection[place]}" for query, place in self.copies[:3]),
        ]


def look_up(
    features: Features, queries: Sequence[str], collection: Sequence[str], k: int, contents: Mapping[str, bytes]
) -> Lookup:
    """The nearest of a collection for every query, with near duplicates and copies between the two.

    Args:
        features: of all of them; an id it lacks (it could not be read) is left out.
        queries, collection: ids; one that stands in both is no neighbour of itself, and a pair of such counts once.
        k: neighbours a query.
        contents: id to what identifies the bytes of its file.

    Raises:
        DataError: no query or nothing to be its neighbour is left, or a feature is not finite.
    """
    row = {item: number for number, item in enumerate(features.ids)}
    asked, among = (tuple(item for item in ids if item in row) for ids in (queries, collection))
    if not asked:
        raise DataError(f"none of the {len(queries)} images to look up has features; none of them could be read")
    vectors = directions(features.array)
    left, right = (vectors[[row[item] for item in ids]] for ids in (asked, among))
    place = {item: number for number, item in enumerate(among)}
    own = np.array([place.get(item, -1) for item in asked], np.int64)
    return Lookup(
        queries=asked,
        collection=among,
        near=nearest(left, right, k, own=own),
        alike=alike(left, right, NEAR_DUPLICATE, own=own),
        copies=copies([contents[item] for item in asked], [contents[item] for item in among], own),
    )


def directions(features: NDArray[Any], block_values: int = _BLOCK_VALUES) -> Vectors:
    """Features scaled to length 1, (images, channels); a map (images, ..., channels) is averaged over its positions.

    A feature of zeros stays zeros: its cosine with everything is 0.

    Args:
        features: of any float type, memory-mapped ones too; read a block at a time.
        block_values: values converted at once.

    Raises:
        DataError: a feature that is not finite.
    """
    found = np.empty((len(features), features.shape[-1]), np.float32)
    size = max(1, block_values // max(1, int(np.prod(features.shape[1:]))))
    for start in range(0, len(features), size):
        values = np.asarray(features[start : start + size], np.float32)
        vectors = values.mean(axis=tuple(range(1, values.ndim - 1))) if values.ndim > 2 else values
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all():
            row = start + int(np.argmin(np.isfinite(lengths)))
            raise DataError(f"the feature of image {row} is not finite: extract it again, in precision float32")
        found[start : start + size] = vectors / np.maximum(lengths, 1e-12)
    return found


def nearest(
    queries: Vectors,
    collection: Vectors,
    k: int,
    *,
    own: Positions | None = None,
    block_values: int = _BLOCK_VALUES,
) -> Neighbours:
    """The k nearest rows of a collection for every query, fewer where the collection holds fewer.

    Args:
        queries: (n, channels) of length 1, from `directions`.
        collection: (m, channels) of length 1.
        k: neighbours a query.
        own: (n,) the row of the collection that each query is itself, which is no neighbour of it; -1: none.
        block_values: cosines held at once.

    Raises:
        DataError: nothing is left to be a neighbour.
    """
    own = np.full(len(queries), -1) if own is None else own
    k = min(k, len(collection) - int((own >= 0).any()))
    if k < 1:
        raise DataError(
            f"{len(queries)} images, a collection of {len(collection)}: a neighbour is another image, give two or more"
        )
    positions, cosines = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    for start, block in _blocks(queries, collection, block_values):
        for row, values in enumerate(block, start):
            if own[row] >= 0:
                values[own[row]] = -np.inf
            # no fewer than k are as near as the k-th: only these are sorted
            near = np.flatnonzero(values >= np.partition(values, -k)[-k])
            positions[row] = near[np.argsort(-values[near], kind="stable")[:k]]
            cosines[row] = values[positions[row]]
    return Neighbours(positions, cosines)


def alike(
    queries: Vectors,
    collection: Vectors,
    above: float,
    *,
    own: Positions | None = None,
    keep: int = 100,
    block_values: int = _BLOCK_VALUES,
) -> Alike:
    """Pairs of a query and a row of the collection with a cosine above a bound: near duplicates.

    Args:
        queries, collection, own, block_values: as in `nearest`; with `own` a pair of two queries counts once.
        above: the bound; the cosine of a pair is greater.
        keep: pairs given back, the most alike; all are counted.
    """
    own = np.full(len(queries), -1) if own is None else own
    count, kept = 0, list[Pair]()
    columns = np.arange(len(collection))
    no_query = np.isin(columns, own, invert=True)
    for start, block in _blocks(queries, collection, block_values):
        rows = own[start : start + len(block), None]
        # two queries meet twice: once is enough
        found = (block > above) & ((columns > rows) | ((columns < rows) & no_query))
        where = np.flatnonzero(found)
        count += len(where)
        best = where[np.argsort(-block.ravel()[where], kind="stable")[:keep]]
        kept += [
            Pair(start + int(row), int(column), float(block[row, column]))
            for row, column in zip(*np.divmod(best, max(1, len(collection))), strict=True)
        ]
        kept = sorted(kept, key=lambda pair: (-pair.cosine, pair.query, pair.position))[:keep]
    return Alike(count, tuple(kept))


def copies(queries: Sequence[bytes], collection: Sequence[bytes], own: Positions) -> tuple[tuple[int, int], ...]:
    """Pairs (query, position in the collection) of equal contents; `own` as in `nearest`, a pair counts once."""
    places: dict[bytes, list[int]] = {}
    for position, content in enumerate(collection):
        places.setdefault(content, []).append(position)
    looked_up = set(own.tolist())
    return tuple(
        (query, position)
        for query, content in enumerate(queries)
        for position in places.get(content, ())
        if position > own[query] or (position < own[query] and position not in looked_up)
    )


def _blocks(queries: Vectors, collection: Vectors, block_values: int) -> Iterator[tuple[int, Vectors]]:
    """The first query of a block, and its cosines with the whole collection."""
    size = max(1, block_values // max(1, len(collection)))
    for start in range(0, len(queries), size):
        yield start, np.clip(queries[start : start + size] @ collection.T, -1, 1)
