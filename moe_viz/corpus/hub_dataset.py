"""A dataset of the Hugging Face hub as a corpus, read as a stream with the optional package `datasets`.

It is named `hf:owner/name`, and options follow a question mark, as in an address:
`hf:owner/name?config=en&split=test&revision=main&text=body&domain=topic`. By default the split is
`train`, the text is in the column `text`, and the whole dataset is one domain. `domain` names a
column of strings or classes whose values tell the domains apart.

Only data files are read: from version 4 on, `datasets` runs no code of a dataset's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from moe_viz.corpus.document import MAX_BYTES, Document
from moe_viz.errors import InputError

PREFIX = "hf:"
FIRST_VERSION = 4
MOST_DOMAINS = 1000
"""A column with more values than this does not tell domains apart."""


class HubDataset(NamedTuple):
    """A dataset, which of its rows are read, and the meaning of its columns."""

    path: str
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    text: str = "text"
    domain: str | None = None

    def __str__(self) -> str:
        said = [f"{field} {value}" for field, value in self._asdict().items() if field != "path" and value is not None]
        return f"dataset {self.path} ({', '.join(said)})"


def hub_dataset(source: str) -> HubDataset:
    """The dataset that a name such as `hf:owner/name?split=test` describes. Raises InputError for any other name."""
    path, _, options = source.removeprefix(PREFIX).partition("?")
    given = dict(parse_qsl(options, keep_blank_values=True))
    unknown = sorted(set(given) - set(HubDataset._fields[1:]))
    if not path or unknown or not all(given.values()):
        wrong = f"the option {unknown[0]!r} is not known" if unknown else "a name or a value is missing"
        raise InputError(
            f"{source!r}: {wrong}; expected hf:owner/name, followed by ?config=, &split=, &revision=,"
            " &text=, &domain= as needed"
        )
    return HubDataset(path, **given)


def documents_of(dataset: HubDataset) -> Iterator[Document]:
    """The dataset's rows, in its order. Raises InputError if they cannot be read or have no such columns."""
    datasets = _package()
    try:
        rows = datasets.load_dataset(
            dataset.path, dataset.config, split=dataset.split, revision=dataset.revision, streaming=True
        )
        columns = [dataset.text] if dataset.domain is None else [dataset.text, dataset.domain]
        if rows.column_names is not None:
            _check_columns(dataset, columns, rows.column_names)
            rows = rows.select_columns(columns)
        yield from _documents(dataset, rows)
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise InputError(f"{dataset} cannot be read: {reason}") from error


def _package() -> Any:
    """The package `datasets`. Raises InputError if there is none, or one that might run a dataset's code."""
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise InputError("a dataset of the hub needs the package datasets: pip install datasets") from error
    if int(datasets.__version__.split(".")[0]) < FIRST_VERSION:
        raise InputError(
            f"datasets {datasets.__version__} may run code of a dataset's own; expected version {FIRST_VERSION} or"
            " later: pip install --upgrade datasets"
        )
    return datasets


def _check_columns(dataset: HubDataset, wanted: list[str], there: list[str]) -> None:
    if missing := [column for column in wanted if column not in there]:
        raise InputError(
            f"{dataset} has the columns {', '.join(map(repr, there))[:300]}; expected one called {missing[0]!r}:"
            " name the columns with ?text= and &domain="
        )


def _documents(dataset: HubDataset, rows: Any) -> Iterator[Document]:
    split = (rows.info.splits or {}).get(dataset.split)
    total = split.num_examples if split else None
    names = getattr((rows.features or {}).get(dataset.domain), "names", None)  # of a column of classes
    domains = set()
    for number, row in enumerate(rows, start=1):
        text = row.get(dataset.text)
        if not isinstance(text, str | None) or len(text or "") > MAX_BYTES:
            seen = type(text).__name__ if not isinstance(text, str) else f"{len(text):,} characters"
            raise InputError(f"{dataset}, row {number}: {seen} in {dataset.text!r}; expected up to {MAX_BYTES:,}")
        domain = dataset.path.rpartition("/")[2] if dataset.domain is None else row.get(dataset.domain)
        if names and isinstance(domain, int):
            domain = names[domain] if domain >= 0 else None  # -1: without a class
        if not isinstance(domain, str):
            raise InputError(
                f"{dataset}, row {number}: {domain!r:.100} in {dataset.domain!r}; expected a string or a class"
            )
        domains.add(domain)
        if len(domains) > MOST_DOMAINS:
            raise InputError(
                f"{dataset}: {dataset.domain!r} has more than {MOST_DOMAINS:,} values; name another column"
            )
        yield Document(domain, text or "", min(1.0, number / total) if total else None)
