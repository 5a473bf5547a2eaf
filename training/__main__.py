"""`python -m training --corpus DIR`: from a folder of text to the files in `moe_viz/demo/`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from tokenizers import Tokenizer

from training.architecture import VOCAB_SIZE, build_model
from training.corpus import END_OF_TEXT, Windows, encode_streams, read_corpus
from training.loop import Recipe, train
from training.tokenizer import train_tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with train/ and heldout/")
    parser.add_argument("--javascript", type=Path, default=Path("node_modules/eslint/lib"))
    parser.add_argument("--work", type=Path, default=Path(".training"), help="checkpoint, tokens, log")
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)

    domains = read_corpus(args.corpus, args.javascript)
    vocabulary = args.work / "tokenizer.json"
    if not vocabulary.exists():
        train_tokenizer(domains, VOCAB_SIZE).save(str(vocabulary))
    tokenizer = Tokenizer.from_file(str(vocabulary))
    streams = encode_streams(domains, tokenizer, args.work / "tokens.npz")
    for name, stream in streams.items():
        print(f"{name:20s} {len(stream.tokens):10,d} tokens")

    recipe = Recipe(steps=args.steps)
    model = build_model(tokenizer.get_vocab_size(), tokenizer.token_to_id(END_OF_TEXT), recipe.seed)
    train(model, Windows(streams, tokenizer, recipe.seed), recipe, args.work)


if __name__ == "__main__":
    main()
