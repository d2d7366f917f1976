"""Keep memory once the system has given it.

A recurrent training step allocates and frees megabytes hundreds of times. glibc gives blocks that large back to the
system at once and asks for them again, zeroed page by page: half a million page faults an epoch of the captioner,
a quarter of its processor time. Higher thresholds make freed memory stay with the process. No value changes.
It works only when said before TensorFlow is imported and its threads have their arenas, so the runner says it first.
"""

from __future__ import annotations

import ctypes
import functools
import sys

# from glibc's malloc.h; 32 MiB is the highest threshold it accepts on 64-bit systems
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_SETTINGS = ((_M_MMAP_THRESHOLD, 32 << 20), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 64 << 20))


@functools.cache
def keep_memory() -> bool:
    """Raise glibc's thresholds for this process, once; False where there is no glibc, which is no loss but of time."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    accepted = [mallopt(parameter, value) == 1 for parameter, value in _SETTINGS]  # each one, whatever the others say
    return all(accepted)
