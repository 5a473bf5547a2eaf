"""Short passages of many kinds of text, written for this project (CC0): examples, and domains to compare.

One file per domain, `<domain>.jsonl`, one `{"text": ...}` per line; `mixed.json` has texts of several
kinds in one. No passage is in the training text of the bundled model.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import MappingProxyType

TITLES = MappingProxyType(
    {
        "english_fiction": "English fiction",
        "english_textbook": "English textbook",
        "science_medicine": "Science and medicine",
        "law": "Law",
        "poetry": "Poetry",
        "dialogue": "Dialogue",
        "math_steps": "Maths, step by step",
        "math_latex": "Maths in LaTeX",
        "python": "Python",
        "cpp": "C++",
        "javascript": "JavaScript",
        "shell_commands": "Shell commands",
        "structured_data": "JSON, YAML, SQL",
        "chess": "Chess",
        "french": "French",
        "german": "German",
        "spanish": "Spanish",
        "russian": "Russian",
        "chinese_classical": "Chinese",
    }
)
"""Each domain's name and its title on a page, in the order in which they are listed."""


@cache
def mixed_texts() -> MappingProxyType[str, str]:
    """Texts of several kinds in one, by their titles."""
    rows = json.loads((Path(__file__).parent / "mixed.json").read_text(encoding="utf-8"))
    return MappingProxyType({row["title"]: row["text"] for row in rows})


@cache
def probe_texts() -> MappingProxyType[str, tuple[str, ...]]:
    """The passages of every domain, in the order of `TITLES`."""
    return MappingProxyType({domain: _read(domain) for domain in TITLES})


def _read(domain: str) -> tuple[str, ...]:
    lines = (Path(__file__).parent / f"{domain}.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line)["text"] for line in lines)
