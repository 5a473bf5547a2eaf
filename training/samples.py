"""Short continuations of prompts that we wrote, for the model's card."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from transformers import Qwen3MoeForCausalLM

from training.corpus import end_of_text_id

PROMPTS = (
    ("english_fiction", "The rain had stopped when she opened the door, and"),
    ("dialogue", "User: I need a table for two tonight.\nAssistant:"),
    ("math_steps", "Question: Lena has 12 apples and buys 9 more. How many apples has she now?\nShe has"),
    ("python", 'def count_words(text):\n    """Return'),
    ("german", "Der alte Mann ging langsam durch den Garten und"),
    ("chess", "1. d4 d5 2. c4"),
)
CONTINUATIONS = 3
NEW_TOKENS = 32
TEMPERATURE = 0.7


@torch.no_grad()
def sample(model: Qwen3MoeForCausalLM, tokenizer: Tokenizer) -> dict[str, object]:
    """Draw a few continuations of each prompt, the same for the same weights; ready for JSON."""
    model.eval()
    torch.manual_seed(0)
    rows = []
    for domain, prompt in PROMPTS:
        ids = torch.tensor([[end_of_text_id(tokenizer), *tokenizer.encode(prompt).ids]])
        drawn = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=TEMPERATURE,
            top_k=0,
            max_new_tokens=NEW_TOKENS,
            num_return_sequences=CONTINUATIONS,
        )
        texts = [tokenizer.decode(row.tolist()) for row in drawn[:, ids.shape[1] :]]
        rows.append({"domain": domain, "prompt": prompt, "continuations": texts})
    return {"temperature": TEMPERATURE, "new_tokens": NEW_TOKENS, "prompts": rows}
