"""From the states that a run kept to a recording of how its routing was learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import Qwen3MoeForCausalLM

from moe_viz.data.training_recording import TrainingRecording
from moe_viz.metrics.training import routing_over_training
from moe_viz.model.running.attach import attach_as
from training.loop import Recipe
from training.reading import Reading, read
from training.tokenizer import as_transformers

WATCHED = 2
"""The number of texts of each domain that are kept token by token."""


def record(
    model: Qwen3MoeForCausalLM,
    recipe: Recipe,
    states: Path,
    texts: Mapping[str, Sequence[str]],
    tokenizer: Tokenizer,
) -> TrainingRecording:
    """Read `texts` (by domain) with each of the weights in the folder `states`, `<updates>.pt`.

    Each text is read by itself, with nothing before it, as the app reads one. `model` lends its
    shape and is left with the last weights. Raises FileNotFoundError if there are no states.
    """
    updates = sorted(int(path.stem) for path in states.glob("*.pt"))
    if not updates:
        raise FileNotFoundError(f"no <updates>.pt in {states}: the run has kept no states to record")
    every = [text for domain in texts.values() for text in domain]
    with attach_as("demo", model, as_transformers(tokenizer, model.config.max_position_embeddings)) as reader:
        tokens = [reader.tokenize(text) for text in every]
        sites, provenance = reader.sites, replace(reader.provenance(), engine="kept in training", notes=())
    rows = [of.ids for of in tokens]
    domain_of = np.repeat(np.arange(len(texts), dtype=np.uint8), [len(domain) for domain in texts.values()])
    watched = np.concatenate([np.flatnonzero(domain_of == domain)[:WATCHED] for domain in range(len(texts))])
    experts = model.config.num_experts
    frames: list[list[Reading]] = []
    for done in updates:
        state = torch.load(states / f"{done}.pt", weights_only=True)
        model.load_state_dict({name: tensor.float() for name, tensor in state.items()})
        frames.append(read(model, rows))
        print(f"recorded after {done} updates", flush=True)
    return TrainingRecording(
        provenance=provenance,
        sites=sites,
        balance=recipe.balance,
        tokens_per_update=recipe.tokens_per_step,
        updates=np.array(updates),
        domains=tuple(texts),
        losses=np.stack([_losses(frame, domain_of) for frame in frames]),
        counts=np.stack([np.stack([reading.counts(experts) for reading in frame]) for frame in frames]).astype(
            np.uint16
        ),
        text_domain=domain_of,
        watched=watched.astype(np.uint16),
        token_ids=np.concatenate([rows[text] for text in watched]).astype(np.uint16),
        tokens=tuple(piece for text in watched for piece in tokens[text].texts),
        token_names=tuple(name for text in watched for name in tokens[text].names),
        token_text=np.repeat(watched, [len(rows[text]) for text in watched]).astype(np.uint16),
        expert_ids=np.stack([np.concatenate([frame[i].experts for i in watched], axis=1) for frame in frames]),
        gate_weights=np.stack([np.concatenate([frame[i].weights for i in watched], axis=1) for frame in frames]).astype(
            np.float16
        ),
    )


def summary(lapse: TrainingRecording) -> dict[str, Any]:
    """The recording in a few numbers per frame, ready for JSON: the loss, and the routing of each layer."""
    table = routing_over_training(lapse)
    frames = []
    for frame, updates in enumerate(lapse.updates):
        layers = table[table["frame"] == frame]
        frames.append(
            {
                "updates": int(updates),
                "loss_nats_per_token": round(float(lapse.losses[frame].mean()), 4),
                **{name: [round(float(v), 4) for v in layers[name]] for name in table.columns[4:]},
            }
        )
    return {"texts": len(lapse.text_domain), "watched_texts": len(lapse.watched), "frames": frames}


def _losses(frame: list[Reading], domain_of: np.ndarray) -> np.ndarray:
    """Mean loss of each domain's texts; a first token has no token before it and so no loss."""
    of = [[frame[text].losses for text in np.flatnonzero(domain_of == d)] for d in range(int(domain_of.max()) + 1)]
    return np.array([np.nanmean(np.concatenate(losses)) for losses in of], dtype=np.float32)
