"""The U-Nets of torchcfm: their configuration is read from names and shapes."""

import importlib.util
import json

import pytest
import torch

import fmq_explore as fmq
from fmq_explore.flow.torchcfm_unet import TorchcfmUNet
from fmq_explore.flow.weights_only import WeightsOnly
from fmq_explore.foreign.torchcfm import find_unet, infer_unet

needs_torchcfm = pytest.mark.skipif(
    importlib.util.find_spec("torchcfm") is None,
    reason="torchcfm is not installed: pip install --no-deps torchcfm",
)

CASES = {
    "mnist": {"dim": (1, 28, 28), "num_res_blocks": 1, "num_classes": 10, "class_cond": True},
    "cifar": {
        "dim": (3, 32, 32),
        "num_res_blocks": 2,
        "channel_mult": [1, 2, 2, 2],
        "num_heads": 4,
        "num_head_channels": 16,
        "attention_resolutions": "16",
    },
    "no attention but in the middle": {
        "dim": (3, 16, 16),
        "num_res_blocks": 1,
        "channel_mult": [1, 3],
        "attention_resolutions": "1",
    },
    "attention everywhere": {
        "dim": (1, 16, 16),
        "num_res_blocks": 2,
        "channel_mult": [1, 2],
        "num_heads": 2,
        "attention_resolutions": "16,8",
    },
    "residual up and down": {
        "dim": (3, 8, 8),
        "num_res_blocks": 2,
        "channel_mult": [1, 2],
        "resblock_updown": True,
        "use_scale_shift_norm": True,
        "use_new_attention_order": True,
        "num_heads": 4,
    },
    "one level": {"dim": (1, 8, 8), "num_res_blocks": 2, "channel_mult": [2]},
    "half as many channels": {
        "dim": (1, 16, 16),
        "num_res_blocks": 1,
        "channel_mult": [0.5, 1],
        "num_channels": 64,
    },
}


def build(options: dict) -> torch.nn.Module:
    """Builds a network of the package; no tensor of it is zero, so that every one counts."""
    from torchcfm.models.unet import UNetModel

    torch.manual_seed(0)
    net = UNetModel(**{"num_channels": 32} | options).eval()
    for parameter in net.parameters():
        parameter.data.normal_(0, 0.1)
    return net


def untold(options: dict) -> dict:
    names = ("dim", "num_heads", "num_head_channels", "use_new_attention_order")
    return {name: options[name] for name in names if name in options}


@needs_torchcfm
@pytest.mark.parametrize("case", CASES)
def test_the_network_is_built_again_and_computes_the_same(tmp_path, case):
    options = CASES[case]
    net = build(options)
    torch.save(net.state_dict(), tmp_path / "unet.pt")
    model = fmq.load_model(tmp_path / "unet.pt", untold(options))
    assert isinstance(model, TorchcfmUNet)
    assert model.data_shape == options["dim"]
    assert model.n_parameters == sum(p.numel() for p in net.parameters())
    x, t = torch.randn(2, *options["dim"]), torch.tensor([0.5, 0.9])
    label = torch.tensor([0, 9]) if model.n_classes else None
    with torch.no_grad():
        assert torch.equal(model(x, t, label), net(t, x, label))
        torch.testing.assert_close(
            model(x[:1], 0.5, None if label is None else 0), model(x, t, label)[:1]
        )


@needs_torchcfm
def test_all_of_the_base_class_is_read():
    from torchcfm.models.unet.unet import UNetModel

    for kind in ({"conv_resample": False}, {"conv_resample": False, "resblock_updown": True}):
        net = UNetModel(16, 1, 32, 1, 2, (2,), channel_mult=(1, 2, 2), **kind)
        shapes = {name: tuple(t.shape) for name, t in net.state_dict().items()}
        config, _ = infer_unet(shapes, {"dim": (1, 16, 16)})
        config.pop("architecture")
        TorchcfmUNet(**config).unet.load_state_dict(net.state_dict())


@needs_torchcfm
def test_a_training_checkpoint_gives_the_average_with_what_was_assumed(tmp_path):
    net = build(CASES["mnist"])
    state = net.state_dict()
    average = {f"module.{name}": 0.5 * tensor for name, tensor in state.items()}
    table = {"net_model": state, "ema_model": average, "optim": {"state": {}}, "step": 4}
    torch.save(table, tmp_path / "mnist.pt")
    model = fmq.load_model(tmp_path / "mnist.pt")
    assert torch.equal(model.state_dict()["unet.out.2.weight"], 0.5 * state["out.2.weight"])
    assert "ema_model" in model.note
    assert "28 × 28 and one attention head; mnist.json" in model.note
    assert model.card.class_names == tuple("0123456789")


