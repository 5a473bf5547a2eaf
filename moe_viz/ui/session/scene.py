"""What a link to a view carries, and how an address writes it.

An address also has the page, and the settings of widgets, which Streamlit keeps there by itself.
An address may come from anyone: every value is checked here, or where its meaning is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from moe_viz.data.trace import RoutingTrace

ENTROPY = "entropy"
_LONGEST_NAME = 300
_DTYPES = ("float32", "bfloat16", "float16")
_PACKINGS = ("8-bit", "4-bit")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")
_STORED = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Scene:
    """What a link carries; each field is a parameter of the address, None if it is left out."""

    model: str | None = None
    """The model that it was made with, and how that was loaded: a hub id, "demo" or a folder."""
    revision: str | None = None
    dtype: str | None = None
    quantization: str | None = None
    text: str | None = None
    """The text that is shown."""
    stored: str | None = None
    """The name of a text that is kept on the server."""
    map_layer: int | None = None
    """The routing map's router, counted from 0."""
    map_token: int | None = None
    map_colour: str | None = None
    """The slot that colours its tokens, counted from 0, or `ENTROPY`."""
    map_expert: int | None = None
    """The expert that it highlights."""
    cell: tuple[int, int] | None = None
    """The router and the expert whose tokens are listed."""


@dataclass
class OpenedLink:
    """A link that was opened."""

    page: str
    scene: Scene
    asked: dict[str, str]
    """The parameters of its address that are not the scene's."""
    lost: dict[str, None]
    """The parameters that could not be kept."""
    text: str | None
    """The text that it asks for, until the text is read."""
    gone: bool
    """Whether its text is no longer on the server."""
    drawn: bool = False
    """Whether the page has been drawn with it: from then on the person's own choices count."""
    closed: bool = False
    """Whether its message has been closed."""


NAMES = tuple(field.name for field in fields(Scene))
"""The parameters of an address that are a scene's."""


def encode(scene: Scene) -> dict[str, str]:
    """The parameters of the address that carry a scene."""
    values = {name: getattr(scene, name) for name in NAMES}
    if scene.cell is not None:
        values["cell"] = "{}-{}".format(*scene.cell)
    return {name: str(value) for name, value in values.items() if value is not None}


def decode(parameters: Mapping[str, str]) -> tuple[Scene, tuple[str, ...]]:
    """The scene that an address carries, and the names of the parameters whose values have no meaning."""
    values: dict[str, Any] = {}
    lost = []
    for name in NAMES:
        if name not in parameters:
            continue
        value = _read(name, parameters[name])
        if value is None:
            lost.append(name)
        else:
            values[name] = value
    return Scene(**values), tuple(lost)


def fit(scene: Scene, trace: RoutingTrace) -> tuple[Scene, tuple[str, ...]]:
    """The scene without what a trace does not have, and the names of what was removed."""
    experts = [site.num_experts for site in trace.sites]
    layer = scene.map_layer if _within(scene.map_layer, len(experts)) else None
    slots = trace.expert_ids.shape[2]
    site, expert = scene.cell or (0, 0)
    fits = {
        "map_layer": _within(scene.map_layer, len(experts)),
        "map_token": _within(scene.map_token, len(trace)),
        "map_colour": scene.map_colour in {None, ENTROPY} or _within(int(scene.map_colour or 0), slots),
        "map_expert": _within(scene.map_expert, experts[-1 if layer is None else layer]),
        "cell": site < len(experts) and expert < experts[site],
    }
    lost = tuple(name for name, does in fits.items() if not does)
    return replace(scene, **dict.fromkeys(lost)), lost


def _within(value: int | None, count: int) -> bool:
    return value is None or value < count


def _read(name: str, written: str) -> Any:
    """A parameter's value; None if it has no valid one."""
    match name:
        case "text":
            return written or None
        case "stored":
            return written if _STORED.fullmatch(written) else None
        case "model" | "revision":
            return written if written.isprintable() and 0 < len(written) <= _LONGEST_NAME else None
        case "dtype":
            return written if written in _DTYPES else None
        case "quantization":
            return written if written in _PACKINGS else None
        case "cell":
            site, _, expert = written.partition("-")
            numbers = _number(site), _number(expert)
            return None if None in numbers else numbers
        case "map_colour":
            return written if written == ENTROPY or _number(written) is not None else None
        case _:
            return _number(written)


def _number(written: str) -> int | None:
    return int(written) if _NUMBER.fullmatch(written) else None
