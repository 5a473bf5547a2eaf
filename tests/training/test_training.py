"""The way from text to the bundled model's files, on invented text and a model of a few thousand weights."""

import gzip
import json
import random
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from moe_viz.data.training_recording import TrainingRecording
from training.__main__ import finish, learn
from training.architecture import Shape, build_model
from training.corpus import Split, Windows, encode_streams, end_of_text_id, read_corpus
from training.evaluate import held_out
from training.export import read_work
from training.loop import BALANCED, UNBALANCED, Recipe, train
from training.reading import read
from training.tokenizer import train_tokenizer

SHAPE = Shape(layers=2, experts=4, top_k=2, hidden=16, expert_width=8, heads=2, key_value_heads=1, head_width=8)
RECIPE = Recipe(steps=8, tokens_per_step=256, window=32, long_window=64, warmup_steps=2, often=("digits",))


def invented(kind: str, count: int) -> list[str]:
    """Documents of one kind: lines of digits, of syllables, of brackets, or of Cyrillic letters."""
    rng = random.Random(f"{kind} {count}")
    parts = {
        "digits": [str(n) for n in range(100, 160)],
        "syllables": ["ba", "ko", "li", "mu", "ne", "so"],
        "brackets": ["(a)", "[b]", "{c};", "<d/>"],
        "cyrillic": ["да", "нет", "вот", "там"],
    }[kind]
    return ["\n".join(" ".join(rng.choices(parts, k=12)) for _ in range(rng.randint(30, 50))) for _ in range(count)]


@pytest.fixture(scope="module")
def domains() -> dict[str, Split]:
    kinds = ("brackets", "cyrillic", "digits", "syllables")
    return {kind: Split(invented(kind, 12), invented(kind, 3)) for kind in kinds}


@pytest.fixture(scope="module")
def probes() -> dict[str, list[str]]:
    return {kind: [text[:150] for text in invented(kind, 4)] for kind in ("digits", "brackets", "syllables")}


@pytest.fixture(scope="module")
def tokenizer(domains: dict[str, Split]) -> Tokenizer:
    return train_tokenizer(domains, 400)


