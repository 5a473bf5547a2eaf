"""Direct logit attribution: what an expert's output adds to the logits by the direct path.

The direct path is the residual stream, the final norm and the unembedding. That a model has it is
tested: a few tokens are read, and each layer reads them again with the output of its experts
changed. The layer's output must then change by the same, times one factor.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from moe_viz.errors import ModelError
from moe_viz.model.routers.discover import LAYER, Router
from moe_viz.model.running.evaluation import evaluation
from moe_viz.model.running.forward import Rows, on_input_device
from moe_viz.model.running.moe_model import MoEModel

_TOKENS = 16
_TOLERANCE = 1e-3
_TOLERANCE_HALF = 0.05


def tolerance(tensor: Tensor) -> float:
    """By how much two ways to compute the same tensor may differ, relative to its size."""
    return _TOLERANCE_HALF if tensor.element_size() < 4 else _TOLERANCE


class DirectLogitAttribution:
    """The direct path from the experts' outputs to the logits of one model."""

    def __init__(self, model: MoEModel) -> None:
        """Raises ModelError if the model has no such path."""
        head = model.hf_model.get_output_embeddings()
        if head is None or model.two_stacks:
            raise ModelError("what its experts write cannot be read as tokens: this model has no plain unembedding")
        self._head: nn.Module = head
        with ExitStack() as hooks:
            norm = _FinalNorm(model.hf_model, head, hooks)
            layers = [_Layer(model.hf_model, router, hooks) for router in model.routers]
            tokens = [token % _vocabulary(model) for token in range(3, 3 + _TOKENS)]
            ids = on_input_device(model.hf_model, Rows([tokens]).ids)
            with evaluation(model.hf_model), torch.inference_mode():
                model.hf_model(input_ids=ids, use_cache=False)
        self.scales = [layer.scale() for layer in layers]
        """By site: the factor by which the layer multiplies its experts' output before it adds it."""
        self._gain, self._centred, self._dtype = norm.read()

    def logits(self, outputs: Tensor) -> Tensor:
        """What an output `[... dim]`, added to the last residual stream, adds to the logits `[... vocabulary]`.

        The final norm's gain is applied and its scaling is not. The mean over the vocabulary is subtracted.
        """
        directed = outputs.float().to(self._gain)
        if self._centred:
            directed = directed - directed.mean(dim=-1, keepdim=True)
        directed = (directed * self._gain).to(self._dtype)
        with torch.inference_mode():
            raised = (self._head(directed) - self._head(torch.zeros_like(directed[..., :1, :]))).float()
        return raised - raised.mean(dim=-1, keepdim=True)


def _vocabulary(model: MoEModel) -> int:
    return int(model.hf_model.config.get_text_config().vocab_size)


class _FinalNorm:
    """The module whose output the unembedding reads, found by its output."""

    def __init__(self, hf_model: nn.Module, head: nn.Module, hooks: ExitStack) -> None:
        self._given: list[tuple[nn.Module, Tensor]] = []
        self._read: list[Tensor] = []
        for module in hf_model.modules():
            weight = getattr(module, "weight", None)
            if isinstance(weight, Tensor) and weight.dim() == 1:
                hooks.callback(module.register_forward_hook(self._keep).remove)
        hooks.callback(head.register_forward_pre_hook(lambda _head, args: self._read.append(args[0])).remove)

    def _keep(self, module: nn.Module, _args: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            self._given = [*self._given[-8:], (module, output)]

    def read(self) -> tuple[Tensor, bool, torch.dtype]:
        """Its gain `[dim]`, whether it subtracts the mean, and the dtype that it computes in.

        Raises ModelError if there is none.
        """
        read = self._read[-1] if self._read else None
        norms = [m for m, out in self._given if read is not None and out.shape == read.shape and torch.equal(out, read)]
        if read is None or not norms:
            raise ModelError("what its experts write cannot be read as tokens: no norm stands before the unembedding")
        norm, ones = norms[-1], torch.ones_like(read[:1, :1])
        signs = ones.clone()
        signs[..., ::2] = -1  # of mean 0 and size 1: neither kind of norm changes it before its gain
        with torch.inference_mode():
            gain = ((norm(signs) - norm(-signs)) / 2 * signs).float().flatten()
            centred = bool((norm(ones) - norm(-ones)).abs().max() < gain.abs().max() / 10)
        return gain, centred, read.dtype


class _Layer:
    """The layer around a router's experts, run again with their output changed."""

    def __init__(self, hf_model: nn.Module, router: Router, hooks: ExitStack) -> None:
        found = LAYER.search(router.site.name)
        self._router = router
        self._scale: float | None = None
        self._again = False
        self._change: Tensor | None = None
        self._size = 0.0
        """The size of the layer's output: a change much smaller than that would be lost in 16 bits."""
        if found:
            layer = hf_model.get_submodule(router.site.name[: found.end()])
            hooks.callback(router.experts.register_forward_hook(self._changed).remove)
            hooks.callback(layer.register_forward_hook(self._read_again, with_kwargs=True).remove)

    def _changed(self, _experts: nn.Module, _args: Any, output: Any) -> Any:
        if not self._again or not isinstance(output, Tensor):
            return None
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(output.shape, generator=generator).to(output)
        self._change = noise * self._size
        return output + self._change

    def _read_again(self, layer: Callable[..., Any], args: Any, kwargs: Any, output: Any) -> None:
        if self._again:
            return
        before = _hidden(output)
        if before is None:
            return
        self._size = float(before.float().square().mean().sqrt())
        self._again = True
        after = _hidden(layer(*args, **kwargs))
        self._again = False
        if after is None or self._change is None or before.numel() != self._change.numel():
            return
        change, before, after = (tensor.cpu().double().flatten() for tensor in (self._change, before, after))
        difference = after - before
        scale = float(difference @ change / (change @ change))
        if (difference - scale * change).norm() <= 3 * tolerance(self._change) * difference.norm():
            self._scale = scale

    def scale(self) -> float:
        """The factor by which the layer's output follows that of its experts. Raises ModelError if there is none."""
        if self._scale is None:
            raise ModelError(
                f"what its experts write cannot be read as tokens: {self._router.site.name} does not hand it on as it"
                " is (a norm stands behind the experts, or the layers are joined in another way than by adding)"
            )
        return self._scale


def _hidden(output: Any) -> Tensor | None:
    first = output[0] if isinstance(output, tuple) else output
    return first if isinstance(first, Tensor) else None
