"""What stands under every figure: how to read it, its numbers, and where they come from."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from moe_viz.ui.model import plain
from moe_viz.ui.shown import Shown

SHOWN_ROWS = 2_000
"""More rows than anybody scrolls through; the file has all."""


def numbers(table: pd.DataFrame, name: str, shown: Shown) -> None:
    """The figure's table, folded away, with its CSV, and the provenance of its numbers.

    `name` tells the figures of a page apart and begins the file's name.
    """
    folded = st.expander(f"Numbers ({len(table):,} rows)", key=f"numbers {name}", on_change="rerun")
    with folded:
        if folded.open:
            st.dataframe(table.head(SHOWN_ROWS), hide_index=True)
            if len(table) > SHOWN_ROWS:
                st.caption(f"The first {SHOWN_ROWS:,} rows; the file has all.")
            st.download_button(
                "Download CSV",
                data=lambda: table.to_csv(index=False),
                file_name=f"{name}.csv",
                mime="text/csv",
                on_click="ignore",
                key=f"csv {name}",
            )
    provenance(shown)


def provenance(shown: Shown) -> None:
    """The line that says where the numbers come from."""
    st.caption(plain(shown.provenance))
