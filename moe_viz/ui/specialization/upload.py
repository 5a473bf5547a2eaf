"""The texts that a person adds, by domain: pasted, uploaded, or from a folder of the server."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from moe_viz.corpus.files import open_corpus
from moe_viz.errors import InputError
from moe_viz.metrics.tokens import visible
from moe_viz.settings import settings
from moe_viz.ui.session import state
from moe_viz.ui.session.model_in_use import any_may_load
from moe_viz.ui.widgets.words import plain

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


def uploaded_texts() -> dict[str, list[str]]:
    """The texts that this session has added so far."""
    return state.UPLOADED_TEXTS.get_or_set({})


def upload_texts() -> None:
    """Draw the ways to add a domain, and what was added."""
    ways = ["Paste", "Upload", *(["Folder on the server"] if any_may_load() else [])]
    way = st.segmented_control("Texts of your own", ways, default=ways[0], required=True, key="way to bring")
    with st.form("bring", border=False, clear_on_submit=True):
        if way == "Paste":
            name = st.text_input("Domain", max_chars=60, placeholder="What kind of text is it?")
            text = st.text_area("Texts", height=120, placeholder="An empty line stands between two texts")
            if st.form_submit_button("Add this domain"):
                _keep(lambda: pasted(name, text))
        elif way == "Upload":
            files = st.file_uploader("Files", accept_multiple_files=True, key="own files")
            st.caption(
                "One file per domain: a .txt file is one text; .jsonl, .csv and .parquet files have one text per row,"
                " in “text”."
            )
            if st.form_submit_button("Add these domains"):
                _keep(lambda: uploaded(files))
        else:
            folder = st.text_input("Folder", placeholder="One file or folder per domain")
            if st.form_submit_button("Add these domains"):
                _keep(lambda: of_folder(folder))
    limits = settings()
    st.caption(
        f"At most {limits.measure_domains} domains, {limits.measure_texts} texts of each, and the first"
        f" {limits.measure_tokens:,} tokens of a text. For larger corpora, use the command line:"
        " python -m moe\\_viz profile."
    )
    if uploaded_texts():
        counts = ", ".join(f"{visible(name)} ({len(texts)})" for name, texts in uploaded_texts().items())
        st.text(f"Added, with the number of texts: {counts}")
        st.button("Remove them", on_click=uploaded_texts().clear, type="tertiary")


def pasted(name: str, text: str) -> dict[str, list[str]]:
    """The texts between empty lines, as one domain. Raises InputError if either is missing."""
    texts = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    if not name.strip():
        raise InputError("the domain has no name; say what kind of text it is")
    if not texts:
        raise InputError("the text is empty; paste some")
    return {name.strip(): texts}


def uploaded(files: Sequence[UploadedFile]) -> dict[str, list[str]]:
    """One domain per file. Raises InputError if there is none, or one cannot be read."""
    if not files:
        raise InputError("no file was chosen; choose one per domain")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        paths = [folder / Path(file.name).name for file in files]
        try:
            for path, file in zip(paths, files, strict=True):
                path.write_bytes(file.getvalue())
            return _read(paths)
        except InputError as error:
            raise InputError(str(error).replace(f"{folder}/", "")) from None


def of_folder(name: str) -> dict[str, list[str]]:
    """One domain per file or folder in it. Raises InputError if there is none, or one cannot be read."""
    folder = Path(name)
    if not name.strip() or not folder.is_dir():
        raise InputError(f"there is no folder {name!r} on the server")
    return _read(path for path in sorted(folder.iterdir()) if not path.name.startswith("."))


def _read(paths: Iterable[Path]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        for document in islice(open_corpus(path).documents, settings().measure_texts + 1):
            name = path.name if path.is_dir() else document.domain
            if document.text.strip():
                found.setdefault(name, []).append(document.text)
    if not found:
        raise InputError("these files have no text; choose files that have some")
    return found


def _keep(read: Callable[[], dict[str, list[str]]]) -> None:
    """Add what is read, or say why it cannot be added."""
    try:
        found = read()
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    both, limits = uploaded_texts() | found, settings()
    if len(both) > limits.measure_domains:
        st.error(
            f"These would be {len(both)} domains; at most {limits.measure_domains} are compared.",
            icon=":material/error:",
        )
        return
    cut = [visible(name) for name, texts in found.items() if len(texts) > limits.measure_texts]
    if cut:
        st.info(plain(f"Of {', '.join(cut)}: only the first {limits.measure_texts} texts are kept."))
    uploaded_texts().update({name: texts[: limits.measure_texts] for name, texts in found.items()})
