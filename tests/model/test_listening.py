"""What stands on an attached model: it changes nothing, survives all that is done to a model, and leaves nothing."""

from __future__ import annotations

import copy
import gc
import inspect
import io
import pickle
import threading

import numpy as np
import pytest
import torch
from accelerate import cpu_offload, disk_offload
from accelerate.hooks import remove_hook_from_submodules

import moe_viz
from tests.model.recompute import raw
from tests.tiny_families import tiny_family
from tests.tiny_models import tiny_model, token_ids

FAMILIES = ("mixtral", "deepseek_v3", "llama4", "jetmoe")


def pickled(model):
    return pickle.loads(pickle.dumps(model))


def saved(model):
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


def own_forwards(model):
    return {name: vars(module)["forward"] for name, module in model.named_modules() if "forward" in vars(module)}


def loss(model):
    row = torch.tensor([token_ids()])
    return model(row, labels=row).loss


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled, saved])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_copy_of_an_attached_model_is_a_model_of_its_own(name, copied):
    hf_model = tiny_family(name)
    with moe_viz.attach(hf_model) as model:
        twin = copied(hf_model)
        for module in twin.modules():
            forward = vars(module).get("forward")
            assert forward is None or (inspect.ismethod(forward) and forward.__self__ is module)
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter.mul_(0.5)
        again = moe_viz.attach(tiny_family(name)).trace(token_ids=token_ids())
        with moe_viz.attach(twin) as other:
            assert not np.array_equal(other.trace(token_ids=token_ids()).router_logits, again.router_logits)
        np.testing.assert_array_equal(model.trace(token_ids=token_ids()).router_logits, again.router_logits)
        loss(twin).backward()
        routers = [router.router for router in model.routers]
        assert all(parameter.grad is None for router in routers for parameter in router.parameters())
        twins = [twin.get_submodule(router.site.name) for router in model.routers]
        assert all(any(parameter.grad is not None for parameter in block.parameters()) for block in twins)
    assert own_forwards(hf_model) == {}


def test_a_copied_block_routes_by_its_own_weights():
    """As peft copies the modules that it saves whole."""
    hf_model = tiny_model("mixtral")
    with moe_viz.attach(hf_model):
        block = hf_model.model.layers[0].mlp
        twin = copy.deepcopy(block.gate)
        with torch.no_grad():
            twin.weight.zero_()
        assert (raw(twin(torch.ones(3, twin.weight.shape[1]))[0]) == 0).all()
        assert inspect.signature(block.experts.forward) == inspect.signature(type(block.experts).forward.__get__(block))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_attached_several_times_and_closed_in_any_order(order):
    hf_model = tiny_model("mixtral")
    models = [moe_viz.attach(hf_model) for _ in range(3)]
    expected = models[0].trace(token_ids=token_ids())
    for place, closed in enumerate(order):
        models[closed].close()
        for still in order[place + 1 :]:
            assert models[still].trace(token_ids=token_ids()).expert_ids.tobytes() == expected.expert_ids.tobytes()
    assert own_forwards(hf_model) == {}


def test_a_failed_pass_of_one_leaves_the_other_whole():
    hf_model = tiny_model("mixtral")
    first, second = moe_viz.attach(hf_model), moe_viz.attach(hf_model)
    expected = first.trace(token_ids=token_ids())
    attention = hf_model.model.layers[1].self_attn

    def fails(*_args, **_kwargs):
        raise RuntimeError("out of memory")

    attention.forward = fails
    with pytest.raises(RuntimeError, match="out of memory"):
        first.trace(token_ids=token_ids())
    del attention.forward
    for model in (first, second):
        assert model.trace(token_ids=token_ids()).expert_ids.tobytes() == expected.expert_ids.tobytes()
    first.close()
    second.close()
    assert own_forwards(hf_model) == {}


