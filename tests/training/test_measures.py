"""The parts of training that have laws: tokenizer, losses, measures of routing."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from torch.nn import functional

from training.corpus import Split
from training.objective import balancing_loss, next_token_loss
from training.specialization import information_given_token, load, mutual_information, specialists
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


def test_balancing_is_one_when_even_and_the_number_of_experts_when_collapsed():
    even = 50 * torch.eye(4).repeat(3, 1)
    assert balancing_loss(even, 1).item() == pytest.approx(1)
    collapsed = torch.tensor([[50.0, 0, 0, 0]]).repeat(6, 1)
    assert balancing_loss(collapsed, 1).item() == pytest.approx(4)


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_balancing_equals_a_loop(top_k):
    torch.manual_seed(top_k)
    logits = torch.randn(20, 5)
    total = 0.0
    for expert in range(5):
        chosen = [expert in sorted(range(5), key=lambda e: -row[e].item())[:top_k] for row in logits]
        probability = [np.exp(row[expert].item()) / np.exp(row.numpy()).sum() for row in logits]
        total += sum(chosen) / (20 * top_k) * (sum(probability) / 20)
    assert balancing_loss(logits, top_k).item() == pytest.approx(5 * total, rel=1e-5)


def test_information_of_hand_made_tables():
    assert mutual_information(np.array([[2, 4], [3, 6]])).item() == pytest.approx(0)
    assert mutual_information(7 * np.eye(8, dtype=int)).item() == pytest.approx(3)
    assert mutual_information(np.zeros((3, 3), dtype=int)).item() == 0
    half = mutual_information(np.array([[1, 1, 0, 0], [0, 0, 1, 1]]))
    assert half.item() == pytest.approx(1)


def test_information_vanishes_given_the_token_when_the_token_decides():
    rng = np.random.default_rng(1)
    tokens = np.stack([rng.choice(3, size=(10, 30), p=p) for p in ([0.8, 0.1, 0.1], [0.1, 0.1, 0.8])])
    by_token = information_given_token(tokens.copy(), tokens, 3, rng)
    assert by_token["bits"] == 0
    by_domain = information_given_token(np.broadcast_to([[[0]], [[1]]], tokens.shape), tokens, 3, rng)
    assert by_domain["bits"] > 0.4
    assert by_domain["null_mean"] < 0.02


def test_load_of_hand_made_choices():
    even = load(np.arange(8), 8)
    assert (even["max_violation"], even["effective_experts"], even["dead_experts"]) == (0, 8, [])
    one = load(np.zeros(10, dtype=int), 4)
    assert (one["max_violation"], one["effective_experts"], one["dead_experts"]) == (3, 1, [1, 2, 3])


def test_specialists_of_hand_made_choices():
    chosen = np.array([[[[0, 1], [0, 2]]], [[[3, 1], [3, 2]]]])
    found = specialists(chosen, ("a", "b"), 4)
    assert found["a"] == {"expert": 0, "share": 1.0, "elsewhere": 0.0}
    assert found["b"]["expert"] == 3
