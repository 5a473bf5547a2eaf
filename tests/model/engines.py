"""What tests of the engine share: its limits, waiting for it, a model that waits."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import moe_viz
from moe_viz.settings import settings


def limits(**own):
    return replace(settings(), **own)


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.002)


class Gate:
    """A model that is loaded at once, but runs only while the gate is open."""

    def __init__(self):
        self.model = moe_viz.load()
        self.open = threading.Event()
        self.passes = 0
        forward = self.model.hf_model.forward

        def gated(*args, **kwargs):
            self.passes += 1
            assert self.open.wait(60)
            return forward(*args, **kwargs)

        self.model.hf_model.forward = gated
