"""How far routing follows the domain of the text: an overview of all layers, and layer by layer in bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from moe_viz.figures.heatmap import Kind, heatmap
from moe_viz.figures.template import TEMPLATE, chart_layout
from moe_viz.figures.theme import ACCENT, DIVERGING, NEUTRAL, SECOND, SEQUENTIAL, TEXT

_HEIGHT = 320  # pixels
_PANEL, _TITLE = 150, 28  # pixels
_GAP = 0.08
"""Between two panels, of a panel's room."""
_NAME = {"xref": "paper", "yref": "paper", "showarrow": False, "font": {"size": 12, "color": TEXT}}
_STEPS = 255


def one_layer(
    table: pd.DataFrame,
    site: int,
    value: str,
    *,
    kind: Kind,
    limit: float,
    names: Mapping[str, str],
    dots: bool,
) -> go.Figure:
    """Domains × experts of one router as a heatmap, with a dot on each specialist where `dots`.

    `table` is a `use_table`, and its column `value` is drawn; `names` maps its domains, in order from the top, to their
    from the top, and what they are called. The scale ends at `limit`.
    """
    rows, marked = table[table["site"] == site], "marked" if dots else None
    return heatmap(
        rows, value, kind=kind, row="domain", names=names, limit=limit, hover={"tokens": "tokens"}, marked=marked
    )


def all_layers(
    table: pd.DataFrame,
    value: str,
    *,
    domains: Sequence[str],
    titles: Sequence[str],
    diverging: bool,
    limit: float,
    selected: int,
) -> go.Figure:
    """Small heatmaps beside each other, one per router, domains by experts.

    `table` is a `use_table`, and its column `value` is drawn. `domains`: the order of the rows, from the
    top. `titles` names the routers. The scale ends at `limit`; `selected` is the panel to outline. A click
    on one selects a point whose customdata is its site.
    """
    panels = _panels(table, value, domains, len(titles))
    columns = next(most for most, sites in ((3, 6), (4, 12), (6, 24), (8, np.inf)) if len(panels) <= sites)
    rows = -(-len(panels) // columns)
    height = rows * (_PANEL + _TITLE)
    data, axes, names = [], {}, []  # by hand: make_subplots takes most of a second for 48 layers
    for site, panel in enumerate(panels):
        number = str(site + 1) if site else ""
        row, column = divmod(site, columns)
        left, top = column / columns, 1 - row / rows - _TITLE / height
        # 256 steps of colour are all that can be seen, and a small part of the page's weight
        level = (panel / limit + 1) / 2 if diverging else panel / limit
        z = np.rint(np.clip(level, 0, 1) * _STEPS).astype(np.uint8)
        at = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        data += [
            {"type": "heatmap", "z": z, "coloraxis": "coloraxis", "hoverinfo": "skip", **at},
            _target(panel, site, f"{titles[site]}<br>{panel.shape[1]} experts") | at,
        ]
        bare = {"visible": False, "fixedrange": True}
        across, down = [left, left + (1 - _GAP) / columns], [max(0.0, top - _PANEL / height), top]
        axes[f"xaxis{number}"] = bare | {
            "domain": across,
            "range": [-0.5, panel.shape[1] - 0.5],
            "anchor": f"y{number}",
        }
        axes[f"yaxis{number}"] = bare | {
            "domain": down,
            "range": [panel.shape[0] - 0.5, -0.5],
            "anchor": f"x{number}",
        }
        names.append({"text": titles[site], "x": sum(across) / 2, "y": top, "yanchor": "bottom"} | _NAME)
    number = str(selected + 1) if selected else ""
    frame = {"xref": f"x{number} domain", "yref": f"y{number} domain", "x0": 0, "x1": 1, "y0": 0, "y1": 1}
    return go.Figure(
        data=data,
        layout={
            "template": TEMPLATE,
            "height": height + 8,
            "margin": {"t": 0, "b": 8, "l": 4, "r": 4},
            "hovermode": "closest",
            "hoverdistance": -1,
            "showlegend": False,
            "coloraxis": {
                "colorscale": DIVERGING if diverging else SEQUENTIAL,
                "cmin": 0,
                "cmax": _STEPS,
                "showscale": False,
            },
            "annotations": names,
            "shapes": [{"type": "rect", "line": {"color": ACCENT, "width": 4}, **frame}],
            **axes,
        },
    )


def _panels(table: pd.DataFrame, value: str, domains: Sequence[str], sites: int) -> list[NDArray[np.float32]]:
    """The column `value` of each router, `[domain expert]`."""
    domain = pd.Index(domains).get_indexer(pd.Index(table["domain"]))
    site, expert = table["site"].to_numpy(), table["expert"].to_numpy()
    cells = np.full((sites, len(domains), expert.max() + 1), np.nan, dtype=np.float32)
    cells[site, domain, expert] = table[value]
    experts = table.groupby("site")["expert"].max() + 1
    return [cells[index, :, : experts[index]] for index in range(sites)]


def _target(panel: NDArray[np.floating], site: int, hover: str) -> dict[str, Any]:
    """The invisible point of a panel that can be clicked."""
    hidden = {"marker": {"opacity": 0}}
    return {
        "type": "scatter",
        "x": [(panel.shape[1] - 1) / 2],
        "y": [(panel.shape[0] - 1) / 2],
        "mode": "markers",
        "marker": {"opacity": 0, "size": 60},
        "selected": hidden,
        "unselected": hidden,
        "customdata": [site],
        "hovertemplate": f"{hover}<extra></extra>",
    }


def information_lines(
    table: pd.DataFrame, layers: Sequence[str], *, interval: bool, guess: tuple[float, str] | None = None
) -> go.Figure:
    """Domain information of each router with what shuffled labels give.

    `table` is an `information_table`; `layers` names its rows. With `interval` error bars are drawn.
    `guess`: what a person expected, in bits, and its name.
    """
    figure = go.Figure(layout=_layout("bits"))
    error = {
        "type": "data",
        "symmetric": False,
        "array": table["high"] - table["bits"],
        "arrayminus": table["bits"] - table["low"],
        "color": ACCENT,
        "thickness": 1.5,
        "width": 5,
    }
    figure.add_scatter(
        x=list(layers),
        y=table["bits"],
        name="measured",
        mode="lines+markers",
        line={"color": ACCENT, "width": 2},
        marker={"size": 8},
        error_y=error if interval else None,
        customdata=table[["low", "high"]],
        hovertemplate="%{x}: %{y:.3f} bits"
        + (", interval %{customdata[0]:.3f} to %{customdata[1]:.3f}" if interval else "")
        + "<extra></extra>",
    )
    figure.add_scatter(
        x=list(layers),
        y=table["null_largest"],
        name="labels shuffled, largest",
        mode="lines",
        line={"color": NEUTRAL, "width": 2, "dash": "dash"},
        hovertemplate="%{x}: at most %{y:.3f} bits with shuffled labels<extra></extra>",
    )
    if guess is not None:
        at, name = guess
        figure.add_hline(y=at, line={"color": SECOND, "width": 2, "dash": "dot"}, annotation={"text": name})
    return figure


def given_token_lines(table: pd.DataFrame, layers: Sequence[str]) -> go.Figure:
    """Bits of first choices, and what is left of them within one token. `table`: an `information_table`."""
    figure = go.Figure(layout=_layout("bits"))
    series = (
        ("first_choice_bits", "all tokens", ACCENT, "solid", "circle"),
        ("left_bits", "within the same token", SECOND, "dash", "diamond"),
    )
    for column, name, colour, dash, symbol in series:
        figure.add_scatter(
            x=list(layers),
            y=table[column],
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"color": colour, "symbol": symbol, "size": 8},
            hovertemplate=f"%{{x}}, {name}: %{{y:.3f}} bits<extra></extra>",
        )
    return figure


