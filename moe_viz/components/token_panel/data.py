"""The token panel's data. Plain values only: lists, strings, Python numbers, None."""

from __future__ import annotations

import math
from typing import Any, TypedDict

from moe_viz.metrics.tokens import SiteDetail


class PanelSite(SiteDetail):
    """What one router computed for the token, and the colours of its experts."""

    colours: list[int]
    """`[expert]`: index into the palette; 255 is neutral."""


class Prediction(TypedDict):
    """One next token that the model predicted."""

    text: str
    name: str
    probability: float


class ActualNext(TypedDict):
    """The token that came next."""

    label: str
    probability: float | None


class TokenPanel(TypedDict):
    """One token of a trace."""

    token: int
    label: str
    name: str
    """As the vocabulary writes it."""
    generated: bool
    sites: list[PanelSite]
    next: list[Prediction] | None
    actual_next: ActualNext | None
    palette: list[str]
    neutral: str


def pack_token_panel(panel: TokenPanel) -> dict[str, Any]:
    """The panel as Streamlit sends it: plain values, floats to six digits, None for what is not finite.

    Raises TypeError on a value that Streamlit would turn into its repr without a word.
    """
    return {key: _plain(value, key) for key, value in panel.items()}


def _plain(value: object, where: str) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, where) for inner in value]
    if type(value) is float:
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if value is None or type(value) in (int, str, bool):
        return value
    raise TypeError(f"{where}: a {type(value).__name__}; expected str, int, float, bool, None, list or dict")
