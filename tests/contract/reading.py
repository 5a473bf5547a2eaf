"""Any Plotly figure as a person reads it: places by their names on the axes, hover texts as they come up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

_HOLE = re.compile(r"%\{([a-z]+)(?:\[(\d+)\])?(?::([^}]*))?\}")
_NUMBER = re.compile(r"[-+−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Mark:
    """One bar, point or cell."""

    kind: str
    """The type of its trace, and for points the mode."""
    series: str | None
    x: Any
    """By its name on the axis, where it has one."""
    y: Any
    at: tuple[Any, Any]
    """Where it stands, without names."""
    z: float | None
    text: str | None
    hover: str | None
    look: dict[str, Any]
    """colour, symbol, size, base, low and high (error bars), opacity, dash."""


def marks(figure: go.Figure, kind: str | None = None) -> list[Mark]:
    """All that is drawn, but for what is there for the legend alone."""
    ticks = {name: _ticks(figure.layout[name]) for name in figure.layout if name[1:5] == "axis"}
    found = [mark for trace in figure.data for mark in _marks(ticks, trace.to_plotly_json())]
    return [mark for mark in found if kind is None or mark.kind == kind]


def lines(figure: go.Figure) -> dict[str, float]:
    """The reference lines among the shapes by what is written at them, with the axis: `y even`."""
    notes = {(note.xref, note.yref, note.x, note.y): note.text for note in figure.layout.annotations}
    found = {}
    for shape in figure.layout.shapes:
        if shape.type != "line":
            continue
        upright = shape.x0 == shape.x1
        at = shape.x0 if upright else shape.y0
        text = [said for (*_refs, x, y), said in notes.items() if (x if upright else y) == at]
        found[f"{'x' if upright else 'y'} {text[0] if text else ''}".strip()] = at
    return found


def frames(figure: go.Figure) -> set[tuple[float, float, float, float]]:
    """The rectangles: left, right, top, bottom."""
    return {(s.x0, s.x1, s.y0, s.y1) for s in figure.layout.shapes if s.type == "rect"}


@dataclass(frozen=True)
class Band:
    """A ribbon: its two ends, each the place along the way and the middle across it, and its width."""

    colour: str
    start: tuple[float, float]
    end: tuple[float, float]
    width: float


def ribbons(figure: go.Figure, *, upright: bool = False) -> list[Band]:
    """All ribbons, from left to right, or `upright` from top to bottom."""
    found = []
    for trace in figure.data:
        if trace.type == "bar" or trace.type == "heatmap" or trace.fill != "toself":
            continue
        along, across = (trace.y, trace.x) if upright else (trace.x, trace.y)
        along, across = np.asarray(along, dtype=float), np.asarray(across, dtype=float)
        gaps = np.flatnonzero(np.isnan(along))
        for first, last in zip([0, *(gaps[:-1] + 1)], gaps, strict=True):
            way, edge = along[first:last], across[first:last]
            half = len(way) // 2
            start, end = (edge[0], edge[-1]), (edge[half - 1], edge[half])
            assert start[1] - start[0] == pytest.approx(end[1] - end[0])
            found.append(
                Band(trace.fillcolor, (way[0], sum(start) / 2), (way[half], sum(end) / 2), start[1] - start[0])
            )
    return found


def names_of_axis(figure: go.Figure, axis: str) -> list[str]:
    """What is written at an axis, from the left or from the top."""
    layout = figure.layout[axis]
    named = sorted(zip(layout.tickvals, layout.ticktext, strict=True))
    if layout.range is not None and layout.range[0] > layout.range[1] and axis.startswith("x"):
        named = named[::-1]
    if axis.startswith("y"):
        assert layout.autorange == "reversed" or layout.range[0] > layout.range[1], "the first row stands on top"
    return [unescape(text) for _at, text in named]


def numbers_in(text: str) -> list[float]:
    """The numbers of a sentence in their order; percent as shares."""
    found = []
    for match in _NUMBER.finditer(text.replace("\xa0", " ")):
        value = float(match[0].replace(",", "").replace("−", "-"))
        found.append(value / 100 if text[match.end() :].lstrip().startswith("%") else value)
    return found


def same(drawn: dict[Any, Any], stated: dict[Any, Any], *, rel: float = 1e-5, absolute: float = 1e-6) -> None:
    """The same names, and for each the same values."""
    assert set(drawn) == set(stated), f"only one of both has {set(drawn) ^ set(stated)}"
    assert stated, "nothing is compared"
    left, right = (np.array([values[name] for name in stated], dtype=float) for values in (drawn, stated))
    apart = ~np.isclose(left, right, rtol=rel, atol=absolute, equal_nan=True)
    assert not apart.any(), [
        (name, drawn[name], stated[name]) for name, off in zip(stated, apart, strict=True) if np.any(off)
    ]


def by_name(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dictionary in which nothing may stand twice."""
    found = dict(pairs)
    assert len(found) == len(pairs), "two marks have one name"
    return found


