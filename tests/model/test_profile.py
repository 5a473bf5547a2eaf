"""Profiles of real models: what a corpus run reads is what a trace reads, and what the bundled profile says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

import moe_viz
from moe_viz import ExpertProfile, InputError
from moe_viz.cli.main import main
from moe_viz.corpus.document import Corpus, in_turn
from moe_viz.corpus.measure import measure
from moe_viz.corpus.reading import CorpusReader
from moe_viz.data.routing import Routing
from moe_viz.metrics.domains import domain_information
from moe_viz.metrics.losses import load_balancing_loss, pooled_load_balancing_loss
from moe_viz.model.running.read_routed import PASS_TOKENS, read_routed, routed_provenance, routed_sites
from moe_viz.probes import probe_texts
from moe_viz.profiles.routed_batch import document_key
from moe_viz.profiles.schema import array_fields
from tests.agreement import assert_agree
from tests.tiny_models import CONFIGS, tiny_model, token_ids

PROBES = Path(moe_viz.__file__).parent / "demo" / "probes.moeprofile"


@pytest.fixture(scope="module")
def demo():
    torch.set_num_threads(1)
    with moe_viz.load("demo") as model:
        yield model


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("together", [0, 12, 1024])
def test_a_corpus_run_reads_what_a_trace_reads(name, together, monkeypatch):
    monkeypatch.setattr("moe_viz.model.running.read_routed.PASS_TOKENS", together)
    model = moe_viz.attach(tiny_model(name))
    windows = [np.array(token_ids(count), dtype=np.int32) for count in (17, 1, 5, 6, 1)]
    for ids, routing in zip(windows, read_routed(model, windows), strict=True):
        trace = model.trace(token_ids=ids.tolist())
        assert routed_sites(model) == trace.sites
        if together:
            parts = {name: part for name, part in routing._asdict().items() if name != "predicted"}
            assert_agree(replace(trace, **parts), trace)
            if routing.predicted is not None:
                likely = trace.next_tokens.probabilities
                clear = likely[:, 0] > 1.001 * likely[:, 1]
                np.testing.assert_array_equal(routing.predicted[clear], trace.next_tokens.token_ids[clear, 0])
            continue
        for part, expected in zip(routing, Routing.of(trace), strict=True):
            np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize(("batches", "passes"), [(True, [(2, 1), (2, 6), (1, 17)]), (False, [(1, 1)] * 2)])
def test_runs_of_about_one_length_share_a_pass_where_the_routing_allows_it(batches, passes, monkeypatch):
    monkeypatch.setattr("moe_viz.model.running.read_routed.PASS_TOKENS", 12)
    model = moe_viz.attach(tiny_model("olmoe" if batches else "switch_transformers"))
    assert model.batches == batches
    seen = []
    model.hf_model.register_forward_pre_hook(
        lambda _module, _args, inputs: seen.append(tuple(inputs["input_ids"].shape)), with_kwargs=True
    )
    lengths = (17, 1, 5, 6, 1) if batches else (1, 1)
    read_routed(model, [np.array(token_ids(count), dtype=np.int32) for count in lengths])
    assert seen == passes


def test_a_profile_says_where_sharing_a_pass_may_move_a_choice():
    for name, dtype, notes in (
        ("olmoe", torch.float32, 0),
        ("olmoe", torch.bfloat16, 1),
        ("switch_transformers", torch.bfloat16, 0),
    ):
        model = moe_viz.attach(tiny_model(name).to(dtype))
        added = routed_provenance(model).notes[len(model.provenance().notes) :]
        assert len(added) == notes
        assert all("bfloat16" in note for note in added)


def test_a_run_that_was_stopped_and_gone_on_with_is_the_whole_run_to_the_last_bit(demo, tmp_path, monkeypatch):
    monkeypatch.setattr("moe_viz.corpus.reading.BATCH_TOKENS", 400)
    texts = {domain: texts[:4] for domain, texts in probe_texts().items() if domain in ("chess", "french", "law")}
    asked = iter([False, True] * 20)
    out = tmp_path / "x.moeprofile"
    stops = 0
    while not moe_viz.profile(demo, texts, out=out, stop=lambda: next(asked)).complete:
        stops += 1
    assert stops
    found = ExpertProfile.load(out)
    assert found == replace(moe_viz.profile(demo, texts), runs=found.runs)  # which say when each began


def test_nothing_is_left_on_the_model(demo):
    before = [module.__dict__.get("forward") for module in demo.hf_model.modules()]
    read_routed(demo, [np.arange(5, 15, dtype=np.int32)])
    assert [module.__dict__.get("forward") for module in demo.hf_model.modules()] == before


def test_a_profile_counts_what_the_traces_hold(demo, monkeypatch):
    """Bit for bit, as each text has a pass of its own here as it has there."""
    monkeypatch.setattr("moe_viz.model.running.read_routed.PASS_TOKENS", 0)
    texts = {domain: texts[:2] for domain, texts in probe_texts().items() if domain in ("chess", "french")}
    profile = moe_viz.profile(demo, texts)
    traced = ExpertProfile.of_traces({domain: map(demo.trace, of_domain) for domain, of_domain in texts.items()})
    counts = ("selections", "scored_tokens", "repeats", "pairs", "transitions")
    for name in (*counts, "gate_units", "probability_units", "square_units"):
        np.testing.assert_array_equal(getattr(profile, name), getattr(traced, name))
    np.testing.assert_array_equal(profile.occurrences, traced.occurrences)
    assert profile.token_tables == traced.token_tables
    assert profile.token_texts[demo.tokenizer(" d4")["input_ids"][0]] == demo.tokenizer.decode(
        demo.tokenizer(" d4")["input_ids"][:1]
    )


def test_a_page_and_the_command_measure_the_same(demo):
    """The page takes texts in turn and leaves the model to others between passes; a long text is read whole."""
    texts = {domain: texts[:3] for domain, texts in probe_texts().items() if domain in ("chess", "law", "python")}
    texts["long"] = [" ".join(probe_texts()["law"][:20])]
    reader = CorpusReader(demo)
    steps = list(measure(reader, Corpus("texts", in_turn(texts))))
    page, command = steps[-1].profile(reader), moe_viz.profile(demo, texts)
    assert page.tokens_by_domain()[page.domains.index("long")] > demo.context
    assert len(steps) > page.tokens.sum() // PASS_TOKENS
    for name in array_fields(page):
        found, expected = getattr(page, name), getattr(command, name)
        if name.endswith("_units"):  # float32 rounds otherwise beside others
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2**12, err_msg=name)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=name)
    assert (page.token_tables, page.group_table) == (command.token_tables, command.group_table)
    assert page.token_texts == command.token_texts


def test_the_pooled_loss_is_that_of_transformers():
    hf_model = tiny_model("mixtral")
    ids = token_ids(50)
    with torch.no_grad():
        logits = hf_model(torch.tensor([ids]), output_router_logits=True).router_logits
    expected = float(load_balancing_loss_func(tuple(logits), num_experts=8, top_k=2))
    profile = ExpertProfile.of_traces({"a": [moe_viz.attach(hf_model).trace(token_ids=ids)]})
    counts, probabilities = profile.counts()[0], profile.mean_probabilities()[0]
    assert pooled_load_balancing_loss(counts, probabilities, top_k=2) == pytest.approx(expected, rel=1e-5)
    by_layer = [float(load_balancing_loss_func((layer,), num_experts=8, top_k=2)) / 2 for layer in logits]
    np.testing.assert_allclose(load_balancing_loss(counts, probabilities), by_layer, rtol=1e-5)


def test_the_bundled_profile_is_of_the_bundled_model_over_the_bundled_texts(demo):
    profile = ExpertProfile.load(PROBES)
    [run] = profile.runs
    assert run.complete
    assert run.documents == profile.block_documents.sum() == sum(map(len, probe_texts().values())) == 456
    assert (run.provenance.model, run.provenance.revision) == ("demo", demo.revision)
    assert profile.sites == demo.sites
    keys = {document_key(text.encode()) for texts in probe_texts().values() for text in texts}
    assert set(profile.block_key.tolist()) == keys
    for texts in list(probe_texts().values())[::4]:
        trace = demo.trace(texts[3])
        [block] = np.flatnonzero(profile.block_key == document_key(texts[3].encode()))
        assert profile.block_tokens[block] == len(trace)
        again = ExpertProfile.of_traces({"a": [trace]}).block_selections[0]
        moved = np.abs(again - profile.block_selections[block]).sum() / again.sum()
        assert moved <= 0.005  # another machine may round a near tie the other way


def test_the_bundled_profile_of_held_out_documents_is_of_the_bundled_model_and_small(demo):
    path = PROBES.with_name("heldout.moeprofile")
    profile = ExpertProfile.load(path)
    [run] = profile.runs
    assert run.complete
    assert (run.provenance.model, run.provenance.revision) == ("demo", demo.revision)
    assert profile.sites == demo.sites
    assert profile.domains == tuple(sorted(probe_texts()))
    assert path.stat().st_size < 1.5e6
    card = json.loads((path.parent / "evaluation.json").read_text(encoding="utf-8"))
    stated = [layer["domain_information"]["value"] for layer in card["layers"]]  # over more of each document
    np.testing.assert_allclose(domain_information(profile.counts()), stated, rtol=0.1)


def test_the_bundled_profile_says_what_the_card_says():
    profile = ExpertProfile.load(PROBES)
    card = json.loads((PROBES.parent / "evaluation.json").read_text(encoding="utf-8"))
    stated = [layer["domain_information_probes"]["value"] for layer in card["layers"]]
    np.testing.assert_allclose(domain_information(profile.counts()), stated, atol=2e-3)


def test_the_command_writes_goes_on_and_says_what_it_found(tmp_path, capsys, monkeypatch):
    corpus, out = tmp_path / "corpus", tmp_path / "x.moeprofile"
    corpus.mkdir()
    for domain in ("chess", "python"):
        rows = (json.dumps({"text": text}) for text in probe_texts()[domain][:3])
        (corpus / f"{domain}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    command = ["profile", "--model", "demo", "--corpus", str(corpus), "--out", str(out), "--max-tokens", "60"]
    monkeypatch.setattr("moe_viz.corpus.reading.BATCH_TOKENS", 100)
    with monkeypatch.context() as patched:
        calls = iter([None, None])
        inner = read_routed

        def interrupted(*args):
            if next(calls, KeyboardInterrupt) is KeyboardInterrupt:
                raise KeyboardInterrupt
            return inner(*args)

        patched.setattr("moe_viz.model.running.read_routed.read_routed", interrupted)
        assert main(command) == 1
    printed = capsys.readouterr()
    assert "stopped; " in printed.err
    assert "keeps what is done, and the same command continues it" in printed.err
    assert not ExpertProfile.load(out).complete
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "documents," in printed.err
    assert f"demo: {2 * 3 * 60} tokens of 6 documents in 2 domains\n" in printed.out
    assert len(printed.out.splitlines()) == 2 + 6
    assert main([*command[:-1], "61"]) == 1
    assert "this run is not a part of it" in capsys.readouterr().err


def test_a_model_without_a_tokenizer_is_refused():
    with pytest.raises(InputError, match="without a tokenizer"):
        moe_viz.profile(moe_viz.attach(tiny_model("olmoe")), {"a": ["text"]})
