"""The contract's own modules say what differed, as tests do."""

import pytest

pytest.register_assert_rewrite(
    *(f"tests.contract.{name}" for name in ("contract", "of_flow", "of_lessons", "of_models", "of_profiles", "reading"))
)
