"""The parts of training that have laws: tokenizer, losses, experts, optimizer, read-out."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from torch.nn import functional

from training.architecture import Shape, build_model
from training.compression import xz_bits_per_byte
from training.corpus import Split
from training.experts import SORTED
from training.muon import Muon, orthogonalized
from training.objective import Balance, RouterOutput, next_token_loss
from training.readout import LAST, chosen_lately, mixed_text
from training.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = ["ba ko ba ko ne so", "да нет вот там", "(a) [b] {c}; 100 200"]
    return train_tokenizer({"invented": Split(texts * 20, [])}, 300)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_string_comes_back_and_costs_its_bytes(tokenizer, text):
    encoding = tokenizer.encode(text)
    assert tokenizer.decode(encoding.ids, skip_special_tokens=False) == text
    assert sum(len(token) for token in encoding.tokens) == len(text.encode())


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "🙂👩‍👩‍👧", "學而時習之", "\r\n\t  x ", "e\u0301", "٣ 3"])
def test_odd_strings_come_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_digits_stay_single(tokenizer):
    assert tokenizer.encode("100123").tokens == list("100123")


@pytest.mark.parametrize("count", [1, 512, 700])
def test_chunked_loss_equals_torch(count):
    torch.manual_seed(count)
    hidden = torch.randn(count, 8, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(30, 8, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(30, (count,))
    ours = next_token_loss(hidden, weight, targets)
    theirs = functional.cross_entropy(hidden @ weight.T, targets)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    scaled = torch.autograd.grad(3 * ours, (hidden, weight))
    expected = torch.autograd.grad(3 * theirs, (hidden, weight))
    for got, want in zip(scaled, expected, strict=True):
        torch.testing.assert_close(got, want)


def routed(logits: torch.Tensor, top_k: int) -> RouterOutput:
    weights, experts = logits.softmax(dim=-1).topk(top_k, dim=-1)
    return RouterOutput(logits, weights, experts)


def test_balancing_is_one_when_even_and_the_number_of_experts_when_collapsed():
    balance = Balance(layers=2, experts=4)
    balance.MEMORY = 0.0
    even = routed(50 * torch.eye(4).repeat(3, 1), 1)
    collapsed = routed(torch.tensor([[50.0, 0, 0, 0]]).repeat(6, 1), 1)
    np.testing.assert_allclose(balance([even, collapsed]), [1, 4], rtol=1e-6)


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_balancing_equals_a_loop_over_remembered_batches(top_k):
    torch.manual_seed(top_k)
    balance = Balance(layers=1, experts=5)
    share = [1 / 5] * 5
    for _ in range(3):
        logits = torch.randn(20, 5)
        total = 0.0
        for expert in range(5):
            chosen = [expert in sorted(range(5), key=lambda e: -row[e].item())[:top_k] for row in logits]
            probability = [np.exp(row[expert].item()) / np.exp(row.numpy()).sum() for row in logits]
            share[expert] = 0.95 * share[expert] + 0.05 * sum(chosen) / (20 * top_k)
            total += share[expert] * sum(probability) / 20
        assert balance([routed(logits, top_k)]).item() == pytest.approx(5 * total, rel=1e-5)
    np.testing.assert_allclose(balance.share[0], share, rtol=1e-5)


def test_where_the_remembered_load_is_even_balancing_pushes_nobody():
    logits = torch.randn(8, 4, requires_grad=True)
    balance = Balance(layers=1, experts=4)
    balance.MEMORY = 1.0
    balance([routed(logits, 2)]).sum().backward()
    assert logits.grad.abs().max() < 1e-6


def test_sorted_experts_compute_and_learn_what_the_stock_ones_do():
    shape = Shape(layers=2, experts=6, top_k=2, hidden=16, expert_width=8, heads=2, key_value_heads=1, head_width=8)
    model = build_model(50, 0, 1, shape).double()
    with torch.no_grad():
        for layer in model.model.layers:
            layer.mlp.gate.weight[3] = -40 * layer.mlp.gate.weight[0]  # some experts see few tokens, or none
    tokens = torch.randint(50, (3, 11))
    results = []
    for implementation in ("eager", SORTED):
        model.set_experts_implementation(implementation)
        model.zero_grad()
        out = model(input_ids=tokens, labels=tokens)
        out.loss.backward()
        results.append([out.logits.detach(), *(p.grad.clone() for p in model.parameters())])
    for stock, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, stock, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 12, 12), (2, 6, 20), (2, 20, 6)])
def test_orthogonalized_keeps_directions_and_levels_sizes(shape):
    torch.manual_seed(0)
    matrices = torch.randn(shape)
    result = orthogonalized(matrices)
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    sizes = u.mT @ result @ v.mT
    diagonal = torch.diagonal(sizes, dim1=-2, dim2=-1)
    assert diagonal.min() > 0.5
    assert diagonal.max() < 1.3
    assert (sizes - torch.diag_embed(diagonal)).abs().max() < 1e-3


def test_muon_moves_each_matrix_of_a_stack_by_itself():
    torch.manual_seed(0)
    stack = torch.nn.Parameter(torch.randn(2, 6, 4))
    before, gradient = stack.detach().clone(), torch.randn(2, 6, 4)
    stack.grad = gradient.clone()
    Muon([{"params": [stack], "parts": 2}], rate=0.1, momentum=0.0, weight_decay=0.5).step()
    for index in range(2):
        for rows in (slice(0, 3), slice(3, 6)):
            step = 0.1 * orthogonalized(gradient[index, rows][None])[0]
            torch.testing.assert_close(stack[index, rows], before[index, rows] * 0.95 - step)


def test_muon_remembers_gradients():
    one = torch.nn.Parameter(torch.zeros(3, 3))
    muon = Muon([{"params": [one]}], rate=1.0, momentum=0.9)
    first, second = torch.diag(torch.tensor([1.0, 2, 3])), torch.zeros(3, 3)
    for gradient in (first, second):
        one.grad = gradient
        before = one.detach().clone()
        muon.step()
    torch.testing.assert_close(before - one, orthogonalized(first[None])[0])  # the old one alone still moves it


def test_the_compressor_gains_from_what_it_has_seen(tmp_path):
    rng = np.random.default_rng(0)
    letters = ["".join(rng.choice(list("abcdefgh"), 400)) for _ in range(3)]
    unseen = xz_bits_per_byte([letters[0]], [letters[1]], tmp_path / "xz.json")
    seen = xz_bits_per_byte([letters[0], letters[1]], [letters[1]], tmp_path / "xz.json")
    assert seen < 1 < 2.5 < unseen < 4  # eight letters at random are worth 3 bits
    (tmp_path / "xz.json").write_text((tmp_path / "xz.json").read_text().replace(str(seen), "0.5"))
    assert xz_bits_per_byte([letters[0], letters[1]], [letters[1]], tmp_path / "xz.json") == 0.5  # not done twice


def test_a_mixed_text_changes_kind_and_says_where():
    documents = {"a": [[1] * 500], "b": [[2] * 500, [3] * 50]}
    tokens, kinds, since = mixed_text(documents, [9], 1000, np.random.default_rng(0))
    assert len(tokens) == len(kinds) == len(since) == 1000
    starts = np.flatnonzero(since == 0)
    assert np.diff(starts).min() >= 41
    assert np.diff(starts).max() <= 81
    assert (kinds[starts[1:]] != kinds[starts[:-1]]).all()
    own = (since > 0) | (np.arange(1000) == 0)
    assert np.isin(np.array(tokens)[own & (kinds == 0)], 1).all()
    assert np.isin(np.array(tokens)[own & (kinds == 1)], [2, 3]).all()
    assert (np.array(tokens)[starts[1:]] == 9).all()


def test_what_was_chosen_lately_is_told_by_layer_expert_and_token():
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, 3, size=(2, 20, 2)).astype(np.uint8)
    features = chosen_lately(chosen, 3).reshape(-1, 2, 3, LAST)
    assert len(features) == 20 - LAST + 1
    for position in (0, 5, 12):
        for layer in range(2):
            window = chosen[layer, position : position + LAST]
            assert features[position, layer].tolist() == [[float(e in token) for token in window] for e in range(3)]
