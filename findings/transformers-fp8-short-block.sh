#!/usr/bin/env bash
# Weights in fp8 whose last block is short are unpacked with factors on the wrong rows.
#
# Expected: a checkpoint with quant_method "fp8" and weight_block_size [128, 128] has one factor for
# each 128 rows by 128 columns of a weight; of 192 rows the first factor scales rows 0 to 127, the
# second 128 to 191. transformers' own fp8 layer makes a grid of 2 for 192 rows, too.
# Instead: where transformers unpacks the weights (as it does without a GPU that computes with fp8),
# it ignores weight_block_size and divides the rows by the factors: 192 / 2 = 96. Rows 96 to 127 get
# the second block's factor; the same happens with columns. Nothing is raised, and no key is reported
# missing, unexpected or mismatched. Sizes that do not divide, as 576 by 5, do raise.
#
# Seen with every stored value 1, the first factor 1 and the second 2:
#   256 rows: 0 wrong. 192 rows: 32 wrong, 96 to 127. 192 columns: 32 wrong, 96 to 127.
#
# Versions: transformers 5.23.0, torch 2.13.0 (CPU), safetensors 0.8.0, Python 3.11, Linux x86-64.
set -euo pipefail
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES=

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
	transformers==5.23.0 torch==2.13.0 safetensors==0.8.0 accelerate==1.15.0

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Qwen3MoeConfig
from transformers.integrations.finegrained_fp8 import FP8Linear

BLOCK = 128
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def stored(folder, width):
    """A folder with a model whose experts are `width` wide, in blocks of fp8."""
    AutoModelForCausalLM.from_config(
        Qwen3MoeConfig(
            vocab_size=64,
            hidden_size=128,
            moe_intermediate_size=width,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            head_dim=64,
            num_experts=2,
            num_experts_per_tok=1,
        )
    ).save_pretrained(folder)
    tensors = load_file(folder / "model.safetensors")
    for name in [name for name in tensors if name.endswith("_proj.weight")]:
        rows, columns = (-(-size // BLOCK) for size in tensors[name].shape)
        tensors[name] = torch.ones(tensors[name].shape).to(torch.float8_e4m3fn)
        tensors[f"{name}_scale_inv"] = 2.0 ** torch.arange(rows * columns).reshape(rows, columns)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {
        "quant_method": "fp8",
        "activation_scheme": "dynamic",
        "weight_block_size": [BLOCK, BLOCK],
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def wrong(width):
    """Rows of an expert's gate, and columns of its output, that are not stored value times factor."""
    folder = stored(Path(sys.argv[1]) / str(width), width)
    model, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, output_loading_info=True)
    if any(report.values()):
        sys.exit(f"transformers now reports that something is wrong: {report}.")
    experts = model.model.layers[0].mlp.experts
    factors = 2.0 ** (torch.arange(width) // BLOCK)
    rows = (experts.gate_up_proj[0, :width].float() != factors[:, None]).any(1)
    columns = (experts.down_proj[0].float() != factors).any(0)
    return rows.nonzero().flatten().tolist(), columns.nonzero().flatten().tolist()


def spoken(which):
    return f"{len(which)} wrong" + (f", {which[0]} to {which[-1]}" if which else "")


grid = tuple(FP8Linear(128, 192, block_size=(BLOCK, BLOCK)).weight_scale_inv.shape)
print(f"Factors that transformers' fp8 layer has for 192 rows of 128 columns: {grid}.")
if grid != (2, 1):
    sys.exit("transformers' fp8 layer no longer has a factor for each block that was begun.")
seen = {width: wrong(width) for width in (256, 192)}
for width, (rows, columns) in seen.items():
    print(f"{width} rows: {spoken(rows)}. {width} columns: {spoken(columns)}.")
if seen[256] != ([], []):
    sys.exit("Whole blocks are unpacked wrongly as well: this is no longer about a short block.")
if seen[192] != (list(range(96, 128)),) * 2:
    sys.exit("A short last block no longer moves the factors from rows 96 to 127.")
PYTHON
echo "still so"
