"""Reading corpora: each kind of file, in order, and a sentence with the file's name for what cannot be read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moe_viz import InputError
from moe_viz.corpus import files as corpus
from moe_viz.corpus.files import open_corpus
from moe_viz.probes import TITLES, probe_texts

LINES = "".join(json.dumps({"text": text}) + "\n" for text in ("un", "deux\ntrois", "é猫"))


def documents(path: Path | str) -> list[tuple[str, str]]:
    return [(document.domain, document.text) for document in open_corpus(path).documents]


def test_every_kind_of_file(tmp_path):
    (tmp_path / "a.txt").write_text("one text", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text("\n" + LINES, encoding="utf-8")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(LINES.encode()))
    (tmp_path / "d.csv").write_bytes(b'\xef\xbb\xbfid,text\r\n1,"x, ""y"""\r\n2,"two\nlines"\r\n3\r\n')
    pq.write_table(pa.table({"id": [1, 2], "text": ["p", None]}), tmp_path / "e.parquet")
    folder = tmp_path / "f" / "deeper"
    folder.mkdir(parents=True)
    (folder / "2.txt").write_text("second", encoding="utf-8")
    (folder / "1.jsonl").write_text('{"text": "first", "other": 1}', encoding="utf-8")
    (tmp_path / "README.md").write_text("left out")
    (tmp_path / ".hidden.txt").write_text("left out")
    of_lines = ["un", "deux\ntrois", "é猫"]
    assert documents(tmp_path) == [
        ("a", "one text"),
        *(("b", text) for text in of_lines),
        *(("c", text) for text in of_lines),
        *(("d", text) for text in ('x, "y"', "two\nlines", "")),
        *(("e", text) for text in ("p", "")),
        *(("f", text) for text in ("first", "second")),
    ]
    shares = [document.share for document in open_corpus(tmp_path).documents]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert open_corpus(tmp_path).name == f"folder {tmp_path.name}"
    assert documents(tmp_path / "c.jsonl.gz") == [("c", text) for text in of_lines]


def test_the_probes_and_mappings():
    assert {document.domain for document in open_corpus("probes").documents} == set(TITLES)
    assert [d.text for d in open_corpus("probes").documents] == [t for of in probe_texts().values() for t in of]
    found = list(open_corpus({"a": ["x", "y"], "b": ("z",)}).documents)
    assert [(d.domain, d.text, d.share) for d in found] == [("a", "x", 1 / 3), ("a", "y", 2 / 3), ("b", "z", 1)]
    for wrong, sentence in (({"a": "one"}, "is one string"), ({"a": [b"x"]}, "has a bytes among its texts")):
        with pytest.raises(InputError, match=sentence):
            list(open_corpus(wrong).documents)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("x.txt", b"\xff\xfe", "x.txt is not UTF-8 text"),
        ("x.jsonl", b'{"text": "a"}\n{"text": "\xff"}', "x.jsonl, line 2 is not UTF-8"),
        ("x.jsonl", b'{"text": "a"}\nhello', "x.jsonl, line 2 is not JSON"),
        ("x.jsonl", b"[" * 100_000, "line 1 is not JSON"),
        ("x.jsonl", b'{"body": "a"}', "line 1 has the fields 'body'; expected an object with \"text\""),
        ("x.jsonl", b'{"text": 3}', 'expected an object with "text", a string'),
        ("x.jsonl", b'["a"]', "line 1 has list; expected"),
        ("x.jsonl.gz", b"no gzip", "no whole gzip file"),
        ("x.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)[:-9], "no whole gzip file"),
        ("x.csv", b"body\r\na\r\n", r"the columns \['body'\]; expected one called 'text'"),
        ("x.csv", b"", "expected one called 'text'"),
        ("x.csv", b"text\r\n" + b"a" * 200_000, "after line 1: field larger than field limit"),
        ("x.csv", b"text\r\n\xff\xff", "is not UTF-8 text"),
        ("x.parquet", b"PAR1 no", "cannot be read as Parquet"),
    ],
)
def test_what_cannot_be_read_is_named(name, content, sentence, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        documents(tmp_path)


def test_sizes_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "MAX_BYTES", 1000)
    monkeypatch.setattr(corpus, "MAX_ROW_GROUP", 10)
    (tmp_path / "a.txt").write_text("a" * 1001)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(json.dumps({"text": "b" * 10**6}).encode()))
    pq.write_table(pa.table({"text": ["c" * 100]}), tmp_path / "c.parquet")
    for name, sentence in (
        ("a.txt", "longer than 1,000"),
        ("b.jsonl.gz", "line 1 is longer"),
        ("c.parquet", "smaller"),
    ):
        with pytest.raises(InputError, match=sentence):
            documents(tmp_path / name)


def test_a_parquet_file_without_strings_called_text(tmp_path):
    pq.write_table(pa.table({"text": [1]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="expected strings called 'text'"):
        documents(tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "x.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(InputError, match=r"is a link to .*secret\.txt, outside of the corpus"):
        documents(tmp_path / "corpus")


def test_no_corpus_and_an_empty_one(tmp_path):
    with pytest.raises(InputError, match="there is no corpus 'nowhere'"):
        open_corpus("nowhere")
    (tmp_path / "x.md").write_text("not of a known kind")
    with pytest.raises(InputError, match=r"has no text: expected .* of \.txt, \.jsonl"):
        open_corpus(tmp_path)
