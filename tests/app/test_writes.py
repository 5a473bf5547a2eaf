"""What an expert writes toward, on the Experts page: recorded, measured now, and why it cannot be."""

from __future__ import annotations

import gc
from concurrent.futures import Future
from itertools import islice

import numpy as np
import pytest

import moe_viz
from moe_viz.corpus.document import in_turn
from moe_viz.probes import probe_texts
from moe_viz.ui.session import state
from moe_viz.ui.session.model_choice import ModelChoice
from moe_viz.ui.session.model_in_use import _engine
from moe_viz.ui.session.profile_view import recorded
from moe_viz.ui.specialization import measuring_outputs
from moe_viz.ui.specialization.expert_outputs import recorded_outputs
from moe_viz.ui.specialization.measuring_outputs import CHARACTERS, measure_outputs
from tests.app.steps import button, clean, until
from tests.app.test_domains import on, said
from tests.invented_profile import make_profile

MEASURE = "Measure what experts write with the model in use"


def tokens(app) -> list[list[str]]:
    return [frame.value["token"].tolist() for frame in app.dataframe if "strength" in frame.value]


def test_the_recorded_ones_are_shown_with_their_number(app):
    on(app, "experts").selectbox(key="layer").set_value("L5").run()
    app.selectbox(key="expert").set_value(13).run()
    clean(app)
    raised, lowered = tokens(app)
    assert {"·und", "·die", "·zu"} <= set(raised)
    assert not set(raised) & set(lowered)
    outputs = recorded_outputs()
    assert f"The mean over {outputs.taken[5, 13]:,} of the 89,073 tokens of 456 texts" in said(app)
    assert outputs.taken[5, 13] == recorded().profile.counts()[:, 5, 13].sum()


def test_what_is_measured_is_what_the_library_gives(app, monkeypatch):
    monkeypatch.setattr(measuring_outputs, "TEXTS", 3)
    on(app, "experts")
    button(app, MEASURE).click().run()
    until(app, lambda: state.EXPERT_OUTPUTS.key in app.session_state)
    app.run()
    clean(app)
    found = app.session_state[state.EXPERT_OUTPUTS.key]
    texts = [document.text[:CHARACTERS] for document in islice(in_turn(probe_texts()), 3)]
    alone = _engine(ModelChoice("demo")).use(lambda model: moe_viz.expert_outputs(model, texts)).result(60)
    assert (found.raised_ids == alone.raised_ids).all()
    np.testing.assert_array_equal(found.lowered, alone.lowered)
    assert "tokens of 3 texts" in said(app)
    assert "routers · measured 2" in said(app)


def test_of_another_model_than_the_one_in_use_it_says_so(app, monkeypatch):
    on(app, "experts", make_profile(), monkeypatch)
    assert "This is not measured yet for the model of this profile." in said(app)
    assert not tokens(app)
    button(app, MEASURE).click().run()
    until(app, lambda: app.error)
    assert "this profile is of invented, and another model is in use" in app.error[0].value.replace("\\", "")


class Held:
    """An engine that never answers."""

    def __init__(self) -> None:
        self.asked: list[Future] = []

    def use(self, _work, _owner: str) -> Future:
        self.asked.append(Future())
        return self.asked[-1]


@pytest.mark.parametrize("left", ["stopped", "left"])
def test_it_ends_when_it_is_stopped_or_nobody_holds_it(left):
    engine = Held()
    own = measure_outputs(engine, "me", "texts", {"a": ["text"]}, recorded().profile.runs[0].provenance)
    steps = own._steps
    if left == "stopped":
        own.stop()
    del own
    gc.collect()
    assert steps.over.wait(5)
    assert (steps.result, steps.failure) == (None, None)
    assert all(answer.cancelled() for answer in engine.asked)
