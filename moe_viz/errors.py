"""What can go wrong, each with a message that says what was seen, what was expected, what to do."""

from __future__ import annotations


class MoeVizError(Exception):
    """Base of every error that this library raises on purpose; a page can show its text."""


class InputError(MoeVizError, ValueError):
    """The text or the token ids cannot be traced (empty, too long, out of the vocabulary)."""


class ModelError(MoeVizError):
    """The model cannot be loaded, or has no router that can be read."""


class CaptureError(MoeVizError, RuntimeError):
    """A forward pass ended without every router having been read exactly once."""


class TraceError(MoeVizError, ValueError):
    """A `RoutingTrace` was built from values that contradict each other."""


class TraceFileError(MoeVizError, ValueError):
    """A file is not a trace that this version can read."""


class EngineError(MoeVizError, RuntimeError):
    """The engine cannot take or finish a request."""


class StoppedError(MoeVizError, RuntimeError):
    """A forward pass was ended on request."""


class ProfileError(MoeVizError, ValueError):
    """An `ExpertProfile` was built from parts that contradict each other, or of different models."""


class ProfileFileError(MoeVizError, ValueError):
    """A file is not a profile that this version can read."""


class RecordingError(MoeVizError, ValueError):
    """`ExpertOutputs` or a `TrainingRecording` was built from parts that contradict each other."""


class RecordingFileError(MoeVizError, ValueError):
    """A file is not a recording that this version can read."""
