"""Generations that share a model, one token each a step.

Those whose attention caches can be laid side by side are read in one forward pass, each at
its own position; the others take turns. Each draws by itself, so that none depends on what it
shares the model with.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch

from moe_viz.errors import ModelError, StoppedError
from moe_viz.model.running.attached import Attached
from moe_viz.model.running.generation import Generation
from moe_viz.model.running.kv_cache import Lanes


class _Group:
    """Generations that are read together."""

    def __init__(self, generation: Generation, lanes: Lanes, encoded: Any) -> None:
        self.generations = [generation]
        self.lanes = lanes
        self.encoded = encoded
        """What the encoder made of the text, in an encoder-decoder model."""


class Decoder:
    """The generations of one model that are under way."""

    def __init__(self, model: Attached) -> None:
        self._model = model
        self._together = (
            model.batches
            and not model.two_stacks
            and "position_ids" in inspect.signature(model.hf_model.forward).parameters
        )
        self._groups: list[_Group] = []

    @property
    def generations(self) -> list[Generation]:
        """Those that are under way."""
        return [generation for group in self._groups for generation in group.generations]

    def add(self, generation: Generation) -> None:
        """Read the text of a generation, and take it in unless it has ended already."""
        model = self._model
        ids = model.row([generation.prompt.ids])
        inputs: dict[str, Any] = {"input_ids": ids}
        encoded = None
        if model.two_stacks:
            with torch.inference_mode():
                encoded = model.hf_model.get_encoder()(input_ids=model.row([generation.given.ids]))
            inputs = {"decoder_input_ids": ids, "encoder_outputs": encoded}
        length = len(generation.prompt.ids)
        try:
            output, done = model.read(inputs | {"use_cache": True}, {"decoder": length}, generation.stopping.is_set)
        except StoppedError:
            generation.ended = "stopped"
            return
        cache = getattr(output, "past_key_values", None)
        if cache is None:
            raise ModelError("this model keeps no cache of what it has read, so that it cannot continue a text")
        generation.extend(done["decoder"], output.logits[0])
        if generation.ended:
            return
        lanes = Lanes(cache, length)
        if self._together and lanes.plain and self._groups:
            self._groups[0].lanes.join(lanes)
            self._groups[0].generations.append(generation)
        else:
            self._groups.append(_Group(generation, lanes, encoded))

    def step(self) -> None:
        """Read the next token of every generation; those that end, or are to stop, leave.

        Where the model fails, the generations that it failed on leave and the error is raised.
        """
        for generation in self.generations:
            if generation.stopping.is_set():
                generation.ended = "stopped"
        self._leave()
        for group in self._groups[:]:
            try:
                self._read(group)
            except BaseException:
                self._groups.remove(group)
                raise
        self._leave()

    def _read(self, group: _Group) -> None:
        model = self._model
        ids = model.row([[generation.next_id] for generation in group.generations])
        inputs: dict[str, Any] = {"input_ids": ids}
        if group.encoded is not None:
            inputs = {"decoder_input_ids": ids, "encoder_outputs": group.encoded}
        inputs |= {"past_key_values": group.lanes.cache, "use_cache": True, **group.lanes.advance(ids.device)}
        output, done = model.read(inputs, {"decoder": len(group.generations)})
        for row, generation in enumerate(group.generations):
            generation.extend(done["decoder"].tokens(row, 1), output.logits[row])

    def _leave(self) -> None:
        """Let those that have ended go."""
        for group in self._groups[:]:
            rows = [row for row, generation in enumerate(group.generations) if not generation.ended]
            if not rows:
                self._groups.remove(group)
            elif len(rows) < len(group.generations):
                group.lanes.keep(rows)
                group.generations = [group.generations[row] for row in rows]
