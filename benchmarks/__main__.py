"""`python -m benchmarks`: measure, and print the results as Markdown tables."""

from __future__ import annotations

import platform
import sys

import torch
import transformers

from benchmarks import capture, engine, gpu, lessons, load, page, profile, redraw

REPORTS = {
    "capture": (capture.report, "| CPU time with capture over without | ratio | without |\n|---|---|---|"),
    "gpu": (gpu.report, "| on the GPU | measured |\n|---|---|"),
    "profile": (
        profile.report,
        "| throughput on a corpus, divided by that of the same forward passes alone | ratio | pairs |\n|---|---|---|",
    ),
    "engine": (engine.report, "| many requests at once | measured |\n|---|---|"),
    "load": (load.report, "| people on one server | measured |\n|---|---|"),
    "lessons": (
        lessons.report,
        "| balancing of the small model | MaxVio at the end | loss, nats per letter | seeds |\n|---|---|---|---|",
    ),
    "redraw": (redraw.report, "| pages of specialization | measured | clicks |\n|---|---|---|"),
    "page": (page.report, "| on the page | measured | times |\n|---|---|---|"),
}


def main() -> None:
    wanted = sys.argv[1:] or list(REPORTS)
    print(f"{platform.machine()}, {torch.get_num_threads()} cores, Python {platform.python_version()},")
    print(f"torch {torch.__version__}, transformers {transformers.__version__}\n")
    for name, (report, heading) in REPORTS.items():
        if name in wanted:
            print(heading)
            for line in report():
                print(line, flush=True)
            print()


if __name__ == "__main__":
    main()
