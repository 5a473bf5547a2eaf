"""The command line, as a person starts it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import moe_viz
from moe_viz.cli.main import main
from tests.agreement import assert_agree


def test_trace_writes_a_file_and_prints_json(tmp_path, capsys):
    out = tmp_path / "x.moetrace"
    assert main(["trace", "--model", "demo", "--text", "def area(r):", "--out", str(out), "--json"]) == 0
    trace = moe_viz.RoutingTrace.load(out)
    printed = json.loads(capsys.readouterr().out)
    assert "".join(printed["tokens"]) == trace.text == "def area(r):"
    np.testing.assert_array_equal(printed["expert_ids"], trace.expert_ids)
    np.testing.assert_array_equal(np.float32(printed["gate_weights"]), trace.gate_weights)
    np.testing.assert_array_equal(np.float32(printed["router_logits"]), trace.router_logits)
    assert printed["provenance"]["model"] == "demo"


def test_a_file_and_standard_input_give_the_same(tmp_path):
    text = "1. e4 e5 春眠\n"
    (tmp_path / "t.txt").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "moe_viz", "trace", "--out"]
    piped, filed = tmp_path / "piped.moetrace", tmp_path / "filed.moetrace"
    subprocess.run([*command, piped, "--text", "-"], input=text.encode(), capture_output=True, check=True)
    subprocess.run([*command, filed, "--file", tmp_path / "t.txt"], capture_output=True, check=True)
    one, other = map(moe_viz.RoutingTrace.load, (piped, filed))
    assert one.text == text
    assert_agree(one, other)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--text", "a"], "say what to do with the trace"),
        (["--text", " ", "--json"], "the text is empty"),
        (["--text", "a", "--json", "--model", "nowhere"], "there is no model 'nowhere'"),
        (["--text", "a", "--json", "--device", "cuda:99"], "there is no device 'cuda:99' here"),
        (["--text", "a", "--json", "--dtype", "int8"], "dtype 'int8' is not known"),
        (["--text", "a", "--json", "--quantization", "1-bit"], "quantization '1-bit' is not known"),
        (["--file", "/no/such/file", "--json"], "No such file"),
        (["--text", "a", "--out", "/no/such/folder/x.moetrace"], "No such file"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_status_1(arguments, sentence, capsys):
    assert main(["trace", *arguments]) == 1
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert "Traceback" not in printed.err
    assert not printed.out


def test_a_file_that_is_not_text(tmp_path, capsys):
    path = tmp_path / "x.bin"
    path.write_bytes(b"\xff\xfe\x00")
    assert main(["trace", "--file", str(path), "--json"]) == 1
    assert "is not UTF-8 text" in capsys.readouterr().err


def test_where_and_how_the_model_runs_can_be_said(tmp_path):
    out = tmp_path / "x.moetrace"
    chosen = ["--device", "cpu", "--dtype", "bfloat16"]
    assert main(["trace", "--text", "1. e4", "--out", str(out), *chosen]) == 0
    provenance = moe_viz.RoutingTrace.load(out).provenance
    assert (provenance.device, provenance.dtype) == ("cpu", "bfloat16")


def test_progress_is_drawn_in_a_terminal_alone(capsys, monkeypatch, tmp_path):
    command = ["trace", "--text", "a", "--out", str(tmp_path / "x.moetrace")]
    assert main(command) == 0
    assert capsys.readouterr().err == f"{command[-1]}: 1 tokens, 6 routers\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(command) == 0
    drawn = capsys.readouterr().err.split("\r\033[K")
    assert drawn[1] == "looking"
    assert drawn[-2] == "checking"
    assert "reading weights 100%" in drawn
    assert drawn[-1] == f"{command[-1]}: 1 tokens, 6 routers\n"


def test_families_prints_what_is_proven_of_each(capsys):
    assert main(["families"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("mixtral ")).split() == [
        *("mixtral", "softmax,", "normalised", "block", "yes", "yes", "same", "same"),
        *("eager,", "batched_mm,", "grouped_mm", "MixtralForCausalLM"),
    ]
    assert any(line.startswith("nllb_moe: A fault in transformers") for line in lines)
