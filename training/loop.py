"""The training loop: seeded by step, so that a stopped run continues exactly as if it had not been stopped."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import Qwen3MoeForCausalLM

from training.corpus import Windows
from training.experts import SORTED
from training.muon import Muon
from training.objective import Balance, next_token_loss, recorded_routers

BALANCED, UNBALANCED = "balanced", "unbalanced"
"""The two runs: their folders in the working folder, and the names of their recordings."""
FIRST_RECORDED, GROWTH = 4, 1.5883
"""The weights are kept after this many updates, and then after each `GROWTH` times as many."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the run besides the data."""

    steps: int
    seed: int = 20
    tokens_per_step: int = 8192
    window: int = 256
    long_window: int = 1024  # the context that the model is shipped with
    long_share: float = 0.1  # of the steps, at the end
    matrix_rate: float = 0.02  # Muon: the matrices inside the layers
    other_rate: float = 2.5e-3  # AdamW: embeddings, routers, norms
    warmup_steps: int = 60
    decay_share: float = 0.6  # of the steps, at the end
    weight_decay: float = 0.05
    balance: float = 0.02
    often: tuple[str, ...] = ()
    """Domains that are drawn twice as often as the others."""

    def rate(self, step: int) -> float:
        """Share of the peak rates: linear warm-up, constant, then linear to zero."""
        left = (self.steps - step) / (self.steps * self.decay_share)
        return min(1.0, (step + 1) / self.warmup_steps, left)

    def window_at(self, step: int) -> int:
        """Tokens in a training window at this step."""
        return self.long_window if step >= self.steps * (1 - self.long_share) else self.window

    def recorded(self) -> list[int]:
        """Numbers of updates after which the weights are kept: 0, evenly spaced on a log scale, and the end."""
        kept, updates = [0], float(FIRST_RECORDED)
        while round(updates) < self.steps:
            kept.append(round(updates))
            updates *= GROWTH
        return [*kept, self.steps]


class Run:
    """A model in training, with everything that decides how it continues."""

    def __init__(self, model: Qwen3MoeForCausalLM, recipe: Recipe) -> None:
        self.model, self.recipe = model, recipe
        self.step, self.seconds = 0, 0.0
        """Updates done, and the wall-clock time that they took."""
        config = model.config
        self.balance = Balance(config.num_hidden_layers, config.num_experts, model.device)
        named = dict(model.named_parameters())
        inside = {n: p for n, p in named.items() if p.dim() >= 2 and "layers" in n and "mlp.gate" not in n}
        stacked = [p for n, p in inside.items() if n.endswith("gate_up_proj")]
        whole = [p for n, p in inside.items() if not n.endswith("gate_up_proj")]
        rest = [p for n, p in named.items() if n not in inside]
        self.optimizers = (
            Muon([{"params": whole}, {"params": stacked, "parts": 2}], recipe.matrix_rate, 0.95, recipe.weight_decay),
            torch.optim.AdamW(rest, recipe.other_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
        )

    def update(self, tokens: torch.Tensor) -> tuple[float, list[float]]:
        """One update on `tokens [window token]`. Returns the next token's loss and each layer's balancing loss."""
        share = self.recipe.rate(self.step)
        for optimizer, peak in zip(self.optimizers, (self.recipe.matrix_rate, self.recipe.other_rate), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = peak * share
        with recorded_routers(self.model) as routers:
            hidden = self.model.model(input_ids=tokens[:, :-1], use_cache=False).last_hidden_state
        loss = next_token_loss(hidden.flatten(0, 1), self.model.lm_head.weight, tokens[:, 1:].flatten())
        balance = self.balance(routers)
        (loss + self.recipe.balance * balance.sum()).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return loss.item(), balance.tolist()

    def save(self, path: Path) -> None:
        """Write everything to `path`; the file is never left half written."""
        part = path.with_suffix(".part")
        state = {
            "recipe": asdict(self.recipe),
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "share": self.balance.share,
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, part)
        part.replace(path)

    def restore(self, path: Path) -> None:
        """Continue from the file that `save` wrote. Raises ValueError if it belongs to another recipe."""
        saved = torch.load(path, map_location=self.model.device, weights_only=True)
        if saved["recipe"] != asdict(self.recipe):
            raise ValueError(f"{path} belongs to another recipe: {saved['recipe']}; remove it to start anew")
        self.model.load_state_dict(saved["model"])
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.balance.share = saved["share"]
        self.step, self.seconds = saved["step"], saved["seconds"]


def train(
    model: Qwen3MoeForCausalLM,
    windows: Windows,
    recipe: Recipe,
    folder: Path,
    until: int | None = None,
    save_seconds: float = 180,
) -> None:
    """Run `recipe` on `model` in place, from `folder/checkpoint.pt` where there is one.

    `until` stops after this many updates of the whole recipe. The checkpoint is replaced every
    `save_seconds` and at the end. The weights of `recipe.recorded()` are kept, in bfloat16, in
    `folder/recorded/<updates>.pt`. `folder/log.jsonl` gets a line every 20 steps; after a run
    was stopped, the steps since its last checkpoint appear twice.
    """
    run, checkpoint = Run(model, recipe), folder / "checkpoint.pt"
    if checkpoint.exists():
        run.restore(checkpoint)
    model.train()
    model.set_experts_implementation(SORTED)
    end = recipe.steps if until is None else min(until, recipe.steps)
    recorded = set(recipe.recorded())
    if run.step == 0:
        _record(run, folder)
    first, before = run.step, run.seconds
    started = last_save = time.monotonic()
    while run.step < end:
        length = recipe.window_at(run.step)
        tokens = windows.batch(run.step, recipe.tokens_per_step // length, length)
        losses = run.update(tokens.to(model.device))
        now = time.monotonic()
        run.seconds = before + now - started
        if run.step in recorded:
            _record(run, folder)
        if run.step % 20 == 0 or run.step == end:
            _report(run, losses, end, (now - started) / (run.step - first), folder)
        if now - last_save > save_seconds or run.step == end:
            run.save(checkpoint)
            last_save = now


def _record(run: Run, folder: Path) -> None:
    path = folder / "recorded" / f"{run.step}.pt"
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    torch.save({name: tensor.to("cpu", torch.bfloat16) for name, tensor in run.model.state_dict().items()}, part)
    part.replace(path)


def _report(run: Run, losses: tuple[float, list[float]], end: int, per_step: float, folder: Path) -> None:
    loss, balance = losses
    violation = (run.balance.share.max(dim=1).values * run.balance.share.shape[1] - 1).tolist()
    row = {"step": run.step, "loss": loss, "balance": balance, "max_violation": violation, "seconds": run.seconds}
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")
    print(
        f"step {run.step:5d}/{end}  loss {loss:.3f}  MaxVio {max(violation):.2f} at most"
        f"  {run.recipe.tokens_per_step / per_step:,.0f} tokens/s  {(end - run.step) * per_step / 60:.0f} min left",
        flush=True,
    )
