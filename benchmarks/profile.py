"""The cost of a corpus profile, in CPU time on one thread, compared with the same forward passes without capture.

The passes are exactly those of a run of the profile: short documents share a pass, and the token
ids are made beforehand. The profile's time includes everything else that it does: reading, tokenizing,
capture, counting, merging. The comparison with one pass per document shows what sharing a pass gains.
The time is CPU time, because other work on the machine would change the wall-clock time.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

import moe_viz
from benchmarks.large_profile import large_profile
from benchmarks.pairs import Way, paired_ratio
from moe_viz import ExpertProfile
from moe_viz.metrics.domains import estimated_domain_information
from moe_viz.metrics.specialists import find_specialists, held_out
from moe_viz.metrics.token_identity_control import profile_information_given_token
from moe_viz.model.running.moe_model import MoEModel
from moe_viz.probes import probe_texts

EACH = 6
"""Probe texts of each domain: 114 documents."""
PAIRS = 12
OPENINGS = 5


def report() -> Iterator[str]:
    """One line per document length and way of counting."""
    torch.set_num_threads(1)
    model = moe_viz.load()
    short = {domain: texts[:EACH] for domain, texts in probe_texts().items()}
    long = {domain: ["\n\n".join(texts)] for domain, texts in short.items()}
    for name, corpus in (("probe texts", short), ("the same, joined by domain", long)):
        yield from _of_corpus(f"{name}, {{}} documents of {{:.0f}} tokens", model, corpus)
    yield from _of_large_profile()


def _of_corpus(name: str, model: MoEModel, corpus: dict[str, list[str]]) -> Iterator[str]:
    texts = [text for of_domain in corpus.values() for text in of_domain]
    rows = [torch.tensor([model.tokenizer(text)["input_ids"][: model.context]]) for text in texts]
    name = name.format(len(rows), np.mean([row.shape[1] for row in rows]))

    def profile() -> None:
        moe_viz.profile(model, corpus, max_tokens_per_document=model.context)

    shared = _passes_of(model, profile)
    alone = [{"input_ids": row, "use_cache": False} for row in rows]
    measured = Way(model.close, profile)
    for what, run, base in (
        ("moe_viz.profile, against its own passes", measured, shared),
        ("moe_viz.profile, against one pass per document", measured, alone),
        (
            "logits out, top-k and counters in Python, against one pass per document",
            Way(model.close, lambda: _count_in_python(model, rows)),
            alone,
        ),
    ):
        ratio = paired_ratio(run, Way(model.close, partial(_forward, model, base)), pairs=PAIRS, repeats=1)
        kept = f"{1 / ratio.median:.3f} ({1 / ratio.high:.3f} to {1 / ratio.low:.3f})"
        yield f"| {name}: {what} | {kept} | {ratio.pairs} |"


def _passes_of(model: MoEModel, run: Callable[[], None]) -> list[dict[str, Any]]:
    """The inputs of each forward pass that `run` makes."""
    passes: list[dict[str, Any]] = []
    listener = model.hf_model.register_forward_pre_hook(
        lambda _module, _args, inputs: passes.append(inputs), with_kwargs=True
    )
    run()
    listener.remove()
    return passes


def _forward(model: MoEModel, passes: list[dict[str, Any]]) -> None:
    with torch.inference_mode():
        for inputs in passes:
            model.hf_model(**inputs)


def _of_large_profile() -> Iterator[str]:
    """Opening a profile of a million tokens, and what pages compute from it once."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "large.moeprofile"
        large_profile().save(path)
        size = path.stat().st_size / 1e6
        took = _seconds(lambda: ExpertProfile.load(path))
        yield f"| a profile of 1,000,000 tokens ({size:.0f} MB) opens | {took} | {OPENINGS} |"
        profile = ExpertProfile.load(path)
    rng = np.random.default_rng(0)
    for what, run in {
        "its specialists": lambda: find_specialists(profile, rng),
        "its specialists, one half against the other": lambda: held_out(profile, rng),
        "its domain information, interval and null": lambda: estimated_domain_information(*profile.by_document(), rng),
        "the same within one token": lambda: profile_information_given_token(profile, rng),
    }.items():
        yield f"| {what} | {_seconds(run)} | {OPENINGS} |"


def _seconds(run: Callable[[], object]) -> str:
    """Median CPU time."""
    took = []
    for _ in range(OPENINGS):
        start = time.process_time()
        run()
        took.append(time.process_time() - start)
    return f"{median(took):.2f} s"


def _count_in_python(model: MoEModel, rows: list[torch.Tensor]) -> None:
    """Count as published analyses do: every router's logits from the model's output, then loops over the tokens.

    What OLMoE's authors count (github.com/allenai/OLMoE, scripts/run_routing_analysis.py and
    run_moe_analysis.py), for every layer as a profile does, and of pairs of layers the neighbouring ones alone:
    choices, each expert's tokens, pairs of experts, first choices by the token read, predicted and next.
    """
    sites, top_k = len(model.sites), model.sites[0].top_k
    choices: list[Counter[int]] = [Counter() for _ in range(sites)]
    onward: list[Counter[tuple[int, int]]] = [Counter() for _ in range(sites - 1)]
    pairs: list[Counter[tuple[int, int]]] = [Counter() for _ in range(sites)]
    tokens_of: list[defaultdict[int, Counter[int]]] = [defaultdict(Counter) for _ in range(sites)]
    first: list[defaultdict[tuple[str, int], list[int]]] = [defaultdict(list) for _ in range(sites)]
    for row in rows:
        with torch.inference_mode():
            output = model.hf_model(row, use_cache=False, output_router_logits=True)
        read = row[0].tolist()
        predicted = output.logits[0].numpy().argmax(-1).tolist()
        ids = [np.argsort(-logits.numpy(), -1)[:, :top_k] for logits in output.router_logits]
        for here, there, both in zip(ids, ids[1:], onward, strict=False):
            both.update(zip(here.flatten().tolist(), there.flatten().tolist(), strict=True))
        for site, of_site in enumerate(ids):
            choices[site].update(of_site.flatten().tolist())
            for token, guess, following, chosen in zip(
                read, predicted, [*read[1:], None], of_site.tolist(), strict=True
            ):
                for expert in chosen:
                    tokens_of[site][expert][token] += 1
                for a, b in pairwise(chosen):
                    pairs[site][a, b] += 1
                    pairs[site][b, a] += 1
                first[site]["read", token].append(chosen[0])
                first[site]["predicted", guess].append(chosen[0])
                if following is not None:
                    first[site]["next", following].append(chosen[0])
