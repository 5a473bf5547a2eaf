"""What each expert of a model writes: its own output for the tokens that chose it.

While the model runs, its experts module is called again for each expert alone, with the hidden
states, choices and weights that it was just called with. The parts must add up to what the module
returned for all experts. Where they do not, an error is raised and no number is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from moe_viz.data.expert_outputs import ExpertOutputs
from moe_viz.errors import CaptureError, InputError, ModelError
from moe_viz.model.experts.direct_logit_attribution import DirectLogitAttribution, tolerance
from moe_viz.model.routers.families import ARGUMENTS
from moe_viz.model.running.evaluation import evaluation
from moe_viz.model.running.forward import Rows, on_input_device
from moe_viz.model.running.moe_model import MoEModel
from moe_viz.model.running.tokens import Tokens

RANKS = 15
"""For each expert this number of tokens is kept that it raises most, and as many that it lowers most."""
_AT_ONCE = 16
"""Logits are computed for this number of experts at a time: a vocabulary is large."""


def expert_outputs(model: MoEModel, texts: Iterable[str], *, corpus: str = "texts") -> ExpertOutputs:
    """The tokens whose logits each expert raises and lowers most, on average over the tokens that chose it.

    model: a model with one stack that predicts tokens.
    texts: the texts to read. Each must fit into the model's context.
    corpus: what the texts are, in words; the result holds them.

    Raises ModelError if the model's experts cannot be run alone or their output does not reach the
    logits by adding, InputError for a text that cannot be read, or if there is no text.

    >>> import moe_viz
    >>> outputs = moe_viz.expert_outputs(moe_viz.load("demo"), ["The river was quiet."])
    >>> outputs.raised_ids.shape  # [site expert rank]
    (6, 16, 15)
    """
    reader = OutputReader(model)
    for text in texts:
        reader.read(model.tokenize(text))
    return reader.outputs(corpus)


class OutputReader:
    """Adds up the outputs of one model's experts, text by text."""

    def __init__(self, model: MoEModel) -> None:
        """Raises ModelError if the outputs of the model's experts cannot be read as tokens."""
        odd = next((router.site.name for router in model.routers if router.extractor != ARGUMENTS), None)
        if odd is not None:
            raise ModelError(
                f"what its experts write cannot be read: those of {odd} are not called with hidden states, choices and"
                " weights, so that one of them cannot be run alone"
            )
        self._model = model
        self._attribution = DirectLogitAttribution(model)
        self._sums = [_Sums(router.site.num_experts) for router in model.routers]
        self._texts = self._tokens = 0

    def read(self, tokens: Tokens) -> None:
        """Add a text. Raises ModelError if an expert cannot be run alone, CaptureError if experts were missed."""
        parts: list[_Parts] = []
        with ExitStack() as hooks:
            for router in self._model.routers:
                parts.append(_Parts(router.site.name, router.site.num_experts))
                hooks.callback(router.experts.register_forward_hook(parts[-1].read).remove)
            with evaluation(self._model.hf_model), torch.inference_mode():
                ids = on_input_device(self._model.hf_model, Rows([tokens.ids]).ids)
                self._model.hf_model(input_ids=ids, use_cache=False)
        missed = next((part.name for part in parts if part.calls != 1), None)
        if missed is not None:
            raise CaptureError(
                f"{missed}: its experts were not run once, as a module, in a forward pass: what they write cannot be"
                " read"
            )
        for sums, part in zip(self._sums, parts, strict=True):
            sums.add(part)
        self._texts += 1
        self._tokens += len(tokens.ids)

    def outputs(self, corpus: str) -> ExpertOutputs:
        """What was counted so far. Raises InputError if no text was read."""
        if not self._texts:
            raise InputError("there is no text to read")
        model = self._model
        experts = max(len(sums.taken) for sums in self._sums)
        shape = (len(self._sums), experts)
        taken, agreement = np.zeros(shape, dtype=np.int64), np.full(shape, np.nan, dtype=np.float32)
        ids = np.full((2, *shape, RANKS), -1, dtype=np.int32)
        values = np.full(ids.shape, np.nan, dtype=np.float32)
        for site, (sums, scale) in enumerate(zip(self._sums, self._attribution.scales, strict=True)):
            own = slice(0, len(sums.taken))
            taken[site, own] = sums.taken.numpy()
            agreement[site, own] = sums.agreement().numpy()
            for chunk in torch.nonzero(sums.taken).flatten().split(_AT_ONCE):
                means = scale * sums.written[chunk] / sums.taken[chunk, None]
                ids[:, site, chunk, :], values[:, site, chunk, :] = self._ends(means)
        known = model.token_texts
        return ExpertOutputs(
            sites=model.sites,
            provenance=model.provenance(),
            corpus=corpus,
            texts=self._texts,
            tokens=self._tokens,
            taken=taken,
            agreement=agreement,
            raised_ids=ids[0],
            raised=values[0],
            lowered_ids=ids[1],
            lowered=values[1],
            token_texts={token: known[token] for token in np.unique(ids[ids >= 0]).tolist()},
        )

    def _ends(self, means: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Ids and values `[end expert rank]` of the tokens that are raised most, and lowered most."""
        logits = self._attribution.logits(means).cpu()
        tokenizer = self._model.tokenizer
        if tokenizer is not None:
            logits = logits[..., : len(tokenizer)]  # beyond it are rows that stand for no token
        high, low = (logits.topk(RANKS, dim=-1, largest=largest) for largest in (True, False))
        return (
            torch.stack([high.indices, low.indices]).numpy(),
            torch.stack([high.values, low.values]).numpy(),
        )


class _Sums:
    """The outputs of one site's experts, added up."""

    def __init__(self, experts: int) -> None:
        self.taken = torch.zeros(experts, dtype=torch.int64)
        self.lengths = torch.zeros(experts, dtype=torch.float64)
        self.written: Tensor = torch.zeros(experts, 0, dtype=torch.float64)
        """`[expert dim]`"""

    def add(self, part: _Parts) -> None:
        if not self.written.shape[1]:
            self.written = torch.zeros(len(self.taken), part.dim, dtype=torch.float64)
        for expert, count, written, length in part.sums:
            self.taken[expert] += count
            self.written[expert] += written
            self.lengths[expert] += length

    def agreement(self) -> Tensor:
        """The length of the mean output over the mean length, `[expert]`; NaN where no token chose the expert."""
        return self.written.norm(dim=-1) / self.lengths


class _Parts:
    """The outputs of one site's experts in one forward pass, one expert after the other."""

    def __init__(self, name: str, experts: int) -> None:
        self.sums: list[tuple[int, int, Tensor, float]] = []
        """The expert, how many tokens chose it, the sum of its outputs `[dim]`, and the sum of their lengths."""
        self.dim = 0
        self.name = name
        self.calls = 0
        self._experts = experts
        self._busy = False

    def read(self, module: nn.Module, args: Any, output: Any) -> None:
        """A forward hook: run each expert alone, and check that all of them add up to `output`."""
        if self._busy:
            return
        self.calls += 1
        hidden, ids, weights = args[:3]
        flat = hidden.reshape(-1, hidden.shape[-1])
        ids, weights = ids.reshape(len(flat), -1), weights.reshape(len(flat), -1)
        whole = torch.zeros(output.shape, dtype=torch.float32, device=output.device).reshape(len(flat), -1)
        self.dim = whole.shape[1]
        self._busy = True
        try:
            for expert in ids.unique().tolist():
                rows, slots = torch.where(ids == expert)
                if 0 <= expert < self._experts:
                    part = module(flat[rows], ids[rows, slots, None], weights[rows, slots, None])
                    part = part.float().reshape(len(rows), -1)
                    whole.index_add_(0, rows, part)
                    own = part.cpu().double()  # not every device has such numbers
                    self.sums.append((expert, len(rows), own.sum(dim=0), float(own.norm(dim=-1).sum())))
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ModelError(
                f"an expert of {self.name} cannot be run alone ({type(error).__name__}: {error})"
            ) from error
        finally:
            self._busy = False
        given = output.float().reshape(len(flat), -1)
        if (whole - given).norm() > tolerance(output) * given.norm():
            raise ModelError(
                f"what its experts write cannot be read: those of {self.name}, run one at a time, do not add up to"
                " what they give together"
            )
