"""The example in the docstring of each public entry point gives what it says."""

import doctest

import pytest

import moe_viz

ENTRY_POINTS = {
    "load": moe_viz.load,
    "attach": moe_viz.attach,
    "trace": moe_viz.MoEModel.trace,
    "generate": moe_viz.MoEModel.generate,
    "expert_outputs": moe_viz.expert_outputs,
    "count_parameters": moe_viz.count_parameters,
    "memory_plan": moe_viz.memory_plan,
    "profile": moe_viz.profile,
    "RoutingTrace.load": moe_viz.RoutingTrace.load,
    "ExpertProfile": moe_viz.ExpertProfile,
}


def outcome(entry_point, name):
    found = doctest.DocTestFinder(recurse=False).find(entry_point, name, globs={})
    runner = doctest.DocTestRunner(verbose=False)
    for test in found:
        runner.run(test)
    return runner.summarize(verbose=False)


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_the_example_gives_what_it_says(name):
    failed, attempted = outcome(ENTRY_POINTS[name], name)
    assert attempted >= 2
    assert not failed


def test_an_example_that_gives_something_else_is_found():
    def wrong():
        """
        >>> 1 + 1
        3
        """

    assert outcome(wrong, "wrong") == (1, 1)
