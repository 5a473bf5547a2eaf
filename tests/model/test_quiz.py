"""Questions of real models: the bundled one, and tiny random ones that read with its tokenizer."""

from functools import cache
from random import Random

import pytest
import torch
from transformers import AutoTokenizer, Qwen3MoeConfig, Qwen3MoeForCausalLM

import moe_viz
from moe_viz.demo import TRAINING as DEMO
from moe_viz.probes import probe_texts
from moe_viz.quiz.asking import KINDS, ask
from moe_viz.quiz.question import Text
from tests.quiz_recomputed import right_choices

_ALL = set(KINDS)
TINY = {
    "one layer, top-1": ({"num_hidden_layers": 1, "num_experts": 16, "num_experts_per_tok": 1}, {"layer_apart"}),
    "64 experts, top-8": ({"num_hidden_layers": 4, "num_experts": 64, "num_experts_per_tok": 8}, set()),
    "two experts, both": ({"num_hidden_layers": 2, "num_experts": 2, "num_experts_per_tok": 2}, _ALL),
}


@cache
def loaded(name):
    if name == "demo":
        return moe_viz.load("demo")
    tokenizer = AutoTokenizer.from_pretrained(DEMO.parent)
    torch.manual_seed(0)
    config = Qwen3MoeConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        moe_intermediate_size=16,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        decoder_sparse_step=1,
        mlp_only_layers=[],
        **TINY[name][0],
    )
    model = Qwen3MoeForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)
    return moe_viz.attach(model, tokenizer)


@cache
def traced(name, text):
    return loaded(name).trace(text)


@pytest.mark.parametrize("name", ["demo", *TINY])
def test_answers_are_the_models_own(name):
    kinds = _ALL - (TINY[name][1] if name in TINY else set())
    found = set()
    for seed in range(4):
        texts = [Text(kind, traced(name, probe_texts()[kind][seed])) for kind in ("python", "poetry", "chess", "law")]
        for kind in KINDS.values():
            assert kind.fits(texts[0].trace) == (kind.name in kinds)
            question = kind.ask(texts, Random(seed)) if kind.name in kinds else None
            if question is not None:
                truths = right_choices(question, {text.name: text.trace for text in texts})
                assert [i for i, truth in enumerate(truths) if truth] == [question.right]
                found.add(kind.name)
    assert found <= kinds
    assert len(found) >= len(kinds) - 2  # a random model treats all texts alike
    if name == "demo":
        assert found == kinds


@pytest.mark.parametrize("name", ["demo", *TINY])
def test_each_question_is_asked_or_it_is_known_that_there_is_none(name):
    asked = [ask(lambda texts: [traced(name, text) for text in texts], 7, number) for number in range(7)]
    assert all(one is None for one in asked) if name == "two experts, both" else None not in asked
