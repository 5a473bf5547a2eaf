"""Text by domain, one document after the other: folders and files, mappings, datasets, the bundled probes.

A folder holds one file or one folder per domain; its name is the domain's:

- `*.txt`: one document, UTF-8;
- `*.jsonl`, `*.jsonl.gz`: one JSON object per line, with the document in `"text"`;
- `*.csv`: a header and the documents in its column `text`, UTF-8;
- `*.parquet`: the documents in its column of strings `text`.

Files of other kinds and hidden ones are left out. Files are read in the order of their names, as
streams: nothing is held but the document at hand. Datasets: `moe_viz.corpus.hub_dataset`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from moe_viz.corpus.document import MAX_BYTES, Corpus, Document, by_domain
from moe_viz.corpus.hub_dataset import PREFIX, documents_of, hub_dataset
from moe_viz.errors import InputError
from moe_viz.probes import probe_texts

MAX_ROW_GROUP = 2**31
"""The largest stretch of a Parquet file that is read, in bytes when decompressed."""

Source = str | Path | Mapping[str, Iterable[str]]

_Read = tuple[str, float]
"""A document, and how much of its file is read with it."""


def open_corpus(source: Source) -> Corpus:
    """The documents of a folder or file, of a mapping from domains to texts, of `"hf:owner/name"`, or of `"probes"`.

    Raises InputError, here or while it is read, if it is none of these or cannot be read.
    """
    if isinstance(source, Mapping):
        return Corpus(f"texts of {len(source)} domains", by_domain(source))
    if source == "probes":
        return Corpus("the probe texts of moe_viz", by_domain(probe_texts()))
    if isinstance(source, str) and source.startswith(PREFIX):
        dataset = hub_dataset(source)
        return Corpus(str(dataset), documents_of(dataset))
    path = Path(source)
    if not path.exists():
        raise InputError(f"there is no corpus {str(source)!r}: expected a folder, a file, hf:owner/name, or 'probes'")
    files = _files(path)
    if not files:
        kinds = ", ".join(_READERS)
        raise InputError(f"{path} has no text: expected one file or folder per domain, of {kinds}")
    return Corpus(f"{'folder' if path.is_dir() else 'file'} {path.resolve().name}", _of_files(files))


def _of_files(files: list[tuple[str, Path]]) -> Iterator[Document]:
    total = sum(path.stat().st_size for _domain, path in files)
    before = 0
    for domain, path in files:
        size = path.stat().st_size
        for text, share in _READERS[_kind(path)](path):
            yield Document(domain, text, (before + share * size) / max(1, total))
        before += size


def _files(path: Path) -> list[tuple[str, Path]]:
    """Domains and files, in the order of their names. Raises InputError for a link that leads out of the folder."""
    if path.is_file():
        return [(_stem(path), path)] if _kind(path) else []
    found = []
    for entry in sorted(path.iterdir()):
        within = sorted(entry.rglob("*")) if entry.is_dir() else [entry]
        for file in within:
            if any(part.startswith(".") for part in file.relative_to(path).parts) or not _kind(file):
                continue
            if not file.resolve().is_relative_to(path.resolve()):
                raise InputError(f"{file} is a link to {file.resolve()}, outside of the corpus; copy the file there")
            if file.is_file():
                found.append((entry.name if entry.is_dir() else _stem(file), file))
    return found


def _kind(path: Path) -> str:
    """The end of its name that decides how it is read; empty for a file that is not read."""
    return next((kind for kind in _READERS if path.name.endswith(kind)), "")


def _stem(path: Path) -> str:
    return path.name.removesuffix(_kind(path))


def _txt(path: Path) -> Iterator[_Read]:
    if path.stat().st_size > MAX_BYTES:
        raise _too_large(path)
    yield _decoded(path.read_bytes(), str(path)), 1.0


def _jsonl(path: Path) -> Iterator[_Read]:
    with path.open("rb") as file:
        yield from _of_lines(path, file, file)


def _jsonl_gz(path: Path) -> Iterator[_Read]:
    with path.open("rb") as file, gzip.open(file) as unpacked:
        try:
            yield from _of_lines(path, unpacked, file)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"{path} is no whole gzip file ({error}); copy it again") from error


def _of_lines(path: Path, lines: BinaryIO | gzip.GzipFile, file: BinaryIO) -> Iterator[_Read]:
    size = path.stat().st_size
    for number, line in enumerate(iter(lambda: lines.readline(MAX_BYTES + 1), b""), start=1):
        where = f"{path}, line {number}"
        if len(line) > MAX_BYTES:
            raise _too_large(where)
        if not line.strip():
            continue
        try:
            row = json.loads(_decoded(line, where))
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f'{where} is not JSON ({error}); expected an object with "text"') from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            seen = f"the fields {', '.join(map(repr, row))}" if isinstance(row, dict) else type(row).__name__
            raise InputError(f'{where} has {seen[:200]}; expected an object with "text", a string')
        yield row["text"], file.tell() / size


def _csv(path: Path) -> Iterator[_Read]:
    size = path.stat().st_size
    with path.open("rb") as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        rows = csv.DictReader(text)
        try:
            if "text" not in (rows.fieldnames or ()):
                raise InputError(f"{path} has the columns {rows.fieldnames}; expected one called 'text'")
            for row in rows:
                yield row["text"] or "", file.tell() / size
        except csv.Error as error:
            raise InputError(
                f"{path}, after line {rows.line_num}: {error}; write longer texts as JSON lines (*.jsonl)"
            ) from error
        except UnicodeDecodeError as error:
            raise _not_text(f"{path}, after line {rows.line_num},", error) from error


def _parquet(path: Path) -> Iterator[_Read]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            kind = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=True)).get("text")
            if kind not in (pa.string(), pa.large_string()):
                raise InputError(f"{path} has the columns {file.schema_arrow.names}; expected strings called 'text'")
            groups = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
            if max(groups, default=0) > MAX_ROW_GROUP:
                raise InputError(f"{path} has row groups of {max(groups):,} bytes; write it with smaller ones")
            done = 0
            for batch in file.iter_batches(batch_size=64, columns=["text"]):
                for text in batch.column(0):
                    done += 1
                    yield text.as_py() or "", done / file.metadata.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as Parquet ({str(error)[:200]})") from error


def _decoded(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_text(where, error) from error


def _not_text(where: str, error: UnicodeDecodeError) -> InputError:
    return InputError(f"{where} is not UTF-8 text ({error}); convert it, or take it out of the corpus")


def _too_large(where: Path | str) -> InputError:
    return InputError(f"{where} is longer than {MAX_BYTES:,} bytes; cut it into several documents")


_READERS: dict[str, Callable[[Path], Iterator[_Read]]] = {
    ".txt": _txt,
    ".jsonl": _jsonl,
    ".jsonl.gz": _jsonl_gz,
    ".csv": _csv,
    ".parquet": _parquet,
}