@pytest.fixture(scope="module")
def finished(
    domains: dict[str, Split], probes: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Working folder and result of the whole way, with one thread, as the command runs it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    work, out = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("out")
    learn(domains, RECIPE, work, SHAPE)
    finish(domains, {"CPython": "0"}, probes, work, out, SHAPE)
    torch.set_num_threads(threads)
    return work, out


class WindowsUntil(Windows):
    """Windows that end the run when step `last` asks for its batch."""

    last = 5

    def batch(self, step: int, rows: int, length: int) -> torch.Tensor:
        if step == self.last:
            raise KeyboardInterrupt
        return super().batch(step, rows, length)


def test_the_result_loads_by_its_folder_and_computes_what_was_trained(finished, domains):
    work, out = finished
    trained = read_work(work, SHAPE)
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    ids = torch.tensor([AutoTokenizer.from_pretrained(out)(domains["digits"].heldout[0]).input_ids[:50]])
    assert ids.tolist()[0] == trained.tokenizer.encode(domains["digits"].heldout[0]).ids[:50]
    rounded = trained.model.to(torch.bfloat16).float().eval()
    torch.testing.assert_close(model(ids).logits, rounded(ids).logits, rtol=1e-4, atol=1e-4)


def test_the_configuration_says_what_was_trained(finished):
    _, out = finished
    config = json.loads((out / "config.json").read_text())
    assert config["architectures"] == ["Qwen3MoeForCausalLM"]
    assert config["max_position_embeddings"] == 1024
    assert config["router_aux_loss_coef"] == RECIPE.balance
    assert config["dtype"] == "bfloat16"


def test_the_exported_tokenizer_knows_the_end_of_text(finished):
    _, out = finished
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert tokenizer.decode([tokenizer.eos_token_id]) == "<|endoftext|>"
    assert tokenizer.pad_token_id == tokenizer.eos_token_id


def test_a_second_call_finds_the_training_done_and_changes_nothing(finished, domains):
    work, _ = finished
    before = (work / BALANCED / "checkpoint.pt").read_bytes()
    learn(domains, RECIPE, work, SHAPE)
    assert (work / BALANCED / "checkpoint.pt").read_bytes() == before


def test_another_recipe_is_refused(finished, domains):
    work, _ = finished
    with pytest.raises(ValueError, match="belongs to another recipe"):
        learn(domains, Recipe(steps=9), work, SHAPE)


def test_a_run_that_was_cut_off_ends_in_the_same_weights(finished, domains, tmp_path):
    work, _ = finished
    whole = read_work(work, SHAPE).model.state_dict()
    (tmp_path / "tokenizer.json").write_bytes((work / "tokenizer.json").read_bytes())
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    streams = encode_streams(domains, tokenizer, tmp_path / "tokens.npz")
    first = build_model(tokenizer.get_vocab_size(), end_of_text_id(tokenizer), RECIPE.seed, SHAPE)
    (tmp_path / BALANCED).mkdir()
    windows = WindowsUntil(streams, tokenizer, RECIPE.seed, RECIPE.often)
    with pytest.raises(KeyboardInterrupt):
        train(first, windows, RECIPE, tmp_path / BALANCED, save_seconds=0)
    assert read_work(tmp_path, SHAPE).steps == WindowsUntil.last
    learn(domains, RECIPE, tmp_path, SHAPE)
    resumed = read_work(tmp_path, SHAPE).model.state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert {p.name for p in (tmp_path / BALANCED / "recorded").iterdir()} == {f"{n}.pt" for n in RECIPE.recorded()}


def test_the_unbalanced_run_starts_alike_and_parts(finished):
    work, _ = finished
    start, later = (
        [torch.load(work / run / "recorded" / f"{step}.pt") for run in (BALANCED, UNBALANCED)] for step in (0, 8)
    )
    assert all(torch.equal(start[0][name], start[1][name]) for name in start[0])
    assert not all(torch.equal(later[0][name], later[1][name]) for name in later[0])


def test_states_are_kept_from_the_start_to_the_end_evenly_on_a_log_scale():
    kept = Recipe(steps=3000).recorded()
    assert (kept[0], kept[-1]) == (0, 3000)
    assert len(kept) >= 12
    ratios = [later / earlier for earlier, later in pairwise(kept[1:-1])]
    assert max(ratios) < 1.7
    assert min(ratios) > 1.4
    assert 1 < kept[-1] / kept[-2] < 1.7


def test_the_recording_is_of_the_exported_model(finished, probes):
    _, out = finished
    lapse = TrainingRecording.load(out / "training_recordings" / "balanced.moerecording")
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    own = Tokenizer.from_file(str(out / "tokenizer.json"))
    watched = [text for kind in probes for text in probes[kind][:2]]
    assert lapse.token_ids.tolist() == [token for text in watched for token in own.encode(text).ids]
    readings = read(model, [own.encode(text).ids for text in watched])
    assert lapse.trace(0, 5).text == probes["brackets"][1]
    fresh = np.concatenate([reading.experts for reading in readings], axis=1)
    assert (lapse.expert_ids[-1] != fresh).mean() < 0.005  # near ties, which rounding decides
    assert lapse.domains == tuple(probes)
    assert lapse.counts.sum(axis=-1).tolist() == [
        [[2 * len(own.encode(text).ids)] * SHAPE.layers for texts in probes.values() for text in texts]
    ] * len(lapse.updates)
    unbalanced = TrainingRecording.load(out / "training_recordings" / "unbalanced.moerecording")
    assert (lapse.balance, unbalanced.balance) == (RECIPE.balance, 0)
    assert (unbalanced.expert_ids[0] != lapse.expert_ids[0]).mean() < 0.005


def test_an_unfinished_checkpoint_can_be_exported_and_its_card_says_so(finished, domains, probes, tmp_path):
    work, _ = finished
    shutil.copytree(work, tmp_path / "work")
    checkpoint = tmp_path / "work" / BALANCED / "checkpoint.pt"
    torch.save({**torch.load(checkpoint, weights_only=True), "step": 3}, checkpoint)
    finish(domains, {}, probes, tmp_path / "work", tmp_path / "out", SHAPE)
    assert "intermediate state: 3 of 8 steps" in (tmp_path / "out" / "README.md").read_text()


def test_nothing_to_export_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="train first"):
        read_work(tmp_path)


