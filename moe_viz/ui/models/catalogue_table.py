"""Well-known models as one table: what is published about each, beside what is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from moe_viz.catalogue import KnownModel
from moe_viz.model.info import Architecture
from moe_viz.model.sizes.parameter_count import ParameterCount

_STATED = st.column_config.NumberColumn(format="%.4g")
_COUNTED = st.column_config.NumberColumn(format="%.2f")
_KINDS = {"moe": "MoE", "dense": "dense", "closed": "closed"}
_CONVENTIONS = {True: "with input embeddings", False: "without input embeddings", None: "either comes to it"}

COLUMNS = {
    "model": st.column_config.TextColumn(pinned=True, width=180),
    **dict.fromkeys(("total, published", "active, published"), _STATED),
    **dict.fromkeys(("total, counted", "active, counted", "w/o embeddings"), _COUNTED),
    "difference": st.column_config.NumberColumn(format="%+.1f %%"),
    "context": st.column_config.NumberColumn(format="localized"),
}


def catalogue_table(models: Iterable[KnownModel], built: Mapping[str, Architecture]) -> pd.DataFrame:
    """One row per model. Weights in billions: total and active as published, then as counted.

    What is not published, or not counted (yet), is missing. `difference` is explained there; here it is in percent.
    """
    return pd.DataFrame([_row(model, built.get(model.name)) for model in models])


def _row(model: KnownModel, built: Architecture | None) -> dict[str, Any]:
    return {
        "model": model.name,
        "by": model.organisation,
        "released": model.released,
        "kind": _KINDS[model.kind],
        "total, published": model.total,
        "total, counted": None if built is None else built.count.total / 1e9,
        "active, published": model.active,
        "active, counted": None if built is None else built.count.active / 1e9,
        "w/o embeddings": None if built is None else built.count.active_without_embeddings / 1e9,
        "difference": None if built is None or (off := difference(model, built.count)) is None else 100 * off,
        **_shape(built),
        "context": model.context,
        "licence": model.licence,
        "active is published": "" if model.active is None else _CONVENTIONS[model.embeddings_counted],
        "confirmed": model.confirmed,
        "published in": model.source,
        "note": model.note,
    }


def _shape(built: Architecture | None) -> dict[str, int | None]:
    """The largest of each number, where layers differ."""
    sites = built.sites if built is not None else ()
    return {
        "experts": max((site.num_experts - site.zero_experts for site in sites), default=None),
        "per token": max((site.top_k for site in sites), default=None),
        "shared": max((site.shared_experts for site in sites), default=None),
        "layers": None if built is None else built.count.layers,
        "dense layers": None if built is None else built.count.dense_layers,
    }


def difference(model: KnownModel, count: ParameterCount) -> float | None:
    """The difference of the counted active weights from the published ones, as a share, counted as the makers do.

    None where none are published.
    """
    if model.active is None:
        return None
    counted = count.active - count.embeddings if model.embeddings_counted is False else count.active
    return counted / (1e9 * model.active) - 1
