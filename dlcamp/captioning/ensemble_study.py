"""Several captioners as one, judged as any captioner is, beside its members.

members given   -> trained captioners of the store, of any seeds, decoders and encoders
members empty   -> `count` captioners trained here, of the seeds that follow the config's
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dlcamp.captioning.captioner import Decoding
from dlcamp.captioning.encoding import Encoded, encode, encode_with
from dlcamp.captioning.ensemble import EnsemblePredictor
from dlcamp.captioning.ensemble_config import EnsembleConfig
from dlcamp.captioning.judging import Subject, Viewed, judge
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.results import measure
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.teaching import teach
from dlcamp.data.captions import CaptionData
from dlcamp.data.photographs import Photographs
from dlcamp.errors import ConfigError, DataError

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun


def ensemble_study(config: EnsembleConfig, data: CaptionData, run: ActiveRun) -> dict[str, float]:
    """Let captioners speak as one, and judge them together.

    Returns:
        What `judging.judge` returns; `val/member_cider_1`, ... of each member alone, by the same search; the cost.

    Raises:
        ConfigError: a member that is no captioner of one decoder, or members of different words or data sets.
    """
    if isinstance(data, Photographs):
        run.params(data.report())
    members = _given(config, run) if config.members else _trained(config, data, run)
    captioner = EnsemblePredictor.of(members, Decoding.of(config))
    if captioner.data != data.name:
        raise ConfigError(f"the members were trained on {captioner.data}; give them DATA={captioner.data}")
    views = [encode_with(eye.encoder, config, data, run) for eye in captioner.eyes]
    _refuse_unlike(views)
    run.params({"members_used": len(members), "encoders_used": ", ".join(view.encoder.name for view in views)})
    alone = _alone(config, members, views, data, run)
    val, test = (_viewed([getattr(view, split) for view in views]) for split in ("val", "test"))
    metrics = judge(config, data, run, Subject(captioner, views[0].train.items, val, test))
    return {**metrics, **alone, "cost/parameters": float(captioner.ensemble.parameters)}


def _given(config: EnsembleConfig, run: ActiveRun) -> list[CaptionPredictor]:
    members = []
    for ref in config.members:
        member = run.predictor(ref)
        if not isinstance(member, CaptionPredictor):
            raise ConfigError(
                f"members: {ref} is a {type(member).__name__}; an ensemble is made of captioners of one decoder each"
            )
        members.append(member)
    return members


def _trained(config: EnsembleConfig, data: CaptionData, run: ActiveRun) -> list[CaptionPredictor]:
    """Members trained in this run: the config's captioner with the seeds that follow its own."""
    encoded = encode(config, data, run)
    novelty = Novelty.fit(encoded.train.features, encoded.val.features)
    members = []
    for number in range(config.count):
        own = config.model_copy(update={"seed": config.seed + number, "blind_epochs": 0})
        taught = teach(own, encoded, run, label=f"member_{number + 1}")
        decoding = Decoding.of(taught.config)
        members.append(CaptionPredictor(encoded.encoder, taught.net, taught.vocabulary, decoding, data.name, novelty))
    return members


def _alone(
    config: EnsembleConfig, members: Sequence[CaptionPredictor], views: Sequence[Encoded], data: CaptionData,
    run: ActiveRun,
) -> dict[str, float]:  # fmt: skip
    """CIDEr on val of each member, by the ensemble's search."""
    by_encoder: Mapping[str, Captioned] = {view.encoder.key: view.val for view in views}
    found = {}
    for number, member in enumerate(members, start=1):
        member.decoding = Decoding.of(config)
        val = by_encoder[member.encoder.key]
        scores = measure(member.captions(val.features), val.items, data, "val").scores.scores
        run.say(f"member {number} alone: val CIDEr {scores['cider']:.3f}, BLEU-4 {scores['bleu_4']:.3f}")
        found[f"val/member_cider_{number}"] = scores["cider"]
    return found


def _viewed(parts: Sequence[Captioned]) -> Viewed:
    arrays = tuple(part.features for part in parts)
    return Viewed(parts[0].items, arrays if len(arrays) > 1 else arrays[0])


def _refuse_unlike(views: Sequence[Encoded]) -> None:
    """Encoders must have read the same images: one that cannot be read by one of them shifts the others' rows."""
    for split in ("val", "test"):
        ids = {tuple(item.id for item in getattr(view, split).items) for view in views}
        if len(ids) > 1:
            raise DataError(f"the encoders could not read the same {split} images; leave out the unreadable ones")
