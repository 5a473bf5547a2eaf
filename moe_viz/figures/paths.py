"""The strongest links through all routers of a model, the first on top."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.ribbons import Ribbon, add_ribbons
from moe_viz.figures.template import TEMPLATE
from moe_viz.figures.theme import ACCENT, INK, NEUTRAL, PAPER

_ROW, _TIGHT_ROW, _MANY = 64, 38, 16  # pixels; tight beyond this many routers
_WIDEST = 0.24
"""Width of a ribbon that all tokens take, as a share of the distance between two experts."""
_SIDES = 3.6
"""Half the width of the picture, in such distances."""


def path_diagram(table: pd.DataFrame, site: int, experts: Sequence[int], layers: Sequence[str]) -> go.Figure:
    """Experts as discs with their numbers, one row per router; the width of a ribbon is its link's share.

    `table` comes from `paths`; `layers` names the routers. In colour: the links that touch the chosen
    `experts` of router `site`. A click on an expert selects a point whose customdata is its
    router and number; a click on a layer's name, one whose customdata is its router and -1.
    """
    places = _places(table, site, experts)
    row = _ROW if len(layers) <= _MANY else _TIGHT_ROW
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": row * len(layers) + 40,
            "margin": {"t": 32, "b": 8, "l": 8, "r": 8},
            "hovermode": "closest",
            "legend": {"orientation": "h", "yref": "container", "y": 1, "yanchor": "top", "x": 0},
            "xaxis": {"visible": False, "fixedrange": True, "range": [-_SIDES - 0.9, _SIDES]},
            "yaxis": {"visible": False, "fixedrange": True, "range": [len(layers) - 0.5, -0.5]},
        }
    )
    for touching, colour, name in (
        (False, NEUTRAL, "further away: all tokens of the nearer expert"),
        (True, ACCENT, "of the chosen expert’s tokens"),
    ):
        drawn = table[(table["steps"] == 1) == touching].to_dict("records")
        ribbons = [
            Ribbon(
                link["near_site"],
                link["far_site"],
                (places[link["near_site"], link["near"]], places[link["far_site"], link["far"]]),
                _WIDEST * link["share"],
            )
            for link in drawn
        ]
        add_ribbons(figure, ribbons, colour=colour, name=name, upright=True, opacity=0.65)
    _discs(figure, table, places, site, experts, layers)
    _names(figure, layers)
    return figure


def _places(table: pd.DataFrame, site: int, experts: Sequence[int]) -> dict[tuple[int, int], float]:
    """Where each (router, expert) stands across: centred, and experts with the same near ends are together."""
    places = {(site, expert): place for expert, place in zip(experts, _spread(len(experts)), strict=True)}
    links = sorted(table.to_dict("records"), key=lambda link: link["steps"])
    for far_site in dict.fromkeys(link["far_site"] for link in links):
        pulls: dict[int, tuple[float, float]] = {}
        for link in (link for link in links if link["far_site"] == far_site):
            pull, weight = pulls.get(link["far"], (0.0, 0.0))
            near = places[link["near_site"], link["near"]]
            pulls[link["far"]] = pull + link["share"] * near, weight + link["share"]
        order = sorted(pulls, key=lambda far: pulls[far][0] / pulls[far][1])
        places |= {(far_site, far): x for far, x in zip(order, _spread(len(order)), strict=True)}
    return places


def _spread(count: int) -> list[float]:
    return [i - (count - 1) / 2 for i in range(count)]


def _discs(
    figure: go.Figure,
    table: pd.DataFrame,
    places: dict[tuple[int, int], float],
    site: int,
    experts: Sequence[int],
    layers: Sequence[str],
) -> None:
    said: dict[tuple[int, int], list[str]] = {}
    for link in table.to_dict("records"):
        said.setdefault((link["far_site"], link["far"]), []).append(
            f"{link['share']:.0%} of the tokens of {layers[link['near_site']]} expert {link['near']},"
            f" {link['lift']:.1f} × chance"
        )
    chosen = [at == site and expert in experts for at, expert in places]
    seen = {"marker": {"opacity": 1}}
    figure.add_scatter(
        x=list(places.values()),
        y=[at for at, _expert in places],
        customdata=[list(place) for place in places],
        text=[str(expert) for _at, expert in places],
        hovertext=["<br>".join(said.get(place, ["chosen"])) for place in places],
        mode="markers+text",
        marker={"size": 27, "color": [ACCENT if of else NEUTRAL for of in chosen]},
        textfont={"color": [PAPER if of else INK for of in chosen], "size": 12},
        selected=seen,
        unselected=seen,
        hovertemplate="expert %{text}<br>%{hovertext}<extra></extra>",
        showlegend=False,
    )


def _names(figure: go.Figure, layers: Sequence[str]) -> None:
    """The routers' names at the left, which can be clicked."""
    hidden = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=[-_SIDES - 0.5] * len(layers),
        y=list(range(len(layers))),
        customdata=[[at, -1] for at in range(len(layers))],
        text=list(layers),
        mode="markers+text",
        marker={"size": 30, "opacity": 0},
        selected=hidden,
        unselected=hidden,
        hovertemplate="%{text}: look at this layer<extra></extra>",
        showlegend=False,
    )
