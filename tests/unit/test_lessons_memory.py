"""The lesson on memory, worked out another way."""

import numpy as np
import pytest

from moe_viz.lessons.memory import BITS, DEVICES, fetched_per_token, gigabytes, tokens_until_all
from moe_viz.lessons.recorded import final
from moe_viz.lessons.sizes import known_sizes


def test_bytes_by_hand():
    assert gigabytes(46_702_792_704, BITS["bfloat16"]) == pytest.approx(93.405585408)
    assert gigabytes(1_000_000_000, BITS["int4"]) == 0.5
    mixtral = known_sizes()["Mixtral 8x7B"]
    experts = 32 * 2 * 3 * 4096 * 14336  # layers, k, matrices, hidden, width
    assert fetched_per_token(mixtral, 16) == pytest.approx(2 * experts / 1e9)


def test_devices_are_listed_from_small_to_large():
    assert list(DEVICES.values()) == sorted(DEVICES.values())
    for name, size in DEVICES.items():
        assert name.replace(",", "").endswith(f" {size} GB")


def test_tokens_until_every_expert_was_used():
    ids = np.array([[[0, 1], [1, 0], [2, 0], [3, 1]], [[0, 1], [2, 3], [0, 1], [0, 1]], [[0, 1]] * 4])
    assert tokens_until_all(ids, 4).tolist() == [4, 2, -1]


def test_every_expert_of_the_bundled_model_is_used_at_the_token_that_is_named():
    last = final()
    for site, needed in zip(last.expert_ids, tokens_until_all(last.expert_ids, last.experts), strict=True):
        assert len(np.unique(site[:needed])) == last.experts
        assert len(np.unique(site[: needed - 1])) < last.experts
