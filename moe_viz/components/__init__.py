"""The browser's part of a page: plain JavaScript and CSS, and the values that it receives.

`moe_viz.ui` registers the components; nothing here knows Streamlit or torch.
"""

from __future__ import annotations

from pathlib import Path

from moe_viz.components.bundle import bundle
from moe_viz.components.routing_map.pack import pack_routing_map
from moe_viz.components.token_panel.data import TokenPanel, pack_token_panel

__all__ = [
    "LINK_CSS",
    "LINK_JS",
    "PRESENTER_CSS",
    "PRESENTER_JS",
    "ROUTING_MAP_CSS",
    "ROUTING_MAP_JS",
    "TOKEN_PANEL_CSS",
    "TOKEN_PANEL_JS",
    "TOUR_CSS",
    "TOUR_JS",
    "TokenPanel",
    "pack_routing_map",
    "pack_token_panel",
]

_HERE = Path(__file__).parent


def _css(component: str) -> str:
    files = [_HERE / "shared" / "base.css", *sorted((_HERE / component).glob("*.css"))]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


LINK_JS = bundle(_HERE, "link/main.js")
LINK_CSS = _css("link")
PRESENTER_JS = bundle(_HERE, "presenter/main.js")
PRESENTER_CSS = _css("presenter")
ROUTING_MAP_JS = bundle(_HERE, "routing_map/main.js")
ROUTING_MAP_CSS = _css("routing_map")
TOKEN_PANEL_JS = bundle(_HERE, "token_panel/main.js")
TOKEN_PANEL_CSS = _css("token_panel")
TOUR_JS = bundle(_HERE, "tour/main.js")
TOUR_CSS = _css("tour")
