"""`caption`: what a trained captioner says about photographs."""

from __future__ import annotations

from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say
from dlcamp.errors import UserError


def run(given: Given, root: Path) -> int:
    """Print one line an image; name those that cannot be read and those unlike the training images."""
    if len(given.positional) < 2:
        raise UserError(
            "caption needs a model and at least one image\n"
            "example: .venv/bin/python -m dlcamp caption caption_lstm@champion photo.jpg"
        )
    model, *images = given.positional
    if not any(Path(image).is_file() for image in images):
        raise UserError(f"there is no file {images[0]}")
    from dlcamp.registry.captions import caption_files
    from dlcamp.tracking import Terminal, captured_output, open_existing_store

    store = open_existing_store(say=say)
    if store is None:
        raise UserError("there is no model yet; train one: make exp NAME=caption_lstm")
    # TensorFlow greets on the terminal whatever it is told; its lines are kept where a bug would be looked for
    with captured_output(store.folder / "caption.log", Terminal.standard()):
        found = caption_files(store, model, [Path(image) for image in images])
    trained_on = next((one.trained_on for one in found if one.trained_on), "")
    if trained_on:
        say(f"{model}, trained on {trained_on}")
    for one in found:
        say(f"{one.path}: {one.caption if one.error is None else one.error.splitlines()[0]}")
    novel = [one for one in found if one.novel]
    if novel:
        say(
            f"beware: {len(novel)} of {len(found)} lie far outside of what it was trained on "
            f"({', '.join(one.path.name for one in novel[:5])}); it can only speak of {trained_on}"
        )
    return 2 if all(one.error for one in found) else 0
