"""The files in `moe_viz/demo/` belong together."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from training.architecture import BUNDLED
from training.card import card
from training.export import load_exported
from training.sources import SOURCES

DEMO = Path(__file__).parents[2] / "moe_viz" / "demo"


@pytest.fixture(scope="module")
def evaluation() -> dict[str, Any]:
    return json.loads((DEMO / "evaluation.json").read_text(encoding="utf-8"))


def test_the_evaluation_is_of_these_weights(evaluation):
    weights = (DEMO / "model.safetensors").read_bytes()
    assert evaluation["weights_sha256"] == hashlib.sha256(weights).hexdigest()
    assert len(weights) < 48_000_000


def test_the_evaluation_describes_this_model(evaluation):
    _, description = load_exported(DEMO)
    assert {name: evaluation[name] for name in description} == description
    assert (BUNDLED.layers, BUNDLED.experts) == (
        description["model"]["layers"],
        description["model"]["experts"],
    )


def test_training_was_finished(evaluation):
    assert evaluation["training"]["steps"] == evaluation["training"]["recipe"]["steps"]


def test_the_card_is_made_from_the_evaluation(evaluation):
    assert (DEMO / "README.md").read_text(encoding="utf-8") == card(evaluation)


def test_every_domain_has_a_source(evaluation):
    assert {source.domain for source in SOURCES} == set(evaluation["domains"])
