"""`python -m training --corpus DIR`: from a folder of text to the files in `moe_viz/demo/`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer

from training.architecture import BUNDLED, VOCAB_SIZE, Shape, build_model
from training.card import card
from training.corpus import Split, Windows, code_versions, encode_streams, end_of_text_id, read_corpus
from training.evaluate import evaluate
from training.export import export, load_exported, read_work
from training.loop import Recipe, train
from training.samples import sample
from training.tokenizer import train_tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with train/ and heldout/")
    parser.add_argument("--javascript", type=Path, default=Path("node_modules/eslint/lib"))
    parser.add_argument("--work", type=Path, default=Path(".training"), help="checkpoint, tokens, log")
    parser.add_argument("--out", type=Path, default=Path("moe_viz/demo"), help="folder of the finished model")
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; the card says how many")
    parser.add_argument("--xz", action="store_true", help="compare with xz -9e too (minutes)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    domains = read_corpus(args.corpus, args.javascript)
    learn(domains, Recipe(steps=args.steps), args.work)
    finish(domains, code_versions(args.javascript), args.work, args.out, xz=args.xz)


def learn(domains: dict[str, Split], recipe: Recipe, work: Path, shape: Shape = BUNDLED) -> None:
    """Train tokenizer and model in the folder `work`; go on where an earlier call was cut off."""
    work.mkdir(parents=True, exist_ok=True)
    vocabulary = work / "tokenizer.json"
    if not vocabulary.exists():
        train_tokenizer(domains, VOCAB_SIZE).save(str(vocabulary))
    tokenizer = Tokenizer.from_file(str(vocabulary))
    streams = encode_streams(domains, tokenizer, work / "tokens.npz")
    for name, stream in streams.items():
        print(f"{name:20s} {len(stream.tokens):10,d} tokens")
    model = build_model(tokenizer.get_vocab_size(), end_of_text_id(tokenizer), recipe.seed, shape)
    train(model, Windows(streams, tokenizer, recipe.seed), recipe, work)


def finish(
    domains: dict[str, Split],
    versions: dict[str, str],
    work: Path,
    out: Path,
    shape: Shape = BUNDLED,
    xz: bool = False,
) -> None:
    """Export what `work` holds to `out`, evaluate it as exported, write `evaluation.json` and the card."""
    trained = read_work(work, shape)
    export(trained, out)
    print(f"exported step {trained.steps} of {trained.recipe.steps} to {out}; evaluating", flush=True)
    model, description = load_exported(out)
    evaluation = {
        **description,
        "training": {**trained.cost(), "threads": torch.get_num_threads()},
        "versions": versions,
        **evaluate(model, domains, trained.tokenizer, xz),
        "samples": sample(model, trained.tokenizer),
    }
    text = json.dumps(evaluation, ensure_ascii=False, indent=1)
    (out / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    (out / "README.md").write_text(card(evaluation), encoding="utf-8")
    print(f"mean held-out loss {evaluation['mean_loss_nats_per_token']:.3f} nats a token")


if __name__ == "__main__":
    main()
