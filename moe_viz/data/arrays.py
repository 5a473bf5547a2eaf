"""The types of a trace's arrays, and how a value checks, freezes and compares its arrays."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moe_viz.errors import MoeVizError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Ids = NDArray[np.int16]
TokenIds = NDArray[np.int32]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

NO_EXPERT = -1
"""Where a slot took no expert: the token was dropped or skipped, or the router has fewer slots."""


def settle(
    owner: DataclassInstance,
    name: str,
    dtype: type[np.generic],
    shape: tuple[int, ...],
    contradiction: type[MoeVizError],
) -> None:
    """Replace a field by a read-only array of this type and shape.

    Raises `contradiction` if it has another shape, or whole numbers that do not fit the type.
    """
    given = np.asarray(getattr(owner, name))
    if given.shape != shape:
        raise contradiction(f"{name} has shape {given.shape}, expected {shape}")
    array = given
    if given.dtype != dtype or given.flags.writeable:
        array = np.array(given, dtype=dtype, order="C")
        if np.issubdtype(dtype, np.integer) and not np.array_equal(array, given):
            raise contradiction(f"{name} has values that do not fit {np.dtype(dtype).name}")
        array.setflags(write=False)
    object.__setattr__(owner, name, array)


def same_fields(a: DataclassInstance, b: DataclassInstance) -> bool:
    """Whether all fields of two values are equal; in arrays NaN equals NaN."""
    for field in fields(a):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
            if not np.array_equal(x, y, equal_nan=np.issubdtype(x.dtype, np.floating)):
                return False
        elif x != y:
            return False
    return True