def test_a_model_that_nobody_holds_any_more_is_let_go():
    hf_model = tiny_model("mixtral")
    for _ in range(1000):
        model = moe_viz.attach(hf_model)
    assert len(model.trace(token_ids=token_ids())) == 17
    del model
    gc.collect()
    assert own_forwards(hf_model) == {}


def test_a_thousand_that_are_held_are_not_nested():
    hf_model = tiny_model("mixtral")
    routers = moe_viz.attach(hf_model).routers
    captures = [moe_viz.model.routers.capture.Capture(routers) for _ in range(1000)]
    for capture in captures:
        capture.install()
    with torch.inference_mode(), captures[500].recording() as readings:
        hf_model(torch.tensor([token_ids()]))
    assert [len(reading.ids) for reading in readings] == [1] * len(routers)
    for capture in captures:
        capture.remove()
    assert own_forwards(hf_model) == {}


def test_a_failure_in_one_thread_leaves_the_pass_of_another_whole():
    hf_model = tiny_model("mixtral")
    with moe_viz.attach(hf_model) as model:
        expected = model.trace(token_ids=token_ids())
        reading, failed = threading.Event(), threading.Event()

        def waits(*_):
            reading.set()
            failed.wait(10)

        handle = hf_model.model.layers[0].register_forward_pre_hook(waits)
        traces = []
        thread = threading.Thread(target=lambda: traces.append(model.trace(token_ids=token_ids())))
        thread.start()
        assert reading.wait(10)
        with pytest.raises(ZeroDivisionError), model._capture.recording():
            raise ZeroDivisionError
        failed.set()
        thread.join()
        handle.remove()
    assert traces[0].expert_ids.tobytes() == expected.expert_ids.tobytes()


def offloaded(hf_model, folder):
    disk_offload(hf_model, folder, execution_device=torch.device("cpu"))


def in_memory(hf_model, _folder):
    cpu_offload(hf_model, execution_device=torch.device("cpu"))


@pytest.mark.parametrize("hooked", [in_memory, offloaded])
def test_hooks_of_accelerate_come_and_go_around_the_listeners(hooked, tmp_path):
    hf_model = tiny_model("mixtral")
    model = moe_viz.attach(hf_model)
    expected = model.trace(token_ids=token_ids())

    def reads_the_same():
        assert model.trace(token_ids=token_ids()).expert_ids.tobytes() == expected.expert_ids.tobytes()

    hooked(hf_model, tmp_path)
    reads_the_same()
    second = moe_viz.attach(hf_model)  # set outside of the hooks
    remove_hook_from_submodules(hf_model)
    reads_the_same()
    np.testing.assert_array_equal(second.trace(token_ids=token_ids()).expert_ids, expected.expert_ids)
    second.close()
    hooked(hf_model, tmp_path)
    model.close()  # with the hooks around it
    remove_hook_from_submodules(hf_model)
    for name, forward in own_forwards(hf_model).items():
        assert inspect.ismethod(forward), name  # as accelerate leaves it

    hooked(hf_model, tmp_path)
    model = moe_viz.attach(hf_model)
    reads_the_same()
    remove_hook_from_submodules(hf_model)
    reads_the_same()
    model.close()
    for name, forward in own_forwards(hf_model).items():
        assert inspect.ismethod(forward), name
    assert model.hf_model(torch.tensor([token_ids()])).logits.isfinite().all()


def test_a_function_of_others_around_a_listener_is_read_within():
    """It may change what the experts receive."""
    hf_model = tiny_model("mixtral")
    with moe_viz.attach(hf_model) as model:
        plain = model.trace(token_ids=token_ids())
        experts = hf_model.model.layers[1].mlp.experts
        within = experts.forward
        experts.forward = lambda hidden, ids, weights: within(hidden, 7 - ids, weights)
        changed = model.trace(token_ids=token_ids())
    np.testing.assert_array_equal(changed.expert_ids[1], 7 - plain.expert_ids[1])
