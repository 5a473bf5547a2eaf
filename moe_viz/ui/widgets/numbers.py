"""What is shown under every figure: its numbers, and where they come from."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from moe_viz.ui.session import state
from moe_viz.ui.session.trace_view import TraceView, how_it_came, origin_text
from moe_viz.ui.widgets.words import plain

if TYPE_CHECKING:
    import pandas as pd

    from moe_viz.ui.session.profile_view import ProfileView

Tables = dict[str, Callable[[], "pd.DataFrame"]]
"""Tables by their files' names, each made on request."""
SHOWN_ROWS = 2_000
"""At most this many rows are shown; the file has all rows."""


def numbers(shown: TraceView, tables: Tables) -> None:
    """A figure's tables, folded, and where they come from."""
    folded_tables(tables)
    provenance(shown)


def folded_tables(tables: Tables) -> None:
    """Tables that are made when a person unfolds them, each with its CSV and its Parquet file.

    Their names are their files' names and distinguish the figures of a page.
    """
    folded = st.expander("Numbers", key=state.NUMBERS.of(" ".join(tables)).key, on_change="rerun", bind="query-params")
    if folded.open:
        with folded:
            for name, table in tables.items():
                _table(name, table())


def _table(name: str, rows: pd.DataFrame) -> None:
    st.dataframe(rows.head(SHOWN_ROWS), hide_index=True)
    more = f"; the first {SHOWN_ROWS:,} are above, all are in the file" if len(rows) > SHOWN_ROWS else ""
    st.caption(f"{len(rows):,} rows{more}.")
    with st.container(horizontal=True):
        _download(name, "csv", "text/csv", lambda: rows.to_csv(index=False).encode())
        _download(name, "parquet", "application/vnd.apache.parquet", lambda: parquet_of(rows))


def _download(name: str, ending: str, mime: str, content: Callable[[], bytes]) -> None:
    """A table as a file, made on request."""
    st.download_button(
        f"Download {name}.{ending}",
        data=content,
        file_name=f"{name}.{ending}",
        mime=mime,
        on_click="ignore",
        key=f"{ending} {name}",
    )


def parquet_of(rows: pd.DataFrame) -> bytes:
    """A table as a Parquet file. A column of several kinds of values, which Parquet does not know, becomes text."""
    mixed = [name for name in rows if rows[name].dtype == object]
    file = io.BytesIO()
    rows.astype(dict.fromkeys(mixed, "str")).rename(columns=str).to_parquet(file, index=False)
    return file.getvalue()


def provenance(shown: TraceView) -> None:
    """Where the numbers come from, and what a reader must know to read them correctly."""
    st.caption(plain(" ".join((shown.provenance, *shown.trace.provenance.notes))))


def profile_provenance(profiled: ProfileView) -> None:
    """Where the numbers come from, under every figure."""
    for run in profiled.profile.runs:
        origin = origin_text(run.provenance, len(profiled.profile.sites), how_it_came(profiled.origin))
        said = f"{run.corpus}: {profiled.size} · {origin}"
        st.caption(plain(" ".join((said, *run.provenance.notes))))