def _marks(ticks: dict[str, dict[Any, str]], trace: dict[str, Any]) -> list[Mark]:
    if trace["type"] == "heatmap":
        return _cells(ticks, trace)
    bar = trace["type"] == "bar"
    x, y = _list(trace.get("x")), _list(trace.get("y"))
    for_legend = x is None or y is None or all(one is None for one in x)
    if for_legend or trace.get("fill") == "toself":  # a ribbon is no row of points: `ribbons` reads it
        return []
    found = []
    for i, (across, up) in enumerate(zip(x, y, strict=True)):
        named = {"x": _named(ticks, trace.get("xaxis", "x"), across), "y": _named(ticks, trace.get("yaxis", "y"), up)}
        text = _at(trace.get("text"), i)
        values = {"x": across, "y": up, "text": text, "hovertext": _at(trace.get("hovertext"), i)}
        values |= {name: value for name, value in named.items() if isinstance(value, str)}
        values["customdata"] = _at(trace.get("customdata"), i)
        found.append(
            Mark(
                "bar" if bar else f"scatter {trace['mode']}",
                trace.get("name"),
                named["x"],
                named["y"],
                (across, up),
                None,
                None if text is None else str(text),
                _hover(trace.get("hovertemplate"), values),
                _look(trace, i, across, up),
            )
        )
    return found


def _cells(ticks: dict[str, dict[Any, str]], trace: dict[str, Any]) -> list[Mark]:
    z = np.asarray(trace["z"], dtype=float)
    xs = _list(trace.get("x")) or list(range(z.shape[1]))
    ys = _list(trace.get("y")) or list(range(z.shape[0]))
    texts = None if trace.get("text") is None else np.asarray(trace["text"], dtype=object)
    found = []
    for row, column in np.ndindex(z.shape):
        x = _named(ticks, trace.get("xaxis", "x"), xs[column])
        y = _named(ticks, trace.get("yaxis", "y"), ys[row])
        text = None if texts is None else str(texts[row, column])
        hover = _hover(trace.get("hovertemplate"), {"x": x, "y": y, "z": z[row, column], "text": text})
        at = (xs[column], ys[row])
        found.append(Mark("heatmap", trace.get("name"), x, y, at, float(z[row, column]), text, hover, {}))
    return found


def _look(trace: dict[str, Any], i: int, x: Any, y: Any) -> dict[str, Any]:
    marker = trace.get("marker", {})
    look = {
        "colour": _at(marker.get("color"), i),
        "size": _at(marker.get("size"), i),
        "symbol": _at(marker.get("symbol"), i),
        "base": _at(trace.get("base"), i),
        "opacity": marker.get("opacity"),
        "dash": trace.get("line", {}).get("dash"),
    }
    for axis, middle in (("error_x", x), ("error_y", y)):
        error = trace.get(axis, {})
        if error.get("array") is not None:
            low, high = (_list(error[end])[i] for end in ("arrayminus", "array"))
            look |= {"low": middle - low, "high": middle + high}
    return look


def _ticks(axis: Any) -> dict[Any, str]:
    """What is written at the places of an axis."""
    if axis.tickvals is None or axis.ticktext is None:
        return {}
    return dict(zip(axis.tickvals, map(unescape, axis.ticktext), strict=True))


def _named(ticks: dict[str, dict[Any, str]], axis: str, place: Any) -> Any:
    name = ticks.get(f"{axis[0]}axis{axis[1:]}", {}).get(place, place)
    return name.item() if isinstance(name, np.generic) else name


def _hover(template: str | None, values: dict[str, Any]) -> str | None:
    """The hover text of one mark, as the browser puts it together."""
    if template is None:
        return None

    def fill(hole: re.Match[str]) -> str:
        name, index, form = hole.groups()
        value = values[name]
        if index is not None:
            value = value[int(index)]
        return str(value) if form is None else _formatted(value, form)

    return unescape(_HOLE.sub(fill, template.removesuffix("<extra></extra>")))


def _formatted(value: Any, form: str) -> str:
    """A number as d3 formats it, for the forms in use."""
    if value is None or pd.isna(value):
        return "NaN"
    if form == "d":
        return f"{round(value)}"
    if form == ",":
        return f"{value:,.0f}"
    trimmed = "~" in form
    text = f"{value:{form.replace('~', '')}}"
    if trimmed and "." in text:
        head, sign, tail = text.partition("%")
        text = head.rstrip("0").rstrip(".") + sign + tail
    return text


def _list(values: Any) -> list[Any] | None:
    return None if values is None else list(values)


def _at(values: Any, i: int) -> Any:
    """The value of one mark, where each has its own."""
    return values[i] if isinstance(values, tuple | list | np.ndarray | pd.Series) and len(values) else values
