"""Independent random streams from one seed: the same names give the same numbers, in every process.

    derive(seed, "initialisation", "lstm")      a whole number for a Keras initialiser, dropout layer or library
    generator(seed, "order", epoch)             a NumPy generator

Streams are named, not counted, so that adding one changes no other. Nothing here touches global random state.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """A seed of 31 bits that depends on `seed` and on every name, and on nothing else.

    Args:
        seed: the config's seed.
        names: what the stream is for; numbers (an epoch, a layer) count as names.
    """
    text = "\x1f".join([str(int(seed)), *(f"{type(name).__name__}:{name}" for name in names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") & 0x7FFF_FFFF


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A NumPy generator (PCG64) for the stream `names` of `seed`."""
    return np.random.Generator(np.random.PCG64(derive(seed, *names)))
