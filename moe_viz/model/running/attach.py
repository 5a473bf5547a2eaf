"""Making a `MoEModel` of a transformers model: find its routers, and test what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from moe_viz.data.router_site import Stack
from moe_viz.data.routing import Routing
from moe_viz.model.routers.capture import Capture
from moe_viz.model.routers.discover import discover
from moe_viz.model.routers.self_test import TOKENS, self_test, without_disproven
from moe_viz.model.running.forward import Rows, forward_pass
from moe_viz.model.running.missing_weights import refuse_missing_weights
from moe_viz.model.running.moe_model import MoEModel
from moe_viz.model.running.provenance import dtype_of
from moe_viz.model.running.tokens import ordinary_ids


def attach(hf_model: Any, tokenizer: Any | None = None) -> MoEModel:
    """Read the routers of a transformers model that you already have.

    The model tests itself (`MoEModel.self_test`). Nothing of it changes: a trace is of the model in
    evaluation, and afterwards it is in the mode that it was in. `MoEModel.close` takes off what was
    set on it.

    hf_model: a language model of transformers, with its weights.
    tokenizer: the model's tokenizer. Without one, token ids are traced and no texts.

    Raises ModelError if the model has no router that can be read, is compiled, or lacks weights.

    >>> from transformers import AutoModelForCausalLM, AutoTokenizer
    >>> from moe_viz import attach, demo
    >>> hf_model = AutoModelForCausalLM.from_pretrained(demo.FOLDER)
    >>> with attach(hf_model, AutoTokenizer.from_pretrained(demo.FOLDER)) as model:
    ...     trace = model.trace("The river was quiet.")
    >>> trace.expert_ids.shape  # [site token slot]
    (6, 6, 2)
    """
    return attach_as(hf_model.config.name_or_path or type(hf_model).__name__, hf_model, tokenizer)


def attach_as(
    name: str, hf_model: Any, tokenizer: Any | None, revision: str | None = None, notes: tuple[str, ...] = ()
) -> MoEModel:
    """As `attach`, with what its traces say of the model: its `name`, its `revision`, and `notes` for their readers."""
    refuse_missing_weights(hf_model)
    routers = discover(hf_model)
    capture = Capture(routers)
    ids = ordinary_ids(hf_model.config, tokenizer, TOKENS)
    outcome = self_test(capture.sites, dtype_of(hf_model), ids, partial(_read, hf_model, capture))
    capture.remove()
    return MoEModel(
        hf_model,
        tokenizer,
        without_disproven(routers, outcome),
        name=name,
        revision=revision,
        notes=notes,
        self_test=outcome,
    )


def _read(hf_model: Any, capture: Capture, token_ids: Sequence[int]) -> Mapping[Stack, Routing]:
    """What each stack's routers do with the same tokens."""
    rows: dict[Stack, Rows] = {"decoder": Rows([token_ids])}
    if hf_model.config.is_encoder_decoder:
        rows = {"encoder": rows["decoder"], **rows}
    done = forward_pass(hf_model, capture, rows, use_cache=False)
    return {stack: routing for stack, [routing] in done.routing.items()}
