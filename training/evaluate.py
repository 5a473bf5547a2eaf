"""The model's loss and routing on text that it never saw: the numbers of its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import Qwen3MoeForCausalLM

from moe_viz.metrics.domains import (
    Estimate,
    GivenToken,
    by_domain,
    domain_specialization,
    estimated_domain_information,
    information_given_token,
)
from moe_viz.metrics.load import dead_experts, effective_experts, load, max_violation
from training.compression import xz_bits_per_byte
from training.corpus import Split, end_of_text_id
from training.reading import Reading, read
from training.readout import LAST, LONGEST, SHORTEST, measure_readout

DOCUMENTS = 40
OCCURRENCES = 200


class HeldOut(NamedTuple):
    """The beginnings of one domain's held-out documents."""

    texts: tuple[str, ...]
    tokens: tuple[list[int], ...]
    """Token ids of each."""


def held_out(texts: Sequence[str], tokenizer: Tokenizer, length: int) -> HeldOut:
    """Up to `length` tokens of each of the first `DOCUMENTS` documents."""
    encodings = tokenizer.encode_batch(list(texts[:DOCUMENTS]))
    tokens = tuple(encoding.ids[:length] for encoding in encodings)
    ends = [encoding.offsets[len(ids) - 1][1] for encoding, ids in zip(encodings, tokens, strict=True)]
    return HeldOut(tuple(text[:end] for text, end in zip(texts, ends, strict=False)), tokens)


def evaluate(
    model: Qwen3MoeForCausalLM,
    domains: Mapping[str, Split],
    probes: Mapping[str, Sequence[str]],
    tokenizer: Tokenizer,
    xz: Path | None = None,
) -> dict[str, Any]:
    """Loss by domain and routing by layer, ready for JSON. `xz` is the file of the compressor's results.

    Raises ValueError if a domain has fewer than two held-out documents.
    """
    end, context = end_of_text_id(tokenizer), model.config.max_position_embeddings - 1  # `end` stands before each
    documents = {name: held_out(split.heldout, tokenizer, context) for name, split in domains.items()}
    few = [name for name, kept in documents.items() if len(kept.tokens) < 2]
    if few:
        raise ValueError(f"domain {few[0]!r} has fewer than two held-out documents; an interval needs several")
    readings = {name: read(model, kept.tokens, end) for name, kept in documents.items()}
    probe_readings = {
        name: read(model, [encoding.ids for encoding in tokenizer.encode_batch(list(texts))])
        for name, texts in probes.items()
    }
    by_name = {name: _losses(kept, readings[name]) for name, kept in documents.items()}
    if xz is not None:
        for name, kept in documents.items():
            by_name[name]["xz_bits_per_byte"] = _rounded(xz_bits_per_byte(domains[name].train, kept.texts, xz))
    for name, of in probe_readings.items():
        probe_losses = np.concatenate([reading.losses for reading in of])
        by_name.setdefault(name, {})["probe_loss_nats_per_token"] = _rounded(np.nanmean(probe_losses))
    losses = [row["loss_nats_per_token"] for row in by_name.values() if "loss_nats_per_token" in row]
    return {
        "document_tokens": context,
        "domains": by_name,
        "mean_loss_nats_per_token": _rounded(np.mean(losses)),
        **_routing(model, documents, readings, probe_readings),
        "readout": _readout(model, documents, tokenizer),
    }


def _losses(documents: HeldOut, readings: list[Reading]) -> dict[str, Any]:
    losses = np.concatenate([reading.losses for reading in readings]).astype(np.float64)
    size = sum(len(text.encode()) for text in documents.texts)
    return {
        "loss_nats_per_token": _rounded(losses.mean()),
        "bits_per_byte": _rounded(losses.sum() / np.log(2) / size),
        "bytes_per_token": _rounded(size / len(losses)),
        "documents": len(readings),
        "tokens": len(losses),
    }


