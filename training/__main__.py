"""`python -m training --corpus DIR`: from a folder of text to the files in `moe_viz/demo/`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer

from moe_viz.probes import probe_texts
from training.architecture import BUNDLED, VOCAB_SIZE, Shape, build_model
from training.card import card
from training.corpus import Split, Windows, code_versions, encode_streams, end_of_text_id, read_corpus
from training.evaluate import evaluate
from training.export import export, load_exported, read_work
from training.loop import BALANCED, UNBALANCED, Recipe, train
from training.recording import record, summary
from training.samples import sample
from training.tokenizer import train_tokenizer

OFTEN = ("cpp", "law", "math_latex", "python", "science_medicine", "shell_commands", "structured_data")
"""The most repetitive domains, where a compressor is the strongest rival."""
UNBALANCED_FRAMES = 12
"""The run without balancing stops at the recorded state with this index."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with train/ and heldout/")
    parser.add_argument("--javascript", type=Path, default=Path("node_modules/eslint/lib"))
    parser.add_argument("--work", type=Path, default=Path(".training"), help="checkpoints, tokens, logs")
    parser.add_argument("--out", type=Path, default=Path("moe_viz/demo"), help="folder of the finished model")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="where to train")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    domains = read_corpus(args.corpus, args.javascript)
    recipe = Recipe(steps=args.steps, often=tuple(name for name in OFTEN if name in domains))
    learn(domains, recipe, args.work, device=args.device)
    finish(domains, code_versions(args.javascript), probe_texts(), args.work, args.out)


def learn(
    domains: Mapping[str, Split], recipe: Recipe, work: Path, shape: Shape = BUNDLED, device: str = "cpu"
) -> None:
    """Train tokenizer and model in the folder `work`, and for a while the same model without balancing.

    It continues where an earlier call was stopped.
    """
    work.mkdir(parents=True, exist_ok=True)
    vocabulary = work / "tokenizer.json"
    if not vocabulary.exists():
        train_tokenizer(domains, VOCAB_SIZE).save(str(vocabulary))
    tokenizer = Tokenizer.from_file(str(vocabulary))
    streams = encode_streams(domains, tokenizer, work / "tokens.npz")
    for name, stream in streams.items():
        print(f"{name:20s} {len(stream.tokens):10,d} tokens")
    windows = Windows(streams, tokenizer, recipe.seed, recipe.often)
    stop = recipe.recorded()[:UNBALANCED_FRAMES][-1]
    for folder, own, until in (
        (work / BALANCED, recipe, recipe.steps),
        (work / UNBALANCED, replace(recipe, balance=0.0), stop),
    ):
        folder.mkdir(exist_ok=True)
        model = build_model(tokenizer.get_vocab_size(), end_of_text_id(tokenizer), recipe.seed, shape).to(device)
        train(model, windows, own, folder, until)


def finish(
    domains: Mapping[str, Split],
    versions: Mapping[str, str],
    probes: Mapping[str, Sequence[str]],
    work: Path,
    out: Path,
    shape: Shape = BUNDLED,
) -> None:
    """Export the model in `work` to `out`, evaluate the exported model, record its training, write its card."""
    trained = read_work(work, shape)
    export(trained, out)
    print(f"exported step {trained.steps} of {trained.recipe.steps} to {out}; evaluating", flush=True)
    model, description = load_exported(out)
    evaluation = {
        **description,
        "training": {**trained.cost(), "threads": torch.get_num_threads()},
        "versions": dict(versions),
        **evaluate(model, domains, probes, trained.tokenizer, work / "xz.json"),
        "samples": sample(model, trained.tokenizer, probes),
    }
    (out / "training_recordings").mkdir(exist_ok=True)
    for name, recipe in ((BALANCED, trained.recipe), (UNBALANCED, replace(trained.recipe, balance=0.0))):
        lapse = record(model, recipe, work / name / "recorded", probes, trained.tokenizer)
        lapse.save(out / "training_recordings" / f"{name}.moerecording")
        evaluation[f"{name}_recording"] = summary(lapse)
    text = json.dumps(evaluation, ensure_ascii=False, indent=1)
    (out / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    (out / "README.md").write_text(card(evaluation), encoding="utf-8")
    print((out / "README.md").read_text(encoding="utf-8").split("## Results")[1].split("### Continuations")[0])


if __name__ == "__main__":
    main()
