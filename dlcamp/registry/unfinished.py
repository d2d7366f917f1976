"""What a kill left undone of a promotion or a rollback, brought to its end by the next of them, or dropped.

    promotion   intent (tag of the version) -> champion -> previous -> verdict and card -> intent taken away
    rollback    record (tag of the model)   -> champion -> previous

A promotion has happened when the champion's alias has moved: its intent, which holds the verdict, is carried out then
and dropped before, so that no page tells of one that never was. A record of a rollback is an order: it is carried out.
Everything here is to be called under `one_at_a_time`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcamp.registry.aliases import CHALLENGER, CHAMPION, PREVIOUS, holder, move, registered, versions
from dlcamp.registry.history import PROMOTION_TAG, Promotion, Rollback, promoted_since, promotion_of, rollbacks_of
from dlcamp.registry.judged_rows import text_of
from dlcamp.registry.verdict import Verdict, verdict_tag
from dlcamp.tracking.models import client_of, model_of
from dlcamp.tracking.protocol import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

CARD = "model_card.md"
"""The card among a model's artifacts."""


def settle(store: Store, name: str) -> None:
    """Bring a promotion that moved the champion's alias to its end; take back the intent of one that did not."""
    client = client_of(store)
    champion = holder(client, name, CHAMPION)
    for version in list(versions(client, name)):
        if PROMOTION_TAG not in version.tags:
            continue
        promotion = promotion_of(version.tags)
        if promotion is not None and champion is not None and champion.version == version.version:
            finish(store, promotion, model_of(version))
        else:
            client.delete_model_version_tag(name, str(version.version), PROMOTION_TAG)
    _one_title(client, name)


def finish(store: Store, promotion: Promotion, model: str) -> None:
    """What follows when the champion's alias has moved; may be done again from the beginning.

    Args:
        model: id, among whose artifacts the card lies.
    """
    client, verdict = client_of(store), promotion.verdict
    if promotion.instead_of:
        move(client, verdict.name, PREVIOUS, promotion.instead_of)
    _one_title(client, verdict.name)
    write_verdict(client, verdict, text_of(store, model, CARD))
    client.delete_model_version_tag(verdict.name, verdict.version, PROMOTION_TAG)


def write_verdict(client: MlflowClient, verdict: Verdict, card: str | None) -> None:
    """The verdict as a tag of its version, the card as its description; None leaves what is there."""
    if card is not None:
        client.update_model_version(verdict.name, verdict.version, description=card)
    client.set_model_version_tag(verdict.name, verdict.version, verdict_tag(verdict), verdict.to_json())


def unfinished_rollback(client: MlflowClient, name: str) -> Rollback | None:
    """The last rollback, where it was recorded and the aliases were not moved, or only the champion's was."""
    there = registered(client, name)
    past = rollbacks_of(there.tags) if there is not None else []
    champion, previous = holder(client, name, CHAMPION), holder(client, name, PREVIOUS)
    if not past or champion is None or previous is None:
        return None
    held, last = (str(champion.version), str(previous.version)), past[-1]
    if held == (last.back_to, last.back_to):
        return last
    if held == (last.instead_of, last.back_to) and not promoted_since(champion.tags, last.when):
        return last
    return None


def carry_out(client: MlflowClient, name: str, record: Rollback) -> None:
    """Move the titles as a recorded rollback says; what is moved already stays."""
    move(client, name, CHAMPION, record.back_to)
    move(client, name, PREVIOUS, record.instead_of)
    _one_title(client, name)


def _one_title(client: Any, name: str) -> None:
    """A champion must not keep the title of challenger."""
    champion, challenger = holder(client, name, CHAMPION), holder(client, name, CHALLENGER)
    if champion is not None and challenger is not None and challenger.version == champion.version:
        move(client, name, CHALLENGER, None)