def _routing(
    model: Qwen3MoeForCausalLM,
    documents: Mapping[str, HeldOut],
    readings: Mapping[str, list[Reading]],
    probe_readings: Mapping[str, list[Reading]],
) -> dict[str, Any]:
    """Domain information, load and specialists of each layer."""
    rng, config = np.random.default_rng(0), model.config
    counts, labels = _counts(readings, config.num_experts)
    first, _ = _counts(readings, config.num_experts, slots=1)
    every = estimated_domain_information(counts, labels, rng)
    firsts = estimated_domain_information(first, labels, rng)
    probed = estimated_domain_information(*_counts(probe_readings, config.num_experts), rng) if probe_readings else None
    given = _given_token(documents, readings, config.num_hidden_layers, rng)
    even = load(by_domain(counts, labels)).mean(axis=0)  # over the even mixture of domains
    layers = [
        {
            "layer": layer,
            "domain_information": _estimate(every, layer),
            "domain_information_first_choice": _estimate(firsts, layer),
            "domain_information_probes": _estimate(probed, layer) if probed else None,
            "first_choice_given_token": given[layer]._asdict(),
            "max_violation": _rounded(max_violation(even)[layer]),
            "effective_experts": _rounded(effective_experts(even)[layer]),
            "dead_experts": int(dead_experts(even)[layer]),
            "load": [_rounded(share) for share in even[layer]],
        }
        for layer in range(config.num_hidden_layers)
    ]
    best = int(np.argmax(every.value))
    return {
        "mean_domain_information": _mean_estimate(counts, labels, rng),
        "layers": layers,
        "specialists": {
            "layer": best,
            "by_domain": _specialists(counts[:, best : best + 1], labels, tuple(readings), config.num_experts_per_tok),
        },
    }


def _counts(
    readings: Mapping[str, list[Reading]], experts: int, slots: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Counts `[document site expert]` over the first `slots` choices, and the domain of each document."""
    counts, labels = [], []
    for label, of in enumerate(readings.values()):
        for reading in of:
            counts.append(reading._replace(experts=reading.experts[..., :slots]).counts(experts))
            labels.append(label)
    return np.stack(counts), np.array(labels)


def _given_token(
    documents: Mapping[str, HeldOut], readings: Mapping[str, list[Reading]], layers: int, rng: np.random.Generator
) -> list[GivenToken]:
    tokens = np.concatenate([ids for kept in documents.values() for ids in kept.tokens])
    first = np.concatenate([reading.experts[..., 0] for of in readings.values() for reading in of], axis=1)
    sizes = [sum(len(ids) for ids in kept.tokens) for kept in documents.values()]
    labels = np.repeat(np.arange(len(sizes)), sizes)
    found = [information_given_token(first[layer], tokens, labels, rng, OCCURRENCES) for layer in range(layers)]
    return [GivenToken(_rounded(g.bits), _rounded(g.null_mean), g.tokens, _rounded(g.share_of_text)) for g in found]


def _mean_estimate(
    counts: NDArray[np.float64], labels: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, float]:
    """The mean over layers. Its interval is not the mean of the layers' intervals: all come from the same documents."""
    return _estimate(estimated_domain_information(counts, labels, rng, over_sites=True), 0)


def _estimate(estimate: Estimate, site: int) -> dict[str, float]:
    return {name: _rounded(values[site]) for name, values in estimate._asdict().items()}


def _specialists(
    counts: NDArray[np.float64], labels: NDArray[np.int64], domains: tuple[str, ...], top_k: int
) -> dict[str, Any]:
    """For each domain, the expert that most of its tokens use, and that expert's share elsewhere."""
    used = domain_specialization(by_domain(counts, labels), top_k)[:, 0]
    found = {}
    for row, domain in enumerate(domains):
        expert = int(used[row].argmax())
        elsewhere = np.delete(used[:, expert], row).mean() if len(domains) > 1 else np.nan
        found[domain] = {"expert": expert, "share": _rounded(used[row, expert]), "elsewhere": _rounded(elsewhere)}
    return found


def _readout(model: Qwen3MoeForCausalLM, documents: Mapping[str, HeldOut], tokenizer: Tokenizer) -> dict[str, Any]:
    """The linear probe, fitted on every second held-out document and tested on the others."""
    known = {name: kept.tokens[::2] for name, kept in documents.items()}
    new = {name: kept.tokens[1::2] for name, kept in documents.items()}
    length = model.config.max_position_embeddings
    found = measure_readout(model, known, new, tokenizer.encode("\n\n").ids, length)
    return {
        "last_tokens": LAST,
        "piece_tokens": [SHORTEST, LONGEST],
        **{name: value if isinstance(value, int) else _rounded(value) for name, value in found._asdict().items()},
    }


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)
