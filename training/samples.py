"""Short continuations of the beginnings of the probe texts, for the model's card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from tokenizers import Tokenizer
from transformers import Qwen3MoeForCausalLM

from training.corpus import end_of_text_id

PROMPT_TOKENS = 16
CONTINUATIONS = 3
NEW_TOKENS = 40
TEMPERATURE = 0.7


@torch.no_grad()
def sample(model: Qwen3MoeForCausalLM, tokenizer: Tokenizer, probes: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Draw a few continuations of the first probe text of every domain, the same for the same weights."""
    model.eval()
    torch.manual_seed(0)
    rows = []
    for domain, texts in probes.items():
        prompt = tokenizer.encode(texts[0]).ids[:PROMPT_TOKENS]
        ids = torch.tensor([[end_of_text_id(tokenizer), *prompt]])
        drawn = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=TEMPERATURE,
            top_k=0,
            max_new_tokens=NEW_TOKENS,
            num_return_sequences=CONTINUATIONS,
        )
        texts_drawn = [tokenizer.decode(row.tolist()) for row in drawn[:, ids.shape[1] :]]
        rows.append({"domain": domain, "prompt": tokenizer.decode(prompt), "continuations": texts_drawn})
    return {"temperature": TEMPERATURE, "new_tokens": NEW_TOKENS, "prompts": rows}
