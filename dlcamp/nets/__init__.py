"""Dense nets: builders, regularisers, optimisers, and the classifier that a trained one becomes.

model = dense_net(64, (512, 512), 10, kernel=he_normal(seed))     # uncompiled, of logits
classifier = classifier_of(model, features, classes)               # NumPy, saved as plain files
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "classifier": ["Classifier"],
        "dense": ["classifier_of", "dense_net", "he_normal"],
        "optimizers": ["MomentumRamp", "optimizer"],
        "regularisers": ["Regulariser", "regulariser"],
        "train": ["train_classifier"],
    },
)
