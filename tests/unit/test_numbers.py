"""The files that a figure hands out: its table, and the name and form of its picture."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from moe_viz.metrics.tables import expert_table, layer_table, router_table
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.ui.widgets.chart import file_name
from moe_viz.ui.widgets.numbers import parquet_of
from tests.invented import make_trace

ROOT = Path(__file__).parents[2]


def read_back(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(parquet_of(rows)))


@pytest.mark.parametrize(
    "rows",
    [
        make_trace(dropped=0.3).to_frame(),
        layer_table(ExpertProfile.of_choices(make_trace(experts=[4, 9], top_k=[1, 3]))),
        expert_table(ExpertProfile.of_choices(make_trace(logits=False))),
        router_table(make_trace(), 2),
    ],
    ids=["choices", "layers", "experts", "router"],
)
def test_a_table_comes_back_from_its_parquet_file_as_it_was(rows):
    pd.testing.assert_frame_equal(read_back(rows), rows, check_dtype=False)
    assert {name: rows[name].dtype for name in rows if rows[name].dtype != object} == {
        name: read_back(rows)[name].dtype for name in rows if rows[name].dtype != object
    }


def test_what_a_column_of_parquet_cannot_hold_becomes_text():
    rows = pd.DataFrame({"value": ["all", 3, None, (1, 2)], 7: [1.0, np.nan, 2.0, 3.0]}, index=[4, 4, 5, 6])
    back = read_back(rows)
    assert back["value"].tolist()[:2] == ["all", "3"]
    assert back["value"].isna().tolist() == [False, False, True, False]
    assert back["value"][3] == "(1, 2)"
    assert list(back) == ["value", "7"]
    assert rows["value"].tolist()[1] == 3  # the table on the page stays


def test_every_figure_is_drawn_where_its_picture_is_made():
    files = [
        path
        for path in [*ROOT.glob("pages/*.py"), *ROOT.glob("moe_viz/**/*.py")]
        if re.search(r"^ *st\.plotly_chart\(", path.read_text(), re.MULTILINE)
    ]
    assert files == [ROOT / "moe_viz" / "ui" / "widgets" / "chart.py"]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("domains large", "moe_viz-domains-large"),
        ("layers ../../etc/passwd\0 <b>", "moe_viz-layers-etc-passwd-b"),
        ("猫", "moe_viz"),
    ],
)
def test_a_picture_has_a_name_that_every_file_system_takes(key, name):
    assert file_name(key) == name
    assert len(file_name(key * 100)) <= 60
