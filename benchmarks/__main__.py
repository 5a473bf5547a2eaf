"""`python -m benchmarks`: measure, and print what was measured as a Markdown table."""

from __future__ import annotations

import platform
import sys

import torch
import transformers

from benchmarks import capture, engine, gpu, load, page, profile


def main() -> None:
    wanted = sys.argv[1:] or ["capture", "gpu", "profile", "engine", "load", "page"]
    print(f"{platform.machine()}, {torch.get_num_threads()} cores, Python {platform.python_version()},")
    print(f"torch {torch.__version__}, transformers {transformers.__version__}\n")
    if "capture" in wanted:
        print("| CPU time with capture over without | ratio | without |\n|---|---|---|")
        for line in capture.report():
            print(line, flush=True)
        print()
    if "gpu" in wanted:
        print("| on the GPU | measured |\n|---|---|")
        for line in gpu.report():
            print(line, flush=True)
        print()
    if "profile" in wanted:
        print("| a corpus's throughput over that of the same forward passes alone | ratio | pairs |\n|---|---|---|")
        for line in profile.report():
            print(line, flush=True)
        print()
    if "engine" in wanted:
        print("| many requests at once | measured |\n|---|---|")
        for line in engine.report():
            print(line, flush=True)
        print()
    if "load" in wanted:
        print("| people on one server | measured |\n|---|---|")
        for line in load.report():
            print(line, flush=True)
        print()
    if "page" in wanted:
        print("| on the page | measured | times |\n|---|---|---|")
        for line in page.report():
            print(line, flush=True)


if __name__ == "__main__":
    main()
