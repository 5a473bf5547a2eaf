"""Generations that share a model: each step reads the next token of every one.

Those whose attention caches can be batched are read in one forward pass, each at its own
position. The others take turns. Each draws by itself, so that no generation depends on those that
it shares the model with.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch

from moe_viz.errors import ModelError, StoppedError
from moe_viz.model.routers.capture import Capture
from moe_viz.model.running.evaluation import evaluation
from moe_viz.model.running.forward import ForwardPass, Rows, forward_pass, input_device, on_input_device
from moe_viz.model.running.generation import Generation
from moe_viz.model.running.kv_cache import BatchedKVCache


class _Group:
    """Generations that are read together."""

    def __init__(self, generation: Generation, cache: BatchedKVCache, encoded: Any) -> None:
        self.generations = [generation]
        self.cache = cache
        self.encoded = encoded
        """The encoder's output for the text, in an encoder-decoder model."""


class Decoder:
    """The generations of one model that are under way. `MoEModel.decoder` makes one."""

    def __init__(self, hf_model: Any, capture: Capture, batches: bool) -> None:
        """`batches` is whether several texts in one pass are each routed as if alone."""
        self._hf_model = hf_model
        self._capture = capture
        self._two_stacks = bool(hf_model.config.is_encoder_decoder)
        takes_positions = "position_ids" in inspect.signature(hf_model.forward).parameters
        self._together = batches and not self._two_stacks and takes_positions
        self._groups: list[_Group] = []

    @property
    def generations(self) -> list[Generation]:
        """Those that are under way."""
        return [generation for group in self._groups for generation in group.generations]

    def add(self, generation: Generation) -> None:
        """Read the prompt of a generation, and take it in unless it has ended already."""
        encoded = self._encoded(generation) if self._two_stacks else None
        try:
            done = self._read(Rows([generation.prompt.ids]), encoded, stop=generation.stopping.is_set)
        except StoppedError:
            generation.ended = "stopped"
            return
        kept = getattr(done.output, "past_key_values", None)
        if kept is None:
            raise ModelError("this model keeps no cache of what it has read, so that it cannot continue a text")
        self._hand_out(done, [generation])
        if generation.ended:
            return
        cache = BatchedKVCache(kept, len(generation.prompt.ids))
        if self._together and cache.can_be_batched and self._groups:
            self._groups[0].cache.append(cache)
            self._groups[0].generations.append(generation)
        else:
            self._groups.append(_Group(generation, cache, encoded))

    def step(self) -> None:
        """Read the next token of every generation. Those that end, or are to stop, leave.

        Where the model fails, the generations that it failed on leave and the error is raised.
        """
        for generation in self.generations:
            if generation.stopping.is_set():
                generation.ended = "stopped"
        self._leave()
        for group in self._groups[:]:
            try:
                rows = Rows([[generation.next_id] for generation in group.generations])
                cached = {"past_key_values": group.cache.cache, **group.cache.advance(input_device(self._hf_model))}
                self._hand_out(self._read(rows, group.encoded, **cached), group.generations)
            except BaseException:
                self._groups.remove(group)
                raise
        self._leave()

    def _encoded(self, generation: Generation) -> Any:
        ids = on_input_device(self._hf_model, Rows([generation.given.ids]).ids)
        with evaluation(self._hf_model), torch.inference_mode():
            return self._hf_model.get_encoder()(input_ids=ids)

    def _read(self, rows: Rows, encoded: Any, **inputs: Any) -> ForwardPass:
        if encoded is not None:
            inputs["encoder_outputs"] = encoded
        return forward_pass(self._hf_model, self._capture, {"decoder": rows}, use_cache=True, **inputs)

    @staticmethod
    def _hand_out(done: ForwardPass, generations: list[Generation]) -> None:
        for generation, routing, logits in zip(generations, done.routing["decoder"], done.logits, strict=True):
            generation.extend(routing, logits, done.sites["decoder"])

    def _leave(self) -> None:
        """Let those that have ended go."""
        for group in self._groups[:]:
            rows = [row for row, generation in enumerate(group.generations) if not generation.ended]
            if not rows:
                self._groups.remove(group)
            elif len(rows) < len(group.generations):
                group.cache.keep(rows)
                group.generations = [group.generations[row] for row in rows]
