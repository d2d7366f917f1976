"""Seeing: EfficientNet-Lite and VGG, image decoding, and features that are computed once.

encoder = lite0("pooled")                                 # or choose("lite2", "map"), choose("vgg16", "pooled")
features = extract([("a.jpg", data), ...], encoder)      # features.array: one row an image
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "efficientnet_lite": ["efficientnet_lite"],
        "encoder": ["Encoder", "choose", "lite0"],
        "extraction": ["extract", "extract_folder"],
        "features": ["Features"],
        "images": ["decode"],
        "vgg": ["vgg"],
    },
)
