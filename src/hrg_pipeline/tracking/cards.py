"""When the card of a policy is written, and from which datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hrg_pipeline.tracking.recorder import plain_parameters

if TYPE_CHECKING:
    from kedro.io import DataCatalog

CARD, PAGE = "model_card", "model_card_page"
"""Datasets outside the pipelines."""
OCCASIONS = ("manifest", "evaluation_metrics")
"""Datasets after which the card is written anew."""
_NEEDED = ("wrapped_env_spec", "manifest", "training_curve")


def write_card(catalog: DataCatalog) -> tuple[str, ...]:
    """Write the card of a run from what is stored.

    Args:
        catalog: Of the run.

    Returns:
        The datasets that were written; none where something is not stored, as in a demonstration.
    """
    if not all(name in catalog for name in (CARD, PAGE)) or not all(
        name in catalog and catalog.exists(name) for name in _NEEDED
    ):
        return ()
    from hrg_pipeline.reporting.model_card import build_card, card_page

    spec, manifest, curve = (catalog[name].load() for name in _NEEDED)
    evaluated = "evaluation_metrics" in catalog and catalog.exists("evaluation_metrics")
    metrics = catalog["evaluation_metrics"].load() if evaluated else None
    card = build_card(plain_parameters(catalog), spec.model_dump(mode="json"), manifest, curve, metrics)
    catalog[CARD].save(card)
    catalog[PAGE].save(card_page(card, curve))
    return CARD, PAGE
