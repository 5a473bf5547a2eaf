"""The figures of specialization: what they show is what they were given."""

import numpy as np
import pandas as pd
import pytest

from moe_viz.figures.atlas import load_bars, share_by_domain
from moe_viz.figures.domains import all_layers, halves
from moe_viz.figures.heatmap import layers_by_experts


def uses_of(panels: list[np.ndarray]) -> pd.DataFrame:
    """Shares `[domain expert]` of each router as the table that they are drawn from."""
    parts = []
    for site, panel in enumerate(panels):
        domain, expert = np.indices(panel.shape).reshape(2, -1)
        columns = {"domain": domain.astype(str), "site": site, "expert": expert, "share": panel.ravel()}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("sites", [1, 6, 7, 48])
def test_every_layer_has_a_panel_of_its_own_that_can_be_clicked(sites):
    panels = [np.random.default_rng(site).random((3, 4 + site)) for site in range(sites)]
    figure = all_layers(
        uses_of(panels),
        "share",
        domains=["0", "1", "2"],
        titles=[f"L{s}" for s in range(sites)],
        diverging=False,
        limit=1.0,
        selected=sites - 1,
    )
    maps = [trace for trace in figure.data if trace.type == "heatmap"]
    for panel, drawn in zip(panels, maps, strict=True):
        np.testing.assert_allclose(drawn.z / 255, panel, atol=0.5 / 255)
        assert drawn.z.dtype == np.uint8
    targets = [trace for trace in figure.data if trace.type == "scatter"]
    assert [target.customdata[0] for target in targets] == list(range(sites))
    rooms = []
    for trace in maps:
        x, y = (figure.layout[f"{axis[0]}axis{axis[1:]}"] for axis in (trace.xaxis, trace.yaxis))
        assert y.range[0] > y.range[1]  # the first domain on top
        rooms.append((*x.domain, *y.domain))
    for i, a in enumerate(rooms):
        for b in rooms[i + 1 :]:
            assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]
    assert figure.layout.shapes[0].xref.split()[0] == maps[-1].xaxis


def test_a_difference_of_zero_lies_in_the_middle_of_the_scale():
    uses = uses_of([np.array([[-0.5, 0.0, 0.5]])])
    figure = all_layers(uses, "share", domains=["0"], titles=["L0"], diverging=True, limit=0.5, selected=0)
    assert figure.data[0].z.tolist() == [[0, 128, 255]]


def test_dots_stand_on_the_marked_cells_alone():
    marked = np.array([[False, True], [True, False], [False, False]])
    figure = layers_by_experts(np.ones((3, 2)), list("abc"), kind="use", marked=marked)
    assert set(zip(figure.data[-1].y.tolist(), figure.data[-1].x.tolist(), strict=True)) == {(0, 1), (1, 0)}
    assert len(layers_by_experts(np.ones((3, 2)), list("abc"), kind="use", marked=~marked & marked).data) == 2


def test_confirmed_and_other_specialists_are_told_apart():
    table = pd.DataFrame({"fitted": [0.2, 0.1, 0.3], "held_out": [0.2, -0.1, 0.3], "confirmed": [True, False, True]})
    table = table.assign(domain=["a", "b", "c"], site=[1, 0, 0], expert=[5, 6, 7])
    _line, confirmed, other = halves(table, {"a": "A", "b": "B", "c": "C"}, ["L0", "L1"]).data
    assert (list(confirmed.x), list(confirmed.text)) == ([0.2, 0.3], ["A, L1, expert 5", "C, L0, expert 7"])
    assert (list(other.y), list(other.text)) == ([-0.1], ["B, L0, expert 6"])


def test_intervals_are_drawn_where_there_are_any():
    table = pd.DataFrame({"name": ["a", "b"], "share": [0.5, 0.2], "low": [0.4, 0.1], "high": [0.7, 0.3]})
    first = share_by_domain(table.assign(marked=[True, False]), 0.25, 0.3).data[0]
    assert first.error_x.array[0] == pytest.approx(0.2)
    assert first.error_x.arrayminus[0] == pytest.approx(0.1)
    none = share_by_domain(table.assign(marked=False, low=np.nan, high=np.nan), 0.25, 0.3).data[0]
    assert none.error_x.array is None


def test_the_chosen_expert_stands_out_among_the_loads():
    table = pd.DataFrame({"expert": [0, 1, 2], "tokens": [1, 2, 3], "load": [1 / 6, 2 / 6, 3 / 6]})
    colours = load_bars(table, 1).data[0].marker.color
    assert colours[0] == colours[2] != colours[1]
