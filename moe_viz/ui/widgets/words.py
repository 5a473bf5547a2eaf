"""Numbers and facts as a page writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moe_viz.model.info import ModelInfo

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LIST = "display:grid;grid-template-columns:max-content 1fr;gap:.3rem .8rem;margin:0;padding:0;overflow-wrap:anywhere"


def count_text(count: int) -> str:
    """A number of weights, to three digits: 12.9 M, 46.7 B."""
    return _scaled(count, (("B", 10**9), ("M", 10**6), ("K", 10**3)))


def memory_text(count: int) -> str:
    """Bytes, to three digits: 25.9 MB, 93.4 GB, in powers of ten."""
    return _scaled(count, (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)))


def large_text(count: int) -> str:
    """A whole number, as a power of ten if it is a million or more: 1,820, 7.2 × 10¹³."""
    if count < 10**6:
        return f"{count:,}"
    digits, power = f"{count:.1e}".split("e")
    return f"{digits} × 10{str(int(power)).translate(_RAISED)}"


def _scaled(count: int, units: Iterable[tuple[str, int]]) -> str:
    for unit, size in units:
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def facts_html(facts: Mapping[str, str]) -> str:
    """Facts by their label, as a list for `st.html`; both are escaped."""
    rows = "".join(
        f"<dt style='opacity:.72;font-weight:400'>{escape(label)}</dt><dd style='margin:0'>{escape(value)}</dd>"
        for label, value in facts.items()
    )
    return f"<dl style='{_LIST};font-size:.86rem'>{rows}</dl>"


def taken_text(info: ModelInfo) -> str:
    """The memory that a model's weights take, as measured."""
    return ", ".join(f"{memory_text(size)} on {device}" for device, size in info.memory)


def context_text(context: int | None) -> str:
    """How many tokens a model reads at once."""
    return f"{context:,} tokens" if context else "no stated limit"


def plain(text: str) -> str:
    """`text` with all that Streamlit's Markdown would interpret escaped: it may quote a person's input."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!$:|~&" else c for c in text)
