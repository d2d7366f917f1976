"""Several captioners as one, judged as any captioner is, beside its members.

members given   -> trained captioners of the store, of any seeds, decoders and encoders
members empty   -> `count` captioners trained here, of the seeds that follow the config's
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dlcamp.captioning.captioner import Decoding
from dlcamp.captioning.encoding import Encoded, encode, encode_with
from dlcamp.captioning.ensemble import EnsemblePredictor
from dlcamp.captioning.ensemble_config import EnsembleConfig
from dlcamp.captioning.gains import Rival
from dlcamp.captioning.judging import Subject, Viewed, judge
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.results import measure
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.teaching import check_size, teach
from dlcamp.data.captions import CaptionData
from dlcamp.data.photographs import Photographs
from dlcamp.errors import ConfigError, DataError

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun


def ensemble_study(config: EnsembleConfig, data: CaptionData, run: ActiveRun) -> dict[str, float]:
    """Let captioners speak as one, and judge them together.

    Returns:
        What `judging.judge` returns, the best member on val being the rival (`test/gain_cider`: see `gains.gains`);
        `val/member_cider_1`, ... of each member alone, by the same search; the cost.

    Raises:
        ConfigError: a member that is no captioner of one decoder, or cannot say `max_length` words; members of
            different words or data sets.
    """
    if isinstance(data, Photographs):
        run.params(data.report())
    members, substituted = (_given(config, run), "") if config.members else _trained(config, data, run)
    captioner = EnsemblePredictor.of(members, Decoding.of(config))
    if captioner.data != data.name:
        raise ConfigError(f"the members were trained on {captioner.data}; give them DATA={captioner.data}")
    views = [encode_with(eye.encoder, config, data, run) for eye in captioner.eyes]
    _refuse_unlike(views)
    run.params({"members_used": len(members), "encoders_used": ", ".join(view.encoder.name for view in views)})
    alone = _alone(config, members, views, data, run)
    rival = _best_alone(members, views, alone)
    val, test = (_viewed([getattr(view, split) for view in views]) for split in ("val", "test"))
    subject = Subject(captioner, views[0].train.items, val, test, substituted=substituted, rival=rival)
    metrics = judge(config, data, run, subject)
    each = {f"val/member_cider_{number}": value for number, value in enumerate(alone, start=1)}
    return {**metrics, **each, "cost/parameters": float(captioner.ensemble.parameters)}


def _given(config: EnsembleConfig, run: ActiveRun) -> list[CaptionPredictor]:
    members = []
    for ref in config.members:
        member = run.predictor(ref)
        if not isinstance(member, CaptionPredictor):
            raise ConfigError(
                f"members: {ref} is a {type(member).__name__}; an ensemble is made of captioners of one decoder each"
            )
        spec = member.net.spec
        if spec.decoder == "transformer" and spec.length < config.max_length:  # others may go on for ever
            raise ConfigError(
                f"max_length={config.max_length}: {ref} is a transformer that remembers {spec.length} words at most\n"
                f'let none say more: SET="max_length={spec.length} ..."'
            )
        members.append(member)
    return members


def _trained(config: EnsembleConfig, data: CaptionData, run: ActiveRun) -> tuple[list[CaptionPredictor], str]:
    """Members trained in this run, and what their encoder stands in for.

    They are the config's captioner with the seeds that follow its own.
    """
    check_size(config, data)
    encoded = encode(config, data, run)
    novelty = Novelty.fit(encoded.train.features, encoded.val.features)
    members = []
    for number in range(config.count):
        own = config.model_copy(update={"seed": config.seed + number, "blind_epochs": 0})
        taught = teach(own, encoded, run, label=f"member_{number + 1}")
        decoding = Decoding.of(taught.config)
        members.append(CaptionPredictor(encoded.encoder, taught.net, taught.vocabulary, decoding, data.name, novelty))
    return members, encoded.substituted


def _alone(
    config: EnsembleConfig, members: Sequence[CaptionPredictor], views: Sequence[Encoded], data: CaptionData,
    run: ActiveRun,
) -> list[float]:  # fmt: skip
    """CIDEr on val of each member, by the ensemble's search."""
    found = []
    for number, member in enumerate(members, start=1):
        member.decoding = Decoding.of(config)
        val = _seen_by(member, views).val
        scores = measure(member.captions(val.features), val.items, data, "val").scores.scores
        run.say(f"member {number} alone: val CIDEr {scores['cider']:.3f}, BLEU-4 {scores['bleu_4']:.3f}")
        found.append(scores["cider"])
    return found


def _best_alone(members: Sequence[CaptionPredictor], views: Sequence[Encoded], alone: Sequence[float]) -> Rival:
    """The member with the highest val CIDEr, which the ensemble must beat."""
    best = members[alone.index(max(alone))]
    seen = _seen_by(best, views)
    return Rival("best_member", lambda split: best.captions(getattr(seen, split).features))


def _seen_by(member: CaptionPredictor, views: Sequence[Encoded]) -> Encoded:
    return next(view for view in views if view.encoder.key == member.encoder.key)


def _viewed(parts: Sequence[Captioned]) -> Viewed:
    arrays = tuple(part.features for part in parts)
    return Viewed(parts[0].items, arrays if len(arrays) > 1 else arrays[0])


def _refuse_unlike(views: Sequence[Encoded]) -> None:
    """Encoders must have read the same images: one that cannot be read by one of them shifts the others' rows."""
    for split in ("val", "test"):
        ids = {tuple(item.id for item in getattr(view, split).items) for view in views}
        if len(ids) > 1:
            raise DataError(f"the encoders could not read the same {split} images; leave out the unreadable ones")
