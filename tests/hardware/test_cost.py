"""Counts of a network: closed forms, PyTorch's own counter, and liveness by brute force."""

import gc
import math
import weakref

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from fmq_explore.flow import MLP, UNet
from fmq_explore.flow.weights_only import WeightsOnly
from fmq_explore.hardware import Cost, Operation, network_cost
from fmq_explore.hardware.cost import _alive
from fmq_explore.hardware.graph import Graph, Step, record


class Velocity(nn.Module):
    """A module on x alone, dressed as a velocity."""

    def __init__(self, layer: nn.Module, *shape: int) -> None:
        super().__init__()
        self.layer, self.data_shape = layer, shape

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.layer(x)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_multiplies_its_window_at_every_place(groups: int, stride: int) -> None:
    layer = nn.Conv2d(4, 8, 3, stride=stride, padding=1, groups=groups)
    side = math.ceil(6 / stride)
    assert network_cost(Velocity(layer, 4, 6, 6)).macs == side**2 * 8 * (4 // groups) * 9


def test_a_transposed_convolution_multiplies_at_every_place_of_its_input() -> None:
    layer = nn.ConvTranspose2d(4, 6, 2, stride=2)
    assert network_cost(Velocity(layer, 4, 5, 5)).macs == 25 * 4 * 6 * 4


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_multiplies_its_matrix(bias: bool) -> None:
    assert network_cost(Velocity(nn.Linear(12, 7, bias=bias), 12)).macs == 12 * 7
    assert network_cost(Velocity(nn.Linear(12, 7, bias=bias), 5, 12)).macs == 5 * 12 * 7


class Attention(nn.Module):
    """Two heads of three channels over five tokens."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = x.reshape(1, 5, 2, 9).transpose(1, 2).chunk(3, dim=-1)
        return nn.functional.scaled_dot_product_attention(q, k, v)


def test_attention_multiplies_twice_and_its_matrix_is_in_memory() -> None:
    cost = network_cost(Velocity(Attention(), 5, 18))
    tokens, channels, heads = 5, 3, 2
    assert cost.macs == 2 * heads * tokens**2 * channels
    softmax = next(op for op in cost.operations if op.kind == "softmax")
    matrix = heads * tokens**2
    assert softmax.n_out == matrix
    assert softmax.n_live == tokens * 18 + 2 * matrix  # q, k and v, the products, the shares


NETWORKS = [
    UNet((1, 8, 8), n_classes=3, channels=8, embedding=16),
    UNet((3, 16, 16), channels=16, patch=1, embedding=16),
    MLP((2,), width=24, depth=2),
]


def inputs(network: nn.Module) -> list[Tensor]:
    label = [torch.zeros(1, dtype=torch.long)] if network.n_classes else []
    return [torch.zeros(1, *network.data_shape), torch.tensor(0.5), *label]


@pytest.mark.parametrize("network", NETWORKS)
def test_macs_agree_with_the_counter_of_pytorch(network: nn.Module) -> None:
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        network(*inputs(network))
    assert 2 * network_cost(network).macs == counter.get_total_flops()


def test_a_unet_of_torchcfm_is_counted() -> None:
    pytest.importorskip("torchcfm")
    from fmq_explore.flow.torchcfm_unet import TorchcfmUNet

    settings = {"model_channels": 32, "num_res_blocks": 1, "channel_mult": [1, 2]}
    network = TorchcfmUNet((1, 8, 8), 3, attention_resolutions=[2], **settings).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs(network))
    cost = network_cost(network)
    assert 2 * cost.macs == counter.get_total_flops()
    assert {name for op in cost.operations for name, _ in op.weights} >= {
        name for name, _ in network.named_parameters()
    }


class Skip(nn.Module):
    """a = W1 x; b = W2 a; b + a."""

    data_shape = (4,)

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        a = self.first(x)
        return self.second(a).reshape(1, 2, 4).flatten(1) + a


def test_a_skip_stays_alive() -> None:
    cost = network_cost(Skip())
    assert [op.kind for op in cost.operations] == ["addmm", "addmm", "add"]
    assert [op.name for op in cost.operations] == ["first", "second", ""]
    assert [op.n_live for op in cost.operations] == [4 + 8, 8 + 8, 8 + 8 + 8]
    assert cost.peak_bytes(8) == 24
    assert cost.peak_bytes(32) == 96
    assert cost.peak_bytes(8, batch=2) == 48


def test_decompressed_weights_lie_beside_the_tensors_of_their_operation() -> None:
    cost = network_cost(Skip())
    assert cost.peak_bytes(8, {"first.weight"}) == 4 + 8 + 32
    assert cost.peak_bytes(8, {"first.weight", "second.weight"}) == 8 + 8 + 64
    assert cost.peak_bytes(32, {"second.weight"}, decoded_bytes=4) == 4 * (8 + 8 + 64)
    assert cost.n_decoded({"first.weight", "second.weight"}) == 32 + 64


def test_of_a_table_only_rows_are_read() -> None:
    network = UNet((1, 8, 8), n_classes=3, channels=8, embedding=16)
    assert network_cost(network).n_decoded({"condition.classes.weight"}) == 16
    assert network_cost(network).n_decoded({"last.weight"}) == network.last.weight.numel()


def brute_force(graph: Graph) -> list[int]:
    """Walks through the operations and keeps what any later one, or the caller, will ask for."""
    held, alive = set(graph.inputs), []
    for i, step in enumerate(graph.steps):
        held |= set(step.creates)
        alive.append(sum(graph.sizes[key] for key in held))
        later = {key for after in graph.steps[i + 1 :] for key in after.reads}
        held &= later | graph.outputs
    return alive


def made_up(seed: int) -> Graph:
    """A random program: every operation reads some of what there is and creates one or two."""
    rng = np.random.default_rng(seed)
    graph = Graph(sizes={0: int(rng.integers(1, 9))}, inputs={0})
    for i in range(30):
        known = list(graph.sizes)
        first = [0] if i == 0 else []
        reads = {*first, *rng.choice(known, size=min(len(known), 3)).tolist()}
        creates = [len(known) + j for j in range(int(rng.integers(1, 3)))]
        graph.sizes |= {key: int(rng.integers(1, 100)) for key in creates}
        graph.steps.append(Step(Operation("", "made", 0, 0), tuple(reads), tuple(creates)))
    graph.outputs = {max(graph.sizes)}
    return graph


@pytest.mark.parametrize("seed", range(5))
def test_liveness_of_random_programs(seed: int) -> None:
    graph = made_up(seed)
    # what nobody reads is there while it is made, and no longer
    assert _alive(graph).tolist() == brute_force(graph)


@pytest.mark.parametrize("network", NETWORKS)
def test_liveness_of_networks(network: nn.Module) -> None:
    graph = record(network, *inputs(network))
    assert [op.n_live for op in network_cost(network).operations] == brute_force(graph)


def test_the_skip_of_the_fine_level_is_alive_at_the_bottom() -> None:
    network = UNet((1, 8, 8), channels=8, embedding=16)
    cost = network_cost(network)
    softmax = next(op for op in cost.operations if op.kind == "softmax")
    fine, coarse, tokens = 8 * 4 * 4, 16 * 2 * 2, 4
    held = fine + coarse + coarse + 3 * coarse  # both skips, the residual, and q, k, v
    assert softmax.n_live == held + 2 * 4 * tokens**2 + 16  # the matrices, and the condition


def test_recording_changes_nothing_and_leaves_nothing_behind() -> None:
    network = UNet((1, 8, 8), n_classes=3, channels=8, embedding=16)
    before = network(*inputs(network))
    first = network_cost(network)
    assert network_cost(network) is first
    assert torch.equal(before, network(*inputs(network)))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    alive = weakref.ref(network)
    del network
    gc.collect()
    assert alive() is None


def test_weights_alone_have_no_cost() -> None:
    with pytest.raises(ValueError, match="weights only"):
        network_cost(WeightsOnly({"a.weight": torch.ones(2, 3)}))


def test_output_bytes_follow_the_width() -> None:
    operation = Operation("", "add", 0, 100)
    assert (operation.output_bytes(), operation.output_bytes(32)) == (100, 400)
    assert Cost((operation,), 4).peak_bytes() == 0
