"""The training loop: seeded by step, so that a run that was cut off goes on as if it had not been."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import Qwen3MoeForCausalLM

from training.corpus import Windows
from training.objective import balancing_loss, next_token_loss, recorded_routers


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the run besides the data."""

    steps: int
    seed: int = 20
    tokens_per_step: int = 4096
    window: int = 256
    long_window: int = 1024  # the context that the model is shipped with
    long_share: float = 0.15  # of the steps, at the end
    peak_rate: float = 2.5e-3
    final_rate: float = 1e-4
    warmup_steps: int = 60
    weight_decay: float = 0.1
    balance: float = 0.02

    def rate(self, step: int) -> float:
        """Learning rate: linear warm-up, then a cosine down to `final_rate`."""
        if step < self.warmup_steps:
            return self.peak_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.final_rate + (self.peak_rate - self.final_rate) * (1 + math.cos(math.pi * done)) / 2

    def window_at(self, step: int) -> int:
        """Tokens in a training window at this step."""
        return self.long_window if step >= self.steps * (1 - self.long_share) else self.window


def train(
    model: Qwen3MoeForCausalLM, windows: Windows, recipe: Recipe, folder: Path, save_seconds: float = 120
) -> None:
    """Run `recipe` on `model` in place, from `folder/checkpoint.pt` where there is one.

    The checkpoint is replaced every `save_seconds` and at the end. `folder/log.jsonl` gets a
    line every 20 steps; after a run was cut off, the steps since its last checkpoint appear twice.
    """
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)
    checkpoint = folder / "checkpoint.pt"
    first, seconds = 0, 0.0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        if saved["recipe"] != asdict(recipe):
            raise ValueError(f"{checkpoint} belongs to another recipe: {saved['recipe']}; remove it to start anew")
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first, seconds = saved["step"], saved["seconds"]
    model.train()
    model.set_experts_implementation("eager")
    started = last_save = time.monotonic()
    for step in range(first, recipe.steps):
        losses = _step(model, windows, recipe, optimizer, step)
        now = time.monotonic()
        if step % 20 == 0 or step + 1 == recipe.steps:
            _report(losses, step, recipe, seconds + now - started, (now - started) / (step - first + 1), folder)
        if now - last_save > save_seconds or step + 1 == recipe.steps:
            state = {
                "recipe": asdict(recipe),
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step + 1,
                "seconds": seconds + now - started,
            }
            torch.save(state, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
            last_save = now


def _step(
    model: Qwen3MoeForCausalLM, windows: Windows, recipe: Recipe, optimizer: torch.optim.Optimizer, step: int
) -> tuple[float, list[float]]:
    """One update. Returns the next token's loss and each layer's balancing loss."""
    length = recipe.window_at(step)
    tokens = windows.batch(step, recipe.tokens_per_step // length, length).to(model.device)
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate(step)
    with recorded_routers(model) as routers:
        hidden = model.model(input_ids=tokens[:, :-1], use_cache=False).last_hidden_state
    loss = next_token_loss(hidden.flatten(0, 1), model.lm_head.weight, tokens[:, 1:].flatten())
    balance = [balancing_loss(router.logits, model.config.num_experts_per_tok) for router in routers]
    (loss + recipe.balance * torch.stack(balance).sum()).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item(), [b.item() for b in balance]


def _report(
    losses: tuple[float, list[float]],
    step: int,
    recipe: Recipe,
    seconds: float,
    per_step: float,
    folder: Path,
) -> None:
    loss, balance = losses
    row = {"step": step, "loss": loss, "balance": balance, "seconds": seconds}
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")
    left = (recipe.steps - step - 1) * per_step / 60
    print(
        f"step {step:5d}/{recipe.steps}  loss {loss:.3f}  balance {max(balance):.2f} at most"
        f"  {recipe.tokens_per_step / per_step:,.0f} tokens/s  {left:.0f} min left",
        flush=True,
    )
