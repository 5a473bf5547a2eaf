"""The colours of every figure and component. No other file has any."""

from __future__ import annotations

PALETTE = (
    "#2bfdf4", "#04a19b", "#6ad8f9", "#79b6f4", "#7a97fb", "#9d97c8", "#a86fcf", "#ecb5ce",
    "#b37c73", "#c4aaa6", "#cc7200", "#ed9e2f", "#af9d6c", "#f5e05d", "#cacc97", "#b7f0ab",
)  # fmt: skip
"""Sixteen colours for experts, as far apart as a search found them.

Smallest distance of any two in OKLab: 0.085 to normal sight, 0.066 to protanopes and
deuteranopes, 0.053 to tritanopes (simulated after Machado et al. 2009). This many colours
cannot all be told apart: a number must always stand beside them. `INK` can be read on each.
"""

INK = "#14161a"
PAPER = "#ffffff"
NEUTRAL = "#9aa1ad"
"""For what has no colour of its own: more experts than the palette has, or none."""
ACCENT = "#4c6ef5"
"""The first series of a chart: contrast above 4 on a light and on a dark page."""
SECOND = "#cc7200"
"""The second series."""
SERIES = (ACCENT, SECOND, "#0b8f8a", "#b5519c", "#7d8000", "#d1495b", "#64809c", "#946a3a")
"""Lines of one chart, each to be seen on a light and on a dark page; `SYMBOLS` tell them apart too."""
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "triangle-down", "star")
TEXT = "#757b87"
GRID = "rgba(128, 134, 146, 0.25)"
MISSING = "rgba(128, 134, 146, 0.18)"
"""Behind the cells of a heatmap: what has no value."""
IDLE = "rgba(128, 134, 146, 0.42)"
"""Weights that are there and not used."""
TRANSPARENT = "rgba(0, 0, 0, 0)"

_CIVIDIS = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173",
    "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838",
)  # fmt: skip
_RED_BLUE = (
    "#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7",
    "#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f",
)  # fmt: skip


def _scale(colours: tuple[str, ...]) -> list[tuple[float, str]]:
    return [(i / (len(colours) - 1), colour) for i, colour in enumerate(colours)]


SEQUENTIAL = _scale(_CIVIDIS)
"""Little to much: cividis, the same to normal and to red-green-blind sight (Nuñez et al. 2018)."""
DIVERGING = _scale(_RED_BLUE)
"""Less than even (blue), even (white), more (red): ColorBrewer's RdBu, reversed; colour-blind-safe."""