def test_the_card_states_what_was_measured(finished, domains):
    _, out = finished
    card = (out / "README.md").read_text()
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert "intermediate" not in card
    assert f"{evaluation['parameters']['total']:,}" in card
    assert "8 of 8 steps of 256 tokens: 2,048 tokens" in card
    for name in domains:
        assert f"| {name} | {evaluation['domains'][name]['loss_nats_per_token']:.2f} |" in card
    assert len(evaluation["layers"]) == SHAPE.layers


def test_active_parameters_are_those_that_one_token_uses(finished):
    _, out = finished
    counts = json.loads((out / "evaluation.json").read_text())["parameters"]
    tensors = dict(AutoModelForCausalLM.from_pretrained(out).named_parameters())
    experts = [p for name, p in tensors.items() if ".experts." in name]
    assert counts["total"] == sum(p.numel() for p in tensors.values())
    assert counts["total"] - counts["active"] == sum(p.numel() for p in experts) // 2  # 2 of 4 are used


def test_a_reading_is_that_of_the_model_by_itself(finished, domains):
    _, out = finished
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    own = Tokenizer.from_file(str(out / "tokenizer.json"))
    texts = [own.encode(text).ids[: 30 + 17 * i] for i, text in enumerate(domains["syllables"].heldout)]
    for first in (end_of_text_id(own), None):
        for ids, reading in zip(texts, read(model, texts, first), strict=True):
            row = torch.tensor([[*([] if first is None else [first]), *ids]])
            assert np.nanmean(reading.losses) == pytest.approx(model(row, labels=row).loss.item(), rel=1e-5)
            assert np.isnan(reading.losses).sum() == (first is None)
            assert reading.experts.shape == reading.weights.shape == (SHAPE.layers, len(ids), SHAPE.top_k)
            assert (reading.experts[..., 0] != reading.experts[..., 1]).all()
            np.testing.assert_allclose(reading.weights.sum(axis=-1), 1, rtol=1e-5)
            assert (reading.counts(SHAPE.experts).sum(axis=1) == 2 * len(ids)).all()


def test_held_out_documents_are_cut_at_a_token(tokenizer):
    kept = held_out(["ab " * 40, "1 2"], tokenizer, 8)
    assert [len(ids) for ids in kept.tokens] == [8, 3]
    assert [tokenizer.encode(text).ids for text in kept.texts] == list(kept.tokens)


def test_a_domain_without_enough_held_out_text_is_named(finished, domains, probes, tmp_path):
    work, _ = finished
    shutil.copytree(work, tmp_path / "work")
    few = {**domains, "digits": Split(domains["digits"].train, domains["digits"].heldout[:1])}
    with pytest.raises(ValueError, match="'digits' has fewer than two held-out documents"):
        finish(few, {}, probes, tmp_path / "work", tmp_path / "out", SHAPE)


def test_a_corpus_folder_is_read_by_domain(tmp_path):
    for part, text in (("train", "known"), ("heldout", "new")):
        (tmp_path / part).mkdir()
        with gzip.open(tmp_path / part / "verse.jsonl.gz", "wt", encoding="utf-8") as lines:
            lines.write(json.dumps({"text": text}) + "\n")
    read = read_corpus(tmp_path, tmp_path / "none")
    assert read["verse"] == Split(["known"], ["new"])
    assert not set(read["python"].train) & set(read["python"].heldout)


def test_a_folder_without_text_says_what_to_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="name the folder that holds train/ and heldout/"):
        read_corpus(tmp_path, tmp_path)
