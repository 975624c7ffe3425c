"""The networks: shapes, conditions, configuration, size."""

import pytest
import torch

from fmq_explore.flow import MLP, UNet, build_network


def shaken(model):
    """Undoes the zero initialisation, so that everything has an effect."""
    torch.manual_seed(0)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    return model.eval()


MODELS = [
    lambda n_classes=None: MLP((2,), n_classes, width=16),
    lambda n_classes=None: UNet((1, 8, 8), n_classes, channels=8, patch=1, embedding=16),
    lambda n_classes=None: UNet((3, 16, 8), n_classes, channels=8, patch=2, embedding=16),
]


@pytest.mark.parametrize("make", MODELS)
def test_the_velocity_has_the_shape_of_the_state(make):
    model = make()
    x = torch.randn(5, *model.data_shape)
    assert model(x, 0.5).shape == x.shape
    assert model(x, torch.rand(5)).is_contiguous()


@pytest.mark.parametrize("make", MODELS)
def test_samples_do_not_see_one_another(make):
    model = shaken(make(4))
    x, t = torch.randn(6, *model.data_shape), torch.rand(6)
    label = torch.tensor([0, 1, 2, 3, 4, 0])
    whole = model(x, t, label)
    for i in range(6):
        assert torch.allclose(model(x[i : i + 1], t[i], label[i]), whole[i : i + 1], atol=1e-5)


@pytest.mark.parametrize("make", MODELS)
def test_time_and_class_matter_and_no_class_is_the_null_class(make):
    model = shaken(make(4))
    x = torch.randn(3, *model.data_shape)
    assert not torch.allclose(model(x, 0.2), model(x, 0.8), atol=1e-4)
    assert not torch.allclose(model(x, 0.2, 0), model(x, 0.2, 1), atol=1e-4)
    assert torch.equal(model(x, 0.2), model(x, 0.2, 4))
    assert torch.allclose(model(x, 0.2, 2), model(x, 0.2, torch.full((3,), 2)), atol=1e-5)


@pytest.mark.parametrize("make", MODELS)
def test_a_network_is_rebuilt_from_its_configuration(make):
    model = shaken(make(4))
    twin = build_network(model.config())
    twin.load_state_dict(model.state_dict())
    x = torch.randn(3, *model.data_shape)
    assert torch.equal(twin.eval()(x, 0.3, 1), model(x, 0.3, 1))
    assert twin.config() == model.config()


def test_the_reference_network_has_half_a_million_weights():
    assert 470_000 < UNet((1, 28, 28), 10).n_parameters < 500_000


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architecture": "resnet"}, "unknown architecture 'resnet': choose one of mlp, torchcfm"),
        ({}, "unknown architecture None"),
        ({"architecture": "mlp", "data_shape": [2], "size": 3}, "do not describe a mlp network"),
        ({"architecture": "mlp"}, "do not describe a mlp network"),
        ({"architecture": "mlp", "data_shape": [1, 8, 8]}, "use a U-Net"),
        ({"architecture": "unet", "data_shape": [1, 9, 8]}, "h and w divisible by 4"),
        ({"architecture": "unet", "data_shape": [2]}, r"must be \(c, h, w\)"),
        ({"architecture": "mlp", "data_shape": [0]}, "must be positive"),
    ],
)
def test_a_bad_configuration_is_one_sentence(config, message):
    with pytest.raises(ValueError, match=message):
        build_network(config)
