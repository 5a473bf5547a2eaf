"""What the model makes of held-out text, and how it routes it: the numbers of its card."""

from __future__ import annotations

import lzma
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import Qwen3MoeForCausalLM

from training.corpus import Split, end_of_text_id
from training.objective import recorded_routers
from training.specialization import (
    Ids,
    choice_counts,
    domain_information,
    information_given_token,
    load,
    mutual_information,
    rounded,
    specialists,
)

WINDOW = 256
WINDOWS = 40
XZ_TRAINING_BYTES = 3_000_000


@dataclass(frozen=True)
class HeldOut:
    """The same number of held-out tokens of every domain, in windows that each lie in one document."""

    domains: tuple[str, ...]
    tokens: torch.Tensor
    """`[domain window token]`"""
    texts: tuple[tuple[str, ...], ...]
    """`[domain][window]`"""
    byte_counts: tuple[int, ...]
    """UTF-8 bytes of each domain's tokens."""
    documents: tuple[int, ...]
    """How many documents each domain's windows come from."""


def held_out_windows(
    domains: dict[str, Split], tokenizer: Tokenizer, windows: int = WINDOWS, length: int = WINDOW
) -> HeldOut:
    """Cut up to `windows` windows a domain: every document's first, then every document's second, ...

    Raises ValueError if a domain has no held-out document of `length` tokens.
    """
    cut = {name: _windows(split.heldout, tokenizer, length)[:windows] for name, split in domains.items()}
    fewest = min(cut, key=lambda name: len(cut[name]))
    count = len(cut[fewest])
    if count == 0:
        raise ValueError(f"domain {fewest!r} has no held-out document of {length} tokens or more")
    kept = {name: rows[:count] for name, rows in cut.items()}
    tokens = torch.tensor([[ids for _, ids, _ in rows] for rows in kept.values()])
    lengths = np.array([len(tokenizer.id_to_token(i) or "") for i in range(tokenizer.get_vocab_size())])
    return HeldOut(
        domains=tuple(kept),
        tokens=tokens,
        texts=tuple(tuple(text for _, _, text in rows) for rows in kept.values()),
        byte_counts=tuple(int(lengths[domain.numpy()].sum()) for domain in tokens),
        documents=tuple(len({document for document, _, _ in rows}) for rows in kept.values()),
    )


def _windows(texts: list[str], tokenizer: Tokenizer, length: int) -> list[tuple[int, list[int], str]]:
    """Each window's document, token ids and text, in the order in which they are taken."""
    found = []
    for document, encoding in enumerate(tokenizer.encode_batch(texts)):
        for start in range(0, len(encoding.ids) - length + 1, length):
            first, last = encoding.offsets[start][0], encoding.offsets[start + length - 1][1]
            row = (document, encoding.ids[start : start + length], texts[document][first:last])
            found.append((start, document, row))
    return [row for _, _, row in sorted(found, key=lambda item: item[:2])]


@torch.no_grad()
def measure(model: Qwen3MoeForCausalLM, tokens: torch.Tensor, end_of_text: int) -> tuple[NDArray[np.float32], Ids]:
    """Run each window after an end of text.

    `tokens [domain window token]` to losses in nats, of the same shape, and the experts
    that the routers chose for these tokens, `[layer domain window token slot]`.
    """
    model.eval()
    losses, experts = [], []
    for rows in tokens.flatten(0, 1).split(8):
        inputs = functional.pad(rows, (1, 0), value=end_of_text)
        with recorded_routers(model) as routers:
            logits = model(input_ids=inputs, use_cache=False).logits[:, :-1]
        losses.append(functional.cross_entropy(logits.transpose(1, 2), rows, reduction="none"))
        chosen = [router.experts.unflatten(0, inputs.shape)[:, 1:] for router in routers]
        experts.append(torch.stack(chosen))
    return (
        torch.cat(losses).view(tokens.shape).numpy(),
        torch.cat(experts, dim=1).unflatten(1, tokens.shape[:2]).numpy(),
    )


def xz_bits_per_byte(split: Split, windows: tuple[str, ...]) -> float:
    """Bits per byte of `xz -9e` on the windows' text, given training text to refer back to.

    Size of both together less the size of the training text alone, of which it sees the
    first `XZ_TRAINING_BYTES`.
    """
    known = "\n".join(split.train).encode()[:XZ_TRAINING_BYTES]
    new = "\n".join(windows).encode()
    preset = 9 | lzma.PRESET_EXTREME
    extra = len(lzma.compress(known + new, preset=preset)) - len(lzma.compress(known, preset=preset))
    return rounded(8 * extra / len(new))


def evaluate(
    model: Qwen3MoeForCausalLM, domains: dict[str, Split], tokenizer: Tokenizer, xz: bool = False
) -> dict[str, object]:
    """Loss by domain and routing by layer on held-out windows, ready for JSON."""
    held_out = held_out_windows(domains, tokenizer)
    experts = model.config.num_experts
    losses, choices = measure(model, held_out.tokens, end_of_text_id(tokenizer))
    nats = losses.sum(axis=(1, 2), dtype=np.float64)
    tokens = held_out.tokens[0].numel()
    by_domain = {
        name: {
            "loss_nats_per_token": rounded(nats[row] / tokens),
            "bits_per_byte": rounded(nats[row] / np.log(2) / held_out.byte_counts[row]),
            "bytes_per_token": rounded(held_out.byte_counts[row] / tokens),
            "documents": held_out.documents[row],
            **({"xz_bits_per_byte": xz_bits_per_byte(domains[name], held_out.texts[row])} if xz else {}),
        }
        for row, name in enumerate(held_out.domains)
    }
    rng = np.random.default_rng(0)
    ids = held_out.tokens.numpy()
    layers: list[dict[str, object]] = [
        {
            "layer": layer,
            "domain_information": domain_information(chosen.reshape(*ids.shape[:2], -1), experts, rng),
            "domain_information_first_choice": domain_information(chosen[..., 0], experts, rng),
            "first_choice_given_token": information_given_token(chosen[..., 0], ids, experts, rng),
            **load(chosen, experts),
        }
        for layer, chosen in enumerate(choices)
    ]
    informative = int(np.argmax([mutual_information(choice_counts(chosen, experts)) for chosen in choices]))
    return {
        "window_tokens": held_out.tokens.shape[2],
        "windows_per_domain": held_out.tokens.shape[1],
        "domains": by_domain,
        **({"xz_training_bytes": XZ_TRAINING_BYTES} if xz else {}),
        "mean_loss_nats_per_token": rounded(nats.mean() / tokens),
        "layers": layers,
        "specialists": {
            "layer": informative,
            "by_domain": specialists(choices[informative], held_out.domains, experts),
        },
    }
