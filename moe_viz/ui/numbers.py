"""What stands under every figure: how to read it, its numbers, and where they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from moe_viz.ui.model import plain
from moe_viz.ui.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ROWS = 2_000
"""More rows than anybody scrolls through; the file has all."""


def numbers(shown: Shown, tables: dict[str, Callable[[], pd.DataFrame]]) -> None:
    """A figure's tables, folded away, and where they come from."""
    folded_tables(tables)
    provenance(shown)


def folded_tables(tables: dict[str, Callable[[], pd.DataFrame]]) -> None:
    """Tables that are made when they are unfolded, each with its CSV.

    Their names are their files' names and tell the figures of a page apart.
    """
    folded = st.expander("Numbers", key=f"numbers {' '.join(tables)}", on_change="rerun", bind="query-params")
    if folded.open:
        with folded:
            for name, table in tables.items():
                _table(name, table())


def _table(name: str, rows: pd.DataFrame) -> None:
    st.dataframe(rows.head(SHOWN_ROWS), hide_index=True)
    more = f"; the first {SHOWN_ROWS:,} above, all in the file" if len(rows) > SHOWN_ROWS else ""
    st.caption(f"{len(rows):,} rows{more}.")
    st.download_button(
        f"Download {name}.csv",
        data=lambda: rows.to_csv(index=False),
        file_name=f"{name}.csv",
        mime="text/csv",
        on_click="ignore",
        key=f"csv {name}",
    )


def provenance(shown: Shown) -> None:
    """Where the numbers come from, and what must be known to read them right."""
    st.caption(plain(" ".join((shown.provenance, *shown.trace.provenance.notes))))
