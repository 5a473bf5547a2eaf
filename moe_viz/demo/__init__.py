"""The bundled model: its weights, its tokenizer, and its recordings."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
"""The model, as a folder in the Hugging Face format."""
PROBES_PROFILE = FOLDER / "probes.moeprofile"
"""The model over the probes."""
HELD_OUT_PROFILE = FOLDER / "heldout.moeprofile"
"""The model over texts of its training corpus that it was not trained on."""
EXPERT_OUTPUTS = FOLDER / "outputs.moeoutputs"
"""Towards which tokens its experts write, over the probes: `moe-viz outputs --corpus probes`."""
TRAINING = FOLDER / "training_recordings"
"""The recordings of its training: as it was trained, and the same without load balancing."""
