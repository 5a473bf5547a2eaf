"""From a checkpoint to a folder that transformers loads: `python -m training.export --work DIR --out DIR`.

The checkpoint may belong to a run that is not finished.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, GenerationConfig, Qwen3MoeForCausalLM

from training.architecture import BUNDLED, CONTEXT, Shape, build_model
from training.corpus import end_of_text_id
from training.loop import BALANCED, Recipe
from training.tokenizer import as_transformers


@dataclass(frozen=True)
class Trained:
    """The contents of a working folder: the weights so far, and their cost."""

    model: Qwen3MoeForCausalLM
    tokenizer: Tokenizer
    recipe: Recipe
    steps: int
    """Updates done; `recipe.steps` of a finished run."""
    seconds: float
    """Wall-clock time of the updates."""

    def cost(self) -> dict[str, object]:
        """The run in numbers, with its whole recipe."""
        return {
            "steps": self.steps,
            "tokens": self.steps * self.recipe.tokens_per_step,
            "seconds": round(self.seconds),
            "recipe": asdict(self.recipe),
        }


def read_work(work: Path, shape: Shape = BUNDLED) -> Trained:
    """Read the balanced run of a working folder, finished or not.

    Raises FileNotFoundError if training has saved nothing there yet.
    """
    checkpoint = work / BALANCED / "checkpoint.pt"
    if not checkpoint.exists():
        raise FileNotFoundError(f"no {checkpoint}: train first, `python -m training --corpus DIR --work {work}`")
    saved = torch.load(checkpoint, weights_only=True)
    recipe = Recipe(**saved["recipe"])
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    model = build_model(tokenizer.get_vocab_size(), end_of_text_id(tokenizer), recipe.seed, shape)
    model.load_state_dict(saved["model"])
    return Trained(model, tokenizer, recipe, saved["step"], saved["seconds"])


def export(trained: Trained, folder: Path) -> None:
    """Write weights in bfloat16, configuration and tokenizer, for `from_pretrained(folder)`.

    `router_aux_loss_coef` is the strength of the balancing term, although transformers'
    own term of this name pools the layers and the term used in training does not.
    """
    end = end_of_text_id(trained.tokenizer)
    model = trained.model.to(torch.bfloat16)
    model.config.router_aux_loss_coef = trained.recipe.balance
    model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=end)
    model.save_pretrained(folder)
    as_transformers(trained.tokenizer, CONTEXT).save_pretrained(folder)


def load_exported(folder: Path) -> tuple[Qwen3MoeForCausalLM, dict[str, object]]:
    """The exported model, computing in float32, and its digest, sizes and parameter counts."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.set_experts_implementation("eager")
    config = model.config
    total = sum(p.numel() for p in model.parameters())
    expert = 3 * config.hidden_size * config.moe_intermediate_size
    idle = config.num_hidden_layers * (config.num_experts - config.num_experts_per_tok) * expert
    return model, {
        "weights_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "model": {
            "layers": config.num_hidden_layers,
            "experts": config.num_experts,
            "top_k": config.num_experts_per_tok,
            "hidden": config.hidden_size,
            "expert_width": config.moe_intermediate_size,
            "heads": config.num_attention_heads,
            "key_value_heads": config.num_key_value_heads,
            "head_width": config.head_dim,
            "context": config.max_position_embeddings,
            "vocabulary": config.vocab_size,
        },
        "parameters": {
            "total": total,
            "active": total - idle,
            "embedding": model.get_input_embeddings().weight.numel(),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".training"), help="folder of the checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    trained = read_work(args.work)
    export(trained, args.out)
    print(f"step {trained.steps} of {trained.recipe.steps} written to {args.out}")


if __name__ == "__main__":
    main()
