"""On another processor a model routes as it does here, up to rounding."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import moe_viz
from tests.agreement import assert_agree, difference
from tests.model.processors import OTHER, at_odd_addresses, traces
from tests.tiny_families import tiny_family
from tests.tiny_models import token_ids

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def here():
    return traces(odd=False)


def test_weights_at_odd_addresses_route_the_same(here):
    for name, trace in traces(odd=True).items():
        assert_agree(here[name], trace)


def test_other_instructions_and_threads_route_the_same(here, tmp_path):
    command = [sys.executable, "-m", "tests.model.processors", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env=os.environ | OTHER, capture_output=True, check=True, timeout=200)
    for name, trace in here.items():
        for there in (name, f"{name} odd"):
            assert_agree(trace, moe_viz.RoutingTrace.load(tmp_path / f"{there}.moetrace"))


def test_another_expert_of_one_token_at_one_router_is_noticed(here):
    hf_model = at_odd_addresses(tiny_family("granitemoe"))

    def another_once(_module, args):
        hidden, ids, weights = args
        ids = ids.clone()
        ids[5, 1] = next(e for e in range(8) if e not in ids[5])
        return hidden, ids, weights

    with moe_viz.attach(hf_model) as model:
        model.routers[2].experts.register_forward_pre_hook(another_once)
        [trace] = model.trace_stacks(token_ids=token_ids(17))
    assert "token 5, slot 1" in difference(here["granitemoe decoder"], trace)


def test_what_was_moved_to_odd_addresses_is_the_same():
    made, moved = tiny_family("granitemoe"), at_odd_addresses(tiny_family("granitemoe"))
    for one, other in zip(made.parameters(), moved.parameters(), strict=True):
        assert torch.equal(one, other)
        assert other.data_ptr() % 8 == 4