def halves(table: pd.DataFrame, names: Mapping[str, str], layers: Sequence[str]) -> go.Figure:
    """Each specialist found in one half of the documents: its difference there (across), and in the other half (up).

    `table` is a `held_out_table`; `names` says what its domains are called, `layers` its routers. On the line
    both are the same.
    """
    most = float(max(table["fitted"].max(), table["held_out"].max(), 0.01)) * 1.05
    least = float(min(table["held_out"].min(), 0)) * 1.05
    figure = go.Figure(layout=_layout("in the other half"))
    figure.add_scatter(
        x=[0, most],
        y=[0, most],
        mode="lines",
        line={"color": TEXT, "dash": "dot", "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    for confirmed, name, colour, symbol in (
        (True, "confirmed", ACCENT, "circle"),
        (False, "not confirmed", SECOND, "x"),
    ):
        rows = table[table["confirmed"] == confirmed]
        figure.add_scatter(
            x=rows["fitted"],
            y=rows["held_out"],
            name=f"{name} ({len(rows)})",
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 7, "opacity": 0.7},
            text=[
                f"{names[domain]}, {layers[site]}, expert {expert}"
                for domain, site, expert in zip(rows["domain"], rows["site"], rows["expert"], strict=True)
            ],
            hovertemplate="%{text}<br>found at %{x:+.1%}, held out %{y:+.1%}<extra></extra>",
        )
    xaxis = {
        "type": "linear",
        "title": {"text": "difference in the half where it was found"},
        "tickformat": "+.0%",
        "range": [0, most],
    }
    return figure.update_layout(xaxis=xaxis, yaxis={"tickformat": "+.0%", "range": [least, most]})


def _layout(y_title: str) -> go.Layout:
    return chart_layout(_HEIGHT, {"title": {"text": "layer"}}, {"title": {"text": y_title}, "rangemode": "tozero"})
