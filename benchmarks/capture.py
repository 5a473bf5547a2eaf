"""CPU time that capture adds to a forward pass, compared with the same model without listeners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from transformers import OlmoeConfig, OlmoeForCausalLM

import moe_viz
from benchmarks.pairs import Way, paired_ratio
from moe_viz.model.routers.capture import Capture
from moe_viz.model.routers.readings import Reading, to_host
from moe_viz.model.running.moe_model import MoEModel

PROMPT = 512


def report() -> Iterator[str]:
    """One line per model and length."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = OlmoeConfig(
        vocab_size=1024,
        hidden_size=512,
        intermediate_size=256,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_experts=64,
        num_experts_per_tok=8,
        eos_token_id=2,
    )
    larger = moe_viz.attach(OlmoeForCausalLM(config))
    for name, model in (("bundled, 6 layers × 16 experts", moe_viz.load()), ("8 layers × 64 experts", larger)):
        yield from _of_model(name, model)


def _of_model(name: str, model: MoEModel) -> Iterator[str]:
    hf_model = model.hf_model
    capture = Capture(model.routers)
    model.close()
    ids = torch.randint(3, 1000, (1, PROMPT))
    with torch.inference_mode():
        cache = hf_model(ids[:, :64], use_cache=True).past_key_values

    def prompt() -> None:
        hf_model(ids, use_cache=False)

    def step() -> None:
        hf_model(ids[:, :1], past_key_values=cache, use_cache=True)
        cache.crop(-1)

    for length, forward, repeats in ((f"{PROMPT} tokens", prompt, 2), ("one token, cached", step, 20)):
        without = Way(capture.remove, partial(_plain, forward))
        for what, run in (("capture", _recorded), ("capture and arrays", copied)):
            ratio = paired_ratio(
                Way(capture.install, partial(run, capture, forward)), without, pairs=80, repeats=repeats
            )
            yield f"| {name}, {length}: {what} | {ratio} | {ratio.milliseconds:.1f} ms |"


def _plain(forward: Callable[[], None]) -> None:
    with torch.inference_mode():
        forward()


def _recorded(capture: Capture, forward: Callable[[], None]) -> list[Reading]:
    with torch.inference_mode(), capture.recording() as readings:
        forward()
    return readings


def copied(capture: Capture, forward: Callable[[], None]) -> None:
    """A forward pass whose routing is read and copied to the host."""
    readings = _recorded(capture, forward)
    to_host([tensor for reading in readings for tensor in reading.logits])
    to_host([tensor for reading in readings for tensor in reading.weights])
    to_host([tensor for reading in readings for tensor in reading.ids])
