"""Datasets of the hub as corpora: through a stand-in for the package, and through the package where it is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moe_viz import InputError
from moe_viz.corpus import hub_dataset as module
from moe_viz.corpus.files import open_corpus
from moe_viz.corpus.hub_dataset import HubDataset, hub_dataset

ROWS = [{"text": "one", "topic": "a", "kind": 1}, {"text": None, "topic": "b", "kind": 0}]


class Rows:
    """The part of `datasets.IterableDataset` that is used."""

    def __init__(self, rows: list[dict[str, object]], columns: list[str] | None) -> None:
        self.info = SimpleNamespace(splits={"train": SimpleNamespace(num_examples=2)})
        self.features = {"kind": SimpleNamespace(names=["low", "high"])}
        self.rows, self.column_names = rows, columns

    def select_columns(self, names: list[str]) -> Rows:
        return Rows([{name: row[name] for name in names} for row in self.rows], names)

    def __iter__(self) -> Iterator[dict[str, object]]:
        return iter(self.rows)


@pytest.fixture
def package(monkeypatch):
    """The stand-in; `rows` and `columns` are what it gives, `asked` is what it was asked for."""
    found = ModuleType("datasets")
    found.__version__ = "4.0.0"
    found.exceptions = SimpleNamespace(DatasetsError=type("DatasetsError", (Exception,), {}))
    found.rows, found.columns = ROWS, ["text", "topic", "kind"]

    def load_dataset(path: str, name: str | None, **options: object) -> Rows:
        found.asked = (path, name, options)
        return Rows(found.rows, found.columns)

    found.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", found)
    return found


def documents(source: str) -> list[tuple[str, str, float | None]]:
    return [tuple(document) for document in open_corpus(source).documents]


def test_a_name_says_which_rows_and_columns():
    assert hub_dataset("hf:owner/name") == HubDataset("owner/name")
    said = "hf:owner/name?config=en&split=test&revision=v%2F1&text=body&domain=topic"
    assert hub_dataset(said) == HubDataset("owner/name", "en", "test", "v/1", "body", "topic")
    assert str(hub_dataset(said)) == (
        "dataset owner/name (config en, split test, revision v/1, text body, domain topic)"
    )
    for wrong, sentence in (
        ("hf:", "a name or a value is missing"),
        ("hf:owner/name?split=", "a name or a value is missing"),
        ("hf:owner/name?path=x", "the option 'path' is not known"),
        ("hf:owner/name?splt=test", "the option 'splt' is not known; expected hf:owner/name"),
    ):
        with pytest.raises(InputError, match=sentence):
            hub_dataset(wrong)


def test_rows_become_documents_in_their_order(package):
    assert documents("hf:owner/name") == [("name", "one", 0.5), ("name", "", 1.0)]
    assert package.asked == ("owner/name", None, {"split": "train", "revision": None, "streaming": True})
    assert documents("hf:owner/name?config=en&split=test&revision=1&domain=topic") == [
        ("a", "one", None),
        ("b", "", None),
    ]
    assert package.asked == ("owner/name", "en", {"split": "test", "revision": "1", "streaming": True})
    assert [document[0] for document in documents("hf:owner/name?domain=kind")] == ["high", "low"]
    package.columns = None  # not known before they are read
    assert [document[0] for document in documents("hf:owner/name?domain=topic")] == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "source", "sentence"),
    [
        (ROWS, "hf:o/n?text=body", "has the columns 'text', 'topic', 'kind'; expected one called 'body'"),
        (ROWS, "hf:o/n?domain=no", "expected one called 'no'"),
        (ROWS, "hf:o/n?text=kind", "row 1: int in 'kind'; expected"),
        ([*ROWS, {"text": "x", "topic": None, "kind": -1}], "hf:o/n?domain=topic", "row 3: None in 'topic'; expected"),
        ([*ROWS, {"text": "x", "topic": None, "kind": -1}], "hf:o/n?domain=kind", "row 3: None in 'kind'; expected"),
        ([{"text": "x" * 101, "topic": "a", "kind": 0}], "hf:o/n", "row 1: 101 characters in 'text'; expected up to"),
        ([{"text": "x", "topic": str(i), "kind": 0} for i in range(4)], "hf:o/n?domain=topic", "more than 3 values"),
    ],
)
def test_what_cannot_be_read_is_named(rows, source, sentence, package, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    monkeypatch.setattr(module, "MOST_DOMAINS", 3)
    package.rows = rows
    with pytest.raises(InputError, match=sentence) as raised:
        documents(source)
    assert "cannot be read" not in str(raised.value)


def test_what_the_package_says_is_passed_on(package, monkeypatch):
    for error in (package.exceptions.DatasetsError("no such dataset"), ConnectionError("no network"), ValueError()):

        def load_dataset(*_args: object, _error: Exception = error, **_options: object) -> Rows:
            raise _error

        monkeypatch.setattr(package, "load_dataset", load_dataset)
        with pytest.raises(InputError, match=str(error) or "ValueError"):
            documents("hf:owner/name")


def test_without_the_package_or_with_one_that_may_run_code(package, monkeypatch):
    package.__version__ = "3.6.0"
    with pytest.raises(InputError, match=r"datasets 3\.6\.0 may run code .* version 4 or later"):
        documents("hf:owner/name")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match="needs the package datasets: pip install datasets"):
        documents("hf:owner/name")


def test_the_real_package_reads_a_folder_of_files(tmp_path):
    datasets = pytest.importorskip("datasets")
    table = pa.table({"body": ["one", "two", None], "topic": ["a", "b", "a"]})
    pq.write_table(table, tmp_path / "train.parquet")
    source = f"hf:{tmp_path}?text=body&domain=topic"
    assert documents(source) == [("a", "one", None), ("b", "two", None), ("a", "", None)]
    classes = datasets.Dataset.from_dict({"text": ["x", "y"], "label": [1, 0]})
    folder = tmp_path / "classes"
    folder.mkdir()
    classes.cast_column("label", datasets.ClassLabel(names=["low", "high"])).to_parquet(folder / "test.parquet")
    assert documents(f"hf:{folder}?split=test&domain=label") == [("high", "x", None), ("low", "y", None)]
    assert {domain for domain, _text, _share in documents(f"hf:{folder}?split=test")} == {"classes"}
    for wrong, sentence in (
        ("?split=nope", "cannot be read: Bad split: nope"),
        ("?config=nope", "cannot be read: BuilderConfig 'nope' not found"),
        ("", "expected one called 'text'"),
    ):
        with pytest.raises(InputError, match=sentence):
            documents(f"hf:{tmp_path}{wrong}")
    script = tmp_path / "code" / "code.py"
    script.parent.mkdir()
    script.write_text("raise SystemExit('it ran')")
    with pytest.raises(InputError, match="cannot be read"):
        documents(f"hf:{script.parent}")
