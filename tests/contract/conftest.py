"""The contract's own modules say what differed, as tests do."""

import pytest

OWN = ("contract", "of_flow", "of_layers", "of_lessons", "of_models", "of_profiles", "reading", "recount")
pytest.register_assert_rewrite(*(f"tests.contract.{name}" for name in OWN))
