"""How well a compressor that has seen the training text compresses the held-out text."""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Sequence
from pathlib import Path

PRESET = 9 | lzma.PRESET_EXTREME


def xz_bits_per_byte(known: Sequence[str], new: Sequence[str], cache: Path) -> float:
    """Bits per byte of `xz -9e` on the texts `new`, which may refer back to all of `known`.

    This is the compressed size of both together minus that of `known` alone. It takes seconds;
    `cache`, a JSON file, keeps the result.
    """
    before, after = ("\n".join(texts).encode() for texts in (known, new))
    key = hashlib.sha256(b"\0".join([before, after])).hexdigest()
    results: dict[str, float] = json.loads(cache.read_text()) if cache.exists() else {}
    if key not in results:
        extra = len(lzma.compress(before + after, preset=PRESET)) - len(lzma.compress(before, preset=PRESET))
        results[key] = 8 * extra / len(after)
        cache.write_text(json.dumps(results))
    return results[key]
