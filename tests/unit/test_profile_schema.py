"""The table of a profile's fields: complete, and what merging does to each is what it says."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from moe_viz import ExpertProfile, ProfileError
from moe_viz.profiles.profile_counts import ProfileCounts
from moe_viz.profiles.schema import array_fields, table_fields
from tests.invented_profile import make_profile


@pytest.fixture(scope="module")
def profile() -> ExpertProfile:
    return make_profile(domains=3, documents=4, experts=(5, 3, 7), top_k=(2, 1, 3), generated=5)


def test_every_field_that_is_an_array_or_a_table_is_in_the_table(profile):
    arrays = {f.name for f in fields(profile) if isinstance(getattr(profile, f.name), np.ndarray)}
    assert set(array_fields(profile)) == arrays
    assert {f.name for f in fields(ProfileCounts)} - arrays == {
        *table_fields(profile),
        "sites",
        "groups",
        "runs",
        "token_texts",
    }


@pytest.mark.parametrize("name", array_fields(ProfileCounts))
def test_another_shape_type_or_sign_is_refused(profile, name):
    of, values = array_fields(ProfileCounts)[name], getattr(profile, name)
    assert values.shape == of.shape(profile.axes)
    longer = np.concatenate([values, values], axis=0)
    with pytest.raises(ProfileError, match=rf"{name} is |block_"):
        replace(profile, **{name: longer})
    with pytest.raises(ProfileError, match=f"{name} is float32"):
        replace(profile, **{name: values.astype(np.float32)})
    if np.issubdtype(of.dtype, np.signedinteger) and not of.signed:
        with pytest.raises(ProfileError, match=f"{name} has a count below 0"):
            replace(profile, **{name: values - 1 - values.max()})


def test_what_adds_up_as_it_says(profile):
    """The profile with itself: the same groups and blocks, so that all that is added doubles, whatever the way."""
    twice = profile.merge(profile)
    for name, of in array_fields(profile).items():
        factor = 1 if of.adds == "by a rule of its own" else 2
        np.testing.assert_array_equal(getattr(twice, name), factor * getattr(profile, name), err_msg=name)


def test_what_has_no_group_in_common_stands_side_by_side(profile):
    other = replace(profile, groups=tuple(replace(group, domain=f"z {group.domain}") for group in profile.groups))
    both = profile.merge(other)
    for name, of in array_fields(profile).items():
        mine, found = getattr(profile, name), getattr(both, name)
        if of.adds in ("by group", "by block"):
            np.testing.assert_array_equal(found, np.concatenate([mine, mine]), err_msg=name)
        elif of.adds in ("as it is", "to the longest"):
            np.testing.assert_array_equal(found, 2 * mine, err_msg=name)