@needs_torchcfm
def test_it_samples_is_quantized_and_comes_back_from_its_file(tmp_path):
    torch.save(build(CASES["mnist"]).state_dict(), tmp_path / "unet.pt")
    model = fmq.load_model(tmp_path / "unet.pt")
    flow = fmq.sample(model, n=2, steps=1, label=torch.tensor([3, 7]))
    assert flow.samples.shape == (2, 1, 28, 28)
    assert flow.samples.isfinite().all()
    qm = fmq.quantize_model(model, bits=4)
    assert "unet.out.0.weight" in {line.name for line in qm.report() if line.kept}
    qm.save(tmp_path / "packed.safetensors")
    again = fmq.load_quantized(tmp_path / "packed.safetensors")
    x = torch.randn(2, 1, 28, 28)
    with torch.no_grad():
        assert torch.equal(again.model(x, 0.5, 1), qm.model(x, 0.5, 1))


@needs_torchcfm
def test_without_a_class_it_says_what_it_needs(tmp_path):
    torch.save(build(CASES["mnist"]).state_dict(), tmp_path / "unet.pt")
    model = fmq.load_model(tmp_path / "unet.pt")
    for asked in ({}, {"label": 1, "guidance": 2.0}):
        with pytest.raises(ValueError, match=r"give a label from 0 to 9, and guidance 1"):
            fmq.sample(model, n=1, steps=1, **asked)


@needs_torchcfm
def test_a_json_beside_the_file_tells_the_rest(tmp_path):
    options = CASES["cifar"]
    net = build(options)
    torch.save(net.state_dict(), tmp_path / "unet.pt")
    (tmp_path / "unet.json").write_text(json.dumps({"torchcfm": {"num_channels": 32, **options}}))
    model = fmq.load_model(tmp_path / "unet.pt")
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(x, 0.3), net(torch.tensor([0.3]), x))
    assert model.note == ""
    for wrong, words in (
        ({"num_heads": 5}, "does not divide the 64 channels"),
        ({"dim": [1, 32, 32]}, r"use \[3, height, width\]"),
        ({"dim": [3, 30, 30]}, "divisible by 8"),
        ({"heads": 4}, "'heads' is no option"),
    ):
        with pytest.raises(ValueError, match=words):
            fmq.load_model(tmp_path / "unet.pt", wrong)


@needs_torchcfm
def test_a_relative_of_the_network_opens_as_weights(tmp_path):
    torch.save(build(CASES["one level"] | {"learn_sigma": True}).state_dict(), tmp_path / "two.pt")
    model = fmq.load_model(tmp_path / "two.pt")
    assert isinstance(model, WeightsOnly)
    with pytest.raises(ValueError, match=r"cannot be sampled, although .* 1 channels into 2"):
        fmq.sample(model)
    state = build(CASES["one level"]).state_dict()
    state["middle_block.0.in_layers.2.weight"] = torch.ones(64, 64, 5, 5)
    torch.save(state, tmp_path / "other.pt")
    assert "its shapes are not" in fmq.load_model(tmp_path / "other.pt").reason


def invented() -> dict[str, torch.Tensor]:
    """Names and shapes of a small U-Net of the package, written by hand."""
    state = {
        "time_embed.0.weight": torch.randn(32, 8),
        "input_blocks.0.0.weight": torch.randn(8, 1, 3, 3),
        "middle_block.0.emb_layers.1.weight": torch.randn(8, 32),
        "middle_block.1.qkv.weight": torch.randn(24, 8, 1),
        "out.2.weight": torch.randn(1, 8, 3, 3),
        "input_blocks.1.0.in_layers.2.weight": torch.randn(8, 8, 3, 3),
    }
    return state | {
        f"output_blocks.{i}.0.in_layers.2.weight": torch.randn(8, 16, 3, 3) for i in (0, 1)
    }


def test_without_the_package_it_opens_as_weights_and_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(TorchcfmUNet, "is_available", staticmethod(lambda: False))
    torch.save(invented(), tmp_path / "unet.pt")
    model = fmq.load_model(tmp_path / "unet.pt")
    assert isinstance(model, WeightsOnly)
    with pytest.raises(ValueError, match="pip install --no-deps torchcfm"):
        fmq.sample(model)


def test_the_shapes_alone_tell_the_configuration():
    shapes = {name: tuple(tensor.shape) for name, tensor in invented().items()}
    assert find_unet(shapes) == ""
    assert find_unet({f"net.{name}": None for name in shapes}) == "net."
    both = {f"{prefix}.{name}": None for prefix in ("a", "b_ema") for name in shapes}
    assert find_unet(both) == "b_ema."
    config, assumed = infer_unet(shapes, {})
    assert (config["num_res_blocks"], config["channel_mult"]) == (1, [1])
    assert (config["model_channels"], config["data_shape"]) == (8, [1, 32, 32])
    assert assumed == "images of 32 × 32 and one attention head"


def test_the_published_cifar_recipe_gets_its_heads():
    shapes = {name: tuple(tensor.shape) for name, tensor in invented().items()}
    _, note = infer_unet(shapes, {"num_heads": 2})
    assert note == "images of 32 × 32"
    from fmq_explore.foreign.torchcfm import _heads

    assert _heads(128, (1, 2, 2, 2), 3, {})[0] == {"num_head_channels": 64}
    assert _heads(128, (1, 2, 2, 2), 1, {})[0] == {}
